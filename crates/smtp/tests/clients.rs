//! Clients written elsewhere, as far as they are on this machine: what they send is what arrives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::process::Stdio;

use mailbox::memory::{Account, Memory};
use mailbox::submit::Body;
use serve::{Drain, Limits, Security, listen};
use smtp::{Settings, Smtp};
use tokio::net::TcpListener;
use tokio::process::Command;

async fn start() -> (SocketAddr, Account, Drain) {
    let memory = Memory::new();
    let account = memory.add_user("anna@example.org", "se cret");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let drain = Drain::new();
    let smtp = Smtp::new(memory, Settings { delivery_reports: true, most_recipients: 1000, ..Settings::default() });
    tokio::spawn(listen(listener, Security::Plain, Limits::new(Default::default()), drain.shutdown(), smtp));
    (address, account, drain)
}

/// Runs a program to its end; false if it is not here.
async fn run(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> bool {
    let command = Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = match command.await {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("skipped: there is no {program} on this machine");
            return false;
        }
        Err(error) => panic!("{program}: {error}"),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {said}");
    true
}

/// The octets of each message that was taken.
fn arrived(account: &Account) -> Vec<String> {
    let read = |message: mailbox::Content| message.read(0, usize::MAX).unwrap();
    account.sent().into_iter().map(|sent| String::from_utf8(read(sent.message).to_vec()).unwrap()).collect()
}

const MESSAGE: &str =
    "From: Anna <anna@example.org>\r\nTo: ben@example.org\r\nSubject: Dots\r\n\r\n.\r\n..\r\n.a\r\nJörg\r\n\r\n";

#[tokio::test]
async fn curl_sends() {
    let (address, account, _drain) = start().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), MESSAGE).unwrap();
    let (url, path) = (format!("smtp://{address}/client.example"), file.path().to_string_lossy().into_owned());
    let common = ["-sS", "--mail-from", "anna@example.org", "--mail-rcpt", "ben@example.org", "-T", &path];
    for login in [&["--login-options", "AUTH=PLAIN"], &["--login-options", "AUTH=LOGIN"]] {
        let signed_in = [&["--user", "anna@example.org:se cret", &url][..], login, &common].concat();
        if !run("curl", &signed_in, &[]).await {
            return;
        }
    }
    let bearer = ["--user", "anna@example.org:x", "--oauth2-bearer", "token-anna@example.org", &url];
    run("curl", &[&bearer[..], &common].concat(), &[]).await;
    assert_eq!(arrived(&account), [MESSAGE, MESSAGE, MESSAGE]);
}

#[tokio::test]
async fn smtplib_sends() {
    let (address, account, _drain) = start().await;
    let script = r#"
import os, smtplib
message = os.environ["MESSAGE"].encode()
with smtplib.SMTP("127.0.0.1", int(os.environ["PORT"])) as smtp:
    smtp.login("anna@example.org", "se cret")
    assert smtp.has_extn("pipelining") and smtp.has_extn("smtputf8"), smtp.esmtp_features
    smtp.sendmail("anna@example.org", ["ben@example.org", "carla@example.org"], message, mail_options=["BODY=8BITMIME"])
    smtp.sendmail("anna@example.org", "jörg@example.org", message, mail_options=["SMTPUTF8", "BODY=8BITMIME"])
    smtp.sendmail("anna@example.org", "ben@example.org", "Only a text.\n", rcpt_options=["NOTIFY=FAILURE"])
    refused = smtp.sendmail("anna@example.org", ["ben@example.org", "nobody"], message)
    assert refused["nobody"][0] == 501, refused
    for sender, code in (("boss@example.org", 550), ("anna", 501)):
        try:
            smtp.sendmail(sender, "ben@example.org", message)
        except smtplib.SMTPSenderRefused as error:
            assert error.smtp_code == code, error
        else:
            raise AssertionError(sender)
"#;
    let port = address.port().to_string();
    if !run("python3", &["-c", script], &[("PORT", &port), ("MESSAGE", MESSAGE)]).await {
        return;
    }
    assert_eq!(arrived(&account), [MESSAGE, MESSAGE, "Only a text.\r\n", MESSAGE]);
    let sent = account.sent();
    let names: Vec<usize> = sent.iter().map(|sent| sent.envelope.recipients.len()).collect();
    assert_eq!(names, [2, 1, 1, 1]);
    assert_eq!((sent[0].envelope.body, sent[1].envelope.smtp_utf8), (Body::EightBit, true));
    assert!(sent[2].envelope.recipients[0].notify.is_some_and(|notify| notify.failure && !notify.success));
    assert_eq!(account.heard_of().len(), 4);
}

#[tokio::test]
async fn a_thousand_recipients_in_one_message() {
    let (address, account, _drain) = start().await;
    let script = r#"
import os, smtplib
everybody = [f"user{number}@example.org" for number in range(1001)]
with smtplib.SMTP("127.0.0.1", int(os.environ["PORT"])) as smtp:
    smtp.login("anna@example.org", "se cret")
    refused = smtp.sendmail("anna@example.org", everybody, "Subject: all\n\nHello\n")
    assert list(refused) == ["user1000@example.org"] and refused["user1000@example.org"][0] == 452, refused
"#;
    if !run("python3", &["-c", script], &[("PORT", &address.port().to_string())]).await {
        return;
    }
    assert_eq!(account.sent().pop().unwrap().envelope.recipients.len(), 1000);
}

#[tokio::test]
async fn nodemailer_sends() {
    let (address, account, _drain) = start().await;
    let script = r#"
const assert = require("node:assert/strict");
let nodemailer;
try { nodemailer = require("nodemailer"); } catch { process.exit(0); }
(async () => {
    const transport = nodemailer.createTransport({
        host: "127.0.0.1", port: Number(process.env.PORT), secure: false, ignoreTLS: true, pool: true,
        auth: { user: "anna@example.org", pass: "se cret" },
    });
    for (const to of ["ben@example.org", "jörg@example.org"]) {
        const sent = await transport.sendMail({
            from: "anna@example.org", to, bcc: "carla@example.org", subject: "Grüße", text: "Hallo\n.\n..\n",
            dsn: { id: "x-1", return: "headers", notify: ["failure"], recipient: "anna@example.org" },
        });
        assert.equal(sent.accepted.length, 2, JSON.stringify(sent));
        assert.match(sent.response, /^250 2\.0\.0 /);
    }
    await assert.rejects(transport.sendMail({ from: "boss@example.org", to: "ben@example.org", text: "x" }), { responseCode: 550 });
    transport.close();
})().catch((error) => { console.error(error); process.exit(1); });
"#;
    let modules = std::env::var("NODE_MODULES").unwrap_or_default();
    let port = address.port().to_string();
    if !run("node", &["-e", script], &[("PORT", &port), ("NODE_PATH", &modules)]).await {
        return;
    }
    let sent = account.sent();
    if sent.is_empty() {
        return println!("skipped: there is no nodemailer on this machine");
    }
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].envelope.envelope_id.as_deref(), Some("x-1"));
    assert!(sent[0].header.bcc.is_empty(), "nodemailer leaves Bcc out by itself");
    assert_eq!(sent[0].envelope.recipients.len(), 2);
}
