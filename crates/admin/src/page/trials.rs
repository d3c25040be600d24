//! Trying mailboxes.

use accounts::{Role, Store};
use maud::{Markup, html};

use super::Visit;
use super::part::{account, badge, button, time};
use crate::Inner;
use crate::answer::{self, Answer};
use crate::house::{House, Step};
use crate::problem::Problem;
use crate::trial::{Order, ResultView, TrialView};

impl<S: Store, H: House> Inner<S, H> {
    pub(super) async fn trials_page(&self, visit: &Visit<'_>) -> Result<Answer, Problem> {
        let trials = self.trials.list();
        let inner = html! {
            @if visit.may(Role::Operator) { (form()) }
            @if trials.is_empty() { p { "No mailbox was tried yet." } } @else { (table(&trials)) }
        };
        Ok(visit.frame("Trials").around(inner))
    }

    pub(super) async fn trials_form(&self, visit: &Visit<'_>) -> Result<Answer, Problem> {
        let accounts = visit.field("accounts").unwrap_or_default();
        let order = Order {
            accounts: accounts
                .split([',', ' ', '\r', '\n'])
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect(),
            outgoing: visit.field("outgoing").is_some(),
            approve: visit.field("approve").is_some(),
        };
        let id = self.begin_trial(&visit.who, order).await?;
        Ok(answer::see(&format!("/trials/{id}")))
    }

    pub(super) fn trial_page(&self, visit: &Visit<'_>) -> Result<Answer, Problem> {
        let (trial, results) = self.trials.one(visit.number()?)?;
        let title = format!("Trial {}", trial.id);
        let inner = html! {
            p { (badge(trial.state)) " begun " (time(trial.begun)) " by " (trial.by)
                @if trial.outgoing { ", sending included" } @if trial.approve { ", letting in where all that was tried works" } }
            p {
                label for="progress" { (trial.tried) " of " (trial.total) " tried, " (trial.failed) " failed" }
                progress #progress max=(trial.total) value=(trial.tried) {}
            }
            div.actions {
                @if trial.state == "running" {
                    a.button href={ "/trials/" (trial.id) } { "Look again" }
                    @if visit.may(Role::Operator) {
                        (button(&format!("/trials/{}/stop", trial.id), "Stop", &title, "danger"))
                    }
                }
            }
            @if !results.is_empty() { (results_table(&results)) }
            p { a href="/trials" { "All trials" } }
        };
        Ok(visit.frame(&title).around(inner))
    }

    pub(super) async fn stop_form(&self, visit: &Visit<'_>) -> Result<Answer, Problem> {
        let id = visit.number()?;
        self.stop_trial(&visit.who, id).await?;
        Ok(answer::see(&format!("/trials/{id}?done=stopped")))
    }
}

fn form() -> Markup {
    html! {
        form.card method="post" action="/trials" {
            p {
                label for="accounts" { "Whose mailboxes" }
                textarea #accounts name="accounts" rows="2" aria-describedby="accounts-hint" {}
                span.hint #accounts-hint { "Addresses, separated by blanks or lines; all that are not blocked, if empty." }
            }
            label.check { input type="checkbox" name="outgoing" value="yes"; " also send a message from each to itself, and delete it there" }
            label.check { input type="checkbox" name="approve" value="yes"; " let those in who wait for it, where all that is tried works" }
            p { button type="submit" { "Try them" } }
        }
    }
}

fn table(trials: &[TrialView]) -> Markup {
    html! {
        div.table tabindex="0" role="region" aria-label="Trials" {
            table {
                caption { "Trials, the newest first" }
                thead { tr {
                    th scope="col" { "Trial" } th scope="col" { "Begun" } th scope="col" { "By" } th scope="col" { "State" }
                    th scope="col" { "Tried" } th scope="col" { "Failed" }
                } }
                tbody {
                    @for one in trials {
                        tr {
                            th scope="row" { a href={ "/trials/" (one.id) } { (one.id) } } td { (time(one.begun)) } td { (one.by) }
                            td { (badge(one.state)) } td.number { (one.tried) " of " (one.total) } td.number { (one.failed) }
                        }
                    }
                }
            }
        }
    }
}

fn results_table(results: &[ResultView]) -> Markup {
    html! {
        div.table tabindex="0" role="region" aria-label="What was found" {
            table {
                caption { "What was found" }
                thead { tr {
                    th scope="col" { "Account" } th scope="col" { "Incoming" } th scope="col" { "Outgoing" } th scope="col" { "Calendar" }
                    th scope="col" { "Contacts" }
                } }
                tbody {
                    @for one in results {
                        tr {
                            th scope="row" { (account(&one.address)) }
                            @for (_, step) in one.outcome.steps() { (cell(step)) }
                        }
                    }
                }
            }
        }
    }
}

fn cell(step: &Step) -> Markup {
    let word = match step.state {
        crate::house::StepState::Ok => "ok",
        crate::house::StepState::Failed => "failed",
        crate::house::StepState::Skipped => "skipped",
    };
    html! { td { (badge(word)) div.more { (step.told) } } }
}
