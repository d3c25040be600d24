//! The simulated server as a client meets it: sign-in, header fields, faults, recording, the control interface.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::{fs, net::SocketAddr, path::PathBuf, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use exchange_sim::{
    Exchange, MimeMode, Options, Version,
    http::{Running, Settings, Tls, Token, User, serve},
    preset::{Preset, demo},
};
use rustls_pki_types::ServerName;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

#[tokio::test]
async fn sign_in_is_basic_and_a_refusal_names_it() {
    let server = start().await;
    let answer = ask(server.ews, "GET /EWS/Exchange.asmx HTTP/1.1\r\n", "").await.unwrap();
    assert!(answer.head.starts_with("HTTP/1.1 401"), "{}", answer.head);
    assert!(answer.head.contains("www-authenticate: Basic realm="), "{}", answer.head);
    assert!(post(&server, "anna@a.test:wrong", GET_FOLDER).await.head.starts_with("HTTP/1.1 401"));
    let answer = post(&server, "anna@a.test:secret", GET_FOLDER).await;
    assert!(answer.head.starts_with("HTTP/1.1 200"), "{}", answer.head);
    assert!(answer.head.contains("content-type: text/xml; charset=utf-8\r\n"), "{}", answer.head);

    control(&server, "POST", "/password?user=anna@a.test", "new").await;
    assert!(post(&server, "anna@a.test:secret", GET_FOLDER).await.head.starts_with("HTTP/1.1 401"));
    assert!(post(&server, "anna@a.test:new", GET_FOLDER).await.head.starts_with("HTTP/1.1 200"));
    let stats = control(&server, "GET", "/stats", "").await;
    assert_eq!((&stats["unauthorized"], &stats["wrong_credentials"]), (&json!(3), &json!(2)));
    assert_eq!((&stats["requests"], &stats["operations"]["GetFolder"]), (&json!(2), &json!(2)));
}

#[tokio::test]
async fn tokens_sign_in_where_there_are_any() {
    let token = Token { address: "anna@a.test".to_owned(), token: "eyJ.one".to_owned() };
    assert!(!format!("{token:?}").contains("eyJ"));
    let server = start_with(|settings| settings.tokens = vec![token]).await;
    let asked = ask(server.ews, "POST /EWS/Exchange.asmx HTTP/1.1\r\nAuthorization: Bearer\r\n", "").await.unwrap();
    assert!(asked.head.starts_with("HTTP/1.1 401"), "{}", asked.head);
    let offers: Vec<&str> = asked.head.lines().filter_map(|line| line.strip_prefix("www-authenticate: ")).collect();
    assert!(offers[0].starts_with("Bearer client_id=\"00000002-0000-0ff1-ce00-000000000000\", trusted_issuers="));
    assert!(offers[0].contains("authorization_uri=\"https://") && !offers[0].contains("error="), "{}", offers[0]);
    assert!(offers[1].starts_with("Basic realm="), "{}", offers[1]);
    assert!(show(&server, "eyJ.one").await.head.starts_with("HTTP/1.1 200"));
    assert!(post(&server, "anna@a.test:secret", GET_FOLDER).await.head.starts_with("HTTP/1.1 200"));

    let refused = |head: &str, code: &str| {
        assert!(head.starts_with("HTTP/1.1 401"), "{head}");
        assert!(head.contains(", error=\"invalid_token\"\r\n") && head.contains(code), "{head}");
    };
    refused(&show(&server, "eyJ.other").await.head, "x-ms-diagnostics: 2000001;");
    control(&server, "POST", "/token/revoke?user=anna@a.test", "").await;
    refused(&show(&server, "eyJ.one").await.head, "x-ms-diagnostics: 2000002;");
    control(&server, "POST", "/token?user=anna@a.test", "eyJ.two").await;
    assert!(show(&server, "eyJ.two").await.head.starts_with("HTTP/1.1 200"));
    assert_eq!(control(&server, "GET", "/stats", "").await["wrong_credentials"], 2);
}

#[tokio::test]
async fn iis_is_particular_about_requests() {
    let server = start().await;
    let head = |extra: &str| format!("POST /ews/EXCHANGE.asmx HTTP/1.1\r\n{LOGIN}\r\n{extra}");
    for (extra, body, status) in [
        ("Content-Type: text/xml; charset=utf-8\r\nContent-Length: 1\r\n", "x", "200"),
        ("Content-Type: text/xml\r\nTransfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\n\r\n", "411"),
        ("Content-Type: application/soap+xml\r\nContent-Length: 1\r\n", "x", "415"),
        ("Content-Type: text/xml\r\nContent-Length: 300000000\r\n", "", "413"),
    ] {
        let answer = ask(server.ews, &head(extra), body).await.unwrap();
        let got = answer.head.split(' ').nth(1).unwrap();
        // What the body says is Exchange's business; a fault there is 500.
        assert!(got == status || (status == "200" && got == "500"), "{extra}: {}", answer.head);
    }
    let elsewhere = ask(server.ews, "GET /owa HTTP/1.1\r\n", "").await.unwrap();
    assert!(elsewhere.head.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn answers_carry_the_ids_of_the_request() {
    let server = start().await;
    let head = format!(
        "POST /EWS/Exchange.asmx HTTP/1.1\r\n{LOGIN}\r\nContent-Type: text/xml\r\nclient-request-id: mine\r\n\
         return-client-request-id: true\r\nCookie: exchangecookie=1\r\nContent-Length: {}\r\n",
        GET_FOLDER.len()
    );
    let answer = ask(server.ews, &head, GET_FOLDER).await.unwrap();
    assert!(answer.head.contains("client-request-id: mine\r\n") && answer.head.contains("\r\nrequest-id: "));
    assert!(answer.head.contains("X-BackEndCookie=") && !answer.head.contains("exchangecookie="), "{}", answer.head);
}

#[tokio::test]
async fn each_fault_looks_as_it_should() {
    let server = start().await;
    for (order, status, sign) in [
        (json!({"what": "busy", "back_off": 250}), "500", "<t:Value Name=\"BackOffMilliseconds\">250</t:Value>"),
        (json!({"what": "unavailable", "retry_after": 7}), "503", "retry-after: 7\r\n"),
        (json!({"what": "html"}), "200", "content-type: text/html"),
        (json!({"what": "html", "status": 500}), "500", "<!DOCTYPE html>"),
        (json!({"what": "empty"}), "200", "content-length: 0\r\n"),
        (json!({"what": "unauthorized"}), "401", "www-authenticate: Basic"),
        (json!({"what": "truncated_marker"}), "200", "=== Truncated Data ==="),
        (json!({"what": "nul_char"}), "200", "Inbox&#x0;</t:DisplayName>"),
    ] {
        control(&server, "POST", "/fault", &order.to_string()).await;
        let answer = post(&server, "anna@a.test:secret", GET_FOLDER).await;
        assert_eq!(answer.head.split(' ').nth(1), Some(status), "{order}");
        let whole = format!("{}{}", answer.head, answer.body);
        assert!(whole.contains(sign), "{order}: {whole}");
    }
    let plain = post(&server, "anna@a.test:secret", GET_FOLDER).await;
    assert!(plain.head.starts_with("HTTP/1.1 200") && plain.body.ends_with("Envelope>"), "{}", plain.body);
    assert_eq!(control(&server, "GET", "/stats", "").await["faults_sent"], 8);
}

#[tokio::test]
async fn synchronisation_has_faults_of_its_own() {
    let server = start().await;
    let sync = |state: &str| {
        ENVELOPE.replace(
            "{}",
            &format!(
                "<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId>\
                 <t:DistinguishedFolderId Id=\"inbox\"/></m:SyncFolderId>{state}<m:MaxChangesReturned>5</m:MaxChangesReturned>\
                 </m:SyncFolderItems>"
            ),
        )
    };
    control(&server, "POST", "/fault", r#"{"what":"busy_sync"}"#).await;
    let answer = post(&server, "anna@a.test:secret", &sync("")).await;
    assert!(answer.head.starts_with("HTTP/1.1 200"));
    for sign in ["ErrorServerBusy", "<m:SyncState/><m:IncludesLastItemInRange>true<"] {
        assert!(answer.body.contains(sign), "{}", answer.body);
    }
    control(&server, "POST", "/fault", r#"{"what":"invalid_sync_state"}"#).await;
    let fresh = post(&server, "anna@a.test:secret", &sync("")).await;
    assert!(!fresh.body.contains("ErrorInvalidSyncStateData"), "a request without a state cannot have a wrong one");
    let answer = post(&server, "anna@a.test:secret", &sync("<m:SyncState>QUJD</m:SyncState>")).await;
    assert!(answer.body.contains("ErrorInvalidSyncStateData"), "{}", answer.body);
}

#[tokio::test]
async fn connections_are_cut() {
    let server = start().await;
    for (what, begun) in [("cut_after", false), ("cut", true)] {
        control(&server, "POST", "/fault", &json!({ "what": what }).to_string()).await;
        let mut stream = TcpStream::connect(server.ews).await.unwrap();
        let head = format!(
            "POST /EWS/Exchange.asmx HTTP/1.1\r\nHost: x\r\n{LOGIN}\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n",
            GET_FOLDER.len()
        );
        stream.write_all(format!("{head}{GET_FOLDER}").as_bytes()).await.unwrap();
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all).await;
        let all = String::from_utf8(all).unwrap();
        assert_eq!(all.starts_with("HTTP/1.1 200"), begun, "{what}: {all}");
        assert!(!all.contains("\r\n0\r\n\r\n"), "{what}: the chunked body has no end: {all}");
    }
}

#[tokio::test]
async fn a_stream_tells_of_mail_until_a_fault_ends_it() {
    let server = start().await;
    let answer = post(&server, "anna@a.test:secret", &ENVELOPE.replace("{}", SUBSCRIBE)).await;
    let id = answer.body.split("SubscriptionId>").nth(1).unwrap().split('<').next().unwrap();
    let body = ENVELOPE.replace(
        "{}",
        &format!(
            "<m:GetStreamingEvents><m:SubscriptionIds><t:SubscriptionId>{id}</t:SubscriptionId></m:SubscriptionIds>\
             <m:ConnectionTimeout>30</m:ConnectionTimeout></m:GetStreamingEvents>"
        ),
    );
    let mut stream = TcpStream::connect(server.ews).await.unwrap();
    let length = body.len();
    let head = format!(
        "POST /EWS/Exchange.asmx HTTP/1.1\r\nHost: x\r\n{LOGIN}\r\nContent-Type: text/xml\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut said = String::new();
    hear(&mut stream, &mut said, "<m:ConnectionStatus>OK</m:ConnectionStatus>").await;
    control(&server, "POST", "/deliver?mailbox=anna@a.test", LETTER).await;
    hear(&mut stream, &mut said, "</t:NewMailEvent>").await;
    assert_eq!(control(&server, "GET", "/stats", "").await["streams"], 1);
    control(&server, "POST", "/fault", r#"{"what":"stream_end"}"#).await;
    let mut rest = String::new();
    let _ = stream.read_to_string(&mut rest).await;
    assert!(!rest.ends_with("\r\n0\r\n\r\n"), "the stream ends without a word: {rest}");
    assert_eq!(control(&server, "GET", "/fault", "").await, json!([]));
}

#[tokio::test]
async fn the_control_interface_shows_and_changes_mailboxes() {
    let server = start().await;
    control(&server, "POST", "/folder?mailbox=anna@a.test&path=inbox/In%5C/Out", "").await;
    control(&server, "POST", "/deliver?mailbox=anna@a.test&folder=inbox/In%5C/Out", LETTER).await;
    let item = |contents: &Value| contents["Inbox/In\\/Out"][0].clone();
    let before = item(&control(&server, "GET", "/mailbox?mailbox=anna@a.test", "").await);
    assert_eq!(before["message_id"], "<hello@a.test>");
    assert_eq!(before["read"], false);
    let edit = "/edit?mailbox=anna@a.test&folder=inbox/In%5C/Out&subject=Hello";
    control(&server, "POST", edit, &LETTER.replace("World", "Moon")).await;
    let edited = item(&control(&server, "GET", "/mailbox?mailbox=anna@a.test", "").await);
    assert_eq!(edited["item_id"], before["item_id"]);
    assert_ne!(edited["change_key"], before["change_key"]);
    assert_ne!(edited["sha256"], before["sha256"]);
    let edit = "/edit?mailbox=anna@a.test&message_id=%3Chello@a.test%3E";
    control(&server, "POST", edit, &LETTER.replace("World", "Sun")).await;
    let edited = {
        let again = item(&control(&server, "GET", "/mailbox?mailbox=anna@a.test", "").await);
        assert_ne!(again["sha256"], edited["sha256"]);
        again
    };
    control(&server, "POST", "/migrate?mailbox=anna@a.test", "").await;
    let migrated = item(&control(&server, "GET", "/mailbox?mailbox=anna@a.test", "").await);
    assert_ne!(migrated["item_id"], edited["item_id"]);
    assert_eq!((&migrated["sha256"], &migrated["article"]), (&edited["sha256"], &edited["article"]));
    control(&server, "POST", "/quota?bytes=0", "").await;
    let draft = "<m:CreateItem MessageDisposition=\"SaveOnly\"><m:Items><t:Message/></m:Items></m:CreateItem>";
    let full = post(&server, "anna@a.test:secret", &ENVELOPE.replace("{}", draft)).await;
    assert!(full.body.contains("ErrorQuotaExceeded"), "{}", full.body);
}

#[tokio::test]
async fn one_item_of_a_batch_can_be_corrupt() {
    let server = start().await;
    for _ in 0..3 {
        control(&server, "POST", "/deliver?mailbox=anna@a.test", LETTER).await;
    }
    let contents = control(&server, "GET", "/mailbox?mailbox=anna@a.test", "").await;
    let items = contents["Inbox"].as_array().unwrap();
    let ids: String = items.iter().map(|item| format!("<t:ItemId Id={}/>", item["item_id"])).collect();
    let get = ENVELOPE.replace(
        "{}",
        &format!(
            "<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:IncludeMimeContent>true</t:IncludeMimeContent>\
             </m:ItemShape><m:ItemIds>{ids}</m:ItemIds></m:GetItem>"
        ),
    );
    for (what, code) in [("corrupt_item", "ErrorItemCorrupt"), ("mime_failed", "ErrorMimeContentConversionFailed")] {
        let order = json!({ "what": what, "item": items[2]["item_id"] });
        control(&server, "POST", "/fault", &order.to_string()).await;
        let answer = post(&server, "anna@a.test:secret", &get).await;
        let codes: Vec<&str> =
            answer.body.split("ResponseCode>").skip(1).step_by(2).map(|rest| rest.split('<').next().unwrap()).collect();
        assert_eq!(codes, ["NoError", "NoError", code]);
    }
}

#[tokio::test]
async fn the_presets_fill_mailboxes() {
    let exchange = organisation();
    let users = demo::users();
    for user in &users {
        exchange.add_mailbox(&user.address, &user.name);
    }
    let count = Preset::Demo.fill(&exchange, &users).unwrap();
    let held: usize = users.iter().map(|user| size(&exchange, &user.address, "IPM.Note")).sum();
    assert!(count == held && size(&exchange, "alice@demo.test", "IPM.Note") >= 1200, "{count} {held}");
    for (class, least) in
        [("IPM.Appointment", 25), ("IPM.Contact", 20), ("IPM.DistList", 1), ("IPM.Task", 9), ("IPM.StickyNote", 3)]
    {
        assert!(size(&exchange, "alice@demo.test", class) >= least, "{class}");
    }
    let contents = exchange.contents("bob@demo.test").unwrap();
    assert!(contents["Posteingang/Aufträge/Überfällig"].as_array().is_some_and(|items| !items.is_empty()));
    assert_eq!(Preset::Large(30).fill(&exchange, &users).unwrap(), 30);
    let now: usize = users.iter().map(|user| size(&exchange, &user.address, "IPM.Note")).sum();
    assert_eq!(now, held + 30);
    let events = size(&exchange, "alice@demo.test", "IPM.Appointment");
    Preset::Calendar(600).fill(&exchange, &users).unwrap();
    assert_eq!(size(&exchange, "alice@demo.test", "IPM.Appointment"), events + 600);
}

/// The number of items of a class.
fn size(exchange: &Exchange, mailbox: &str, class: &str) -> usize {
    let contents = exchange.contents(mailbox).unwrap();
    let items = contents.as_object().unwrap().values().flat_map(|items| items.as_array().unwrap());
    items.filter(|item| item["class"].as_str().is_some_and(|of| of.starts_with(class))).count()
}

/// Reads until the text was said.
async fn hear(stream: &mut TcpStream, said: &mut String, text: &str) {
    let mut buffer = [0; 4096];
    while !said.contains(text) {
        let length = stream.read(&mut buffer).await.unwrap();
        assert_ne!(length, 0, "the stream ended before {text}: {said}");
        said.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
}

#[tokio::test]
async fn control_names_mistakes() {
    let server = start().await;
    for (method, path, body, sentence) in [
        ("POST", "/fault", r#"{"what":"rain"}"#, "unknown variant `rain`"),
        ("POST", "/deliver", "", "the parameter mailbox is missing"),
        ("POST", "/password?user=nobody@a.test", "x", "no such user"),
        ("GET", "/nothing", "", "there is no GET /nothing"),
    ] {
        let answer = ask(server.control.unwrap(), &framed(method, path, body), body).await.unwrap();
        assert!(!answer.head.starts_with("HTTP/1.1 200"), "{path}");
        assert!(answer.body.contains(sentence), "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn what_is_said_is_recorded() {
    let directory = Scratch::new("record");
    let server = start_with(|settings| settings.record = Some(directory.0.clone())).await;
    post(&server, "anna@a.test:wrong", GET_FOLDER).await;
    post(&server, "anna@a.test:secret", GET_FOLDER).await;
    control(&server, "POST", "/fault", r#"{"what":"truncated"}"#).await;
    post(&server, "anna@a.test:secret", GET_FOLDER).await;
    let mut names: Vec<String> =
        fs::read_dir(&directory.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "000001-GetFolder-request.xml",
            "000001-GetFolder-response.xml",
            "000002-GetFolder-request.xml",
            "000002-GetFolder-response.damaged"
        ]
    );
    assert_eq!(fs::read_to_string(directory.0.join("000001-GetFolder-request.xml")).unwrap(), GET_FOLDER);
}

#[tokio::test]
async fn https_is_served_with_the_given_certificate() {
    let directory = Scratch::new("tls");
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (directory.0.join("cert.pem"), directory.0.join("key.pem"));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = start_with(|settings| settings.tls = Some(Tls { listen, certificate, key })).await;

    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(server.ews_tls.unwrap()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    let answer = exchange(stream, "GET /EWS/Exchange.asmx HTTP/1.1\r\n", "").await.unwrap();
    assert!(answer.head.starts_with("HTTP/1.1 401"));
}

#[tokio::test]
async fn unusable_files_are_named() {
    let settings = Settings {
        tls: Some(Tls {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            certificate: PathBuf::from("/nowhere/cert.pem"),
            key: PathBuf::from("/nowhere/key.pem"),
        }),
        ..Settings::loopback(Vec::new())
    };
    let error = serve(organisation(), settings).await.err().unwrap();
    assert!(error.starts_with("certificate file /nowhere/cert.pem: "), "{error}");
}

struct Answer {
    head: String,
    body: String,
}

fn organisation() -> Exchange {
    Exchange::new(Options { version: Version::ExchangeSe, mime: MimeMode::Render })
}

async fn start() -> Running {
    start_with(|_| ()).await
}

async fn start_with(change: impl FnOnce(&mut Settings)) -> Running {
    let user = User { address: "anna@a.test".to_owned(), name: "Anna".to_owned(), password: "secret".to_owned() };
    let mut settings = Settings::loopback(vec![user]);
    change(&mut settings);
    serve(organisation(), settings).await.unwrap()
}

async fn post(server: &Running, login: &str, body: &str) -> Answer {
    let head = format!(
        "POST /EWS/Exchange.asmx HTTP/1.1\r\nAuthorization: Basic {}\r\nContent-Type: text/xml; charset=utf-8\r\n\
         Content-Length: {}\r\n",
        STANDARD.encode(login),
        body.len()
    );
    ask(server.ews, &head, body).await.unwrap()
}

/// Asks with a token.
async fn show(server: &Running, token: &str) -> Answer {
    let head = format!(
        "POST /EWS/Exchange.asmx HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Type: text/xml\r\n\
         Content-Length: {}\r\n",
        GET_FOLDER.len()
    );
    ask(server.ews, &head, GET_FOLDER).await.unwrap()
}

async fn control(server: &Running, method: &str, path: &str, body: &str) -> Value {
    let answer = ask(server.control.unwrap(), &framed(method, path, body), body).await.unwrap();
    assert!(answer.head.starts_with("HTTP/1.1 200"), "{path}: {}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

fn framed(method: &str, path: &str, body: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nContent-Length: {}\r\n", body.len())
}

async fn ask(address: SocketAddr, head: &str, body: &str) -> std::io::Result<Answer> {
    exchange(TcpStream::connect(address).await?, head, body).await
}

/// Sends one request on a connection of its own, and takes the chunks of the answer apart.
async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, head: &str, body: &str) -> std::io::Result<Answer> {
    let request = format!("{head}Host: localhost\r\nConnection: close\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await?;
    let mut all = Vec::new();
    // A server that closes without reading everything resets; what it said before counts.
    let _ = stream.read_to_end(&mut all).await;
    let all = String::from_utf8(all).map_err(std::io::Error::other)?;
    let (head, body) = all.split_once("\r\n\r\n").unwrap_or((&all, ""));
    let body = if head.contains("transfer-encoding: chunked") { unchunked(body) } else { body.to_owned() };
    Ok(Answer { head: format!("{head}\r\n"), body })
}

fn unchunked(mut body: &str) -> String {
    let mut out = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap_or(0);
        if size == 0 {
            break;
        }
        out.push_str(&rest[..size]);
        body = &rest[size + 2..];
    }
    out
}

/// A directory that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("exchange-sim-{name}-{}", uuid::Uuid::new_v4()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// anna@a.test:secret
const LOGIN: &str = "Authorization: Basic YW5uYUBhLnRlc3Q6c2VjcmV0";

const GET_FOLDER: &str = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
    xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" \
    xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\"><s:Body><m:GetFolder><m:FolderShape>\
    <t:BaseShape>Default</t:BaseShape></m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id=\"inbox\"/></m:FolderIds>\
    </m:GetFolder></s:Body></s:Envelope>";

const ENVELOPE: &str = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
    xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" \
    xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\"><s:Header>\
    <t:RequestServerVersion Version=\"Exchange2013\"/></s:Header><s:Body>{}</s:Body></s:Envelope>";

const SUBSCRIBE: &str = "<m:Subscribe><m:StreamingSubscriptionRequest SubscribeToAllFolders=\"true\"><t:EventTypes>\
    <t:EventType>NewMailEvent</t:EventType></t:EventTypes></m:StreamingSubscriptionRequest></m:Subscribe>";

const LETTER: &str =
    "From: Ben <ben@b.test>\r\nTo: anna@a.test\r\nSubject: Hello\r\nMessage-ID: <hello@a.test>\r\n\r\nWorld\r\n";
