//! The one table from what can go wrong to what a client reads (RFC 5321 section 4.2, 3463, 5248).

use mailbox::submit::{About, Fault, Refused};
use mailbox::{Error, ErrorKind};
use tracing::info;

use crate::proto::{LineFault, ParseError, Reply};

/// Why a command stops before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It is answered so.
    Reply(Reply),
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
    Bye(Reply),
}

/// Whose move it is, by kind and by what it is about; the text is the backend's, and ends with the id under which the logs
/// tell more.
pub(crate) fn refused(refused: &Refused) -> Reply {
    use ErrorKind as Kind;
    note(&refused.error);
    let (code, subject, detail) = match (&refused.about, refused.error.kind) {
        // To be tried again.
        (About::Rate, Kind::Busy { .. } | Kind::Denied | Kind::Unavailable) => (451, 7, 1),
        (_, Kind::Busy { .. }) => (451, 3, 2),
        (_, Kind::Unavailable) => (451, 4, 1),
        (_, Kind::Administrator) => (451, 3, 5),
        (_, Kind::Internal | Kind::Corrupt | Kind::Conflict | Kind::Exists) => (451, 3, 0),
        (About::RecipientCount, _) => (550, 5, 3),
        // Nobody of that name, a name that cannot be one, somebody who does not take it.
        (About::Recipient(_), Kind::NotFound) => (550, 1, 1),
        (About::Recipient(_), Kind::Cannot) => (550, 1, 3),
        (About::Sender(_), Kind::NotFound | Kind::Cannot) => (550, 1, 7),
        (_, Kind::Denied) => (550, 7, 1),
        (_, Kind::OverQuota) => (552, 2, 2),
        (_, Kind::TooBig) => (552, 3, 4),
        // The password stopped working meanwhile.
        (_, Kind::SignIn) => (530, 7, 0),
        (_, Kind::NotAdmitted) => (550, 7, 1),
        (_, Kind::NotFound) => (451, 3, 0),
        (_, Kind::Cannot) => (554, 6, 0),
    };
    Reply::new(code, subject, detail, refused.error.to_string())
}

/// The same where somebody signs in (RFC 4954 section 6).
pub(crate) fn not_signed_in(error: &Error) -> Reply {
    note(error);
    let (code, subject, detail) = match error.kind {
        ErrorKind::SignIn => (535, 7, 8),
        ErrorKind::Denied | ErrorKind::NotAdmitted => (535, 7, 1),
        _ => (454, 7, 0),
    };
    Reply::new(code, subject, detail, error.to_string())
}

/// What the client reads can be found in the log.
fn note(error: &Error) {
    if let Some(trace) = &error.trace {
        info!(trace, kind = ?error.kind, "refused");
    }
}

/// A line that is no command.
pub(crate) fn misunderstood(error: ParseError) -> Stop {
    let (code, subject, detail) = match error {
        ParseError::TooLong => (500, 5, 6),
        ParseError::Unknown => (500, 5, 1),
        ParseError::NotImplemented => (502, 5, 1),
        ParseError::NotSmtp => (500, 5, 2),
        ParseError::Syntax => (501, 5, 2),
        ParseError::Argument | ParseError::Chunk => (501, 5, 4),
        ParseError::Sender => (501, 1, 7),
        ParseError::Recipient => (501, 1, 3),
        ParseError::UnknownParameter => (555, 5, 4),
        ParseError::NotAscii => (553, 6, 7),
    };
    let reply = Reply::new(code, subject, detail, error.to_string());
    match error {
        // What follows is a request of another protocol, or octets of a chunk, and must not be taken for commands.
        ParseError::NotSmtp | ParseError::Chunk => End::Bye(reply).into(),
        _ => reply.into(),
    }
}

/// A line that is none. It may have been a BDAT, so that what follows is perhaps no line.
pub(crate) fn bad_line(fault: LineFault) -> End {
    End::Bye(match fault {
        LineFault::TooLong => Reply::new(500, 5, 6, "The line is too long"),
        LineFault::Tls => Reply::new(500, 5, 2, "TLS begins with STARTTLS here"),
        fault => Reply::new(500, 5, 2, format!("Lines end with CRLF; this one holds {fault}")),
    })
}

/// A message whose lines others could see otherwise than we do.
pub(crate) fn wrong_lines(fault: LineFault) -> Reply {
    Reply::new(554, 6, 0, format!("The message holds {fault}; its lines must end with CRLF"))
}

/// A header that cannot be sent.
pub(crate) fn wrong_header(fault: Fault) -> Reply {
    match fault {
        Fault::TooLarge => Reply::new(552, 3, 4, fault.to_string()),
        Fault::TooManyAddresses => Reply::new(550, 5, 3, fault.to_string()),
        Fault::Twice(_) | Fault::Unreadable(_) => Reply::new(554, 6, 0, fault.to_string()),
    }
}

pub(crate) fn too_big(most: u64) -> Reply {
    Reply::new(552, 3, 4, format!("The message is too large: up to {most} octets are taken"))
}

pub(crate) fn no_disk() -> Reply {
    Reply::new(451, 3, 1, "The gateway cannot keep the message, please come again")
}

pub(crate) fn sign_in_first() -> Reply {
    Reply::new(530, 7, 0, "Sign in first")
}

/// The same where passwords cannot be sent yet.
pub(crate) fn tls_first() -> Reply {
    Reply::new(530, 7, 0, "Sign in first, and before that go over to TLS (STARTTLS, or the port for TLS)")
}

/// A command that is not in its place.
pub(crate) fn first(command: &str) -> Reply {
    Reply::new(503, 5, 1, format!("{command} comes first"))
}

pub(crate) fn out_of_place(text: &'static str) -> Reply {
    Reply::new(503, 5, 1, text)
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

#[cfg(test)]
mod tests {
    use super::*;
    use mailbox::submit::Address;

    #[test]
    fn errors_become_codes() {
        let ben = || Address::new("ben", "x.example").unwrap();
        let busy = ErrorKind::Busy { retry_after: None };
        for (about, kind, wanted) in [
            (About::Message, ErrorKind::TooBig, "552 5.3.4"),
            (About::Message, ErrorKind::OverQuota, "552 5.2.2"),
            (About::Message, ErrorKind::Denied, "550 5.7.1"),
            (About::Sender(ben()), ErrorKind::Denied, "550 5.7.1"),
            (About::Recipient(ben()), ErrorKind::NotFound, "550 5.1.1"),
            (About::Recipient(ben()), ErrorKind::Denied, "550 5.7.1"),
            (About::Recipient(ben()), ErrorKind::OverQuota, "552 5.2.2"),
            (About::RecipientCount, ErrorKind::Cannot, "550 5.5.3"),
            (About::Message, busy, "451 4.3.2"),
            (About::Rate, busy, "451 4.7.1"),
            (About::Message, ErrorKind::Unavailable, "451 4.4.1"),
            (About::Recipient(ben()), ErrorKind::Unavailable, "451 4.4.1"),
            (About::Message, ErrorKind::Cannot, "554 5.6.0"),
            (About::Message, ErrorKind::SignIn, "530 5.7.0"),
            (About::Message, ErrorKind::Internal, "451 4.3.0"),
        ] {
            let reply = refused(&Refused::new(about.clone(), kind, "x"));
            let shown = format!("{} {}", reply.code, reply.enhanced.unwrap());
            assert_eq!(shown, wanted, "{about:?} {kind:?}");
        }
    }

    #[test]
    fn errors_keep_their_trace() {
        let error = Error::new(ErrorKind::Unavailable, "Exchange is away").traced("4711");
        assert_eq!(refused(&error.clone().into()).text, "Exchange is away [4711]");
        assert_eq!(not_signed_in(&error).code, 454);
    }
}
