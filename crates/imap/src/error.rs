//! The one table from what can go wrong in a mailbox to what a client reads.

use std::borrow::Cow;

use imap_proto::Tag;
use imap_proto::response::{self, Code, Condition};
use mailbox::ErrorKind;
use tracing::info;

/// The tagged line that ends a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    condition: Condition,
    code: Option<Code>,
    text: Cow<'static, str>,
}

/// Why a command stops before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It is answered so.
    Answer(Answer),
    /// It was answered already, and nothing is to follow.
    Silent,
    /// The connection is over.
    End(End),
}

/// Why a connection is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The client left, or cannot be reached.
    Gone,
    /// We leave, saying this.
    Bye(Option<Code>, Cow<'static, str>),
}

impl Answer {
    pub(crate) fn ok(text: impl Into<Cow<'static, str>>) -> Self {
        Self { condition: Condition::Ok, code: None, text: text.into() }
    }

    pub(crate) fn no(code: impl Into<Option<Code>>, text: impl Into<Cow<'static, str>>) -> Self {
        Self { condition: Condition::No, code: code.into(), text: text.into() }
    }

    pub(crate) fn bad(text: impl Into<Cow<'static, str>>) -> Self {
        Self { condition: Condition::Bad, code: None, text: text.into() }
    }

    pub(crate) fn is_no(&self) -> bool {
        self.condition == Condition::No
    }

    pub(crate) fn with(self, code: Code) -> Self {
        Self { code: Some(code), ..self }
    }

    /// True if it says OK, and has room for a code.
    pub(crate) fn is_plain_ok(&self) -> bool {
        self.condition == Condition::Ok && self.code.is_none()
    }

    /// The UIDs that the command gave, and the generation of the folder they are in.
    pub(crate) fn uids_given(&self) -> Option<(u32, &[u32])> {
        match &self.code {
            Some(Code::AppendUid { uid_validity, uids }) => Some((*uid_validity, uids)),
            Some(Code::CopyUid { uid_validity, to, .. }) => Some((*uid_validity, to)),
            _ => None,
        }
    }

    /// What the answer is called in logs.
    pub(crate) fn outcome(&self) -> &'static str {
        match self.condition {
            Condition::Ok => "ok",
            Condition::No => "no",
            Condition::Bad => "bad",
        }
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>, tag: Option<&Tag>) {
        match tag {
            Some(tag) => response::tagged(out, tag, self.condition, self.code.as_ref(), &self.text),
            None => response::untagged(out, self.condition, self.code.as_ref(), &self.text),
        }
    }
}

/// Whose move it is, by kind; the text is the backend's, and ends with the id under which the logs tell more.
impl From<mailbox::Error> for Answer {
    fn from(error: mailbox::Error) -> Self {
        if let Some(trace) = &error.trace {
            info!(trace, kind = ?error.kind, "refused");
        }
        let code = match error.kind {
            ErrorKind::NotFound => Code::NonExistent,
            ErrorKind::Exists => Code::AlreadyExists,
            ErrorKind::Denied => Code::NoPerm,
            ErrorKind::SignIn => Code::AuthenticationFailed,
            ErrorKind::NotAdmitted => Code::AuthorizationFailed,
            ErrorKind::Busy { .. } | ErrorKind::Unavailable => Code::Unavailable,
            ErrorKind::Administrator => Code::ContactAdmin,
            ErrorKind::OverQuota => Code::OverQuota,
            ErrorKind::TooBig => Code::TooBig,
            ErrorKind::Conflict => Code::InUse,
            ErrorKind::Cannot => Code::Cannot,
            ErrorKind::Corrupt => Code::Corruption,
            ErrorKind::Internal => Code::ServerBug,
        };
        Self::no(code, error.to_string())
    }
}

impl From<mailbox::Error> for Stop {
    fn from(error: mailbox::Error) -> Self {
        Self::Answer(error.into())
    }
}

impl From<Answer> for Stop {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}

impl From<End> for Stop {
    fn from(end: End) -> Self {
        Self::End(end)
    }
}

/// A command that was done for some messages and not for others: the first reason stands for all.
pub(crate) fn partly(failed: Vec<(mailbox::Uid, mailbox::Error)>, done: Answer) -> Answer {
    let others = failed.len().saturating_sub(1);
    let Some((uid, mut error)) = failed.into_iter().next() else { return done };
    let more = if others == 0 { String::new() } else { format!(", {others} more not done") };
    error.message = format!("UID {uid}: {}{more}", error.message);
    error.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_keep_their_trace() {
        let error = mailbox::Error::new(ErrorKind::Busy { retry_after: None }, "Exchange is busy").traced("4711");
        let mut out = Vec::new();
        Answer::from(error).write(&mut out, None);
        assert_eq!(String::from_utf8(out).unwrap(), "* NO [UNAVAILABLE] Exchange is busy [4711]\r\n");
    }

    #[test]
    fn one_reason_stands_for_all() {
        let fails = |uid| (mailbox::Uid::new(uid).unwrap(), mailbox::Error::new(ErrorKind::Corrupt, "unreadable"));
        let mut out = Vec::new();
        partly(vec![fails(3), fails(5)], Answer::ok("Done")).write(&mut out, None);
        assert_eq!(String::from_utf8(out).unwrap(), "* NO [CORRUPTION] UID 3: unreadable, 1 more not done\r\n");
        assert!(partly(Vec::new(), Answer::ok("Done")) == Answer::ok("Done"));
    }
}
