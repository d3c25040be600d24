//! Administrators and the running gateway: what they do is felt by those who are in, and what goes wrong is told to them.

use std::process::Command;
use std::time::Duration;

use exgate_tests::{Gateway, Options, PASSWORD, Simulator, Site, Status, USER, eventually, letter, program};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

const ADMIN: &str = "admin = \"127.0.0.1:0\"\n";

/// An Exchange with a service account, so that the gateway opens mailboxes alone.
async fn simulator() -> Simulator {
    Options::preset("large:3")
        .user("svc@demo.test")
        .user("bob@demo.test")
        .with("--impersonator", "svc@demo.test")
        .start()
        .await
}

fn site(simulator: &Simulator, tables: &str) -> Site {
    let exchange = format!(
        "[exchange.main]\nurl = \"{}\"\nauth = \"basic\"\nallow_http = true\ndomains = [\"demo.test\"]\nmode = \"impersonation\"\n\
         [exchange.main.service]\nuser = \"svc@demo.test\"\npassword = \"{PASSWORD}\"\n{tables}",
        simulator.ews
    );
    Site::listening(ADMIN, &exchange)
}

/// Somebody with that role, for the gateway that runs here.
struct Administrator {
    root: String,
    password: String,
}

impl Administrator {
    fn new(site: &Site, gateway: &Gateway, role: &str) -> Self {
        let config = site.path().join("exgate.toml");
        let made = Command::new(program("exgate"))
            .args(["admin", "add", role, "--role", role, "--config"])
            .arg(config)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let password = String::from_utf8(made.stdout).unwrap().trim().to_owned();
        Self { root: format!("http://{}/api/v1", gateway.program.announced("admin")), password }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request =
            reqwest::Client::new().request(method, format!("{}{path}", self.root)).bearer_auth(&self.password);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    async fn get(&self, path: &str) -> Value {
        self.ask(Method::GET, path, None).await.1
    }

    /// Waits until a trial is done.
    async fn tried(&self, id: &Value) -> Value {
        eventually("the trial is done", Duration::from_secs(90), async || {
            let told = self.get(&format!("/trials/{id}")).await;
            (told["trial"]["state"] == "done").then_some(told)
        })
        .await
    }
}

async fn sign_in(gateway: &Gateway, user: &str, password: &str) -> Result<exgate_tests::Imap, String> {
    let mut imap = gateway.connect().await;
    let answer = imap.command(&format!("LOGIN {user} {password}")).await;
    if answer.status == Status::Ok { Ok(imap) } else { Err(answer.text) }
}

#[tokio::test]
async fn what_administrators_do_is_felt_at_once() {
    let simulator = simulator().await;
    let site = site(&simulator, "[accounts]\napproval = \"manual\"\n");
    let gateway = site.start().await;
    let admin = Administrator::new(&site, &gateway, "admin");
    assert!(sign_in(&gateway, USER, PASSWORD).await.is_err());
    let account = format!("/accounts/{USER}");
    assert_eq!(admin.get("/accounts?state=pending").await["accounts"][0]["address"], USER);
    assert_eq!(admin.ask(Method::POST, &format!("{account}/approve"), None).await.0, 200);
    let mut session = sign_in(&gateway, USER, PASSWORD).await.unwrap();
    session.ok("ID (\"name\" \"Test Mail\")").await;

    let told = eventually("the program is known", Duration::from_secs(10), async || {
        let told = admin.get("/sessions").await;
        (told["sessions"][0]["program"].as_str()?.contains("Test Mail")).then_some(told)
    })
    .await;
    assert_eq!(told["sessions"][0]["address"], USER);
    let number = &told["sessions"][0]["number"];
    let asked = Instant::now();
    assert_eq!(admin.ask(Method::DELETE, &format!("/sessions/{number}"), None).await.0, 204);
    let said = String::from_utf8(session.read_to_end().await.unwrap()).unwrap();
    assert!(said.contains("An administrator has ended this session"), "{said}");
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    assert_eq!(admin.ask(Method::DELETE, &format!("/sessions/{number}"), None).await.0, 404);

    let devices = format!("{account}/devices");
    let refused = admin.ask(Method::POST, &devices, Some(json!({ "name": "Phone" }))).await;
    assert_eq!(refused.0, 400, "the service account is no reason to open a mailbox for somebody else: {}", refused.1);
    let refused =
        admin.ask(Method::POST, &devices, Some(json!({ "name": "Phone", "exchange_password": "wrong" }))).await;
    assert_eq!(refused.0, 409, "{}", refused.1);
    let (status, made) =
        admin.ask(Method::POST, &devices, Some(json!({ "name": "Phone", "exchange_password": PASSWORD }))).await;
    assert_eq!(status, 201, "{made}");
    let password = made["password"].as_str().unwrap();
    let session = sign_in(&gateway, USER, password).await.unwrap();
    assert_eq!(admin.ask(Method::DELETE, &format!("/devices/{}", made["device"]["id"]), None).await.0, 204);
    let mut session = session;
    let said = String::from_utf8(session.read_to_end().await.unwrap()).unwrap();
    assert!(said.contains("was revoked"), "{said}");

    let (actions, log) = (["account.state", "session.end", "device.add", "device.revoke"], admin.get("/audit").await);
    for action in actions {
        let found = log["entries"].as_array().unwrap().iter().find(|entry| entry["action"] == action);
        assert_eq!(found.unwrap()["actor"], "admin (administrator)", "{action}");
    }
    assert_eq!(admin.get("/audit/verification").await["broken"], Value::Null);
    let log = std::fs::read_to_string(site.path().join("stderr")).unwrap();
    assert!(!log.contains(&password[9..]) && !log.contains(&admin.password[9..]), "{log}");
    assert_eq!(admin.ask(Method::DELETE, &account, None).await.0, 204);
    assert_eq!(admin.get("/accounts").await["accounts"], json!([]));
    gateway.stop().await;
}

#[tokio::test]
async fn mailboxes_are_tried_and_faults_are_told_and_told_to_be_over() {
    let simulator = simulator().await;
    let site = site(&simulator, "");
    let gateway = site.start().await;
    let operator = Administrator::new(&site, &gateway, "operator");
    for user in [USER, "bob@demo.test"] {
        sign_in(&gateway, user, PASSWORD).await.unwrap();
    }
    let (status, begun) = operator.ask(Method::POST, "/trials", Some(json!({ "outgoing": true }))).await;
    assert_eq!((status, &begun["total"]), (202, &json!(2)), "{begun}");
    let told = operator.tried(&begun["id"]).await;
    for one in told["results"].as_array().unwrap() {
        for part in ["incoming", "outgoing", "calendar", "contacts"] {
            assert_eq!(one[part]["state"], "ok", "{part}: {one}");
        }
    }
    // What was sent is gone again, where it came and where a copy was.
    let mut imap = gateway.login().await;
    for folder in ["INBOX", "\"Sent Items\""] {
        imap.ok(&format!("SELECT {folder}")).await;
        let found = imap.ok("UID SEARCH SUBJECT \"Exgate trial\"").await;
        let untagged = format!("{found:?}");
        assert!(!untagged.contains("SEARCH 1"), "{folder}: {untagged}");
    }

    imap.ok("SELECT INBOX").await;
    simulator.fault(json!({ "what": "html", "operation": "SyncFolderItems", "times": "forever" })).await;
    simulator.deliver("inbox", &letter("one")).await;
    let what = async |word: &str| {
        eventually(word, Duration::from_secs(60), async || {
            let told = operator.get(&format!("/events?account={USER}")).await;
            let all = told["events"].as_array().unwrap().clone();
            all.into_iter().find(|event| event["what"].as_str().unwrap().contains(word))
        })
        .await
    };
    assert_eq!(what("cannot be brought up to date").await["severity"], "warning");
    simulator.clear_faults().await;
    assert_eq!(what("is up to date again").await["severity"], "info");
    let mailboxes = operator.get("/mailboxes").await;
    let alice = mailboxes["mailboxes"].as_array().unwrap().iter().find(|one| one["mailbox"] == USER).unwrap().clone();
    assert_eq!(alice["state"], "streaming", "{alice}");
    assert_eq!(operator.ask(Method::DELETE, &format!("/accounts/{USER}"), None).await.0, 403);
    gateway.stop().await;
}

/// An old Exchange tells nothing by itself, and is asked once an hour here.
#[tokio::test]
async fn a_mailbox_is_looked_at_when_an_administrator_wants_it() {
    let simulator = Options::preset("empty").with("--version", "2007_SP1").start().await;
    let tables = format!(
        "[exchange.main]\nurl = \"{}\"\nauth = \"basic\"\nallow_http = true\n[exchange.main.sync]\npoll_min = \"1h\"\n",
        simulator.ews
    );
    let site = Site::listening(ADMIN, &tables);
    let gateway = site.start().await;
    let operator = Administrator::new(&site, &gateway, "operator");
    let mut imap = gateway.login().await;
    imap.ok("SELECT INBOX").await;
    eventually("Exchange cannot tell of changes", Duration::from_secs(20), async || {
        (operator.get("/mailboxes").await["mailboxes"][0]["state"] == "polling").then_some(())
    })
    .await;
    imap.begin("IDLE").await.unwrap();
    assert!(imap.read().await.unwrap().0.starts_with(b"+"));
    simulator.deliver("inbox", &letter("one")).await;
    assert_eq!(operator.ask(Method::POST, &format!("/accounts/{USER}/sync"), None).await.0, 204);
    let told = imap.read().await.unwrap().0;
    assert!(told.starts_with(b"* 1 EXISTS"), "{}", String::from_utf8_lossy(&told));
    assert_eq!(operator.ask(Method::POST, "/accounts/nobody@demo.test/sync", None).await.0, 404);
    gateway.stop().await;
}

#[tokio::test]
async fn administrators_are_made_listed_and_removed() {
    let simulator = Options::preset("empty").start().await;
    let site = Site::listening(
        ADMIN,
        &format!("[exchange.main]\nurl = \"{}\"\nauth = \"basic\"\nallow_http = true\n", simulator.ews),
    );
    let gateway = site.start().await;
    let auditor = Administrator::new(&site, &gateway, "auditor");
    assert_eq!(auditor.get("/me").await, json!({ "name": "auditor", "role": "auditor" }));
    assert_eq!(auditor.get("/upstreams").await["upstreams"][0]["name"], "main");
    let run = |words: &[&str]| {
        let out = Command::new(program("exgate"))
            .arg("admin")
            .args(words)
            .arg("--config")
            .arg(site.path().join("exgate.toml"))
            .output();
        let out = out.unwrap();
        (out.status.code(), String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap())
    };
    assert!(run(&["list"]).1.contains("auditor  auditor  "));
    for (words, sentence) in [
        (&["add", "auditor", "--role", "admin"][..], "there is an administrator auditor already"),
        (&["add", "A B", "--role", "admin"], "`A B` is no name here"),
        (&["remove", "nobody"], "there is no administrator nobody"),
    ] {
        let (code, _, said) = run(words);
        assert!(code == Some(2) && said.contains(sentence), "{words:?}: {said}");
    }
    assert_eq!(run(&["remove", "auditor"]).0, Some(0));
    assert_eq!(auditor.ask(Method::GET, "/me", None).await.0, 401);
    gateway.stop().await;
}
