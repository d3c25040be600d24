//! SEARCH.

use jiff::civil::Date;

use crate::sequence::{Numbering, SequenceSet};

/// `SEARCH` (RFC 3501 section 6.4.4, RFC 4731).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// What the numbers of the answer are.
    pub numbering: Numbering,
    /// `RETURN (...)`: then the answer is ESEARCH. `RETURN ()` is `All` alone. `None` without RETURN.
    pub returns: Option<Vec<Return>>,
    /// What is looked for.
    pub key: Key,
}

/// A result option.
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
