//! Which message is which: moves, copies, shared and missing Message-IDs, drafts that change, and headers that agree
//! with the message they belong to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use exgate_tests::{
    Gateway, Imap, Options, Simulator, Site, USER, Value, big, corpus, eventually, header_of, letter, letter_from,
};

#[tokio::test]
async fn a_move_through_the_gateway_fetches_nothing_again() {
    let (simulator, site) = start().await;
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    imap.ok("CREATE Other").await;
    simulator.deliver("inbox", &large("moved")).await;
    simulator.deliver("inbox", &letter("stays")).await;
    let (uid, body) = body_of(&mut imap, "INBOX", "moved").await;
    let id = email_id(&mut imap, uid).await;
    simulator.settle().await;
    simulator.reset().await;

    let answer = imap.ok(&format!("UID MOVE {uid} Other")).await;
    let gone = answer.untagged.iter().filter(|response| response.number("EXPUNGE").is_some()).count();
    assert_eq!(gone, 1, "exactly one message leaves: {:?}", answer.untagged);
    let copied = answer
        .lines()
        .into_iter()
        .chain([answer.text])
        .find_map(|line| Some(line.split_once("[COPYUID ")?.1.to_owned()));
    let copied = copied.expect("MOVE tells the new UID (RFC 6851)");
    let new: u32 = copied.split([' ', ']']).nth(2).unwrap().parse().unwrap();
    assert_eq!(body_of(&mut imap, "Other", "moved").await, (new, body));
    assert_eq!(email_id(&mut imap, new).await, id, "the EMAILID did not survive the move");
    no_body_came(&simulator).await;
}

#[tokio::test]
async fn a_move_on_the_server_is_one_gone_and_one_new_and_fetches_nothing_again() {
    let (simulator, site) = start().await;
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    imap.ok("CREATE Other").await;
    for message in [letter("stays"), large("moved"), letter("stays-too")] {
        simulator.deliver("inbox", &message).await;
    }
    let (uid, body) = body_of(&mut imap, "INBOX", "moved").await;
    let id = email_id(&mut imap, uid).await;
    let before = imap.message_ids().await;
    assert_eq!(imap.select("Other").await.exists, 0);

    // Another gateway with a map of its own is as good as Outlook.
    let elsewhere = Site::new(&simulator);
    let outlook = elsewhere.start().await;
    let mut other = outlook.login().await;
    let (theirs, _) = body_of(&mut other, "INBOX", "moved").await;
    imap.select("INBOX").await;
    simulator.settle().await;
    simulator.reset().await;
    other.ok(&format!("UID MOVE {theirs} Other")).await;

    let mut expunged = Vec::new();
    while expunged.is_empty() {
        expunged.extend(imap.ok("NOOP").await.untagged.iter().filter_map(|response| response.number("EXPUNGE")));
    }
    assert_eq!(expunged, [2], "the second message left, and no other");
    let mut after = before.clone();
    after.remove(&uid);
    assert_eq!(imap.message_ids().await, after);
    let found =
        eventually("the message in its new folder", Duration::from_secs(20), || at_most_one(&gateway, "Other")).await;
    assert_eq!(found.1, "<moved@letters.test>");
    assert_eq!(body_of(&mut imap, "Other", "moved").await, (found.0, body));
    assert_eq!(email_id(&mut imap, found.0).await, id, "the EMAILID did not survive the move");
    no_body_came(&simulator).await;
}

/// The only message of a folder.
async fn at_most_one(gateway: &Gateway, folder: &str) -> Option<(u32, String)> {
    let mut imap = gateway.login().await;
    imap.select(folder).await;
    let all = imap.message_ids().await;
    assert!(all.len() <= 1, "more than one arrived: {all:?}");
    all.into_iter().next()
}

#[tokio::test]
async fn copies_share_their_content_and_nothing_else_does() {
    let (simulator, site) = start().await;
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    imap.ok("CREATE Other").await;
    // The same Message-ID: three copies of one message, a copy that came by a list, a forgery of the same length.
    let direct = letter_from("<same@letters.test>", "Same", "The direct copy.\r\n");
    let list = letter_from("<same@letters.test>", "[list] Same", "The direct copy.\r\n-- \r\nThe list.\r\n");
    let forged = letter_from("<same@letters.test>", "Same", "The forged copy.\r\n");
    assert_eq!(direct.len(), forged.len());
    for message in [&direct, &list, &forged] {
        simulator.deliver("inbox", message).await;
    }
    wait_for(&mut imap, "INBOX", 3).await;
    let first = uid_with(&mut imap, "The direct copy.", "NOT SUBJECT list").await;
    imap.ok(&format!("UID COPY {first} INBOX")).await;
    imap.ok(&format!("UID COPY {first} Other")).await;
    wait_for(&mut imap, "INBOX", 4).await;

    let mut bodies = BTreeMap::<String, u32>::new();
    let mut ids = BTreeMap::<String, BTreeSet<String>>::new();
    for folder in ["INBOX", "Other"] {
        imap.select(folder).await;
        let email_ids = imap.all("EMAILID").await;
        for (uid, text) in imap.all("BODY.PEEK[TEXT]").await {
            let text = String::from_utf8_lossy(text.bytes()).into_owned();
            *bodies.entry(text.clone()).or_default() += 1;
            ids.entry(email_ids[&uid].text()).or_default().insert(text);
        }
    }
    assert!(ids.values().all(|texts| texts.len() == 1), "one EMAILID for different contents: {ids:?}");
    assert_eq!(ids.len(), 3, "three copies share one EMAILID, the two others have their own: {ids:?}");
    let count = |part: &str| bodies.iter().filter(|(text, _)| text.contains(part)).map(|(_, count)| count).sum::<u32>();
    assert_eq!((count("The direct copy."), count("The list."), count("The forged copy.")), (4, 1, 1), "{bodies:?}");
}

#[tokio::test]
async fn a_copy_is_not_fetched_again() {
    let (simulator, site) = start().await;
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    imap.ok("CREATE Other").await;
    simulator.deliver("inbox", &large("copied")).await;
    let (uid, body) = body_of(&mut imap, "INBOX", "copied").await;
    simulator.settle().await;
    simulator.reset().await;
    imap.ok(&format!("UID COPY {uid} Other")).await;
    let (copy, same) = body_of(&mut imap, "Other", "copied").await;
    assert_eq!(same, body);
    let id = email_id(&mut imap, copy).await;
    imap.select("INBOX").await;
    assert_eq!(email_id(&mut imap, uid).await, id, "a copy has another EMAILID");
    no_body_came(&simulator).await;
}

#[tokio::test]
async fn a_draft_edited_on_the_server_gets_another_uid() {
    let (simulator, site) = start().await;
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    for (id, subject) in [("<draft@letters.test>", "With an id"), ("", "Without an id")] {
        let old = imap.append("Drafts", "\\Draft", &letter_from(id, subject, "First words.\r\n")).await;
        imap.select("Drafts").await;
        assert!(text_of(&mut imap, old).await.expect("the draft is there").contains("First words."));
        let email = email_id(&mut imap, old).await;
        simulator.settle().await;

        let query = format!("/edit?mailbox={USER}&folder=drafts&subject={}", subject.replace(' ', "+"));
        simulator.post(&query, letter_from(id, subject, "Other words.\r\n")).await;
        let shared = tokio::sync::Mutex::new(&mut imap);
        let new = eventually("the edited draft", Duration::from_secs(20), || async {
            let mut imap = shared.lock().await;
            imap.select("Drafts").await;
            let answer = imap.ok(&format!("UID SEARCH SUBJECT \"{subject}\"")).await;
            let uids: Vec<u32> = answer.words("SEARCH").iter().map(|uid| uid.parse().unwrap()).collect();
            assert_eq!(uids.len(), 1, "the draft is there exactly once");
            (uids[0] != old).then_some(uids[0])
        })
        .await;
        assert!(new > old, "{subject}: UID {new} after {old}");
        assert!(
            text_of(&mut imap, new).await.expect("the edited draft is there").contains("Other words."),
            "{subject}"
        );
        assert_eq!(text_of(&mut imap, old).await, None, "{subject}: the old UID still names something");
        assert_ne!(email_id(&mut imap, new).await, email, "{subject}: other content under the same EMAILID");
    }
}

#[tokio::test]
async fn a_flag_change_on_a_draft_keeps_its_uid() {
    let (simulator, site) = start().await;
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    let uid = imap.append("Drafts", "\\Draft", &letter("kept")).await;
    imap.select("Drafts").await;
    for flags in ["+FLAGS (\\Seen)", "+FLAGS (\\Flagged)", "FLAGS (\\Draft Idea)", "-FLAGS (Idea)"] {
        imap.ok(&format!("UID STORE {uid} {flags}")).await;
        simulator.settle().await;
        imap.select("Drafts").await;
        assert_eq!(imap.message_ids().await.into_keys().collect::<Vec<_>>(), [uid], "after {flags}");
    }
}

#[tokio::test]
async fn headers_are_those_of_the_message() {
    let (simulator, site) = start().await;
    for sample in corpus() {
        simulator.deliver("inbox", &sample.bytes).await;
    }
    // Once with headers first, and once with bodies first.
    let headers_first = read_in_order(&site, "(UID BODY.PEEK[HEADER])", "(UID BODY.PEEK[])").await;
    let elsewhere = Site::new(&simulator);
    let bodies_first = read_in_order(&elsewhere, "(UID BODY.PEEK[])", "(UID BODY.PEEK[HEADER])").await;
    assert_eq!(headers_first.len(), corpus().len());
    assert_eq!(bodies_first.len(), corpus().len());
    for sample in corpus() {
        // Exchange encodes 8-bit text in headers; names are ASCII.
        let name = if fields(header_of(&sample.bytes), "Message-ID").is_empty() { "Subject" } else { "Message-ID" };
        let wanted = fields(header_of(&sample.bytes), name);
        let found = headers_first.iter().filter(|(header, _)| fields(header, name) == wanted).count();
        assert!(found >= 1, "{}: no message with {wanted:?}", sample.name);
    }
}

#[tokio::test]
async fn headers_of_appended_messages_are_those_of_the_message() {
    let (simulator, site) = start().await;
    {
        let gateway = site.start().await;
        let mut imap = gateway.login().await;
        for sample in corpus() {
            imap.append("INBOX", "", &sample.bytes).await;
        }
    }
    assert_eq!(read_in_order(&site, "(UID BODY.PEEK[HEADER])", "(UID BODY.PEEK[])").await.len(), corpus().len());
    let elsewhere = Site::new(&simulator);
    assert_eq!(read_in_order(&elsewhere, "(UID BODY.PEEK[HEADER])", "(UID BODY.PEEK[])").await.len(), corpus().len());
}

/// Fetches in this order; header and whole message must agree to the byte, and so must every selection of fields.
async fn read_in_order(site: &Site, first: &str, second: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    imap.select("INBOX").await;
    let mut items = BTreeMap::<u32, BTreeMap<String, Value>>::new();
    let fields_item =
        "(UID BODY.PEEK[HEADER.FIELDS (SUBJECT RECEIVED X-TAG)] BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT RECEIVED X-TAG)])";
    for wanted in [first, fields_item, second, "(UID BODY.PEEK[TEXT] RFC822.SIZE)"] {
        for fetch in imap.ok(&format!("UID FETCH 1:* {wanted}")).await.fetches() {
            items.entry(fetch.uid()).or_default().extend(fetch.items);
        }
    }
    let mut all = Vec::new();
    for (uid, items) in items {
        let get = |name: &str| items[name].bytes();
        let (header, whole) = (get("BODY[HEADER]"), get("BODY[]"));
        let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(show(header), show(header_of(whole)), "header of UID {uid}");
        assert_eq!(header, header_of(whole), "header of UID {uid}, to the byte");
        assert_eq!(whole[header.len()..], *get("BODY[TEXT]"), "text of UID {uid}");
        assert_eq!(items["RFC822.SIZE"].text(), whole.len().to_string(), "size of UID {uid}");
        let (some, rest) = (
            get("BODY[HEADER.FIELDS (SUBJECT RECEIVED X-TAG)]"),
            get("BODY[HEADER.FIELDS.NOT (SUBJECT RECEIVED X-TAG)]"),
        );
        for name in ["Subject", "Received", "X-Tag"] {
            assert_eq!(fields(some, name), fields(header, name), "{name} of UID {uid}");
            assert_eq!(fields(rest, name), Vec::<String>::new(), "{name} of UID {uid} where it must not be");
        }
        assert_eq!(some.len() + rest.len(), header.len() + 2, "UID {uid}: the selections make up the header");
        all.push((header.to_vec(), whole.to_vec()));
    }
    all
}

/// The fields of this name, each as it stands there, folding included.
fn fields(header: &[u8], name: &str) -> Vec<String> {
    let text: String = header.iter().map(|byte| char::from(*byte)).collect();
    let mut found: Vec<String> = Vec::new();
    let mut inside = false;
    for line in text.split_inclusive("\r\n") {
        if !line.starts_with([' ', '\t']) {
            inside = line.split(':').next().is_some_and(|field| field.eq_ignore_ascii_case(name));
            if inside {
                found.push(String::new());
            }
        }
        if let (true, Some(last)) = (inside, found.last_mut()) {
            last.push_str(line);
        }
    }
    found
}

#[tokio::test]
async fn every_delivered_message_has_a_uid_of_its_own() {
    let (simulator, site) = start().await;
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    imap.select("INBOX").await;
    for _ in 0..3 {
        for sample in corpus() {
            simulator.deliver("inbox", &sample.bytes).await;
        }
    }
    let wanted = u32::try_from(3 * corpus().len()).unwrap();
    wait_for(&mut imap, "INBOX", wanted).await;
    let all = imap.message_ids().await;
    assert_eq!(all.len(), usize::try_from(wanted).unwrap());
    let texts: BTreeSet<Vec<u8>> =
        imap.all("BODY.PEEK[TEXT]").await.values().map(|text| text.bytes().to_vec()).collect();
    assert!(texts.len() >= corpus().len(), "{} different texts", texts.len());
}

async fn start() -> (Simulator, Site) {
    let simulator = Options::preset("empty").start().await;
    let site = Site::new(&simulator);
    (simulator, site)
}

/// A letter whose body would show in the number of bytes that Exchange sent.
fn large(key: &str) -> Vec<u8> {
    let mut message = big(key, BODY);
    let old = format!("<{key}@big.test>");
    let at = message.windows(old.len()).position(|bytes| bytes == old.as_bytes()).expect("it has a Message-ID");
    message.splice(at..at + old.len(), format!("<{key}@letters.test>").into_bytes());
    message
}

/// Since the counts were reset, Exchange has sent less than one large body.
async fn no_body_came(simulator: &Simulator) {
    simulator.settle().await;
    let stats = simulator.stats().await;
    let bytes = stats.bytes_out();
    assert!(bytes < BODY as u64 / 4, "{bytes} bytes: a body was fetched again, {:?}", stats.0["operations"]);
}

/// The EMAILID (RFC 8474) under a UID of the selected folder.
async fn email_id(imap: &mut Imap, uid: u32) -> String {
    let answer = imap.ok(&format!("UID FETCH {uid} (UID EMAILID)")).await;
    answer.fetches().next().expect("the message is there").items["EMAILID"].text()
}

const BODY: usize = 400_000;

/// Waits until a folder holds so many messages.
async fn wait_for(imap: &mut Imap, folder: &str, count: u32) {
    let imap = tokio::sync::Mutex::new(imap);
    eventually(&format!("{count} messages in {folder}"), Duration::from_secs(30), || async {
        (imap.lock().await.select(folder).await.exists == count).then_some(())
    })
    .await;
}

/// UID and whole message of the letter with this key, once it is there.
async fn body_of(imap: &mut Imap, folder: &str, key: &str) -> (u32, Vec<u8>) {
    let imap = tokio::sync::Mutex::new(imap);
    let uid = eventually(&format!("{key} in {folder}"), Duration::from_secs(20), || async {
        let mut imap = imap.lock().await;
        imap.select(folder).await;
        let ids = imap.message_ids().await;
        ids.into_iter().find(|(_, id)| *id == format!("<{key}@letters.test>")).map(|(uid, _)| uid)
    })
    .await;
    let answer = imap.lock().await.ok(&format!("UID FETCH {uid} (UID BODY.PEEK[])")).await;
    let body = answer.fetches().next().expect("the message is there").bytes("BODY[]").to_vec();
    (uid, body)
}

async fn uid_with(imap: &mut Imap, text: &str, more: &str) -> u32 {
    let found = imap.ok(&format!("UID SEARCH BODY \"{text}\" {more}")).await.words("SEARCH");
    assert_eq!(found.len(), 1, "messages with {text}");
    found[0].parse().unwrap()
}

/// The text under a UID, if it names anything.
async fn text_of(imap: &mut Imap, uid: u32) -> Option<String> {
    let answer = imap.ok(&format!("UID FETCH {uid} (UID BODY.PEEK[TEXT])")).await;
    answer.fetches().next().map(|fetch| String::from_utf8_lossy(fetch.bytes("BODY[TEXT]")).into_owned())
}
