//! What the interface is, as programs read it (OpenAPI 3.1). Paths, methods and roles come from the table that is served; each
//! row here says what an operation is for, what it takes, and what it gives.

use serde_json::{Map, Value, json};

use crate::api::{Operation, ROUTES};
use crate::route::Route;

/// What is said of an operation.
struct About {
    id: &'static str,
    summary: &'static str,
    /// Of the query; each is described among the parameters of `schemas.json`.
    query: &'static [&'static str],
    /// The schema of the body.
    takes: Option<&'static str>,
    /// The status of success, and the schema of the answer.
    gives: (u16, Option<&'static str>),
}

/// The document.
pub(crate) fn document() -> Value {
    let mut paths = Map::new();
    for row in &ROUTES {
        let here = paths.entry(row.path).or_insert_with(|| json!({}));
        if let Some(here) = here.as_object_mut() {
            here.insert(row.method.as_str().to_lowercase(), operation(row));
        }
    }
    let components: Value = serde_json::from_str(include_str!("openapi/components.json")).unwrap_or_default();
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Exgate", "version": env!("CARGO_PKG_VERSION"), "description": DESCRIPTION,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" } },
        "servers": [{ "url": "/" }],
        "security": [{ "administrator": [] }],
        "paths": paths,
        "components": components,
    })
}

fn operation(row: &Route<Operation>) -> Value {
    let about = about(row.what);
    let role = row.least.map_or("Anybody may.".to_owned(), |least| format!("Needs the role {least}."));
    let of_path = row.path.split('/').filter_map(|piece| piece.strip_prefix('{')?.strip_suffix('}'));
    let parameters: Vec<Value> =
        of_path.chain(about.query.iter().copied()).map(|name| reference("parameters", name)).collect();
    let (status, schema) = about.gives;
    let mut success = json!({ "description": if schema.is_some() { "This" } else { "Done" } });
    if let Some(schema) = schema {
        success["content"] = json!({ "application/json": { "schema": reference("schemas", schema) } });
    }
    let mut told = json!({
        "operationId": about.id, "summary": about.summary, "description": role,
        "responses": { status.to_string(): success, "default": reference("responses", "Problem") },
    });
    if !parameters.is_empty() {
        told["parameters"] = json!(parameters);
    }
    if let Some(schema) = about.takes {
        let content = json!({ "application/json": { "schema": reference("schemas", schema) } });
        told["requestBody"] = json!({ "required": true, "content": content });
    }
    if row.least.is_none() {
        told["security"] = json!([]);
    }
    told
}

fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

fn about(what: Operation) -> About {
    let shows = |id, summary, schema| About { id, summary, query: &[], takes: None, gives: (200, Some(schema)) };
    let lists = |id, summary, query, schema| About { id, summary, query, takes: None, gives: (200, Some(schema)) };
    let ends = |id, summary| About { id, summary, query: &[], takes: None, gives: (204, None) };
    let takes = |id, summary, takes, gives| About { id, summary, query: &[], takes: Some(takes), gives };
    match what {
        Operation::Describe => shows("describe", "This document", "Document"),
        Operation::Status => shows("status", "How the gateway does: numbers, nobody by name", "Status"),
        Operation::WhoAmI => shows("whoAmI", "Whose password this is, and how far they may go", "Me"),
        Operation::ListAdministrators => {
            shows("listAdministrators", "Administrators; `exgate admin` makes and ends them", "Administrators")
        }
        Operation::ListUpstreams => shows("listUpstreams", "Organisations and their Exchange servers", "Upstreams"),
        Operation::ListAccounts => lists(
            "listAccounts",
            "Accounts by address",
            &["state", "organisation", "afterAddress", "limit"],
            "Accounts",
        ),
        Operation::ShowAccount => shows("showAccount", "One account", "Account"),
        Operation::ChangeAccount => takes(
            "changeAccount",
            "Change an account, all of it or nothing; what is not named stays",
            "AccountChange",
            (200, Some("Account")),
        ),
        Operation::ApproveAccount => shows("approveAccount", "Let somebody in", "Account"),
        Operation::BlockAccount => {
            shows("blockAccount", "Let somebody in no more; their sessions end within a second", "Account")
        }
        Operation::RemoveAccount => {
            ends("removeAccount", "Forget somebody for good: account, devices, feeds, sign-in at the identity provider")
        }
        Operation::Synchronise => ends(
            "synchronise",
            "Look whether anything of a mailbox in use was missed: its folders, and what changed in those in use",
        ),
        Operation::BeginListing => takes(
            "beginListing",
            "Bring all that is known of a mailbox up to date, in the background: what changed, or all of it anew; ids stay",
            "NewListing",
            (202, Some("Listing")),
        ),
        Operation::ShowListing => shows("showListing", "How far the last listing of a mailbox is", "Listing"),
        Operation::ListDevices => shows("listDevices", "All devices, revoked ones too, the oldest first", "Devices"),
        Operation::ListDevicesOf => shows("listDevicesOf", "The devices of one account", "Devices"),
        Operation::MakeDevice => takes(
            "makeDevice",
            "Make a device password, which this answer shows and nothing else ever",
            "NewDevice",
            (201, Some("MadeDevice")),
        ),
        Operation::ShowDevice => shows("showDevice", "One device", "Device"),
        Operation::RevokeDevice => ends("revokeDevice", "End a device password; its sessions end within a second"),
        Operation::ListPrograms => shows("listPrograms", "The programs that somebody uses", "Programs"),
        Operation::ListSessions => shows("listSessions", "Who is in", "Sessions"),
        Operation::EndSession => ends("endSession", "Show somebody out; they may come in again"),
        Operation::ListMailboxes => {
            shows("listMailboxes", "Mailboxes in use, how they do, and when they were last synchronised", "Mailboxes")
        }
        Operation::ListProblems => {
            shows("listProblems", "Messages that Exchange cannot give, and what it says of them", "UnreadableMessages")
        }
        Operation::ListProblemsOf => {
            shows("listProblemsOf", "Those of one mailbox, which need not be in use", "UnreadableMessages")
        }
        Operation::ListEvents => lists(
            "listEvents",
            "What happened to mailboxes and sign-ins since the start, the newest first",
            &["account", "limit"],
            "Events",
        ),
        Operation::ListAudit => {
            lists("listAudit", "What was done, by whom, in order", &["afterNumber", "limit"], "Audit")
        }
        Operation::VerifyAudit => {
            shows("verifyAudit", "Whether every entry of the audit log is as it was written", "Verification")
        }
        Operation::ListTrials => shows("listTrials", "Trials of mailboxes, the newest first", "Trials"),
        Operation::BeginTrial => takes(
            "beginTrial",
            "Try mailboxes in the background; it goes on after a restart. One runs at a time",
            "NewTrial",
            (202, Some("Trial")),
        ),
        Operation::ShowTrial => shows("showTrial", "How far a trial is, and what it found", "TrialResults"),
        Operation::StopTrial => ends("stopTrial", "Stop a trial; done again it changes nothing"),
    }
}

const DESCRIPTION: &str = "Looks after the gateway. `exgate admin add` makes administrators; their password is sent as \
                           `Authorization: Bearer`. Each change stands in the audit log with who made it.";

#[cfg(test)]
mod tests {
    use super::*;

    /// Every name that is referred to is there, and nothing is there that is not.
    #[test]
    fn references_lead_somewhere() {
        let document = document();
        let text = document.to_string();
        let mut named = 0;
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer} is nowhere");
            named += 1;
        }
        assert!(named > 60, "{named}");
        for kind in ["schemas", "parameters", "responses"] {
            for name in document["components"][kind].as_object().unwrap().keys() {
                assert!(text.contains(&format!("#/components/{kind}/{name}\"")), "{kind}/{name} is not used");
            }
        }
        let ids: std::collections::BTreeSet<&str> = ROUTES.iter().map(|row| about(row.what).id).collect();
        assert_eq!(ids.len(), ROUTES.len());
    }
}
