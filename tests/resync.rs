//! A client that comes back to a large folder is told what changed, in few octets and without a question to Exchange.

use std::time::Duration;

use exgate_tests::{Answer, Imap, Options, Site, eventually, letter};

/// `RESYNC_MESSAGES=100000` for the measure of the ground rules.
fn messages() -> u32 {
    std::env::var("RESYNC_MESSAGES").ok().and_then(|number| number.parse().ok()).unwrap_or(3_000)
}

#[tokio::test]
async fn ten_changes_take_few_octets_and_no_call() {
    let simulator = Options::preset(&format!("large:{}", messages())).start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let mut first = gateway.login().await;
    first.ok("ENABLE QRESYNC").await;
    let selected = first.ok("SELECT INBOX").await;
    assert_eq!(selected.number("EXISTS"), Some(messages()));
    let fetched = first.ok("UID FETCH 1:* (FLAGS)").await;
    let validity = code(&[&selected], "UIDVALIDITY");
    let highest = code(&[&selected, &fetched], "HIGHESTMODSEQ");
    first.ok("LOGOUT").await;

    let mut other = gateway.login().await;
    other.ok("SELECT INBOX").await;
    other.ok("STORE 7,70,700 +FLAGS.SILENT (\\Flagged)").await;
    other.ok("STORE 11:14 +FLAGS.SILENT (\\Deleted)").await;
    other.ok("EXPUNGE").await;
    for name in ["one", "two", "three"] {
        other.append("INBOX", "", &letter(name)).await;
    }
    other.ok("CHECK").await;

    // What Exchange tells of our own changes is looked at a while later, so a call may not be the client's.
    let select = format!("SELECT INBOX (QRESYNC ({validity} {highest}))");
    let (mut again, answer) = eventually("SELECT asks Exchange nothing", Duration::from_secs(60), || async {
        let mut imap = gateway.login().await;
        imap.ok("ENABLE QRESYNC").await;
        simulator.settle().await;
        let before = simulator.stats().await.except(BACKGROUND);
        let answer = imap.ok(&select).await;
        let calls = simulator.stats().await.except(BACKGROUND) - before;
        (calls == 0).then_some((imap, answer))
    })
    .await;
    let octets: usize = answer.untagged.iter().map(|response| response.0.len() + 2).sum();
    println!("{} messages: {octets} octets", messages());
    assert!(octets <= 4096, "{octets} octets: {:?}", answer.lines());
    assert_eq!(answer.number("EXISTS"), Some(messages() - 1));
    let changed: Vec<u32> = answer.fetches().map(|fetch| fetch.uid()).collect();
    assert_eq!(changed.len(), 6, "{changed:?}");
    assert!(answer.lines().iter().any(|line| line.starts_with("* VANISHED (EARLIER) ")), "{:?}", answer.lines());
    assert!(code(&[&answer], "HIGHESTMODSEQ").parse::<u64>().unwrap() > highest.parse::<u64>().unwrap());

    status_has_the_size(&mut again).await;
}

/// RFC 8438 section 2: SIZE is not below the sum of RFC822.SIZE, before and after messages were read.
async fn status_has_the_size(imap: &mut Imap) {
    for _ in 0..2 {
        let sum: u64 = imap.ok("FETCH 1:* (RFC822.SIZE)").await.fetches().map(|fetch| fetch.size()).sum();
        let status = imap.ok("STATUS INBOX (SIZE)").await;
        let line = status.lines().into_iter().find(|line| line.starts_with("* STATUS")).unwrap();
        let size: u64 = line.rsplit_once("SIZE ").unwrap().1.trim_end_matches(')').parse().unwrap();
        assert!(size >= sum, "SIZE {size} is below {sum}");
        imap.ok("FETCH 1:5 (BODY.PEEK[])").await;
    }
}

/// What the last untagged OK that says so says in brackets. A folder that is still being listed when it is opened has its
/// HIGHESTMODSEQ told once more when that is over.
fn code(answers: &[&Answer], name: &str) -> String {
    let lines: Vec<String> = answers.iter().flat_map(|answer| answer.lines()).collect();
    let found = lines.iter().rev().find_map(|line| line.split_once(&format!("[{name} ")));
    found.and_then(|(_, rest)| rest.split_once(']')).unwrap_or_else(|| panic!("no {name} in {lines:?}")).0.to_owned()
}

/// What the gateway may do by itself at any moment.
const BACKGROUND: &[&str] = &["GetStreamingEvents", "Subscribe"];
