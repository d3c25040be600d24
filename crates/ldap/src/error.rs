//! The one table from what can go wrong to what a client reads (RFC 4511 section 4.1.9).

use mailbox::{Error, ErrorKind};
use tracing::info;

use crate::proto::{Code, Fault, Outcome, Response};

/// Why a connection is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The client left, or cannot be reached.
    Silent,
    /// We leave, saying this.
    Notice(Outcome),
}

/// Whose move it is; the text is the backend's, and ends with the id under which the logs tell more.
pub(crate) fn refused(error: &Error) -> Outcome {
    use ErrorKind as Kind;
    if let Some(trace) = &error.trace {
        info!(trace, kind = ?error.kind, "refused");
    }
    let code = match error.kind {
        Kind::SignIn => Code::InvalidCredentials,
        Kind::Denied | Kind::NotAdmitted => Code::InsufficientAccessRights,
        Kind::Busy { .. } => Code::Busy,
        Kind::Unavailable => Code::Unavailable,
        Kind::NotFound => Code::NoSuchObject,
        Kind::Administrator | Kind::Cannot => Code::UnwillingToPerform,
        Kind::Exists | Kind::OverQuota | Kind::TooBig | Kind::Conflict | Kind::Corrupt | Kind::Internal => Code::Other,
    };
    Outcome::new(code, error.to_string())
}

/// What is no request. Where the next one begins is not known.
pub(crate) fn lost(fault: Fault) -> End {
    End::Notice(match fault {
        Fault::NotLdap => {
            Outcome::new(Code::ProtocolError, "This is LDAP; TLS begins with StartTLS, or on the port for it")
        }
        Fault::TooLong => Outcome::new(Code::ProtocolError, "The request is too long"),
    })
}

pub(crate) fn not_understood() -> End {
    End::Notice(Outcome::new(Code::ProtocolError, "This is no LDAP request"))
}

pub(crate) fn too_slow() -> End {
    End::Notice(Outcome::new(Code::Unavailable, "Nothing came for too long"))
}

pub(crate) fn going_down() -> End {
    End::Notice(Outcome::new(Code::Unavailable, "The gateway is being restarted, please come again"))
}

pub(crate) fn sign_in_first() -> Outcome {
    Outcome::new(Code::InsufficientAccessRights, "Sign in first, with the name and the password of your mailbox")
}

/// Notice of Disconnection (RFC 4511 section 4.4.1): an answer nobody asked for.
pub(crate) fn notice(outcome: Outcome) -> Response {
    Response::Extended(outcome, Some("1.3.6.1.4.1.1466.20036"), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_whose_move_it_is() {
        for (kind, code) in [
            (ErrorKind::SignIn, Code::InvalidCredentials),
            (ErrorKind::Busy { retry_after: None }, Code::Busy),
            (ErrorKind::Unavailable, Code::Unavailable),
            (ErrorKind::Administrator, Code::UnwillingToPerform),
            (ErrorKind::Internal, Code::Other),
        ] {
            assert_eq!(refused(&Error::new(kind, "x").traced("4711")), Outcome::new(code, "x [4711]"), "{kind:?}");
        }
    }
}
