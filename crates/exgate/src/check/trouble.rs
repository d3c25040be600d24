//! What went wrong in a step, and what to do about it.

use ews::{Cause, ErrorKind};

/// What went wrong, and the remedy.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) cause: String,
    pub(super) remedy: String,
}

impl Trouble {
    pub(super) fn new(cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { cause: cause.into(), remedy: remedy.into() }
    }

    /// The remedy of an error: of what Exchange calls it, of its cause, of its kind, or what the error itself says.
    pub(super) fn of(error: &ews::Error) -> Self {
        let code = error.code.as_ref().map_or("", |code| code.as_str());
        let by_code = CODES.iter().find(|(known, _)| *known == code).map(|(_, remedy)| *remedy);
        let by_cause = error.cause.and_then(|cause| CAUSES.iter().find(|(known, _)| *known == cause));
        // What may be two things names both remedies.
        let own = match error.cause {
            Some(Cause::PasswordOrBinding) => error.message.split_once("; "),
            _ => error.message.rsplit_once("; "),
        };
        let off = error.kind == ErrorKind::Denied
            && error.code.is_none()
            && matches!(error.cause, None | Some(Cause::WebPage | Cause::Forbidden));
        let by_code = by_code.or(off.then_some(OFF));
        let known = by_code.or(by_cause.map(|(_, remedy)| *remedy));
        match (known, own) {
            (Some(remedy), _) => Self::new(error.message.clone(), remedy),
            (None, Some((cause, remedy))) => Self::new(cause, remedy),
            (None, None) => Self::new(error.message.clone(), by_kind(error)),
        }
    }
}

impl From<ews::Error> for Trouble {
    fn from(error: ews::Error) -> Self {
        Self::of(&error)
    }
}

impl From<ews::ItemError> for Trouble {
    fn from(error: ews::ItemError) -> Self {
        Self::of(&error.into())
    }
}

fn by_kind(error: &ews::Error) -> String {
    let remedy = match error.kind {
        ErrorKind::SignIn => "see that user name and password are right",
        ErrorKind::Denied => "have the administrator of Exchange allow it",
        ErrorKind::Busy { .. } => BUSY,
        ErrorKind::Unavailable => {
            "see that it is Exchange that listens there, and what its event logs say; try again later"
        }
        ErrorKind::Unsupported => "update Exchange; the gateway does without as long",
        ErrorKind::Protocol => {
            "see that url is the address of Exchange Web Services and that nothing in between answers in its place"
        }
        _ => "look for the request in the logs of Exchange",
    };
    match &error.request_id {
        Some(id) => format!("{remedy} (request {id})"),
        None => remedy.to_owned(),
    }
}

const BUSY: &str = "wait and try again; if it stays, lower [exchange.NAME.limits] or have the throttling policy of the \
                    account raised (Set-ThrottlingPolicy)";

const CAUSES: [(Cause, &str); 12] = [
    (Cause::NoSuchHost, "correct the host in url, or the name servers (egress.dns, /etc/resolv.conf)"),
    (
        Cause::Unreachable,
        "see that Exchange runs there and that every firewall lets this machine in; where only a proxy may go out, set egress.proxy",
    ),
    (Cause::NotAllowed, "add the host to egress.allow_hosts, or take it out of url"),
    (Cause::Proxy, "correct egress.proxy, or have the proxy let this host and port through"),
    (Cause::ProxySignIn, "correct egress.proxy_user and egress.proxy_password"),
    (Cause::Password, "type it again; the name may have to be DOMAIN\\user or user@domain; a locked account waits"),
    (Cause::WebPage, "correct url: https://HOST/EWS/Exchange.asmx is usual"),
    (Cause::Token, "sign in again with `exgate login`; see that oauth.resource is the host of url"),
    (Cause::GrantLost, "run `exgate login ADDRESS --config FILE`"),
    (Cause::Administrator, "have the administrator of the identity provider, or of Exchange, do so"),
    (Cause::NotTls, "correct the port in url"),
    (Cause::BrokeOff, "see whether a firewall or load balancer cuts connections"),
];

const CODES: [(&str, &str); 6] = [
    ("ErrorNonExistentMailbox", NO_MAILBOX),
    ("ErrorMissingEmailAddress", NO_MAILBOX),
    ("ErrorMailboxStoreUnavailable", "have the administrator mount the mailbox database"),
    ("ErrorServerBusy", BUSY),
    ("ErrorExceededConnectionCount", BUSY),
    (
        "ErrorAccessDenied",
        "see that EWS is on for the mailbox and the application (Get-CASMailbox, Get-OrganizationConfig: EwsEnabled, EwsAllowList)",
    ),
];

const OFF: &str = "have EWS switched on for the mailbox and for this program (Get-CASMailbox, Get-OrganizationConfig: \
                   EwsEnabled, EwsAllowList), and look at address filters before Exchange";

const NO_MAILBOX: &str = "see that the account has a mailbox on this Exchange, and that the address is its primary one";
