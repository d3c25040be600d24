//! All accounts.

use accounts::{Account, Store};
use maud::{Markup, html};

use super::Visit;
use super::part::{account, account_path, badge, button, encoded, time};
use crate::Inner;
use crate::answer::Answer;
use crate::house::House;
use crate::problem::Problem;

impl<S: Store, H: House> Inner<S, H> {
    pub(super) async fn accounts_page(&self, visit: &Visit<'_>) -> Result<Answer, Problem> {
        let text = visit.query("q").unwrap_or_default().to_lowercase();
        let state = visit.query("state").unwrap_or_default();
        let after = visit.query("after").unwrap_or_default();
        let is_wanted = |one: &Account| {
            (state.is_empty() || one.state.as_str() == state)
                && (text.is_empty()
                    || one.address.contains(&text)
                    || one.organisation.to_lowercase().contains(&text)
                    || one.labels.iter().any(|(name, value)| format!("{name}={value}").to_lowercase().contains(&text)))
        };
        let all: Vec<Account> = self.store.accounts().await?.into_iter().filter(is_wanted).collect();
        let some: Vec<&Account> = all.iter().filter(|one| one.address.as_str() > after.as_str()).take(MOST).collect();
        let next = some.last().map(|last| &last.address).filter(|last| all.iter().any(|one| one.address > **last));
        let inner = html! {
            (search(&text, &state))
            @if all.is_empty() {
                p { "No account. Whoever signs in for the first time has one from then on." }
            } @else {
                (self::table(&some, visit.may(accounts::Role::Operator), all.len()))
            }
            @if let Some(next) = next {
                p { a href={ "/accounts?q=" (encoded(&text)) "&state=" (encoded(&state)) "&after=" (encoded(next)) } { "Those that follow" } }
            }
        };
        Ok(visit.frame("Accounts").around(inner))
    }
}

fn search(text: &str, state: &str) -> Markup {
    html! {
        form.filter method="get" action="/accounts" role="search" {
            label for="q" { "Address, organisation or label" }
            input #q name="q" type="search" value=(text) autocapitalize="none" spellcheck="false";
            label for="state" { "State" }
            select #state name="state" {
                option value="" { "any" }
                @for known in ["pending", "open", "blocked"] { option value=(known) selected[known == state] { (known) } }
            }
            button type="submit" { "Show" }
        }
    }
}

fn table(some: &[&Account], may_change: bool, all: usize) -> Markup {
    html! {
        div.table tabindex="0" role="region" aria-label="Accounts" {
            table {
                caption { "Accounts by address: " (some.len()) " of " (all) }
                thead { tr {
                    th scope="col" { "Address" } th scope="col" { "Organisation" } th scope="col" { "State" }
                    th scope="col" { "Switched on" } th scope="col" { "Labels" } th scope="col" { "Since" }
                    @if may_change { th scope="col" { "Do" } }
                } }
                tbody {
                    @for one in some {
                        tr {
                            th scope="row" { (account(&one.address)) }
                            td { (one.organisation) } td { (badge(one.state.as_str())) } td { (one.scopes) }
                            td { @for (name, value) in &one.labels { (name) "=" (value) " " } }
                            td { (time(one.created)) }
                            @if may_change { td { (state_button(one)) } }
                        }
                    }
                }
            }
        }
    }
}

/// Lets somebody in, or no more.
pub(super) fn state_button(one: &Account) -> Markup {
    let path = account_path(&one.address);
    match one.state {
        accounts::AccountState::Open => button(&format!("{path}/block"), "Block", &one.address, "danger"),
        _ => button(&format!("{path}/approve"), "Approve", &one.address, ""),
    }
}

/// Accounts on one page.
const MOST: usize = 200;
