//! What programs do, and what they are told.

use accounts::{AccountState, DevicePassword, Role, Store};
use bytes::Bytes;
use http::{Method, Request, header};
use serde_json::{Value, json};

use super::world::{ANNA, HOSTILE, World};
use crate::api::ROUTES;
use crate::openapi;

const BERT: &str = "/api/v1/accounts/bert@one.example";

#[tokio::test]
async fn what_is_described_is_what_is_served() {
    let world = World::new().await;
    let request = Request::get("/api/v1/openapi.json").body(Bytes::new()).unwrap();
    let document = world.send(request).await.json();
    assert_eq!(document, openapi::document());
    let mut described = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            described.push((path.clone(), method.to_uppercase()));
            // Each piece of a path is told of.
            let told: Vec<String> =
                operation["parameters"].as_array().into_iter().flatten().map(|one| one["$ref"].to_string()).collect();
            for piece in path.split('{').skip(1) {
                let piece = piece.split('}').next().unwrap();
                assert!(told.iter().any(|one| one.contains(piece)), "{path}: {piece}");
            }
        }
    }
    let mut served: Vec<_> = ROUTES.iter().map(|row| (row.path.to_owned(), row.method.to_string())).collect();
    described.sort();
    served.sort();
    assert_eq!(described, served);
    for (path, method) in described {
        let path = path.replace("{address}", ANNA).replace("{id}", "1").replace("{number}", "7");
        let said = world.call(Role::Auditor, method.parse().unwrap(), &path, None).await;
        assert!(said.status != 405 && !said.text.contains("There is nothing here"), "{method} {path}: {}", said.text);
    }
}

#[tokio::test]
async fn accounts_are_listed_changed_let_in_and_removed() {
    let world = World::new().await;
    let get = async |path: &str| world.call(Role::Auditor, Method::GET, path, None).await.json();
    let first = get("/api/v1/accounts?limit=1").await;
    assert_eq!((&first["accounts"][0]["address"], &first["next"]), (&json!(ANNA), &json!(ANNA)));
    let second = get(&format!("/api/v1/accounts?after={ANNA}")).await;
    assert_eq!((second["accounts"].as_array().unwrap().len(), &second["next"]), (1, &Value::Null));
    assert_eq!(get("/api/v1/accounts?state=pending").await["accounts"][0]["address"], "bert@one.example");

    let said = world.call(Role::Operator, Method::POST, &format!("{BERT}/approve"), None).await;
    assert_eq!((said.status.as_u16(), &said.json()["state"]), (200, &json!("open")));
    let change = json!({ "protocols": ["mail", "calendar"], "labels": { "dept": "sales" }, "state": "blocked" });
    let said = world.call(Role::Admin, Method::PATCH, BERT, Some(change)).await.json();
    assert_eq!(
        (&said["protocols"], &said["labels"], &said["state"]),
        (&json!(["mail", "calendar"]), &json!({"dept": "sales"}), &json!("blocked"))
    );
    let said = world.call(Role::Admin, Method::PATCH, BERT, Some(json!({ "labels": { "dept": null } }))).await.json();
    assert_eq!((&said["labels"], &said["state"]), (&json!({}), &json!("blocked")));
    assert_eq!(world.call(Role::Admin, Method::DELETE, BERT, None).await.status, 204);
    assert_eq!(world.call(Role::Auditor, Method::GET, BERT, None).await.status, 404);
    let by = |actor: &str, action: &str| (format!("{actor} (administrator)"), action.to_owned());
    let wanted = [
        by("operator", "account.state"),
        by("admin", "account.protocols"),
        by("admin", "account.label"),
        by("admin", "account.state"),
        by("admin", "account.label"),
        by("admin", "account.remove"),
    ];
    assert_eq!(world.done().await, wanted);
}

#[tokio::test]
async fn a_device_password_is_shown_once_and_ends_when_revoked() {
    let world = World::new().await;
    let path = format!("/api/v1/accounts/{ANNA}/devices");
    let make = async |body: Value| world.call(Role::Admin, Method::POST, &path, Some(body)).await;
    for (body, status) in [
        (json!({ "name": "Phone", "exchange_password": "wrong" }), 409),
        (json!({ "name": " " }), 400),
        (json!({ "name": "Phone", "scopes": [] }), 400),
        (json!({ "name": "Phone", "scopes": ["post"] }), 400),
        (json!({ "name": "Phone", "networks": ["here"] }), 400),
        (json!({ "name": "Phone", "expires": "2001-01-01T00:00:00Z" }), 400),
        (json!({ "name": "Phone", "colour": "red" }), 400),
        (json!({}), 400),
    ] {
        let said = make(body.clone()).await;
        assert_eq!(said.status, status, "{body}: {}", said.text);
        assert!(
            said.headers[header::CONTENT_TYPE] == "application/problem+json" && !said.text.contains("wrong"),
            "{}",
            said.text
        );
    }
    let body = json!({ "name": "Phone", "scopes": ["mail"], "read_only": true, "networks": ["192.0.2.7", "2001:db8::/32"],
        "expires": "2999-01-01T00:00:00Z", "exchange_password": "right" });
    let said = make(body).await;
    assert_eq!((said.status.as_u16(), &said.headers[header::CACHE_CONTROL]), (201, &"no-store".parse().unwrap()));
    let made = said.json();
    let password = DevicePassword::read(made["password"].as_str().unwrap()).unwrap();
    assert_eq!(made["device"]["networks"], json!(["192.0.2.7/32", "2001:db8::/32"]));
    assert_eq!(made["device"]["begins"], password.selector());
    let id = made["device"]["id"].as_i64().unwrap();
    let shown = world.call(Role::Auditor, Method::GET, &path, None).await.text;
    assert!(shown.contains("\"Phone\"") && !shown.contains(&password.expose()[9..]), "{shown}");
    for _ in 0..2 {
        let said = world.call(Role::Operator, Method::DELETE, &format!("/api/v1/devices/{id}"), None).await;
        assert_eq!(said.status, 204);
    }
    let one = world.call(Role::Auditor, Method::GET, &format!("/api/v1/devices/{id}"), None).await.json();
    assert!(one["revoked"].is_string(), "{one}");
    let done: Vec<String> = world.done().await.into_iter().map(|(_, action)| action).collect();
    assert_eq!(done, ["device.add", "device.revoke"]);
}

#[tokio::test]
async fn mailboxes_are_listed_in_the_background() {
    let world = World::at(tempfile::TempDir::new().unwrap(), 0).await;
    let path = format!("/api/v1/accounts/{ANNA}/listing");
    let begin = async |path: &str, extent: &str| {
        world.call(Role::Operator, Method::POST, path, Some(json!({ "extent": extent }))).await
    };
    let ended = async |path: &str| loop {
        let told = world.call(Role::Auditor, Method::GET, path, None).await.json();
        if told["state"] != "running" {
            return told;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(world.call(Role::Auditor, Method::GET, &path, None).await.status, 404);
    assert_eq!((begin(&path, "all").await.status.as_u16(), begin(&path, "full").await.status.as_u16()), (400, 202));
    assert_eq!(begin(&path, "quick").await.status, 409, "one at a time");
    world.house.patience.add_permits(1);
    let told = ended(&path).await;
    assert_eq!(
        (
            &told["state"],
            &told["folders"],
            &told["looked_at"],
            &told["entries"],
            &told["changed"],
            &told["failed"][0]["folder"]
        ),
        (&json!("done"), &json!(2), &json!(2), &json!(7), &json!(1), &json!("Notes"))
    );
    let other = format!("{BERT}/listing");
    assert_eq!(begin(&other, "quick").await.status, 202);
    let told = ended(&other).await;
    assert_eq!((&told["state"], &told["told"]), (&json!("failed"), &json!("nobody is in")));
    let done: Vec<String> = world.done().await.into_iter().map(|(_, action)| action).collect();
    assert_eq!(done, ["mailbox.list", "mailbox.list"]);
}

#[tokio::test]
async fn sessions_end_events_and_the_log_are_told() {
    let world = World::new().await;
    let end = async |number: u32| {
        world.call(Role::Operator, Method::DELETE, &format!("/api/v1/sessions/{number}"), None).await
    };
    assert_eq!((end(7).await.status.as_u16(), end(8).await.status.as_u16()), (204, 404));
    let sync = async |path: &str| world.call(Role::Operator, Method::POST, &format!("{path}/sync"), None).await.status;
    assert_eq!((sync(&format!("/api/v1/accounts/{ANNA}")).await.as_u16(), sync(BERT).await.as_u16()), (204, 409));
    assert_eq!(*world.house.ended.lock().unwrap(), [7, 8]);
    let done: Vec<String> = world.done().await.into_iter().map(|(_, action)| action).collect();
    assert_eq!(done, ["session.end", "mailbox.synchronise"]);
    let get = async |path: &str| world.call(Role::Auditor, Method::GET, path, None).await.json();
    assert_eq!(get("/api/v1/events").await["events"][0]["account"], HOSTILE);
    assert_eq!(get("/api/v1/events?account=bert@one.example").await["events"], json!([]));
    assert_eq!(get("/api/v1/mailboxes").await["mailboxes"][0]["state"], "streaming");
    assert_eq!(get("/api/v1/problems").await["problems"][0]["uid"], 7);
    assert_eq!(get("/api/v1/accounts/bert@one.example/problems").await["problems"], json!([]));
    assert_eq!(get("/api/v1/status").await["draining"], true);
    assert_eq!(get("/api/v1/me").await, json!({ "name": "auditor", "role": "auditor" }));
    let page = get("/api/v1/audit?after=1&limit=2").await;
    assert_eq!((&page["entries"][0]["number"], &page["next"]), (&json!(2), &json!(3)));
    let all = world.register.audit(0, 100).await.unwrap().len();
    assert_eq!(get("/api/v1/audit/verification").await["entries"], all);
}

#[tokio::test]
async fn what_makes_no_sense_is_told_in_a_sentence() {
    let world = World::new().await;
    for (method, path, status) in [
        (Method::GET, "/api/v1/accounts?limit=0", 400),
        (Method::GET, "/api/v1/accounts?limit=1001", 400),
        (Method::GET, "/api/v1/accounts?limit=-1", 400),
        (Method::GET, "/api/v1/accounts?limit=1&limit=2", 400),
        (Method::GET, "/api/v1/accounts?state=new", 400),
        (Method::GET, "/api/v1/accounts?colour=red", 400),
        (Method::GET, "/api/v1/accounts/%FF", 400),
        (Method::GET, "/api/v1/audit?after=99999999999999999999999", 400),
        (Method::GET, "/api/v1/audit?after=9007199254740993", 400),
        (Method::GET, "/api/v1/audit?after=9007199254740992", 200),
        (Method::GET, "/api/v1/devices/x", 404),
        (Method::DELETE, "/api/v1/sessions/-1", 404),
        (Method::GET, "/api/v1/nothing", 404),
        (Method::GET, "/api/v1", 404),
        (Method::PUT, "/api/v1/accounts", 405),
        (Method::PATCH, BERT, 415),
        (Method::HEAD, "/api/v1/accounts", 200),
    ] {
        let said = world.call(Role::Admin, method.clone(), path, None).await;
        assert_eq!(said.status, status, "{method} {path}: {}", said.text);
        if !said.status.is_success() {
            let problem = said.json();
            assert_eq!(problem["status"], status);
            assert!(!problem["detail"].as_str().unwrap().is_empty());
        }
    }
    let put = world.call(Role::Admin, Method::PUT, "/api/v1/accounts", None).await;
    assert_eq!(put.headers[header::ALLOW], "GET, HEAD");
    for change in [json!({ "state": "pending" }), json!([]), json!(["open"]), json!(null), json!("open")] {
        let said = world.call(Role::Admin, Method::PATCH, BERT, Some(change.clone())).await;
        assert_eq!(said.status, 400, "{change}: {}", said.text);
    }
    assert_eq!(world.register.account("bert@one.example").await.unwrap().unwrap().state, AccountState::Pending);
}
