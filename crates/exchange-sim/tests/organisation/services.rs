//! Autodiscover, the web server that leads to it, and the name server, on the network.

use std::net::SocketAddr;

use exchange_sim::http::{Running, Services};
use tokio::net::{TcpStream, UdpSocket};

use crate::client::{ANNA, Answer, control, envelope, exchange, exchange_as, get_folder, start};

async fn discovery() -> Running {
    let anywhere = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    start(|settings| {
        settings.services = Services {
            autodiscover: anywhere,
            autodiscover_http: anywhere,
            dns: anywhere,
            records: vec!["_autodiscover._tcp.a.test SRV 0 0 443 mail.a.test".parse().unwrap()],
            ews: "https://mail.a.test/EWS/Exchange.asmx".to_owned(),
            ..Services::default()
        };
    })
    .await
}

async fn ask(server: &Running, service: &str, line: &str, fields: &str, body: &str) -> Answer {
    let address = server.service(service).unwrap().trim_start_matches("http://").to_owned();
    let head = format!("{line} HTTP/1.1\r\nContent-Length: {}\r\n{fields}", body.len());
    exchange(TcpStream::connect(address).await.unwrap(), &head, body).await.unwrap()
}

const POX: &str = "<Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006\"><Request>\
    <EMailAddress>anna@a.test</EMailAddress><AcceptableResponseSchema>\
    http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>";

/// Anna with her password.
const BASIC: &str = "Authorization: Basic YW5uYUBhLnRlc3Q6c2VjcmV0\r\n";

#[tokio::test]
async fn a_mailbox_is_found_in_each_way() {
    let server = discovery().await;
    let query = format!("GET /autodiscover/autodiscover.json?Email={ANNA}&Protocol=EWS&RedirectCount=1");
    let json = ask(&server, "autodiscover", &query, "", "").await;
    assert!(json.status() == "200" && json.body.contains("https://mail.a.test/EWS/Exchange.asmx"), "{}", json.body);
    let anonymous = ask(&server, "autodiscover", "POST /Autodiscover/Autodiscover.xml", "", POX).await;
    assert!(anonymous.status() == "401" && anonymous.head.contains("www-authenticate: Basic"), "{}", anonymous.head);
    let pox = ask(&server, "autodiscover", "POST /Autodiscover/Autodiscover.xml", BASIC, POX).await;
    assert!(pox.body.contains("<EwsUrl>https://mail.a.test/EWS/Exchange.asmx</EwsUrl>"), "{}", pox.body);
    let led = ask(&server, "autodiscover-http", "GET /autodiscover/autodiscover.xml", "", "").await;
    assert_eq!(led.status(), "302");
    assert!(led.head.contains("location: https://localhost/autodiscover/autodiscover.xml"), "{}", led.head);
    let ews = ask(&server, "autodiscover-http", "POST /EWS/Exchange.asmx", BASIC, "").await;
    assert_eq!(ews.status(), "404", "the web server that leads has nothing else");
    let seen = control(&server, "GET", "/autodiscover", "").await;
    let seen: Vec<_> = seen["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["step"].as_str().unwrap(), one["scheme"].as_str(), one["status"].as_u64().unwrap()))
        .collect();
    let wanted = [("v2", None, 200), ("pox", None, 401), ("pox", Some("basic"), 200), ("redirect", None, 302)];
    assert_eq!(seen, wanted);
}

#[tokio::test]
async fn steps_are_taken_away_and_misbehave() {
    let server = discovery().await;
    let pox = "POST /autodiscover/autodiscover.xml";
    control(&server, "POST", "/autodiscover?only=soap", "").await;
    assert_eq!(ask(&server, "autodiscover", pox, BASIC, POX).await.status(), "404");
    for (fault, status, part) in [
        ("html", "200", "text/html"),
        ("bad-request", "400", "text/html"),
        ("not-found", "404", "text/html"),
        ("unauthorized", "401", "www-authenticate"),
        ("redirect-loop", "302", "location: http://localhost/autodiscover/autodiscover.xml"),
        ("redirect-http", "302", "location: http://localhost/autodiscover/autodiscover.xml"),
        ("redirect&to=https%3A%2F%2Fevil.test%2Fx", "302", "location: https://evil.test/x"),
        ("none", "200", "text/xml"),
    ] {
        control(&server, "POST", &format!("/autodiscover?step=pox&fault={fault}"), "").await;
        let answer = ask(&server, "autodiscover", pox, BASIC, POX).await;
        assert_eq!(answer.status(), status, "{fault}");
        assert!(answer.head.contains(part), "{fault}: {}", answer.head);
    }
    control(&server, "POST", "/autodiscover?step=pox&fault=hang&host=localhost", "").await;
    let hanging = ask(&server, "autodiscover", pox, BASIC, POX);
    tokio::pin!(hanging);
    // It was taken: the log says so without a status; and still there is no answer.
    loop {
        let seen = tokio::select! {
            seen = control(&server, "GET", "/autodiscover", "") => seen,
            answer = &mut hanging => panic!("an answer: {}", answer.head),
        };
        if seen["requests"].as_array().and_then(|all| all.last()).is_some_and(|last| last["status"].is_null()) {
            break;
        }
    }
    control(&server, "POST", "/autodiscover/clear", "").await;
    assert_eq!(ask(&server, "autodiscover", pox, BASIC, POX).await.status(), "200");
}

#[tokio::test]
async fn names_are_told() {
    let server = discovery().await;
    control(&server, "POST", "/dns?record=a.test+A+192.0.2.7", "").await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let query = b"\x01\x02\x01\0\0\x01\0\0\0\0\0\0\x01a\x04test\0\0\x01\0\x01";
    socket.send_to(query, server.service("dns").unwrap()).await.unwrap();
    let mut buffer = [0; 512];
    let (length, _) = socket.recv_from(&mut buffer).await.unwrap();
    assert!(buffer[..length].ends_with(&[192, 0, 2, 7]));
    let asked = control(&server, "GET", "/dns", "").await;
    assert_eq!(
        (&asked["questions"][0]["name"], &asked["questions"][0]["transport"]),
        (&"a.test".into(), &"udp".into())
    );
}

#[tokio::test]
async fn autodiscover_wants_what_ews_wants() {
    let server = start(|settings| {
        settings.services.autodiscover = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        settings.sign_in.schemes = vec!["ntlm".parse().unwrap(), "negotiate".parse().unwrap()];
    })
    .await;
    let anonymous = ask(&server, "autodiscover", "POST /autodiscover/autodiscover.xml", "", POX).await;
    assert!(
        anonymous.head.contains("www-authenticate: NTLM") && !anonymous.head.contains("Basic"),
        "{}",
        anonymous.head
    );
    let basic = ask(&server, "autodiscover", "POST /autodiscover/autodiscover.xml", BASIC, POX).await;
    assert_eq!(basic.status(), "401", "Basic is not offered");
    let type1 = "Authorization: NTLM TlRMTVNTUAABAAAABYIIogAAAAAAAAAAAAAAAAAAAAAKAGFKAAAADw==\r\n";
    let challenge = ask(&server, "autodiscover", "POST /autodiscover/autodiscover.xml", type1, "").await;
    assert!(challenge.head.contains("www-authenticate: NTLM TlRMTVNTUAACAAAA"), "{}", challenge.head);
}

/// A server that takes the tokens of its own identity provider.
async fn modern() -> Running {
    start(|settings| {
        settings.services.idp = Some(exchange_sim::idp::Settings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            url: None,
            clients: Vec::new(),
            resources: vec!["https://mail.a.test".to_owned()],
        });
    })
    .await
}

/// Asks the token endpoint.
async fn token(server: &Running, form: &str) -> serde_json::Value {
    let form = format!("{form}&scope=https%3A%2F%2Fmail.a.test%2F.default");
    let answer = ask(server, "idp", "POST /demo.test/oauth2/v2.0/token", "", &form).await;
    serde_json::from_str(&answer.body).unwrap()
}

/// Asks EWS for the inbox with a token, as the server `mail.a.test`.
async fn with_token(server: &Running, token: &str, fields: &str, header: &str) -> Answer {
    let body = envelope(header, &get_folder("inbox"));
    let head = format!(
        "POST /EWS/Exchange.asmx HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Type: text/xml\r\n\
         Content-Length: {}\r\n{fields}Host: mail.a.test\r\nConnection: close\r\n",
        body.len()
    );
    exchange_as(TcpStream::connect(server.ews).await.unwrap(), &head, &body).await.unwrap()
}

#[tokio::test]
async fn a_program_acts_for_a_mailbox_with_its_token() {
    let server = modern().await;
    let form = "grant_type=client_credentials&client_id=22222222-2222-4222-8222-222222222222&client_secret=demo-secret";
    let answer = token(&server, form).await;
    let token = answer["access_token"].as_str().unwrap();
    let acts = "<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>ben@a.test</t:PrimarySmtpAddress>\
                </t:ConnectingSID></t:ExchangeImpersonation>";
    let alone = with_token(&server, token, "", "").await;
    assert_eq!(alone.status(), "500");
    assert!(alone.body.contains("ErrorInvalidExchangeImpersonationHeaderData"), "{}", alone.body);
    let lost = with_token(&server, token, "", acts).await;
    assert!(lost.body.contains("must not exist"), "{}", lost.body);
    let good = with_token(&server, token, "X-AnchorMailbox: ben@a.test\r\n", acts).await;
    assert!(good.status() == "200" && good.body.contains("NoError"), "{} {}", good.head, good.body);
    // A role of its own narrows whom it may act for.
    control(&server, "POST", "/impersonator/remove?user=22222222-2222-4222-8222-222222222222", "").await;
    control(&server, "POST", "/impersonator?user=22222222-2222-4222-8222-222222222222&scope=anna@a.test", "").await;
    let denied = with_token(&server, token, "X-AnchorMailbox: ben@a.test\r\n", acts).await;
    assert!(denied.body.contains("ErrorImpersonateUserDenied"), "{}", denied.body);
    control(&server, "POST", "/idp?roles=Mail.Read", "").await;
    let weak = token_of(&server, form).await;
    let refused = with_token(&server, &weak, "X-AnchorMailbox: ben@a.test\r\n", acts).await;
    assert!(refused.status() == "401" && refused.head.contains("x-ms-diagnostics: 2000008;"), "{}", refused.head);
}

async fn token_of(server: &Running, form: &str) -> String {
    token(server, form).await["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_person_signs_in_and_is_told_why_a_token_ends() {
    let server = modern().await;
    let hello = with_token(&server, "", "", "").await;
    let login = format!("authorization_uri=\"{}/common/oauth2/authorize\"", server.service("idp").unwrap());
    assert!(hello.status() == "401" && hello.head.contains(&login), "{}", hello.head);
    let device = ask(
        &server,
        "idp",
        "POST /demo.test/oauth2/v2.0/devicecode",
        "",
        "client_id=11111111-1111-4111-8111-111111111111&scope=https%3A%2F%2Fmail.a.test%2FEWS.AccessAsUser.All+offline_access",
    )
    .await;
    let device: serde_json::Value = serde_json::from_str(&device.body).unwrap();
    let page = format!("otc={}&login=A%5Canna&passwd=secret", device["user_code"].as_str().unwrap());
    let page = ask(&server, "idp", "POST /demo.test/oauth2/deviceauth", "", &page).await;
    assert!(page.body.contains("signed in"), "{}", page.body);
    let form = format!(
        "grant_type=urn:ietf:params:oauth:grant-type:device_code&client_id=11111111-1111-4111-8111-111111111111&device_code={}",
        device["device_code"].as_str().unwrap()
    );
    let token = token_of(&server, &form).await;
    assert_eq!(with_token(&server, &token, "", "").await.status(), "200");
    control(&server, "POST", "/idp?claims=anna@a.test", "").await;
    let demanded = with_token(&server, &token, "", "").await;
    assert!(demanded.head.contains("error=\"insufficient_claims\", claims=\"eyJ"), "{}", demanded.head);
    control(&server, "POST", "/idp?no_claims=anna@a.test", "").await;
    control(&server, "POST", "/idp?expire=anna@a.test", "").await;
    let expired = with_token(&server, &token, "", "").await;
    assert_eq!(expired.status(), "401");
    assert!(
        expired.head.contains("error=\"invalid_token\"") && expired.head.contains("token_expired"),
        "{}",
        expired.head
    );
    let forged = with_token(&server, "e30.e30.AAAA", "", "").await;
    assert!(forged.head.contains("x-ms-diagnostics: 2000001;"), "{}", forged.head);
    let seen = control(&server, "GET", "/idp", "").await.to_string();
    assert!(seen.contains("\"devicecode\"") && !seen.contains("passwd=") && !seen.contains("secret\""), "{seen}");
}

/// What real servers were recorded to say in plain XML: every element of ours stands there at the same place, and those
/// that are in both have the same order.
#[tokio::test]
async fn plain_xml_has_the_elements_that_real_servers_send() {
    let beside = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("EXGATE_SHARED").map_or(beside, Into::into);
    let recording =
        shared.join("ews-samples/recorded/php-ews/autodiscover/EWSAutodiscover.testGetAPI/01-Autodiscover.xml");
    let Ok(recorded) = std::fs::read_to_string(&recording) else {
        eprintln!("skipped: no recording to hold Autodiscover against");
        return;
    };
    let server = discovery().await;
    let own = ask(&server, "autodiscover", "POST /autodiscover/autodiscover.xml", BASIC, POX).await.body;
    let (own, recorded) = (paths(&own), paths(&recorded));
    assert!(own.len() > 20, "{own:?}");
    let places: Vec<_> = own.iter().map(|path| recorded.iter().position(|known| known == path)).collect();
    let foreign: Vec<_> = own.iter().zip(&places).filter(|(_, place)| place.is_none()).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    assert!(places.is_sorted(), "{own:?}\n{recorded:?}");
}

/// The path of each element, protocols by their type, in the order of the document and each once.
fn paths(document: &str) -> Vec<String> {
    let (mut open, mut paths): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for tag in document.split('<').skip(1).filter(|tag| !tag.starts_with('?')) {
        let name = tag.split([' ', '>', '/']).next().unwrap_or_default();
        if tag.starts_with('/') {
            open.pop();
            continue;
        }
        if name == "Type"
            && let (Some(protocol), Some(kind)) = (open.last_mut(), tag.split('>').nth(1))
        {
            protocol.push_str(kind);
        }
        open.push(name.to_owned());
        let path = open.join("/");
        if !paths.contains(&path) {
            paths.push(path);
        }
        if tag.split('>').next().is_some_and(|tag| tag.ends_with('/')) {
            open.pop();
        }
    }
    paths
}
