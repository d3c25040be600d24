use jiff::Timestamp;

use super::*;
use crate::Spool;

fn address(text: &str) -> Address {
    let (local, domain) = text.rsplit_once('@').unwrap();
    Address::new(local, domain).unwrap()
}

fn envelope(sender: Option<&str>, recipients: &[&str]) -> Envelope {
    Envelope {
        sender: sender.map(address),
        recipients: recipients
            .iter()
            .map(|text| Recipient { address: address(text), notify: None, original: None })
            .collect(),
        body: Body::default(),
        smtp_utf8: false,
        returned: None,
        envelope_id: None,
    }
}

fn header(text: &str) -> Header {
    Header::parse(text.replace('\n', "\r\n").as_bytes()).unwrap()
}

fn shown(list: &[Mailbox]) -> String {
    list.iter().map(|mailbox| mailbox.address.to_string()).collect::<Vec<_>>().join(" ")
}

/// At noon, with the id 1, from anna.
fn completed(message: &str) -> String {
    let crlf = message.replace('\n', "\r\n");
    let content = Content::memory(crlf.clone());
    let header = Header::read(&content).unwrap().unwrap();
    let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
    let whole = header.completed(&content, SubmissionId(1), Some(&address("anna@corp.example")), now).unwrap();
    let bytes = whole.read(0, usize::MAX).unwrap();
    String::from_utf8_lossy(&bytes).replace("\r\n", "\n")
}

#[test]
fn a_header_is_read() {
    let header = header(
        "Received: from a\nFrom: Anna <anna@corp.example>\nTO: ben@corp.example,\n carla@corp.example\nSubject: To: nobody\n\
         cc : D <d@x>; \nBcc: e@x\nTo: f@x\nMessage-ID:\n <1@x>\nIn-Reply-To: <2@x> (b)\n <3@x>\nDate: now\n\nFrom: body@x\n",
    );
    assert_eq!(shown(&header.from), "anna@corp.example");
    assert_eq!(shown(&header.to), "ben@corp.example carla@corp.example f@x");
    assert_eq!((shown(&header.cc), shown(&header.bcc)), ("d@x".to_owned(), "e@x".to_owned()));
    assert_eq!(header.message_id.as_deref(), Some("<1@x>"));
    assert_eq!(header.in_reply_to, ["<2@x>", "<3@x>"]);
    assert!(header.has_date && header.resent.is_none());
    assert_eq!(shown(&self::header("From : anna@x\n\n").from), "anna@x");
}

#[test]
fn it_must_be_clear_who_sends() {
    for (text, fault) in [
        ("From: a@b\nFrom: c@d\n\n", Fault::Twice("From")),
        ("Sender: a@b\nsender: a@b\n\n", Fault::Twice("Sender")),
        ("From: root\n\n", Fault::Unreadable("From")),
        ("From:\n\n", Fault::Unreadable("From")),
        ("From: a@b, root\n\n", Fault::Unreadable("From")),
        ("Sender: a@b, c@d\n\n", Fault::Unreadable("Sender")),
    ] {
        assert_eq!(Header::parse(text.replace('\n', "\r\n").as_bytes()), Err(fault), "{text}");
    }
    let many = format!("To: {}\r\n\r\n", "a@b,".repeat(10_001));
    assert_eq!(Header::parse(many.as_bytes()), Err(Fault::TooManyAddresses));
}

#[test]
fn what_is_sent_again_is_sent_by_who_does_it() {
    let text = "Resent-From: anna@x\nResent-To: ben@x\nResent-Date: now\nResent-To: old@x\nReceived: by y\nResent-From: older@x\n\
                Resent-Bcc: older@x\nFrom: carla@y\nTo: anna@x\n\n";
    let header = header(text);
    let resent = header.resent.as_ref().unwrap();
    assert_eq!((shown(&resent.from), shown(&resent.to)), ("anna@x".to_owned(), "ben@x".to_owned()));
    assert!(resent.bcc.is_empty());
    assert_eq!(header.senders().count(), 1);
    let recipients = Recipients::new(&envelope(None, &["ben@x", "dora@x"]), &header);
    assert_eq!((shown(&recipients.to), shown(&recipients.bcc)), ("ben@x".to_owned(), "dora@x".to_owned()));
    assert!(!completed(text).contains("Resent-Bcc"));
}

/// What is taken out tells no blocks apart: who is asked for is who is named in what is sent.
#[test]
fn hidden_fields_end_no_block_of_those_who_send_it_again() {
    for text in [
        "Resent-Bcc: c@x\r\nResent-Bcc: d@x\r\nResent-From: eve@x\r\nFrom: a@x\r\n\r\n",
        "Resent-Bcc: c@x\r\nReceived: by x\r\nResent-From: eve@x\r\nFrom: a@x\r\n\r\n",
    ] {
        let header = Header::parse(text.as_bytes()).unwrap();
        assert_eq!(header.senders().map(|one| one.address.to_string()).collect::<Vec<_>>(), ["eve@x"], "{text}");
    }
}

#[test]
fn headers_end_where_they_end_however_they_come() {
    let field = format!("To: anna@x\r\nX: {}\r\n\r\n", "y".repeat((64 << 10) - 20));
    for shift in 0..12 {
        let text = format!("{}{field}From: body@x\r\n\r\n", "Z: z\r\n".repeat(shift));
        let mut spool = Spool::new(&std::env::temp_dir(), 0);
        std::io::Write::write_all(&mut spool, text.as_bytes()).unwrap();
        let header = Header::read(&spool.finish().unwrap()).unwrap().unwrap();
        assert_eq!((shown(&header.to), header.from.len()), ("anna@x".to_owned(), 0));
        assert_eq!(header.body as usize, text.len() - "From: body@x\r\n\r\n".len());
    }
    let endless = Content::memory(format!("X: {}", "y".repeat(2 << 20)));
    assert_eq!(Header::read(&endless).unwrap(), Err(Fault::TooLarge));
    let fields = Content::memory("X: y\r\n".repeat(1 << 18));
    assert_eq!(Header::read(&fields).unwrap(), Err(Fault::TooLarge));
    let bare = Content::memory(format!("Subject: x\r\n{}", "y".repeat(2 << 20)));
    assert_eq!(Header::read(&bare).unwrap().unwrap().body, 12);
}

#[test]
fn the_envelope_decides() {
    let header = header("To: Ben <ben@x>, Carla <CARLA@x>, ben@x\nCc: dora@x, carla@x\nBcc: E <eve@x>\n\n");
    let recipients = Recipients::new(&envelope(None, &["carla@x", "dora@x", "eve@x", "frank@x"]), &header);
    assert_eq!(shown(&recipients.to), "CARLA@x");
    assert_eq!(shown(&recipients.cc), "dora@x");
    assert_eq!(shown(&recipients.bcc), "eve@x frank@x");
    assert_eq!(recipients.bcc.first().unwrap().name.as_deref(), Some("E"));
    assert_eq!((shown(&recipients.unmailed_to), shown(&recipients.unmailed_cc)), ("ben@x".to_owned(), String::new()));
    assert!(!recipients.are_as_shown());
    assert!(Recipients::new(&envelope(None, &["ben@x", "carla@x", "dora@x"]), &header).are_as_shown());
}

#[test]
fn what_is_missing_is_added_and_nothing_else_changes() {
    let whole = "Date: d\nFrom: b@x\nMessage-ID: <1@x>\n\nbody\n";
    assert_eq!(completed(whole), whole);
    assert_eq!(
        completed("Subject: s\nBcc: a@x,\n b@x\nTo: c@x\n\nBcc: body\n"),
        "Date: Sat, 21 Nov 2026 12:00:00 +0000\nFrom: anna@corp.example\n\
         Message-ID: <00000000000000000000000000000001@corp.example>\nSubject: s\nTo: c@x\n\nBcc: body\n"
    );
    let added = "Date: Sat, 21 Nov 2026 12:00:00 +0000\nFrom: anna@corp.example\n\
                 Message-ID: <00000000000000000000000000000001@corp.example>\n";
    assert_eq!(completed("Date: \nMessage-ID: 1\nTo: b@x\n\n"), format!("{added}To: b@x\n\n"));
    assert_eq!(header("Message-ID: <1@x>\nMessage-ID: <2@x>\n\n").message_id.as_deref(), Some("<1@x>"));
    assert_eq!(completed("hello\nworld\n"), format!("{added}\nhello\nworld\n"));
    assert_eq!(completed("Subject: s\nhello\n"), format!("{added}Subject: s\n\nhello\n"));
    assert_eq!(completed("Subject: s"), format!("{added}Subject: s\n\n"));
    assert_eq!(completed("From a@b Sat\nSubject: s\n\nhello\n"), format!("{added}Subject: s\n\nhello\n"));
    assert_eq!(completed(""), format!("{added}\n"));
    assert_eq!(completed("\nhello\n"), format!("{added}\nhello\n"));
    assert_eq!(
        completed("Bcc: a@x\nDate: d\nFrom: b@x\nMessage-ID: <1@x>\n"),
        "Date: d\nFrom: b@x\nMessage-ID: <1@x>\n\n"
    );
}

/// What Exchange is given has the line end that the last field lacked, and says the same.
#[test]
fn a_header_without_its_last_line_end_names_the_same_sender() {
    for last in ["From: anna@[192.0.2.1\\", "From: <anna@x.example>\\", "Sender: \"anna\\"] {
        let read = |text: &str| Header::parse(text.as_bytes()).map(|header| (header.from, header.sender));
        assert_eq!(read(last), read(&format!("{last}\r\n")), "{last}");
    }
}
