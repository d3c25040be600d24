//! Commands: what is understood, as what, and what is said of the rest.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod samples;

use imap_proto::command::append::{Append, Event, Kind, Literal, Stretch};
use imap_proto::command::fetch::{Fetch, Item};
use imap_proto::command::scope::Scope;
use imap_proto::command::search::{Key, Return};
use imap_proto::command::sort::{By, Criterion};
use imap_proto::command::thread::Algorithm;
use imap_proto::command::{Reason, acl, metadata, notify, store};
use imap_proto::{Command, Flag, MailboxName, Names, Numbering, Partial, RawCommand, Section, SectionText, Tag, Verb};

fn parse(text: impl AsRef<[u8]>) -> Result<Command, imap_proto::ParseError> {
    Command::parse(&RawCommand::new(text.as_ref()), Names::ModifiedUtf7)
}

fn verb(text: &str) -> Verb {
    parse(text.replace('⏎', "\r\n")).unwrap_or_else(|error| panic!("{text}: {error}")).verb
}

#[test]
fn samples_are_understood_as_what_they_say() {
    for line in samples::good().into_iter().chain(samples::append()) {
        let text = String::from_utf8_lossy(&line).into_owned();
        let command = parse(&line).unwrap_or_else(|error| panic!("{text}: {error}"));
        let words: Vec<_> = text.split([' ', '\r']).filter(|word| !word.is_empty()).collect();
        let named = if words[1].eq_ignore_ascii_case("uid") { words[1..3].join(" ") } else { words[1].into() };
        assert_eq!(command.verb.name(), named.to_uppercase(), "{text}");
        assert_eq!(command.tag.as_str(), words[0]);
    }
}

#[test]
fn fetch() {
    let Verb::Fetch(found) =
        verb("a uid fetch 4,2:* (body.peek[1.2.HEADER.FIELDS.NOT (a b)]<5.100> BODY[] fast) (CHANGEDSINCE 7)")
    else {
        panic!()
    };
    let fields = SectionText::HeaderFieldsNot(vec!["a".into(), "b".into()]);
    let wanted = Fetch {
        numbering: Numbering::Uid,
        set: found.set.clone(),
        items: vec![
            Item::Section {
                peek: true,
                section: Section { part: vec![1, 2], text: fields },
                partial: Some(Partial { offset: 5, length: 100 }),
            },
            Item::Section { peek: false, section: Section::default(), partial: None },
            Item::Flags,
            Item::InternalDate,
            Item::Rfc822Size,
        ],
        changed_since: Some(7),
        vanished: false,
        partial: None,
    };
    assert_eq!(found, wanted);
    assert_eq!(found.set.to_string(), "4,2:*");
}

#[test]
fn search_is_an_algebra() {
    let key = |text: &str| match verb(text) {
        Verb::Search(search) => search.key,
        other => panic!("{other:?}"),
    };
    let not = |key| Key::Not(Box::new(key));
    let or = |first, second| Key::Or(Box::new(first), Box::new(second));
    assert_eq!(key("a SEARCH ALL"), Key::All);
    assert_eq!(
        key("a SEARCH OR UNSEEN (FLAGGED FROM x) NOT NOT DELETED"),
        Key::And(
            vec![or(not(Key::Seen), Key::And(vec![Key::Flagged, Key::From("x".into())])), not(not(Key::Deleted)),]
        )
    );
    assert_eq!(
        key("a SEARCH CHARSET UTF-8 HEADER List-Id {7}⏎Größe UNKEYWORD Work"),
        Key::And(vec![Key::Header("List-Id".into(), "Größe".into()), not(Key::Keyword("Work".into()))])
    );
    let Verb::Search(search) = verb("a UID SEARCH RETURN () 1:3") else { panic!() };
    assert_eq!((search.returns, search.numbering), (Some(vec![Return::All]), Numbering::Uid));
}

#[test]
fn sort_goes_by_each_thing_once() {
    let Verb::Sort(sort) =
        verb("a UID SORT RETURN (MIN PARTIAL -1:-3) (REVERSE DATE from reverse from) UTF-8 SEEN 1:3")
    else {
        panic!()
    };
    let criterion = |reverse, by| Criterion { reverse, by };
    assert_eq!(sort.criteria, [criterion(true, By::Date), criterion(false, By::From)]);
    assert_eq!((sort.numbering, sort.returns.unwrap().len()), (Numbering::Uid, 2));
    assert!(matches!(sort.key, Key::And(keys) if keys.len() == 2));
    let Verb::Thread(thread) = verb("a THREAD references us-ascii ALL") else { panic!() };
    assert_eq!((thread.algorithm, thread.key), (Algorithm::References, Key::All));
    assert_eq!(parse("a SORT (DATE) KOI8-R ALL").unwrap_err().reason, Reason::BadCharset);
    assert_eq!(parse("a THREAD REFERENCES KOI8-R ALL").unwrap_err().reason, Reason::BadCharset);
}

#[test]
fn esearch_says_where() {
    let Verb::Esearch(esearch) = verb("a ESEARCH IN (mailboxes (a inbox) subtree-one b selected) RETURN (COUNT) SEEN")
    else {
        panic!()
    };
    let name = |name: &str| MailboxName(name.into());
    let wanted =
        [Scope::Mailboxes(vec![name("a"), MailboxName::inbox()]), Scope::SubtreeOne(vec![name("b")]), Scope::Selected];
    assert_eq!(esearch.scopes, wanted);
    assert_eq!((esearch.returns, esearch.key), (vec![Return::Count], Key::Seen));
    let Verb::Esearch(esearch) = verb("a ESEARCH ALL") else { panic!() };
    assert_eq!((esearch.scopes, esearch.returns), (vec![Scope::Selected], vec![Return::All]));
}

#[test]
fn search_is_nested_only_so_deep() {
    let nested = |depth: usize| format!("a SEARCH {}SEEN{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(nested(63)).is_ok());
    assert_eq!(parse(nested(64)).unwrap_err().reason, Reason::TooDeep);
    assert_eq!(parse(nested(30_000)).unwrap_err().reason, Reason::TooDeep);
    for word in ["NOT ", "OR ", "OR SEEN ", "(OR SEEN NOT "] {
        let text = format!("a SEARCH {}", word.repeat(20_000));
        assert_eq!(parse(text).unwrap_err().reason, Reason::TooDeep, "{word}");
    }
}

#[test]
fn store_takes_flags_in_any_form() {
    for flags in ["(\\Seen Work)", "\\Seen Work", "(\"\\SEEN\" \"Work\")", "( \\seen  work )", "\\Seen WORK "] {
        let Verb::Store(store) = verb(&format!("a STORE 1 (UNCHANGEDSINCE 9) -FLAGS.SILENT {flags}")) else { panic!() };
        assert_eq!(store.flags, [Flag::Seen, Flag::Keyword("Work".into())]);
        assert_eq!((store.operation, store.silent), (store::Operation::Remove, true));
        assert_eq!(store.unchanged_since, Some(9));
    }
    let Verb::Store(store) = verb("a STORE 1 FLAGS ()") else { panic!() };
    assert_eq!((store.flags.len(), store.operation, store.silent), (0, store::Operation::Replace, false));
}

#[test]
fn list_tells_basic_from_extended() {
    let list = |text: &str| match verb(text) {
        Verb::List(list) => list,
        other => panic!("{other:?}"),
    };
    assert!(!list("a LIST \"\" *").extended);
    assert!(list("a LIST \"\" (a b)").extended);
    let found = list("6 list (subscribed) \"\" \"*\" return (special-use status (messages size))");
    assert!(found.extended && found.select.subscribed && found.returns.special_use && !found.select.special_use);
    assert_eq!(found.returns.status.iter().map(|item| item.name()).collect::<Vec<_>>(), ["MESSAGES", "SIZE"]);
    assert!(list("a LIST () \"\" a").extended);
}

#[test]
fn what_is_asked_twice_is_told_once() {
    let Verb::Fetch(fetch) = verb("a FETCH 1 (FLAGS UID FLAGS BODY[] BODY[] BODY[1] FAST)") else { panic!() };
    assert_eq!(fetch.items.len(), 6);
    let Verb::Status(status) = verb("a STATUS x (UNSEEN MESSAGES unseen)") else { panic!() };
    assert_eq!(status.items.iter().map(|item| item.name()).collect::<Vec<_>>(), ["UNSEEN", "MESSAGES"]);
    assert!(parse(format!("a LIST \"\" ({})", "% ".repeat(101))).is_err());
}

#[test]
fn names_are_decoded() {
    let Verb::Rename(rename) = verb("a RENAME \"Entw&APw-rfe\" inbox") else { panic!() };
    assert_eq!((rename.from.0.as_str(), rename.to), ("Entwürfe", MailboxName::inbox()));
    let raw = RawCommand::new("a SELECT \"AT&T &APw-\"");
    let Verb::Select(select) = Command::parse(&raw, Names::Utf8).unwrap().verb else { panic!() };
    assert_eq!(select.mailbox.0, "AT&T &APw-");
}

#[test]
fn append_comes_in_steps() {
    let line = "A003 APPEND INBOX (\\Seen) \"17-Jul-1996 02:44:25 -0700\" {310}";
    let command = parse(line).unwrap();
    let Verb::Append(Append { said, .. }) = command.verb else { panic!() };
    let first = said.literal.unwrap();
    assert_eq!((first.kind, first.size, first.utf8, first.binary), (Kind::Message, 310, false, false));
    let [Event::Message { flags, date: Some(date) }] = said.events.as_slice() else { panic!("{said:?}") };
    assert_eq!((flags.as_slice(), date.to_string().as_str()), (&[Flag::Seen][..], "17-Jul-1996 02:44:25 -0700"));
    let next = |before: &Literal, text: &str| before.next(&command.tag, "APPEND", &RawCommand::new(text));
    let second = next(&first, " (\\Flagged) {5+}").unwrap();
    assert!(matches!(second.events.as_slice(), [Event::Message { date: None, .. }]));
    let second = second.literal.unwrap();
    assert_eq!(second.size, 5);
    let nothing = Stretch { events: Vec::new(), literal: None };
    assert_eq!(next(&second, ""), Ok(nothing.clone()));
    assert_eq!(next(&second, " "), Ok(nothing.clone()));
    let error = next(&second, " x").unwrap_err();
    assert_eq!(error.to_string(), "APPEND: expected the message as a literal at octet 1");
    let Verb::Append(Append { said, .. }) = verb("a APPEND x UTF8 (~{3}") else { panic!() };
    let utf8 = said.literal.unwrap();
    assert!(utf8.utf8 && !utf8.binary);
    assert_eq!(next(&utf8, ")"), Ok(nothing));
    assert!(next(&utf8, "").is_err());
    assert_eq!(next(&utf8, ") ~{7}").unwrap().literal.map(|literal| (literal.size, literal.binary)), Some((7, true)));
}

#[test]
fn catenate_is_read_part_by_part() {
    let Verb::Append(Append { said, .. }) =
        verb("a APPEND x (\\Draft) CATENATE (URL \"/INBOX/;UID=20\" URL /b TEXT {42}")
    else {
        panic!()
    };
    assert!(matches!(&said.events[..], [Event::Message { .. }, Event::Url(one), Event::Url(two)]
        if one == "/INBOX/;UID=20" && two == "/b"));
    let text = said.literal.unwrap();
    assert_eq!((text.kind, text.size), (Kind::Text, 42));
    let tag = Tag::new("a").unwrap();
    let next = |before: &Literal, text: &str| before.next(&tag, "APPEND", &RawCommand::new(text));
    let url = next(&text, " URL {9}").unwrap();
    assert!(url.events.is_empty() && url.literal.unwrap().kind == Kind::Url);
    let utf8 = next(&url.literal.unwrap(), " UTF8 (~{3+}").unwrap().literal.unwrap();
    assert!(utf8.kind == Kind::Text && utf8.utf8);
    let end = next(&utf8, ") URL /c)").unwrap();
    assert_eq!((end.events.as_slice(), end.literal), (&[Event::Url("/c".into())][..], None));
    let another = next(&utf8, ") ) (\\Seen) CATENATE (TEXT {1}").unwrap();
    assert!(matches!(&another.events[..], [Event::Message { .. }]) && another.literal.is_some());
    for wrong in ["", ")x", ") ", ") URL /c", ") FOO /c)", ") URL)", ") URL /c) {1} x", ") ) CATENATE ()"] {
        assert!(next(&utf8, wrong).is_err(), "{wrong}");
    }
    for wrong in ["a APPEND x CATENATE ()", "a APPEND x CATENATE", "a APPEND x CATENATE (TEXT \"a\")", "a APPEND x"] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
    // Many messages in one stretch, which nothing forbids.
    let many = format!("a APPEND x{}", " CATENATE (URL /b)".repeat(3000));
    let Verb::Append(Append { said, .. }) = verb(&many) else { panic!() };
    assert_eq!(said.events.len(), 6000);
}

#[test]
fn replace() {
    let Verb::Replace(found) = verb("a UID REPLACE 17 Drafts (\\Draft) {12}") else { panic!() };
    assert_eq!((found.numbering, found.message.to_string().as_str()), (Numbering::Uid, "17"));
    assert_eq!(found.append.mailbox.0, "Drafts");
    let Verb::Replace(found) = verb("a REPLACE * {6}⏎Drafts {12}") else { panic!() };
    assert_eq!((found.numbering, found.message.to_string().as_str()), (Numbering::Sequence, "*"));
    for wrong in ["a REPLACE Drafts {1}", "a REPLACE 1:2 Drafts {1}", "a REPLACE 0 Drafts {1}", "a REPLACE 1 Drafts"] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn secrets_are_kept() {
    let command = parse("a LOGIN EXAMPLE\\anna \"hunter2\"").unwrap();
    assert!(!format!("{command:?}").contains("hunter2"));
    let Verb::Login(login) = command.verb else { panic!() };
    assert_eq!((login.user.as_str(), login.password.expose()), ("EXAMPLE\\anna", b"hunter2".as_slice()));
    let Verb::Authenticate(sasl) = verb("a authenticate plain =") else { panic!() };
    assert_eq!((sasl.mechanism.as_str(), sasl.initial.unwrap().expose()), ("PLAIN", b"".as_slice()));
}

#[test]
fn errors_say_what_and_where() {
    let table: &[(&str, Option<&str>, &str)] = &[
        ("", None, "expected a tag and a command"),
        ("* NOOP", None, "expected a tag and a command"),
        ("+ NOOP", None, "expected a tag and a command"),
        ("a\0b NOOP", None, "expected a tag and a command"),
        ("a", Some("a"), "expected a space at octet 1"),
        ("a ", Some("a"), "expected a command at octet 2"),
        ("a FOO", Some("a"), "unknown command"),
        ("a UID", Some("a"), "unknown command"),
        ("a UID NOOP", Some("a"), "unknown command"),
        ("a NOOP now", Some("a"), "NOOP: expected the end of the command at octet 7"),
        ("a SELECT", Some("a"), "SELECT: expected a space at octet 8"),
        ("a SELECT ", Some("a"), "SELECT: expected a mailbox name at octet 9"),
        ("a SELECT \"x", Some("a"), "SELECT: expected the \" that ends the string at octet 11"),
        (
            "a SELECT AT&T",
            Some("a"),
            "SELECT: expected a mailbox name in modified UTF-7 (& alone is written &-) at octet 9",
        ),
        ("a SELECT {5}x", Some("a"), "SELECT: expected the line end of a literal at octet 12"),
        ("a FETCH 0 FLAGS", Some("a"), "FETCH: expected a set of message numbers at octet 8"),
        ("a FETCH 1:x FLAGS", Some("a"), "FETCH: expected a message number after the colon at octet 9"),
        ("a FETCH 1 (FLAGS FOO)", Some("a"), "FETCH: expected a FETCH item at octet 17"),
        (
            "a FETCH 1 BODY[1.FOO]",
            Some("a"),
            "FETCH: expected HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT or MIME at octet 17",
        ),
        ("a FETCH 1 (FLAGS", Some("a"), "FETCH: expected ) at octet 16"),
        ("a FETCH 1 ()", Some("a"), "FETCH: expected at least one item at octet 10"),
        (
            "a FETCH 1 FLAGS (VANISHED)",
            Some("a"),
            "FETCH: expected VANISHED in UID FETCH and with CHANGEDSINCE at octet 15",
        ),
        ("a STORE 1 FLAG x", Some("a"), "STORE: expected FLAGS, +FLAGS or -FLAGS at octet 10"),
        ("a SEARCH", Some("a"), "SEARCH: expected a space at octet 8"),
        ("a SEARCH ()", Some("a"), "SEARCH: expected a search key in the parentheses at octet 9"),
        ("a SEARCH SINCE 31-Feb-2020", Some("a"), "SEARCH: expected a date as 1-Feb-1994 at octet 15"),
        ("a SEARCH CHARSET KOI8-R ALL", Some("a"), "SEARCH: there is no such charset, use UTF-8"),
        (
            "a SEARCH RETURN (ALL PARTIAL 1:2) ALL",
            Some("a"),
            "SEARCH: expected one PARTIAL, and no ALL beside it at octet 16",
        ),
        ("a SEARCH RETURN (PARTIAL 0:2) ALL", Some("a"), "SEARCH: expected places as 1:100 or -1:-100 at octet 25"),
        ("a SORT () UTF-8 ALL", Some("a"), "SORT: expected at least one sort key at octet 7"),
        ("a SORT (REVERSE) UTF-8 ALL", Some("a"), "SORT: expected a sort key at octet 8"),
        ("a SORT (DATE) ALL", Some("a"), "SORT: there is no such charset, use UTF-8"),
        ("a SORT (DATE) UTF-8", Some("a"), "SORT: expected a space at octet 19"),
        ("a SORT RETURN (MIN) UTF-8 ALL", Some("a"), "SORT: expected ( at octet 20"),
        ("a ESEARCH IN () ALL", Some("a"), "ESEARCH: expected a set of mailboxes at octet 14"),
        ("a ESEARCH IN (mailboxes ()) ALL", Some("a"), "ESEARCH: expected some mailboxes at octet 24"),
        ("a ESEARCH IN (selected (x)) ALL", Some("a"), "ESEARCH: expected no scope options at octet 23"),
        ("a THREAD REFS UTF-8 ALL", Some("a"), "THREAD: expected ORDEREDSUBJECT or REFERENCES at octet 9"),
        ("a STATUS x ()", Some("a"), "STATUS: expected at least one status item at octet 11"),
        ("a STATUS x (FOO)", Some("a"), "STATUS: expected a status item at octet 12"),
        (
            "a LIST (RECURSIVEMATCH) \"\" *",
            Some("a"),
            "LIST: expected SUBSCRIBED or SPECIAL-USE beside RECURSIVEMATCH at octet 7",
        ),
        ("a APPEND x y", Some("a"), "APPEND: expected the message as a literal at octet 11"),
        ("a LOGIN x", Some("a"), "LOGIN: expected a space at octet 9"),
    ];
    for (text, tag, wanted) in table {
        let error = parse(text).expect_err(text);
        assert_eq!(error.to_string(), *wanted, "{text}");
        assert_eq!(error.tag.map(|tag| tag.to_string()).as_deref(), *tag, "{text}");
    }
    assert_eq!(parse("a SEARCH CHARSET KOI8-R ALL").unwrap_err().reason, Reason::BadCharset);
    assert!(parse(b"a SEARCH KEYWORD \"\xff\"").is_err());
    assert!(parse(b"a SELECT {2}\r\na\0").is_err());
}

#[test]
fn what_is_looked_for_and_is_not_utf8_is_latin1() {
    let search = |line: &[u8]| match parse(line).unwrap().verb {
        Verb::Search(search) => search.key,
        other => panic!("{other:?}"),
    };
    let subject = Key::Header("Subject".to_owned(), "Grüße".to_owned());
    assert_eq!(search(b"a SEARCH HEADER Subject \"Gr\xfc\xdfe\""), subject);
    assert_eq!(search("a SEARCH HEADER Subject \"Grüße\"".as_bytes()), subject);
}

#[test]
fn rights_are_small_letters_with_a_sign() {
    let Verb::SetAcl(set) = verb("a SETACL INBOX ben -rw1") else { panic!() };
    assert_eq!((set.change, set.rights.as_str()), (acl::RightsChange::Remove, "rw1"));
    assert!(parse("a SETACL INBOX ben lrQ").is_err() && parse("a SETACL INBOX ben").is_err());
}

#[test]
fn options_of_getmetadata_stand_before_or_behind_the_mailbox() {
    for text in
        ["a GETMETADATA (DEPTH 1 MAXSIZE 5) INBOX /private/a", "a GETMETADATA INBOX (DEPTH 1 MAXSIZE 5) /private/a"]
    {
        let Verb::GetMetadata(get) = verb(text) else { panic!() };
        assert_eq!((get.depth, get.max_size, get.entries.len()), (metadata::Depth::One, Some(5), 1), "{text}");
    }
    let bad = ["a GETMETADATA INBOX /private/a*", "a GETMETADATA INBOX ()", "a GETMETADATA (DEPTH 2) INBOX /private/a"];
    assert!(bad.iter().all(|text| parse(text).is_err()));
    assert!(parse("a SETMETADATA INBOX ()").is_err() && parse("a SETMETADATA INBOX (/private/a)").is_err());
}

#[test]
fn notify_asks_for_what_goes_together() {
    for bad in [
        "(selected (MessageNew))",
        "(selected (MessageExpunge))",
        "(personal (FlagChange))",
        "(selected (MailboxName))",
        "(selected NONE) (selected-delayed NONE)",
        "(personal (MessageNew (UID) MessageExpunge))",
        "(mailboxes () NONE)",
        "(everywhere NONE)",
        "",
    ] {
        assert!(parse(format!("a NOTIFY SET {bad}")).is_err(), "{bad}");
    }
    let Verb::Notify(notify::Notify::Set { status, groups }) =
        verb("a NOTIFY SET STATUS (selected (MessageNew (UID FLAGS) MessageExpunge)) (personal (Other))")
    else {
        panic!()
    };
    let new = notify::Event::MessageNew(vec![Item::Uid, Item::Flags]);
    assert!(status && groups[0].events == [new, notify::Event::MessageExpunge]);
    assert_eq!(groups[1].events, [notify::Event::Unknown]);
}
