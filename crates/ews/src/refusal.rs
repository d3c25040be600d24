//! What an HTTP answer that is no SOAP answer means.

use std::time::Duration;

use http::StatusCode;
use memchr::memmem;

use crate::soap::{Fault, Unreadable};
use crate::{Cause, Error, ErrorKind, ResponseCode, Scheme, Sent};

/// A refused sign-in. `scheme` is how a password was shown, if one was.
pub(crate) fn sign_in(scheme: Option<Scheme>, offered: &[String]) -> Error {
    let names = names(offered);
    let cause = match scheme {
        Some(scheme) if !names.iter().any(|name| name.eq_ignore_ascii_case(scheme.as_str())) => Cause::NoScheme,
        Some(_) => Cause::Password,
        None => Cause::Token,
    };
    let message = match scheme {
        _ if names.is_empty() => "Exchange refused the sign-in".to_owned(),
        Some(scheme) if names.iter().any(|name| name.eq_ignore_ascii_case(scheme.as_str())) => {
            "Exchange refused the user name or password".to_owned()
        }
        Some(scheme) => format!("Exchange does not offer {scheme} sign-in here, only {}", names.join(", ")),
        None => "Exchange refused the access token".to_owned(),
    };
    Error { offers: offered.to_vec(), ..Error::new(ErrorKind::SignIn, message) }.because(cause)
}

/// A sign-in that was refused at its last message, which also is what happens if it is bound to a connection that is
/// another one where Exchange sees it.
pub(crate) fn bound_sign_in(scheme: Scheme, bound: bool) -> Error {
    let mut message = format!("Exchange refused the user name or password ({scheme})");
    message.push_str(match bound {
        true => {
            "; if they are right, something between here and Exchange opens the TLS with a certificate of its own, \
             which Extended Protection forbids: it must have the certificate of Exchange, or set channel_binding = \"off\""
        }
        false => {
            "; if they are right, Extended Protection is required, which needs https and channel_binding = \"auto\""
        }
    });
    Error::new(ErrorKind::SignIn, message).because(Cause::PasswordOrBinding)
}

/// A Kerberos ticket that was refused.
pub(crate) fn ticket(bound: bool, offered: &[String]) -> Error {
    if !names(offered).iter().any(|name| name.eq_ignore_ascii_case("Negotiate")) {
        return sign_in(Some(Scheme::Kerberos), offered);
    }
    let mut message =
        "Exchange refused the Kerberos ticket: its administrator has to see whether the name of the service \
                       is registered for the account that Exchange runs with (setspn)"
            .to_owned();
    if bound {
        message.push_str(
            ", and whether something between here and Exchange opens the TLS with a certificate of its own, which \
             Extended Protection forbids",
        );
    }
    Error { offers: offered.to_vec(), ..Error::new(ErrorKind::SignIn, message) }.because(Cause::Kerberos)
}

/// A server that offers nothing a password may be used with.
pub(crate) fn no_scheme(offered: &[String]) -> Error {
    let told = match names(offered).as_slice() {
        [] => "Exchange offers no sign-in at all at this address".to_owned(),
        names => format!("Exchange offers {} for signing in, and none of what auth allows", names.join(", ")),
    };
    Error { offers: offered.to_vec(), ..Error::new(ErrorKind::SignIn, told) }.because(Cause::NoScheme)
}

/// A page of a server in trouble, in the middle of a sign-in.
pub(crate) fn page_instead(status: StatusCode, host: &str, beginning: &[u8]) -> Error {
    page(status, host, None, beginning)
}

fn names(offered: &[String]) -> Vec<&str> {
    offered.iter().filter_map(|offer| offer.split([' ', ',']).next()).collect()
}

/// A SOAP fault: the request was refused as a whole, unless Exchange failed while working on it.
pub(crate) fn fault(fault: Fault) -> Error {
    let code = ResponseCode::new(&fault.code);
    let broke_midway = matches!(code.as_str(), "" | "ErrorInternalServerError" | "ErrorTimeoutExpired");
    let message = format!("{code}: {}", fault.text);
    let sent = if broke_midway { Sent::MaybeDone } else { Sent::NotSent };
    let kind = code.kind(fault.retry_after);
    Error { sent, cause: code.cause(), code: Some(code), ..Error::new(kind, message) }
}

/// An answer that could not be read as SOAP. `beginning` is what there is of its beginning.
pub(crate) fn unreadable(
    error: Unreadable,
    status: StatusCode,
    host: &str,
    location: Option<&str>,
    beginning: &[u8],
) -> Error {
    match error {
        Unreadable::Cut if status.is_success() => {
            Error::unavailable(format!("{host}: {error}")).because(Cause::BrokeOff).maybe_done()
        }
        Unreadable::Empty if status.is_success() => Error::unavailable(format!("{host}: {error}")).maybe_done(),
        Unreadable::Malformed(_) | Unreadable::TooBig(_) if status.is_success() => {
            Error::protocol(format!("{host}: {error}")).maybe_done()
        }
        _ => page(status, host, location, beginning),
    }
}

/// `Retry-After: seconds` (RFC 9110 section 10.2.3; servers in front of Exchange send no dates).
pub(crate) fn retry_after(header: Option<&str>) -> Option<Duration> {
    header?.trim().parse().ok().map(Duration::from_secs)
}

/// Adds what a header said to an error of a busy server.
pub(crate) fn hinted(error: Error, hint: Option<Duration>) -> Error {
    match error.kind {
        ErrorKind::Busy { retry_after: None } => Error { kind: ErrorKind::Busy { retry_after: hint }, ..error },
        _ => error,
    }
}

/// A web page where an answer is due: from IIS, a proxy, a portal, or a URL that is not EWS.
fn page(status: StatusCode, host: &str, location: Option<&str>, beginning: &[u8]) -> Error {
    let (kind, sent) = match status.as_u16() {
        // Error pages of a server in trouble; other targets are portals, which stay.
        300..=399 if location.is_some_and(|to| to.contains("genericerrorpage")) => {
            (ErrorKind::Unavailable, Sent::MaybeDone)
        }
        403 => (ErrorKind::Denied, Sent::NotSent),
        413 => (ErrorKind::TooBig, Sent::NotSent),
        // The queue of IIS is full, or a proxy counts requests: nothing was handed on.
        429 | 503 => (ErrorKind::Busy { retry_after: None }, Sent::NotSent),
        507 => (ErrorKind::Quota, Sent::NotSent),
        300..=499 => (ErrorKind::Protocol, Sent::NotSent),
        500.. => (ErrorKind::Unavailable, Sent::MaybeDone),
        _ => (ErrorKind::Protocol, Sent::MaybeDone),
    };
    let mut message = format!("{host} answered {status}");
    if let Some(location) = location {
        message.push_str(&format!(" to {}", location.split('?').next().unwrap_or_default()));
    }
    match title(beginning) {
        Some(title) => message.push_str(&format!(" with the page \u{201c}{title}\u{201d} instead of an EWS answer")),
        None => message.push_str(" without an EWS answer"),
    }
    let error = Error { sent, ..Error::new(kind, message) };
    // The others are about the request or the identity, and another server would say the same.
    let is_away = matches!(status.as_u16(), 200..=399 | 404 | 500..=504);
    match status.as_u16() {
        403 => error.because(Cause::Forbidden),
        _ if is_away => error.because(Cause::WebPage),
        _ => error,
    }
}

/// The title of an HTML page, in one line and not too long.
fn title(page: &[u8]) -> Option<String> {
    let lower = page.to_ascii_lowercase();
    let start = memmem::find(&lower, b"<title")?;
    let start = start + memchr::memchr(b'>', lower.get(start..)?)? + 1;
    let length = memmem::find(lower.get(start..)?, b"</title")?;
    let title = String::from_utf8_lossy(page.get(start..start + length)?).into_owned();
    let title: String = title.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(100).collect();
    (!title.is_empty()).then_some(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_named_in_the_error() {
        let told = |status: u16, location, page: &[u8]| {
            unreadable(Unreadable::NotSoap, StatusCode::from_u16(status).unwrap(), "mail.example.org", location, page)
        };
        let error = told(200, None, b"<HTML><Head><TITLE id=x>\n Hotel  Wi-Fi\r\n</Title>");
        assert_eq!(error.kind, ErrorKind::Protocol);
        let expected =
            "mail.example.org answered 200 OK with the page \u{201c}Hotel Wi-Fi\u{201d} instead of an EWS answer";
        assert_eq!(error.message, expected);
        assert_eq!(told(503, None, b"").kind, ErrorKind::Busy { retry_after: None });
        assert_eq!(
            (told(503, None, b"").cause, told(403, None, b"").cause),
            (Some(Cause::WebPage), Some(Cause::Forbidden))
        );
        assert_eq!(told(502, None, b"<title>Bad").kind, ErrorKind::Unavailable);
        assert_eq!(told(403, None, b"").kind, ErrorKind::Denied);
        assert_eq!(told(413, None, b"").kind, ErrorKind::TooBig);
        assert_eq!(told(507, None, b"").kind, ErrorKind::Quota);
        assert_eq!(told(302, Some("/ews/genericerrorpage.htm?x"), b"").kind, ErrorKind::Unavailable);
        let error = told(302, Some("/internalsite/logon.asp?secret"), b"");
        assert_eq!(error.kind, ErrorKind::Protocol);
        assert_eq!(
            error.message,
            "mail.example.org answered 302 Found to /internalsite/logon.asp without an EWS answer"
        );
    }

    #[test]
    fn sign_in_errors_say_what_would_work() {
        let offers = |offers: &[&str]| offers.iter().map(|&offer| offer.to_owned()).collect::<Vec<_>>();
        let told = |offered: &[&str]| sign_in(Some(Scheme::Basic), &offers(offered)).message;
        assert_eq!(told(&[]), "Exchange refused the sign-in");
        assert_eq!(told(&["Negotiate", "Basic realm=\"x\""]), "Exchange refused the user name or password");
        assert_eq!(told(&["Negotiate", "NTLM"]), "Exchange does not offer Basic sign-in here, only Negotiate, NTLM");
        let message = no_scheme(&offers(&["Bearer client_id=\"x\""])).message;
        assert_eq!(message, "Exchange offers Bearer for signing in, and none of what auth allows");
    }
}
