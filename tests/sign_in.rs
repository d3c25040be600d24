//! Whoever signs in, by whatever name and scheme, themselves or through a service account, gets their own mailbox.

use exgate_tests::{Gateway, Options, PASSWORD, Port, Simulator, Site, Status, USER, certificates, letter};
use tempfile::TempDir;

/// Three forms of a name, and one without a domain: N6 of the list of features.
const NAMES: [&str; 4] = ["alice@demo.test", "CORP\\alice", "corp\\Alice", "alice"];

async fn subjects(gateway: &Gateway, name: &str) -> u32 {
    let mut imap = gateway.connect().await;
    imap.ok(&format!("LOGIN \"{}\" {PASSWORD}", name.replace('\\', "\\\\"))).await;
    imap.select("INBOX").await.exists
}

#[tokio::test]
async fn each_form_of_a_name_works_with_each_scheme_and_has_one_state() {
    for auth in ["basic", "ntlm", "negotiate"] {
        let simulator = Options::preset("empty").with("--netbios", "CORP").with("--auth", auth).start().await;
        simulator.deliver("inbox", &letter("one")).await;
        let site = Site::tables(&format!(
            "[exchange.main]\nurl = \"{}\"\nauth = \"{auth}\"\ndomains = [\"demo.test\"]\ndefault_domain = \"CORP\"\n",
            simulator.ews
        ));
        let gateway = site.start().await;
        for name in NAMES {
            assert_eq!(subjects(&gateway, name).await, 1, "{auth} {name}");
        }
        gateway.stop().await;
        let maps = std::fs::read_dir(site.state().join("maps/main")).unwrap().flatten();
        let maps: Vec<_> =
            maps.filter(|file| file.path().extension().is_some_and(|ending| ending == "idmap")).collect();
        assert_eq!(maps.len(), 1, "{auth}: {maps:?}");
    }
}

const SERVICE: &str = "mode = \"impersonation\"\nservice = { user = \"svc@demo.test\", password = \"demo-alice\" }\n";

async fn served(scope: &str) -> (Simulator, Site) {
    let simulator = Options::preset("empty").user("svc@demo.test").user("bert@demo.test");
    let simulator = simulator.with("--impersonator", scope).flag("--require-anchor").start().await;
    let site = Site::with(&simulator, &format!("domains = [\"demo.test\"]\n{SERVICE}"));
    (simulator, site)
}

#[tokio::test]
async fn a_service_account_does_the_work_and_users_show_their_own_passwords() {
    let (simulator, site) = served("svc@demo.test").await;
    simulator.deliver("inbox", &letter("for alice")).await;
    let gateway = site.start().await;
    assert_eq!(subjects(&gateway, USER).await, 1);
    let mut imap = gateway.connect().await;
    imap.ok(&format!("LOGIN bert@demo.test {PASSWORD}")).await;
    assert_eq!(imap.select("INBOX").await.exists, 0);
    let mut imap = gateway.connect().await;
    let answer = imap.command(&format!("LOGIN {USER} wrong")).await;
    assert_eq!(answer.status, Status::No, "somebody else's password is no password");
    gateway.stop().await;
}

#[tokio::test]
async fn outside_its_scope_a_service_account_opens_nothing() {
    let (_simulator, site) = served("svc@demo.test:bert@demo.test").await;
    let gateway = site.start().await;
    let mut imap = gateway.connect().await;
    let answer = imap.command(&format!("LOGIN {USER} {PASSWORD}")).await;
    assert_eq!(answer.status, Status::No);
    let mut imap = gateway.connect().await;
    imap.ok(&format!("LOGIN bert@demo.test {PASSWORD}")).await;
    gateway.stop().await;
    let log = std::fs::read_to_string(site.path().join("stderr")).unwrap();
    assert!(log.contains("ApplicationImpersonation"), "{log}");
}

#[tokio::test]
async fn the_server_is_found_by_autodiscover_and_known_after_a_restart() {
    let dir = TempDir::new().unwrap();
    certificates(dir.path(), &["demo.test", "autodiscover.demo.test", "mail.demo.test"]).await;
    let [asked, served] = [Port::free(), Port::free()];
    let file = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
    let simulator = Options::preset("empty")
        .with("--tls-listen", &served.address().to_string())
        .with("--tls-cert", &file("valid.pem"))
        .with("--tls-key", &file("valid.key"))
        .with("--autodiscover", &asked.address().to_string())
        .with("--ews-url", "https://mail.demo.test/EWS/Exchange.asmx")
        .with("--proxy", "127.0.0.1:0")
        .with("--proxy-map", &format!("autodiscover.demo.test:443={}", asked.address()))
        .with("--proxy-map", &format!("mail.demo.test:443={}", served.address()))
        .start()
        .await;
    let site = Site::tables(&format!(
        "[exchange.main]\ndomains = [\"demo.test\"]\nca_file = \"{}\"\negress = {{ proxy = \"{}\" }}\n",
        file("ca.pem"),
        simulator.place("proxy-1")
    ));
    let gateway = site.start().await;
    assert_eq!(subjects(&gateway, USER).await, 0);
    gateway.stop().await;
    let asked_so_far = times_asked(&simulator).await;
    assert!(asked_so_far > 0);
    let gateway = site.start().await;
    simulator.deliver("inbox", &letter("later")).await;
    assert_eq!(subjects(&gateway, USER).await, 1);
    assert_eq!(times_asked(&simulator).await, asked_so_far, "a restart does not depend on Autodiscover");
    gateway.stop().await;
}

/// How often something was sent to Autodiscover.
async fn times_asked(simulator: &Simulator) -> usize {
    simulator.get("/proxy").await.to_string().matches("autodiscover.demo.test").count()
}
