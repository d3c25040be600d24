//! Device passwords from the operator's side and the client's: made, used for what they are for, revoked; and accounts that
//! are let in or not.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use exgate_tests::{Dav, Gateway, Imap, Options, PASSWORD, Reply, Site, Smtp, Status, USER, event, eventually, letter};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

fn exgate(site: &Site, words: &[&str], password: &str) -> Output {
    site.exgate(words, password)
}

fn fine(site: &Site, words: &[&str]) -> String {
    site.fine(words)
}

/// A device password for [`USER`].
fn add(site: &Site, words: &[&str]) -> String {
    fine(site, &[&["device", "add", USER, "--name", "Phone"], words].concat())
}

async fn imap(gateway: &Gateway, password: &str) -> Result<Imap, String> {
    let mut imap = gateway.connect().await;
    let answer = imap.command(&format!("LOGIN {USER} {password}")).await;
    if answer.status == Status::Ok { Ok(imap) } else { Err(answer.text) }
}

async fn smtp(gateway: &Gateway, password: &str) -> Result<Smtp, Reply> {
    let mut smtp = Smtp::connect(gateway.submission).await.unwrap();
    smtp.ask("EHLO client.demo.test").await.unwrap();
    let reply = smtp.ask(&format!("AUTH PLAIN {}", STANDARD.encode(format!("\0{USER}\0{password}")))).await.unwrap();
    if reply.code == 235 { Ok(smtp) } else { Err(reply) }
}

/// What a look at a collection is answered with.
async fn dav(gateway: &Gateway, password: &str, kind: &str) -> u16 {
    let dav = Dav::of(gateway.http, USER, password);
    dav.ask("PROPFIND", &Dav::collection(kind), &[("Depth", "0")], "").await.status.as_u16()
}

/// Reads until the connection is closed, and says what came.
async fn ended(mut imap: Imap) -> String {
    String::from_utf8(imap.read_to_end().await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_device_password_opens_everything_and_is_nowhere() {
    let simulator = Options::preset("empty").start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let password = add(&site, &[]);
    assert_eq!(password.split('-').map(str::len).collect::<Vec<_>>(), [8, 6, 6, 6, 6]);

    let mut session = imap(&gateway, &password.to_uppercase()).await.unwrap();
    session.ok("ID (\"name\" \"Test Mail\")").await;
    session.select("INBOX").await;
    let mut sending = smtp(&gateway, &password).await.unwrap();
    assert_eq!(
        sending
            .send("", format!("From: {USER}\r\nSubject: Sent\r\n\r\nHello\r\n").as_bytes(), &[USER])
            .await
            .unwrap()
            .code,
        250
    );
    assert_eq!(dav(&gateway, &password, "calendar").await, 207);
    assert_eq!(dav(&gateway, &password, "contacts").await, 207);
    // Exchange's own still works beside it.
    imap(&gateway, PASSWORD).await.unwrap();

    eventually("programs and use are noted", Duration::from_secs(10), async || {
        let shown = fine(&site, &["account", "show", USER]);
        let (used, named) = (!shown.contains("  never"), shown.contains("Test Mail  imap  1  127.0.0.1"));
        (used && named && shown.contains("client.demo.test  submission  1")).then_some(())
    })
    .await;
    // A file that is stolen opens nothing, and no log tells.
    let log = site.path().join("stderr");
    let secret = &password[9..];
    for path in files(&site.state()).chain([log.clone()]) {
        let bytes = std::fs::read(&path).unwrap();
        for word in [PASSWORD, secret, &secret[..6]] {
            assert!(!bytes.windows(word.len()).any(|window| window == word.as_bytes()), "{word} in {}", path.display());
        }
    }
    // What is wrong by one letter, for somebody else, or of nobody is refused, and Exchange is not asked.
    let before = simulator.stats().await.requests();
    let end = if password.ends_with('2') { "3" } else { "2" };
    let wrong = format!("{}{end}", &password[..password.len() - 1]);
    let nobodys = format!("{}{}", if password.starts_with("22") { "33" } else { "22" }, &password[2..]);
    let guess = wrong.clone();
    for password in [wrong, nobodys] {
        let refused = imap(&gateway, &password).await.err().unwrap();
        assert!(refused.starts_with("[AUTHENTICATIONFAILED] This device password is not right"), "{refused}");
    }
    assert_eq!(simulator.stats().await.requests(), before);
    // Whoever guesses is answered later and later; whoever knows is let in at once.
    let (mut guesses, began) = (Vec::new(), Instant::now());
    for _ in 0..5 {
        assert!(imap(&gateway, &guess).await.is_err());
        guesses.push(began.elapsed());
    }
    assert!(guesses[4] - guesses[2] >= Duration::from_millis(750), "{guesses:?}");
    imap(&gateway, &password).await.unwrap();
    let began = Instant::now();
    assert!(imap(&gateway, &guess).await.is_err());
    assert!(began.elapsed() < guesses[4] - guesses[3], "it is forgotten");
    gateway.stop().await;
}

#[tokio::test]
async fn each_scope_opens_its_protocol_and_no_other() {
    let simulator = Options::preset("empty").start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    for scope in ["mail", "submit", "calendar", "contacts", "directory"] {
        let password = add(&site, &["--scope", scope]);
        let reached = imap(&gateway, &password).await.map(drop);
        let wanted = "[AUTHORIZATIONFAILED] This device password is for ";
        assert!(
            if scope == "mail" { reached.is_ok() } else { reached.clone().unwrap_err().starts_with(wanted) },
            "{scope} {reached:?}"
        );
        let reached = smtp(&gateway, &password).await.map(drop);
        assert!(
            if scope == "submit" { reached.is_ok() } else { reached.as_ref().unwrap_err().code == 535 },
            "{scope} {reached:?}"
        );
        assert_eq!(dav(&gateway, &password, "calendar").await, if scope == "calendar" { 207 } else { 403 }, "{scope}");
        assert_eq!(dav(&gateway, &password, "contacts").await, if scope == "contacts" { 207 } else { 403 }, "{scope}");
    }
    // Nor by naming the other half where the first one is asked.
    let contacts = Dav::of(gateway.http, USER, &add(&site, &["--scope", "contacts"]));
    let object = format!("{}plans.ics", Dav::collection("calendar"));
    let text = event("plans@tests", "DTSTART:20260301T090000Z\nDTEND:20260301T100000Z\nSUMMARY:Secret plans");
    assert_eq!(gateway.dav().put(&object, &text).await.status, 201);
    let report = format!(
        "<C:calendar-multiget xmlns=\"DAV:\" xmlns:C=\"urn:ietf:params:xml:ns:caldav\"><prop><C:calendar-data/></prop>\
         <href>{object}</href></C:calendar-multiget>"
    );
    for path in [Dav::collection("contacts"), "/dav/".to_owned()] {
        let answer = contacts.ask("REPORT", &path, &[], report.as_str()).await;
        assert!(!answer.text.contains("Secret plans"), "{path}: {}", answer.text);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn what_is_for_reading_changes_nothing() {
    let simulator = Options::preset("large:3").start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let password = add(&site, &["--read-only"]);
    let mut reader = imap(&gateway, &password).await.unwrap();
    let selected = reader.ok("SELECT INBOX").await;
    assert!(selected.text.starts_with("[READ-ONLY]"), "{}", selected.text);
    reader.ok("FETCH 1 BODY[]").await;
    for command in [
        "STORE 1 +FLAGS (\\Seen)",
        "COPY 1 INBOX",
        "MOVE 1 INBOX",
        "EXPUNGE",
        "CREATE Neu",
        "DELETE Neu",
        "RENAME INBOX Alt",
        "SUBSCRIBE INBOX",
        "SETMETADATA INBOX (/private/comment \"x\")",
    ] {
        let answer = reader.command(command).await;
        assert!(answer.status == Status::No && answer.text.starts_with("[NOPERM]"), "{command}: {}", answer.text);
    }
    let answer = reader.try_append("INBOX", "", &letter("no")).await.unwrap();
    assert!(answer.text.contains("[NOPERM]"), "{}", answer.text);
    let refused = smtp(&gateway, &password).await.err().unwrap();
    assert_eq!(refused.code, 535);
    let dav = Dav::of(gateway.http, USER, &password);
    let object = format!("{}plans.ics", Dav::collection("calendar"));
    let text = event("plans@tests", "DTSTART:20260301T090000Z\nDTEND:20260301T100000Z\nSUMMARY:Plans");
    assert_eq!(dav.put(&object, &text).await.status, 403);
    assert_eq!(dav.list(&Dav::collection("calendar")).await, gateway.dav().list(&Dav::collection("calendar")).await);
    gateway.stop().await;
}

#[tokio::test]
async fn revoking_ends_sessions_within_a_second_and_survives_a_crash() {
    let simulator = Options::preset("empty").start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let (first, second) = (add(&site, &[]), add(&site, &[]));
    let mut idle = imap(&gateway, &first).await.unwrap();
    idle.select("INBOX").await;
    idle.begin("IDLE").await.unwrap();
    assert!(idle.read().await.unwrap().0.starts_with(b"+"));
    let mut other = imap(&gateway, &second).await.unwrap();
    let mut sending = smtp(&gateway, &first).await.unwrap();
    assert_eq!(dav(&gateway, &first, "calendar").await, 207);

    fine(&site, &["device", "revoke", "1"]);
    let revoked = Instant::now();
    let said = ended(idle).await;
    assert!(revoked.elapsed() < Duration::from_secs(1), "{:?}", revoked.elapsed());
    assert!(said.contains("* BYE [AUTHORIZATIONFAILED] This device password was revoked"), "{said}");
    let said = sending.read().await.unwrap();
    assert_eq!((said.code, said.text.contains("revoked")), (421, true));
    assert_eq!(dav(&gateway, &first, "calendar").await, 401);
    let refused = imap(&gateway, &first).await.err().unwrap();
    assert!(refused.contains("was revoked"), "{refused}");
    other.ok("NOOP").await;

    gateway.kill().await;
    let gateway = site.start().await;
    assert!(imap(&gateway, &first).await.is_err());
    imap(&gateway, &second).await.unwrap();
    assert!(fine(&site, &["device", "list", USER]).lines().nth(1).unwrap().contains("revoked"));
    gateway.stop().await;
}

#[tokio::test]
async fn networks_and_time_are_kept_to() {
    let simulator = Options::preset("empty").start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let elsewhere = add(&site, &["--network", "192.0.2.0/24,2001:db8::/32"]);
    let refused = imap(&gateway, &elsewhere).await.err().unwrap();
    assert!(
        refused.starts_with("[AUTHORIZATIONFAILED] This device password is not for use from this network"),
        "{refused}"
    );
    assert_eq!(dav(&gateway, &elsewhere, "calendar").await, 403);
    imap(&gateway, &add(&site, &["--network", "127.0.0.0/8"])).await.unwrap();

    let soon = Timestamp::from_second(Timestamp::now().as_second() + 5).unwrap();
    let short = add(&site, &["--expires", &soon.to_string()]);
    let session = imap(&gateway, &short).await.unwrap();
    let said = ended(session).await;
    let late = Timestamp::now().duration_since(soon);
    assert!(late >= SignedDuration::ZERO && late < SignedDuration::from_secs(1), "{late}");
    assert!(said.contains("has expired"), "{said}");
    assert!(imap(&gateway, &short).await.err().unwrap().contains("has expired"));
    gateway.stop().await;
}

#[tokio::test]
async fn a_password_that_exchange_takes_no_more_is_told() {
    let simulator = Options::preset("empty").start().await;
    let site = Site::new(&simulator);
    let refused = exgate(&site, &["device", "add", USER, "--name", "Phone"], "wrong");
    assert!(!refused.status.success() && refused.stdout.is_empty());
    assert_eq!(fine(&site, &["device", "list"]).lines().count(), 1, "nothing is kept");
    let gateway = site.start().await;
    let password = add(&site, &[]);
    simulator.post(&format!("/password?user={USER}"), b"another".to_vec()).await;
    let refused = imap(&gateway, &password).await.err().unwrap();
    assert!(refused.contains("[AUTHENTICATIONFAILED] Exchange does not take what is remembered"), "{refused}");
    gateway.stop().await;
}

#[tokio::test]
async fn an_organisation_may_take_device_passwords_only() {
    let simulator = Options::preset("empty").start().await;
    let site = Site::with(&simulator, "domains = [\"demo.test\"]\ndevice_passwords = \"required\"\n");
    let gateway = site.start().await;
    let refused = imap(&gateway, PASSWORD).await.err().unwrap();
    assert!(refused.contains("[AUTHENTICATIONFAILED] Only device passwords are taken here"), "{refused}");
    assert_eq!(smtp(&gateway, PASSWORD).await.err().unwrap().code, 535);
    assert_eq!(dav(&gateway, PASSWORD, "calendar").await, 401);
    imap(&gateway, &add(&site, &[])).await.unwrap();
    gateway.stop().await;
}

#[tokio::test]
async fn a_service_account_needs_no_password_remembered() {
    let simulator =
        Options::preset("empty").user("svc@demo.test").with("--impersonator", "svc@demo.test").start().await;
    let lines = "domains = [\"demo.test\"]\nmode = \"impersonation\"\n\
                 [exchange.main.service]\nuser = \"svc@demo.test\"\npassword = \"demo-alice\"\n";
    let site = Site::with(&simulator, lines);
    let gateway = site.start().await;
    let password = add(&site, &[]);
    // Nothing of it is needed.
    simulator.post(&format!("/password?user={USER}"), b"another".to_vec()).await;
    imap(&gateway, &password).await.unwrap().select("INBOX").await;
    gateway.kill().await;
    let gateway = site.start().await;
    imap(&gateway, &password).await.unwrap().select("INBOX").await;
    gateway.stop().await;
}

#[tokio::test]
async fn accounts_wait_are_let_in_changed_and_blocked() {
    let simulator = Options::preset("empty").user("bob@demo.test").start().await;
    let site = Site::with(&simulator, "domains = [\"demo.test\"]\n[accounts]\napproval = \"manual\"\n");
    let gateway = site.start().await;
    let refused = imap(&gateway, PASSWORD).await.err().unwrap();
    assert!(refused.starts_with("[AUTHORIZATIONFAILED] This account waits for an administrator"), "{refused}");
    assert_eq!(dav(&gateway, PASSWORD, "calendar").await, 403);
    assert!(fine(&site, &["account", "list", "--match", "state=pending"]).contains(USER));
    fine(&site, &["account", "approve", USER]);
    let session = imap(&gateway, PASSWORD).await.unwrap();

    fine(&site, &["account", "set", USER, "--label", "dept=sales"]);
    let changed = fine(&site, &["account", "set", "--match", "dept=sales", "--off", "submit,calendar"]);
    assert_eq!(changed, "1 accounts are changed");
    assert_eq!(smtp(&gateway, PASSWORD).await.err().unwrap().code, 535);
    assert_eq!((dav(&gateway, PASSWORD, "calendar").await, dav(&gateway, PASSWORD, "contacts").await), (403, 207));
    fine(&site, &["account", "block", USER]);
    let said = ended(session).await;
    assert!(said.contains("This account is blocked"), "{said}");
    // By whatever name.
    let mut imap = gateway.connect().await;
    let answer = imap.command(&format!("LOGIN {} {PASSWORD}", USER.split('@').next().unwrap())).await;
    assert!(answer.status == Status::No && answer.text.contains("is blocked"), "{}", answer.text);

    let verified = fine(&site, &["audit", "verify"]);
    let head = verified.lines().nth(1).unwrap().to_owned();
    fine(&site, &["account", "remove", USER, "--purge"]);
    assert!(exgate(&site, &["account", "show", USER], "").status.code() == Some(2));
    let shown = fine(&site, &["audit", "show", "--account", USER]);
    for action in ["account.new", "account.state", "account.label", "account.protocols", "account.remove"] {
        assert!(shown.contains(action), "{action} in {shown}");
    }
    fine(&site, &["audit", "verify", "--head", &head]);
    gateway.stop().await;
}

#[tokio::test]
async fn rules_keep_programs_and_networks_out() {
    let simulator = Options::preset("empty").start().await;
    let lines = "domains = [\"demo.test\"]\n\
                 [[accounts.rules]]\nverdict = \"block\"\nprogram = \"*Outlook*\"\nsay = \"Use the new program.\"\n\
                 [[accounts.rules]]\nverdict = \"block\"\nprotocol = [\"submission\"]\nnetwork = [\"127.0.0.0/8\"]\n\
                 [[accounts.rules]]\nverdict = \"block\"\nlabel = \"dept=sales\"\n";
    let site = Site::with(&simulator, lines);
    let gateway = site.start().await;
    assert_eq!(smtp(&gateway, PASSWORD).await.err().unwrap().code, 535);
    let dav = gateway.dav();
    let look = async |agent: &str| {
        let headers = [("Depth", "0"), ("User-Agent", agent)];
        dav.ask("PROPFIND", &Dav::collection("calendar"), &headers, "").await
    };
    assert_eq!(look("Calendar/1.0").await.status, 207);
    let refused = look("Microsoft Outlook 16").await;
    assert_eq!((refused.status.as_u16(), refused.text.trim()), (403, "Use the new program."));
    // By IMAP a program says what it is before it signs in, or afterwards.
    let mut early = gateway.connect().await;
    early.ok("ID (\"name\" \"Outlook\")").await;
    let answer = early.command(&format!("LOGIN {USER} {PASSWORD}")).await;
    assert_eq!((answer.status, answer.text.as_str()), (Status::No, "[AUTHORIZATIONFAILED] Use the new program."));
    let (mut good, mut late) = (gateway.login().await, gateway.login().await);
    good.ok("ID (\"name\" \"Test Mail\")").await;
    late.begin("ID (\"name\" \"Outlook\")").await.unwrap();
    let said = ended(late).await;
    assert!(said.contains("* BYE [AUTHORIZATIONFAILED] Use the new program."), "{said}");
    good.ok("NOOP").await;
    fine(&site, &["account", "set", USER, "--label", "dept=sales"]);
    let said = ended(good).await;
    assert!(said.contains("A rule of the administrator"), "{said}");
    gateway.stop().await;
}

#[tokio::test]
async fn mistakes_are_told_in_a_sentence() {
    let simulator = Options::preset("empty").start().await;
    let site = Site::new(&simulator);
    for (words, sentence) in [
        (&["device", "revoke", "77"][..], "there is no device 77"),
        (&["device", "add", "zoe@other.test", "--name", "x"], "no Exchange server is set up for zoe@other.test"),
        (&["account", "approve", "zoe@demo.test"], "there is no account zoe@demo.test"),
        (&["account", "set", "--on", "mail"], "say whose accounts"),
        (&["account", "set", "--match", "dept=sales", "--on", "mail"], "no account matches"),
        (&["account", "remove", "zoe@demo.test", "--purge"], "there is no account zoe@demo.test"),
        (&["audit", "verify", "--head", "7:ab"], "entry 7 of the audit log is gone"),
    ] {
        let output = exgate(&site, words, PASSWORD);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(sentence), "{words:?}: {said}");
        assert_eq!(said.trim().lines().count(), 1, "{said}");
    }
}

fn files(directory: &Path) -> Box<dyn Iterator<Item = std::path::PathBuf>> {
    let entries: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    Box::new(entries.into_iter().flat_map(|path| -> Box<dyn Iterator<Item = _>> {
        if path.is_dir() { files(&path) } else { Box::new(std::iter::once(path)) }
    }))
}
