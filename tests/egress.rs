//! How the gateway leaves for Exchange: from one address, by one way, to hosts that are allowed.
//!
//! What is told about it comes from the other end: the connections that Exchange saw.

use std::collections::BTreeSet;
use std::time::Duration;

use exgate_tests::{
    Dav, Gateway, Imap, Options, PASSWORD, Port, Simulator, Site, Status, USER, certificates, eventually, letter,
};
use tempfile::TempDir;

/// Linux gives every address of 127.0.0.0/8 to the loopback, so that a machine has two without being set up for it.
#[tokio::test]
async fn every_connection_comes_from_the_address_it_is_bound_to() {
    let simulator = Options::preset("empty").start().await;
    let site = Site::with(&simulator, "domains = [\"demo.test\"]\n[exchange.main.egress]\nbind = \"127.0.0.9\"\n");
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    for number in 0..20 {
        simulator.deliver("INBOX", &letter(&format!("m{number}"))).await;
    }
    imap.select("INBOX").await;
    imap.ok("FETCH 1:* BODY.PEEK[]").await;
    gateway.dav().list(&Dav::collection("calendar")).await;
    simulator.settle().await;
    assert_eq!(peers(&simulator).await, BTreeSet::from(["127.0.0.9".to_owned()]));
}

/// What the operator does not allow is not even connected to, and said in the log and to the client.
#[tokio::test]
async fn a_host_that_is_not_allowed_is_not_reached() {
    let simulator = Options::preset("empty").start().await;
    let lines = "domains = [\"demo.test\"]\n[exchange.main.egress]\nallow_hosts = [\"mail.corp.example\"]\n";
    let site = Site::with(&simulator, lines);
    let gateway = site.start().await;
    let mut imap = gateway.connect().await;
    let refused = imap.command("LOGIN alice@demo.test demo-alice").await;
    assert_eq!(refused.status, Status::No, "{refused:?}");
    assert_eq!(peers(&simulator).await, BTreeSet::new());
    let log = log(&site);
    assert!(log.contains("egress.allow_hosts does not name the host"), "{log}");
}

/// Exchange under a name that no name server knows, with a certificate for it of a private authority.
struct Hidden {
    dir: TempDir,
    port: Port,
}

impl Hidden {
    async fn new() -> Self {
        let dir = TempDir::new().unwrap();
        certificates(dir.path(), &[NAME]).await;
        Self { dir, port: Port::free() }
    }

    fn path(&self, file: &str) -> String {
        self.dir.path().join(file).to_string_lossy().into_owned()
    }

    fn exchange(&self) -> Options {
        Options::preset("empty")
            .with("--auth", "ntlm")
            .with("--tls-listen", &self.port.address().to_string())
            .with("--tls-cert", &self.path("valid.pem"))
            .with("--tls-key", &self.path("valid.key"))
    }

    /// Behind a proxy that knows the name and goes on from an address of its own.
    fn behind(&self, kind: &str) -> Options {
        self.exchange()
            .with("--proxy", "127.0.0.1:0")
            .with("--proxy-kind", kind)
            .with("--proxy-bind", PROXY)
            .with("--proxy-map", &format!("{NAME}:443={}", self.port.address()))
    }

    /// A site that asks for Exchange by its name, with these lines in its table.
    fn site(&self, port: u16, lines: &str) -> Site {
        Site::tables(&format!(
            "[exchange.main]\nurl = \"https://{NAME}:{port}/EWS/Exchange.asmx\"\nca_file = \"{}\"\n\
             domains = [\"demo.test\"]\n{lines}\n",
            self.path("ca.pem")
        ))
    }
}

const NAME: &str = "mail.corp.test";
const PROXY: &str = "127.0.0.8";

#[tokio::test]
async fn a_proxy_is_asked_by_name_and_everything_goes_through_it() {
    let hidden = Hidden::new().await;
    for (kind, auth, user) in [
        ("connect", "basic", None),
        ("connect", "basic", Some("svc-proxy")),
        ("connect", "ntlm", Some("CORP\\svc-proxy")),
        ("socks5", "basic", None),
        ("socks5", "basic", Some("svc-proxy")),
    ] {
        let mut options = hidden.behind(kind).with("--proxy-auth", auth);
        let mut keys = String::new();
        if let Some(user) = user {
            options = options.with("--proxy-user", &format!("{user}:let me out"));
            keys = format!(", proxy_user = '{user}', proxy_password = \"let me out\"");
        }
        let simulator = options.start().await;
        let proxy = simulator.place("proxy-1");
        let site = hidden.site(443, &format!("egress = {{ proxy = \"{proxy}\"{keys} }}"));
        let gateway = site.start().await;
        for number in 0..10 {
            simulator.deliver("INBOX", &letter(&format!("m{number}"))).await;
        }
        let mut imap = login(&gateway, &site).await;
        imap.select("INBOX").await;
        imap.ok("FETCH 1:* BODY.PEEK[]").await;
        gateway.dav().list(&Dav::collection("calendar")).await;
        simulator.settle().await;
        assert_eq!(peers(&simulator).await, BTreeSet::from([PROXY.to_owned()]), "{kind} {auth} {user:?}");
        let carried = carried(&simulator).await;
        assert!(!carried.is_empty());
        for one in carried {
            assert_eq!((&one["asked_by"], &one["refused"]), (&"name".into(), &().into()), "{kind} {auth}: {one}");
            assert_eq!(one["target"], format!("{NAME}:443"), "{one}");
            assert_eq!(one["user"].is_string(), user.is_some(), "{kind} {auth}: {one}");
        }
        gateway.stop().await;
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named_with_what_to_mend() {
    let hidden = Hidden::new().await;
    for (kind, auth, user) in
        [("connect", "basic", "svc-proxy"), ("connect", "ntlm", "CORP\\svc-proxy"), ("socks5", "basic", "svc-proxy")]
    {
        let options =
            hidden.behind(kind).with("--proxy-auth", auth).with("--proxy-user", &format!("{user}:let me out"));
        let simulator = options.start().await;
        let proxy = simulator.place("proxy-1");
        for keys in ["", &format!(", proxy_user = '{user}', proxy_password = \"wrong-way-out\"")] {
            let site = hidden.site(443, &format!("egress = {{ proxy = \"{proxy}\"{keys} }}"));
            let gateway = site.start().await;
            let mut imap = gateway.connect().await;
            let answer = imap.command(&format!("LOGIN {USER} {PASSWORD}")).await;
            assert_eq!(answer.status, Status::No, "{kind} {auth}: {answer:?}");
            let log = log(&site);
            assert!(log.contains("egress.proxy_user"), "{kind} {auth} {keys}: {log}");
            assert!(!log.contains("wrong-way-out"), "{log}");
            gateway.stop().await;
        }
        assert_eq!(peers(&simulator).await, BTreeSet::new(), "{kind} {auth}");
    }
}

/// The proxy knows the name, and nobody listens there; or it does not know the name.
#[tokio::test]
async fn a_host_the_proxy_cannot_reach_is_named() {
    let hidden = Hidden::new().await;
    for kind in ["connect", "socks5"] {
        let simulator = hidden.behind(kind).start().await;
        let proxy = simulator.place("proxy-1");
        let site = hidden.site(444, &format!("egress = {{ proxy = \"{proxy}\" }}"));
        let gateway = site.start().await;
        let mut imap = gateway.connect().await;
        let answer = imap.command(&format!("LOGIN {USER} {PASSWORD}")).await;
        assert_eq!(answer.status, Status::No, "{kind}: {answer:?}");
        let log = log(&site);
        assert!(log.contains(proxy.rsplit_once('/').unwrap().1) && log.contains(NAME), "{kind}: {log}");
        assert_eq!(peers(&simulator).await, BTreeSet::new(), "{kind}");
        gateway.stop().await;
    }
}

/// There is no way round a proxy that is gone, and none is needed for what is known already.
#[tokio::test]
async fn while_the_proxy_is_away_what_is_known_stays_readable() {
    let hidden = Hidden::new().await;
    for kind in ["connect", "socks5"] {
        let simulator = hidden.behind(kind).start().await;
        let site = hidden.site(443, &format!("egress = {{ proxy = \"{}\" }}", simulator.place("proxy-1")));
        let gateway = site.start().await;
        for number in 1..=3 {
            simulator.deliver("INBOX", &letter(&format!("m{number}"))).await;
        }
        let mut imap = login(&gateway, &site).await;
        assert_eq!(imap.select("INBOX").await.exists, 3);
        imap.ok("FETCH 1:* BODY.PEEK[]").await;
        simulator.settle().await;
        simulator.post("/proxy/stop", Vec::new()).await;
        let before = simulator.get("/connections").await.as_array().unwrap().len();
        for _ in 0..3 {
            assert_eq!(imap.select("INBOX").await.exists, 3);
            assert_eq!(imap.ok("FETCH 1:* BODY.PEEK[]").await.fetches().count(), 3);
        }
        assert_eq!(simulator.get("/connections").await.as_array().unwrap().len(), before);
        simulator.deliver("INBOX", &letter("m4")).await;
        simulator.post("/proxy/start", Vec::new()).await;
        let imap = tokio::sync::Mutex::new(imap);
        eventually("the letter that came meanwhile", Duration::from_secs(60), || async {
            (imap.lock().await.select("INBOX").await.exists == 4).then_some(())
        })
        .await;
        imap.lock().await.ok("FETCH 4 BODY.PEEK[]").await;
        assert_eq!(peers(&simulator).await, BTreeSet::from([PROXY.to_owned()]));
        gateway.stop().await;
    }
}

/// N14 of the list of features: a name server, an authority and a certificate that only this organisation has.
#[tokio::test]
async fn a_private_network_is_reached_by_its_own_rules() {
    let hidden = Hidden::new().await;
    let record = format!("{NAME} A 127.0.0.1");
    let options = hidden.exchange().with("--tls-client-ca", &hidden.path("ca.pem"));
    let simulator = options.with("--dns", "127.0.0.1:0").with("--dns-record", &record).start().await;
    let dns = simulator.place("dns");
    let shown = |name: &str| {
        let file = |ending| hidden.path(&format!("{name}.{ending}"));
        format!("client_certificate = \"{}\"\nclient_key = \"{}\"\n", file("pem"), file("key"))
    };
    let egress = format!("egress = {{ dns = \"{dns}\" }}");
    let site = hidden.site(hidden.port.number(), &(shown("client") + &egress));
    let gateway = site.start().await;
    login(&gateway, &site).await.select("INBOX").await;
    gateway.stop().await;
    assert!(simulator.get("/dns").await.to_string().contains(NAME));
    let before = signins(&simulator).await;
    for (lines, sentence) in [
        (egress.clone(), "asks for a certificate of ours; set client_certificate and client_key"),
        (shown("client-unknown") + &egress, "does not accept our certificate"),
        (shown("client"), NAME),
    ] {
        let site = hidden.site(hidden.port.number(), &lines);
        let gateway = site.start().await;
        let answer = gateway.connect().await.command(&format!("LOGIN {USER} {PASSWORD}")).await;
        assert_eq!(answer.status, Status::No, "{lines}: {answer:?}");
        let log = log(&site);
        assert!(log.contains(sentence), "{sentence}: {log}");
        gateway.stop().await;
    }
    assert_eq!(signins(&simulator).await, before, "nobody else was let in");
}

async fn login(gateway: &Gateway, site: &Site) -> Imap {
    let mut imap = gateway.connect().await;
    let answer = imap.command(&format!("LOGIN {USER} {PASSWORD}")).await;
    assert_eq!(answer.status, Status::Ok, "{answer:?}\n{}", log(site));
    imap
}

fn log(site: &Site) -> String {
    std::fs::read_to_string(site.path().join("stderr")).unwrap()
}

/// What the only proxy carried and refused.
async fn carried(simulator: &Simulator) -> Vec<serde_json::Value> {
    let told = simulator.get("/proxy").await;
    told[0]["connections"].as_array().unwrap_or_else(|| panic!("connections in {told}")).clone()
}

/// How often somebody signed in, or tried to.
async fn signins(simulator: &Simulator) -> usize {
    let all = simulator.get("/signins").await;
    all.as_array().expect("a list of sign-ins").len()
}

/// The addresses from which Exchange was asked.
async fn peers(simulator: &Simulator) -> BTreeSet<String> {
    let all = simulator.get("/connections").await;
    let peers =
        all.as_array().expect("a list of connections").iter().map(|one| one["peer"].as_str().unwrap().to_owned());
    peers.map(|peer| peer.rsplit_once(':').expect("an address and a port").0.to_owned()).collect()
}
