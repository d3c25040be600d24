//! One account: how it is set up, its devices and programs, what happened, and what can be done.

use accounts::{Account, AccountState, Role, Store};
use jiff::Timestamp;
use mailbox::{Scope, Secret};
use maud::{Markup, html};

use super::Visit;
use super::accounts::state_button;
use super::events;
use super::live::devices_table;
use super::part::{account_path, badge, button, nothing, time};
use crate::act::Wish;
use crate::answer::{self, Answer};
use crate::house::{House, Wanted};
use crate::problem::Problem;
use crate::trial::Order;
use crate::view::{DeviceView, ProgramView};
use crate::{Inner, form};

impl<S: Store, H: House> Inner<S, H> {
    pub(super) async fn account_page(&self, visit: &Visit<'_>) -> Result<Answer, Problem> {
        let account = self.account(visit.piece()).await?;
        let address = account.address.as_str();
        let devices: Vec<DeviceView> =
            self.store.devices(Some(address)).await?.into_iter().map(DeviceView::from).collect();
        let programs: Vec<ProgramView> =
            self.store.sightings(Some(address)).await?.into_iter().map(ProgramView::from).collect();
        let names = self.names_of(Some(address)).await?;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let events = self.house.events(&names, SHOWN);
        let inner = html! {
            (facts(&account))
            div.actions {
                @if visit.may(Role::Operator) {
                    (state_button(&account))
                    (button(&format!("{}/trial", account_path(address)), "Try the mailbox", address, "quiet"))
                    (button(&format!("{}/sync", account_path(address)), "Synchronise now", address, "quiet"))
                }
            }
            @if visit.may(Role::Admin) { (protocols(&account)) }
            h2 { "Devices" }
            @if devices.is_empty() { p { "None." } } @else { (devices_table(&devices, visit.may(Role::Operator), false)) }
            @if visit.may(Role::Admin) { (new_device(&account)) }
            h2 { "Programs" }
            @if programs.is_empty() { p { "None was seen yet." } } @else { (programs_table(&programs)) }
            h2 { "Events" }
            @if events.is_empty() { p { "None since the start." } } @else { (events::table(&events, "What happened, the newest first")) }
            @if visit.may(Role::Admin) { (removal(&account)) }
        };
        Ok(visit.frame(address).around(inner))
    }

    pub(super) async fn state_form(&self, visit: &Visit<'_>, state: AccountState) -> Result<Answer, Problem> {
        let wish = Wish { state: Some(state), ..Wish::default() };
        let account = self.change(&visit.who, visit.piece(), wish).await?;
        let done = if state == AccountState::Open { "approved" } else { "blocked" };
        Ok(answer::see(&format!("{}?done={done}", account_path(&account.address))))
    }

    pub(super) async fn protocols_form(&self, visit: &Visit<'_>) -> Result<Answer, Problem> {
        let words = visit.fields("scope");
        let scopes = form::scopes(words.iter().map(String::as_str))?;
        let wish = Wish { scopes: Some(scopes), ..Wish::default() };
        let account = self.change(&visit.who, visit.piece(), wish).await?;
        Ok(answer::see(&format!("{}?done=changed", account_path(&account.address))))
    }

    pub(super) async fn remove_form(&self, visit: &Visit<'_>) -> Result<Answer, Problem> {
        if visit.field("sure").as_deref() != Some("yes") {
            return Err(Problem::bad("Removal is for good: tick the box that says so"));
        }
        self.remove(&visit.who, visit.piece()).await?;
        Ok(answer::see("/accounts?done=removed"))
    }

    pub(super) async fn device_form(&self, visit: &Visit<'_>) -> Result<Answer, Problem> {
        let (words, networks) = (visit.fields("scope"), visit.field("networks").unwrap_or_default());
        let wanted = Wanted {
            name: form::name(&visit.field("name").unwrap_or_default())?,
            scopes: form::scopes(words.iter().map(String::as_str))?,
            read_only: visit.field("read_only").is_some(),
            networks: form::networks(networks.split([',', ' ']).filter(|word| !word.is_empty()))?,
            expires: form::in_days(&visit.field("days").unwrap_or_default(), Timestamp::now())?,
        };
        let name = wanted.name.clone();
        let password = visit.field("password").map(Secret::new);
        let made = self.make_device(&visit.who, visit.piece(), wanted, password).await?;
        let inner = html! {
            p.done role="status" { "Device " (made.id) ", " (name) ", is made. Its password is shown here, and never again:" }
            p.secret { code #made { (made.password.expose()) } }
            p { "Sign in as " strong { (visit.piece()) } " with this password." }
            p { a href=(account_path(visit.piece())) { "Back to the account" } }
        };
        Ok(visit.frame("A new device password").around(inner))
    }

    pub(super) async fn sync_form(&self, visit: &Visit<'_>) -> Result<Answer, Problem> {
        let account = self.synchronise(&visit.who, visit.piece()).await?;
        Ok(answer::see(&format!("{}?done=synchronised", account_path(&account.address))))
    }

    pub(super) async fn try_form(&self, visit: &Visit<'_>) -> Result<Answer, Problem> {
        let order = Order { accounts: vec![visit.piece().to_owned()], ..Order::default() };
        let id = self.begin_trial(&visit.who, order).await?;
        Ok(answer::see(&format!("/trials/{id}")))
    }
}

fn facts(account: &Account) -> Markup {
    html! {
        dl.facts {
            dt { "State" } dd { (badge(account.state.as_str())) }
            dt { "Organisation" } dd { (account.organisation) }
            dt { "Mailbox" } dd { @if let Some(mailbox) = &account.mailbox { (mailbox) } @else { "not known until somebody signs in" } }
            dt { "Switched on" } dd { @if account.scopes.is_empty() { (nothing()) } @else { (account.scopes) } }
            dt { "Labels" }
            dd {
                @if account.labels.is_empty() { (nothing()) }
                @for (name, value) in &account.labels { span.label { (name) "=" (value) } " " }
            }
            dt { "Known since" } dd { (time(account.created)) }
        }
    }
}

fn protocols(account: &Account) -> Markup {
    html! {
        form.card method="post" action={ (account_path(&account.address)) "/protocols" } {
            fieldset {
                legend { "What is switched on" }
                @for scope in Scope::ALL {
                    label.check {
                        input type="checkbox" name="scope" value=(scope.as_str()) checked[account.scopes.has(scope)];
                        " " (scope.as_str())
                    }
                }
            }
            button.quiet type="submit" { "Change" }
        }
    }
}

fn new_device(account: &Account) -> Markup {
    html! {
        details.card {
            summary { "Make a device password" }
            form method="post" action={ (account_path(&account.address)) "/devices" } autocomplete="off" {
                p { label for="device-name" { "What to call it" } input #device-name name="name" required maxlength="100"; }
                fieldset {
                    legend { "What it is for" }
                    @for scope in Scope::ALL {
                        label.check { input type="checkbox" name="scope" value=(scope.as_str()) checked; " " (scope.as_str()) }
                    }
                    label.check { input type="checkbox" name="read_only" value="yes"; " reading only" }
                }
                p {
                    label for="networks" { "Networks it may come from" }
                    input #networks name="networks" aria-describedby="networks-hint";
                    span.hint #networks-hint { "Such as 192.0.2.0/24; anywhere, if empty." }
                }
                p {
                    label for="days" { "Days until it expires" }
                    input #days name="days" inputmode="numeric" aria-describedby="days-hint";
                    span.hint #days-hint { "Never, if empty." }
                }
                p {
                    label for="password" { "Exchange password of the account" }
                    input #password name="password" type="password" autocomplete="off" aria-describedby="password-hint";
                    span.hint #password-hint { "It is tried once. Not needed where only tokens are taken." }
                }
                button type="submit" { "Make it" }
            }
        }
    }
}

fn programs_table(programs: &[ProgramView]) -> Markup {
    html! {
        div.table tabindex="0" role="region" aria-label="Programs" {
            table {
                caption { "Programs that were seen, the latest first" }
                thead { tr {
                    th scope="col" { "Program" } th scope="col" { "Protocol" } th scope="col" { "Device" } th scope="col" { "From" }
                    th scope="col" { "First seen" } th scope="col" { "Last seen" }
                } }
                tbody {
                    @for one in programs {
                        tr {
                            th scope="row" { (one.program) } td { (one.protocol) }
                            td { @if let Some(device) = one.device { (device) } @else { (nothing()) } }
                            td { (one.from) } td { (time(one.first)) } td { (time(one.last)) }
                        }
                    }
                }
            }
        }
    }
}

fn removal(account: &Account) -> Markup {
    html! {
        details.card {
            summary { "Remove this account" }
            form method="post" action={ (account_path(&account.address)) "/remove" } {
                p { "The account, its devices, feeds and sign-in at the identity provider are forgotten for good." }
                label.check { input type="checkbox" name="sure" value="yes" required; " Yes, remove " (account.address) " for good" }
                button.danger type="submit" { "Remove" }
            }
        }
    }
}

/// Events on the page.
const SHOWN: usize = 20;
