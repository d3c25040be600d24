//! What was done, by whom.

use accounts::{Entry, Store};
use maud::{Markup, html};

use super::Visit;
use super::part::time;
use crate::Inner;
use crate::answer::Answer;
use crate::house::House;
use crate::problem::Problem;

impl<S: Store, H: House> Inner<S, H> {
    /// The newest entries first; the log itself is read from its beginning, so that the last page is found by counting.
    pub(super) async fn audit_page(&self, visit: &Visit<'_>) -> Result<Answer, Problem> {
        let verdict = self.verify().await?;
        let before = visit.query("before").and_then(|text| text.parse::<u64>().ok());
        let end = before.map_or(verdict.entries, |before| before.saturating_sub(1).min(verdict.entries));
        let after = end.saturating_sub(PAGE);
        let mut entries = self.store.audit(after, u32::try_from(end - after).unwrap_or(0)).await?;
        entries.reverse();
        let inner = html! {
            @match verdict.broken {
                None => p.done { (verdict.entries) " entries are as they were written. The last one's hash is " code { (verdict.head) } "; kept elsewhere, it shows later that nothing was cut off." },
                Some(broken) => p.trouble role="alert" { "Entry " (broken) " of the audit log is not what was written there. What stands before it is shown." },
            }
            @if entries.is_empty() { p { "Nothing was done yet." } } @else { (table(&entries)) }
            @if after > 0 { p { a href={ "/audit?before=" (after + 1) } { "Those before" } } }
        };
        Ok(visit.frame("Audit log").around(inner))
    }
}

fn table(entries: &[Entry]) -> Markup {
    html! {
        div.table tabindex="0" role="region" aria-label="Audit log" {
            table {
                caption { "What was done, the newest first" }
                thead { tr {
                    th scope="col" { "Number" } th scope="col" { "Time" } th scope="col" { "Who" } th scope="col" { "What" }
                    th scope="col" { "Whose" } th scope="col" { "How" }
                } }
                tbody {
                    @for entry in entries {
                        tr {
                            td.number { (entry.number) } td { (time(entry.at)) } td { (entry.actor) } td { (entry.happening.action) }
                            td { (entry.happening.subject) } td { (entry.happening.detail) }
                        }
                    }
                }
            }
        }
    }
}

/// Entries on one page.
const PAGE: u64 = 100;
