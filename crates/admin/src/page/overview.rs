//! The first page: how the gateway does, and what needs a look.

use accounts::{AccountState, Store};
use maud::{Markup, html};

use super::Visit;
use super::chart::{self, Series};
use super::events::table;
use super::part::{count, span};
use crate::Inner;
use crate::answer::Answer;
use crate::house::{Event, House, Point, Severity, Status};
use crate::problem::Problem;

impl<S: Store, H: House> Inner<S, H> {
    pub(super) async fn overview(&self, visit: &Visit<'_>) -> Result<Answer, Problem> {
        let (status, history) = (self.status(visit.asked).await?, self.house.history());
        let accounts = self.store.accounts().await?;
        let pending = accounts.iter().filter(|account| account.state == AccountState::Pending).count();
        let events: Vec<Event> = self
            .house
            .events(&[], LOOKED)
            .into_iter()
            .filter(|event| event.severity != Severity::Info)
            .take(SHOWN)
            .collect();
        let inner = html! {
            (looks(&status, pending))
            (numbers(&status, accounts.len()))
            div.charts { (charts(&status, &history)) }
            (organisations(&status))
            h2 { "Latest warnings" }
            @if events.is_empty() { p { "None since the start." } } @else { (table(&events, "The latest warnings, the newest first")) }
            p { a href="/events" { "All events" } }
        };
        Ok(visit.frame("Overview").around(inner))
    }
}

/// What somebody should do something about.
fn looks(status: &Status, pending: usize) -> Markup {
    let away = status.organisations.iter().filter(|one| one.away > 0);
    let ending = status.certificates.iter().filter(|one| one.valid_seconds < SOON);
    html! {
        ul.looks {
            @if pending > 0 {
                li { a href="/accounts?state=pending" { (count(pending, "account waits", "accounts wait")) } " to be let in." }
            }
            @for one in away {
                li { (one.name) ": Exchange does not answer for " (count(one.away, "mailbox", "mailboxes")) "." }
            }
            @for one in ending {
                li {
                    "The certificate of " (one.name) " "
                    @if one.valid_seconds < 0.0 { "has ended." } @else { "ends in " (span(one.valid_seconds)) "." }
                }
            }
            @if status.spool.oldest_seconds > LATE {
                li { "A message has waited for " (span(status.spool.oldest_seconds)) " to be sent; see " code { "exgate spool list" } "." }
            }
            @if status.draining { li { "The gateway is stopping." } }
        }
    }
}

fn numbers(status: &Status, accounts: usize) -> Markup {
    // Whoever looks at this page is no client.
    let clients = || status.connections.iter().filter(|(protocol, count)| **count > 0 && *protocol != "admin");
    let connections: usize = clients().map(|(_, count)| count).sum();
    let by: Vec<String> = clients().map(|(protocol, count)| format!("{count} {protocol}")).collect();
    let mailboxes: usize = status.organisations.iter().map(|one| one.mailboxes).sum();
    let asked = status.cache.hits + status.cache.misses;
    let share = (status.cache.hits * 100).checked_div(asked);
    let share = share.map_or("nothing asked yet".to_owned(), |share| format!("{share} % were there"));
    html! {
        dl.numbers {
            div { dt { "Accounts" } dd { (accounts) } }
            div { dt { "Mailboxes in use" } dd { (mailboxes) } }
            div { dt { "Connections" } dd { (connections) } dd.more { (by.join(", ")) } }
            div { dt { "Waiting to be sent" } dd { (status.spool.waiting) } }
            div { dt { "Cached messages" } dd { (status.cache.messages) } dd.more { (share) } }
            div { dt { "Running for" } dd { (span(status.uptime_seconds)) } }
        }
    }
}

fn charts(status: &Status, history: &[Point]) -> Markup {
    let times: Vec<_> = history.iter().map(|point| point.at).collect();
    let values = |value: fn(&Point) -> f64| history.iter().map(value).collect::<Vec<f64>>();
    let connections = [Series { name: "connections", class: "one", values: values(|point| point.connections as f64) }];
    let calls = [
        Series { name: "answered", class: "one", values: values(|point| point.calls as f64) },
        Series { name: "failed", class: "bad", values: values(|point| point.failed as f64) },
    ];
    let sum = |of: fn(&crate::house::Organisation) -> usize| status.organisations.iter().map(of).sum::<usize>();
    let (all, streaming, away) = (sum(|one| one.mailboxes), sum(|one| one.streaming), sum(|one| one.away));
    let told = streaming.min(all.saturating_sub(away));
    let others = all.saturating_sub(told + away);
    html! {
        (chart::lines("Connections of clients", &times, &connections))
        (chart::lines("Calls of Exchange each minute", &times, &calls))
        (chart::parts("Mailboxes", &[("told by Exchange", "one", told), ("looked at now and then", "two", others), ("away", "bad", away)]))
    }
}

fn organisations(status: &Status) -> Markup {
    html! {
        div.table tabindex="0" role="region" aria-label="Organisations" {
            table {
                caption { "Organisations" }
                thead { tr {
                    th scope="col" { "Name" } th scope="col" { "Mailboxes" } th scope="col" { "Streaming" }
                    th scope="col" { "Away" } th scope="col" { "Sessions" } th scope="col" { "Last heard of" }
                } }
                tbody {
                    @for one in &status.organisations {
                        tr {
                            th scope="row" { a href="/upstreams" { (one.name) } }
                            td.number { (one.mailboxes) } td.number { (one.streaming) } td.number { (one.away) }
                            td.number { (one.sessions) }
                            td { @if one.unheard_seconds < 1.0 { "now" } @else { (span(one.unheard_seconds)) " ago" } }
                        }
                    }
                }
            }
        }
    }
}

/// Events that are looked through for warnings, and warnings that are shown.
const LOOKED: usize = 1000;
const SHOWN: usize = 8;
/// Two weeks, in seconds: certificates that end sooner are told of.
const SOON: f64 = 14.0 * 86_400.0;
/// A quarter of an hour, in seconds.
const LATE: f64 = 900.0;
