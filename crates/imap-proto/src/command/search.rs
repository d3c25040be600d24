//! SEARCH, and what SORT, THREAD and ESEARCH share with it.

use jiff::civil::Date;
use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::take_while1;
use nom::combinator::{map, value};
use nom::sequence::preceded;

use super::{Reason, Verb};
use crate::date::date;
use crate::grammar::{
    Parsed, after_sp, astring, astring_text, end, expected, failure, keyword, named, number64, nz_number,
    parenthesized, quoted, sp,
};
use crate::page::{Page, page};
use crate::sequence::{Numbering, SequenceSet, sequence_set};

/// `SEARCH` (RFC 3501 section 6.4.4, RFC 4731).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// What the numbers of the answer are.
    pub numbering: Numbering,
    /// `RETURN (...)`: then the answer is ESEARCH. `RETURN ()` is `All` alone. `None` without RETURN.
    pub returns: Option<Vec<Return>>,
    /// What is looked for.
    pub key: Key,
    /// A charset was named, as who has enabled UTF-8 must not do (RFC 9755 section 3).
    pub charset: bool,
}

/// A result option (RFC 4731 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// `MIN`
    Min,
    /// `MAX`
    Max,
    /// `ALL`
    All,
    /// `COUNT`
    Count,
    /// `SAVE` (RFC 5182)
    Save,
    /// `PARTIAL` (RFC 9394): never beside [`Return::All`].
    Partial(Page),
}

/// A search key. Texts are in Unicode, to be compared without regard to case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// All of them; with none, everything.
    And(Vec<Key>),
    /// One of the two.
    Or(Box<Key>, Box<Key>),
    /// Not this.
    Not(Box<Key>),
    /// `ALL`
    All,
    /// `ANSWERED`
    Answered,
    /// `DELETED`
    Deleted,
    /// `DRAFT`
    Draft,
    /// `FLAGGED`
    Flagged,
    /// `SEEN`
    Seen,
    /// `RECENT`
    Recent,
    /// `NEW`: recent and not seen.
    New,
    /// `OLD`: not recent.
    Old,
    /// `KEYWORD`
    Keyword(String),
    /// `BCC`
    Bcc(String),
    /// `CC`
    Cc(String),
    /// `FROM`
    From(String),
    /// `TO`
    To(String),
    /// `SUBJECT`
    Subject(String),
    /// `HEADER name text`: an empty text asks whether there is such a field.
    Header(String, String),
    /// `BODY`
    Body(String),
    /// `TEXT`
    Text(String),
    /// `BEFORE`: the day of INTERNALDATE.
    Before(Date),
    /// `ON`
    On(Date),
    /// `SINCE`
    Since(Date),
    /// `SENTBEFORE`: the day of the Date field.
    SentBefore(Date),
    /// `SENTON`
    SentOn(Date),
    /// `SENTSINCE`
    SentSince(Date),
    /// `YOUNGER`: seconds (RFC 5032)
    Younger(u32),
    /// `OLDER`: seconds (RFC 5032)
    Older(u32),
    /// `SAVEDBEFORE`: the day of SAVEDATE (RFC 8514).
    SavedBefore(Date),
    /// `SAVEDON`
    SavedOn(Date),
    /// `SAVEDSINCE`
    SavedSince(Date),
    /// `SAVEDATESUPPORTED`
    SaveDateSupported,
    /// `LARGER`: octets.
    Larger(u64),
    /// `SMALLER`: octets.
    Smaller(u64),
    /// Message sequence numbers.
    Sequence(SequenceSet),
    /// `UID`
    Uid(SequenceSet),
    /// `MODSEQ`: this or higher (RFC 7162); the entry name and type, if any, do not count for us.
    ModSeq(u64),
    /// `EMAILID` (RFC 8474)
    EmailId(String),
    /// `THREADID` (RFC 8474)
    ThreadId(String),
}

impl Key {
    /// True if there is a key for which `is` holds, at any depth.
    pub fn any(&self, is: &impl Fn(&Self) -> bool) -> bool {
        is(self)
            || match self {
                Self::And(keys) => keys.iter().any(|key| key.any(is)),
                Self::Or(one, other) => one.any(is) || other.any(is),
                Self::Not(key) => key.any(is),
                _ => false,
            }
    }
}

/// ```text
/// search         = "SEARCH" [search-return-opts] SP search-program
/// search-program = ["CHARSET" SP charset SP] search-key *(SP search-key)
/// ```
/// (RFC 9051 section 9)
pub(super) fn search(numbering: Numbering, input: &[u8]) -> Parsed<'_, Verb> {
    let (rest, returns) = returns(input)?;
    let (rest, (key, charset)) = program(rest)?;
    Ok((rest, Verb::Search(Search { numbering, returns, key, charset })))
}

/// `search-program = ["CHARSET" SP charset SP] search-key *(SP search-key)`, and the space before it;
/// true if a charset is named.
pub(super) fn program(input: &[u8]) -> Parsed<'_, (Key, bool)> {
    match after_sp(keyword("CHARSET")).parse(input) {
        Ok((rest, ())) => map(criteria, |key| (key, true)).parse(rest),
        Err(_) => map(keys, |key| (key, false)).parse(input),
    }
}

/// `search-criteria = charset 1*(SP search-key)` (RFC 5256 section 5), and the space before it.
pub(super) fn criteria(input: &[u8]) -> Parsed<'_, Key> {
    let (rest, ()) = after_sp(charset).parse(input)?;
    keys(rest)
}

fn keys(input: &[u8]) -> Parsed<'_, Key> {
    let (mut rest, first) = after_sp(|input| key(DEEPEST, input)).parse(input)?;
    let mut keys = vec![first];
    while end(rest).is_err() {
        let (after, next) = after_sp(|input| key(DEEPEST, input)).parse(rest)?;
        keys.push(next);
        rest = after;
    }
    Ok((rest, and(keys)))
}

/// `search-return-opts`, if they are there, and the space before them.
pub(super) fn returns(input: &[u8]) -> Parsed<'_, Option<Vec<Return>>> {
    match after_sp(keyword("RETURN")).parse(input) {
        Ok((rest, ())) => map(after_sp(return_options), Some).parse(rest),
        Err(_) => Ok((input, None)),
    }
}

/// ```text
/// search-return-opts = SP "RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")"
/// search-return-opt  = "MIN" / "MAX" / "ALL" / "COUNT" / "SAVE" / "PARTIAL" SP partial-range
/// ```
fn return_options(input: &[u8]) -> Parsed<'_, Vec<Return>> {
    let option = alt((
        value(Return::Min, keyword("MIN")),
        value(Return::Max, keyword("MAX")),
        value(Return::All, keyword("ALL")),
        value(Return::Count, keyword("COUNT")),
        value(Return::Save, keyword("SAVE")),
        map(preceded(keyword("PARTIAL"), after_sp(page)), Return::Partial),
    ));
    let (rest, mut options) = parenthesized(named("MIN, MAX, ALL, COUNT, SAVE or PARTIAL", option)).parse(input)?;
    let pages = options.iter().filter(|option| matches!(option, Return::Partial(_))).count();
    // RFC 9394 section 3.1
    if pages > 1 || pages == 1 && options.contains(&Return::All) {
        return expected(input, "one PARTIAL, and no ALL beside it");
    }
    // RFC 4731 section 3.1: no option means ALL.
    if options.is_empty() {
        options.push(Return::All);
    }
    Ok((rest, options))
}

/// `charset = atom / quoted`. UTF-8 is read in either of the two we have.
fn charset(input: &[u8]) -> Parsed<'_, ()> {
    let (rest, name) = named("a charset", astring).parse(input)?;
    let known = ["UTF-8", "US-ASCII", "UTF8", "ASCII"].iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
    if known { Ok((rest, ())) } else { failure(input, Reason::BadCharset) }
}

/// `search-key = "ALL" / "ANSWERED" / "BCC" SP astring / ... / sequence-set / "(" search-key *(SP search-key) ")"`
fn key(depth: usize, input: &[u8]) -> Parsed<'_, Key> {
    let Some(depth) = depth.checked_sub(1) else { return failure(input, Reason::TooDeep) };
    match input {
        [b'(', ..] => match parenthesized(|input| key(depth, input)).parse(input)? {
            (_, keys) if keys.is_empty() => expected(input, "a search key in the parentheses"),
            (rest, keys) => Ok((rest, and(keys))),
        },
        [b'0'..=b'9' | b'*' | b'$', ..] => map(sequence_set, Key::Sequence).parse(input),
        _ => named_key(depth, input),
    }
}

fn named_key(depth: usize, input: &[u8]) -> Parsed<'_, Key> {
    let letters = take_while1(|byte: u8| byte.is_ascii_alphanumeric());
    let (rest, name): (_, &[u8]) = named("a search key", letters).parse(input)?;
    let Some((_, argument)) = KEYS.iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name)) else {
        return expected(input, "a search key");
    };
    let not = |key| Key::Not(Box::new(key));
    match argument {
        Argument::None(key) => Ok((rest, key.clone())),
        Argument::NoneNot(key) => Ok((rest, not(key.clone()))),
        Argument::Text(of) => map(after_sp(sought), of).parse(rest),
        Argument::Date(of) => map(after_sp(date), of).parse(rest),
        Argument::Size(of) => map(after_sp(number64), of).parse(rest),
        Argument::Interval(of) => map(after_sp(nz_number), of).parse(rest),
        Argument::Keyword => map(after_sp(astring_text), Key::Keyword).parse(rest),
        Argument::Unkeyword => map(after_sp(astring_text), |word| not(Key::Keyword(word))).parse(rest),
        Argument::Header => {
            let (rest, (name, text)) = (after_sp(astring_text), after_sp(sought)).parse(rest)?;
            Ok((rest, Key::Header(name, text)))
        }
        Argument::Uid => map(after_sp(sequence_set), Key::Uid).parse(rest),
        Argument::ModSeq => after_sp(mod_seq).parse(rest),
        Argument::Not => map(after_sp(|input| key(depth, input)), not).parse(rest),
        Argument::Or => {
            let (rest, first) = after_sp(|input| key(depth, input)).parse(rest)?;
            let (rest, second) = after_sp(|input| key(depth, input)).parse(rest)?;
            Ok((rest, Key::Or(Box::new(first), Box::new(second))))
        }
    }
}

/// `astring` that is looked for: UTF-8.
///
/// Seen from JavaMail 1.6: after ENABLE UTF8=ACCEPT each character is sent as the octet that is its low half. So what is
/// not UTF-8 is taken as Latin-1.
fn sought(input: &[u8]) -> Parsed<'_, String> {
    let as_latin1 = |bytes: &[u8]| bytes.iter().map(|&byte| char::from(byte)).collect();
    map(astring, |bytes| std::str::from_utf8(&bytes).map_or_else(|_| as_latin1(&bytes), str::to_owned)).parse(input)
}

/// ```text
/// search-modsequence   = "MODSEQ" [SP entry-name SP entry-type-req] SP mod-sequence-valzer
/// entry-type-req       = "priv" / "shared" / "all"
/// ```
/// (RFC 7162 section 7)
fn mod_seq(input: &[u8]) -> Parsed<'_, Key> {
    let kind = alt((keyword("priv"), keyword("shared"), keyword("all")));
    let rest = match quoted(input) {
        Ok((rest, _)) => (after_sp(kind), sp).parse(rest)?.0,
        Err(_) => input,
    };
    map(number64, Key::ModSeq).parse(rest)
}

/// Keys that all must hold; one alone is itself.
fn and(mut keys: Vec<Key>) -> Key {
    match (keys.pop(), keys.is_empty()) {
        (Some(only), true) => only,
        (last, _) => Key::And(keys.into_iter().chain(last).collect()),
    }
}

/// What follows the name of a key, and what the two make.
enum Argument {
    None(Key),
    NoneNot(Key),
    Text(fn(String) -> Key),
    Date(fn(Date) -> Key),
    Size(fn(u64) -> Key),
    Interval(fn(u32) -> Key),
    Keyword,
    Unkeyword,
    Header,
    Uid,
    ModSeq,
    Not,
    Or,
}

const KEYS: [(&str, Argument); 44] = [
    ("ALL", Argument::None(Key::All)),
    ("ANSWERED", Argument::None(Key::Answered)),
    ("BCC", Argument::Text(Key::Bcc)),
    ("BEFORE", Argument::Date(Key::Before)),
    ("BODY", Argument::Text(Key::Body)),
    ("CC", Argument::Text(Key::Cc)),
    ("DELETED", Argument::None(Key::Deleted)),
    ("DRAFT", Argument::None(Key::Draft)),
    ("EMAILID", Argument::Text(Key::EmailId)),
    ("FLAGGED", Argument::None(Key::Flagged)),
    ("FROM", Argument::Text(Key::From)),
    ("HEADER", Argument::Header),
    ("KEYWORD", Argument::Keyword),
    ("LARGER", Argument::Size(Key::Larger)),
    ("MODSEQ", Argument::ModSeq),
    ("NEW", Argument::None(Key::New)),
    ("NOT", Argument::Not),
    ("OLD", Argument::None(Key::Old)),
    ("OLDER", Argument::Interval(Key::Older)),
    ("ON", Argument::Date(Key::On)),
    ("OR", Argument::Or),
    ("RECENT", Argument::None(Key::Recent)),
    ("SAVEDATESUPPORTED", Argument::None(Key::SaveDateSupported)),
    ("SAVEDBEFORE", Argument::Date(Key::SavedBefore)),
    ("SAVEDON", Argument::Date(Key::SavedOn)),
    ("SAVEDSINCE", Argument::Date(Key::SavedSince)),
    ("SEEN", Argument::None(Key::Seen)),
    ("SENTBEFORE", Argument::Date(Key::SentBefore)),
    ("SENTON", Argument::Date(Key::SentOn)),
    ("SENTSINCE", Argument::Date(Key::SentSince)),
    ("SINCE", Argument::Date(Key::Since)),
    ("SMALLER", Argument::Size(Key::Smaller)),
    ("SUBJECT", Argument::Text(Key::Subject)),
    ("TEXT", Argument::Text(Key::Text)),
    ("THREADID", Argument::Text(Key::ThreadId)),
    ("TO", Argument::Text(Key::To)),
    ("UID", Argument::Uid),
    ("UNANSWERED", Argument::NoneNot(Key::Answered)),
    ("UNDELETED", Argument::NoneNot(Key::Deleted)),
    ("UNDRAFT", Argument::NoneNot(Key::Draft)),
    ("UNFLAGGED", Argument::NoneNot(Key::Flagged)),
    ("UNKEYWORD", Argument::Unkeyword),
    ("UNSEEN", Argument::NoneNot(Key::Seen)),
    ("YOUNGER", Argument::Interval(Key::Younger)),
];

/// Keys inside of keys, the outermost counted: enough for any person, and little stack.
const DEEPEST: usize = 64;
