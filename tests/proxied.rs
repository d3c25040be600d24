//! The gateway behind proxies: the client they tell is the client, for whoever lets it in, counts it and logs it.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD as STANDARD;
use exgate_tests::{Broken, Gateway, Imap, Options, PASSWORD, Simulator, Site, USER, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn exchange(simulator: &Simulator) -> String {
    format!("[exchange.main]\nurl = \"{}\"\nauth = \"basic\"\nallow_http = true\n", simulator.ews)
}

/// A client at 192.0.2.7 whose TLS the proxy took off, or who came without.
fn header(tls: bool) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x14".to_vec();
    header.extend_from_slice(&[192, 0, 2, 7, 198, 51, 100, 1, 0x9C, 0x40, 0, 143]);
    header.extend_from_slice(&[0x20, 0, 5, u8::from(tls), 0, 0, 0, 0]);
    header
}

async fn through(gateway: &Gateway, header: &[u8]) -> Result<Imap, Broken> {
    Imap::connect_saying(gateway.imap, header).await
}

#[tokio::test]
async fn the_client_a_proxy_tells_is_the_client() {
    let simulator = Options::preset("empty").start().await;
    let site =
        Site::listening("proxies = \"127.0.0.1\"\n", &format!("[limits]\nper_address = 2\n{}", exchange(&simulator)));
    let gateway = site.start().await;

    let mut safe = through(&gateway, &header(true)).await.unwrap();
    safe.ok(&format!("LOGIN {USER} {PASSWORD}")).await;
    let mut clear = through(&gateway, &header(false)).await.unwrap();
    let refused = clear.command(&format!("LOGIN {USER} {PASSWORD}")).await;
    assert!(refused.text.contains("PRIVACYREQUIRED"), "{refused:?}");
    let mut near = through(&gateway, b"PROXY TCP4 127.0.0.1 127.0.0.1 40000 143\r\n").await.unwrap();
    near.ok(&format!("LOGIN {USER} {PASSWORD}")).await;
    // Two of that address are there.
    assert!(through(&gateway, &header(true)).await.is_err());

    assert!(through(&gateway, b"a NOOP without a header\r\n").await.is_err());
    eventually("the log says who was refused, and why", Duration::from_secs(10), async || {
        let log = std::fs::read_to_string(site.path().join("stderr")).unwrap();
        let refused = "refused: this peer is listed as a proxy, and told no client";
        let line = log.lines().find(|line| line.contains(refused))?;
        assert!(line.contains("proxy=127.0.0.1:") && line.contains("does not begin with a PROXY header"), "{line}");
        log.lines()
            .any(|line| line.contains("too many connections") && line.contains("peer=192.0.2.7:40000"))
            .then_some(())
    })
    .await;
    gateway.stop().await;
}

#[tokio::test]
async fn an_http_proxy_tells_its_clients_in_each_request() {
    let simulator = Options::preset("empty").start().await;
    let site = Site::listening("http_proxies = [\"127.0.0.0/8\"]\n", &exchange(&simulator));
    let gateway = site.start().await;
    for (fields, status) in [
        ("X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n", "207"),
        ("Forwarded: for=\"[2001:db8::7]\";proto=https\r\n", "207"),
        ("X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\n", "403"),
        ("X-Forwarded-For: 192.0.2.7\r\nForwarded: for=127.0.0.1\r\n", "400"),
        ("", "400"),
    ] {
        let mut stream = TcpStream::connect(gateway.http).await.unwrap();
        let request = format!(
            "PROPFIND / HTTP/1.1\r\nHost: dav\r\nDepth: 0\r\nAuthorization: Basic {}\r\n{fields}Connection: close\r\n\r\n",
            STANDARD.encode(format!("{USER}:{PASSWORD}"))
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer.split(' ').nth(1), Some(status), "{fields}: {answer}");
    }
    // IMAP is not HTTP: nobody tells anything there, and this machine is this machine.
    gateway.login().await;
    gateway.stop().await;
}
