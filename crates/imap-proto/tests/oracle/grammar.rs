//! Commands made up from the grammar, for each that imap-codec knows.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

type Text = BoxedStrategy<String>;

/// Each command's name and its lines, without CRLF.
pub(crate) fn commands() -> Vec<(&'static str, Text)> {
    let named = |name: &'static str, arguments: Text| (name, seq([one(&["a ", "A1 ", "x.7 "]), word(name), arguments]));
    let both = |name: &'static str, uid: &'static str, arguments: Text| {
        [named(name, arguments.clone()), named(uid, arguments)]
    };
    let mut all = vec![
        named("CAPABILITY", none()),
        named("NOOP", none()),
        named("LOGOUT", none()),
        named("STARTTLS", none()),
        named("CHECK", none()),
        named("CLOSE", none()),
        named("UNSELECT", none()),
        named("EXPUNGE", none()),
        named("IDLE", none()),
        named("NAMESPACE", none()),
        named(
            "AUTHENTICATE",
            one(&[" PLAIN", " LOGIN", " xoauth2", " PLAIN AGFubmEAc2VjcmV0", " PLAIN =", " OAUTHBEARER bixh"]),
        ),
        named("LOGIN", seq([sp(), astring(), sp(), astring()])),
        named("SELECT", seq([sp(), mailbox(), opt(seq([sp(), select_parameters()]))])),
        named("EXAMINE", seq([sp(), mailbox(), opt(seq([sp(), select_parameters()]))])),
        named("CREATE", seq([sp(), mailbox()])),
        named("DELETE", seq([sp(), mailbox()])),
        named("RENAME", seq([sp(), mailbox(), sp(), mailbox()])),
        named("SUBSCRIBE", seq([sp(), mailbox()])),
        named("UNSUBSCRIBE", seq([sp(), mailbox()])),
        named("LIST", seq([sp(), mailbox(), sp(), pattern()])),
        named("LSUB", seq([sp(), mailbox(), sp(), pattern()])),
        named("STATUS", seq([sp(), mailbox(), sp(), list(one(STATUS_ITEMS), 1)])),
        named(
            "APPEND",
            seq([sp(), mailbox(), opt(seq([sp(), list(flag(), 0)])), opt(one(DATE_TIMES)), sp(), message()]),
        ),
        named("ENABLE", seq([sp(), joined(one(&["CONDSTORE", "QRESYNC", "IMAP4rev2", "X-OTHER", "enable"]), 1)])),
        named("COMPRESS", one(&[" DEFLATE", " deflate"])),
        named("GETQUOTA", seq([sp(), astring()])),
        named("GETQUOTAROOT", seq([sp(), mailbox()])),
        named(
            "SETQUOTA",
            seq([sp(), astring(), sp(), list(one(&["STORAGE 512", "message 0", "X-MINE 18446744073709551615"]), 0)]),
        ),
        named("ID", seq([sp(), prop_oneof![one(&["NIL", "nil"]), list(seq([string(), sp(), nstring()]), 1)].boxed()])),
        named("GETMETADATA", seq([opt(one(METADATA_OPTIONS)), sp(), mailbox(), sp(), entries()])),
        named("SETMETADATA", seq([sp(), mailbox(), sp(), list(seq([entry(), sp(), nstring()]), 1)])),
        named("UID EXPUNGE", seq([sp(), set()])),
    ];
    all.extend(both(
        "SEARCH",
        "UID SEARCH",
        seq([opt(one(&[" CHARSET UTF-8", " CHARSET \"US-ASCII\""])), sp(), joined(key(), 1)]),
    ));
    let sort_keys = list(seq([opt(one(&["REVERSE ", "reverse "])), one(SORT_KEYS)]), 1);
    all.extend(both(
        "SORT",
        "UID SORT",
        seq([sp(), sort_keys, sp(), one(&["UTF-8", "US-ASCII"]), sp(), joined(key(), 1)]),
    ));
    let algorithm = one(&["REFERENCES", "ORDEREDSUBJECT", "references"]);
    all.extend(both(
        "THREAD",
        "UID THREAD",
        seq([sp(), algorithm, sp(), one(&["UTF-8", "US-ASCII"]), sp(), joined(key(), 1)]),
    ));
    let changed = one(&[" (CHANGEDSINCE 7)", " (changedsince 18446744073709551615)"]);
    all.extend(both("FETCH", "UID FETCH", seq([sp(), set(), sp(), fetch_items(), opt(changed)])));
    all.push(named("UID FETCH", seq([sp(), set(), sp(), fetch_items(), one(&[" (CHANGEDSINCE 1 VANISHED)"])])));
    let store = [sp(), set(), opt(one(&[" (UNCHANGEDSINCE 0)", " (UNCHANGEDSINCE 99)"])), one(STORES), flags()];
    all.extend(both("STORE", "UID STORE", seq(store)));
    all.extend(both("COPY", "UID COPY", seq([sp(), set(), sp(), mailbox()])));
    all.extend(both("MOVE", "UID MOVE", seq([sp(), set(), sp(), mailbox()])));
    all
}

fn select_parameters() -> Text {
    let numbers = seq([one(&["67890007 20050715194045000", "1 1", "4294967295 9223372036854775807"])]);
    let matches = seq([one(&["("]), plain_set(), sp(), plain_set(), one(&[")"])]);
    let known = seq([sp(), plain_set(), opt(seq([sp(), matches]))]);
    let resync = seq([one(&["QRESYNC (", "qresync ("]), numbers, opt(known), one(&[")"])]);
    prop_oneof![
        one(&["(CONDSTORE)", "(condstore)"]),
        seq([one(&["("]), resync, opt(one(&[" CONDSTORE"])), one(&[")"])])
    ]
    .boxed()
}

fn fetch_items() -> Text {
    let fields = list(one(&["From", "\"Message-ID\"", "X-A", "{2}\r\nTo"]), 1);
    let section = prop_oneof![
        one(&["", "1", "1.2.3", "HEADER", "TEXT", "2.HEADER", "4.1.MIME", "1.TEXT", "header", "4294967295"]),
        seq([one(&["", "1.", "3.2."]), one(&["HEADER.FIELDS ", "HEADER.FIELDS.NOT ", "header.fields "]), fields]),
    ]
    .boxed();
    let partial = opt(one(&["<0.1>", "<100.4294967295>"]));
    let body = seq([one(&["BODY[", "BODY.PEEK[", "body.peek["]), section, one(&["]"]), partial.clone()]);
    let binary = seq([one(&["BINARY[", "BINARY.PEEK["]), one(&["1", "1.2", "3"]), one(&["]"]), partial]);
    let item =
        prop_oneof![4 => one(FETCH_ITEMS), 2 => body, 1 => binary, 1 => one(&["BINARY.SIZE[1]", "BINARY.SIZE[1.2]"])]
            .boxed();
    prop_oneof![one(&["ALL", "FAST", "FULL", "full"]), item.clone(), list(item, 1)].boxed()
}

fn key() -> Text {
    let text = seq([one(TEXT_KEYS), sp(), astring()]);
    let date = seq([one(DATE_KEYS), sp(), one(&["1-Feb-1994", "\"29-feb-2024\"", "31-DEC-1999", "01-Jan-2000"])]);
    let number = one(&["LARGER 0", "SMALLER 4294967295", "YOUNGER 1", "OLDER 86400", "younger 4294967295"]);
    let header = seq([one(&["HEADER "]), astring(), sp(), astring()]);
    let word = seq([one(&["KEYWORD ", "UNKEYWORD ", "keyword "]), one(&["Work", "$Forwarded", "a-b"])]);
    let uids = seq([one(&["UID ", "uid "]), set()]);
    let leaf = prop_oneof![3 => one(PLAIN_KEYS), 2 => text, 2 => date, 1 => number, 1 => header, 1 => word, 1 => set(), 1 => uids];
    let deeper = |inner: Text| {
        prop_oneof![
            seq([one(&["NOT ", "not "]), inner.clone()]),
            seq([one(&["OR ", "or "]), inner.clone(), sp(), inner.clone()]),
            list(inner, 1),
        ]
        .boxed()
    };
    leaf.prop_recursive(4, 24, 4, move |inner| deeper(inner.boxed())).boxed()
}

fn flags() -> Text {
    prop_oneof![3 => list(flag(), 0), 1 => joined(flag(), 1)].boxed()
}

fn flag() -> Text {
    one(&["\\Seen", "\\answered", "\\Flagged", "\\DELETED", "\\Draft", "\\Other", "Work", "$MDNSent", "a.b"])
}

fn entry() -> Text {
    one(&["/private/comment", "\"/shared/comment\"", "/Shared/Vendor/x/y", "{15}\r\n/private/filter"])
}

fn entries() -> Text {
    prop_oneof![entry(), list(entry(), 1)].boxed()
}

fn message() -> Text {
    one(&["{5}\r\nhello", "{0}\r\n", "{3+}\r\na\r\n", "~{4}\r\na\tb\n", "~{2+}\r\n..", "{4}\r\n\" (\\"])
}

fn mailbox() -> Text {
    one(&[
        "INBOX",
        "inbox",
        "\"InBox\"",
        "a",
        "A/b/c",
        "\"with space\"",
        "\"\"",
        "&AOQ-",
        "\"&U,BTFw-/&ZeVnLIqe-\"",
        "{6}\r\nfolder",
        "{3+}\r\na b",
        "\"quo\\\"te\\\\d\"",
        "#news.comp",
        "~peter",
        "x]y",
        "{5}\r\nInBoX",
    ])
}

fn pattern() -> Text {
    one(&["*", "%", "\"\"", "INBOX", "\"inbox\"", "a/%", "\"*\"", "%/b*", "{3}\r\na/*", "&AOQ-*", "x]"])
}

fn astring() -> Text {
    one(&[
        "abc",
        "\"a b\"",
        "\"\"",
        "{3}\r\nx y",
        "{4+}\r\n\r\n()",
        "\"\\\\\"",
        "a]b",
        "anna@example.org",
        "{2}\r\n\u{e4}",
        "+x",
        "NIL",
    ])
}

fn string() -> Text {
    one(&["\"name\"", "\"\"", "{4}\r\nname", "\"os version\"", "{2+}\r\nab", "\"q\\\"\""])
}

fn nstring() -> Text {
    prop_oneof![string(), one(&["NIL", "nil"])].boxed()
}

fn set() -> Text {
    one(&["1", "*", "1:*", "*:4", "2,4:7,9,12:*", "4294967295", "5:1", "1,1,1", "3:3"])
}

fn plain_set() -> Text {
    one(&["1", "1:100", "41,43:211,214:541", "4294967295"])
}

/// A word as it is, or in small letters.
fn word(word: &'static str) -> Text {
    select(vec![word.to_owned(), word.to_ascii_lowercase()]).boxed()
}

fn none() -> Text {
    Just(String::new()).boxed()
}

fn sp() -> Text {
    Just(" ".to_owned()).boxed()
}

fn one(words: &'static [&'static str]) -> Text {
    select(words).prop_map(str::to_owned).boxed()
}

fn seq<const N: usize>(parts: [Text; N]) -> Text {
    Vec::from(parts).prop_map(|parts| parts.concat()).boxed()
}

fn opt(part: Text) -> Text {
    prop_oneof![none(), part].boxed()
}

fn joined(part: Text, least: usize) -> Text {
    vec(part, least..4).prop_map(|parts| parts.join(" ")).boxed()
}

fn list(part: Text, least: usize) -> Text {
    joined(part, least).prop_map(|parts| format!("({parts})")).boxed()
}

const STATUS_ITEMS: &[&str] = &[
    "MESSAGES",
    "RECENT",
    "UIDNEXT",
    "UIDVALIDITY",
    "UNSEEN",
    "DELETED",
    "DELETED-STORAGE",
    "SIZE",
    "HIGHESTMODSEQ",
    "uidnext",
];
const METADATA_OPTIONS: &[&str] = &[" (MAXSIZE 1024)", " (DEPTH 0)", " (DEPTH 1 MAXSIZE 0)", " (depth infinity)"];
const SORT_KEYS: &[&str] =
    &["ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO", "DISPLAYFROM", "DISPLAYTO", "subject"];
const STORES: &[&str] = &[" FLAGS ", " +FLAGS ", " -FLAGS ", " FLAGS.SILENT ", " +FLAGS.SILENT ", " -flags.silent "];
const DATE_TIMES: &[&str] =
    &[" \"17-Jul-1996 02:44:25 -0700\"", " \" 1-Jan-2000 00:00:00 +0000\"", " \"29-Feb-2024 23:59:59 +1345\""];
const FETCH_ITEMS: &[&str] = &[
    "ENVELOPE",
    "FLAGS",
    "INTERNALDATE",
    "RFC822",
    "RFC822.HEADER",
    "RFC822.SIZE",
    "RFC822.TEXT",
    "BODY",
    "BODYSTRUCTURE",
    "UID",
    "MODSEQ",
    "uid",
    "rfc822.size",
];
const PLAIN_KEYS: &[&str] = &[
    "ALL",
    "ANSWERED",
    "DELETED",
    "DRAFT",
    "FLAGGED",
    "NEW",
    "OLD",
    "RECENT",
    "SEEN",
    "UNANSWERED",
    "UNDELETED",
    "UNDRAFT",
    "UNFLAGGED",
    "UNSEEN",
    "unseen",
];
const TEXT_KEYS: &[&str] = &["BCC", "BODY", "CC", "FROM", "SUBJECT", "TEXT", "TO", "subject"];
const DATE_KEYS: &[&str] = &["BEFORE", "ON", "SINCE", "SENTBEFORE", "SENTON", "SENTSINCE"];
