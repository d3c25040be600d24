//! LIST, LSUB and XLIST.

use nom::Parser;
use nom::branch::alt;
use nom::combinator::{map, value};
use nom::sequence::preceded;

use super::Verb;
use super::metadata::{Entry, entries};
use super::status::{Item, items};
use crate::grammar::{Parsed, after_sp, expected, keyword, opt_after_sp, parenthesized, sp};
use crate::mailbox::{MailboxName, Names, Pattern, mailbox, pattern};

/// `LIST` (RFC 3501 section 6.3.8, RFC 5258).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Where the patterns start from; mostly empty.
    pub reference: MailboxName,
    /// One, or several in parentheses. A single empty one asks for the delimiter.
    pub patterns: Vec<Pattern>,
    /// What is listed.
    pub select: Select,
    /// What is told.
    pub returns: Return,
    /// True if the command has selection options, return options or several patterns, whatever they are.
    pub extended: bool,
}

/// Selection options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Select {
    /// `SUBSCRIBED`: subscribed names, existing or not (RFC 5258).
    pub subscribed: bool,
    /// `REMOTE` (RFC 5258).
    pub remote: bool,
    /// `RECURSIVEMATCH` (RFC 5258).
    pub recursive_match: bool,
    /// `SPECIAL-USE`: only mailboxes that have a use (RFC 6154).
    pub special_use: bool,
}

/// Return options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Return {
    /// `SUBSCRIBED` (RFC 5258)
    pub subscribed: bool,
    /// `CHILDREN` (RFC 5258)
    pub children: bool,
    /// `SPECIAL-USE` (RFC 6154)
    pub special_use: bool,
    /// `MYRIGHTS` (RFC 8440)
    pub my_rights: bool,
    /// `STATUS (...)` (RFC 5819); empty if not asked for.
    pub status: Vec<Item>,
    /// `METADATA (...)` (RFC 9590); empty if not asked for.
    pub metadata: Vec<Entry>,
}

/// `list = "LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat [SP list-return-opts]` (RFC 5258 section 6)
pub(super) fn list(names: Names, input: &[u8]) -> Parsed<'_, Verb> {
    let (rest, select) = match sp(input)?.0 {
        rest @ [b'(', ..] => map(select_options, Some).parse(rest)?,
        _ => (input, None),
    };
    let (rest, (reference, patterns)) = (after_sp(mailbox(names)), after_sp(patterns(names))).parse(rest)?;
    let (rest, returns) = opt_after_sp(return_options).parse(rest)?;
    let extended = select.is_some() || returns.is_some() || patterns.len() > 1;
    let (select, returns) = (select.unwrap_or_default(), returns.unwrap_or_default());
    Ok((rest, Verb::List(List { reference, patterns, select, returns, extended })))
}

/// `lsub = "LSUB" SP mailbox SP list-mailbox`
pub(super) fn lsub(names: Names, input: &[u8]) -> Parsed<'_, Verb> {
    map(|input| plain(names, input), Verb::Lsub).parse(input)
}

/// `xlist = "XLIST" SP mailbox SP list-mailbox`
pub(super) fn xlist(names: Names, input: &[u8]) -> Parsed<'_, Verb> {
    map(|input| plain(names, input), Verb::Xlist).parse(input)
}

fn plain(names: Names, input: &[u8]) -> Parsed<'_, List> {
    let (rest, (reference, pattern)) = (after_sp(mailbox(names)), after_sp(pattern(names))).parse(input)?;
    let (select, returns) = (Select::default(), Return::default());
    Ok((rest, List { reference, patterns: vec![pattern], select, returns, extended: false }))
}

/// ```text
/// mbox-or-pat = list-mailbox / patterns
/// patterns    = "(" list-mailbox *(SP list-mailbox) ")"
/// ```
fn patterns<'a>(names: Names) -> impl Parser<&'a [u8], Output = Vec<Pattern>, Error = crate::grammar::Trouble<'a>> {
    move |input: &'a [u8]| match input {
        [b'(', ..] => match parenthesized(pattern(names)).parse(input)? {
            (_, patterns) if patterns.is_empty() => expected(input, "at least one pattern"),
            (_, patterns) if patterns.len() > MOST_PATTERNS => expected(input, "fewer patterns"),
            found => Ok(found),
        },
        _ => map(pattern(names), |pattern| vec![pattern]).parse(input),
    }
}

/// ```text
/// list-select-opts     = "(" [(*(list-select-opt SP) list-select-base-opt *(SP list-select-opt))
///                        / (list-select-independent-opt *(SP list-select-independent-opt))] ")"
/// list-select-base-opt = "SUBSCRIBED" / "SPECIAL-USE"
/// list-select-mod-opt  = "RECURSIVEMATCH"
/// ```
/// (RFC 5258 section 6, RFC 6154 section 6)
fn select_options(input: &[u8]) -> Parsed<'_, Select> {
    type Set = fn(&mut Select);
    let option = alt((
        value((|select| select.subscribed = true) as Set, keyword("SUBSCRIBED")),
        value((|select| select.remote = true) as Set, keyword("REMOTE")),
        value((|select| select.recursive_match = true) as Set, keyword("RECURSIVEMATCH")),
        value((|select| select.special_use = true) as Set, keyword("SPECIAL-USE")),
    ));
    let (rest, options) = parenthesized(crate::grammar::named("a selection option", option)).parse(input)?;
    let mut select = Select::default();
    options.into_iter().for_each(|set| set(&mut select));
    if select.recursive_match && !select.subscribed && !select.special_use {
        return expected(input, "SUBSCRIBED or SPECIAL-USE beside RECURSIVEMATCH");
    }
    Ok((rest, select))
}

/// ```text
/// list-return-opts = "RETURN" SP "(" [return-option *(SP return-option)] ")"
/// return-option    = "SUBSCRIBED" / "CHILDREN" / "SPECIAL-USE" / "MYRIGHTS" / status-option / metadata-option
/// status-option    = "STATUS" SP "(" status-att *(SP status-att) ")"
/// metadata-option  = "METADATA" SP entries
/// ```
/// (RFC 5258 section 6, RFC 5819 section 4, RFC 6154 section 6, RFC 8440 section 5, RFC 9590 section 5)
fn return_options(input: &[u8]) -> Parsed<'_, Return> {
    #[derive(Clone)]
    enum Option {
        Plain(fn(&mut Return)),
        Status(Vec<Item>),
        Metadata(Vec<Entry>),
    }
    let plain = |set: fn(&mut Return)| Option::Plain(set);
    let option = alt((
        value(plain(|returns| returns.subscribed = true), keyword("SUBSCRIBED")),
        value(plain(|returns| returns.children = true), keyword("CHILDREN")),
        value(plain(|returns| returns.special_use = true), keyword("SPECIAL-USE")),
        value(plain(|returns| returns.my_rights = true), keyword("MYRIGHTS")),
        map(preceded(keyword("STATUS"), after_sp(items)), Option::Status),
        map(preceded(keyword("METADATA"), after_sp(entries)), Option::Metadata),
    ));
    let option = crate::grammar::named("a return option", option);
    let (rest, options) = preceded(keyword("RETURN"), after_sp(parenthesized(option))).parse(input)?;
    let mut returns = Return::default();
    for option in options {
        match option {
            Option::Plain(set) => set(&mut returns),
            Option::Status(items) => returns.status.extend(items),
            Option::Metadata(entries) => returns.metadata.extend(entries),
        }
    }
    Ok((rest, returns))
}

/// Each is matched with each mailbox.
const MOST_PATTERNS: usize = 100;
