//! `exgate demo`: what somebody sees who tries it.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use exgate_tests::{Imap, Program, program};
use tempfile::TempDir;
use tokio::time::timeout;

#[tokio::test]
async fn three_users_have_mail_and_more_arrives() {
    let dir = TempDir::new().unwrap();
    let demo = start(&dir).await;
    let users = users(&demo);
    assert_eq!(users.len(), 3, "{:?}", demo.lines());
    let mut total = 0;
    let mut nested = false;
    for (name, password) in &users {
        let mut imap = login(&demo, name, password).await;
        for folder in folders(&mut imap).await {
            nested |= folder.contains('/');
            let answer = imap.ok(&format!("STATUS {folder} (MESSAGES)")).await;
            let line = answer.lines().into_iter().find(|line| line.starts_with("* STATUS")).expect("a STATUS response");
            let count =
                line.rsplit_once("(MESSAGES ").and_then(|(_, rest)| rest.trim_end_matches(')').parse::<u32>().ok());
            total += count.unwrap_or_else(|| panic!("no count in {line}"));
        }
        let exists = imap.select("INBOX").await.exists;
        assert!(exists > 0, "{name} has no mail");
        let answer = imap.ok("FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE)").await;
        assert_eq!(answer.fetches().count(), usize::try_from(exists).unwrap());
    }
    assert!(total >= 1_200, "only {total} messages");
    assert!(nested, "no folder lies in another");
    more_arrives(&demo, &users[0]).await;
    demo.stop().await;
}

/// New mail comes every 20 seconds, to one user after the other.
async fn more_arrives(demo: &Program, (name, password): &(String, String)) {
    let mut imap = login(demo, name, password).await;
    let before = imap.select("INBOX").await.exists;
    let tag = imap.begin("IDLE").await.unwrap();
    let news = async { while imap.read().await.unwrap().number("EXISTS").is_none_or(|now| now <= before) {} };
    timeout(Duration::from_secs(65), news).await.expect("new mail within a round of all users");
    imap.send(b"DONE\r\n").await.unwrap();
    imap.end(&tag).await.unwrap();
}

/// The line that is printed to be tried works as it stands.
#[tokio::test]
async fn the_curl_line_works() {
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
        println!("skipped: there is no curl on this machine");
        return;
    }
    let dir = TempDir::new().unwrap();
    let demo = start(&dir).await;
    let lines: Vec<String> =
        demo.lines().iter().filter_map(|line| Some(line.split_once("curl ")?.1.to_owned())).collect();
    assert_eq!(lines.len(), 3, "lines with curl");
    let wanted = [&["FETCH", "ENVELOPE"][..], &[], &["BEGIN:VCALENDAR", "BEGIN:VEVENT", "RRULE"]];
    for (line, words) in lines.iter().zip(wanted) {
        let output =
            tokio::process::Command::new("sh").arg("-c").arg(format!("curl -sS {line}")).output().await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "curl {line}: {}", String::from_utf8_lossy(&output.stderr));
        for word in words {
            assert!(text.contains(word), "curl {line}: no {word} in {text:.500}");
        }
    }
    demo.stop().await;
}

#[test]
fn the_demo_stays_on_this_machine() {
    for option in ["--imap", "--submission", "--pop3", "--ldap", "--http", "--control"] {
        let output = Command::new(program("exgate")).args(["demo", option, "0.0.0.0:0"]).output().unwrap();
        let sentence = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{sentence}");
        assert!(sentence.contains("loopback"), "{sentence}");
    }
}

#[tokio::test]
#[ignore = "a measurement, for release builds"]
async fn the_demo_is_ready_within_two_seconds() {
    let dir = TempDir::new().unwrap();
    let started = Instant::now();
    let demo = start(&dir).await;
    let ready = started.elapsed();
    println!("ready after {ready:?}");
    assert!(ready <= Duration::from_secs(2), "ready after {ready:?}");
    let (name, password) = users(&demo).remove(0);
    assert!(login(&demo, &name, &password).await.select("INBOX").await.exists > 0);
    println!("the inbox was open after {:?}", started.elapsed());
    demo.stop().await;
}

async fn start(dir: &TempDir) -> Program {
    // Built before the clock starts to run.
    let _ = program("exgate");
    let state = dir.path().join("state").to_string_lossy().into_owned();
    let doors = ["--imap", "--submission", "--pop3", "--ldap", "--http", "--control"]
        .iter()
        .flat_map(|door| [*door, "127.0.0.1:0"]);
    let arguments: Vec<String> = ["demo", "--state", &state].into_iter().chain(doors).map(str::to_owned).collect();
    Program::start("exgate", &arguments, &dir.path().join("stderr")).await
}

/// Names and passwords, as the demo prints them.
fn users(demo: &Program) -> Vec<(String, String)> {
    let words = |line: &String| {
        let (name, password) = line.strip_prefix("user ")?.split_once(" password ")?;
        Some((name.to_owned(), password.to_owned()))
    };
    demo.lines().iter().filter_map(words).collect()
}

async fn login(demo: &Program, name: &str, password: &str) -> Imap {
    let address = demo.announced("imap").parse().expect("an address");
    let mut imap = Imap::connect(address).await.expect("the demo greets");
    imap.ok(&format!("LOGIN {name} {password}")).await;
    imap
}

/// The folders that can be opened, as LIST writes their names.
async fn folders(imap: &mut Imap) -> Vec<String> {
    let list = imap.ok("LIST \"\" *").await.lines();
    let names = list.iter().filter(|line| !line.contains("\\Noselect") && !line.contains("\\NonExistent"));
    names.filter_map(|line| line.split_once("\"/\" ").map(|(_, name)| name.to_owned())).collect()
}
