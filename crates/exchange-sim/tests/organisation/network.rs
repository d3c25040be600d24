//! Connections, proxies and TLS: what the server sees of the way in, and what it asks of those who come.

use std::{fs, net::SocketAddr, path::Path, sync::Arc};

use exchange_sim::{
    certificates,
    http::{Running, Scheme, SignIn, Tls, TlsVersion},
    proxy::{Auth, Kind, Settings as Proxy},
};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::client::{ANNA, BEN, ask, begin, control, envelope, exchange, get_folder, head, hear, rest, start};

#[tokio::test]
async fn every_connection_is_told() {
    let server = start(|_| ()).await;
    let request = envelope("", &get_folder("inbox"));
    let mut kept = begin(server.ews, ANNA, &request).await;
    hear(&mut kept, "</s:Envelope>").await;
    let peer = kept.local_addr().unwrap().to_string();
    ask(server.ews, BEN, "", &request).await.unwrap();
    let connections = control(&server, "GET", "/connections", "").await;
    let told = |at: usize, name: &str| connections[at][name].clone();
    assert_eq!((told(0, "peer"), told(0, "local")), (json!(peer), json!(server.ews.to_string())));
    assert_eq!((told(0, "users"), told(0, "scheme"), told(0, "requests")), (json!([ANNA]), json!("basic"), json!(1)));
    assert_eq!((told(0, "open"), told(0, "tls"), told(0, "front_end")), (json!(true), Value::Null, json!("EX01")));
    assert_eq!(told(1, "users"), json!([BEN]));
    let closed = control(&server, "POST", "/connections/close?which=user&user=anna@a.test", "").await;
    assert_eq!(closed, json!({ "closed": 1 }));
    // The end of the chunked answer, and of the connection.
    rest(&mut kept).await;
    assert_eq!(control(&server, "POST", "/connections/close?which=all", "").await, json!({ "closed": 0 }));
}

#[tokio::test]
async fn idle_connections_are_closed_alone() {
    let server = start(|_| ()).await;
    control(&server, "POST", "/fault", r#"{"what":"hang","operation":"GetFolder"}"#).await;
    let mut idle = TcpStream::connect(server.ews).await.unwrap();
    idle.write_all(b"GET /EWS/Exchange.asmx HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    hear(&mut idle, "401 Unauthorized").await;
    let mut busy = begin(server.ews, ANNA, &envelope("", &get_folder("inbox"))).await;
    while control(&server, "GET", "/stats", "").await["faults_sent"] != 1 {}
    assert_eq!(control(&server, "POST", "/connections/close?which=idle", "").await, json!({ "closed": 1 }));
    rest(&mut idle).await;
    let connections = control(&server, "GET", "/connections", "").await;
    assert_eq!((&connections[1]["busy"], &connections[1]["open"]), (&json!(true), &json!(true)));
    control(&server, "POST", "/connections/close?which=all", "").await;
    assert_eq!(rest(&mut busy).await, "");
}

#[tokio::test]
async fn wrong_passwords_are_counted_and_told() {
    let server = start(|settings| {
        settings.sign_in = SignIn { lockout: Some(2), netbios: Some("CORP".to_owned()), ..SignIn::default() };
    })
    .await;
    let shown = |login: &'static str| {
        let head = format!("GET /EWS/Exchange.asmx HTTP/1.1\r\nAuthorization: Basic {login}\r\n");
        let address = server.ews;
        async move { exchange(TcpStream::connect(address).await.unwrap(), &head, "").await.unwrap().status().to_owned() }
    };
    const WRONG: &str = "Q09SUFxhbm5hOng="; // CORP\anna:x
    const RIGHT: &str = "Q09SUFxhbm5hOnNlY3JldA=="; // CORP\anna:secret
    let mut statuses = Vec::new();
    for login in [WRONG, RIGHT, WRONG, WRONG, RIGHT] {
        statuses.push(shown(login).await);
    }
    assert_eq!(statuses, ["401", "200", "401", "401", "401"]);
    let told = control(&server, "GET", "/signins", "").await;
    let verdicts: Vec<&str> = told.as_array().unwrap().iter().filter_map(|entry| entry["verdict"].as_str()).collect();
    assert_eq!(verdicts, ["wrong password", "ok", "wrong password", "wrong password", "locked out"]);
    assert_eq!((&told[1]["domain"], &told[1]["mailbox"]), (&json!("CORP"), &json!(ANNA)));
    assert_eq!(control(&server, "GET", "/locked-out", "").await, json!([ANNA]));
    control(&server, "POST", "/unlock?user=anna@a.test", "").await;
    assert_eq!(shown(RIGHT).await, "200");
}

#[tokio::test]
async fn proxies_lead_to_names_that_nobody_else_knows() {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = start(|settings| {
        let users = vec![("CORP\\svc".to_owned(), "a:b".to_owned())];
        let proxy = |kind| Proxy { listen, ..Proxy::loopback(kind) };
        settings.proxies = vec![
            Proxy { bind: "127.0.0.9".parse().ok(), ..proxy(Kind::Connect) },
            Proxy { users: users.clone(), ..proxy(Kind::Connect) },
            proxy(Kind::Socks5),
            Proxy { users: users.clone(), ..proxy(Kind::Socks5) },
            Proxy { users, auth: Auth::Ntlm, ..proxy(Kind::Connect) },
        ];
    })
    .await;
    control(&server, "POST", &format!("/proxy/map?name=mail.corp.test:80&to={}", server.ews), "").await;
    let target = "CONNECT mail.corp.test:80 HTTP/1.1\r\nHost: mail.corp.test:80\r\n";

    let mut stream = through(&server, 0).await;
    stream.write_all(format!("{target}\r\n").as_bytes()).await.unwrap();
    hear(&mut stream, "200 Connection established\r\n\r\n").await;
    inside(stream).await;

    // CORP\svc:x, then CORP\svc:a:b on the same connection.
    let mut stream = through(&server, 1).await;
    for (shown, said) in [
        ("", "407 Proxy Authentication Required\r\nProxy-Authenticate: Basic"),
        ("Proxy-Authorization: Basic Q09SUFxzdmM6eA==\r\n", "407 Proxy"),
        ("Proxy-Authorization: Basic Q09SUFxzdmM6YTpi\r\n", "200 Connection established\r\n\r\n"),
    ] {
        stream.write_all(format!("{target}{shown}\r\n").as_bytes()).await.unwrap();
        let heard = hear(&mut stream, if said.starts_with('2') { said } else { "</html>" }).await;
        assert!(heard.contains(said), "{heard}");
    }
    inside(stream).await;

    let mut stream = through(&server, 2).await;
    stream.write_all(b"\x05\x01\x00").await.unwrap();
    assert_eq!(read(&mut stream, 2).await, b"\x05\x00");
    stream.write_all(b"\x05\x01\x00\x03\x0email.corp.test\x00\x50").await.unwrap();
    assert_eq!(read(&mut stream, 10).await[..4], *b"\x05\x00\x00\x01");
    inside(stream).await;

    for (login, right) in [(&b"\x01\x08CORP\\svc\x01x"[..], false), (b"\x01\x08CORP\\svc\x03a:b", true)] {
        let mut stream = through(&server, 3).await;
        stream.write_all(b"\x05\x02\x00\x02").await.unwrap();
        assert_eq!(read(&mut stream, 2).await, b"\x05\x02");
        stream.write_all(login).await.unwrap();
        assert_eq!(read(&mut stream, 2).await, [1, u8::from(!right)]);
    }

    let mut stream = through(&server, 4).await;
    stream.write_all(format!("{target}\r\n").as_bytes()).await.unwrap();
    assert!(hear(&mut stream, "</html>").await.contains("Proxy-Authenticate: NTLM\r\n"));

    let told = control(&server, "GET", "/proxy", "").await;
    let counts: Vec<_> = (0..5).map(|number| (&told[number]["carried"], &told[number]["refused"])).collect();
    let due = [(1, 0), (1, 0), (1, 0), (0, 1), (0, 1)].map(|(carried, refused)| (json!(carried), json!(refused)));
    assert_eq!(counts, due.each_ref().map(|(carried, refused)| (carried, refused)));
    let first = &told[0]["connections"][0];
    assert_eq!((&first["target"], &first["asked_by"]), (&json!("mail.corp.test:80"), &json!("name")));
    assert!(first["from"].as_str().unwrap().starts_with("127.0.0.9:"), "{first}");
    assert_eq!(told[1]["connections"][0]["user"], "CORP\\svc");
    let seen = control(&server, "GET", "/connections", "").await;
    assert_eq!(seen[0]["peer"], first["from"], "the two records name the same connection");
}

#[tokio::test]
async fn a_stopped_proxy_carries_nothing() {
    let server = start(|settings| settings.proxies = vec![Proxy::loopback(Kind::Connect)]).await;
    let mut stream = through(&server, 0).await;
    stream.write_all(format!("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n\r\n", server.ews).as_bytes()).await.unwrap();
    hear(&mut stream, "200 Connection established\r\n\r\n").await;
    control(&server, "POST", "/proxy/stop", "").await;
    assert_eq!(rest(&mut stream).await, "", "the tunnel is cut");
    let address = server.proxies[0].rsplit('/').next().unwrap().to_owned();
    assert!(TcpStream::connect(&address).await.is_err());
    assert_eq!(control(&server, "GET", "/proxy", "").await[0]["up"], false);
    control(&server, "POST", "/proxy/start", "").await;
    let mut stream = through(&server, 0).await;
    stream.write_all(b"CONNECT nowhere.invalid:443 HTTP/1.1\r\n\r\n").await.unwrap();
    hear(&mut stream, "502 Bad Gateway").await;
    let mut stream = through(&server, 0).await;
    stream.write_all(b"GET http://a.test/ HTTP/1.1\r\n\r\n").await.unwrap();
    hear(&mut stream, "400 Bad Request").await;
}

#[tokio::test]
async fn tls_is_spoken_as_ruled() {
    let directory = scratch();
    certificates::write(&directory.0, &["mail.corp.test".to_owned()]).unwrap();
    let server = start(|settings| {
        settings.tls = Some(tls(&directory.0, "sha384"));
        settings.tls_rules.max = TlsVersion::Tls12;
        settings.tls_rules.client_ca = Some(directory.0.join("ca.pem"));
        settings.sign_in.schemes = vec![Scheme::Basic, Scheme::Ntlm, Scheme::Negotiate];
    })
    .await;
    for (certificate, taken) in [(Some("client"), true), (Some("client-unknown"), false), (None, false)] {
        assert_eq!(
            over_tls(&server, &directory.0, "mail.corp.test", certificate).await.is_ok(),
            taken,
            "{certificate:?}"
        );
    }
    let said = over_tls(&server, &directory.0, "localhost", Some("client")).await.unwrap();
    let offers: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("www-authenticate: ")).collect();
    assert_eq!(offers, ["Negotiate", "NTLM", "Basic realm=\"exchange.demo.test\""]);
    assert_eq!(control(&server, "GET", "/connections", "").await[0]["tls"], "TLSv1_2");
    let plain = ask(server.ews, ANNA, "", "").await.unwrap();
    assert!(plain.head.contains("401 Unauthorized") && !plain.head.contains("Basic realm"), "{}", plain.head);
}

#[tokio::test]
async fn certificates_are_wrong_in_one_way_each() {
    let directory = scratch();
    certificates::write(&directory.0, &[]).unwrap();
    for (name, sign) in [
        ("valid", ""),
        ("sha384", ""),
        ("chain", ""),
        ("expiring", ""),
        ("expired", "Expired"),
        ("not-yet", "NotValidYet"),
        ("wrong-name", "NotValidForName"),
        ("unknown-issuer", "UnknownIssuer"),
        ("self-signed", "UnknownIssuer"),
        ("incomplete", "UnknownIssuer"),
    ] {
        let server = start(|settings| settings.tls = Some(tls(&directory.0, name))).await;
        let outcome = over_tls(&server, &directory.0, "localhost", None).await.map_err(|error| format!("{error:?}"));
        match outcome {
            Ok(_) => assert_eq!(sign, "", "{name}"),
            Err(error) => assert!(!sign.is_empty() && error.contains(sign), "{name}: {error}"),
        }
    }
}

async fn through(server: &Running, proxy: usize) -> TcpStream {
    TcpStream::connect(server.proxies[proxy].rsplit('/').next().unwrap()).await.unwrap()
}

/// Asks Exchange at the end of a tunnel.
async fn inside(stream: TcpStream) {
    let request = envelope("", &get_folder("inbox"));
    assert_eq!(exchange(stream, &head(ANNA, &request), &request).await.unwrap().status(), "200");
}

async fn read(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await.unwrap();
    bytes
}

fn tls(directory: &Path, name: &str) -> Tls {
    let file = |ending: &str| directory.join(format!("{name}.{ending}"));
    Tls { listen: SocketAddr::from(([127, 0, 0, 1], 0)), certificate: file("pem"), key: file("key") }
}

/// What the server says to a request without credentials.
async fn over_tls(server: &Running, directory: &Path, name: &str, client: Option<&str>) -> std::io::Result<String> {
    let file = |name: String| directory.join(name);
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(chain(&file("ca.pem".to_owned())));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(roots);
    let config = match client {
        None => builder.with_no_client_auth(),
        Some(client) => {
            let key = PrivateKeyDer::from_pem_file(file(format!("{client}.key"))).unwrap();
            builder.with_client_auth_cert(chain(&file(format!("{client}.pem"))), key).unwrap()
        }
    };
    let stream = TcpStream::connect(server.ews_tls.unwrap()).await?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let request = b"GET /EWS/Exchange.asmx HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await?;
    let mut said = String::new();
    stream.read_to_string(&mut said).await?;
    Ok(said)
}

fn chain(path: &Path) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(path).unwrap().map(Result::unwrap).collect()
}

/// A directory that goes with the test.
struct Scratch(std::path::PathBuf);

fn scratch() -> Scratch {
    Scratch(std::env::temp_dir().join(format!("exchange-sim-network-{}", uuid::Uuid::new_v4())))
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
