//! Pieces that pages share.

use jiff::Timestamp;
use maud::{Markup, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// A moment, to the minute.
pub(super) fn time(at: Timestamp) -> Markup {
    let text = at.strftime("%Y-%m-%d %H:%M").to_string();
    html! { time datetime=(at) title=(at) { (text) } }
}

/// A moment, or a dash.
pub(super) fn maybe(at: Option<Timestamp>) -> Markup {
    html! { @if let Some(at) = at { (time(at)) } @else { (nothing()) } }
}

/// What stands where there is nothing to say.
pub(super) fn nothing() -> Markup {
    html! { span.none { "–" } }
}

/// A word with a colour that says the same.
pub(super) fn badge(word: &str) -> Markup {
    let kind = match word {
        "open" | "good" | "streaming" | "ok" | "done" | "info" => "good",
        "blocked" | "revoked" | "refused" | "failed" | "error" => "bad",
        "pending" | "away" | "expired" | "running" | "warning" | "polling" => "so-so",
        _ => "plain",
    };
    html! { span class={ "badge " (kind) } { (word) } }
}

/// A form that is one button.
pub(super) fn button(action: &str, label: &str, about: &str, class: &str) -> Markup {
    html! {
        form.inline method="post" action=(action) {
            button class=(class) type="submit" aria-label={ (label) " " (about) } { (label) }
        }
    }
}

/// The page of an account.
pub(super) fn account(address: &str) -> Markup {
    html! { a href=(account_path(address)) { (address) } }
}

pub(super) fn account_path(address: &str) -> String {
    format!("/accounts/{}", utf8_percent_encode(address, PIECE))
}

/// A text within a path or a query.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PIECE).to_string()
}

/// The two largest parts of a time.
pub(super) fn span(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min", whole / 60),
        3600..86_400 => format!("{} h {} min", whole / 3600, whole / 60 % 60),
        _ => format!("{} d {} h", whole / 86_400, whole / 3600 % 24),
    }
}

/// So many of something.
pub(super) fn count(number: usize, one: &str, more: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {more}") }
}

/// What stands in a piece of a path as it is (RFC 3986 section 3.3).
const PIECE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'@').remove(b'.').remove(b'-').remove(b'_');
