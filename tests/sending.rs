//! What is sent through the whole gateway is what arrives, with those it is for and nobody else, and is filed once.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use exgate_tests::{Dav, Gateway, Imap, Options, PASSWORD, Simulator, Site, Smtp, USER, eventually};
use serde_json::{Value, json};

const BOB: &str = "bob@demo.test";

/// A message to bob with these further fields, and this body with the fields that describe it.
fn message(key: &str, fields: &str, body: &str) -> Vec<u8> {
    format!(
        "From: Alice <{USER}>\r\nTo: Bob <{BOB}>\r\nSubject: Letter {key}\r\nMessage-ID: <{key}@client.demo.test>\r\n\
         Date: Mon, 02 Mar 2026 09:30:00 +0100\r\n{fields}MIME-Version: 1.0\r\n{body}"
    )
    .into_bytes()
}

fn letter(key: &str, fields: &str) -> Vec<u8> {
    message(key, fields, "Content-Type: text/plain; charset=us-ascii\r\n\r\nA letter.\r\n")
}

/// Sends, and it is taken.
async fn send(gateway: &Gateway, message: &[u8], recipients: &[&str]) {
    send_with(gateway, "", message, recipients).await;
}

async fn send_with(gateway: &Gateway, parameters: &str, message: &[u8], recipients: &[&str]) {
    let mut smtp = Smtp::sign_in(gateway.submission).await.unwrap();
    let reply = smtp.send(parameters, message, recipients).await.unwrap();
    assert_eq!(reply.code, 250, "{}", reply.text);
    smtp.ask("QUIT").await.unwrap();
}

/// What is said in the end, or first against it.
async fn told(gateway: &Gateway, message: &[u8], recipients: &[&str]) -> String {
    let mut smtp = Smtp::sign_in(gateway.submission).await.unwrap();
    let reply = smtp.send("", message, recipients).await.unwrap();
    format!("{} {}", reply.code, reply.text)
}

async fn login(gateway: &Gateway, user: &str) -> Imap {
    let mut imap = gateway.connect().await;
    imap.ok(&format!("LOGIN {user} {PASSWORD}")).await;
    imap
}

/// The UID and the octets of the one message of this key in a folder, once it is there.
async fn arrived(imap: &mut Imap, folder: &str, key: &str) -> (u32, Vec<u8>) {
    for _ in 0..600 {
        imap.select(folder).await;
        let found = imap.ok(&format!("UID SEARCH HEADER Message-ID {key}@client.demo.test")).await.words("SEARCH");
        assert!(found.len() <= 1, "{key} is there {} times", found.len());
        if let Some(uid) = found.first() {
            let answer = imap.ok(&format!("UID FETCH {uid} (UID BODY.PEEK[])")).await;
            let fetch = answer.fetches().next().expect("the message");
            return (fetch.uid(), fetch.bytes("BODY[]").to_vec());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{key} has not come");
}

async fn site(options: Options) -> (Simulator, Site, Gateway) {
    let simulator = options.start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    (simulator, site, gateway)
}

/// How often a message was sent and kept, and reached each recipient, as Exchange counts it.
async fn counts(simulator: &Simulator, key: &str) -> Value {
    let id = format!("<{key}@client.demo.test>");
    eventually("Exchange has sent it", Duration::from_secs(60), async || {
        let all = simulator.get("/deliveries/counts").await;
        all.get(&id).cloned()
    })
    .await
}

/// RFC 6531, 6152: addresses, header and text in any script.
#[tokio::test]
async fn text_in_any_script_arrives() {
    let (simulator, _site, gateway) = site(Options::preset("empty").user(BOB)).await;
    let text = message(
        "script",
        "Subject: Grüße aus 東京\r\n",
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nÄhre, wem Ähre gebührt\r\n",
    );
    let text = String::from_utf8(text).unwrap().replacen("Subject: Letter script\r\n", "", 1);
    let recipients = [BOB, "jörg@grüße.example"];
    send_with(&gateway, " BODY=8BITMIME SMTPUTF8", text.as_bytes(), &recipients).await;
    let mut imap = login(&gateway, BOB).await;
    let (uid, _) = arrived(&mut imap, "INBOX", "script").await;
    imap.ok("ENABLE UTF8=ACCEPT").await;
    imap.select("INBOX").await;
    for criterion in ["SUBJECT \"Grüße aus 東京\"", "BODY \"wem Ähre gebührt\""] {
        let found = imap.ok(&format!("UID SEARCH {criterion}")).await.words("SEARCH");
        assert_eq!(found, [uid.to_string()], "{criterion}");
    }
    let counts = counts(&simulator, "script").await;
    assert!(counts.to_string().contains("jörg@"), "{counts}");
    let mut smtp = Smtp::sign_in(gateway.submission).await.unwrap();
    let reply = smtp.send("", text.as_bytes(), &recipients).await.unwrap();
    assert_eq!(reply.code, 553, "an address in another script without SMTPUTF8: {}", reply.text);
}

#[tokio::test]
async fn a_thousand_recipients_get_it_once_each() {
    let (simulator, _site, gateway) = site(Options::preset("empty").user(BOB).with("--max-recipients", "1000")).await;
    let names: Vec<String> = (1..1000).map(|number| format!("reader{number}@elsewhere.example")).collect();
    let recipients: Vec<&str> = names.iter().map(String::as_str).chain([BOB]).collect();
    send(&gateway, &letter("many", ""), &recipients).await;
    let (_, text) = arrived(&mut login(&gateway, BOB).await, "INBOX", "many").await;
    assert!(!String::from_utf8_lossy(&text).contains("elsewhere.example"), "nobody sees who else has it");
    let counts = counts(&simulator, "many").await;
    assert_eq!((&counts["sent"], &counts["copies"]), (&json!(1), &json!(1)), "{counts}");
    let reached: BTreeMap<String, u64> = serde_json::from_value(counts["reached"].clone()).unwrap();
    assert_eq!(reached.len(), 1000);
    assert!(reached.values().all(|times| *times == 1), "{reached:?}");
}

/// What readers and filters go by.
#[tokio::test]
async fn what_a_header_asks_for_is_kept() {
    let (_simulator, _site, gateway) = site(Options::preset("empty").user(BOB)).await;
    let fields = format!(
        "Importance: high\r\nX-Priority: 1\r\nSensitivity: Private\r\nDisposition-Notification-To: {USER}\r\n\
         X-Mailer: A client\r\nX-Case-Number: 4711\r\nReply-To: team@demo.test\r\nReferences: <a@x> <b@x>\r\n"
    );
    send(&gateway, &letter("fields", &fields), &[BOB]).await;
    let (_, text) = arrived(&mut login(&gateway, BOB).await, "INBOX", "fields").await;
    let text = String::from_utf8_lossy(&text).to_lowercase();
    for wanted in [
        "\nimportance: high",
        "\nsensitivity: private",
        "\ndisposition-notification-to:",
        "\nx-case-number: 4711",
        "\nreply-to: ",
        "\nreferences: <a@x> <b@x>",
    ] {
        assert!(text.contains(wanted), "{wanted:?} is not in {text}");
    }
}

/// Signed by another program, sent, delivered, read by its recipient, and verified by that program (RFC 8551).
#[tokio::test]
async fn what_openssl_signed_verifies_at_its_recipient() {
    let (_simulator, site, gateway) = site(Options::preset("empty").user(BOB)).await;
    let file = |name: &str| site.path().join(name);
    let request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=alice", "-days", "2"];
    must(site.path(), "openssl", &[&request[..], &["-keyout", "key.pem", "-out", "cert.pem"]].concat());
    std::fs::write(file("plain"), SIGNED_PART).unwrap();
    for (key, more) in [("detached", &[][..]), ("opaque", &["-nodetach"])] {
        let sign = ["smime", "-sign", "-in", "plain", "-signer", "cert.pem", "-inkey", "key.pem", "-out", "signed"];
        must(site.path(), "openssl", &[&sign[..], &["-crlfeol"], more].concat());
        let body = std::fs::read_to_string(file("signed")).unwrap().replace("\r\n", "\n").replace('\n', "\r\n");
        let body = body.strip_prefix("MIME-Version: 1.0\r\n").unwrap_or(&body);
        send(&gateway, &message(key, "", body), &[BOB]).await;
        let (_, text) = arrived(&mut login(&gateway, BOB).await, "INBOX", key).await;
        std::fs::write(file("read"), text).unwrap();
        must(site.path(), "openssl", &["smime", "-verify", "-in", "read", "-noverify", "-out", "verified"]);
        assert_eq!(std::fs::read_to_string(file("verified")).unwrap(), SIGNED_PART, "{key}");
    }
}

/// The same for OpenPGP (RFC 3156).
#[tokio::test]
async fn what_gnupg_signed_verifies_at_its_recipient() {
    if Command::new("gpg").arg("--version").stdout(Stdio::null()).status().is_err() {
        println!("skipped: there is no gpg on this machine");
        return;
    }
    let (_simulator, site, gateway) = site(Options::preset("empty").user(BOB)).await;
    let home = tempfile::Builder::new().prefix("gpg").tempdir_in("/tmp").unwrap();
    let file = |name: &str| site.path().join(name);
    let gpg = |arguments: &[&str]| {
        let always = ["--homedir", home.path().to_str().unwrap(), "--batch", "--yes", "--pinentry-mode", "loopback"];
        must(site.path(), "gpg", &[&always[..], &["--passphrase", ""], arguments].concat());
    };
    gpg(&["--quick-gen-key", USER, "ed25519", "sign", "never"]);
    std::fs::write(file("part"), SIGNED_PART).unwrap();
    gpg(&["--armor", "--digest-algo", "SHA512", "--detach-sign", "--output", "sig.asc", "part"]);
    let signature = std::fs::read_to_string(file("sig.asc")).unwrap().replace('\n', "\r\n");
    let body = format!(
        "Content-Type: multipart/signed; micalg=pgp-sha512;\r\n protocol=\"application/pgp-signature\"; boundary=\"s\"\r\n\r\n\
         --s\r\n{SIGNED_PART}\r\n--s\r\nContent-Type: application/pgp-signature; name=\"signature.asc\"\r\n\r\n{signature}\r\n--s--\r\n"
    );
    send(&gateway, &message("pgp", "", &body), &[BOB]).await;
    let (_, text) = arrived(&mut login(&gateway, BOB).await, "INBOX", "pgp").await;
    let text = String::from_utf8(text).unwrap();
    let boundary = text.split_once("boundary=").expect("a boundary").1;
    let boundary = boundary.split(['\r', ';']).next().unwrap().trim_matches('"');
    let part = text.split(&format!("--{boundary}\r\n")).nth(1).expect("a first part");
    let part = part.strip_suffix("\r\n").expect("a line end before the boundary");
    std::fs::write(file("read"), part).unwrap();
    gpg(&["--verify", "sig.asc", "read"]);
    assert_eq!(part, SIGNED_PART);
    let _ = Command::new("gpgconf").args(["--homedir", home.path().to_str().unwrap(), "--kill", "all"]).status();
}

/// Whatever was signed, whoever signed it: the part over which a signature stands comes out as it went in, octet for octet,
/// at the recipient and in the sender's Sent Items, also where the header had to change.
#[tokio::test]
async fn what_is_signed_is_never_touched() {
    let (_simulator, _site, gateway) = site(Options::preset("empty").user(BOB)).await;
    let long = format!("Content-Type: text/plain\r\n\r\n{}\r\n{}\r\n", "x".repeat(5000), "word ".repeat(900));
    let parts = SIGNED_PARTS.iter().copied().chain([("long lines", long.as_bytes())]);
    let signed = |part: &[u8]| {
        let head = "Content-Type: multipart/signed; micalg=sha-256;\r\n\tprotocol=\"application/pkcs7-signature\"; boundary=\"=_s 1\"\r\n\r\nPreamble \r\n--=_s 1\r\n";
        let tail = "\r\n--=_s 1\r\nContent-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n\r\nMAA=\r\n--=_s 1--\r\n";
        [head.as_bytes(), part, tail.as_bytes()].concat()
    };
    let send_with_header = async |number: usize, fields: &str, part: &[u8]| {
        let text = [message(&format!("part-{number}"), fields, ""), signed(part)].concat();
        send_with(&gateway, " BODY=8BITMIME", &text, &[BOB]).await;
    };
    let mut all: Vec<(&str, &[u8])> = Vec::new();
    for (number, (what, part)) in parts.enumerate() {
        send_with_header(number, "", part).await;
        all.push((what, part));
    }
    // Bcc is taken out, To is written anew.
    for fields in ["Bcc: carol@elsewhere.example\r\n", "Cc: not-mailed@elsewhere.example\r\n"] {
        let folded = all.iter().find(|(what, _)| *what == "a folded header").expect("it is there").1;
        send_with_header(all.len(), fields, folded).await;
        all.push(("a header that changed", folded));
    }
    let (mut bob, mut alice) = (login(&gateway, BOB).await, gateway.login().await);
    let sent = alice.special("\\Sent").await;
    for (number, (what, part)) in all.iter().enumerate() {
        for (imap, folder) in [(&mut bob, "INBOX"), (&mut alice, sent.as_str())] {
            let (_, text) = arrived(imap, folder, &format!("part-{number}")).await;
            let wanted = [b"\r\n--=_s 1\r\n", *part, b"\r\n--=_s 1\r\n"].concat();
            let is_in = text.windows(wanted.len()).any(|piece| piece == wanted);
            assert!(is_in, "{what} in {folder}: {}", String::from_utf8_lossy(&text));
        }
    }
}

/// What software on the way likes to change.
const SIGNED_PARTS: &[(&str, &[u8])] = &[
    ("trailing blanks", b"Content-Type: text/plain\r\n\r\nblanks   \r\n\t\r\n  \r\n-- \r\nsig\r\n"),
    ("flowed text", "Content-Type: text/plain; charset=utf-8; format=flowed\r\nContent-Transfer-Encoding: 8bit\r\n\r\n> quoted \r\n From here \r\n\u{e4}\u{20ac} \r\n".as_bytes()),
    ("another charset", b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGr\xfc\xdfe\r\n"),
    ("octets that are no text", b"Content-Type: text/plain; charset=us-ascii\r\n\r\n\xff\xfe\x80\r\n"),
    ("lines that begin with From", b"Content-Type: text/plain\r\n\r\nFrom the start\r\n>From quoted\r\nFrom\r\n"),
    ("lines that begin with dots", b"Content-Type: text/plain\r\n\r\n.\r\n..\r\n...\r\n.a\r\n. \r\n.\r\n"),
    ("no last line end", b"Content-Type: text/plain\r\n\r\nno final line end"),
    ("empty lines", b"Content-Type: text/plain\r\n\r\n\r\n\r\nx\r\n\r\n\r\n"),
    ("no text", b"Content-Type: text/plain\r\n\r\n"),
    ("no header", b"\r\nbody\r\n"),
    ("a folded header", b"Content-Type: text/plain;\r\n\tcharset=\"utf-8\";\r\n   format=flowed\r\nContent-Transfer-Encoding:\r\n quoted-printable\r\nContent-Description: a\r\n very \t folded   \r\n header\r\nX-Odd:  two  spaces  \r\n\r\nG=C3=BC =\r\nmore=20\r\n"),
    ("base64 in lines of any length", b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJD\r\nREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0NTY3ODlBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWmFiY2Rl\r\n\r\nZg==\r\n"),
    ("parts and a message within", b"Content-Type: multipart/mixed; boundary=\"in 'n(e)r'\"\r\n\r\npre  \r\n--in 'n(e)r'\r\n\r\nplain\r\n--in 'n(e)r'\r\nContent-Type: message/rfc822\r\n\r\nFrom: x@y\r\nBcc: z@y\r\nSubject: inner\r\n\r\ninner \r\n--in 'n(e)r'--\r\nepilogue \r\n"),
    ("HTML that names two charsets", b"Content-Type: text/html; charset=windows-1252\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<meta charset=3D\"utf-8\">=FC\r\n"),
    ("an invitation", b"Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"),
];

/// Runs a program there, which must succeed.
fn must(place: &Path, program: &str, arguments: &[&str]) {
    let out = Command::new(program).args(arguments).current_dir(place).stdin(Stdio::null()).output().unwrap();
    assert!(out.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
}

/// Everything in it is something that software on the way likes to change.
const SIGNED_PART: &str = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
                           Gr=C3=BC=C3=9Fe  =20\r\n.a dot\r\n--  \r\nFrom here\r\n";

/// A client that files what it has sent finds it filed, under the UID that stays; and Exchange files nothing where the
/// client was first.
#[tokio::test]
async fn the_clients_copy_and_exchanges_are_one() {
    let (simulator, _site, gateway) = site(Options::preset("empty").user(BOB)).await;
    let mut imap = gateway.login().await;
    let sent = imap.special("\\Sent").await;
    for (key, client_first) in [("exchange-first", false), ("client-first", true)] {
        let text = letter(key, "");
        let mut uid = None;
        if client_first {
            uid = Some(imap.append(&sent, "\\Seen", &text).await);
        }
        send(&gateway, &text, &[BOB]).await;
        arrived(&mut login(&gateway, BOB).await, "INBOX", key).await;
        let uid = match uid {
            Some(uid) => uid,
            None => imap.append(&sent, "\\Seen", &text).await,
        };
        if !client_first {
            assert_eq!(imap.append(&sent, "\\Seen", &text).await, uid, "a client that did not hear");
        }
        let (found, bytes) = arrived(&mut imap, &sent, key).await;
        assert_eq!(found, uid, "{key}");
        assert_eq!(bytes, text, "{key}: what the client filed is what it reads");
        let counts = counts(&simulator, key).await;
        assert_eq!(counts["sent"], json!(1), "{counts}");
        assert_eq!(counts["copies"], json!(1), "{counts}");
    }
}

/// Submission asks Exchange once a message; where an answer is lost, once more.
#[tokio::test]
async fn a_message_costs_one_call() {
    let (simulator, site, gateway) = site(Options::preset("empty").user(BOB)).await;
    send(&gateway, &letter("first", ""), &[BOB]).await;
    simulator.settle().await;
    simulator.reset().await;
    for number in 0..10 {
        send(&gateway, &letter(&format!("calm-{number}"), ""), &[BOB, USER]).await;
    }
    simulator.settle().await;
    let stats = simulator.stats().await;
    assert_eq!(stats.operation("CreateItem"), 10);
    assert_eq!(stats.except(&[&["CreateItem"], NEWS].concat()), 0, "{:?}", stats.0["operations"]);
    simulator.reset().await;
    for number in 0..10 {
        simulator.fault(json!({"what": "cut_after", "operation": "CreateItem"})).await;
        send(&gateway, &letter(&format!("storm-{number}"), ""), &[BOB]).await;
    }
    site.until_nothing_waits().await;
    simulator.settle().await;
    let stats = simulator.stats().await;
    assert_eq!((stats.operation("CreateItem"), stats.operation("FindItem")), (10, 10));
    assert_eq!(stats.except(&[&["CreateItem", "FindItem"], NEWS].concat()), 0, "{:?}", stats.0["operations"]);
}

/// By these a mailbox that somebody watches learns what is new in it, the copy in Sent Items included.
const NEWS: &[&str] = &["GetStreamingEvents", "Subscribe", "SyncFolderItems", "SyncFolderHierarchy"];

/// What a client's message answers or passes on is marked so, if the client does not do it.
#[tokio::test]
async fn what_is_answered_or_passed_on_is_marked() {
    let (simulator, _site, gateway) = site(Options::preset("empty").user(BOB)).await;
    for key in ["asked", "told"] {
        simulator.deliver("inbox", &letter(key, "")).await;
    }
    let mut imap = gateway.login().await;
    for key in ["asked", "told"] {
        arrived(&mut imap, "INBOX", key).await;
    }
    send(&gateway, &letter("answer", "In-Reply-To: <asked@client.demo.test>\r\n"), &[BOB]).await;
    send(&gateway, &letter("on", "X-Forwarded-Message-Id: <told@client.demo.test>\r\n"), &[BOB]).await;
    for (key, flag) in [("asked", "ANSWERED"), ("told", "KEYWORD $Forwarded")] {
        let mut found = Vec::new();
        for _ in 0..600 {
            found = imap.ok(&format!("SEARCH {flag} HEADER Message-ID {key}@")).await.words("SEARCH");
            if !found.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(found.len(), 1, "{key} is not {flag}");
    }
}

/// Exchange's limits and rights, in the words of SMTP.
#[tokio::test]
async fn what_exchange_refuses_has_its_code() {
    let options = Options::preset("empty").user(BOB).user("carol@demo.test");
    let options = options.with("--max-message", "50000").with("--send-as", "alice@demo.test:carol@demo.test");
    let (_simulator, _site, gateway) = site(options).await;
    let big = message("big", "", &format!("\r\n{}", "A line of text.\r\n".repeat(5000)));
    assert!(told(&gateway, &big, &[BOB]).await.starts_with("552 5.3.4 "));
    let text = String::from_utf8(letter("forged", "")).unwrap().replace(USER, BOB);
    let reply = told(&gateway, text.as_bytes(), &[BOB]).await;
    assert!(reply.starts_with("550 5.7.1 ") && reply.contains(BOB), "{reply}");
    // What was refused a moment ago is refused before anything is sent.
    let mut smtp = Smtp::sign_in(gateway.submission).await.unwrap();
    assert_eq!(smtp.ask(&format!("MAIL FROM:<{BOB}>")).await.unwrap().code, 550);
    // Who may send as somebody does.
    let text = String::from_utf8(letter("allowed", "")).unwrap().replace(USER, "carol@demo.test");
    send(&gateway, text.as_bytes(), &[BOB]).await;
    let (_, text) = arrived(&mut login(&gateway, BOB).await, "INBOX", "allowed").await;
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(text.contains("<carol@demo.test>") && !text.contains(USER), "{text}");
    // Nothing is left of what was refused, in no folder of either.
    for user in [USER, BOB] {
        let mut imap = login(&gateway, user).await;
        for folder in ["INBOX".to_owned(), imap.special("\\Sent").await, imap.special("\\Drafts").await] {
            for key in ["big", "forged"] {
                gone(&mut imap, &folder, key).await;
            }
        }
    }
}

/// Another address of the mailbox is its owner's name too, in the envelope and in the header, and its copy is theirs.
#[tokio::test]
async fn another_address_of_the_mailbox_may_be_sent_from() {
    let other = "ally@demo.test";
    let options = Options::preset("empty").user(BOB).with("--alias", &format!("{USER}={other}"));
    let (simulator, _site, gateway) = site(options.flag("--send-from-aliases")).await;
    let text = String::from_utf8(letter("alias", "")).unwrap().replace(USER, other);
    let mut smtp = Smtp::sign_in(gateway.submission).await.unwrap();
    for command in [format!("MAIL FROM:<{other}>"), format!("RCPT TO:<{BOB}>"), "DATA".to_owned(), format!("{text}.")] {
        let reply = smtp.ask(&command).await.unwrap();
        assert!(reply.code < 400, "{command}: {} {}", reply.code, reply.text);
    }
    let (_, read) = arrived(&mut login(&gateway, BOB).await, "INBOX", "alias").await;
    let read = String::from_utf8(read).unwrap();
    assert!(read.contains(&format!("<{other}>")) && !read.contains(USER), "{read}");
    let mut imap = gateway.login().await;
    let sent = imap.special("\\Sent").await;
    imap.append(&sent, "\\Seen", text.as_bytes()).await;
    arrived(&mut imap, &sent, "alias").await;
    assert_eq!(counts(&simulator, "alias").await["copies"], json!(1));
}

/// Who may send on somebody's behalf does, and readers see both.
#[tokio::test]
async fn on_behalf_of_somebody_readers_see_both() {
    let options = Options::preset("empty").user(BOB).user("carol@demo.test");
    let options = options.with("--send-on-behalf", "alice@demo.test:carol@demo.test");
    let (_simulator, _site, gateway) = site(options).await;
    let text = String::from_utf8(letter("behalf", "")).unwrap().replace(USER, "carol@demo.test");
    send(&gateway, text.as_bytes(), &[BOB]).await;
    let (_, text) = arrived(&mut login(&gateway, BOB).await, "INBOX", "behalf").await;
    let text = String::from_utf8(text).unwrap();
    let field = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    assert!(field("From:").contains("carol@demo.test") && field("Sender:").contains(USER), "{text}");
}

/// RFC 3461: what a client wants to hear, and does not want to hear, is what Exchange reports.
#[tokio::test]
async fn reports_are_those_that_the_sender_wants() {
    let (_simulator, _site, gateway) = site(Options::preset("empty").user(BOB)).await;
    let mut smtp = Smtp::sign_in(gateway.submission).await.unwrap();
    for (key, recipient, notify) in [
        ("untold", BOB, ""),
        ("silent", "nobody@demo.test", " NOTIFY=NEVER"),
        ("reported", BOB, " NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Bob@demo.test"),
        ("failed", "nobody@demo.test", " NOTIFY=FAILURE"),
    ] {
        for command in [
            format!("MAIL FROM:<{USER}> RET=HDRS ENVID=letter-1"),
            format!("RCPT TO:<{recipient}>{notify}"),
            "DATA".to_owned(),
            format!("{}.", String::from_utf8(letter(key, "")).unwrap()),
        ] {
            let reply = smtp.ask(&command).await.unwrap();
            assert!(reply.code < 400, "{command}: {} {}", reply.code, reply.text);
        }
    }
    // In the order in which they were sent.
    let mut imap = gateway.login().await;
    let mut found = Vec::new();
    for _ in 0..600 {
        imap.select("INBOX").await;
        found = imap.ok("UID SEARCH ALL").await.words("SEARCH");
        if found.len() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for (uid, subject) in found.iter().zip(["Delivered: Letter reported", "Undeliverable: Letter failed"]) {
        let answer = imap.ok(&format!("UID FETCH {uid} (BODY.PEEK[HEADER.FIELDS (SUBJECT)])")).await;
        let header = answer.fetches().next().unwrap().bytes("BODY[HEADER.FIELDS (SUBJECT)]").to_vec();
        assert!(String::from_utf8_lossy(&header).contains(subject), "{}", String::from_utf8_lossy(&header));
    }
    assert_eq!(found.len(), 2);
}

/// Sent again (RFC 5322 section 3.6.6), a message goes to whom it is sent to this time, and to nobody it was for before.
#[tokio::test]
async fn what_is_sent_again_is_for_others() {
    let (simulator, _site, gateway) = site(Options::preset("empty").user(BOB).user("carol@demo.test")).await;
    let fields = format!(
        "Resent-From: {USER}\r\nResent-To: carol@demo.test\r\nResent-Date: Tue, 03 Mar 2026 09:30:00 +0100\r\n\
         Resent-Message-ID: <resent@client.demo.test>\r\n"
    );
    let text = [fields.as_bytes(), &letter("again", "")].concat();
    send(&gateway, &text, &["carol@demo.test"]).await;
    arrived(&mut login(&gateway, "carol@demo.test").await, "INBOX", "again").await;
    assert_eq!(counts(&simulator, "again").await["reached"], json!({"carol@demo.test": 1}));
}

/// A draft is the client's own: it stays when its text is sent, until the client takes it away.
#[tokio::test]
async fn a_draft_that_is_sent_stays_until_it_is_taken_away() {
    let (_simulator, _site, gateway) = site(Options::preset("empty").user(BOB)).await;
    let mut imap = gateway.login().await;
    let (drafts, sent) = (imap.special("\\Drafts").await, imap.special("\\Sent").await);
    let text = letter("draft", "");
    let uid = imap.append(&drafts, "\\Draft \\Seen", &text).await;
    send(&gateway, &text, &[BOB]).await;
    arrived(&mut login(&gateway, BOB).await, "INBOX", "draft").await;
    assert_eq!(arrived(&mut imap, &drafts, "draft").await.0, uid);
    imap.ok(&format!("UID STORE {uid} +FLAGS (\\Deleted)")).await;
    imap.ok(&format!("UID EXPUNGE {uid}")).await;
    gone(&mut imap, &drafts, "draft").await;
    arrived(&mut imap, &sent, "draft").await;
}

/// Each limit of Exchange has its code, and says whose move it is.
#[tokio::test]
async fn each_limit_of_exchange_has_its_code() {
    let long = message("long", "", &format!("\r\n{}", "A line of text.\r\n".repeat(5000)));
    for (option, value, code, sentence) in [
        ("--max-message", "50000", "552 5.3.4 ", "larger than Exchange takes"),
        ("--max-request", "50000", "552 5.3.4 ", "larger than Exchange takes"),
        ("--prohibit-send", "1", "552 5.2.2 ", "the mailbox is full"),
        ("--recipient-rate", "1", "451 4.7.1 ", "try again later"),
    ] {
        let (_simulator, _site, gateway) = site(Options::preset("empty").user(BOB).with(option, value)).await;
        let first = told(&gateway, &letter("first", ""), &[BOB]).await;
        assert!(first.starts_with("250 "), "{option}: {first}");
        let reply = told(&gateway, &long, &[BOB]).await;
        assert!(reply.starts_with(code) && reply.contains(sentence), "{option}: {reply}");
    }
}

/// Waits until no message of this key is in a folder.
async fn gone(imap: &mut Imap, folder: &str, key: &str) {
    for _ in 0..600 {
        imap.select(folder).await;
        if imap.ok(&format!("SEARCH HEADER Message-ID {key}@")).await.words("SEARCH").is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{key} is in {folder}");
}

/// A mail client's invitation (RFC 6047) is a meeting request at its recipient, and the answer is one to that meeting.
#[tokio::test]
async fn a_mail_clients_invitation_is_a_meeting() {
    let (simulator, _site, gateway) = site(Options::preset("empty").user(BOB)).await;
    let text = String::from_utf8(message("invitation", "", &scheduling("REQUEST", "NEEDS-ACTION"))).unwrap();
    send(&gateway, text.replace("Letter invitation", "Lunch").as_bytes(), &[BOB]).await;
    let mut bob = login(&gateway, BOB).await;
    let (_, text) = arrived(&mut bob, "INBOX", "invitation").await;
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(text.contains("text/calendar") && text.to_ascii_uppercase().contains("METHOD=REQUEST"), "{text}");
    assert_eq!(kinds(&simulator, BOB, "inbox").await, ["IPM.Schedule.Meeting.Request"]);
    let calendar = format!("/dav/calendars/{BOB}/calendar/");
    let dav = Dav::of(gateway.http, BOB, PASSWORD);
    eventually("the meeting is in bob's calendar", Duration::from_secs(30), async || {
        let objects = dav.list(&calendar).await;
        let object = objects.iter().find(|object| object.href.ends_with(".ics"))?;
        let text = dav.get(&object.href).await.text;
        (text.contains("UID:lunch@client.demo.test") && text.contains("SUMMARY:Lunch")).then_some(())
    })
    .await;
    // What a client answers is an answer.
    let text = String::from_utf8(message("answer", "", &scheduling("REPLY", "ACCEPTED"))).unwrap();
    let text =
        text.replace(&format!("mailto:{USER}"), "mailto:organizer").replace(&format!("mailto:{BOB}"), "mailto:guest");
    let text =
        text.replace("mailto:organizer", &format!("mailto:{BOB}")).replace("mailto:guest", &format!("mailto:{USER}"));
    send(&gateway, text.as_bytes(), &[BOB]).await;
    arrived(&mut bob, "INBOX", "answer").await;
    assert!(kinds(&simulator, BOB, "inbox").await.contains(&"IPM.Schedule.Meeting.Resp.Pos".to_owned()));
}

/// A message in two shapes, as mail clients make it.
fn scheduling(method: &str, status: &str) -> String {
    let calendar = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//A client//EN\r\nMETHOD:{method}\r\nBEGIN:VEVENT\r\n\
         UID:lunch@client.demo.test\r\nDTSTAMP:20260302T083000Z\r\nDTSTART:20260310T110000Z\r\nDTEND:20260310T120000Z\r\n\
         SUMMARY:Lunch\r\nORGANIZER:mailto:{USER}\r\nATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT={status};RSVP=TRUE:mailto:{BOB}\r\n\
         SEQUENCE:0\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    );
    format!(
        "Content-Type: multipart/alternative; boundary=\"a\"\r\n\r\n--a\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
         Lunch on Tuesday?\r\n--a\r\nContent-Type: text/calendar; charset=utf-8; method={method}\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\n{calendar}--a--\r\n"
    )
}

/// The classes of the items in a folder, as Outlook goes by them.
async fn kinds(simulator: &Simulator, user: &str, folder: &str) -> Vec<String> {
    let body = format!(
        r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="item:ItemClass"/></t:AdditionalProperties></m:ItemShape><m:ParentFolderIds><t:DistinguishedFolderId Id="{folder}"/></m:ParentFolderIds></m:FindItem>"#
    );
    let answer = simulator.soap_of(user, PASSWORD, "Exchange2010_SP2", &body).await;
    let items = answer.find("Items").expect("a page of items");
    items.children.iter().filter_map(|item| item.find("ItemClass")).map(|class| class.text.clone()).collect()
}
