//! How much memory the gateway takes. Meant for a release build: `cargo test --release -p exgate-tests -- --ignored`.

use std::time::{Duration, Instant};

use exgate_tests::{Dav, Gateway, Imap, Options, PASSWORD, Simulator, Site, Smtp, big, eventually, letter};

const MIB: u64 = 1 << 20;
/// `dirty_decay_ms` of `.cargo/config.toml`.
const GIVEN_BACK_AFTER: Duration = Duration::from_secs(1);

#[tokio::test]
#[ignore = "a measurement, for release builds"]
async fn an_index_takes_at_most_64_bytes_a_message() {
    // What the work of indexing takes once, such as the caches of the map, any folder of some thousands has taken. How
    // much of what was freed the allocator keeps differs from run to run: the middle of three is told.
    let mut measured = Vec::new();
    for _ in 0..3 {
        let small = indexed(10_000).await;
        let large = indexed(100_000).await;
        let each = large.saturating_sub(small) / 90_000;
        println!("resident: {small} bytes with 10,000 messages, {large} with 100,000: {each} bytes a message");
        measured.push(each);
    }
    measured.sort_unstable();
    assert!(measured[1] <= 64, "{measured:?} bytes resident for each message");
}

/// What is resident after a folder has been indexed, opened, and asked for all its flags.
async fn indexed(messages: u32) -> u64 {
    let simulator = Options::preset(&format!("large:{messages}")).unrecorded().start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    assert_eq!(imap.select("INBOX").await.exists, messages);
    imap.ok("STATUS INBOX (MESSAGES UNSEEN)").await;
    simulator.settle().await;
    let resident = at_rest(&gateway).await;
    println!("{messages} messages: {resident} bytes resident, {} at most", gateway.program.peak());
    assert_eq!(imap.ok("UID FETCH 1:* (FLAGS)").await.fetches().count(), usize::try_from(messages).unwrap());
    resident
}

/// What is resident when what was freed has been given back. The allocator does that in its own time, and tells nobody.
async fn at_rest(gateway: &Gateway) -> u64 {
    let (mut least, mut since) = (u64::MAX, Instant::now());
    while since.elapsed() < 3 * GIVEN_BACK_AFTER {
        let now = gateway.program.resident_data();
        if now < least {
            (least, since) = (now, Instant::now());
        }
        tokio::time::sleep(GIVEN_BACK_AFTER / 10).await;
    }
    least
}

/// Mail, calendars and contacts of ten people, one after the other, who stay signed in; from nothing known.
#[tokio::test]
#[ignore = "a measurement, for release builds"]
async fn data_of_ten_people_takes_at_most_64_mib() {
    let people: Vec<String> = (0..10).map(|number| format!("person{number}@demo.test")).collect();
    let options = people.iter().fold(Options::preset("demo"), |options, person| options.user(person));
    let simulator = options.unrecorded().start().await;
    for person in &people {
        for number in 0..3 {
            simulator.deliver_to(person, "inbox", &big(&format!("{number}-{person}"), 4_000_000)).await;
        }
    }
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    gateway.program.forget_use();
    let work = async {
        let mut open = Vec::new();
        for person in &people {
            open.push(morning(&gateway, person).await);
        }
        open
    };
    let (open, data) = most_data(&gateway, work).await;
    let mib = |bytes: u64| bytes as f64 / MIB as f64;
    let (people, used) = (open.len(), mib(gateway.program.used_program()));
    println!(
        "{people} people: {:.1} MiB of data at most, and {used:.1} MiB used of the program's own pages",
        mib(data)
    );
    assert!(data <= 64 * MIB, "{data} bytes of data were resident");
}

/// The most data that was resident while something is done.
async fn most_data<T>(gateway: &Gateway, work: impl Future<Output = T>) -> (T, u64) {
    let mut often = tokio::time::interval(Duration::from_millis(10));
    let (mut work, mut most) = (std::pin::pin!(work), 0);
    loop {
        tokio::select! {
            done = &mut work => return (done, most.max(gateway.program.resident_data())),
            _ = often.tick() => most = most.max(gateway.program.resident_data()),
        }
    }
}

/// What somebody's programs do when they are started, and some work. The IMAP connection stays open.
async fn morning(gateway: &Gateway, user: &str) -> Imap {
    let mut imap = gateway.connect().await;
    imap.ok(&format!("LOGIN {user} {PASSWORD}")).await;
    imap.ok("LIST \"\" * RETURN (STATUS (MESSAGES UNSEEN))").await;
    imap.select("INBOX").await;
    imap.ok("FETCH 1:* (UID FLAGS ENVELOPE BODYSTRUCTURE RFC822.SIZE)").await;
    let bodies = imap.ok("FETCH 1:* (BODY.PEEK[])").await;
    let sizes: Vec<usize> = bodies.fetches().map(|fetch| fetch.bytes("BODY[]").len()).collect();
    assert!(sizes.iter().filter(|size| **size >= 4_000_000).count() == 3, "{sizes:?}");
    imap.append("INBOX", "\\Seen", &big(&format!("appended-{user}"), 4_000_000)).await;
    imap.ok("UID SEARCH TEXT meeting").await;

    let mut smtp = Smtp::sign_in_as(gateway.submission, user).await.unwrap();
    let text = String::from_utf8(big(&format!("sent-{user}"), 4_000_000)).unwrap();
    let message = text.replacen("From: bob@demo.test", &format!("From: {user}"), 1);
    let refused = smtp.hand_over(&format!("<{user}>"), message.as_bytes(), &["alice@demo.test"]).await.unwrap();
    assert!(refused.is_none(), "{refused:?}");
    assert_eq!(smtp.read().await.unwrap().code, 250);

    let dav = Dav::of(gateway.http, user, PASSWORD);
    for collection in [format!("/dav/calendars/{user}/calendar/"), format!("/dav/addressbooks/{user}/contacts/")] {
        let hrefs: Vec<String> = dav.list(&collection).await.into_iter().map(|object| object.href).collect();
        assert!(!hrefs.is_empty(), "{collection}");
        assert_eq!(dav.multiget(&collection, &hrefs).await.len(), hrefs.len());
    }
    imap
}

#[tokio::test]
#[ignore = "a measurement, for release builds"]
async fn a_message_of_100_mb_takes_at_most_32_mib_more() {
    const SIZE: usize = 100_000_000;
    let simulator = Options::preset("empty").unrecorded().start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    // What any first message takes does not count.
    imap.append("INBOX", "", &letter("small")).await;
    imap.select("INBOX").await;
    imap.ok("FETCH 1:* (BODY.PEEK[])").await;
    simulator.settle().await;

    let message = big("100-mb", SIZE);
    let before = gateway.program.resident();
    gateway.program.forget_peak();
    let uid = imap.append("INBOX", "", &message).await;
    taken(&gateway, before, "appending", 32);

    imap.select("INBOX").await;
    let (size, sum) = fetch(&simulator, &gateway, &mut imap, uid, before).await;
    assert!(size >= SIZE, "{size} bytes came back");
    assert_eq!(sum, checksum(attachment(&message)), "the attachment changed on the way");
}

/// Handed over, given to Exchange, kept while Exchange is away, and sent from disk.
#[tokio::test]
#[ignore = "a measurement, for release builds"]
async fn sending_100_mb_takes_at_most_16_mib_more() {
    let simulator = Options::preset("empty").user("bob@demo.test").unrecorded().start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let mut smtp = Smtp::sign_in(gateway.submission).await.unwrap();
    let to = ["bob@demo.test"];
    // What any first message takes does not count.
    let small = own(&letter("small"));
    assert_eq!(smtp.send("", &small, &to).await.unwrap().code, 250);
    simulator.settle().await;
    let mut once = async |key: &str, what: &str| {
        let message = own(&big(key, 100_000_000));
        let before = gateway.program.resident();
        gateway.program.forget_peak();
        let reply = smtp.send("", &message, &to).await.unwrap();
        assert_eq!(reply.code, 250, "{}", reply.text);
        taken(&gateway, before, what, 16);
        reply.text
    };
    assert!(once("sent", "sending").await.contains("Sent as"));
    simulator
        .fault(serde_json::json!({"what": "busy", "operation": "CreateItem", "back_off": 500, "times": "forever"}))
        .await;
    assert!(once("kept", "keeping").await.contains("Kept as"));
    let before = gateway.program.resident();
    gateway.program.forget_peak();
    simulator.clear_faults().await;
    eventually("it is sent from disk", std::time::Duration::from_secs(300), async || {
        let counts = simulator.get("/deliveries/counts").await;
        counts.get("<kept@big.test>").is_some().then_some(())
    })
    .await;
    taken(&gateway, before, "sending from disk", 16);
}

/// In alice's name.
fn own(message: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(message.to_vec()).unwrap();
    let (from, rest) = text.split_once("\r\n").unwrap();
    assert!(from.starts_with("From:"));
    format!("From: alice@demo.test\r\n{rest}").into_bytes()
}

/// Fetches the message, with an empty cache and then from it; gives its size and the sum of its attachment.
async fn fetch(simulator: &Simulator, gateway: &Gateway, imap: &mut Imap, uid: u32, before: u64) -> (usize, u64) {
    let mut found = None;
    for time in ["fetching", "fetching again"] {
        gateway.program.forget_peak();
        let answer = imap.ok(&format!("UID FETCH {uid} (BODY.PEEK[])")).await;
        taken(gateway, before, time, 32);
        let fetch = answer.fetches().next().expect("the message is there");
        let body = fetch.bytes("BODY[]");
        let now = (body.len(), checksum(attachment(body)));
        assert!(found.is_none_or(|first| first == now), "another message the second time");
        found = Some(now);
    }
    gateway.program.forget_peak();
    imap.ok(&format!(
        "UID FETCH {uid} (BODYSTRUCTURE ENVELOPE RFC822.SIZE BODY.PEEK[1] BODY.PEEK[2.MIME] BODY.PEEK[]<50000000.1000>)"
    ))
    .await;
    taken(gateway, before, "reading the structure", 32);
    gateway.program.forget_peak();
    let decoded = imap.ok(&format!("UID FETCH {uid} (BINARY.PEEK[2])")).await;
    taken(gateway, before, "decoding", 32);
    assert!(decoded.untagged[0].0.len() > 70_000_000, "the attachment is not all there");
    simulator.settle().await;
    found.expect("it was fetched")
}

/// Asserts that it took at most so many MiB more.
fn taken(gateway: &Gateway, before: u64, what: &str, most: u64) {
    let extra = gateway.program.peak().saturating_sub(before);
    println!(
        "{what} 100 MB took {:.1} MiB more than the {:.1} MiB before",
        extra as f64 / MIB as f64,
        before as f64 / MIB as f64
    );
    assert!(extra <= most * MIB, "{what} 100 MB took {extra} bytes more");
}

/// The base64 of the attachment without line ends: the only part that no rendering may change.
fn attachment(message: &[u8]) -> impl Iterator<Item = u8> {
    let sign = b"filename=";
    let start = message.windows(sign.len()).position(|bytes| bytes == sign).expect("there is an attachment");
    let rest = &message[start..];
    let start = rest.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("its header ends") + 4;
    rest[start..].iter().copied().take_while(|byte| *byte != b'-').filter(|byte| !matches!(byte, b'\r' | b'\n'))
}

fn checksum(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}
