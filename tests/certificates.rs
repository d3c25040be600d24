//! Certificates of a gateway that runs: new ones are taken up, broken ones are told and change nothing.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use exgate_tests::{Options, Site, certificates, eventually, program};
use tempfile::TempDir;

#[tokio::test]
async fn a_hangup_reads_certificates_again_and_so_does_a_change() {
    let (simulator, files) = (Options::preset("empty").start().await, TempDir::new().unwrap());
    certificates(files.path(), &["localhost"]).await;
    let pair = |name: &str| [format!("{name}.pem"), format!("{name}.key")].map(|file| files.path().join(file));
    let ([from, from_key], [certificate, key]) = (pair("valid"), pair("mail"));
    std::fs::copy(&from, &certificate).unwrap();
    std::fs::copy(&from_key, &key).unwrap();
    let exchange = format!("[exchange.main]\nurl = \"{}\"\nauth = \"basic\"\nallow_http = true\n", simulator.ews);
    let tls = format!("[tls]\ncertificate = {certificate:?}\nkey = {key:?}\n{exchange}");
    let site = Site::listening("imaps = \"127.0.0.1:0\"\n", &tls);
    let gateway = site.start().await;
    let log = || std::fs::read_to_string(site.path().join("stderr")).unwrap();

    std::fs::write(&certificate, "nothing of the kind").unwrap();
    let id = gateway.program.id().to_string();
    assert!(Command::new("kill").args(["-HUP", &id]).status().unwrap().success());
    eventually("the log says why", Duration::from_secs(10), async || {
        let told = "changed certificates cannot be used; those before stay in use";
        let log = log();
        let line = log.lines().find(|line| line.contains(told))?;
        assert!(line.contains("mail.pem") && line.contains("holds no certificate"), "{line}");
        Some(())
    })
    .await;
    put(&from, &certificate);
    eventually("what is right is taken up without being told", Duration::from_secs(30), async || {
        log().contains("new certificates are in use").then_some(())
    })
    .await;
    gateway.stop().await;
}

#[test]
fn a_pair_that_does_not_belong_together_is_told_at_once() {
    let dir = TempDir::new().unwrap();
    let file = |name: &str| dir.path().join(name);
    std::fs::write(file("empty.pem"), "").unwrap();
    let text = format!(
        "state = {:?}\n[listen]\nimaps = \"127.0.0.1:0\"\n[tls]\ncertificate = {:?}\nkey = {:?}\n\
         [exchange.main]\nurl = \"https://mail.demo.test/EWS/Exchange.asmx\"\n",
        file("state"),
        file("empty.pem"),
        file("empty.pem")
    );
    std::fs::write(file("exgate.toml"), text).unwrap();
    let out = Command::new(program("exgate")).args(["config", "check", "--config"]).arg(file("exgate.toml")).output();
    let out = out.unwrap();
    let sentence = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(2), "{sentence}");
    assert!(sentence.contains("empty.pem holds no certificate"), "{sentence}");
}

/// As an administrator's tools do: never half a file.
fn put(from: &Path, to: &Path) {
    let beside = to.with_extension("new");
    std::fs::copy(from, &beside).unwrap();
    std::fs::rename(beside, to).unwrap();
}
