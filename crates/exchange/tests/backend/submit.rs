//! Sending: to whom it says and nobody else, once, whatever is lost, with one copy in Sent Items.
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::lab::{ANNA, BEN, Gate, LOST_ANSWER, Lab, new_message, path};
use exchange::{Account, Sending, SpoolPolicy};
use mailbox::submit::{
    About, Accepted, Address, Body, Envelope, Header, Recipient, Refused, Session, Submission, SubmissionId, Submit,
    Taker,
};
use mailbox::{Content, ErrorKind, Flags, Mail, SystemFlags};

const CARL: &str = "carl@elsewhere.example";

fn address(text: &str) -> Address {
    let (local, domain) = text.rsplit_once('@').unwrap();
    Address::new(local, domain).unwrap()
}

fn envelope(recipients: &[&str]) -> Envelope {
    let recipient = |text: &&str| Recipient { address: address(text), notify: None, original: None };
    Envelope {
        sender: Some(address(ANNA)),
        recipients: recipients.iter().map(recipient).collect(),
        body: Body::EightBit,
        smtp_utf8: false,
        returned: None,
        envelope_id: None,
    }
}

fn submission(text: &str, recipients: &[&str]) -> Submission {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let process = u128::from(std::process::id()) << 64;
    let id = SubmissionId(process | u128::from(NEXT.fetch_add(1, Ordering::Relaxed)));
    let message = Content::memory(text.replace('\n', "\r\n").into_bytes());
    let header = Header::read(&message).unwrap().unwrap();
    let session = Session {
        user: ANNA.to_owned(),
        client: "test".to_owned(),
        peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 25)),
        tls: true,
    };
    Submission { id, envelope: envelope(recipients), message, header, session, arrived: Instant::now() }
}

fn text(number: usize) -> String {
    format!(
        "From: Anna <{ANNA}>\nTo: Ben <{BEN}>\nSubject: Message {number}\nDate: Mon, 20 Nov 2023 10:00:00 +0000\n\
         Message-ID: <{number}@client.example>\n\nHello {number}\n"
    )
}

async fn send(account: &Account, text: &str, recipients: &[&str]) -> Result<Accepted, Refused> {
    account.submit(submission(text, recipients)).await
}

fn subjects(lab: &Lab, user: &str, folder: &str) -> Vec<String> {
    let contents = lab.exchange.contents(user).unwrap();
    let items = contents[folder].as_array().cloned().unwrap_or_default();
    items.iter().map(|item| item["subject"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Waits until that many are there, and sees that there are no more.
async fn until(lab: &Lab, user: &str, folder: &str, count: usize) -> Vec<String> {
    let wait = async {
        while subjects(lab, user, folder).len() < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), wait).await;
    let found = subjects(lab, user, folder);
    assert!(waited.is_ok() && found.len() == count, "{folder} of {user}: {found:?}");
    found
}

/// Exactly one copy with each of them.
async fn once_each(lab: &Lab, count: usize) {
    for (user, folder) in [(BEN, "Inbox"), (ANNA, "Sent Items")] {
        let mut found = until(lab, user, folder, count).await;
        found.sort();
        found.dedup();
        assert_eq!(found.len(), count, "{folder} of {user}: {found:?}");
    }
}

/// Waits until nothing waits on disk any more.
async fn until_empty(lab: &Lab) {
    let spool = spool::Spool::open(&lab.state.path().join(exchange::SPOOL)).unwrap();
    let wait = async {
        while !spool.list().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), wait).await;
    assert!(waited.is_ok(), "{:?}", spool.list().unwrap());
}

fn sending() -> Sending {
    Sending { lost_answer: LOST_ANSWER, ..Sending::default() }
}

fn with(mut lab: Lab, sending: Sending) -> Lab {
    lab.settings.sending = sending;
    lab
}

async fn away(lab: &Lab) {
    lab.fault(r#"{"what":"unavailable","operation":"CreateItem","times":"forever"}"#).await;
}

#[tokio::test]
async fn a_message_is_sent_in_one_call_and_there_is_one_copy() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    lab.reset().await;
    assert_eq!(send(&gate.account, &text(1), &[BEN]).await.unwrap().by, Taker::Exchange);
    assert_eq!(lab.calls_of("CreateItem").await, 1);
    assert_eq!((lab.calls_of("FindItem").await, lab.calls_of("SendItem").await), (0, 0));
    once_each(&lab, 1).await;
    assert!(subjects(&lab, ANNA, "Drafts").is_empty() && subjects(&lab, ANNA, "Outbox").is_empty());
}

#[tokio::test]
async fn the_envelope_says_who_gets_it() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    // Ben is not named anywhere, and gets it all the same; Anna is named, and gets none.
    let hidden = format!("From: {ANNA}\nTo: {ANNA}\nSubject: hidden\nMessage-ID: <h@x>\n\nHello\n");
    send(&gate.account, &hidden, &[BEN]).await.unwrap();
    until(&lab, BEN, "Inbox", 1).await;
    until(&lab, ANNA, "Sent Items", 1).await;
    // A message to both, in their order.
    let both = format!("From: {ANNA}\nTo: {ANNA}\nBcc: {BEN}\nSubject: both\nMessage-ID: <b@x>\n\nHello\n");
    send(&gate.account, &both, &[BEN, ANNA]).await.unwrap();
    assert_eq!(until(&lab, ANNA, "Inbox", 1).await, ["both"]);
    assert_eq!(until(&lab, BEN, "Inbox", 2).await.len(), 2);
    let inbox = gate.inbox().await;
    let uids = gate.uids(inbox).await;
    let read = String::from_utf8(gate.content(inbox, uids[0]).await).unwrap();
    assert!(!read.to_lowercase().contains("bcc") && !read.contains(BEN), "{read}");
}

/// What an answer leaves open is found out by one call, once Exchange must be done, and nothing is sent twice.
#[tokio::test]
async fn what_an_answer_leaves_open_costs_one_call() {
    let done = r#","carried_out":true"#;
    let timed_out = r#","code":"ErrorTimeoutExpired","carried_out":true"#;
    let transient = r#","code":"ErrorInternalServerTransientError","carried_out":true"#;
    for (what, more, creates) in [
        ("cut_after", "", 1),
        ("cut_late", r#","pause":300"#, 1),
        ("truncated", "", 1),
        ("empty", done, 1),
        ("html", done, 1),
        ("unavailable", done, 1),
        ("refused", timed_out, 1),
        ("refused", transient, 1),
        ("lost", "", 2),
        ("empty", "", 2),
        ("unavailable", "", 2),
        ("refused", r#","code":"ErrorTimeoutExpired""#, 2),
    ] {
        let lab = Lab::new().await;
        let gate = lab.sign_in().await;
        lab.reset().await;
        lab.fault(&format!(r#"{{"what":"{what}","operation":"CreateItem"{more}}}"#)).await;
        assert_eq!(send(&gate.account, &text(1), &[BEN]).await.unwrap().by, Taker::Gateway, "{what}{more}");
        // A client that comes again meanwhile makes no other message of it.
        assert_eq!(send(&gate.account, &text(1), &[BEN]).await.unwrap().by, Taker::Before, "{what}{more}");
        until_empty(&lab).await;
        let calls = (lab.calls_of("CreateItem").await, lab.calls_of("FindItem").await);
        assert_eq!(calls, (creates, 1), "{what}{more}");
        once_each(&lab, 1).await;
        let left = ["Drafts", "Outbox"].map(|folder| subjects(&lab, ANNA, folder).len());
        assert_eq!(left, [0, 0], "{what}{more}");
    }
}

/// What says for sure that nothing was done is waited for, and takes no look.
#[tokio::test]
async fn what_exchange_did_not_begin_is_not_looked_for() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    lab.reset().await;
    lab.fault(r#"{"what":"busy","operation":"CreateItem","back_off":50}"#).await;
    send(&gate.account, &text(1), &[BEN]).await.unwrap();
    until_empty(&lab).await;
    assert_eq!((lab.calls_of("CreateItem").await, lab.calls_of("FindItem").await), (2, 0));
    once_each(&lab, 1).await;
}

/// The client puts its copy into Sent Items while nobody knows that Exchange is about to make one.
#[tokio::test]
async fn of_two_copies_the_clients_stays() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let sent = gate.folder(&["Sent Items"]).await.id;
    lab.fault(r#"{"what":"cut_late","operation":"CreateItem","pause":300}"#).await;
    assert_eq!(send(&gate.account, &text(1), &[BEN]).await.unwrap().by, Taker::Gateway);
    let copy = text(1).replace('\n', "\r\n");
    let appended = gate.append(sent, &copy).await.unwrap();
    until_empty(&lab).await;
    once_each(&lab, 1).await;
    gate.until(sent, |entries| entries.len() == 1 && entries[0].uid == appended.uid).await;
    assert_eq!(String::from_utf8(gate.content(sent, appended.uid).await).unwrap(), copy);
}

/// A copy that its owner throws away before it was looked for is found all the same.
#[tokio::test]
async fn a_copy_that_was_thrown_away_was_sent() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let (sent, trash) = (gate.folder(&["Sent Items"]).await.id, gate.folder(&["Deleted Items"]).await.id);
    lab.fault(r#"{"what":"cut_after","operation":"CreateItem"}"#).await;
    assert_eq!(send(&gate.account, &text(1), &[BEN]).await.unwrap().by, Taker::Gateway);
    let copies = gate.until(sent, |entries| !entries.is_empty()).await;
    gate.account.relocate(sent, &[copies[0].uid], trash).await.unwrap();
    until_empty(&lab).await;
    assert_eq!(lab.calls_of("CreateItem").await, 1);
    until(&lab, BEN, "Inbox", 1).await;
}

#[tokio::test]
async fn while_exchange_is_away_it_is_kept_and_sent_when_it_is_back() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    away(&lab).await;
    for number in 0..5 {
        assert_eq!(send(&gate.account, &text(number), &[BEN]).await.unwrap().by, Taker::Gateway);
    }
    assert!(subjects(&lab, BEN, "Inbox").is_empty());
    lab.clear_faults().await;
    until_empty(&lab).await;
    once_each(&lab, 5).await;
}

#[tokio::test]
async fn kept_mail_outlives_the_gateway_and_goes_when_its_owner_signs_in() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    away(&lab).await;
    assert_eq!(send(&gate.account, &text(1), &[BEN]).await.unwrap().by, Taker::Gateway);
    drop(gate);
    lab.clear_faults().await;
    let directory = lab.directory();
    assert!(subjects(&lab, BEN, "Inbox").is_empty(), "nobody knows the password");
    let _gate = lab.enter(&directory).await;
    until_empty(&lab).await;
    once_each(&lab, 1).await;
}

#[tokio::test]
async fn the_spool_is_the_operators_choice() {
    let always = Sending { spool: SpoolPolicy::Always, ..sending() };
    let lab = with(Lab::new().await, always);
    let gate = lab.sign_in().await;
    assert_eq!(send(&gate.account, &text(1), &[BEN]).await.unwrap().by, Taker::Gateway);
    until_empty(&lab).await;
    once_each(&lab, 1).await;

    let never = Sending { spool: SpoolPolicy::Never, ..sending() };
    let lab = with(Lab::new().await, never);
    let gate = lab.sign_in().await;
    lab.fault(r#"{"what":"busy","operation":"CreateItem","back_off":120000,"times":"forever"}"#).await;
    let refused = send(&gate.account, &text(1), &[BEN]).await.unwrap_err();
    assert!(matches!(refused.error.kind, ErrorKind::Unavailable | ErrorKind::Busy { .. }), "{refused}");
    lab.clear_faults().await;
    let lab = with(Lab::new().await, Sending { spool: SpoolPolicy::Never, ..sending() });
    let gate = lab.sign_in().await;
    // Of what may be sent nobody is told to bring it again.
    lab.fault(r#"{"what":"lost","operation":"CreateItem"}"#).await;
    assert_eq!(send(&gate.account, &text(1), &[BEN]).await.unwrap().by, Taker::Gateway);
    until_empty(&lab).await;
    assert_eq!(send(&gate.account, &text(2), &[BEN]).await.unwrap().by, Taker::Exchange);
    once_each(&lab, 2).await;
}

/// A client hangs up, and comes again before what it brought first has come this far: both are one, also once it has heard.
#[tokio::test]
async fn a_message_that_is_overtaken_by_itself_is_sent_once() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let earlier = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
    let first = Submission { arrived: earlier, ..submission(&text(1), &[BEN]) };
    let again = submission(&text(1), &[BEN]);
    let id = again.id;
    assert_eq!(gate.account.submit(again).await.unwrap().by, Taker::Exchange);
    gate.account.heard(id);
    assert_eq!(gate.account.submit(first).await.unwrap().by, Taker::Before);
    once_each(&lab, 1).await;
    // What its client was told is not sent is not sent either.
    let first = Submission { arrived: earlier, ..submission(&text(2), &[BEN]) };
    lab.fault(r#"{"what":"refused","operation":"CreateItem","code":"ErrorMessageSubmissionBlocked"}"#).await;
    send(&gate.account, &text(2), &[BEN]).await.unwrap_err();
    gate.account.submit(first).await.unwrap_err();
    once_each(&lab, 1).await;
    assert_eq!(send(&gate.account, &text(2), &[BEN]).await.unwrap().by, Taker::Exchange);
}

/// A client that never heard brings the same message again; one that heard sends another one, word for word the same.
#[tokio::test]
async fn the_same_message_again_is_sent_once_until_its_client_has_heard() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let first = submission(&text(1), &[BEN]);
    assert_eq!(gate.account.submit(first).await.unwrap().by, Taker::Exchange);
    let again = submission(&text(1), &[BEN]);
    let id = again.id;
    assert_eq!(gate.account.submit(again).await.unwrap().by, Taker::Before);
    once_each(&lab, 1).await;
    // To somebody else it is another message, whatever its Message-ID.
    assert_eq!(send(&gate.account, &text(1), &[BEN, ANNA]).await.unwrap().by, Taker::Exchange);
    until(&lab, BEN, "Inbox", 2).await;
    gate.account.heard(id);
    let wait = async {
        while send(&gate.account, &text(1), &[BEN]).await.unwrap().by == Taker::Before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it was heard");
    until(&lab, BEN, "Inbox", 3).await;
    // Without a Message-ID nobody can tell whether it is the same.
    let nameless = text(2).replace("Message-ID: <2@client.example>\n", "");
    for count in 4..6 {
        assert_eq!(send(&gate.account, &nameless, &[BEN]).await.unwrap().by, Taker::Exchange);
        until(&lab, BEN, "Inbox", count).await;
    }
}

/// The gateway is gone before it hears of what it did; the client comes again to the next one.
#[tokio::test]
async fn what_a_gateway_left_without_an_answer_the_next_finds() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    lab.fault(r#"{"what":"drip","operation":"CreateItem","piece":1,"pause":60000}"#).await;
    let account = gate.account.clone();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    // All of its tasks end with their runtime, as after a kill.
    let work = runtime.spawn(async move { account.submit(submission(&text(1), &[BEN])).await.map(drop) });
    until(&lab, BEN, "Inbox", 1).await;
    runtime.shutdown_background();
    assert!(work.await.is_err());
    drop(gate);
    lab.clear_faults().await;
    let gate = lab.sign_in().await;
    lab.reset().await;
    assert_eq!(send(&gate.account, &text(1), &[BEN]).await.unwrap().by, Taker::Gateway);
    until_empty(&lab).await;
    assert_eq!((lab.calls_of("FindItem").await, lab.calls_of("CreateItem").await), (1, 0));
    once_each(&lab, 1).await;
}

#[tokio::test]
async fn refusals_say_what_they_are_about() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let other = text(1).replace(ANNA, BEN);
    let refused = send(&gate.account, &other, &[BEN]).await.unwrap_err();
    assert_eq!((&refused.about, refused.error.kind), (&About::Sender(address(BEN)), ErrorKind::Denied), "{refused}");
    // The next time it is known when the sender is named.
    assert_eq!(gate.account.may_send_as(&address(BEN)).await.unwrap_err().kind, ErrorKind::Denied);
    assert!(gate.account.may_send_as(&address(ANNA)).await.is_ok());
    assert!(subjects(&lab, BEN, "Inbox").is_empty());
    for (what, kind) in [("ErrorMessageSizeExceeded", ErrorKind::TooBig), ("ErrorQuotaExceeded", ErrorKind::OverQuota)]
    {
        lab.fault(&format!(r#"{{"what":"refused","operation":"CreateItem","code":"{what}"}}"#)).await;
        let refused = send(&gate.account, &text(2), &[BEN]).await.unwrap_err();
        assert_eq!(refused.error.kind, kind, "{refused}");
    }
    assert!(subjects(&lab, BEN, "Inbox").is_empty() && subjects(&lab, ANNA, "Sent Items").is_empty());
}

/// Exchange's copy is the client's, whichever comes first.
#[tokio::test]
async fn the_clients_copy_and_exchanges_are_one() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let sent = gate.folder(&["Sent Items"]).await.id;
    gate.uids(sent).await;
    let copy = |number: usize| text(number).replace('\n', "\r\n");
    let append = async |number: usize| {
        let seen = Flags::system(SystemFlags::SEEN);
        gate.account.append(sent, new_message(&copy(number), seen)).await.unwrap().uid
    };
    // Exchange's first.
    send(&gate.account, &text(1), &[BEN]).await.unwrap();
    lab.reset().await;
    let uid = append(1).await;
    assert_eq!(lab.calls_of("CreateItem").await, 0);
    assert!(lab.calls().await <= 3, "{}", lab.stats().await);
    assert_eq!(gate.until(sent, |entries| !entries.is_empty()).await.len(), 1);
    assert_eq!(gate.uids(sent).await, [uid]);
    assert_eq!(gate.content(sent, uid).await, copy(1).as_bytes());
    assert_eq!(append(1).await, uid, "a client that did not hear");
    // The client's first.
    let uid = append(2).await;
    send(&gate.account, &text(2), &[BEN]).await.unwrap();
    until(&lab, BEN, "Inbox", 2).await;
    assert_eq!(until(&lab, ANNA, "Sent Items", 2).await.len(), 2);
    assert_eq!(gate.uids(sent).await.last(), Some(&uid));
    assert!(subjects(&lab, ANNA, "Drafts").is_empty());
    // Another message under the same Message-ID is no copy, nor is one in another folder.
    let drafts = gate.folder(&["Drafts"]).await.id;
    gate.account.append(drafts, new_message(&copy(1), Flags::default())).await.unwrap();
    let forged = copy(1).replace(ANNA, BEN);
    gate.account.append(sent, new_message(&forged, Flags::default())).await.unwrap();
    assert_eq!((subjects(&lab, ANNA, "Drafts").len(), subjects(&lab, ANNA, "Sent Items").len()), (1, 3));
}

#[tokio::test]
async fn the_clients_copy_is_exchanges_after_a_restart_too() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    send(&gate.account, &text(1), &[BEN]).await.unwrap();
    drop(gate);
    let gate = lab.sign_in().await;
    let sent = gate.folder(&["Sent Items"]).await.id;
    let before = gate.uids(sent).await;
    let appended = gate.append(sent, &text(1).replace('\n', "\r\n")).await.unwrap();
    assert_eq!(before, [appended.uid]);
    assert_eq!(subjects(&lab, ANNA, "Sent Items").len(), 1);
}

#[tokio::test]
async fn without_a_copy_it_is_sent_once_all_the_same() {
    let quiet = Sending { save_to_sent: false, ..sending() };
    for fault in [None, Some(("cut_after", "CreateItem")), Some(("cut_after", "SendItem")), Some(("cut", "SendItem"))] {
        let lab = with(Lab::new().await, quiet.clone());
        let gate = lab.sign_in().await;
        if let Some((what, operation)) = fault {
            lab.fault(&format!(r#"{{"what":"{what}","operation":"{operation}"}}"#)).await;
        }
        send(&gate.account, &text(1), &[BEN]).await.unwrap();
        until_empty(&lab).await;
        until(&lab, BEN, "Inbox", 1).await;
        let left = ["Sent Items", "Drafts", "Outbox"].map(|folder| subjects(&lab, ANNA, folder).len());
        assert_eq!(left, [0, 0, 0], "{fault:?}");
    }
}

#[tokio::test]
async fn what_is_answered_or_passed_on_is_marked() {
    let lab = Lab::new().await;
    lab.fill(3);
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    let uids = gate.uids(inbox).await;
    lab.reset().await;
    let answer = text(1).replace("Subject", "In-Reply-To: <0@example.org>\nSubject");
    send(&gate.account, &answer, &[BEN]).await.unwrap();
    let forward = text(2).replace("Subject", "X-Forwarded-Message-Id: <1@example.org>\nSubject");
    send(&gate.account, &forward, &[BEN]).await.unwrap();
    assert_eq!(lab.calls_of("UpdateItem").await, 0, "nobody waits for that");
    let marked = |entries: &[mailbox::Entry]| {
        let flags = |at: usize| &entries[at].flags;
        flags(0).system.contains(SystemFlags::ANSWERED) && flags(1).has_keyword(&mailbox::Keyword::new("$Forwarded"))
    };
    gate.until(inbox, marked).await;
    assert_eq!(lab.calls_of("UpdateItem").await, 2);
    // The client did it: nothing is left to do.
    gate.mark(inbox, &uids[1..2], SystemFlags::ANSWERED).await;
    let updates = lab.calls_of("UpdateItem").await;
    let answer = text(3).replace("Subject", "In-Reply-To: <1@example.org>\nSubject");
    send(&gate.account, &answer, &[BEN]).await.unwrap();
    let answer = text(4).replace("Subject", "References: <9@x> <2@example.org>\nSubject");
    send(&gate.account, &answer, &[BEN]).await.unwrap();
    gate.until(inbox, |entries| entries[2].flags.system.contains(SystemFlags::ANSWERED)).await;
    assert_eq!(lab.calls_of("UpdateItem").await, updates + 1, "one for the last message, none for that before");
}

/// A message that Exchange does not take for two days: its sender finds a report, once.
#[tokio::test]
async fn what_cannot_be_sent_comes_back_with_a_report() {
    let lab = with(Lab::new().await, Sending { give_up: Duration::from_secs(1), ..sending() });
    let gate = lab.sign_in().await;
    away(&lab).await;
    assert_eq!(send(&gate.account, &text(1), &[BEN, CARL]).await.unwrap().by, Taker::Gateway);
    let spool = spool::Spool::open(&lab.state.path().join(exchange::SPOOL)).unwrap();
    let wait = async {
        while spool.list().unwrap()[0].step != spool::Step::Failed {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap();
    lab.clear_faults().await;
    until_empty(&lab).await;
    assert_eq!(until(&lab, ANNA, "Inbox", 1).await, ["Not sent: Message 1"]);
    assert!(subjects(&lab, BEN, "Inbox").is_empty() && subjects(&lab, ANNA, "Sent Items").is_empty());
    let inbox = gate.inbox().await;
    let entries = gate.until(inbox, |entries| !entries.is_empty()).await;
    assert!(
        !entries[0].flags.system.contains(SystemFlags::SEEN) && !entries[0].flags.system.contains(SystemFlags::DRAFT)
    );
    let report = String::from_utf8(gate.content(inbox, entries[0].uid).await).unwrap();
    for words in [BEN, CARL, "tried for", "message/delivery-status", "Subject: Message 1", "4.4.7"] {
        assert!(report.contains(words), "{words}: {report}");
    }
}

#[tokio::test]
async fn a_refusal_in_the_background_is_reported() {
    let always = Sending { spool: SpoolPolicy::Always, ..sending() };
    let lab = with(Lab::new().await, always);
    let gate = lab.sign_in().await;
    let other = text(1).replace(ANNA, BEN);
    assert_eq!(send(&gate.account, &other, &[BEN]).await.unwrap().by, Taker::Gateway);
    until_empty(&lab).await;
    assert_eq!(until(&lab, ANNA, "Inbox", 1).await, ["Not sent: Message 1"]);
    assert!(subjects(&lab, BEN, "Inbox").is_empty());
}

/// Many at once, with everything that can go wrong on the way: each arrives once, and is filed once.
#[tokio::test]
async fn everything_goes_wrong_and_each_arrives_once() {
    storm(60).await;
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn everything_goes_wrong_a_thousand_times() {
    storm(1000).await;
}

async fn storm(count: usize) {
    let lab = Lab::new().await;
    let mut gate = lab.sign_in().await;
    let faults = [
        r#"{"what":"cut_after","operation":"CreateItem"}"#,
        r#"{"what":"busy","operation":"CreateItem","back_off":50}"#,
        r#"{"what":"unavailable","operation":"CreateItem","retry_after":1}"#,
        r#"{"what":"truncated","operation":"CreateItem"}"#,
        r#"{"what":"empty","operation":"CreateItem","carried_out":true}"#,
        r#"{"what":"cut_after","operation":"FindItem"}"#,
    ];
    for number in 0..count {
        if number % 3 == 0 {
            lab.fault(faults[number / 3 % faults.len()]).await;
        }
        if number % 25 == 24 {
            // Cut off in the middle: the client heard nothing, and comes again to the next gateway.
            let text = text(number);
            let submit = send(&gate.account, &text, &[BEN]);
            let _ = tokio::time::timeout(Duration::from_millis((number as u64 * 7) % 40), submit).await;
            gate = again(&lab, gate).await;
        }
        let taken = async {
            while let Err(refused) = send(&gate.account, &text(number), &[BEN]).await {
                assert!(matches!(refused.error.kind, ErrorKind::Busy { .. } | ErrorKind::Unavailable), "{refused}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), taken).await.expect("it is taken in the end");
    }
    lab.clear_faults().await;
    until_empty(&lab).await;
    once_each(&lab, count).await;
}

async fn again(lab: &Lab, gate: Gate) -> Gate {
    drop(gate);
    lab.sign_in().await
}

#[tokio::test]
async fn a_folder_that_is_merely_called_so_is_not_sent_items() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let id = gate.account.create_folder(&path(&["Sent"])).await.unwrap();
    send(&gate.account, &text(1), &[BEN]).await.unwrap();
    gate.append(id, &text(1).replace('\n', "\r\n")).await.unwrap();
    assert_eq!(subjects(&lab, ANNA, "Sent").len(), 1);
}
