//! Certificates made out by an authority that speaks ACME: Pebble, of Let's Encrypt, with a name server that finds everything here.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use exgate_tests::{Options, Port, Simulator, Site, certificates, eventually};
use serde_json::json;
use tempfile::TempDir;

#[tokio::test]
async fn names_are_proved_in_handshakes_and_certificates_are_renewed() {
    let Some(authority) = Authority::start(15).await else { return };
    let simulator = Options::preset("empty").start().await;
    let names = ["mail.corp.example", "dav.corp.example"];
    let site = site(&simulator, &authority, &names, "");
    let gateway = site.start().await;
    let imaps: SocketAddr = gateway.program.announced("imaps").parse().unwrap();
    let first = authority.believed(imaps, names[0]).await;
    assert_eq!(authority.believed(imaps, names[1]).await, first);
    // An authority that asks for a proof nobody ordered gets none.
    let asked = tls(&authority.tls_port.address().to_string(), names[0], &["-alpn", "acme-tls/1"]);
    assert!(!asked.contains("BEGIN CERTIFICATE"), "{asked}");
    eventually("a new one before it ends", Duration::from_secs(60), async || {
        (authority.believed(imaps, names[0]).await != first).then_some(())
    })
    .await;
    gateway.kill().await;
    let account = site.state().join("acme/account.json");
    let kept = std::fs::read(&account).unwrap();
    let gateway = site.start().await;
    let imaps: SocketAddr = gateway.program.announced("imaps").parse().unwrap();
    authority.believed(imaps, names[0]).await;
    assert_eq!(std::fs::read(&account).unwrap(), kept, "the account is the same");
    for file in [account, site.state().join("acme/certificate.pem")] {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
    gateway.stop().await;
}

#[tokio::test]
async fn names_are_proved_at_port_80() {
    let Some(authority) = Authority::start(3_600).await else { return };
    let simulator = Options::preset("empty").start().await;
    let http01 = format!("http01 = \"{}\"\n", authority.http_port.address());
    let site = site(&simulator, &authority, &["imap.corp.example"], &http01);
    let gateway = site.start().await;
    let imaps: SocketAddr = gateway.program.announced("imaps").parse().unwrap();
    authority.believed(imaps, "imap.corp.example").await;
    gateway.stop().await;
}

/// Clients are served, with a certificate of our own, and the log says what is to be done.
#[tokio::test]
async fn an_authority_that_is_away_keeps_nobody_out() {
    let simulator = Options::preset("empty").start().await;
    let nobody = Port::free();
    let authority = format!("directory = \"https://localhost:{}/dir\"\n", nobody.number());
    let site = Site::listening(
        "imaps = \"127.0.0.1:0\"\nhttps = \"127.0.0.1:0\"\n",
        &tables(&simulator, &authority, &["mail.corp.example"], ""),
    );
    let gateway = site.start().await;
    let imaps = gateway.program.announced("imaps");
    assert!(tls(&imaps, "mail.corp.example", &[]).contains("BEGIN CERTIFICATE"));
    eventually("the log says so", Duration::from_secs(10), async || {
        let log = std::fs::read_to_string(site.path().join("stderr")).unwrap();
        log.contains("no new certificate; the one before stays in use").then_some(())
    })
    .await;
    gateway.stop().await;
}

/// Pebble, and the name server it asks.
struct Authority {
    dir: TempDir,
    api: Port,
    tls_port: Port,
    http_port: Port,
    _others: [Port; 3],
    children: [Child; 2],
}

impl Authority {
    /// One whose certificates are valid for so many seconds; `None` where there is no Pebble.
    async fn start(validity: u64) -> Option<Self> {
        if Command::new("pebble").arg("-version").output().is_err() {
            println!("skipped: there is no pebble on this machine");
            return None;
        }
        let dir = TempDir::new().unwrap();
        certificates(dir.path(), &["localhost"]).await;
        // Both sides must know the other's port before they start.
        let [api, management, tls_port, http_port, names, names_management] = std::array::from_fn(|_| Port::free());
        let config = json!({"pebble": {
            "listenAddress": api.address(),
            "managementListenAddress": management.address(),
            "certificate": dir.path().join("valid.pem"),
            "privateKey": dir.path().join("valid.key"),
            "httpPort": http_port.number(),
            "tlsPort": tls_port.number(),
            "certificateValidityPeriod": validity,
        }});
        let file = dir.path().join("pebble.json");
        std::fs::write(&file, config.to_string()).unwrap();
        let at = |port: &Port| port.address().to_string();
        let resolver = quiet("pebble-challtestsrv")
            .args(["-dns01", &at(&names), "-management", &at(&names_management), "-defaultIPv6", ""])
            .args(["-defaultIPv4", "127.0.0.1", "-http01", "", "-https01", "", "-tlsalpn01", ""])
            .spawn()
            .unwrap();
        // Some nonces it refuses on purpose, and a name that was proved it may want proved again.
        let pebble = quiet("pebble")
            .arg("-config")
            .arg(&file)
            .args(["-dnsserver", &at(&names)])
            .env("PEBBLE_VA_NOSLEEP", "1")
            .spawn()
            .unwrap();
        let roots = format!("https://localhost:{}/roots/0", management.number());
        let authority = Self {
            dir,
            api,
            tls_port,
            http_port,
            _others: [management, names, names_management],
            children: [resolver, pebble],
        };
        eventually("the authority answers", Duration::from_secs(20), async || {
            let root = curl(&authority.ca(), &roots)?;
            std::fs::write(authority.root(), root).unwrap();
            Some(())
        })
        .await;
        Some(authority)
    }

    fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("root.pem")
    }

    /// The certificate that somebody who believes this authority alone accepts there for that name, once there is one.
    async fn believed(&self, at: SocketAddr, name: &str) -> String {
        let root = self.root();
        let root = root.to_str().unwrap();
        eventually("a certificate of the authority", Duration::from_secs(30), async || {
            let seen = tls(&at.to_string(), name, &["-CAfile", root, "-verify_return_error", "-verify_hostname", name]);
            let certificate = seen.split("-----BEGIN CERTIFICATE-----").nth(1)?.split("-----END").next()?.to_owned();
            seen.contains("Verify return code: 0 (ok)").then_some(certificate)
        })
        .await
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn site(simulator: &Simulator, authority: &Authority, names: &[&str], lines: &str) -> Site {
    let place =
        format!("directory = \"https://localhost:{}/dir\"\nca_file = {:?}\n", authority.api.number(), authority.ca());
    let listen = format!("imaps = \"127.0.0.1:0\"\nhttps = \"{}\"\n", authority.tls_port.address());
    Site::listening(&listen, &tables(simulator, &place, names, lines))
}

fn tables(simulator: &Simulator, authority: &str, names: &[&str], lines: &str) -> String {
    format!(
        "[tls.acme]\naccept_terms = true\nnames = {names:?}\n{authority}{lines}\
         [exchange.main]\nurl = \"{}\"\nauth = \"basic\"\nallow_http = true\n",
        simulator.ews
    )
}

/// What OpenSSL's client sees.
fn tls(at: &str, name: &str, more: &[&str]) -> String {
    let out = Command::new("openssl")
        .args(["s_client", "-connect", at, "-servername", name])
        .args(more)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&out.stdout).into_owned()
}

fn curl(ca: &Path, url: &str) -> Option<Vec<u8>> {
    let out = Command::new("curl").args(["--silent", "--fail", "--cacert"]).arg(ca).arg(url).output().unwrap();
    out.status.success().then_some(out.stdout)
}

fn quiet(name: &str) -> Command {
    let mut command = Command::new(name);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}
