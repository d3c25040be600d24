//! `exgate key rotate` beside a gateway that runs: feeds go on, backups hold the key that opens them.

use exgate_tests::{Options, Site, USER};

#[tokio::test]
async fn feeds_outlive_their_key_and_backups_hold_the_right_one() {
    let simulator = Options::preset("empty").start().await;
    let (site, elsewhere) = (Site::new(&simulator), Site::new(&simulator));
    let gateway = site.start().await;
    let made =
        |site: &Site| site.fine(&["feed", "create", USER]).strip_prefix("https://HOST").expect("an address").to_owned();
    let before = made(&site);
    read(gateway.http, &before).await;
    let key = || std::fs::read(site.state().join("accounts.key")).unwrap();
    let first = key();

    let said = site.fine(&["key", "rotate"]);
    assert!(said.starts_with("1 secret is sealed under a new key") && said.contains("the old key is gone"), "{said}");
    let second = key();
    assert_ne!(first, second);
    let after = made(&site);
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
    assert_eq!(std::fs::read(elsewhere.state().join("accounts.key")).unwrap(), second);
    for site in [&elsewhere, &site] {
        let gateway = site.start().await;
        for path in [&before, &after] {
            read(gateway.http, path).await;
        }
        gateway.stop().await;
    }
}

async fn read(gateway: std::net::SocketAddr, path: &str) {
    let answer = reqwest::get(format!("http://{gateway}{path}")).await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
}
