//! Headers first, bodies later: what is said of a message at first stays true, whatever Exchange makes of its body.
use crate::lab::{ANNA, Gate, Lab, PASSWORD};
use exchange_sim::http::User;
use exchange_sim::mime::parse::{Parsed, parse};
use exchange_sim::preset::demo;
use exchange_sim::{MimeMode, Original, Received, Version};
use mailbox::{FolderId, Mail, Uid};

/// A folder's messages, as somebody sees them who asks for all headers before any body.
struct Seen {
    path: Vec<String>,
    folder: FolderId,
    uids: Vec<Uid>,
    headers: Vec<Vec<u8>>,
    messages: Vec<Vec<u8>>,
}

async fn look(gate: &Gate, path: &[String], folder: FolderId) -> Seen {
    let uids = gate.uids(folder).await;
    let headers = gate.account.headers(folder, &uids).await.unwrap();
    let headers = headers.into_iter().map(|(_, header)| header.unwrap().to_vec()).collect();
    let messages = gate.all_contents(folder, &uids).await.into_iter().map(|(_, message)| message).collect();
    Seen { path: path.to_vec(), folder, uids, headers, messages }
}

async fn look_everywhere(gate: &Gate) -> Vec<Seen> {
    let mut seen = Vec::new();
    for folder in gate.account.folders().await.unwrap().iter() {
        if folder.selectable {
            seen.push(look(gate, &folder.path.0, folder.id).await);
        }
    }
    seen
}

/// What a reader finds in a message and in those within, whatever encodings they are in.
fn meaning(message: &[u8]) -> Vec<Parsed> {
    let text = |text: Option<String>| text.map(|text| text.replace("\r\n", "\n"));
    let mut parsed = parse(message);
    let mut inner = Vec::new();
    for part in parsed.attachments.iter_mut().filter(|part| part.content_type == "message/rfc822") {
        inner.extend(meaning(&std::mem::take(&mut part.bytes)));
    }
    let outer = Parsed { headers: String::new(), text: text(parsed.text), html: text(parsed.html), ..parsed };
    std::iter::once(outer).chain(inner).collect()
}

fn shape(header: &[u8]) -> String {
    let header = String::from_utf8_lossy(header).to_lowercase();
    header.lines().filter(|line| line.starts_with("content-t")).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn every_message_of_the_demonstration_begins_with_the_header_that_was_served_first() {
    let (rendering, keeping) = (
        Lab::with(Version::ExchangeSe, MimeMode::Render).await,
        Lab::with(Version::ExchangeSe, MimeMode::Verbatim).await,
    );
    let user = User { address: ANNA.to_owned(), name: "Anna".to_owned(), password: PASSWORD.to_owned() };
    for lab in [&rendering, &keeping] {
        demo::fill(&lab.exchange, std::slice::from_ref(&user)).unwrap();
    }
    let (gate, other) = (rendering.sign_in().await, keeping.sign_in().await);
    let (seen, originals) = (look_everywhere(&gate).await, look_everywhere(&other).await);
    let mut count = 0;
    let mut changed = Vec::new();
    for (seen, original) in seen.iter().zip(&originals) {
        assert_eq!((&seen.path, &seen.uids), (&original.path, &original.uids));
        for (((uid, header), message), original) in
            seen.uids.iter().zip(&seen.headers).zip(&seen.messages).zip(&original.messages)
        {
            count += 1;
            assert!(meaning(message) == meaning(original), "{:?} {uid:?}: {}", seen.path, shape(original));
            if !message.starts_with(header) {
                changed.push(format!("{:?} {uid:?}: {} became {}", seen.path, shape(header), shape(message)));
            }
        }
        let later = gate.account.headers(seen.folder, &seen.uids).await.unwrap();
        assert!(
            later
                .iter()
                .zip(&seen.messages)
                .all(|((_, header), message)| message.starts_with(header.as_ref().unwrap()))
        );
    }
    assert!(count > 1200, "{count}");
    assert_eq!(changed, Vec::<String>::new(), "{} of {count}", changed.len());
}

/// Where the body cannot be what the header says, the header changes once, with the body, and then for good.
#[tokio::test]
async fn a_header_that_cannot_be_kept_changes_for_good() {
    let lab = Lab::new().await;
    let message = "Received: from a by b; Mon, 20 Nov 2023 10:00:00 +0000\r\nFrom: a@a.test\r\nSubject: x\r\n\
                   Message-ID: <1@a.test>\r\n\r\nGrüße\r\n";
    let received = Received::at(jiff::Timestamp::from_second(1_700_000_000).unwrap());
    lab.exchange.import(ANNA, "inbox", Original::Bytes(message.as_bytes().into()), received).unwrap();
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    let first = look(&gate, &[], inbox).await;
    let (header, message) = (&first.headers[0], &first.messages[0]);
    assert!(!message.starts_with(header), "{}", String::from_utf8_lossy(message));
    assert!(shape(message).contains("content-transfer-encoding: base64"));
    for _ in 0..2 {
        let again = look(&gate, &[], inbox).await;
        assert_eq!(&again.messages[0], message);
        assert!(message.starts_with(&again.headers[0]) && again.headers[0].ends_with(b"\r\n\r\n"));
    }
    // Also after a restart, and when the body has to be fetched anew.
    drop(gate);
    std::fs::remove_dir_all(lab.state.path().join("bodies")).unwrap();
    let gate = lab.sign_in().await;
    lab.reset().await;
    let later = look(&gate, &[], inbox).await;
    assert_eq!(later.messages[0], *message);
    assert!(message.starts_with(&later.headers[0]));
    assert_eq!(lab.calls_of("GetItem").await, 1, "the body only");
}
