//! The gateway finds Exchange by the address alone, at each step of Autodiscover and around each misbehaviour, and shows
//! no password where it has no business.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use exgate_tests::{Imap, Options, PASSWORD, Simulator, Site, Status, USER, certificates, eventually, letter, program};
use serde_json::Value;
use tempfile::TempDir;

/// Only one step answers, at one host: the domain, `autodiscover.` below it, or one that is named by a redirection or a
/// record.
#[tokio::test]
async fn a_mailbox_is_found_at_each_step() {
    let place = Place::new("valid").await;
    let found = place.sign_in(&[]).await;
    assert_eq!(found.status, Status::Ok);
    assert!(found.requests.iter().all(|request| request["credentials"] == false), "version 2 wants no password");

    for (orders, host, step) in [
        (&["only=soap&host=demo.test"][..], "demo.test", "soap"),
        (&["only=soap&host=autodiscover.demo.test"], "autodiscover.demo.test", "soap"),
        (&["only=pox&host=demo.test"], "demo.test", "pox"),
        (&["only=pox&host=autodiscover.demo.test"], "autodiscover.demo.test", "pox"),
        (
            &[
                "only=soap&host=mail.demo.test",
                "step=redirect&fault=none",
                "redirect=https://mail.demo.test/autodiscover/autodiscover.svc",
            ],
            "mail.demo.test",
            "soap",
        ),
        (
            &[
                "only=pox&host=mail.demo.test",
                "step=redirect&fault=none",
                "redirect=https://mail.demo.test/autodiscover/autodiscover.xml",
            ],
            "mail.demo.test",
            "pox",
        ),
    ] {
        let found = place.sign_in(orders).await;
        assert_eq!(found.status, Status::Ok, "{orders:?}");
        assert_eq!(found.told(), [(host, step)], "{orders:?}");
    }
    let record = [("record", "_autodiscover._tcp.demo.test SRV 0 0 443 mail.demo.test")];
    place.simulator.order("/dns", &record).await;
    let found = place.sign_in(&["only=pox&host=mail.demo.test"]).await;
    assert_eq!((found.status, found.told()), (Status::Ok, vec![("mail.demo.test", "pox")]), "by the SRV record");
}

/// A device password is nothing that Exchange could be asked with, and a gateway may know of nobody yet.
#[tokio::test]
async fn a_device_is_led_to_its_mailbox_by_the_service_account() {
    let place = Place::new("valid").await;
    place.simulator.post("/autodiscover?only=soap&host=demo.test", Vec::new()).await;
    let site = place.site_with(&format!(
        "mode = \"impersonation\"\nservice = {{ user = \"{SERVICE}\", password = \"{PASSWORD}\" }}\n\
         device_passwords = \"required\"\n"
    ));
    let mut add = Command::new(program("exgate"));
    add.args(["device", "add", USER, "--name", "Phone", "--config"]).arg(site.path().join("exgate.toml"));
    let mut add = add.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    writeln!(add.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    let added = add.wait_with_output().unwrap();
    assert!(added.status.success());
    let password = String::from_utf8(added.stdout).unwrap();
    let gateway = site.start().await;
    let mut imap = gateway.connect().await;
    imap.ok(&format!("LOGIN {USER} {}", password.trim())).await;
    imap.select("INBOX").await;
    gateway.stop().await;
    // And to another server, should it go there while nobody is in.
    place.simulator.post("/autodiscover?ews=https://ews2.demo.test/EWS/Exchange.asmx", Vec::new()).await;
    place.simulator.post(&format!("/mailbox/move?user={USER}&seconds=3600&ids=keep&front_end=1"), Vec::new()).await;
    place.simulator.post(&format!("/mailbox/moved?user={USER}"), Vec::new()).await;
    let gateway = site.start().await;
    let mut imap = gateway.connect().await;
    imap.ok(&format!("LOGIN {USER} {}", password.trim())).await;
    imap.select("INBOX").await;
    gateway.stop().await;
}

/// Whatever the web server of the domain does, the other host is asked too.
#[tokio::test]
async fn a_domain_that_misbehaves_does_not_hide_exchange() {
    let place = Place::new("valid").await;
    let mut lost = Vec::new();
    for fault in [
        "html",
        "bad-request",
        "forbidden",
        "server-error",
        "unavailable",
        "unauthorized",
        "empty",
        "redirect-loop",
        "redirect-http",
        "redirect&to=https://other.test/x",
        "wrong-namespace",
        "broken-xml",
        "address-loop",
        "cloud",
        "url&to=https://other.test/x",
        "invalid-user",
        "no-mailbox",
        "server-busy",
        "internal-error",
        "no-setting",
    ] {
        for step in ["v2", "soap", "pox"] {
            let only = format!("only={step}&host=autodiscover.demo.test");
            let order = format!("step={step}&host=demo.test&fault={fault}");
            let found = place.sign_in(&[&only, &order]).await;
            // Exchange itself said that the mailbox has another address, or is elsewhere: an answer, and no noise.
            let answered = step != "v2" && ["cloud", "address-loop"].contains(&fault);
            if found.status != Status::Ok && !answered {
                lost.push(format!("{step} {fault}"));
            }
        }
    }
    assert!(lost.is_empty(), "not found: {lost:?}");
}

/// Neither hosts that nobody named, nor rings, nor the cloud, nor a certificate that has expired.
#[tokio::test]
async fn what_is_not_to_be_trusted_gets_no_password() {
    let place = Place::new("valid").await;
    for (orders, told) in [
        (
            &[
                "only=soap&host=other.test",
                "step=redirect&fault=none",
                "redirect=https://other.test/autodiscover/autodiscover.svc",
            ][..],
            UNKNOWN,
        ),
        (&["step=all&fault=address-loop"], UNKNOWN),
        (&["step=all&fault=redirect-loop"], UNKNOWN),
        (&["step=all&fault=off"], UNKNOWN),
        (&["step=all&fault=unavailable"], NOT_NOW),
        (
            &["step=all&fault=cloud"],
            "[CONTACTADMIN] you could not be signed in: the mailbox is in Exchange Online, which is not served here",
        ),
        (&["step=all&fault=invalid-user"], UNKNOWN),
    ] {
        let found = place.sign_in(orders).await;
        assert_eq!(found.status, Status::No, "{orders:?}");
        assert!(found.text.starts_with(told), "{orders:?}: {}", found.text);
    }
    let place = Place::new("expired").await;
    let found = place.sign_in(&["step=v2&fault=off"]).await;
    assert_eq!(found.status, Status::No);
    let told = "[CONTACTADMIN] you could not be signed in: the certificate that Exchange shows is not to be trusted";
    assert!(found.text.starts_with(told), "{}", found.text);
    assert!(found.requests.iter().all(|request| request["tls"] == false), "nobody spoke through that certificate");
}

const UNKNOWN: &str = "[CONTACTADMIN] you could not be signed in: no Exchange server is known for this address";
const NOT_NOW: &str = "[UNAVAILABLE] you could not be signed in: no server answers for this address now";

/// A mailbox moves to another server: the session goes on there once Autodiscover knows, and that is asked once.
#[tokio::test]
async fn a_session_follows_its_mailbox_to_another_server() {
    let place = Place::new("valid").await;
    let site = place.site();
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    imap.select("INBOX").await;
    place.simulator.deliver("inbox", &letter("before")).await;
    let before = imap_until(&mut imap, 1).await;
    let front_ends = place.simulator.get("/front-ends").await;
    println!("{front_ends:#}");
    place.simulator.post("/autodiscover?ews=https://ews2.demo.test/EWS/Exchange.asmx", Vec::new()).await;
    place.simulator.post("/autodiscover/clear", Vec::new()).await;
    place.simulator.post(&format!("/mailbox/move?user={USER}&seconds=3600&ids=keep&front_end=1"), Vec::new()).await;
    place.simulator.post(&format!("/mailbox/moved?user={USER}"), Vec::new()).await;
    place.simulator.deliver("inbox", &letter("after")).await;
    let after = imap_until(&mut imap, 2).await;
    assert!(before.iter().all(|known| after.contains(known)), "{before:?} {after:?}");
    let mut second = gateway.login().await;
    assert_eq!(second.select("INBOX").await.exists, 2);
    gateway.stop().await;
    let asked = place.simulator.get("/autodiscover").await;
    let found = asked["requests"].as_array().unwrap().iter().filter(|request| request["status"] == 200).count();
    assert!(found <= 3, "Autodiscover was asked once: {asked:#}");
}

/// Message-IDs of the folder that is open, once there are so many.
async fn imap_until(imap: &mut Imap, count: usize) -> Vec<(u32, String)> {
    let shared = tokio::sync::Mutex::new(imap);
    eventually("the messages", Duration::from_secs(30), || async {
        let mut imap = shared.lock().await;
        imap.ok("NOOP").await;
        let all = imap.message_ids().await;
        (all.len() == count).then(|| all.into_iter().collect())
    })
    .await
}

/// A simulator that serves several names through its proxy.
struct Place {
    simulator: Simulator,
    certificates: TempDir,
}

/// What became of a sign-in, and what Autodiscover was asked for it.
struct Found {
    status: Status,
    text: String,
    requests: Vec<Value>,
}

impl Found {
    /// Host and step of those that answered a password well, each once.
    fn told(&self) -> Vec<(&str, &str)> {
        let mut told: Vec<_> = self
            .requests
            .iter()
            .filter(|request| request["credentials"] == true && request["status"] == 200)
            .filter_map(|request| Some((request["host"].as_str()?, request["step"].as_str()?)))
            .collect();
        told.dedup();
        told
    }
}

impl Place {
    /// Autodiscover shows the certificate of that name, everything else a valid one.
    async fn new(certificate: &str) -> Self {
        let files = TempDir::new().unwrap();
        let names =
            ["demo.test", "autodiscover.demo.test", "mail.demo.test", "ews.demo.test", "ews2.demo.test", "other.test"];
        certificates(files.path(), &names).await;
        let file = |ending: &str| files.path().join(format!("{certificate}.{ending}")).to_string_lossy().into_owned();
        let simulator = Options::preset("empty")
            .user(SERVICE)
            .with("--impersonator", SERVICE)
            .services()
            .tls(files.path(), "valid")
            .with("--autodiscover-cert", &file("pem"))
            .with("--autodiscover-key", &file("key"))
            .with("--ews-url", "https://ews.demo.test/EWS/Exchange.asmx")
            .with("--front-end", "https://127.0.0.1:0")
            .with("--proxy", "127.0.0.1:0")
            .start()
            .await;
        let address = |url: String| url.split("://").nth(1).unwrap().split('/').next().unwrap().to_owned();
        let (tls, plain) = (address(simulator.place("autodiscover")), address(simulator.place("autodiscover-http")));
        let ews = address(simulator.ews_tls());
        let second = address(simulator.place("front-end-1"));
        for (name, to) in [
            ("demo.test:443", &tls),
            ("autodiscover.demo.test:443", &tls),
            ("mail.demo.test:443", &tls),
            ("other.test:443", &tls),
            ("autodiscover.demo.test:80", &plain),
            ("ews.demo.test:443", &ews),
            ("ews2.demo.test:443", &second),
        ] {
            simulator.order("/proxy/map", &[("name", name), ("to", to)]).await;
        }
        Self { simulator, certificates: files }
    }

    /// A new gateway signs the user in. Whatever came of it, no password went where it has no business.
    async fn sign_in(&self, orders: &[&str]) -> Found {
        self.simulator.post("/autodiscover/clear", Vec::new()).await;
        for order in orders {
            self.simulator.post(&format!("/autodiscover?{order}"), Vec::new()).await;
        }
        let site = self.site();
        let gateway = site.start().await;
        let mut imap = gateway.connect().await;
        let answer = imap.command(&format!("LOGIN {USER} {PASSWORD}")).await;
        gateway.stop().await;
        let seen = self.simulator.get("/autodiscover").await;
        let requests = seen["requests"].as_array().unwrap().clone();
        for request in requests.iter().filter(|request| request["credentials"] == true) {
            let host = request["host"].as_str().unwrap();
            let named = ["demo.test", "autodiscover.demo.test", "mail.demo.test"].contains(&host);
            assert!(named && request["tls"] == true, "{orders:?}: {request}");
        }
        Found { status: answer.status, text: answer.text, requests }
    }

    /// A gateway that knows nothing but the domain.
    fn site(&self) -> Site {
        self.site_with("")
    }

    /// The same with more lines.
    fn site_with(&self, lines: &str) -> Site {
        Site::tables(&format!(
            "[exchange.main]\ndomains = [\"demo.test\"]\nauth = \"basic\"\n{lines}ca_file = {:?}\n\
             autodiscover = {{ hosts = [\"mail.demo.test\"], allow_http = true }}\n\
             [exchange.main.egress]\nproxy = {:?}\ndns = {:?}\n",
            self.certificates.path().join("ca.pem"),
            self.simulator.place("proxy-1"),
            self.simulator.place("dns"),
        ))
    }
}

/// The account that acts for users.
const SERVICE: &str = "svc@demo.test";
