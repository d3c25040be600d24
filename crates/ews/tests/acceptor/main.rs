//! NTLM and Negotiate, with Extended Protection and through proxies, against an acceptor that somebody else wrote
//! (pyspnego). PYTHON names an interpreter that has it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ews::op::get_folder::GetFolder;
use ews::*;
use serde_json::Value;

/// What is tried, and how it ends: `true` if the sign-in is to be taken.
#[tokio::test]
async fn extended_protection_is_met_in_every_way_out() {
    let Some(peer) = Peer::start() else { return };
    println!("{:11} {:9} {:8} {:8} {:8}", "scheme", "way", "binding", "server", "outcome");
    for scheme in [Scheme::Ntlm, Scheme::Negotiate] {
        for way in ["direct", "connect", "socks5"] {
            for binding in ["right", "missing", "wrong"] {
                for protection in ["off", "allow", "require"] {
                    let outcome = peer.try_it(scheme, way, binding, protection).await;
                    let taken =
                        protection == "off" || binding == "right" || (binding, protection) == ("missing", "allow");
                    let told = outcome
                        .as_ref()
                        .map_or_else(|error| format!("refused ({:?})", error.cause), |()| "taken".into());
                    println!("{:11} {way:9} {binding:8} {protection:8} {told}", scheme.as_str());
                    let counts = peer.counts().await;
                    match outcome {
                        Ok(()) => {
                            assert!(taken, "a sign-in that should be refused was taken");
                            assert_eq!((counts["accepted"].as_u64(), counts["POST"].as_u64()), (Some(1), Some(1)));
                        }
                        Err(error) => {
                            assert!(!taken, "{error}");
                            assert_eq!(
                                (error.kind.clone(), error.cause),
                                (ErrorKind::SignIn, Some(Cause::PasswordOrBinding))
                            );
                            assert!(error.message.contains("Extended Protection"), "{error}");
                            // Another try would be another step towards a locked account.
                            assert_eq!(
                                (counts["refused"].as_u64(), counts["POST"].as_u64()),
                                (Some(1), None),
                                "{counts}"
                            );
                        }
                    }
                    assert_eq!(counts["posts of strangers"].as_u64().unwrap_or(0), 0);
                    assert_eq!(counts["tunnels"].as_u64(), (way != "direct").then_some(1));
                }
            }
        }
    }
}

#[tokio::test]
async fn users_are_named_as_they_like() {
    let Some(peer) = Peer::start() else { return };
    for scheme in [Scheme::Ntlm, Scheme::Negotiate] {
        for user in ["CORP\\anna", "anna@corp.example", "anna"] {
            let server = peer.server(&peer.ports["server"]["require"], "localhost", |_| {});
            inbox(&server.client(identity(scheme, user, PASSWORD))).await.unwrap();
            let server = peer.server(&peer.ports["server"]["off"], "localhost", |_| {});
            let error = inbox(&server.client(identity(scheme, user, "pässwört€ 密码"))).await.unwrap_err();
            assert_eq!((error.kind, error.cause), (ErrorKind::SignIn, Some(Cause::PasswordOrBinding)), "{user}");
        }
    }
}

#[tokio::test]
async fn a_lane_is_signed_in_once() {
    let Some(peer) = Peer::start() else { return };
    let server = peer.server(&peer.ports["server"]["require"], "localhost", |config| {
        config.channel_binding = ChannelBinding::Require
    });
    let client = server.client(identity(Scheme::Ntlm, "CORP\\anna", PASSWORD));
    peer.counts().await;
    for _ in 0..20 {
        inbox(&client).await.unwrap();
    }
    let counts = peer.counts().await;
    assert_eq!(
        (counts["accepted"].as_u64(), counts["POST"].as_u64(), counts["401"].as_u64()),
        (Some(1), Some(20), Some(1)),
        "{counts}"
    );
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let client = client.clone();
        calls.spawn(async move { inbox(&client).await.unwrap() });
    }
    calls.join_all().await;
    let counts = peer.counts().await;
    let accepted = counts["accepted"].as_u64().unwrap_or(0);
    assert!(accepted < 10 && counts["401"].is_null() && counts["POST"] == 40, "{counts}");
}

#[tokio::test]
async fn proxies_are_signed_in_to() {
    let Some(peer) = Peer::start() else { return };
    let ways = [
        (ProxyKind::Connect, "connect", "open", None),
        (ProxyKind::Connect, "connect", "Basic", Some("proxy")),
        (ProxyKind::Connect, "connect", "NTLM", Some("CORP\\proxy")),
        (ProxyKind::Connect, "connect", "Negotiate", Some("CORP\\proxy")),
        (ProxyKind::Socks5, "socks5", "open", None),
        (ProxyKind::Socks5, "socks5", "password", Some("proxy")),
    ];
    for (kind, way, asks, user) in ways {
        let through = |password: Option<&str>| {
            let credentials = user.zip(password).map(|(user, password)| (user.to_owned(), Secret::new(password)));
            let proxy = Proxy { kind, host: "127.0.0.1".into(), port: port(&peer.ports[way][asks]), credentials };
            let egress = Egress::new(EgressConfig { proxy: Some(proxy), ..EgressConfig::default() });
            peer.server(&peer.ports["server"]["require"], "mail.corp.example", |config| config.egress = egress)
        };
        let anna = || identity(Scheme::Ntlm, "CORP\\anna", PASSWORD);
        inbox(&through(Some("gateway")).client(anna())).await.unwrap();
        println!("{way} {asks}: taken");
        for password in [Some("wrong"), None].into_iter().filter(|_| user.is_some()) {
            let error = inbox(&through(password).client(anna())).await.unwrap_err();
            assert_eq!((error.kind.clone(), error.cause), (ErrorKind::Denied, Some(Cause::ProxySignIn)), "{error}");
            println!("{way} {asks}: {error}");
        }
    }
}

fn identity(scheme: Scheme, user: &str, password: &str) -> Identity {
    Identity::Password { user: user.into(), password: Secret::new(password), schemes: Schemes::only(scheme) }
}

async fn inbox(client: &Client) -> Result<(), Error> {
    let folder = GetFolder { folders: vec![DistinguishedFolder::Inbox.into()], shape: FolderShape::default() };
    client.call(&folder).await.map(|folders| assert_eq!(folders.len(), 1))
}

fn port(value: &Value) -> u16 {
    u16::try_from(value.as_u64().unwrap()).unwrap()
}

/// The program with the acceptor, and the certificates it shows.
struct Peer {
    child: Child,
    directory: tempfile::TempDir,
    ports: Value,
}

impl Peer {
    /// None, and a word why, where the acceptor is not installed.
    fn start() -> Option<Peer> {
        let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
        let found = Command::new(&python).args(["-c", "import spnego"]).stderr(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            println!("skipped: {python} has no pyspnego (set PYTHON)");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let [own, other] = ["own", "other"].map(|name| certificate(directory.path(), name));
        let both = [&own, &other].map(|made| std::fs::read_to_string(&made.0).unwrap()).concat();
        std::fs::write(directory.path().join("ca.pem"), both).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/ntlm-acceptor.py");
        let mut command = Command::new(python);
        command.arg(script).args([&own.0, &own.1, &other.0, &other.1]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Some(Peer { child, directory, ports: serde_json::from_str(&line).unwrap() })
    }

    async fn try_it(&self, scheme: Scheme, way: &str, binding: &str, protection: &str) -> Result<(), Error> {
        self.counts().await;
        let place = if binding == "wrong" { "bridge" } else { "server" };
        let kind = if way == "connect" { ProxyKind::Connect } else { ProxyKind::Socks5 };
        let proxy = (way != "direct").then(|| {
            let port = port(&self.ports[way]["open"]);
            Proxy { kind, host: "127.0.0.1".into(), port, credentials: None }
        });
        // A name that only the proxy can look up.
        let host = if proxy.is_some() { "mail.corp.example" } else { "localhost" };
        let server = self.server(&self.ports[place][protection], host, |config| {
            config.egress = Egress::new(EgressConfig { proxy, ..EgressConfig::default() });
            config.channel_binding = if binding == "missing" { ChannelBinding::Off } else { ChannelBinding::Auto };
        });
        inbox(&server.client(identity(scheme, "CORP\\anna", PASSWORD))).await
    }

    fn server(&self, number: &Value, host: &str, change: impl FnOnce(&mut ServerConfig)) -> Server {
        let mut config = ServerConfig::new(format!("https://{host}:{}/EWS/Exchange.asmx", port(number)));
        config.trust.ca_file = Some(self.directory.path().join("ca.pem"));
        config.limits.connect = Duration::from_secs(30);
        change(&mut config);
        Server::new(config).unwrap()
    }

    /// What happened since this was asked last.
    async fn counts(&self) -> Value {
        let web = Web::new(WebConfig { allow_http: true, ..WebConfig::default() }).unwrap();
        let url = format!("http://127.0.0.1:{}/", port(&self.ports["counts"]));
        serde_json::from_slice(&web.ask(Ask::get(&url)).await.unwrap().body).unwrap()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn certificate(directory: &Path, name: &str) -> (PathBuf, PathBuf) {
    let names = ["localhost", "mail.corp.example"].map(str::to_owned).to_vec();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let (certificate, key) = (directory.join(name).with_extension("pem"), directory.join(name).with_extension("key"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (certificate, key)
}

const PASSWORD: &str = "pässwörd€ 密码";
