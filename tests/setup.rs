//! What clients fetch to set themselves up is served to anybody, well-formed, and says where the gateway is.

use std::process::Command;

use exgate_tests::{Options, Site, program};

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
