//! What happened.

use accounts::Store;
use maud::{Markup, html};

use super::Visit;
use super::part::{account, badge, time};
use crate::Inner;
use crate::answer::Answer;
use crate::house::{Event, House, Severity};
use crate::problem::Problem;

impl<S: Store, H: House> Inner<S, H> {
    pub(super) async fn events_page(&self, visit: &Visit<'_>) -> Result<Answer, Problem> {
        let asked = visit.query("account");
        let names = self.names_of(asked.as_deref()).await?;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let warnings = visit.query("only").is_some_and(|only| only == "warnings");
        let mut events = self.house.events(&names, MOST);
        events.retain(|event| !warnings || event.severity != Severity::Info);
        let inner = html! {
            form.filter method="get" action="/events" role="search" {
                label for="account" { "Account" }
                input #account name="account" value=(asked.as_deref().unwrap_or_default()) autocapitalize="none" spellcheck="false";
                label.check { input type="checkbox" name="only" value="warnings" checked[warnings]; " Warnings only" }
                button type="submit" { "Show" }
            }
            p.hint { "What happened to mailboxes and sign-ins since the start of the gateway; what was done stands in the "
                a href="/audit" { "audit log" } "." }
            @if events.is_empty() { p { "Nothing." } } @else { (table(&events, "Events, the newest first")) }
        };
        Ok(visit.frame("Events").around(inner))
    }
}

/// Events as a table.
pub(super) fn table(events: &[Event], caption: &str) -> Markup {
    html! {
        div.table tabindex="0" role="region" aria-label=(caption) {
            table {
                caption { (caption) }
                thead { tr {
                    th scope="col" { "Time" } th scope="col" { "Kind" } th scope="col" { "Account" } th scope="col" { "What happened" }
                } }
                tbody {
                    @for event in events {
                        tr { td { (time(event.at)) } td { (badge(severity(event.severity))) } td { (account(&event.account)) } td { (event.what) } }
                    }
                }
            }
        }
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// Events on one page.
const MOST: usize = 200;
