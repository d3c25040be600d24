//! What Exchange's refusals mean to the person in front of the client: the one table.

mod sending;

use ews::ErrorKind as Theirs;
use mailbox::{ErrorKind as Ours, Trace};

pub(crate) use sending::{Sending, broke_midway, refused, send_as_denied};

/// The domain's errors, unless another kind is named.
pub(crate) type Result<T, E = mailbox::Error> = std::result::Result<T, E>;

/// What was tried, as the beginning of a sentence, such as `the folder "Plans" could not be renamed`.
#[derive(Clone, Debug)]
pub(crate) struct Tried(String);

impl Tried {
    /// A sentence without its end. Names are quoted by the caller; line breaks become spaces.
    pub(crate) fn new(text: impl AsRef<str>) -> Self {
        Self(text.as_ref().chars().map(|char| if char.is_control() { ' ' } else { char }).collect())
    }

    /// The sentence by itself.
    pub(crate) fn text(self) -> String {
        self.0
    }

    /// Signing in failed. Later a 403 is about what was asked for; here it is about whoever comes.
    pub(crate) fn not_let_in(&self, error: &ews::Error) -> mailbox::Error {
        if error.cause != Some(ews::Cause::Forbidden) {
            return self.failed(error);
        }
        let answer = mailbox::Error::new(Ours::Unavailable, format!("{}: {OFF}", self.0));
        traced(answer, error)
    }

    /// The whole call failed.
    pub(crate) fn failed(&self, error: &ews::Error) -> mailbox::Error {
        let answer = match (error.cause, error.sent) {
            (Some(ews::Cause::Away), ews::Sent::NotSent) => {
                mailbox::Error::new(Ours::Unavailable, format!("{}: {AWAY}", self.0))
            }
            (Some(cause), _) if let Some((ours, reason)) = by_cause(cause, &error.kind) => {
                mailbox::Error::new(ours, format!("{}: {reason}", self.0))
            }
            _ => self.because(&error.kind, error.code.as_ref()),
        };
        traced(answer, error)
    }

    /// One item of a batch failed.
    pub(crate) fn refused(&self, error: &ews::ItemError) -> mailbox::Error {
        self.because(&error.kind, Some(&error.code))
    }

    /// It failed for a reason of this kind.
    pub(crate) fn because(&self, kind: &Theirs, code: Option<&ews::ResponseCode>) -> mailbox::Error {
        let (ours, reason) = translate(kind);
        let message = match code {
            Some(code) => format!("{}: {reason} ({code})", self.0),
            None => format!("{}: {reason}", self.0),
        };
        let answer = mailbox::Error::new(ours, message);
        match Trace::current() {
            Some(trace) => answer.traced(trace.to_string()),
            None => answer,
        }
    }
}

/// The same, ending with what all logs call it: the first group of the request's id, which is that of the command it was
/// made for.
fn traced(answer: mailbox::Error, error: &ews::Error) -> mailbox::Error {
    let first = error.request_id.as_deref().and_then(|id| id.split('-').next());
    match first.map(str::to_owned).or_else(|| Trace::current().map(|trace| trace.to_string())) {
        Some(trace) => answer.traced(trace),
        None => answer,
    }
}

/// What stands between us and Exchange, where that is the administrator's to change. The details are in the log.
fn by_cause(cause: ews::Cause, kind: &Theirs) -> Option<(Ours, &'static str)> {
    use ews::Cause;
    let reason = match cause {
        Cause::WebPage if *kind == Theirs::Protocol => return Some((Ours::Unavailable, NO_EWS)),
        Cause::Undiscovered if kind.is_transient() => return Some((Ours::Unavailable, NO_ANSWER)),
        Cause::Undiscovered => {
            "no Exchange server is known for this address; look at the address, or tell the administrator"
        }
        Cause::ExchangeOnline => "the mailbox is in Exchange Online, which is not served here; tell the administrator",
        Cause::ServiceAccount => "the gateway's own account may not open this mailbox; tell the administrator",
        Cause::CertificateExpired
        | Cause::CertificateNotYetValid
        | Cause::CertificateName
        | Cause::CertificateIssuer
        | Cause::CertificatePin
        | Cause::CertificateRevoked => {
            "the certificate that Exchange shows is not to be trusted, so that nothing was sent there; tell the administrator"
        }
        Cause::CertificateOfOurs => {
            "Exchange wants a certificate of the gateway, or another one; tell the administrator"
        }
        Cause::TlsTooOld | Cause::NotTls => "there is no safe connection with Exchange; tell the administrator",
        Cause::NoScheme => "Exchange offers no way to sign in that the gateway may use; tell the administrator",
        Cause::NotAllowed => "the gateway may not connect to that server; tell the administrator",
        Cause::ProxySignIn => "the proxy on the way to Exchange refuses the gateway; tell the administrator",
        Cause::Administrator => "whoever lets the gateway in at Exchange refuses to; tell the administrator",
        _ => return None,
    };
    Some((Ours::Administrator, reason))
}

/// Whose move it is, and what to do.
fn translate(kind: &Theirs) -> (Ours, &'static str) {
    match kind {
        Theirs::SignIn => (Ours::SignIn, "Exchange does not accept the user name and password; sign in again"),
        Theirs::Denied => (Ours::Denied, "Exchange does not allow it; its administrator can"),
        Theirs::NotFound => (Ours::NotFound, "it is not there any more; look at the folder again"),
        Theirs::Exists => (Ours::Exists, "there is a folder of that name already; choose another name"),
        Theirs::Busy { retry_after } => {
            (Ours::Busy { retry_after: *retry_after }, "Exchange is busy; try again in a moment")
        }
        Theirs::Unavailable => (Ours::Unavailable, "Exchange cannot be reached now; try again later"),
        Theirs::TooBig => (Ours::TooBig, "it is larger than Exchange takes; make it smaller"),
        Theirs::Quota => (Ours::OverQuota, "the mailbox is full; delete something first"),
        Theirs::Stale => (Ours::Conflict, "it was changed somewhere else meanwhile; try again"),
        Theirs::InvalidSyncState | Theirs::SubscriptionLost => {
            (Ours::Unavailable, "Exchange lost track of what was told already; try again in a moment")
        }
        Theirs::Corrupt => (Ours::Corrupt, "Exchange cannot read what it stores; Outlook may show more of it"),
        Theirs::NoMatch => (Ours::NotFound, "Exchange knows nobody of that name"),
        Theirs::Unsupported => (Ours::Cannot, "this version of Exchange cannot do it"),
        Theirs::Refused => (Ours::Cannot, "Exchange refused it"),
        Theirs::Protocol => (Ours::Unavailable, "Exchange's answer made no sense; try again later"),
        Theirs::Local => (Ours::Internal, "the gateway could not read or write the data; its log says why"),
    }
}

/// Why nothing that needs Exchange can be done now.
pub(crate) const AWAY: &str = "Exchange is away, and nothing was changed; try again later";

/// IIS refuses to hand anything on to EWS.
const OFF: &str =
    "EWS is switched off at Exchange, or closed to this gateway; the administrator of Exchange can open it";

/// Something else than EWS is at its address.
const NO_EWS: &str = "there is no EWS where the gateway looks for it: it is switched off, or the address is wrong; \
                      whoever runs the gateway can find out with `exgate check`";

/// Nobody who is asked about an address answers.
const NO_ANSWER: &str =
    "no server answers for this address now; try again later, and if it stays, tell the administrator";

/// The account's password was refused after it had been right.
pub(crate) fn signed_out() -> mailbox::Error {
    mailbox::Error::new(Ours::SignIn, "Exchange does not accept the password any more; sign in again with the new one")
}

/// There is no such folder.
pub(crate) fn no_folder() -> mailbox::Error {
    mailbox::Error::new(Ours::NotFound, "there is no such folder (any more); list the folders again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_have_no_line_breaks() {
        let tried = Tried::new("the folder \"a\r\nb\" could not be made");
        let error = tried.because(&Theirs::Exists, None);
        assert_eq!(error.kind, Ours::Exists);
        assert!(!error.message.contains(['\r', '\n']), "{error}");
        assert!(error.message.contains("choose another name"));
    }

    #[test]
    fn what_only_the_administrator_can_change_says_so_and_no_more() {
        let error = ews::Error::told(Theirs::Unavailable, "the certificate of 192.0.2.7 is for mail.example");
        let error = Tried::new("x").failed(&error.because(ews::Cause::CertificateName));
        assert_eq!(error.kind, Ours::Administrator);
        assert!(error.message.contains("tell the administrator") && !error.message.contains("192.0.2.7"), "{error}");
        for (kind, expected) in [(Theirs::Unavailable, Ours::Unavailable), (Theirs::NotFound, Ours::Administrator)] {
            let error = ews::Error::told(kind, "nobody is there").because(ews::Cause::Undiscovered);
            assert_eq!(Tried::new("x").failed(&error).kind, expected);
        }
    }

    #[test]
    fn a_hint_to_wait_is_passed_on() {
        let hint = Some(std::time::Duration::from_secs(7));
        let error = Tried::new("x").because(&Theirs::Busy { retry_after: hint }, None);
        assert_eq!(error.kind, Ours::Busy { retry_after: hint });
    }
}
