//! Autodiscover, the web server that leads to it, and the name server, on the network.

use std::net::SocketAddr;

use exchange_sim::http::{Running, Services};
use tokio::net::{TcpStream, UdpSocket};

use crate::client::{ANNA, Answer, control, exchange, start};

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
