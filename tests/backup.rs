//! `exgate backup` while clients work, `exgate restore` elsewhere: messages keep their UIDs, no UID comes to name another
//! message, and nothing is sent twice.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use exgate_tests::{Gateway, Imap, Options, Simulator, Site, Smtp, letter, program};

#[tokio::test]
async fn what_is_restored_elsewhere_goes_on() {
    let simulator = Options::preset("empty").user(BOB).start().await;
    for number in 0..40 {
        simulator.deliver("inbox", &letter(&format!("before-{number}"))).await;
    }
    let (first, second) = (Site::new(&simulator), Site::new(&simulator));
    let gateway = first.start().await;
    let mut imap = gateway.login().await;
    imap.select("INBOX").await;
    let before = imap.message_ids().await;
    assert_eq!(before.len(), 40);
    let waiting = submit_while_away(&simulator, &gateway).await;

    let backup = first.path().join("backup");
    let done = tokio::task::spawn_blocking({
        let (site, backup) = (first.path().to_owned(), backup.clone());
        move || exgate("backup", &site, &backup, &[])
    });
    // Written to the map meanwhile, though Exchange is away.
    let mut written = 0;
    while !done.is_finished() {
        imap.ok(&format!("SETMETADATA INBOX (/private/comment \"{written}\")")).await;
        written += 1;
    }
    assert_eq!(done.await.unwrap(), Ok(()));
    assert!(written > 0);
    simulator.back().await;
    first.until_nothing_waits().await;
    // Given out after the backup was made, and so unknown to it.
    for number in 0..5 {
        imap.append("INBOX", "", &letter(&format!("after-{number}"))).await;
    }
    let seen = imap.message_ids().await;
    let (state, modseq) = (imap.select("INBOX").await, modseq(&mut imap).await);
    gateway.kill().await;

    assert_eq!(exgate("restore", second.path(), &backup, &[]), Ok(()));
    let gateway = second.start().await;
    let mut imap = gateway.login().await;
    let again = imap.select("INBOX").await;
    assert_eq!(again.uid_validity, state.uid_validity);
    assert!(again.uid_next > state.uid_next && self::modseq(&mut imap).await > modseq);
    let now = imap.message_ids().await;
    assert_eq!(now.len(), seen.len(), "nothing is lost");
    for (uid, id) in &before {
        assert_eq!(now.get(uid), Some(id), "it keeps its UID");
    }
    for (uid, id) in &now {
        assert!(seen.get(uid).is_none_or(|other| other == id), "UID {uid} was {:?} and is {id}", seen.get(uid));
    }
    second.until_nothing_waits().await;
    assert_eq!(arrived(&simulator, &waiting).await, 1, "what waited in the backup was sent before");
    gateway.stop().await;
}

#[tokio::test]
async fn nothing_is_overwritten_by_mistake() {
    let simulator = Options::preset("empty").start().await;
    simulator.deliver("inbox", &letter("one")).await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    gateway.login().await.select("INBOX").await;
    let backup = site.path().join("backup");
    assert_eq!(exgate("backup", site.path(), &backup, &[]), Ok(()));
    let refused = |command, from: &Path, options: &[&str]| exgate(command, site.path(), from, options).unwrap_err();
    assert!(refused("backup", &backup, &[]).contains("is there already; name a directory that is not"));
    assert!(refused("restore", &backup, &[]).contains("holds state already"));
    assert!(refused("restore", &backup, &["--force"]).contains("a gateway runs with"));
    gateway.stop().await;

    let damaged = site.path().join("damaged");
    copy(&backup, &damaged);
    std::fs::write(damaged.join("accounts.key"), "another key").unwrap();
    assert!(refused("restore", &damaged, &["--force"]).contains("it is not what was copied"));
    std::fs::remove_file(damaged.join("backup.json")).unwrap();
    assert!(refused("restore", &damaged, &["--force"]).contains("is it a whole backup?"));

    assert_eq!(exgate("restore", site.path(), &backup, &["--force"]), Ok(()));
    let aside = std::fs::read_dir(site.state()).unwrap().map(|entry| entry.unwrap().path());
    let aside: Vec<_> = aside.filter(|path| path.to_string_lossy().contains(".before-")).collect();
    assert!(matches!(&aside[..], [one] if one.join("accounts.key").exists()), "{aside:?}");
    let gateway = site.start().await;
    assert_eq!(gateway.login().await.select("INBOX").await.exists, 1);
    gateway.stop().await;
}

/// A message that is taken though Exchange is away from now on; gives its Message-ID.
async fn submit_while_away(simulator: &Simulator, gateway: &Gateway) -> String {
    let mut smtp = Smtp::sign_in(gateway.submission).await.expect("alice is known");
    simulator.away("refuse").await;
    let message = letter("waiting");
    let message =
        String::from_utf8(message).unwrap().replace("From: Bob Miller <bob@demo.test>", "From: alice@demo.test");
    let reply = smtp.send("", message.as_bytes(), &[BOB]).await.expect("the gateway answers");
    assert_eq!(reply.code, 250, "{}", reply.text);
    "<waiting@letters.test>".to_owned()
}

/// The latest change of the inbox (RFC 7162).
async fn modseq(imap: &mut Imap) -> u64 {
    let lines = imap.ok("STATUS INBOX (HIGHESTMODSEQ)").await.lines();
    let numbers = |line: &String| line.split_once("HIGHESTMODSEQ ")?.1.trim_end_matches(')').parse().ok();
    lines.iter().find_map(numbers).expect("a number")
}

/// How often a message came.
async fn arrived(simulator: &Simulator, id: &str) -> usize {
    let dump = simulator.get(&format!("/mailbox?mailbox={BOB}")).await;
    let folders: BTreeMap<String, Vec<serde_json::Value>> = serde_json::from_value(dump).unwrap();
    folders.values().flatten().filter(|item| item["message_id"] == id).count()
}

/// Runs a command with a site's configuration. What it says if it fails.
fn exgate(command: &str, site: &Path, directory: &Path, options: &[&str]) -> Result<(), String> {
    let mut run = Command::new(program("exgate"));
    let output = run.args([command, "--config"]).arg(site.join("exgate.toml")).arg(directory).args(options).output();
    let output = output.expect("exgate runs");
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap().success());
}

const BOB: &str = "bob@demo.test";
