//! Answers, octet by octet; and a strict reader, imap-codec, takes them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::num::NonZeroU32;

use imap_codec::ResponseCodec;
use imap_codec::decode::Decoder;
use imap_proto::command::metadata::Entry;
use imap_proto::command::status::Item;
use imap_proto::response::{self, *};
use imap_proto::{DateTime, Flag, MailboxName, Names, Numbering, Page, Section, SectionText, Tag};

/// What `write` writes.
fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

/// True if imap-codec reads it as one answer, whole.
fn strict(line: &str) -> bool {
    matches!(ResponseCodec::new().decode(line.as_bytes()), Ok((b"", _)))
}

#[track_caller]
fn check(wanted: &str, write: impl FnOnce(&mut Vec<u8>)) {
    let line = written(write);
    assert_eq!(line, wanted);
    assert!(strict(&line), "not read: {line}");
}

/// For answers that imap-codec does not know.
#[track_caller]
fn check_unknown(wanted: &str, write: impl FnOnce(&mut Vec<u8>)) {
    assert_eq!(written(write), wanted);
}

fn tag() -> Tag {
    Tag::new("a1").unwrap()
}

fn name(name: &str) -> MailboxName {
    MailboxName(name.into())
}

#[test]
fn status_lines() {
    check("a1 OK Done\r\n", |out| tagged(out, &tag(), Condition::Ok, None, ""));
    check("* OK [UIDVALIDITY 1] UIDs valid\r\n", |out| {
        untagged(out, Condition::Ok, Some(&Code::UidValidity(1)), "UIDs valid");
    });
    check("a1 NO [TRYCREATE] a b ?\r\n", |out| tagged(out, &tag(), Condition::No, Some(&Code::TryCreate), "a\rb ü"));
    check("a1 BAD (x] y\r\n", |out| tagged(out, &tag(), Condition::Bad, None, "[x] y"));
    check("* BYE bye\r\n", |out| bye(out, None, "bye"));
    check("+ idling\r\n", |out| go_on(out, "idling"));
    check("+ \r\n", |out| challenge(out, ""));
    check("+ VXNlcm5hbWU6\r\n", |out| challenge(out, "VXNlcm5hbWU6"));
    check_unknown("* PREAUTH hello\r\n", |out| preauth(out, None, "hello"));
}

#[test]
fn codes() {
    let flags = vec![Flag::Seen, Flag::Keyword("no atom".into()), Flag::Keyword("Work".into()), Flag::Any];
    let table = [
        (Code::ReadWrite, "READ-WRITE"),
        (Code::PermanentFlags(flags), "PERMANENTFLAGS (\\Seen Work \\*)"),
        (Code::AppendUid { uid_validity: 38505, uids: vec![3955] }, "APPENDUID 38505 3955"),
        (Code::AppendUid { uid_validity: 1, uids: vec![5, 6, 7, 9] }, "APPENDUID 1 5:7,9"),
        (Code::AppendUid { uid_validity: 1, uids: vec![6, 5] }, "APPENDUID 1 6,5"),
        (Code::BadUrl("/INBOX/;UID=9]\r\n".into()), "BADURL /INBOX/;UID=9???"),
        (Code::UnknownCte, "UNKNOWN-CTE"),
        (
            Code::CopyUid { uid_validity: 38505, from: vec![304, 319, 320], to: vec![3956, 3957, 3958] },
            "COPYUID 38505 304,319:320 3956:3958",
        ),
        (Code::CopyUid { uid_validity: 1, from: vec![9, 8], to: vec![1, 2] }, "COPYUID 1 9,8 1:2"),
        (Code::Capability(vec!["IMAP4rev1".into(), "IDLE".into()]), "CAPABILITY IMAP4rev1 IDLE"),
        (Code::BadCharset, "BADCHARSET (US-ASCII UTF-8)"),
        (Code::HighestModSeq(715_194_045_007), "HIGHESTMODSEQ 715194045007"),
        (Code::Modified(vec![7, 9]), "MODIFIED 7,9"),
        (Code::MailboxId("F12".into()), "MAILBOXID (F12)"),
        (Code::UidNext(4392), "UIDNEXT 4392"),
        (Code::Unseen(12), "UNSEEN 12"),
        (Code::OverQuota, "OVERQUOTA"),
        (Code::InProgress { tag: Some(tag()), done: 454, goal: 1000 }, "INPROGRESS (\"a1\" 454 1000)"),
        (Code::InProgress { tag: None, done: 7, goal: 5 }, "INPROGRESS (NIL 5 5)"),
        (Code::InProgress { tag: None, done: 7, goal: 0 }, "INPROGRESS (NIL 7 NIL)"),
        (Code::InProgress { tag: None, done: 0, goal: 0 }, "INPROGRESS (NIL NIL NIL)"),
        (Code::CompressionActive, "COMPRESSIONACTIVE"),
        (Code::MetadataLongEntries(2199), "METADATA LONGENTRIES 2199"),
        (Code::MetadataMaxSize(1024), "METADATA MAXSIZE 1024"),
        (Code::MetadataTooMany, "METADATA TOOMANY"),
        (Code::NotificationOverflow, "NOTIFICATIONOVERFLOW"),
        (
            Code::BadEvent,
            "BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange \
             ServerMetadataChange)",
        ),
    ];
    for (code, text) in table {
        check(&format!("* OK [{text}] x\r\n"), |out| untagged(out, Condition::Ok, Some(&code), "x"));
    }
}

#[test]
fn counts_and_lists() {
    check("* CAPABILITY IMAP4rev1 IDLE\r\n", |out| capability(out, ["IMAP4rev1", "IDLE"]));
    check("* ENABLED CONDSTORE\r\n", |out| enabled(out, ["CONDSTORE"]));
    check("* FLAGS (\\Answered \\Seen $Forwarded)\r\n", |out| {
        response::flags(out, &[Flag::Answered, Flag::Seen, Flag::Keyword("$Forwarded".into())]);
    });
    check("* 23 EXISTS\r\n", |out| exists(out, 23));
    check("* 0 RECENT\r\n", |out| recent(out, 0));
    check("* 44 EXPUNGE\r\n", |out| expunge(out, 44));
    check("* VANISHED 1:3,5\r\n", |out| vanished(out, &[1, 2, 3, 5]));
    check("* VANISHED (EARLIER) 7,9:4294967295\r\n", |out| vanished_earlier(out, &[7..=7, 9..=u32::MAX]));
    check_unknown("", |out| vanished(out, &[]));
    check("* SEARCH\r\n", |out| search(out, &[], Some(5)));
    check("* SEARCH 2 84 882\r\n", |out| search(out, &[2, 84, 882], None));
    check("* SEARCH 2 (MODSEQ 5)\r\n", |out| search(out, &[2], Some(5)));
    check("* ID NIL\r\n", |out| id(out, []));
    check("* ID (\"name\" \"Exgate\" \"version\" NIL)\r\n", |out| {
        id(out, [("name", Some("Exgate")), ("version", None)])
    });
    let mut found = Esearch {
        tag: &tag(),
        source: None,
        numbering: Numbering::Uid,
        min: Some(1),
        max: None,
        count: Some(3),
        all: Some(&[1, 2, 3]),
        partial: None,
        mod_seq: None,
    };
    check_unknown("* ESEARCH (TAG \"a1\") UID MIN 1 COUNT 3 ALL 1:3\r\n", |out| esearch(out, &found));
    found = Esearch { min: None, count: Some(0), all: Some(&[]), ..found };
    check_unknown("* ESEARCH (TAG \"a1\") UID COUNT 0\r\n", |out| esearch(out, &found));
    // RFC 5267 section 3: the order of a SORT stays.
    found = Esearch { all: Some(&[5, 3, 4, 2, 1]), numbering: Numbering::Sequence, mod_seq: Some(9), ..found };
    check_unknown("* ESEARCH (TAG \"a1\") COUNT 0 ALL 5,3:4,2,1 MODSEQ 9\r\n", |out| esearch(out, &found));
    let page = |from, to| Page::Last(from, to);
    let (one, three) = (NonZeroU32::MIN, NonZeroU32::new(3).unwrap());
    let partial = Some(Paged { page: page(one, three), numbers: &[7, 8, 11] });
    found = Esearch { all: None, count: None, mod_seq: None, partial, ..found };
    check_unknown("* ESEARCH (TAG \"a1\") PARTIAL (-1:-3 7:8,11)\r\n", |out| esearch(out, &found));
    found = Esearch { partial: Some(Paged { page: Page::First(one, three), numbers: &[] }), ..found };
    check_unknown("* ESEARCH (TAG \"a1\") PARTIAL (1:3 NIL)\r\n", |out| esearch(out, &found));
    // RFC 7377 section 2.1
    let source = Source { mailbox: &name("Entwürfe"), names: Names::ModifiedUtf7, uid_validity: 7 };
    found = Esearch { source: Some(source), partial: None, all: Some(&[4]), numbering: Numbering::Uid, ..found };
    check_unknown("* ESEARCH (TAG \"a1\" MAILBOX Entw&APw-rfe UIDVALIDITY 7) UID ALL 4\r\n", |out| {
        esearch(out, &found)
    });
}

#[test]
fn sorted_and_threaded() {
    check("* SORT 2 84 882\r\n", |out| sort(out, &[2, 84, 882], None));
    check("* SORT\r\n", |out| sort(out, &[], Some(9)));
    check("* SORT 3 1 (MODSEQ 9)\r\n", |out| sort(out, &[3, 1], Some(9)));
    let tree = |nodes: &[(u32, u32)]| -> Vec<ThreadNode> {
        nodes
            .iter()
            .map(|&(number, children)| ThreadNode { number: Some(number).filter(|&number| number > 0), children })
            .collect()
    };
    // RFC 5256 section 4
    let nodes = tree(&[(2, 0), (3, 1), (6, 2), (4, 1), (23, 0), (44, 1), (7, 1), (96, 0)]);
    check("* THREAD (2)(3 6 (4 23)(44 7 96))\r\n", |out| thread(out, &nodes));
    let nodes = tree(&[(0, 2), (3, 0), (5, 0)]);
    check("* THREAD ((3)(5))\r\n", |out| thread(out, &nodes));
    let nodes = tree(&[(1, 2), (2, 2), (3, 0), (4, 0), (5, 0), (6, 0)]);
    check("* THREAD (1 (2 (3)(4))(5))(6)\r\n", |out| thread(out, &nodes));
    check("* THREAD\r\n", |out| thread(out, &[]));
}

#[test]
fn mailboxes() {
    let line = |attributes: &[Attribute], mailbox: &str| ListLine {
        attributes: attributes.to_vec(),
        delimiter: Some('/'),
        name: name(mailbox),
        child_info: Vec::new(),
        old_name: None,
    };
    let utf7 = Names::ModifiedUtf7;
    check("* LIST (\\HasNoChildren) \"/\" INBOX\r\n", |out| {
        list(out, utf7, &line(&[Attribute::HasNoChildren], "INBOX"))
    });
    check("* LIST (\\Sent) \"/\" \"Sent Items\"\r\n", |out| list(out, utf7, &line(&[Attribute::Sent], "Sent Items")));
    check("* LSUB () \"/\" Entw&APw-rfe\r\n", |out| lsub(out, utf7, &line(&[], "Entwürfe")));
    check("* LIST () \"/\" \"a\\\\b\\\"c\"\r\n", |out| list(out, utf7, &line(&[], "a\\b\"c")));
    check("* LIST () \"/\" \"\"\r\n", |out| list(out, utf7, &line(&[], "")));
    check("* LIST () \"/\" \"nil\"\r\n", |out| list(out, utf7, &line(&[], "nil")));
    check_unknown("* LIST () \"/\" \"Entwürfe\"\r\n", |out| list(out, Names::Utf8, &line(&[], "Entwürfe")));
    check("* LIST () NIL x\r\n", |out| list(out, utf7, &ListLine { delimiter: None, ..line(&[], "x") }));
    check_unknown("* XLIST (\\HasNoChildren \\Inbox) \"/\" INBOX\r\n", |out| {
        xlist(out, utf7, &line(&[Attribute::HasNoChildren], "INBOX"));
    });
    check_unknown("* XLIST (\\Spam) \"/\" Junk\r\n", |out| xlist(out, utf7, &line(&[Attribute::Junk], "Junk")));
    let child = ListLine { child_info: vec!["SUBSCRIBED"], old_name: Some(name("b c")), ..line(&[], "a") };
    check_unknown("* LIST () \"/\" a (\"CHILDINFO\" (\"SUBSCRIBED\") \"OLDNAME\" (\"b c\"))\r\n", |out| {
        list(out, utf7, &child)
    });
    let values = [(Item::Messages, StatusValue::Number(231)), (Item::UidNext, StatusValue::Number(44292))];
    check("* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292)\r\n", |out| {
        response::status(out, utf7, &name("blurdybloop"), &values);
    });
    let values = [(Item::MailboxId, StatusValue::Id("F1".into())), (Item::AppendLimit, StatusValue::Nil)];
    check_unknown("* STATUS x (MAILBOXID (F1) APPENDLIMIT NIL)\r\n", |out| {
        response::status(out, utf7, &name("x"), &values);
    });
    let space = |prefix: &str| vec![Namespace { prefix: name(prefix), delimiter: Some('/') }];
    let all = Namespaces { personal: space(""), others: Vec::new(), shared: space("Öffentlich/") };
    check("* NAMESPACE ((\"\" \"/\")) NIL ((\"&ANY-ffentlich/\" \"/\"))\r\n", |out| namespace(out, utf7, &all));
}

#[test]
fn fetch_items() {
    let date = DateTime::utc("1996-07-17T02:44:25Z".parse().unwrap());
    check(
        "* 12 FETCH (FLAGS (\\Seen) UID 57 INTERNALDATE \"17-Jul-1996 02:44:25 +0000\" RFC822.SIZE 4286 MODSEQ (65402))\r\n",
        |out| {
            let mut line = FetchLine::begin(out, 12);
            line.flags(out, &[Flag::Seen]);
            line.uid(out, 57);
            line.internal_date(out, &date);
            line.size(out, 4286);
            line.mod_seq(out, 65402);
            line.end(out);
        },
    );
    let fields = SectionText::HeaderFields(vec!["DATE".into(), "a b".into()]);
    check(
        "* 1 FETCH (BODY[]<0> {2}\r\nhi BODY[1.2.HEADER.FIELDS (DATE \"a b\")] {0}\r\n BODY[9] NIL RFC822.HEADER {1}\r\nx)\r\n",
        |out| {
            let mut line = FetchLine::begin(out, 1);
            line.section_start(out, &Section::default(), Some(0), 2);
            out.extend(b"hi");
            line.section(out, &Section { part: vec![1, 2], text: fields }, None, Some(b""));
            line.section(out, &Section { part: vec![9], text: SectionText::All }, None, None);
            line.rfc822_header(out, b"x");
            line.end(out);
        },
    );
    check("* 1 FETCH (RFC822 {1}\r\nx RFC822.TEXT {1}\r\ny)\r\n", |out| {
        let mut line = FetchLine::begin(out, 1);
        line.rfc822_start(out, 1);
        out.push(b'x');
        line.rfc822_text_start(out, 1);
        out.push(b'y');
        line.end(out);
    });
    check("* 1 FETCH (BINARY[1] ~{1}\r\nx BINARY.SIZE[1.2] 7)\r\n", |out| {
        let mut line = FetchLine::begin(out, 1);
        line.binary_start(out, &[1], None, 1, Domain::Binary);
        out.push(b'x');
        line.binary_size(out, &[1, 2], 7);
        line.end(out);
    });
    // In the text of RFC 3516 section 4.3, not in its grammar, by which imap-codec goes.
    check_unknown("* 1 FETCH (BINARY[1]<5> {0}\r\n BINARY[9] NIL)\r\n", |out| {
        let mut line = FetchLine::begin(out, 1);
        line.binary_start(out, &[1], Some(5), 0, Domain::EightBit);
        line.no_binary(out, &[9], None);
        line.end(out);
    });
    check_unknown("* 5 UIDFETCH (EMAILID (M1) THREADID NIL PREVIEW \"hi\" SAVEDATE NIL)\r\n", |out| {
        let mut line = FetchLine::begin_uid(out, 5);
        line.email_id(out, "M1");
        line.thread_id(out, None);
        line.preview(out, Some("hi"));
        line.save_date(out, None);
        line.end(out);
    });
}

#[test]
fn envelopes() {
    // RFC 3501 section 8.
    let address = |name: Option<&str>, mailbox: &str, host: &str| Address {
        name: name.map(Into::into),
        mailbox: Some(mailbox.into()),
        host: Some(host.into()),
    };
    let envelope = Envelope {
        date: Some("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)".into()),
        subject: Some("IMAP4rev1 WG mtg summary and minutes".into()),
        from: vec![address(Some("Terry Gray"), "gray", "cac.washington.edu")],
        to: vec![address(None, "imap", "cac.washington.edu")],
        cc: vec![address(None, "minutes", "CNRI.Reston.VA.US"), address(Some("John Klensin"), "KLENSIN", "MIT.EDU")],
        message_id: Some("<B27397-0100000@cac.washington.edu>".into()),
        ..Envelope::default()
    };
    check(
        "* 12 FETCH (ENVELOPE (\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg summary and minutes\" \
         ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) \
         ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((NIL NIL \"imap\" \"cac.washington.edu\")) \
         ((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL NIL \
         \"<B27397-0100000@cac.washington.edu>\"))\r\n",
        |out| {
            let mut line = FetchLine::begin(out, 12);
            line.envelope(out, &envelope);
            line.end(out);
        },
    );
    let nasty = Envelope { subject: Some("a\"b\\ü\0".into()), ..Envelope::default() };
    check("* 1 FETCH (ENVELOPE (NIL {7}\r\na\"b\\ü  NIL NIL NIL NIL NIL NIL NIL NIL))\r\n", |out| {
        let mut line = FetchLine::begin(out, 1);
        line.envelope(out, &nasty);
        line.end(out);
    });
}

fn part(kind: Kind, subtype: &str) -> Part {
    Part {
        kind,
        subtype: subtype.into(),
        parameters: Vec::new(),
        id: None,
        description: None,
        encoding: Vec::new(),
        octets: 3028,
        md5: None,
        disposition: None,
        language: Vec::new(),
        location: None,
    }
}

fn multipart(parts: Vec<BodyPart>, subtype: &str) -> BodyPart {
    BodyPart::Multipart(Multipart {
        parts,
        subtype: subtype.into(),
        parameters: vec![("boundary".into(), "x".into())],
        disposition: None,
        language: Vec::new(),
        location: None,
    })
}

#[track_caller]
fn check_structure(body: &BodyPart, basic: &str, extended: &str) {
    check(&format!("* 1 FETCH (BODY {basic} BODYSTRUCTURE {extended})\r\n"), |out| {
        let mut line = FetchLine::begin(out, 1);
        line.body(out, body);
        line.body_structure(out, body);
        line.end(out);
    });
}

#[test]
fn structures() {
    let text =
        Part { parameters: vec![("CHARSET".into(), "US-ASCII".into())], ..part(Kind::Text { lines: 92 }, "PLAIN") };
    let basic = "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 3028 92)";
    let extended = "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 3028 92 NIL NIL NIL NIL)";
    let text = BodyPart::Single(Box::new(text));
    check_structure(&text, basic, extended);

    let image = Part {
        id: Some("<1@x>".into()),
        encoding: "base64".into(),
        disposition: Some(Disposition {
            kind: "attachment".into(),
            parameters: vec![("filename".into(), "a.png".into())],
        }),
        language: vec!["de".into(), "en".into()],
        ..part(Kind::Other("image".into()), "png")
    };
    let message = Kind::Message { envelope: Box::default(), body: Box::new(text.clone()), lines: 100 };
    let body = multipart(
        vec![text, BodyPart::Single(Box::new(image)), BodyPart::Single(Box::new(part(message, "rfc822")))],
        "mixed",
    );
    let envelope = "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)";
    check_structure(
        &body,
        &format!(
            "({basic}(\"image\" \"png\" NIL \"<1@x>\" NIL \"base64\" 3028)\
             (\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 3028 {envelope} {basic} 100) \"mixed\")"
        ),
        &format!(
            "({extended}(\"image\" \"png\" NIL \"<1@x>\" NIL \"base64\" 3028 NIL \
             (\"attachment\" (\"filename\" \"a.png\")) (\"de\" \"en\") NIL)\
             (\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 3028 {envelope} {extended} 100 NIL NIL NIL NIL) \
             \"mixed\" (\"boundary\" \"x\") NIL NIL NIL)"
        ),
    );
}

#[test]
fn structures_that_are_none_are_made_ones() {
    let empty = "(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 0 0";
    check_structure(
        &multipart(Vec::new(), ""),
        &format!("({empty}) \"MIXED\")"),
        &format!("({empty} NIL NIL NIL NIL) \"MIXED\" (\"boundary\" \"x\") NIL NIL NIL)"),
    );
    for (kind, subtype) in [("Text", "plain"), ("MESSAGE", "rfc822"), ("multipart", "mixed"), ("image", "")] {
        let body = BodyPart::Single(Box::new(part(Kind::Other(kind.into()), subtype)));
        let start = "(\"APPLICATION\" \"OCTET-STREAM\" NIL NIL NIL \"7BIT\" 3028";
        check_structure(&body, &format!("{start})"), &format!("{start} NIL NIL NIL NIL)"));
    }
}

#[test]
fn long_strings_are_literals() {
    let long = "x".repeat(1001);
    let wanted = format!("* ID (\"name\" {{1001}}\r\n{long})\r\n");
    check_unknown(&wanted, |out| id(out, [("name", Some(long.as_str()))]));
}

#[test]
fn quotas() {
    let storage = [Resource { name: "STORAGE", usage: 104, limit: 10_923_847 }];
    check_unknown("* QUOTA \"\" (STORAGE 104 10923847)\r\n", |out| quota(out, "", &storage));
    let roots = |roots: &'static [&'static str]| {
        move |out: &mut Vec<u8>| quota_root(out, Names::ModifiedUtf7, &name("INBOX"), roots)
    };
    check("* QUOTAROOT INBOX \"\"\r\n", roots(&[""]));
    check("* QUOTAROOT INBOX\r\n", roots(&[]));
}

#[test]
fn rights() {
    let utf7 = Names::ModifiedUtf7;
    check_unknown("* ACL \"a b\" ben@corp.example lr anyone \"\"\r\n", |out| {
        acl(out, utf7, &name("a b"), [("ben@corp.example", "lr"), ("anyone", "")]);
    });
    check_unknown("* LISTRIGHTS INBOX ben \"\" lr i\r\n", |out| {
        list_rights(out, utf7, &name("INBOX"), "ben", "", ["lr", "i"]);
    });
    check_unknown("* MYRIGHTS INBOX lrs\r\n", |out| my_rights(out, utf7, &name("INBOX"), "lrs"));
}

#[test]
fn notes() {
    let entry = |name| Entry::new(name).unwrap();
    let (private, shared) = (entry("/private/comment"), entry("/shared/Comment"));
    let utf7 = Names::ModifiedUtf7;
    check("* METADATA \"\" (/private/comment \"a \\\"b\" /shared/comment NIL)\r\n", |out| {
        let values = [(&private, Some(b"a \"b".as_slice())), (&shared, None)];
        metadata(out, utf7, &name(""), values);
    });
    check_unknown("* METADATA INBOX (/private/comment ~{3}\r\na\0b)\r\n", |out| {
        metadata(out, utf7, &name("INBOX"), [(&private, Some(b"a\0b".as_slice()))]);
    });
    check("* METADATA INBOX /private/comment /shared/comment\r\n", |out| {
        metadata_changed(out, utf7, &name("INBOX"), [&private, &shared]);
    });
}
