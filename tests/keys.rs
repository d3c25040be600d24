//! `exgate key rotate` beside a gateway that runs: feeds go on, backups hold the key that opens them. And a key that is kept outside of
//! the state: without it a backup opens nothing.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use exgate_tests::{Options, Program, Site, USER, program};

#[tokio::test]
async fn feeds_outlive_their_key_and_backups_hold_the_right_one() {
    let simulator = Options::preset("empty").start().await;
    let (site, elsewhere) = (Site::new(&simulator), Site::new(&simulator));
    let gateway = site.start().await;
    let before = feed(&site);
    read(gateway.http, &before).await;
    let key = || fs::read(site.state().join("accounts.key")).unwrap();
    let first = key();

    let said = site.fine(&["key", "rotate"]);
    assert!(said.starts_with("1 secret is sealed under a new key") && said.contains("the old key is gone"), "{said}");
    let second = key();
    assert_ne!(first, second);
    let after = feed(&site);
    for path in [&before, &after] {
        read(gateway.http, path).await;
    }
    let backup = site.path().join("backup");
    assert!(site.exgate(&["backup", &backup.to_string_lossy()], "").status.success());
    assert!(site.fine(&["key", "rotate"]).starts_with("2 secrets are"));
    read(gateway.http, &before).await;
    assert!(![first, second.clone()].contains(&key()));
    gateway.kill().await;

    // With the key of its time.
    assert!(elsewhere.exgate(&["restore", &backup.to_string_lossy()], "").status.success());
    assert_eq!(fs::read(elsewhere.state().join("accounts.key")).unwrap(), second);
    for site in [&elsewhere, &site] {
        let gateway = site.start().await;
        for path in [&before, &after] {
            read(gateway.http, path).await;
        }
        gateway.stop().await;
    }
}

#[tokio::test]
async fn a_backup_opens_nothing_without_the_key_that_is_kept_elsewhere() {
    let simulator = Options::preset("empty").start().await;
    let (site, thief) = (Site::new(&simulator), Site::new(&simulator));
    let (one, two) = (site.path().join("one"), site.path().join("two"));
    fs::write(&one, "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n").unwrap();
    fs::write(&two, "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=\n").unwrap();
    let key = || fs::read(site.state().join("accounts.key")).unwrap();
    let gateway = site.start().await;
    let before = feed(&site);
    let in_clear = key();
    gateway.kill().await;

    let written = fs::read_to_string(site.path().join("exgate.toml")).unwrap();
    let keep_under = |site: &Site, keys: &[(&str, &str)]| {
        let lines: String = keys.iter().map(|(name, value)| format!("{name} = \"{value}\"\n")).collect();
        fs::write(site.path().join("exgate.toml"), format!("{written}\n[accounts]\n{lines}")).unwrap();
    };
    keep_under(&site, &[("key", &in_file(&one))]);
    let gateway = site.start().await;
    let after = feed(&site);
    for path in [&before, &after] {
        read(gateway.http, path).await;
    }
    assert!(key().starts_with(b"exgate key, sealed"));
    let said = site.fine(&["key", "rotate"]);
    assert!(
        said.starts_with("2 secrets are") && said.contains("sealed under accounts.key of the configuration"),
        "{said}"
    );
    read(gateway.http, &before).await;

    let backup = site.path().join("backup");
    assert!(site.exgate(&["backup", &backup.to_string_lossy()], "").status.success());
    gateway.kill().await;
    assert!(thief.exgate(&["restore", &backup.to_string_lossy()], "").status.success());
    // What lay in clear once is no help.
    let taken = thief.state().join("accounts.key");
    let sealed = fs::read(&taken).unwrap();
    assert!(refused(&thief).await.contains("accounts.key: is sealed under a key that is kept elsewhere"));
    fs::write(&taken, in_clear).unwrap();
    let said = thief.exgate(&["key", "rotate"], "");
    assert!(String::from_utf8_lossy(&said.stderr).contains("does not open a stored secret"), "{said:?}");
    fs::write(&taken, sealed).unwrap();
    let mine = fs::read_to_string(thief.path().join("exgate.toml")).unwrap();
    fs::write(thief.path().join("exgate.toml"), format!("{mine}\n[accounts]\nkey = \"{}\"\n", in_file(&two))).unwrap();
    assert!(
        refused(&thief).await.contains("accounts.key: is sealed under another key than the one named in [accounts]")
    );

    // Another one is used from the next start on, by which the former one is done with.
    keep_under(&site, &[("key", &in_file(&two)), ("old_key", &in_file(&one))]);
    site.start().await.stop().await;
    keep_under(&site, &[("key", "cred:two")]);
    let check = |credentials: &Path| {
        let mut check = Command::new(program("exgate"));
        check.args(["config", "check", "--config"]).arg(site.path().join("exgate.toml"));
        check.env("CREDENTIALS_DIRECTORY", credentials).output().unwrap()
    };
    assert!(check(site.path()).status.success());
    assert_eq!(check(thief.path()).status.code(), Some(2));
    keep_under(&site, &[("key", &in_file(&two))]);
    let gateway = site.start().await;
    for path in [&before, &after] {
        read(gateway.http, path).await;
    }
    gateway.stop().await;
}

/// How the configuration names what is in a file.
fn in_file(file: &Path) -> String {
    format!("file:{}", file.display())
}

/// Starts a gateway that does not come up, and gives what it said.
async fn refused(site: &Site) -> String {
    let config = site.path().join("exgate.toml").to_string_lossy().into_owned();
    let arguments = ["serve".to_owned(), "--config".to_owned(), config];
    match Program::try_start("exgate", &arguments, &site.path().join("stderr")).await {
        Err(report) => report,
        Ok(_) => panic!("it came up"),
    }
}

/// The path of a new feed.
fn feed(site: &Site) -> String {
    site.fine(&["feed", "create", USER]).strip_prefix("https://HOST").expect("an address").to_owned()
}

async fn read(gateway: SocketAddr, path: &str) {
    let answer = reqwest::get(format!("http://{gateway}{path}")).await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
}
