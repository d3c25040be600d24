//! Calendar feeds from the operator's side and the subscriber's: made, read, limited, revoked.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use exgate_tests::{Dav, Options, PASSWORD, Site, USER, event, program};

/// Runs `exgate feed …`, with a password on standard input.
fn feed(site: &Site, words: &[&str], password: &str) -> Output {
    let config = site.path().join("exgate.toml");
    let (command, rest) = words.split_first().unwrap();
    let mut child = Command::new(program("exgate"))
        .args(["feed", command, "--config"])
        .arg(config)
        .args(rest)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{password}").unwrap();
    child.wait_with_output().unwrap()
}

fn path(made: &Output) -> String {
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let line = String::from_utf8_lossy(&made.stdout).trim().to_owned();
    line.strip_prefix("https://HOST").expect("an address").to_owned()
}

#[tokio::test]
async fn a_feed_is_read_without_a_password_until_it_is_revoked() {
    let simulator = Options::preset("empty").start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let dav = gateway.dav();
    let lines = "DTSTART:20260301T090000Z\nDTEND:20260301T100000Z\nSUMMARY:Secret plans\nLOCATION:Room 5\nDESCRIPTION:All of it";
    let object = format!("{}plans.ics", Dav::collection("calendar"));
    assert_eq!(dav.put(&object, &event("plans@tests", lines)).await.status, 201);

    let full = path(&feed(&site, &["create", USER], PASSWORD));
    let titles = path(&feed(&site, &["create", USER, "--detail", "titles"], PASSWORD));
    let busy = path(&feed(&site, &["create", USER, "--detail", "busy"], PASSWORD));
    let past = path(&feed(&site, &["create", USER, "--past", "1", "--future", "1"], PASSWORD));
    for (path, shown, hidden) in [
        (&full, &["Secret plans", "Room 5", "All of it"][..], &[][..]),
        (&titles, &["Secret plans", "Room 5"], &["All of it"]),
        (&busy, &["DTSTART:20260301T090000Z"], &["Secret plans", "Room 5", "All of it"]),
        (&past, &["BEGIN:VCALENDAR"], &["Secret plans"]),
    ] {
        let answer = reqwest::get(format!("http://{}{path}", gateway.http)).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/calendar"));
        let etag = answer.headers()["etag"].clone();
        let text = answer.text().await.unwrap();
        shown.iter().for_each(|word| assert!(text.contains(word), "no {word} in {text}"));
        hidden.iter().for_each(|word| assert!(!text.contains(word), "{word} in {text}"));
        let again = reqwest::Client::new().get(format!("http://{}{path}", gateway.http)).header("If-None-Match", etag);
        assert_eq!(again.send().await.unwrap().status(), 304);
    }
    for method in ["PUT", "DELETE", "PROPFIND"] {
        let answer = dav.ask(method, &full, &[], "").await;
        assert!(answer.status.is_client_error(), "{method}: {}", answer.status);
    }

    let listed = String::from_utf8(feed(&site, &["list"], "").stdout).unwrap();
    assert_eq!(listed.lines().count(), 5, "{listed}");
    assert!(listed.contains(USER) && listed.contains("titles") && !listed.contains(full.split('/').nth(2).unwrap()));
    assert!(feed(&site, &["revoke", "1"], "").status.success());
    assert_eq!(reqwest::get(format!("http://{}{full}", gateway.http)).await.unwrap().status(), 404);
    assert_eq!(reqwest::get(format!("http://{}{titles}", gateway.http)).await.unwrap().status(), 200);
    let unknown = reqwest::get(format!("http://{}/feed/none/calendar.ics", gateway.http)).await.unwrap();
    assert_eq!(unknown.status(), 404);
}

#[tokio::test]
async fn mistakes_are_told_in_a_sentence() {
    let simulator = Options::preset("empty").start().await;
    let site = Site::new(&simulator);
    for (words, password, sentence) in [
        (&["create", USER, "No such calendar"][..], PASSWORD, "there are: "),
        (&["create", USER], "wrong", "password"),
        (&["revoke", "77"], "", "there is no feed 77"),
    ] {
        let output = feed(&site, words, password);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(sentence), "{said}");
        assert_eq!(said.trim().lines().count(), 1, "{said}");
        assert!(output.stdout.is_empty());
    }
}
