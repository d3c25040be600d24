//! How the gateway tells how it does: numbers, health, a table; and nobody by name.

use std::process::Command;
use std::time::Duration;

use exgate_tests::{Imap, Options, PASSWORD, Port, Simulator, Site, USER, eventually, letter, program};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A gateway whose log shows nothing: what is counted does not depend on it.
fn site(simulator: &Simulator, listen: &str) -> Site {
    let exchange = format!("[exchange.main]\nurl = \"{}\"\nauth = \"basic\"\nallow_http = true\n", simulator.ews);
    Site::listening(listen, &format!("[log]\nlevel = \"error\"\n{exchange}"))
}

async fn get(url: String) -> (u16, String) {
    let answer = reqwest::get(url).await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// The value of a line that begins so.
fn value(text: &str, begin: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(begin)?.strip_prefix(' ')?.parse().ok())
}

#[tokio::test]
async fn what_is_done_is_counted_and_nobody_is_named() {
    let simulator = Options::preset("empty").start().await;
    let site = site(&simulator, "admin = \"127.0.0.1:0\"\n");
    let gateway = site.start().await;
    let admin = gateway.program.announced("admin");
    let mut imap = gateway.login().await;
    imap.ok("SELECT INBOX").await;
    simulator.deliver("inbox", &letter("one")).await;
    imap.ok("NOOP").await;
    let mut wrong = gateway.connect().await;
    wrong.command(&format!("LOGIN {USER} not-{PASSWORD}")).await;

    let mut pop3 = TcpStream::connect(gateway.program.announced("pop3")).await.unwrap();
    pop3.write_all(b"CAPA\r\nSTAT\r\nQUIT\r\n").await.unwrap();
    pop3.read_to_end(&mut Vec::new()).await.unwrap();

    eventually("Exchange tells news by itself", Duration::from_secs(20), async || {
        let (status, text) = get(format!("http://{admin}/metrics")).await;
        assert_eq!(status, 200);
        (value(&text, "exgate_mailboxes_streaming{organisation=\"main\"}") == Some(1.0)).then_some(())
    })
    .await;
    let (_, text) = get(format!("http://{admin}/metrics")).await;
    let count = |labels: &str| value(&text, &format!("exgate_command_seconds_count{{{labels}}}"));
    assert_eq!(count("protocol=\"imap\",command=\"SELECT\",outcome=\"ok\""), Some(1.0), "{text}");
    assert_eq!(count("protocol=\"imap\",command=\"LOGIN\",outcome=\"ok\""), Some(1.0), "{text}");
    assert_eq!(count("protocol=\"imap\",command=\"LOGIN\",outcome=\"no\""), Some(1.0), "{text}");
    assert_eq!(count("protocol=\"pop3\",command=\"CAPA\",outcome=\"ok\""), Some(1.0), "{text}");
    assert_eq!(count("protocol=\"pop3\",command=\"STAT\",outcome=\"err\""), Some(1.0), "{text}");
    assert!(text.contains("exgate_ews_call_seconds_bucket{"), "{text}");
    assert_eq!(value(&text, "exgate_connections{protocol=\"imap\"}"), Some(2.0), "{text}");
    assert_eq!(value(&text, "exgate_sessions{organisation=\"main\"}"), Some(1.0), "{text}");
    assert_eq!(value(&text, "exgate_unheard_seconds{organisation=\"main\"}"), Some(0.0), "{text}");
    for secret in [USER, PASSWORD, "alice", "@", "127.0.0.1"] {
        assert!(!text.contains(secret), "{secret} is in the numbers:\n{text}");
    }

    let (_, told) = get(format!("http://{admin}/api/v1/status")).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["organisations"][0]["mailboxes"], &told["spool"]["waiting"]), (&1.into(), &0.into()), "{told}");
    assert_eq!(get(format!("http://{admin}/healthz/live")).await, (200, "live\n".to_owned()));
    assert_eq!(get(format!("http://{admin}/healthz/ready")).await, (200, "ready\n".to_owned()));
    assert_eq!(get(format!("http://{admin}/else")).await.0, 404);
    // Without certificates of its own a hangup changes nothing.
    let hangup = Command::new("kill").args(["-HUP", &gateway.program.id().to_string()]).status().unwrap();
    assert!(hangup.success());
    let post = reqwest::Client::new().post(format!("http://{admin}/metrics")).send().await.unwrap();
    assert_eq!(post.status().as_u16(), 405);
    drop(imap);
    gateway.stop().await;
}

#[tokio::test]
async fn a_gateway_whose_exchange_is_away_is_ready_and_says_so() {
    let simulator = Options::preset("empty").start().await;
    // The command that asks reads it from the configuration.
    let kept = Port::free();
    let admin = kept.address();
    let site = site(&simulator, &format!("admin = \"{admin}\"\n"));
    let gateway = site.start().await;
    let mut imap: Imap = gateway.login().await;
    imap.ok("SELECT INBOX").await;
    simulator.program.kill().await;
    eventually("the table shows it", Duration::from_secs(60), async || {
        let mut status = Command::new(program("exgate"));
        let out = asked_for(status.args(["status", "--config"]).arg(site.path().join("exgate.toml")));
        let row = out.lines().find(|line| line.starts_with("main "))?;
        let words: Vec<&str> = row.split_whitespace().collect();
        (words.get(1..5) == Some(&["1", "0", "1", "1"])).then_some(())
    })
    .await;
    assert_eq!(get(format!("http://{admin}/healthz/ready")).await.0, 200);
    gateway.kill().await;
    let out =
        Command::new(program("exgate")).args(["status", "--config"]).arg(site.path().join("exgate.toml")).output();
    let sentence = String::from_utf8(out.unwrap().stderr).unwrap();
    assert!(sentence.contains("is it running, with this configuration?"), "{sentence}");
}

fn asked_for(command: &mut Command) -> String {
    let out = command.output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}
