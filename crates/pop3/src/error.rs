//! The one table from what can go wrong to what a client reads (RFC 2449 section 8, RFC 3206).

use mailbox::{Error, ErrorKind};
use tracing::info;

use crate::proto::{Code, LineFault, ParseError, Reply};

/// Why a command stops before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It is answered so.
    Reply(Reply),
    /// It was answered already, and nothing is to follow.
    Answered,
    /// The connection is over.
    End(End),
}

/// Why a connection is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The client left, cannot be reached, or is left without a word.
    Silent,
    /// We leave, saying this.
    Bye(Reply),
}

/// Whose move it is; the text is the backend's, and ends with the id under which the logs tell more.
pub(crate) fn refused(error: &Error) -> Reply {
    use ErrorKind as Kind;
    if let Some(trace) = &error.trace {
        info!(trace, kind = ?error.kind, "refused");
    }
    let code = match error.kind {
        Kind::SignIn | Kind::Denied | Kind::NotAdmitted => Some(Code::Auth),
        Kind::Busy { .. } | Kind::Unavailable | Kind::Internal | Kind::Conflict => Some(Code::Temporary),
        Kind::Administrator | Kind::Corrupt => Some(Code::Permanent),
        Kind::NotFound | Kind::Exists | Kind::OverQuota | Kind::TooBig | Kind::Cannot => None,
    };
    Reply::Err(code, error.to_string().into())
}

/// A line that is no command.
pub(crate) fn misunderstood(error: ParseError) -> Stop {
    let reply = Reply::err(error.to_string());
    match error {
        // What follows is the rest of another protocol's request.
        ParseError::NotPop => End::Bye(reply).into(),
        _ => reply.into(),
    }
}

/// A line that is none.
pub(crate) fn bad_line(fault: LineFault) -> Reply {
    Reply::err(match fault {
        LineFault::TooLong => "The line is too long",
        LineFault::Control => "The line holds a NUL, or a CR in its middle",
        LineFault::Tls => "TLS begins with STLS here, or on the port for TLS",
    })
}

pub(crate) fn going_down() -> End {
    End::Bye(Reply::Err(Some(Code::Temporary), "The gateway is being restarted, please come again".into()))
}

pub(crate) fn reads_only() -> Reply {
    Reply::err("This device password is for reading only: nothing can be deleted with it")
}

pub(crate) fn tls_first() -> Reply {
    Reply::err("Passwords are taken under TLS only: STLS, or the port for TLS")
}

impl From<Reply> for Stop {
    fn from(reply: Reply) -> Self {
        Self::Reply(reply)
    }
}

impl From<End> for Stop {
    fn from(end: End) -> Self {
        Self::End(end)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Reply(refused(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_whose_move_it_is() {
        for (kind, code) in [
            (ErrorKind::SignIn, Some(Code::Auth)),
            (ErrorKind::Denied, Some(Code::Auth)),
            (ErrorKind::NotAdmitted, Some(Code::Auth)),
            (ErrorKind::Busy { retry_after: None }, Some(Code::Temporary)),
            (ErrorKind::Unavailable, Some(Code::Temporary)),
            (ErrorKind::Internal, Some(Code::Temporary)),
            (ErrorKind::Administrator, Some(Code::Permanent)),
            (ErrorKind::NotFound, None),
        ] {
            let wanted = Reply::Err(code, "Something [4711]".into());
            assert_eq!(refused(&Error::new(kind, "Something").traced("4711")), wanted, "{kind:?}");
        }
    }
}
