//! How the gateway shows Exchange who it is, as Exchange saw it: by which scheme, how often, and never too often.
//!
//! Who gets which mailbox is in `sign_in.rs`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use exgate_tests::{
    Answer, Dav, Gateway, Imap, Options, PASSWORD, Port, Program, Simulator, Site, Status, certificates, eventually,
    letter,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinSet;

const ANNA: &str = "anna@corp.test";
const BERT: &str = "bert@corp.test";
/// Refusals are not held back.
const AT_ONCE: &str = "[limits]\nlongest_refusal_seconds = 0";
/// N6 of the list of features.
const FORMS: [&str; 3] = [ANNA, "CORP\\anna", "anna"];

/// A place with certificates of a private authority.
struct Scene {
    dir: TempDir,
}

impl Scene {
    async fn new() -> Self {
        let dir = TempDir::new().unwrap();
        certificates(dir.path(), &["mail.corp.test"]).await;
        Self { dir }
    }

    fn path(&self, file: &str) -> String {
        self.dir.path().join(file).to_string_lossy().into_owned()
    }

    /// Two users of one domain, who sign in by any of these schemes, over TLS.
    fn exchange(&self, schemes: &str) -> Options {
        corp(schemes).tls(self.dir.path(), "valid")
    }

    /// A gateway to it with these lines in its table.
    async fn gateway(&self, simulator: &Simulator, lines: &str) -> (Site, Gateway) {
        let (url, ca) = (simulator.ews_tls(), self.path("ca.pem"));
        let site = Site::tables(&format!(
            "[exchange.main]\nurl = \"{url}\"\nca_file = \"{ca}\"\ndomains = [\"corp.test\"]\n\
             default_domain = \"CORP\"\n{lines}\n"
        ));
        let gateway = site.start().await;
        (site, gateway)
    }
}

/// Two users of one domain.
fn corp(schemes: &str) -> Options {
    Options::preset("empty").user(ANNA).user(BERT).with("--netbios", "CORP").with("--auth", schemes)
}

async fn login(gateway: &Gateway, name: &str, password: &str) -> (Imap, Answer) {
    let mut imap = gateway.connect().await;
    let answer = imap.command(&format!("LOGIN \"{}\" {password}", name.replace('\\', "\\\\"))).await;
    (imap, answer)
}

async fn signed_in(gateway: &Gateway, name: &str) -> Imap {
    let (imap, answer) = login(gateway, name, PASSWORD).await;
    assert_eq!(answer.status, Status::Ok, "{name}: {answer:?}");
    imap
}

async fn list(simulator: &Simulator, path: &str) -> Vec<Value> {
    simulator.get(path).await.as_array().expect("a list").clone()
}

/// Scheme and verdict of each sign-in that Exchange saw.
async fn verdicts(simulator: &Simulator) -> Vec<(String, String)> {
    let word = |value: &Value| value.as_str().expect("a word").to_owned();
    list(simulator, "/signins").await.iter().map(|one| (word(&one["scheme"]), word(&one["verdict"]))).collect()
}

fn pair(scheme: &str, verdict: &str) -> (String, String) {
    (scheme.to_owned(), verdict.to_owned())
}

fn log(site: &Site) -> String {
    std::fs::read_to_string(site.path().join("stderr")).unwrap()
}

/// Reads some dozen messages, each by a request of its own.
async fn work(simulator: &Simulator, imap: &mut Imap, mailbox: &str) {
    for number in 0..12 {
        simulator.deliver_to(mailbox, "INBOX", &letter(&format!("m{number}"))).await;
    }
    let exists = imap.select("INBOX").await.exists;
    assert!(exists >= 12, "{exists}");
    imap.ok("FETCH 1:* BODY.PEEK[]").await;
    for number in 1..=exists {
        imap.ok(&format!("STORE {number} +FLAGS (\\Flagged)")).await;
    }
}

#[tokio::test]
async fn each_form_of_a_name_signs_in_by_each_scheme_once_a_connection() {
    let scene = Scene::new().await;
    for scheme in ["basic", "ntlm", "negotiate"] {
        let simulator = scene.exchange("basic,ntlm,negotiate").start().await;
        let (_site, gateway) = scene.gateway(&simulator, &format!("auth = \"{scheme}\"")).await;
        for name in FORMS {
            let mut imap = signed_in(&gateway, name).await;
            work(&simulator, &mut imap, ANNA).await;
        }
        simulator.settle().await;
        let connections = list(&simulator, "/connections").await;
        let mut signins = BTreeMap::<u64, usize>::new();
        for entry in list(&simulator, "/signins").await {
            assert_eq!((&entry["scheme"], &entry["verdict"]), (&scheme.into(), &"ok".into()), "{entry}");
            assert_eq!(entry["mailbox"], ANNA, "{entry}");
            *signins.entry(entry["connection"].as_u64().unwrap()).or_default() += 1;
        }
        for connection in &connections {
            assert!(connection["tls"].is_string(), "{connection}");
            assert_eq!(connection["scheme"], scheme, "{connection}");
            assert!(signins[&connection["id"].as_u64().unwrap()] == 1, "{connection} {signins:?}");
        }
        let all: u64 = connections.iter().map(|connection| connection["requests"].as_u64().unwrap()).sum();
        let busiest = connections.iter().map(|connection| connection["requests"].as_u64().unwrap()).max().unwrap();
        let asked = simulator.stats().await.requests();
        println!("{scheme}: {all} requests on {} connections, {asked} operations", connections.len());
        // A handshake is two requests more, and learning what is offered one.
        let legs = if scheme == "basic" { 0 } else { 2 };
        let handshakes = legs * u64::try_from(connections.len()).unwrap();
        assert!(all <= asked + handshakes + 1, "{all} requests for {asked} operations: {connections:#?}");
        assert!(busiest >= 5, "{busiest}: {connections:#?}");
        gateway.stop().await;
    }
}

#[tokio::test]
async fn the_strongest_scheme_that_is_offered_is_taken() {
    let scene = Scene::new().await;
    for (offered, taken) in [
        ("basic,ntlm,negotiate", "negotiate"),
        ("negotiate,basic", "negotiate"),
        ("basic,ntlm", "ntlm"),
        ("ntlm", "ntlm"),
        ("basic", "basic"),
    ] {
        let simulator = scene.exchange(offered).start().await;
        let (_site, gateway) = scene.gateway(&simulator, "").await;
        signed_in(&gateway, ANNA).await.select("INBOX").await;
        simulator.settle().await;
        for verdict in verdicts(&simulator).await {
            assert_eq!(verdict, pair(taken, "ok"), "of {offered}");
        }
        gateway.stop().await;
    }
}

/// Nothing is shown where the operator wants a scheme that Exchange does not offer.
#[tokio::test]
async fn a_weaker_scheme_is_not_taken_for_one_that_is_demanded() {
    let scene = Scene::new().await;
    for (demanded, offered) in [("ntlm", "basic"), ("negotiate", "basic"), ("negotiate", "basic,ntlm")] {
        let simulator = scene.exchange(offered).start().await;
        let (site, gateway) = scene.gateway(&simulator, &format!("auth = \"{demanded}\"")).await;
        let (_, answer) = login(&gateway, ANNA, PASSWORD).await;
        assert_eq!(answer.status, Status::No, "{demanded} of {offered}: {answer:?}");
        assert_eq!(verdicts(&simulator).await, [], "{demanded} of {offered}");
        assert!(!log(&site).contains(PASSWORD));
        gateway.stop().await;
    }
}

#[tokio::test]
async fn extended_protection_is_met() {
    let scene = Scene::new().await;
    for certificate in ["valid", "sha384"] {
        for scheme in ["ntlm", "negotiate"] {
            let simulator =
                corp(scheme).tls(scene.dir.path(), certificate).with("--extended-protection", "require").start().await;
            let (_site, gateway) = scene.gateway(&simulator, "channel_binding = \"require\"").await;
            let mut imap = signed_in(&gateway, ANNA).await;
            work(&simulator, &mut imap, ANNA).await;
            simulator.settle().await;
            for verdict in verdicts(&simulator).await {
                assert_eq!(verdict, pair(scheme, "ok"), "{certificate}");
            }
            gateway.stop().await;
        }
    }
}

/// Something between the gateway and Exchange ends TLS with a certificate of its own. Each try costs one of those an
/// account has, and one without the binding would give away what it is for.
#[tokio::test]
async fn a_wrong_binding_is_named_and_not_tried_without() {
    let scene = Scene::new().await;
    for scheme in ["ntlm", "negotiate"] {
        for (demand, lines, verdict) in [
            ("require", "", "wrong binding"),
            ("allow", "", "wrong binding"),
            ("require", "channel_binding = \"off\"", "no binding"),
        ] {
            let simulator = scene
                .exchange(scheme)
                .with("--extended-protection", demand)
                .with("--bound-to", &scene.path("sha384.pem"))
                .start()
                .await;
            let (site, gateway) = scene.gateway(&simulator, lines).await;
            for _ in 0..3 {
                let (_, answer) = login(&gateway, ANNA, PASSWORD).await;
                assert_eq!(answer.status, Status::No, "{demand}: {answer:?}");
            }
            simulator.settle().await;
            assert_eq!(verdicts(&simulator).await, [pair(scheme, verdict)], "{demand} {lines}");
            let log = log(&site);
            let line = log.lines().find(|line| line.contains("Extended Protection"));
            println!("{demand} {lines:?}: {}", line.unwrap_or_else(|| panic!("{demand} {lines}: {log}")));
            gateway.stop().await;
        }
    }
}

#[tokio::test]
async fn without_a_binding_where_the_operator_wants_none() {
    let scene = Scene::new().await;
    let simulator = scene
        .exchange("ntlm")
        .with("--extended-protection", "allow")
        .with("--bound-to", &scene.path("sha384.pem"))
        .start()
        .await;
    let (_site, gateway) = scene.gateway(&simulator, "channel_binding = \"off\"").await;
    signed_in(&gateway, ANNA).await.select("INBOX").await;
    gateway.stop().await;
}

/// A server on another machine, reached by a name that only the proxy knows. Without the operator's leave the gateway
/// does not even start.
#[tokio::test]
async fn a_password_goes_to_another_machine_over_tls_only() {
    let port = Port::free();
    let simulator = Options::preset("empty")
        .user(ANNA)
        .with("--front-end", &port.address().to_string())
        .with("--proxy", "127.0.0.1:0")
        .with("--proxy-map", &format!("mail.corp.test:80={}", port.address()))
        .start()
        .await;
    for auth in ["auto", "basic"] {
        let tables = format!(
            "[exchange.main]\nurl = \"http://mail.corp.test/EWS/Exchange.asmx\"\ndomains = [\"corp.test\"]\n\
             auth = \"{auth}\"\negress = {{ proxy = \"{}\" }}\n",
            simulator.place("proxy-1")
        );
        let site = Site::tables(&tables);
        let arguments = ["serve", "--config", &site.path().join("exgate.toml").to_string_lossy()].map(str::to_owned);
        let refused = Program::try_start("exgate", &arguments, &site.path().join("stderr")).await;
        let told = refused.err().expect("a password in plain text is refused");
        assert!(told.contains("passwords would go to mail.corp.test in plain text"), "{told}");
        assert_eq!(verdicts(&simulator).await, []);

        let site = Site::tables(&(tables + "allow_http = true\n"));
        let gateway = site.start().await;
        signed_in(&gateway, ANNA).await.select("INBOX").await;
        gateway.stop().await;
        simulator.settle().await;
        for verdict in verdicts(&simulator).await {
            assert_eq!(verdict, pair("basic", "ok"));
        }
        simulator.post("/signins/clear", Vec::new()).await;
    }
}

#[tokio::test]
async fn nothing_is_shown_to_a_server_whose_certificate_is_wrong() {
    let scene = Scene::new().await;
    for certificate in ["expired", "not-yet", "wrong-name", "unknown-issuer", "self-signed", "incomplete"] {
        for auth in ["basic", "ntlm"] {
            let simulator = corp("basic,ntlm").tls(scene.dir.path(), certificate).start().await;
            let (_site, gateway) = scene.gateway(&simulator, &format!("auth = \"{auth}\"")).await;
            let begun = Instant::now();
            let (_, answer) = login(&gateway, ANNA, PASSWORD).await;
            assert_eq!(answer.status, Status::No, "{certificate}: {answer:?}");
            // A busy server is waited for up to ten seconds; a wrong certificate does not pass.
            assert!(begun.elapsed() < Duration::from_secs(8), "{certificate}: {:?}", begun.elapsed());
            assert_eq!(verdicts(&simulator).await, [], "{certificate} {auth}");
            gateway.stop().await;
        }
    }
}

/// Mail clients and calendar clients with an old password, which they repeat for ever.
#[tokio::test]
async fn a_wrong_password_locks_nobody_out() {
    let scene = Scene::new().await;
    for scheme in ["basic", "ntlm"] {
        let simulator = scene.exchange(scheme).with("--lockout", "5").start().await;
        let (_site, gateway) = scene.gateway(&simulator, AT_ONCE).await;
        let mut tries = JoinSet::new();
        for number in 0..100 {
            let (imap, http) = (gateway.imap, gateway.http);
            let name = FORMS[number / 2 % FORMS.len()];
            tries.spawn(async move {
                if number % 2 == 0 {
                    let mut imap = Imap::connect(imap).await.unwrap();
                    let answer = imap.command(&format!("LOGIN \"{}\" wrong", name.replace('\\', "\\\\"))).await;
                    assert_eq!(answer.status, Status::No, "{answer:?}");
                } else {
                    let answer = Dav::of(http, name, "wrong").ask("PROPFIND", "/dav/", &[("Depth", "0")], "").await;
                    assert_eq!(answer.status, 401, "{}", answer.text);
                }
            });
            // Some come alone, some in crowds.
            if number % 10 == 9 {
                while let Some(tried) = tries.join_next().await {
                    tried.unwrap();
                }
            }
        }
        let wrong = verdicts(&simulator).await;
        println!("{scheme}: {} tries reached Exchange", wrong.len());
        assert!((1..=2).contains(&wrong.len()), "{scheme}: {wrong:?}");
        assert_eq!(list(&simulator, "/locked-out").await, Vec::<Value>::new());
        for name in FORMS {
            signed_in(&gateway, name).await.select("INBOX").await;
        }
        gateway.stop().await;
    }
}

/// Somebody guesses. Five guesses are let through, whatever they are; directories commonly lock at ten.
#[tokio::test]
async fn many_wrong_passwords_lock_nobody_out() {
    let scene = Scene::new().await;
    let simulator = scene.exchange("ntlm").with("--lockout", "6").start().await;
    let (_site, gateway) = scene.gateway(&simulator, AT_ONCE).await;
    // Whoever is known to be right stays welcome.
    let mut known = signed_in(&gateway, ANNA).await;
    for number in 0..60 {
        let (_, answer) = login(&gateway, FORMS[number % 3], &format!("guess-{number}")).await;
        assert_eq!(answer.status, Status::No, "{answer:?}");
    }
    let wrong = verdicts(&simulator).await.iter().filter(|(_, verdict)| verdict != "ok").count();
    assert!((1..=5).contains(&wrong), "{wrong}");
    assert_eq!(list(&simulator, "/locked-out").await, Vec::<Value>::new());
    known.select("INBOX").await;
    signed_in(&gateway, ANNA).await.select("INBOX").await;
    gateway.stop().await;
}

/// NTLM signs in a connection, so what one user's made is never another's.
#[tokio::test]
async fn a_connection_is_one_users() {
    let scene = Scene::new().await;
    let simulator = scene.exchange("ntlm").start().await;
    let (_site, gateway) = scene.gateway(&simulator, "").await;
    for user in [ANNA, BERT] {
        for number in 0..8 {
            simulator.deliver_to(user, "INBOX", &letter(&format!("m{number}"))).await;
        }
    }
    let mut clients = JoinSet::new();
    for number in 0..10 {
        let user = [ANNA, BERT][number % 2];
        let mut imap = signed_in(&gateway, user).await;
        clients.spawn(async move {
            assert_eq!(imap.select("INBOX").await.exists, 8);
            for round in 0..5 {
                imap.ok("UID SEARCH BODY zebra").await;
                imap.ok(&format!("FETCH {} BODY.PEEK[]", (number + round) % 8 + 1)).await;
                imap.ok("STATUS Drafts (MESSAGES)").await;
                imap.append("Drafts", "", &letter(&format!("{user} {number} {round}"))).await;
            }
        });
    }
    while let Some(done) = clients.join_next().await {
        done.unwrap();
    }
    let mut users = BTreeMap::<String, usize>::new();
    for connection in list(&simulator, "/connections").await {
        let of = connection["users"].as_array().unwrap();
        assert!(of.len() <= 1, "{connection}");
        for user in of {
            *users.entry(user.as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    println!("connections: {users:?}");
    assert_eq!(users.len(), 2, "{users:?}");
    for verdict in verdicts(&simulator).await {
        assert_eq!(verdict, pair("ntlm", "ok"));
    }
    gateway.stop().await;
}

/// Load balancers and servers close connections when they like. The sign-in is made again, once a connection.
#[tokio::test]
async fn connections_that_end_are_not_noticed() {
    let scene = Scene::new().await;
    for scheme in ["basic", "ntlm", "negotiate"] {
        let simulator = scene.exchange(scheme).start().await;
        let (_site, gateway) = scene.gateway(&simulator, "").await;
        let mut imap = signed_in(&gateway, ANNA).await;
        work(&simulator, &mut imap, ANNA).await;
        for round in 0..6 {
            simulator.post("/connections/close?which=all", Vec::new()).await;
            simulator.deliver_to(ANNA, "INBOX", &letter(&format!("late {round}"))).await;
            // The one that tells of news was cut too, so a client that asks may be ahead of it.
            imap.ok("UID SEARCH BODY zebra").await;
            let wanted = 13 + round;
            let imap = tokio::sync::Mutex::new(&mut imap);
            eventually("the new message", Duration::from_secs(20), || async {
                let mut imap = imap.lock().await;
                imap.ok("NOOP").await;
                let told = imap.ok("STATUS INBOX (MESSAGES)").await.lines().concat();
                told.contains(&format!("(MESSAGES {wanted})")).then_some(())
            })
            .await;
            imap.lock().await.ok(&format!("FETCH {wanted} BODY.PEEK[]")).await;
        }
        for verdict in verdicts(&simulator).await {
            assert_eq!(verdict, pair(scheme, "ok"));
        }
        gateway.stop().await;
    }
}

/// The same while requests are on their way: what was being read is read again.
#[tokio::test]
async fn connections_that_break_are_not_noticed_by_those_who_read() {
    let scene = Scene::new().await;
    for scheme in ["ntlm", "negotiate"] {
        let simulator = scene.exchange(scheme).latency(20).start().await;
        let (_site, gateway) = scene.gateway(&simulator, "").await;
        for user in [ANNA, BERT] {
            for number in 0..30 {
                simulator.deliver_to(user, "INBOX", &letter(&format!("m{number}"))).await;
            }
        }
        let mut clients = JoinSet::new();
        for number in 0..6_usize {
            let user = [ANNA, BERT][number % 2];
            let mut imap = signed_in(&gateway, user).await;
            let dav = Dav::of(gateway.http, user, PASSWORD);
            clients.spawn(async move {
                assert_eq!(imap.select("INBOX").await.exists, 30);
                for round in 0..10 {
                    let message = (number / 2 * 10 + round) % 30 + 1;
                    assert_eq!(imap.ok(&format!("FETCH {message} BODY.PEEK[]")).await.fetches().count(), 1);
                    imap.ok("STATUS Drafts (MESSAGES)").await;
                    dav.list(&format!("/dav/calendars/{user}/calendar/")).await;
                }
            });
        }
        let mut cut = 0;
        while !clients.is_empty() {
            tokio::select! {
                Some(done) = clients.join_next() => done.unwrap(),
                closed = cut_after(&simulator, 15) => cut += closed,
            }
        }
        println!("{scheme}: {cut} connections cut");
        assert!(cut > 0);
        for connection in list(&simulator, "/connections").await {
            assert!(connection["users"].as_array().unwrap().len() <= 1, "{connection}");
        }
        for verdict in verdicts(&simulator).await {
            assert_eq!(verdict, pair(scheme, "ok"));
        }
        gateway.stop().await;
    }
}

/// Closes all connections after so many more requests; gives how many those were.
async fn cut_after(simulator: &Simulator, requests: u64) -> u64 {
    let wanted = simulator.stats().await.requests() + requests;
    eventually("more requests", Duration::from_secs(30), || async {
        (simulator.stats().await.requests() >= wanted).then_some(())
    })
    .await;
    let told = simulator.post("/connections/close?which=all", Vec::new()).await;
    told["closed"].as_u64().unwrap_or_else(|| panic!("how many in {told}"))
}
