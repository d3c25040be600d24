use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

/// Why a whole call failed.
#[derive(Clone, Debug)]
pub struct Error {
    /// Whose move it is.
    pub kind: ErrorKind,
    /// One sentence for logs and operators, without credentials or mail content.
    pub message: String,
    /// What Exchange called it, if Exchange spoke.
    pub code: Option<ResponseCode>,
    /// The client-request-id the call was made with; Exchange's own logs have it too.
    pub request_id: Option<String>,
    /// Whether the call may have been carried out.
    pub sent: Sent,
    /// What exactly stands in the way, where the remedy depends on it.
    pub cause: Option<Cause>,
    /// What a server that refused a sign-in offers (`WWW-Authenticate`, one value each).
    pub offers: Vec<String>,
    /// What Exchange said of a refused sign-in in `x-ms-diagnostics`, such as
    /// `2000002;reason="The token has expired.";error_category="token_expired"`.
    pub diagnostics: Option<String>,
    /// The front end that answered, if it named itself (`X-FEServer`).
    pub front_end: Option<String>,
}

/// What exactly stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// Nobody knows the host's name.
    NoSuchHost,
    /// The name server does not answer, or does not answer for us.
    NameServer,
    /// The host does not take connections, or does not answer.
    Unreachable,
    /// The operator does not allow connections to this host (`egress.allow_hosts`).
    NotAllowed,
    /// The proxy cannot be reached or does not do what it is asked.
    Proxy,
    /// The proxy refuses our user name or password, or wants one.
    ProxySignIn,
    /// The server's certificate is too old.
    CertificateExpired,
    /// The server's certificate is not valid yet, or our clock is wrong.
    CertificateNotYetValid,
    /// The server's certificate is for another name.
    CertificateName,
    /// Nobody trusted vouches for the server's certificate.
    CertificateIssuer,
    /// The server's certificate is none of those that were pinned.
    CertificatePin,
    /// The server's certificate was revoked.
    CertificateRevoked,
    /// The server wants a certificate of ours, or another one.
    CertificateOfOurs,
    /// The server's TLS is older than what is safe.
    TlsTooOld,
    /// What listens there does not speak TLS.
    NotTls,
    /// Another failure of TLS.
    Tls,
    /// The connection broke off in the middle of an answer, or before it.
    BrokeOff,
    /// A web page came where an answer of Exchange is due: Exchange is away, or the URL is not its.
    WebPage,
    /// The server lets nobody use EWS, or not this program, or not from here (403): whoever signs in makes no odds.
    Forbidden,
    /// The server offers no scheme that may be used.
    NoScheme,
    /// The server refuses the user name or password.
    Password,
    /// The server refuses them or the connection they are bound to.
    PasswordOrBinding,
    /// Kerberos gives no ticket.
    Kerberos,
    /// Our clock, or theirs, is wrong.
    ClockSkew,
    /// The server refuses the token.
    Token,
    /// Exchange was found to be away before, and is not asked until it answers again.
    Away,
    /// The mailbox is being moved, or its database is; it can be reached again when that is done.
    MailboxMoving,
    /// The mailbox cannot be reached by way of this server any more; Autodiscover may know where it is.
    MailboxElsewhere,
    /// Whoever gives tokens out wants the user to sign in again.
    GrantLost,
    /// Only an administrator, of Exchange or of whoever gives tokens out, can help.
    Administrator,
    /// Autodiscover does not lead to a server.
    Undiscovered,
    /// The mailbox is in Exchange Online, which the operator does not allow.
    ExchangeOnline,
    /// The gateway's own account may not act for the user, or cannot sign in.
    ServiceAccount,
}

impl Cause {
    /// Somebody has to mend it first: a moment's wait is for nothing.
    pub(crate) fn is_lasting(self) -> bool {
        matches!(
            self,
            Cause::CertificateExpired
                | Cause::CertificateNotYetValid
                | Cause::CertificateName
                | Cause::CertificateIssuer
                | Cause::CertificatePin
                | Cause::CertificateRevoked
                | Cause::CertificateOfOurs
                | Cause::TlsTooOld
                | Cause::NotTls
        )
    }
}

/// Whether a failed call may have been carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Certainly not: it never left, or Exchange refused it before doing anything.
    NotSent,
    /// Perhaps: it left, and no answer that could be trusted came back.
    MaybeDone,
}

/// Failures sorted by whose move it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Exchange refuses these credentials (401), or refused them lately and was not asked again.
    SignIn,
    /// Signed in, but not allowed to do this.
    Denied,
    /// No such item, folder, or mailbox.
    NotFound,
    /// A folder of that name is there already.
    Exists,
    /// Exchange asks to be left alone for a while.
    Busy {
        /// For how long, if it said.
        retry_after: Option<Duration>,
    },
    /// Exchange cannot be reached, or is not itself; trying later may help.
    Unavailable,
    /// The message is larger than Exchange takes.
    TooBig,
    /// The mailbox is full.
    Quota,
    /// The change key is old: the item changed meanwhile.
    Stale,
    /// Exchange does not know this sync state: start over without one.
    InvalidSyncState,
    /// The subscription or watermark is gone: subscribe again, and look for what was missed.
    SubscriptionLost,
    /// This item is damaged, or cannot be turned into MIME, and will not get better.
    Corrupt,
    /// A name lookup found nobody.
    NoMatch,
    /// The server's version has no such operation.
    Unsupported,
    /// Refused for another reason that trying again will not change.
    Refused,
    /// The answer makes no sense as an EWS answer.
    Protocol,
    /// What the caller gave failed: its data could not be read, or its sink could not take the answer.
    Local,
}

impl ErrorKind {
    /// Waiting and asking again may help.
    pub fn is_transient(&self) -> bool {
        matches!(self, ErrorKind::Busy { .. } | ErrorKind::Unavailable)
    }

    /// A short word for metrics and spans.
    pub fn as_str(&self) -> &'static str {
        match self {
            ErrorKind::SignIn => "sign-in",
            ErrorKind::Denied => "denied",
            ErrorKind::NotFound => "not-found",
            ErrorKind::Exists => "exists",
            ErrorKind::Busy { .. } => "busy",
            ErrorKind::Unavailable => "unavailable",
            ErrorKind::TooBig => "too-big",
            ErrorKind::Quota => "quota",
            ErrorKind::Stale => "stale",
            ErrorKind::InvalidSyncState => "invalid-sync-state",
            ErrorKind::SubscriptionLost => "subscription-lost",
            ErrorKind::Corrupt => "corrupt",
            ErrorKind::NoMatch => "no-match",
            ErrorKind::Unsupported => "unsupported",
            ErrorKind::Refused => "refused",
            ErrorKind::Protocol => "protocol",
            ErrorKind::Local => "local",
        }
    }
}

/// Why one item of a batch failed, while others may have worked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemError {
    /// Whose move it is.
    pub kind: ErrorKind,
    /// What Exchange called it.
    pub code: ResponseCode,
    /// What Exchange said about it.
    pub message: String,
}

impl ItemError {
    pub(crate) fn new(code: ResponseCode, message: String, retry_after: Option<Duration>) -> ItemError {
        ItemError { kind: code.kind(retry_after), code, message }
    }

    /// For an item Exchange called a success but did not describe.
    pub(crate) fn incomplete(what: &'static str) -> ItemError {
        let code = ResponseCode(Cow::Borrowed("NoError"));
        ItemError { kind: ErrorKind::Protocol, code, message: format!("the answer has no {what}") }
    }
}

/// A `ResponseCode`, such as `ErrorItemNotFound`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResponseCode(Cow<'static, str>);

impl ResponseCode {
    /// A code, without the blanks around it.
    pub fn new(text: &str) -> ResponseCode {
        ResponseCode(Cow::Owned(text.trim().to_owned()))
    }

    /// The code as Exchange writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whose move it is. Codes not in the table are `Refused`.
    pub fn kind(&self, retry_after: Option<Duration>) -> ErrorKind {
        let kind = KINDS.iter().find(|(code, _)| *code == self.0).map_or(ErrorKind::Refused, |(_, kind)| kind.clone());
        match kind {
            ErrorKind::Busy { .. } => ErrorKind::Busy { retry_after },
            kind => kind,
        }
    }
}

impl ResponseCode {
    /// What stands in the way, where the code tells.
    pub(crate) fn cause(&self) -> Option<Cause> {
        CAUSES.iter().find(|(code, _)| *code == self.0).map(|(_, cause)| *cause)
    }
}

impl fmt::Display for ResponseCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Error {
    /// An error of a caller's own, such as one who looks for servers.
    pub fn told(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error::new(kind, message)
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error {
            kind,
            message: message.into(),
            code: None,
            request_id: None,
            sent: Sent::NotSent,
            cause: None,
            offers: Vec::new(),
            diagnostics: None,
            front_end: None,
        }
    }

    /// For a [`crate::oauth::TokenSource`] that has no token, and knows why.
    pub fn sign_in(message: impl Into<String>, cause: Cause) -> Error {
        Error::new(ErrorKind::SignIn, message).because(cause)
    }

    pub(crate) fn protocol(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Protocol, message)
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Unavailable, message)
    }

    /// The same, with its cause.
    #[must_use]
    pub fn because(self, cause: Cause) -> Error {
        Error { cause: Some(cause), ..self }
    }

    /// Adds what the answer's headers say of it.
    pub(crate) fn with_headers(self, headers: &HeaderMap) -> Error {
        let text = |name: &str| {
            let value = headers.get(name)?.to_str().ok()?;
            Some(value.chars().take(LONGEST_HEADER).collect())
        };
        let offers = match self.kind {
            ErrorKind::SignIn => offers(headers),
            _ => Vec::new(),
        };
        Error { offers, diagnostics: text("x-ms-diagnostics"), front_end: text("x-feserver"), ..self }
    }

    pub(crate) fn maybe_done(self) -> Error {
        Error { sent: Sent::MaybeDone, ..self }
    }

    /// The same, of a call that was to send mail: it counts as not done only if that is sure. Whoever answers in
    /// Exchange's place, or a part of it that waited for another, may have given up on work that goes on behind it.
    #[must_use]
    pub fn of_mail(self) -> Error {
        let gave_up = match &self.code {
            Some(code) if code.as_str() == ABORTED => true,
            Some(code) => self.kind.is_transient() && !NOT_BEGUN.contains(&code.as_str()),
            None => self.kind.is_transient() && self.cause == Some(Cause::WebPage),
        };
        if gave_up { self.maybe_done() } else { self }
    }

    pub(crate) fn with_request_id(self, id: &str) -> Error {
        Error { request_id: self.request_id.or_else(|| Some(id.to_owned())), ..self }
    }

    /// How long Exchange asked to be left alone, if it did.
    pub fn retry_after(&self) -> Option<Duration> {
        if let ErrorKind::Busy { retry_after } = self.kind { retry_after } else { None }
    }
}

impl From<ItemError> for Error {
    fn from(error: ItemError) -> Error {
        let message = format!("{}: {}", error.code, error.message);
        Error { cause: error.code.cause(), code: Some(error.code), ..Error::new(error.kind, message) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)?;
        match &self.request_id {
            Some(id) => write!(out, " (request {id})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for ItemError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ItemError {}

/// What is offered for signing in: the values of `WWW-Authenticate` that are text.
pub(crate) fn offers(headers: &HeaderMap) -> Vec<String> {
    headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok().map(str::to_owned)).collect()
}

/// As much of a header as an error repeats.
const LONGEST_HEADER: usize = 1000;

/// Of a request that was ended in the middle.
const ABORTED: &str = "ErrorRequestAborted";

/// Codes of those that are worth another try by which Exchange, or the server before it, says that it began nothing.
const NOT_BEGUN: &[&str] = &[
    "ErrorServerBusy",
    "ErrorTooManyObjectsOpened",
    "ErrorExceededConnectionCount",
    "ErrorExceededMessageLimit",
    "ErrorMailboxMoveInProgress",
    "ErrorProxyRequestNotAllowed",
    "ErrorNoRespondingCASInDestinationSite",
];

/// Codes that come of a mailbox being moved, and of asking a server that it is not on.
const CAUSES: &[(&str, Cause)] = &[
    ("ErrorMailboxMoveInProgress", Cause::MailboxMoving),
    ("ErrorMailboxStoreUnavailable", Cause::MailboxMoving),
    ("ErrorMailboxFailover", Cause::MailboxMoving),
    ("ErrorConnectionFailed", Cause::MailboxElsewhere),
    ("ErrorProxyRequestNotAllowed", Cause::MailboxElsewhere),
    ("ErrorProxyCallFailed", Cause::MailboxElsewhere),
    ("ErrorNoRespondingCASInDestinationSite", Cause::MailboxElsewhere),
    ("ErrorNonExistentMailbox", Cause::MailboxElsewhere),
];

/// EWS "ResponseCode", those that are anything but `Refused`.
const KINDS: &[(&str, ErrorKind)] = {
    use ErrorKind::*;
    const BUSY: ErrorKind = Busy { retry_after: None };
    &[
        ("ErrorServerBusy", BUSY),
        ("ErrorTooManyObjectsOpened", BUSY),
        ("ErrorExceededConnectionCount", BUSY),
        ("ErrorExceededSubscriptionCount", BUSY),
        ("ErrorTimeoutExpired", BUSY),
        ("ErrorExceededMessageLimit", BUSY),
        ("ErrorInternalServerTransientError", Unavailable),
        ("ErrorInternalServerError", Unavailable),
        ("ErrorServiceUnavailable", Unavailable),
        ("ErrorBatchProcessingStopped", Unavailable),
        ("ErrorConnectionFailed", Unavailable),
        ("ErrorADUnavailable", Unavailable),
        ("ErrorADSessionFilter", Unavailable),
        ("ErrorInsufficientResources", Unavailable),
        ("ErrorMailboxMoveInProgress", Unavailable),
        ("ErrorMailboxStoreUnavailable", Unavailable),
        ("ErrorMailboxFailover", Unavailable),
        ("ErrorProxyRequestNotAllowed", Unavailable),
        ("ErrorProxyCallFailed", Unavailable),
        ("ErrorNoRespondingCASInDestinationSite", Unavailable),
        ("ErrorNotEnoughMemory", Unavailable),
        ("ErrorAccessDenied", Denied),
        ("ErrorAccountDisabled", Denied),
        ("ErrorCreateItemAccessDenied", Denied),
        ("ErrorCreateSubfolderAccessDenied", Denied),
        ("ErrorNotDelegate", Denied),
        ("ErrorOrganizationAccessBlocked", Denied),
        ("ErrorDelegateNoUser", Denied),
        ("ErrorImpersonateUserDenied", Denied),
        ("ErrorImpersonationDenied", Denied),
        ("ErrorImpersonationFailed", Denied),
        ("ErrorSendAsDenied", Denied),
        ("ErrorDeleteDistinguishedFolder", Denied),
        ("ErrorUserNotAllowedByPolicy", Denied),
        ("ErrorItemNotFound", NotFound),
        ("ErrorFolderNotFound", NotFound),
        ("ErrorParentFolderNotFound", NotFound),
        ("ErrorParentFolderIdRequired", NotFound),
        ("ErrorToFolderNotFound", NotFound),
        ("ErrorSyncFolderNotFound", NotFound),
        ("ErrorManagedFolderNotFound", NotFound),
        ("ErrorPublicFolderRequestProcessingFailed", NotFound),
        ("ErrorObjectTypeChanged", NotFound),
        ("ErrorNonExistentMailbox", NotFound),
        ("ErrorInvalidIdMalformed", NotFound),
        ("ErrorInvalidId", NotFound),
        ("ErrorInvalidIdEmpty", NotFound),
        ("ErrorInvalidIdNotAnItemAttachmentId", NotFound),
        ("ErrorFolderExists", Exists),
        ("ErrorNameResolutionNoResults", NoMatch),
        ("ErrorNameResolutionNoMailbox", NoMatch),
        ("ErrorMessageSizeExceeded", TooBig),
        ("ErrorAttachmentSizeLimitExceeded", TooBig),
        ("ErrorQuotaExceeded", Quota),
        ("ErrorSubmissionQuotaExceeded", Quota),
        ("ErrorMessagePerFolderCountReceiveQuotaExceeded", Quota),
        ("ErrorDataSizeLimitExceeded", TooBig),
        ("ErrorIrresolvableConflict", Stale),
        ("ErrorStaleObject", Stale),
        ("ErrorChangeKeyRequired", Stale),
        ("ErrorChangeKeyRequiredForWriteOperations", Stale),
        ("ErrorInvalidChangeKey", Stale),
        ("ErrorInvalidSyncStateData", InvalidSyncState),
        ("ErrorInvalidSubscription", SubscriptionLost),
        ("ErrorInvalidPullSubscriptionId", SubscriptionLost),
        ("ErrorProxiedSubscriptionCallFailure", SubscriptionLost),
        ("ErrorSubscriptionNotFound", SubscriptionLost),
        ("ErrorSubscriptionAccessDenied", SubscriptionLost),
        ("ErrorSubscriptionUnsubscribed", SubscriptionLost),
        ("ErrorExpiredSubscription", SubscriptionLost),
        ("ErrorInvalidWatermark", SubscriptionLost),
        ("ErrorReadEventsFailed", SubscriptionLost),
        ("ErrorMissedNotificationEvents", SubscriptionLost),
        ("ErrorCorruptData", Corrupt),
        ("ErrorItemCorrupt", Corrupt),
        ("ErrorFolderCorrupt", Corrupt),
        ("ErrorUnsupportedMimeConversion", Corrupt),
        ("ErrorContentConversionFailed", Corrupt),
        ("ErrorMimeContentConversionFailed", Corrupt),
        ("ErrorInvalidServerVersion", Unsupported),
        ("ErrorIncorrectSchemaVersion", Unsupported),
        ("ErrorInvalidSchemaVersionForMailboxVersion", Unsupported),
    ]
};

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn codes_say_whose_move_it_is() {
        let kind = |code: &str| ResponseCode::new(code).kind(Some(Duration::from_secs(5)));
        assert_eq!(kind("\n ErrorServerBusy "), ErrorKind::Busy { retry_after: Some(Duration::from_secs(5)) });
        assert_eq!(kind("ErrorItemNotFound"), ErrorKind::NotFound);
        assert_eq!(kind("ErrorSomethingNew"), ErrorKind::Refused);
        assert!(kind("ErrorInternalServerError").is_transient());
    }

    #[test]
    fn mail_counts_as_not_sent_only_if_that_is_sure() {
        let told =
            |code: &str| Error::from(ItemError::new(ResponseCode::new(code), String::new(), None)).of_mail().sent;
        for code in ["ErrorTimeoutExpired", "ErrorInternalServerTransientError", "ErrorMailboxFailover", ABORTED] {
            assert_eq!(told(code), Sent::MaybeDone, "{code}");
        }
        for code in ["ErrorServerBusy", "ErrorSendAsDenied", "ErrorQuotaExceeded", "ErrorItemNotFound"] {
            assert_eq!(told(code), Sent::NotSent, "{code}");
        }
        let page = Error::new(ErrorKind::Busy { retry_after: None }, "503").because(Cause::WebPage);
        assert_eq!((page.sent, page.of_mail().sent), (Sent::NotSent, Sent::MaybeDone));
        let away = Error::unavailable("away").because(Cause::Away);
        assert_eq!(away.of_mail().sent, Sent::NotSent);
    }

    /// A code that Exchange does not have would be a row that never matches.
    #[test]
    fn every_code_is_in_the_schema() {
        let shared = std::env::var_os("EXGATE_SHARED").map(PathBuf::from);
        let shared = shared.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
        let schema = shared.join("ews-schema/exchange-se/messages.xsd");
        let Ok(schema) = std::fs::read_to_string(&schema) else {
            println!("skipped: {} is not there (set EXGATE_SHARED)", schema.display());
            return;
        };
        let codes = KINDS.iter().map(|(code, _)| code).chain(CAUSES.iter().map(|(code, _)| code));
        let codes = codes.chain(NOT_BEGUN).chain([&ABORTED]);
        let unknown: Vec<_> = codes.filter(|code| !schema.contains(&format!("\"{code}\""))).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}
