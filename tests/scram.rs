//! SCRAM-SHA-256 (RFC 5802, RFC 7677) with device passwords, by IMAP and by submission, where nothing else is taken.

use std::io::Write;
use std::num::NonZeroU32;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use exgate_tests::{Broken, Gateway, Imap, Options, PASSWORD, Site, Smtp, USER, program};
use ring::{digest, hmac, pbkdf2};

/// The client's side, written for itself.
struct Client {
    password: String,
    bare: String,
    signed: String,
    salted: [u8; 32],
}

impl Client {
    fn new(user: &str, password: &str) -> Self {
        let bare = format!("n={user},r=fyko+d2lbbFgONRv9qkxdawL");
        Self { password: password.to_owned(), bare, signed: String::new(), salted: [0; 32] }
    }

    fn first(&self) -> String {
        STANDARD.encode(format!("n,,{}", self.bare))
    }

    /// The salt of a challenge.
    fn salt(challenge: &str) -> Vec<u8> {
        let text = String::from_utf8(STANDARD.decode(challenge).unwrap()).unwrap();
        STANDARD.decode(text.split(',').nth(1).unwrap().strip_prefix("s=").unwrap()).unwrap()
    }

    fn proof(&mut self, challenge: &str) -> String {
        let server = String::from_utf8(STANDARD.decode(challenge).unwrap()).unwrap();
        let field = |number: usize| server.split(',').nth(number).unwrap().split_once('=').unwrap().1.to_owned();
        let (nonce, iterations) = (field(0), field(2).parse::<NonZeroU32>().unwrap());
        assert!(nonce.starts_with("fyko+d2lbbFgONRv9qkxdawL") && nonce.len() > 40, "{nonce}");
        let (algorithm, salt) = (pbkdf2::PBKDF2_HMAC_SHA256, Self::salt(challenge));
        pbkdf2::derive(algorithm, iterations, &salt, self.password.as_bytes(), &mut self.salted);
        let without = format!("c=biws,r={nonce}");
        self.signed = format!("{},{server},{without}", self.bare);
        let key = sign(&self.salted, "Client Key");
        let signature = sign(digest::digest(&digest::SHA256, &key).as_ref(), &self.signed);
        let proof: Vec<u8> = key.iter().zip(signature).map(|(key, mask)| key ^ mask).collect();
        STANDARD.encode(format!("{without},p={}", STANDARD.encode(proof)))
    }

    /// What the server must show.
    fn expected(&self) -> String {
        let signature = sign(&sign(&self.salted, "Server Key"), &self.signed);
        STANDARD.encode(format!("v={}", STANDARD.encode(signature)))
    }
}

fn sign(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

/// The last line of a sign-in by IMAP, and the challenge it began with.
async fn imap(gateway: &Gateway, user: &str, password: &str) -> Result<(String, String), Broken> {
    let mut client = Client::new(user, password);
    let mut imap = Imap::connect(gateway.imap).await?;
    let capabilities = imap.ok("CAPABILITY").await;
    assert!(capabilities.lines()[0].contains(" AUTH=SCRAM-SHA-256 "), "{:?}", capabilities.lines());
    let tag = imap.begin(&format!("AUTHENTICATE SCRAM-SHA-256 {}", client.first())).await?;
    let challenge = challenge(&imap.read().await?.0);
    imap.send(format!("{}\r\n", client.proof(&challenge)).as_bytes()).await?;
    let next = String::from_utf8(imap.read().await?.0).unwrap();
    if !next.starts_with('+') {
        return Ok((next.strip_prefix(&format!("{tag} ")).unwrap().to_owned(), challenge));
    }
    assert_eq!(next, format!("+ {}", client.expected()));
    imap.send(b"\r\n").await?;
    let answer = imap.end(&tag).await?;
    imap.ok("SELECT INBOX").await;
    Ok((format!("{:?} {}", answer.status, answer.text), challenge))
}

fn challenge(line: &[u8]) -> String {
    String::from_utf8(line.to_vec()).unwrap().strip_prefix("+ ").unwrap().to_owned()
}

/// A new device password.
fn add(site: &Site) -> String {
    let config = site.path().join("exgate.toml");
    let mut child = Command::new(program("exgate"))
        .args(["device", "add", USER, "--name", "Phone", "--config"])
        .arg(config)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_device_signs_in_without_showing_its_password() {
    let simulator = Options::preset("empty").start().await;
    let site = Site::with(&simulator, "domains = [\"demo.test\"]\ndevice_passwords = \"required\"\n");
    let gateway = site.start().await;
    let (first, second) = (add(&site), add(&site));
    // A client does not say which of them it has.
    for password in [&first, &second] {
        let (end, _) = imap(&gateway, USER, password).await.unwrap();
        assert!(end.starts_with("Ok"), "{end}");
        let mut client = Client::new(USER, password);
        let mut smtp = Smtp::connect(gateway.submission).await.unwrap();
        smtp.ask("EHLO client.demo.test").await.unwrap();
        let challenge = smtp.ask(&format!("AUTH SCRAM-SHA-256 {}", client.first())).await.unwrap();
        assert_eq!(challenge.code, 334);
        let shown = smtp.ask(&client.proof(&challenge.text)).await.unwrap();
        assert_eq!((shown.code, shown.text), (334, client.expected()));
        assert_eq!(smtp.ask("").await.unwrap().code, 235);
    }
    // Nobody learns by the challenge who is known.
    let (wrong, challenge) = imap(&gateway, USER, "wrong").await.unwrap();
    assert!(wrong.starts_with("NO [AUTHENTICATIONFAILED]"), "{wrong}");
    let (nobody, one) = imap(&gateway, "nobody@demo.test", &first).await.unwrap();
    let (again, other) = imap(&gateway, "nobody@demo.test", &second).await.unwrap();
    assert_eq!((&nobody, &again), (&wrong, &wrong));
    assert_eq!(Client::salt(&one), Client::salt(&other));
    assert_ne!(Client::salt(&one), Client::salt(&challenge));
    assert_eq!(Client::salt(&one).len(), Client::salt(&challenge).len());
    gateway.stop().await;
}

#[tokio::test]
async fn where_other_passwords_are_taken_it_is_not_offered() {
    let simulator = Options::preset("empty").start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let mut imap = gateway.connect().await;
    let capabilities = imap.ok("CAPABILITY").await;
    assert!(!capabilities.lines()[0].contains("SCRAM"), "{:?}", capabilities.lines());
    let answer = imap.command("AUTHENTICATE SCRAM-SHA-256").await;
    assert!(answer.text.starts_with("[CANNOT]"), "{}", answer.text);
    gateway.stop().await;
}
