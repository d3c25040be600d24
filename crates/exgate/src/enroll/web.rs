//! `/enroll`: a form that takes an address and the Exchange password, and answers with a device password. It needs no script.

use std::sync::Arc;

use dav::{Page, Pages, Sent};
use http::header::{CACHE_CONTROL, HeaderName, HeaderValue, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use mailbox::{Credentials, Error, ErrorKind, Secret};
use ring::rand::{SecureRandom, SystemRandom};

use super::page;
use crate::gate::Gate;
use crate::setup::Place;

/// These pages and the form.
pub(crate) fn pages(pages: Pages, gate: Gate, place: Place) -> Pages {
    let place = Arc::new(place);
    pages.with_form(PATH, move |sent| {
        let (gate, place) = (gate.clone(), Arc::clone(&place));
        async move {
            match sent.fields {
                Some(ref fields) => taken(&gate, &place, fields, &sent).await,
                None => form(&place, StatusCode::OK, None, ""),
            }
        }
    })
}

async fn taken(gate: &Gate, place: &Place, fields: &[(String, Secret<String>)], sent: &Sent) -> Page {
    let field = |name: &str| fields.iter().find(|(named, _)| named == name).map(|(_, value)| value.expose());
    let text = |name| field(name).map(|text| text.trim()).unwrap_or_default();
    let address = text("address");
    // What a page of another site cannot know: the cookie came with the form.
    let is_own = field("token").is_some_and(|token| token.len() == TOKEN && is_in(&sent.cookies, token));
    if !is_own {
        let sentence = "The form was open for too long, or the browser keeps no cookies: please try again.";
        return form(place, StatusCode::FORBIDDEN, Some(sentence), address);
    }
    let (Some(password), false) = (field("password").filter(|text| !text.is_empty()), address.is_empty()) else {
        return form(place, StatusCode::BAD_REQUEST, Some("Please fill in both address and password."), address);
    };
    let name: String = text("device").chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
    let name = if name.is_empty() { "My device".to_owned() } else { name };
    let credentials = Credentials { user: address.to_owned(), password: Secret::new(password.clone()) };
    match gate.enroll(credentials, name, sent.from).await {
        Ok(enrolled) => dressed(page::enrolled(place, &enrolled)),
        Err(error) => form(place, status(&error), Some(&error.message), address),
    }
}

fn form(place: &Place, status: StatusCode, wrong: Option<&str>, address: &str) -> Page {
    let mut numbers = [0; TOKEN / 2];
    if SystemRandom::new().fill(&mut numbers).is_err() {
        return Page { status: StatusCode::INTERNAL_SERVER_ERROR, ..Page::new("text/plain", "no random numbers\n") };
    }
    let token: String = numbers.iter().map(|number| format!("{number:02x}")).collect();
    let mut page = Page { status, ..dressed(page::form(place, wrong, address, &token)) };
    let cookie = format!("{COOKIE}={token}; Path={PATH}; Max-Age=3600; HttpOnly; SameSite=Strict");
    page.headers.extend(HeaderValue::from_str(&cookie).ok().map(|cookie| (SET_COOKIE, cookie)));
    page
}

/// Nothing is loaded from elsewhere, nothing is run, nothing is kept.
pub(crate) fn dressed(text: String) -> Page {
    let policy = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    let said = [
        (CACHE_CONTROL.as_str(), "no-store"),
        ("content-security-policy", policy),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
    ];
    let headers: HeaderMap = said
        .into_iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect();
    let headers = headers.into_iter().filter_map(|(name, value)| Some((name?, value))).collect();
    Page { headers, ..Page::new("text/html; charset=utf-8", text) }
}

/// True if the cookie of the form has this value.
fn is_in(cookies: &str, token: &str) -> bool {
    let mut values = cookies.split(';').filter_map(|cookie| cookie.trim().strip_prefix(COOKIE)?.strip_prefix('='));
    values.any(|value| value == token)
}

fn status(error: &Error) -> StatusCode {
    match error.kind {
        ErrorKind::SignIn | ErrorKind::NotAdmitted | ErrorKind::Denied => StatusCode::FORBIDDEN,
        ErrorKind::Busy { .. } | ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Where it is.
pub(super) const PATH: &str = "/enroll";
const COOKIE: &str = "exgate-enroll";
/// Characters of a token.
const TOKEN: usize = 32;
/// Characters of a device's name.
const LONGEST_NAME: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others() {
        assert!(is_in("a=b; exgate-enroll=cd; e=f", "cd") && is_in("exgate-enroll=cd", "cd"));
        assert!(!is_in("exgate-enroll=cde", "cd") && !is_in("xexgate-enroll=cd", "cd") && !is_in("", ""));
    }
}
