//! Signing in and out.

use accounts::Store;
use http::header::{self, HeaderValue};
use http::{Method, StatusCode};
use maud::html;

use super::frame::{self, Frame};
use super::part::encoded;
use super::{Visit, last};
use crate::Inner;
use crate::answer::{self, Answer};
use crate::ask::Asked;
use crate::guard;
use crate::house::House;

/// The page.
pub(super) fn form(asked: &Asked, wrong: Option<&str>) -> Answer {
    let next = match *asked.method() {
        Method::POST => last(asked.form(), "next"),
        _ => last(asked.query(), "next"),
    };
    let inner = html! {
        @if let Some(wrong) = wrong { p.trouble role="alert" { (wrong) } }
        form.card.narrow method="post" action="/sign-in" {
            @if let Some(next) = next { input type="hidden" name="next" value=(next); }
            p {
                label for="name" { "Name" }
                input #name name="name" required autocomplete="username" autocapitalize="none" spellcheck="false";
            }
            p {
                label for="password" { "Password" }
                input #password name="password" type="password" required autocomplete="current-password";
            }
            p { button type="submit" { "Sign in" } }
        }
        p.hint { "Whoever runs this machine makes administrators: " code { "exgate admin add NAME --role admin" } }
    };
    let status = if wrong.is_some() { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
    Frame { title: "Sign in", who: None, path: "/sign-in", done: None }.answered(status, inner)
}

/// Sends somebody there who is to come back.
pub(super) fn first(asked: &Asked) -> Answer {
    match asked.target() {
        "/" => answer::see("/sign-in"),
        target => answer::see(&format!("/sign-in?next={}", encoded(target))),
    }
}

impl<S: Store, H: House> Inner<S, H> {
    pub(super) async fn begin_session(&self, asked: &Asked) -> Answer {
        let field = |name: &str| last(asked.form(), name).unwrap_or_default();
        let (name, password) = (field("name"), field("password"));
        match self.guard.sign_in(&self.store, (name.trim(), password.trim()), asked).await {
            Err(problem) => frame::problem(None, &problem),
            Ok(None) => form(asked, Some("Name or password is not right.")),
            Ok(Some(token)) => {
                let next = field("next");
                // A place of ours, and no other: `//host` would be one.
                let is_ours =
                    next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n', '\t']);
                kept(answer::see(if is_ours { &next } else { "/" }), Some(&token), asked)
            }
        }
    }

    pub(super) fn end_own_session(&self, visit: &Visit<'_>) -> Answer {
        self.guard.sign_out(visit.asked);
        kept(answer::see("/sign-in"), None, visit.asked)
    }
}

fn kept(mut answer: Answer, token: Option<&str>, asked: &Asked) -> Answer {
    if let Ok(cookie) = HeaderValue::from_str(&guard::set_cookie(token, asked.is_tls())) {
        answer.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    answer
}
