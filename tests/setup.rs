//! What clients fetch to set themselves up is served to anybody, well-formed, and says where the gateway is.

use std::process::Command;
use std::time::Duration;

use exgate_tests::{Options, Site, USER, certificates, eventually, program};
use tempfile::TempDir;

#[tokio::test]
async fn clients_are_told_where_the_gateway_is() {
    let simulator = Options::preset("empty").start().await;
    let exchange = format!("[exchange.main]\nurl = \"{}\"\nauth = \"basic\"\nallow_http = true\n", simulator.ews);
    let clients = "[clients]\nhost = \"mail.corp.example\"\nname = \"Corp <mail>\"\nimaps = 993\nsubmissions = 465\nhttps = 443\n";
    let site = Site::tables(&format!("{clients}{exchange}"));
    let gateway = site.start().await;
    for (path, kind, parts) in [
        (
            "/.well-known/autoconfig/mail/config-v1.1.xml",
            "text/xml; charset=utf-8",
            ["<hostname>mail.corp.example</hostname>", "<serverURL>https://mail.corp.example/</serverURL>"],
        ),
        (
            "/mail/config-v1.1.xml?emailaddress=anna%40corp.example",
            "text/xml; charset=utf-8",
            ["<port>465</port>", "<displayName>Corp &lt;mail&gt;</displayName>"],
        ),
        (
            "/exgate.mobileconfig",
            "application/x-apple-aspen-config",
            ["<string>com.apple.caldav.account</string>", "<string>mail.corp.example</string>"],
        ),
    ] {
        let answer = reqwest::get(format!("http://{}{path}", gateway.http)).await.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.headers()["content-type"].to_str().unwrap()), (200, &kind));
        let text = answer.text().await.unwrap();
        let mut reader = quick_xml::Reader::from_str(&text);
        reader.config_mut().check_end_names = true;
        while !matches!(reader.read_event().unwrap(), quick_xml::events::Event::Eof) {}
        parts.iter().for_each(|part| assert!(text.contains(part), "no {part} in:\n{text}"));
    }
    let post = reqwest::Client::new().post(format!("http://{}/exgate.mobileconfig", gateway.http)).send().await;
    assert_eq!(post.unwrap().status().as_u16(), 405);

    let config = site.path().join("exgate.toml");
    let out = Command::new(program("exgate")).args(["dns", "corp.example", "--config"]).arg(&config).output().unwrap();
    let told = String::from_utf8(out.stdout).unwrap();
    assert!(told.contains("_imaps._tcp.corp.example. IN SRV 0 1 993 mail.corp.example.\n"), "{told}");
    gateway.stop().await;
}

#[tokio::test]
async fn a_profile_is_signed_where_a_key_is_given() {
    let (simulator, files) = (Options::preset("empty").start().await, TempDir::new().unwrap());
    certificates(files.path(), &["localhost"]).await;
    let file = |name: &str| files.path().join(name);
    let put = |name: &str| {
        for (from, to) in [(format!("{name}.pem"), "sign.pem"), (format!("{name}.key"), "sign.key")] {
            std::fs::copy(file(&from), file(to)).unwrap();
        }
    };
    put("chain");
    let tables = |key: &str| {
        format!(
            "[clients]\nhost = \"mail.corp.example\"\nhttps = 443\nsign = {{ certificate = {:?}, key = {:?} }}\n\
             [exchange.main]\nurl = \"{}\"\nauth = \"basic\"\nallow_http = true\n",
            file("sign.pem"),
            file(key),
            simulator.ews
        )
    };
    let refused = Site::tables(&tables("expired.key")).exgate(&["config", "check"], "");
    let sentence = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{sentence}");
    assert!(sentence.starts_with("exgate: clients.sign: certificate file "), "{sentence}");

    let site = Site::listening("admin = \"127.0.0.1:0\"\n", &tables("sign.key"));
    let gateway = site.start().await;
    let url = format!("http://{}/exgate.mobileconfig", gateway.http);
    let answer = reqwest::get(&url).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/x-apple-aspen-config");
    std::fs::write(file("anybody"), answer.bytes().await.unwrap()).unwrap();
    let _ = site.fine(&["setup", USER, "--profile", file("anna").to_str().unwrap()]);
    let numbers = reqwest::get(format!("http://{}/metrics", gateway.program.announced("admin"))).await.unwrap();
    let numbers = numbers.text().await.unwrap();
    assert!(numbers.contains("exgate_certificate_valid_seconds{name=\"profiles\"} "), "{numbers}");
    put("valid");
    let id = gateway.program.id().to_string();
    assert!(Command::new("kill").args(["-HUP", &id]).status().unwrap().success());
    eventually("the new certificate signs", Duration::from_secs(30), async || {
        let signed = reqwest::get(&url).await.unwrap().bytes().await.unwrap();
        signed.windows(18).any(|part| part == b"Exchange Sim valid").then_some(())
    })
    .await;
    let log = std::fs::read_to_string(site.path().join("stderr")).unwrap();
    assert!(!log.contains("Payload"), "{log}");
    gateway.stop().await;

    if Command::new("openssl").arg("version").output().is_err() {
        return println!("skipped: there is no openssl on this machine");
    }
    for (name, holds) in
        [("anybody", "<string>mail.corp.example</string>"), ("anna", &format!("<string>{USER}</string>"))]
    {
        let words =
            ["cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any", "-CAfile", "ca.pem", "-in", name];
        let read = Command::new("openssl").args(words).current_dir(files.path()).output().unwrap();
        assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
        let text = String::from_utf8(read.stdout).unwrap();
        assert!(text.starts_with("<?xml") && text.contains(holds), "{text}");
    }
}
