//! The gateway finds Exchange by the address alone, at each step of Autodiscover and around each misbehaviour, and shows
//! no password where it has no business.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use exgate_tests::{Options, PASSWORD, Simulator, Site, Status, USER, certificates};
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
    for orders in [
        &[
            "only=soap&host=other.test",
            "step=redirect&fault=none",
            "redirect=https://other.test/autodiscover/autodiscover.svc",
        ][..],
        &["step=all&fault=address-loop"],
        &["step=all&fault=redirect-loop"],
        &["step=all&fault=cloud"],
        &["step=all&fault=invalid-user"],
    ] {
        let found = place.sign_in(orders).await;
        assert_eq!(found.status, Status::No, "{orders:?}");
    }
    let place = Place::new("expired").await;
    let found = place.sign_in(&["step=v2&fault=off"]).await;
    assert_eq!(found.status, Status::No);
    assert!(found.requests.iter().all(|request| request["tls"] == false), "nobody spoke through that certificate");
}

/// A simulator that serves several names through its proxy.
struct Place {
    simulator: Simulator,
    certificates: TempDir,
}

/// What became of a sign-in, and what Autodiscover was asked for it.
struct Found {
    status: Status,
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
        let names = ["demo.test", "autodiscover.demo.test", "mail.demo.test", "ews.demo.test", "other.test"];
        certificates(files.path(), &names).await;
        let file = |ending: &str| files.path().join(format!("{certificate}.{ending}")).to_string_lossy().into_owned();
        let simulator = Options::preset("empty")
            .services()
            .tls(files.path(), "valid")
            .with("--autodiscover-cert", &file("pem"))
            .with("--autodiscover-key", &file("key"))
            .with("--ews-url", "https://ews.demo.test/EWS/Exchange.asmx")
            .with("--proxy", "127.0.0.1:0")
            .start()
            .await;
        let address = |url: String| url.split("://").nth(1).unwrap().split('/').next().unwrap().to_owned();
        let (tls, plain) = (address(simulator.place("autodiscover")), address(simulator.place("autodiscover-http")));
        let ews = address(simulator.ews_tls());
        for (name, to) in [
            ("demo.test:443", &tls),
            ("autodiscover.demo.test:443", &tls),
            ("mail.demo.test:443", &tls),
            ("other.test:443", &tls),
            ("autodiscover.demo.test:80", &plain),
            ("ews.demo.test:443", &ews),
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
        let site = Site::tables(&format!(
            "[exchange.main]\ndomains = [\"demo.test\"]\nauth = \"basic\"\nca_file = {:?}\n\
             autodiscover = {{ hosts = [\"mail.demo.test\"], allow_http = true }}\n\
             [exchange.main.egress]\nproxy = {:?}\ndns = {:?}\n",
            self.certificates.path().join("ca.pem"),
            self.simulator.place("proxy-1"),
            self.simulator.place("dns"),
        ));
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
        Found { status: answer.status, requests }
    }
}
