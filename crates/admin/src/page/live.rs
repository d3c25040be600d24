//! What is there now: devices, mailboxes, sessions, servers.

use accounts::{Role, Store};
use jiff::Timestamp;
use maud::{Markup, html};

use super::Visit;
use super::part::{account, badge, button, maybe, nothing, time};
use crate::Inner;
use crate::answer::{self, Answer};
use crate::house::{House, Session};
use crate::problem::Problem;
use crate::view::DeviceView;

impl<S: Store, H: House> Inner<S, H> {
    pub(super) async fn devices_page(&self, visit: &Visit<'_>) -> Result<Answer, Problem> {
        let mut devices: Vec<DeviceView> = self.store.devices(None).await?.into_iter().map(DeviceView::from).collect();
        let all = visit.query("all").is_some();
        devices.retain(|device| all || device.revoked.is_none());
        let inner = html! {
            @if all { p { a href="/devices" { "Without those that are revoked" } } }
            @else { p { a href="/devices?all=yes" { "Those that are revoked, too" } } }
            @if devices.is_empty() { p { "No device." } } @else { (devices_table(&devices, visit.may(Role::Operator), true)) }
        };
        Ok(visit.frame("Devices").around(inner))
    }

    pub(super) async fn revoke_form(&self, visit: &Visit<'_>) -> Result<Answer, Problem> {
        let device = self.revoke(&visit.who, visit.number()?).await?;
        Ok(answer::see(&format!("{}?done=revoked", super::part::account_path(&device.address))))
    }

    pub(super) async fn mailboxes_page(&self, visit: &Visit<'_>) -> Result<Answer, Problem> {
        let mut mailboxes = self.house.mailboxes().await;
        mailboxes.sort_by(|one, other| (&one.organisation, &one.mailbox).cmp(&(&other.organisation, &other.mailbox)));
        let inner = html! {
            p.hint { "Mailboxes that are in use, or were until a while ago. The others are at rest, and opened when somebody comes." }
            @if mailboxes.is_empty() { p { "No mailbox is in use." } } @else {
                div.table tabindex="0" role="region" aria-label="Mailboxes" {
                    table {
                        caption { "Mailboxes in use" }
                        thead { tr {
                            th scope="col" { "Mailbox" } th scope="col" { "Organisation" } th scope="col" { "State" }
                            th scope="col" { "Sessions" } th scope="col" { "Last synchronised" }
                        } }
                        tbody {
                            @for one in &mailboxes {
                                tr {
                                    th scope="row" { (account(&one.mailbox)) } td { (one.organisation) }
                                    td { (badge(one.state.as_str())) } td.number { (one.sessions) } td { (time(one.synchronised)) }
                                }
                            }
                        }
                    }
                }
            }
        };
        Ok(visit.frame("Mailboxes").around(inner))
    }

    pub(super) fn sessions_page(&self, visit: &Visit<'_>) -> Result<Answer, Problem> {
        let sessions = self.house.sessions();
        let inner = html! {
            @if sessions.is_empty() { p { "Nobody is in." } } @else { (sessions_table(&sessions, visit.may(Role::Operator))) }
        };
        Ok(visit.frame("Sessions").around(inner))
    }

    pub(super) async fn end_form(&self, visit: &Visit<'_>) -> Result<Answer, Problem> {
        self.end_session(&visit.who, visit.number()?).await?;
        Ok(answer::see("/sessions?done=ended"))
    }

    pub(super) async fn upstreams_page(&self, visit: &Visit<'_>) -> Result<Answer, Problem> {
        let inner = html! {
            p.hint { "As the configuration file has them; " code { "exgate check" } " looks at the way to each." }
            @for one in self.house.upstreams() {
                section.card {
                    h2 { (one.name) }
                    @if let Some(description) = &one.description { p { (description) } }
                    dl.facts {
                        dt { "Servers" }
                        dd { @if one.urls.is_empty() { "found by Autodiscover" } @for url in &one.urls { div { code { (url) } } } }
                        dt { "Domains" }
                        dd { @if one.domains.is_empty() { "everybody no other one claims" } @else { (one.domains.join(", ")) } }
                        dt { "Mailboxes are opened by" } dd { (one.opened_by) }
                    }
                }
            }
            h2 { "Administrators" }
            (administrators(&self.store.administrators().await?))
        };
        Ok(visit.frame("Exchange").around(inner))
    }
}

pub(super) fn devices_table(devices: &[DeviceView], may_revoke: bool, with_account: bool) -> Markup {
    let now = Timestamp::now();
    html! {
        div.table tabindex="0" role="region" aria-label="Devices" {
            table {
                caption { "Device passwords" }
                thead { tr {
                    th scope="col" { "Number" } th scope="col" { "Name" } @if with_account { th scope="col" { "Account" } }
                    th scope="col" { "Begins" } th scope="col" { "For" } th scope="col" { "From" } th scope="col" { "State" }
                    th scope="col" { "Last used" } @if may_revoke { th scope="col" { "Do" } }
                } }
                tbody {
                    @for one in devices {
                        tr {
                            td.number { (one.id) } th scope="row" { (one.name) }
                            @if with_account { td { (account(&one.address)) } }
                            td { code { (one.begins) "…" } }
                            td { (one.scopes.join(", ")) @if one.read_only { ", reading only" } }
                            td { @if one.networks.is_empty() { "anywhere" } @else { (one.networks.join(", ")) } }
                            td {
                                (badge(one.state(now)))
                                @if let (None, Some(expires)) = (one.revoked, one.expires) { " until " (time(expires)) }
                            }
                            td { (maybe(one.used)) @if let Some(from) = &one.used_from { " from " (from) } }
                            @if may_revoke {
                                td {
                                    @if one.revoked.is_none() {
                                        (button(&format!("/devices/{}/revoke", one.id), "Revoke", &format!("device {}, {}", one.id, one.name), "danger"))
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn sessions_table(sessions: &[Session], may_end: bool) -> Markup {
    html! {
        div.table tabindex="0" role="region" aria-label="Sessions" {
            table {
                caption { "Who is in: " (sessions.len()) }
                thead { tr {
                    th scope="col" { "Account" } th scope="col" { "Protocol" } th scope="col" { "Program" } th scope="col" { "From" }
                    th scope="col" { "By" } th scope="col" { "Since" } @if may_end { th scope="col" { "Do" } }
                } }
                tbody {
                    @for one in sessions {
                        tr {
                            th scope="row" { (account(&one.address)) } td { (one.protocol) }
                            td { @if let Some(program) = &one.program { (program) } @else { (nothing()) } }
                            td { (one.from) }
                            td { @if let Some(device) = one.device { "device " (device) } @else { "Exchange password" } }
                            td { (time(one.since)) }
                            @if may_end {
                                td { (button(&format!("/sessions/{}/end", one.number), "End", &format!("session {} of {}", one.number, one.address), "danger")) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn administrators(all: &[accounts::Administrator]) -> Markup {
    html! {
        div.table tabindex="0" role="region" aria-label="Administrators" {
            table {
                caption { "Who may use these pages; " code { "exgate admin" } " makes and ends them" }
                thead { tr { th scope="col" { "Name" } th scope="col" { "Role" } th scope="col" { "Since" } } }
                tbody { @for one in all { tr { th scope="row" { (one.name) } td { (one.role) } td { (time(one.created)) } } } }
            }
        }
    }
}
