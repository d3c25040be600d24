//! Names, lock-out, and handshakes message by message.

use std::{net::SocketAddr, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, header};

use super::*;
use crate::{
    Exchange, MimeMode, Options, Version,
    der::{self, context},
    http::{ExtendedProtection, Settings, connection::Open, services::Beside},
    ntlm::tests::Client,
    spnego::{self, Token},
};

fn judge(directory: &Directory, user: &str, password: &str) -> Result<String, Failure> {
    let (domain, name) = user.split_once('\\').unwrap_or(("", user));
    let right = |known: &str| if known == password { Ok(()) } else { Err(Refusal::Proof) };
    directory.check(domain, name, right).map(|(address, ())| address)
}

fn directory(rules: &SignIn) -> Directory {
    let user = |address: &str| User { address: address.into(), name: String::new(), password: "a:b".into() };
    Directory::new(&[user("Anna@a.test"), user("ben@a.test"), user("ben@b.test")], &[], rules)
}

#[test]
fn names_come_in_three_forms() {
    let directory = directory(&SignIn::default());
    for name in ["anna@a.test", "ANNA@A.TEST", "A\\anna", "anna"] {
        assert_eq!(judge(&directory, name, "a:b"), Ok("Anna@a.test".to_owned()), "{name}");
    }
    assert_eq!(judge(&directory, "ben", "a:b"), Err(Failure::Unknown), "two people of that name");
    assert_eq!(judge(&directory, "CORP\\anna@a.test", "a:b"), Err(Failure::Unknown), "a domain before an address");
}

#[test]
fn the_domain_counts_where_it_has_a_name() {
    let directory = directory(&SignIn { netbios: Some("CORP".to_owned()), ..SignIn::default() });
    for (name, right) in
        [("corp\\anna", true), ("a.test\\anna", true), ("anna", true), ("b.test\\anna", false), ("X\\anna", false)]
    {
        assert_eq!(judge(&directory, name, "a:b").is_ok(), right, "{name}");
    }
    assert_eq!(judge(&directory, "b.test\\ben", "a:b"), Ok("ben@b.test".to_owned()));
}

#[test]
fn wrong_passwords_lock_an_account_until_it_is_unlocked() {
    let directory = directory(&SignIn { lockout: Some(2), ..SignIn::default() });
    let wrong = Err(Failure::Refused(Refusal::Proof));
    assert_eq!(judge(&directory, "anna", "x"), wrong);
    assert!(judge(&directory, "anna", "a:b").is_ok(), "and the count starts again");
    assert_eq!([judge(&directory, "anna", "x"), judge(&directory, "Anna@a.test", "x")], [wrong.clone(), wrong]);
    assert_eq!(judge(&directory, "anna", "a:b"), Err(Failure::Locked));
    assert_eq!(directory.locked_out(), ["Anna@a.test"]);
    assert!(judge(&directory, "ben@a.test", "a:b").is_ok());
    assert!(directory.unlock("anna@a.test") && !directory.unlock("nobody@a.test"));
    assert!(judge(&directory, "anna", "a:b").is_ok());
    let binding = directory.check("", "anna", |_| Err::<(), _>(Refusal::WrongBinding));
    assert_eq!(binding.map(|_| ()), Err(Failure::Refused(Refusal::WrongBinding)));
    assert_eq!(directory.check("", "anna", |_| Ok(())).map(|_| ()), Ok(()), "only passwords count");
}

#[test]
fn a_changed_password_counts_at_once() {
    let directory = directory(&SignIn::default());
    assert!(directory.change_password("anna@a.test", "new"));
    assert_eq!(judge(&directory, "anna", "a:b"), Err(Failure::Refused(Refusal::Proof)));
    assert!(judge(&directory, "anna", "new").is_ok());
    assert!(!directory.change_password("nobody@a.test", "new"));
}

#[test]
fn a_connection_is_signed_in_by_three_messages() {
    let (server, connection) = stage(ExtendedProtection::Off, None);
    let challenge = challenge(&server, &connection, "NTLM", &Client::negotiate());
    let last = format!("NTLM {}", STANDARD.encode(Client::default().answer(&challenge)));
    assert_eq!(say(&server, &connection, &last), anna());
    let farewell = connection.0.handshake(Handshake::farewell).unwrap();
    assert!(farewell.0.is_none() && connection.0.handshake(Handshake::farewell).is_none());
    assert_eq!(server.sign_in(&connection.0, &HeaderMap::new()), anna(), "no credentials any more");
    let other = server.connections.open(HERE, HERE, way(None));
    assert_eq!(server.sign_in(&other.0, &HeaderMap::new()), Verdict::Anonymous);
    assert_eq!(say(&server, &other, &last), Verdict::Wrong, "an answer without a challenge");
    assert_eq!(say(&server, &connection, &last), Verdict::Wrong, "and a second one");
    assert_eq!(server.sign_in(&connection.0, &HeaderMap::new()), Verdict::Anonymous, "which ends the first");
    assert_eq!(verdicts(&server), ["ok", "malformed", "malformed"]);
    assert_eq!(server.signins.json()[0]["target"], "HTTP/mail.corp.test");
}

#[test]
fn bindings_are_asked_for_as_configured() {
    use ExtendedProtection::{Allow, Off, Require};
    let (right, wrong) = (Some([7; 16]), Some([8; 16]));
    for (protection, shown, verdict) in [
        (Off, wrong, "ok"),
        (Allow, None, "ok"),
        (Allow, right, "ok"),
        (Allow, wrong, "wrong binding"),
        (Require, None, "no binding"),
        (Require, right, "ok"),
        (Require, wrong, "wrong binding"),
    ] {
        let (server, connection) = stage(protection, right);
        let challenge = challenge(&server, &connection, "NTLM", &Client::negotiate());
        let answer = Client { binding: shown, ..Client::default() }.answer(&challenge);
        let outcome = say(&server, &connection, &format!("NTLM {}", STANDARD.encode(answer)));
        assert_eq!(verdicts(&server), [verdict], "{protection:?} {shown:?}");
        assert_eq!(outcome == anna(), verdict == "ok");
    }
}

#[test]
fn negotiate_carries_ntlm_however_it_is_wrapped() {
    let ntlm = b"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a";
    let kerberos = b"\x2a\x86\x48\x82\xf7\x12\x01\x02\x02";
    let client = Client::default();

    // Without SPNEGO, as Windows takes it too.
    let (server, connection) = stage(ExtendedProtection::Off, None);
    let bare = challenge(&server, &connection, "Negotiate", &Client::negotiate());
    assert_eq!(say(&server, &connection, &field(&client.answer(&bare))), anna());

    // NTLM first, with its token sent ahead; the MIC may be missing then.
    for signed in [true, false] {
        let (server, connection) = stage(ExtendedProtection::Off, None);
        let (list, first) = initial(&[ntlm, kerberos], &Client::negotiate());
        let challenge = inner(&challenge(&server, &connection, "Negotiate", &first));
        let mic = signed.then(|| client.signature(&challenge, &list));
        assert_eq!(say(&server, &connection, &field(&response(&client.answer(&challenge), mic.as_ref()))), anna());
        let last = connection.0.handshake(Handshake::farewell).unwrap().0.unwrap();
        let last = STANDARD.decode(last.strip_prefix("Negotiate ").unwrap()).unwrap();
        let Some(Token::Response(last)) = spnego::decode(&last) else { panic!("no NegTokenResp") };
        assert_eq!(last.mic.is_some(), signed);
    }

    // Kerberos first: NTLM begins only after it was chosen, and then the MIC is due.
    for (signed, verdict) in [(Some(true), "ok"), (Some(false), "bad mic"), (None, "bad mic")] {
        let (server, connection) = stage(ExtendedProtection::Off, None);
        let (list, first) = initial(&[kerberos, ntlm], b"a ticket");
        let Verdict::Continue(chosen) = say(&server, &connection, &field(&first)) else { panic!("it must go on") };
        assert_eq!(chosen, "Negotiate oRUwE6ADCgEBoQwGCisGAQQBgjcCAgo=");
        let second = response(&Client::negotiate(), None);
        let challenge = inner(&challenge(&server, &connection, "Negotiate", &second));
        let mic = signed.map(|right| client.signature(&challenge, if right { &list } else { b"another list" }));
        say(&server, &connection, &field(&response(&client.answer(&challenge), mic.as_ref())));
        assert_eq!(verdicts(&server), [verdict], "{signed:?}");
    }

    // Kerberos alone.
    let (server, connection) = stage(ExtendedProtection::Off, None);
    let (_, first) = initial(&[kerberos], b"a ticket");
    assert_eq!(say(&server, &connection, &field(&first)), Verdict::Wrong);
    assert_eq!(verdicts(&server), ["malformed"]);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let (server, connection) = stage(ExtendedProtection::Off, None);
    for shown in ["NTLM !!!!", "NTLM AAAA", "Negotiate AAAA", "Bearer x", "Digest x", "NTLM TlRMTVNTUAACAAAA"] {
        assert!(!matches!(say(&server, &connection, shown), Verdict::Known(_) | Verdict::Continue(_)), "{shown}");
    }
    assert_eq!(say(&server, &connection, "Negotiate"), Verdict::Anonymous, "a question");
    let begun = challenge(&server, &connection, "NTLM", &Client::negotiate());
    let wrong = Client { password: "wrong", ..Client::default() }.answer(&begun);
    assert_eq!(say(&server, &connection, &format!("NTLM {}", STANDARD.encode(wrong))), Verdict::Wrong);
    assert_eq!(server.challenges(&connection.0.way, &Verdict::Wrong), ["Negotiate", "NTLM"]);
    assert_eq!(verdicts(&server).last().unwrap(), "wrong password");
}

/// A server that knows anna of CORP, and a connection to it.
fn stage(extended_protection: ExtendedProtection, binding: Option<[u8; 16]>) -> (Arc<Server>, Open) {
    let user = User { address: "anna@corp.test".to_owned(), name: "Anna".to_owned(), password: "secret".to_owned() };
    let mut settings = Settings::loopback(vec![user]);
    settings.sign_in = SignIn {
        schemes: vec![Scheme::Ntlm, Scheme::Negotiate],
        netbios: Some("CORP".to_owned()),
        extended_protection,
        ..SignIn::default()
    };
    let exchange = Exchange::new(Options { version: Version::ExchangeSe, mime: MimeMode::Render });
    let server = Server::new(exchange, &settings, Vec::new(), Beside::default(), Vec::new()).unwrap();
    let connection = server.connections.open(HERE, HERE, way(binding));
    (server, connection)
}

fn way(binding: Option<[u8; 16]>) -> Way {
    Way { front_end: "EX01".to_owned(), tls: binding.is_some(), binding }
}

fn say(server: &Server, connection: &Open, authorization: &str) -> Verdict {
    let headers = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_str(authorization).unwrap())]);
    server.sign_in(&connection.0, &headers)
}

/// Says something that must be answered with a challenge, and gives that.
fn challenge(server: &Server, connection: &Open, scheme: &str, token: &[u8]) -> Vec<u8> {
    match say(server, connection, &format!("{scheme} {}", STANDARD.encode(token))) {
        Verdict::Continue(field) => STANDARD.decode(field.strip_prefix(scheme).unwrap().trim()).unwrap(),
        verdict => panic!("no challenge: {verdict:?}"),
    }
}

fn verdicts(server: &Server) -> Vec<String> {
    let told = server.signins.json();
    told.as_array().unwrap().iter().filter_map(|entry| entry["verdict"].as_str().map(str::to_owned)).collect()
}

fn anna() -> Verdict {
    Verdict::Known("anna@corp.test".to_owned())
}

fn field(token: &[u8]) -> String {
    format!("Negotiate {}", STANDARD.encode(token))
}

/// The list of mechanisms, and the `NegTokenInit` with it.
fn initial(mechanisms: &[&[u8]], token: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let list: Vec<u8> = mechanisms.iter().flat_map(|oid| der::wrap(der::OID, oid)).collect();
    let list = der::wrap(der::SEQUENCE, &list);
    let fields = [der::wrap(context(0), &list), der::wrap(context(2), &der::wrap(der::OCTETS, token))].concat();
    let inner = der::wrap(context(0), &der::wrap(der::SEQUENCE, &fields));
    let oid = der::wrap(der::OID, b"\x2b\x06\x01\x05\x05\x02");
    (list, der::wrap(0x60, &[oid, inner].concat()))
}

/// A `NegTokenResp` of the client.
fn response(token: &[u8], mic: Option<&[u8; 16]>) -> Vec<u8> {
    let mut fields = der::wrap(context(2), &der::wrap(der::OCTETS, token));
    fields.extend(mic.map(|mic| der::wrap(context(3), &der::wrap(der::OCTETS, mic))).unwrap_or_default());
    der::wrap(context(1), &der::wrap(der::SEQUENCE, &fields))
}

/// The token inside a `NegTokenResp`.
fn inner(token: &[u8]) -> Vec<u8> {
    match spnego::decode(token) {
        Some(Token::Response(response)) => response.token.unwrap().to_vec(),
        other => panic!("no NegTokenResp: {other:?}"),
    }
}

const HERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);
