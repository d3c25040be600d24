//! What is around every page: its title, the menu, what was done just now.

use http::StatusCode;
use maud::{DOCTYPE, Markup, html};

use crate::answer::{self, Answer};
use crate::guard::Who;
use crate::problem::Problem;

/// What is around a page.
pub(super) struct Frame<'a> {
    pub(super) title: &'a str,
    /// Nobody, where nobody has to be signed in.
    pub(super) who: Option<&'a Who>,
    pub(super) path: &'a str,
    /// What was done just now, by its name below.
    pub(super) done: Option<String>,
}

impl Frame<'_> {
    /// The page.
    pub(super) fn around(&self, inner: Markup) -> Answer {
        self.answered(StatusCode::OK, inner)
    }

    pub(super) fn answered(&self, status: StatusCode, inner: Markup) -> Answer {
        let done = self.done.as_deref().and_then(sentence);
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) " · Exgate" }
                    link rel="stylesheet" href="/style.css";
                    // Without one, browsers ask for /favicon.ico.
                    link rel="icon" href="data:,";
                }
                body {
                    a.skip href="#main" { "Skip to the content" }
                    header {
                        p.brand { a href="/" { "Exgate" } }
                        @if let Some(who) = self.who {
                            (menu(self.path))
                            form.who method="post" action="/sign-out" {
                                span { (who.name) " · " (who.role) }
                                button.quiet type="submit" { "Sign out" }
                            }
                        }
                    }
                    main #main tabindex="-1" {
                        h1 { (self.title) }
                        @if let Some(done) = done { p.done role="status" { (done) } }
                        (inner)
                    }
                    footer { p { "All times are UTC. Exgate " (env!("CARGO_PKG_VERSION")) } }
                }
            }
        };
        answer::typed(status, "text/html; charset=utf-8", page.into_string())
    }
}

/// A page that says what went wrong.
pub(super) fn problem(who: Option<&Who>, problem: &Problem) -> Answer {
    let title = problem.status.canonical_reason().unwrap_or("Problem");
    let inner = html! {
        p.trouble role="alert" { (problem.detail) }
        p { a href="/" { "Back to the overview" } }
    };
    Frame { title, who, path: "", done: None }.answered(problem.status, inner)
}

fn menu(path: &str) -> Markup {
    let is_here = |entry: &str| match entry {
        "/" => path == "/",
        _ => path == entry || path.strip_prefix(entry).is_some_and(|rest| rest.starts_with('/')),
    };
    html! {
        nav aria-label="Pages" {
            ul {
                @for (entry, name) in MENU {
                    li { a href=(entry) aria-current=[is_here(entry).then_some("page")] { (name) } }
                }
            }
        }
    }
}

const MENU: [(&str, &str); 9] = [
    ("/", "Overview"),
    ("/accounts", "Accounts"),
    ("/devices", "Devices"),
    ("/mailboxes", "Mailboxes"),
    ("/sessions", "Sessions"),
    ("/upstreams", "Exchange"),
    ("/trials", "Trials"),
    ("/events", "Events"),
    ("/audit", "Audit"),
];

/// What is said after something was done. Only what stands here can be said: whoever makes a link cannot put words in our mouth.
fn sentence(done: &str) -> Option<&'static str> {
    DONE.iter().find(|(known, _)| *known == done).map(|(_, sentence)| *sentence)
}

const DONE: [(&str, &str); 8] = [
    ("approved", "This account may use the gateway now."),
    ("blocked", "This account is blocked; its sessions end within a second."),
    ("changed", "The change is made."),
    ("removed", "The account is removed. Who is removed may come again as somebody new; blocking keeps people out."),
    ("revoked", "The device password is revoked; its sessions end within a second."),
    ("ended", "The session is ended."),
    ("synchronised", "The mailbox was looked at; what Exchange had not told of is known now."),
    ("stopped", "The trial is stopped."),
];
