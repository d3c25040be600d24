//! Capabilities that an operator switches off: for everybody, for a user, for a client by its ID.

use exgate_tests::{Gateway, Imap, Options, PASSWORD, Simulator, Site, Status, USER};

const BERT: &str = "bert@demo.test";
const RULES: &str = r#"
[imap]
off = ["NOTIFY", "IMAP4rev2"]

[[imap.off_for]]
user = "Alice@demo.test"
off = ["QRESYNC"]

[[imap.off_for]]
client = "mover *"
off = ["MOVE", "UIDONLY"]

[[imap.off_for]]
client = "Reader"
user = "bert@demo.test"
off = ["IDLE"]
"#;

async fn exchange() -> Simulator {
    Options::preset("empty").user(BERT).start().await
}

async fn login(gateway: &Gateway, user: &str) -> (Imap, Vec<String>) {
    let mut imap = gateway.connect().await;
    let answer = imap.ok(&format!("LOGIN {user} {PASSWORD}")).await;
    let listed = answer.text.split_once("[CAPABILITY ").and_then(|(_, rest)| rest.split_once(']')).unwrap().0;
    let told: Vec<String> = listed.split(' ').map(str::to_owned).collect();
    assert_eq!(told, offered(&mut imap).await, "what LOGIN tells is what CAPABILITY tells");
    (imap, told)
}

async fn offered(imap: &mut Imap) -> Vec<String> {
    imap.ok("CAPABILITY").await.words("CAPABILITY")
}

fn has(offered: &[String], name: &str) -> bool {
    offered.iter().any(|offered| offered == name)
}

/// What ENABLE answers.
async fn enabled(imap: &mut Imap, names: &str) -> Vec<String> {
    imap.ok(&format!("ENABLE {names}")).await.words("ENABLED")
}

#[tokio::test]
async fn nobody_is_offered_what_is_off() {
    let simulator = exchange().await;
    let site = Site::with(&simulator, &format!("domains = [\"demo.test\"]\n{RULES}"));
    let gateway = site.start().await;
    let before = offered(&mut gateway.connect().await).await;
    for (user, name) in [(USER, "alice"), (BERT, "bert")] {
        let (mut imap, told) = login(&gateway, user).await;
        for off in ["NOTIFY", "IMAP4rev2"] {
            assert!(!has(&told, off) && !has(&before, off), "{name} is offered {off}");
        }
        assert_eq!(enabled(&mut imap, "IMAP4rev2 CONDSTORE").await, ["CONDSTORE"], "{name}");
    }
    // Who has not signed in nor said what it is may be anybody.
    assert!(["QRESYNC", "MOVE", "UIDONLY", "IDLE"].iter().all(|name| has(&before, name)));
    gateway.stop().await;
}

#[tokio::test]
async fn a_user_is_not_offered_what_is_off_for_them() {
    let simulator = exchange().await;
    let site = Site::with(&simulator, &format!("domains = [\"demo.test\"]\n{RULES}"));
    let gateway = site.start().await;
    let (mut imap, told) = login(&gateway, USER).await;
    assert!(!has(&told, "QRESYNC") && has(&told, "CONDSTORE") && has(&told, "MOVE"), "{told:?}");
    assert_eq!(enabled(&mut imap, "QRESYNC CONDSTORE").await, ["CONDSTORE"]);
    assert_eq!(imap.command("SELECT INBOX (QRESYNC (1 1))").await.status, Status::Bad);
    imap.ok("SELECT INBOX (CONDSTORE)").await;

    let (mut imap, told) = login(&gateway, BERT).await;
    assert!(has(&told, "QRESYNC"), "{told:?}");
    assert_eq!(enabled(&mut imap, "QRESYNC").await, ["QRESYNC"]);
    gateway.stop().await;
}

#[tokio::test]
async fn a_client_is_not_offered_what_is_off_for_it() {
    let simulator = exchange().await;
    let site = Site::with(&simulator, &format!("domains = [\"demo.test\"]\n{RULES}"));
    let gateway = site.start().await;
    // By its ID, told before signing in or after.
    let mut imap = gateway.connect().await;
    imap.ok("ID (\"name\" \"Mover 3\" \"version\" \"1\")").await;
    assert!(!has(&offered(&mut imap).await, "MOVE"));
    let (mut imap, told) = login(&gateway, BERT).await;
    assert!(has(&told, "MOVE") && has(&told, "UIDONLY") && has(&told, "IDLE"), "{told:?}");
    imap.ok("ID (\"name\" \"Mover 3\")").await;
    let told = offered(&mut imap).await;
    assert!(!has(&told, "MOVE") && has(&told, "IDLE"), "{told:?}");
    assert_eq!(enabled(&mut imap, "UIDONLY QRESYNC").await, ["QRESYNC"]);

    // That client of that user, and no other of either.
    for (user, client, idles) in [(BERT, "Reader", false), (BERT, "Mutt", true), (USER, "Reader", true)] {
        let (mut imap, _) = login(&gateway, user).await;
        imap.ok(&format!("ID (\"name\" \"{client}\")")).await;
        assert_eq!(has(&offered(&mut imap).await, "IDLE"), idles, "{client} of {user}");
    }
    gateway.stop().await;
}

/// Outlook's synchronisation by Microsoft's servers is not offered UIDONLY, unless the operator says otherwise of it.
#[tokio::test]
async fn a_known_quirk_is_heeded_until_the_operator_decides() {
    let simulator = exchange().await;
    for (rules, offers) in [("", false), ("[[imap.off_for]]\nclient = \"Microsoft Office 365\"\noff = []\n", true)] {
        let site = Site::with(&simulator, &format!("domains = [\"demo.test\"]\n{rules}"));
        let gateway = site.start().await;
        let mut imap = gateway.connect().await;
        imap.ok("ID (\"name\" \"Microsoft Office 365\")").await;
        imap.ok(&format!("LOGIN {USER} {PASSWORD}")).await;
        assert_eq!(has(&offered(&mut imap).await, "UIDONLY"), offers, "{rules}");
        gateway.stop().await;
    }
}
