//! Response codes.

use super::word;
use crate::command::Tag;
use crate::flag::Flag;

/// A response code, without its brackets (RFC 3501 section 7.1, RFC 5530, and where said).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// `ALERT`: the text must be shown to the person.
    Alert,
    /// `ALREADYEXISTS` (RFC 5530)
    AlreadyExists,
    /// `APPENDUID uidvalidity uids` (RFC 4315); `uids` must not be empty.
    AppendUid {
        /// UIDVALIDITY of the mailbox appended to.
        uid_validity: u32,
        /// The UIDs given, in the order of the messages.
        uids: Vec<u32>,
    },
    /// `AUTHENTICATIONFAILED` (RFC 5530)
    AuthenticationFailed,
    /// `AUTHORIZATIONFAILED` (RFC 5530)
    AuthorizationFailed,
    /// `BADURL url` (RFC 4469): the URL that names nothing.
    BadUrl(String),
    /// `BADCHARSET (US-ASCII UTF-8)`: the ones there are.
    BadCharset,
    /// `BADEVENT (...)` (RFC 5465): the events there are.
    BadEvent,
    /// `CANNOT` (RFC 5530)
    Cannot,
    /// `CAPABILITY ...`
    Capability(Vec<String>),
    /// `CLIENTBUG` (RFC 5530)
    ClientBug,
    /// `CLOSED` (RFC 7162): the mailbox selected before is closed.
    Closed,
    /// `COMPRESSIONACTIVE` (RFC 4978)
    CompressionActive,
    /// `CONTACTADMIN` (RFC 5530)
    ContactAdmin,
    /// `COPYUID uidvalidity from to` (RFC 4315); both must be of the same length and not empty.
    CopyUid {
        /// UIDVALIDITY of the mailbox copied to.
        uid_validity: u32,
        /// The UIDs copied.
        from: Vec<u32>,
        /// The UIDs given, one for each.
        to: Vec<u32>,
    },
    /// `CORRUPTION` (RFC 5530)
    Corruption,
    /// `EXPIRED` (RFC 5530)
    Expired,
    /// `EXPUNGEISSUED` (RFC 5530)
    ExpungeIssued,
    /// `HASCHILDREN` (RFC 9051)
    HasChildren,
    /// `HIGHESTMODSEQ n` (RFC 7162)
    HighestModSeq(u64),
    /// `INPROGRESS (tag done goal)` (RFC 9585)
    InProgress {
        /// The tag of the command that goes on.
        tag: Option<Tag>,
        /// How much is done.
        done: u32,
        /// How much there is to be done; 0 if nobody knows.
        goal: u32,
    },
    /// `INUSE` (RFC 5530)
    InUse,
    /// `LIMIT` (RFC 5530)
    Limit,
    /// `MAILBOXID (id)` (RFC 8474)
    MailboxId(String),
    /// `METADATA LONGENTRIES n` (RFC 5464): octets of the longest value that was left out.
    MetadataLongEntries(u64),
    /// `METADATA MAXSIZE n` (RFC 5464): octets a value may have.
    MetadataMaxSize(u64),
    /// `METADATA TOOMANY` (RFC 5464)
    MetadataTooMany,
    /// `MODIFIED set` (RFC 7162): UIDs or sequence numbers, as in the STORE.
    Modified(Vec<u32>),
    /// `NOMODSEQ` (RFC 7162)
    NoModSeq,
    /// `NONEXISTENT` (RFC 5530)
    NonExistent,
    /// `NOPERM` (RFC 5530)
    NoPerm,
    /// `NOTIFICATIONOVERFLOW` (RFC 5465)
    NotificationOverflow,
    /// `NOTSAVED` (RFC 5182)
    NotSaved,
    /// `OVERQUOTA` (RFC 5530)
    OverQuota,
    /// `PARSE`: a message's header cannot be read.
    Parse,
    /// `PERMANENTFLAGS (...)`
    PermanentFlags(Vec<Flag>),
    /// `PRIVACYREQUIRED` (RFC 5530)
    PrivacyRequired,
    /// `READ-ONLY`
    ReadOnly,
    /// `READ-WRITE`
    ReadWrite,
    /// `SERVERBUG` (RFC 5530)
    ServerBug,
    /// `TOOBIG` (RFC 7889, RFC 4469)
    TooBig,
    /// `TRYCREATE`
    TryCreate,
    /// `UIDNEXT n`
    UidNext(u32),
    /// `UIDREQUIRED` (RFC 9586): a message sequence number where only UIDs are.
    UidRequired,
    /// `UIDVALIDITY n`
    UidValidity(u32),
    /// `UNAVAILABLE` (RFC 5530)
    Unavailable,
    /// `UNKNOWN-CTE` (RFC 3516): a part is encoded in a way nobody here knows.
    UnknownCte,
    /// `UNSEEN n`: the sequence number of the first.
    Unseen(u32),
    /// `USEATTR` (RFC 6154)
    UseAttr,
}

impl Code {
    /// Writes the code in its brackets.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        out.extend_from_slice(self.name().as_bytes());
        match self {
            Self::AppendUid { uid_validity, uids } => uid_sets(out, *uid_validity, &[uids]),
            Self::CopyUid { uid_validity, from, to } => uid_sets(out, *uid_validity, &[from, to]),
            Self::Capability(names) => names.iter().for_each(|name| atom(out, name)),
            Self::BadEvent => {
                let names: Vec<_> = crate::command::notify::event_names().collect();
                atom(out, &format!("({})", names.join(" ")));
            }
            Self::MetadataLongEntries(octets) | Self::MetadataMaxSize(octets) => atom(out, &octets.to_string()),
            Self::HighestModSeq(number) => atom(out, &number.to_string()),
            Self::UidNext(number) | Self::UidValidity(number) | Self::Unseen(number) => {
                atom(out, &number.to_string());
            }
            Self::MailboxId(id) => atom(out, &format!("({id})")),
            Self::Modified(numbers) => {
                out.push(b' ');
                word::set(out, numbers);
            }
            Self::PermanentFlags(flags) => {
                out.push(b' ');
                word::flags(out, flags);
            }
            Self::InProgress { tag, done, goal } => progress(out, tag.as_ref(), *done, *goal),
            Self::BadCharset => atom(out, "(US-ASCII UTF-8)"),
            Self::BadUrl(url) => {
                out.push(b' ');
                out.extend(url.bytes().map(|byte| if is_url_text(byte) { byte } else { b'?' }));
            }
            _ => {}
        }
        out.push(b']');
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Alert => "ALERT",
            Self::AlreadyExists => "ALREADYEXISTS",
            Self::AppendUid { .. } => "APPENDUID",
            Self::AuthenticationFailed => "AUTHENTICATIONFAILED",
            Self::AuthorizationFailed => "AUTHORIZATIONFAILED",
            Self::BadCharset => "BADCHARSET",
            Self::BadEvent => "BADEVENT",
            Self::BadUrl(_) => "BADURL",
            Self::Cannot => "CANNOT",
            Self::Capability(_) => "CAPABILITY",
            Self::ClientBug => "CLIENTBUG",
            Self::Closed => "CLOSED",
            Self::CompressionActive => "COMPRESSIONACTIVE",
            Self::ContactAdmin => "CONTACTADMIN",
            Self::CopyUid { .. } => "COPYUID",
            Self::Corruption => "CORRUPTION",
            Self::Expired => "EXPIRED",
            Self::ExpungeIssued => "EXPUNGEISSUED",
            Self::HasChildren => "HASCHILDREN",
            Self::HighestModSeq(_) => "HIGHESTMODSEQ",
            Self::InProgress { .. } => "INPROGRESS",
            Self::InUse => "INUSE",
            Self::Limit => "LIMIT",
            Self::MailboxId(_) => "MAILBOXID",
            Self::MetadataLongEntries(_) => "METADATA LONGENTRIES",
            Self::MetadataMaxSize(_) => "METADATA MAXSIZE",
            Self::MetadataTooMany => "METADATA TOOMANY",
            Self::Modified(_) => "MODIFIED",
            Self::NoModSeq => "NOMODSEQ",
            Self::NonExistent => "NONEXISTENT",
            Self::NoPerm => "NOPERM",
            Self::NotificationOverflow => "NOTIFICATIONOVERFLOW",
            Self::NotSaved => "NOTSAVED",
            Self::OverQuota => "OVERQUOTA",
            Self::Parse => "PARSE",
            Self::PermanentFlags(_) => "PERMANENTFLAGS",
            Self::PrivacyRequired => "PRIVACYREQUIRED",
            Self::ReadOnly => "READ-ONLY",
            Self::ReadWrite => "READ-WRITE",
            Self::ServerBug => "SERVERBUG",
            Self::TooBig => "TOOBIG",
            Self::TryCreate => "TRYCREATE",
            Self::UidNext(_) => "UIDNEXT",
            Self::UidRequired => "UIDREQUIRED",
            Self::UidValidity(_) => "UIDVALIDITY",
            Self::Unavailable => "UNAVAILABLE",
            Self::UnknownCte => "UNKNOWN-CTE",
            Self::Unseen(_) => "UNSEEN",
            Self::UseAttr => "USEATTR",
        }
    }
}

/// `url-resp-text` (RFC 4469 section 5), without what is not printable.
fn is_url_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b']'
}

fn atom(out: &mut Vec<u8>, atom: &str) {
    out.push(b' ');
    out.extend_from_slice(atom.as_bytes());
}

/// ```text
/// "(" inprogress-tag SP inprogress-state ")"
/// inprogress-state = nil SP nil / nz-number SP nil / number SP nz-number
/// ```
/// (RFC 9585 section 6)
fn progress(out: &mut Vec<u8>, tag: Option<&Tag>, done: u32, goal: u32) {
    out.extend_from_slice(b" (");
    match tag {
        Some(tag) => word::quoted(out, tag.as_str().as_bytes()),
        None => out.extend_from_slice(b"NIL"),
    }
    let state = match (done, goal) {
        (0, 0) => " NIL NIL)".to_owned(),
        (done, 0) => format!(" {done} NIL)"),
        (done, goal) => format!(" {} {goal})", done.min(goal)),
    };
    out.extend_from_slice(state.as_bytes());
}

fn uid_sets(out: &mut Vec<u8>, uid_validity: u32, sets: &[&Vec<u32>]) {
    atom(out, &uid_validity.to_string());
    for set in sets {
        out.push(b' ');
        word::set(out, set);
    }
}
