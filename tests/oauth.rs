//! Tokens in place of passwords: `exgate login` and `logout`, and a service account that signs in as an application.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::Stdio;

use exgate_tests::{Options, PASSWORD, Simulator, Site, Status, USER, letter, program};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// What the simulated provider knows by itself: one for people, one that acts by itself.
const PEOPLE: &str = "client_id = \"11111111-1111-4111-8111-111111111111\"";
const APPLICATION: &str = "client_id = \"22222222-2222-4222-8222-222222222222\"\nclient_secret = \"demo-secret\"\nflow = \"client_credentials\"";

/// Tables for this Exchange and its provider.
fn tables(simulator: &Simulator, more: &str, oauth: &str) -> String {
    let resource = simulator.ews.split("/EWS").next().unwrap();
    format!(
        "[exchange.main]\nurl = \"{}\"\ndomains = [\"demo.test\"]\nauth = \"oauth\"\n{more}\n[exchange.main.oauth]\n\
         authority = \"{}\"\ntenant = \"demo.test\"\nresource = \"{resource}\"\n{oauth}\n",
        simulator.ews,
        simulator.place("idp")
    )
}

fn exgate(command: &str, site: &Site) -> Command {
    let mut made = Command::new(program("exgate"));
    made.args([command, USER, "--config"]).arg(site.path().join("exgate.toml"));
    made.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    made
}

async fn code(command: &str, site: &Site) -> (Option<i32>, String) {
    let output = exgate(command, site).output().await.unwrap();
    let told = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(told).unwrap())
}

/// Does in a browser what `exgate login` asks for: enters the code, and signs in.
async fn consent(line: &str) {
    let url = line.split_whitespace().find(|word| word.starts_with("http")).unwrap();
    let code = line.rsplit(' ').next().unwrap();
    let browser = reqwest::Client::builder().no_proxy().build().unwrap();
    let form = format!("otc={code}&login={}&passwd={PASSWORD}", USER.replace('@', "%40"));
    let posted = browser.post(url).header("Content-Type", "application/x-www-form-urlencoded").body(form).send().await;
    assert!(posted.unwrap().status().is_success());
}

#[tokio::test]
async fn somebody_signs_in_once_and_out_again() {
    let simulator = Options::preset("empty").services().start().await;
    let site = Site::tables(&tables(&simulator, "", &format!("{PEOPLE}\nflow = \"device\"")));
    let (ended, told) = code("check", &site).await;
    assert_eq!(ended, Some(1), "{told}");
    assert!(told.contains("exgate login"), "{told}");
    let mut login = exgate("login", &site).spawn().unwrap();
    let mut lines = BufReader::new(login.stdout.take().unwrap()).lines();
    consent(&lines.next_line().await.unwrap().unwrap()).await;
    assert!(login.wait().await.unwrap().success());
    let (ended, told) = code("check", &site).await;
    assert_eq!(ended, Some(0), "{told}");
    // A password is not sent to a server that was set up for tokens.
    let gateway = site.start().await;
    let answer = gateway.connect().await.command(&format!("LOGIN {USER} {PASSWORD}")).await;
    assert_eq!(answer.status, Status::No);
    gateway.stop().await;
    assert_eq!(code("logout", &site).await.0, Some(0));
    assert_eq!(code("check", &site).await.0, Some(1));
    assert_eq!(code("logout", &site).await.0, Some(2), "there is nobody to be signed out");
}

#[tokio::test]
async fn consent_that_comes_late_is_taken_when_login_runs_again() {
    let simulator = Options::preset("empty").services().start().await;
    let site = Site::tables(&tables(&simulator, "", &format!("{PEOPLE}\nflow = \"device\"\ntimeout = \"1s\"")));
    let (ended, told) = code("login", &site).await;
    assert_eq!(ended, Some(1), "{told}");
    consent(told.lines().next().unwrap()).await;
    let (ended, told) = code("login", &site).await;
    assert_eq!(ended, Some(0), "{told}");
}

#[tokio::test]
async fn an_application_acts_for_users_who_show_their_passwords() {
    let simulator = Options::preset("empty").services().start().await;
    simulator.deliver("inbox", &letter("one")).await;
    let site = Site::tables(&tables(&simulator, "mode = \"impersonation\"", APPLICATION));
    let (ended, told) = code("check", &site).await;
    assert_eq!(ended, Some(0), "{told}");
    let gateway = site.start().await;
    let mut imap = gateway.connect().await;
    imap.ok(&format!("LOGIN {USER} {PASSWORD}")).await;
    assert_eq!(imap.select("INBOX").await.exists, 1);
    let answer = gateway.connect().await.command(&format!("LOGIN {USER} wrong")).await;
    assert_eq!(answer.status, Status::No);
    gateway.stop().await;
}
