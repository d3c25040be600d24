//! Tokens in place of passwords: `exgate login` and `logout`, and a service account that signs in as an application.

use std::process::Stdio;

use exgate_tests::{Options, PASSWORD, Simulator, Site, Status, USER, letter, program};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

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
    // A device has a password all the same: it stands for the sign-in.
    let config = site.path().join("exgate.toml");
    let mut made = Command::new(program("exgate"));
    made.args(["device", "add", USER, "--name", "Phone", "--config"]).arg(config);
    let made = made.stdin(Stdio::null()).output().await.unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let mut imap = gateway.connect().await;
    imap.ok(&format!("LOGIN {USER} {}", String::from_utf8_lossy(&made.stdout).trim())).await;
    imap.select("INBOX").await;
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

/// `exgate login` under way, by the code flow.
struct Login {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// What the person is to open.
    url: String,
}

impl Login {
    async fn begin(site: &Site) -> Login {
        let mut child = exgate("login", site).stdin(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.starts_with("http") {
                return Login { child, lines, url: line };
            }
        }
        let output = child.wait_with_output().await.unwrap();
        panic!("no address: {}", String::from_utf8_lossy(&output.stderr));
    }

    async fn end(mut self) -> (Option<i32>, String) {
        let mut told = String::new();
        while let Some(line) = self.lines.next_line().await.unwrap() {
            told.push_str(&line);
        }
        let output = self.child.wait_with_output().await.unwrap();
        told.push_str(&String::from_utf8(output.stderr).unwrap());
        (output.status.code(), told)
    }
}

/// A browser whose owner has a session at the provider: it follows wherever it is sent, and gives the last page.
async fn browse(url: &str) -> String {
    let browser = reqwest::Client::builder().no_proxy().build().unwrap();
    browser.get(url).send().await.unwrap().text().await.unwrap()
}

/// Where such a browser ends, on a machine where it cannot come back.
async fn end_of(url: &str) -> String {
    let browser = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let answer = browser.get(url).send().await.unwrap();
    answer.headers()["location"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_browser_signs_somebody_in_for_thirty_days_and_more() {
    let simulator = Options::preset("empty").services().start().await;
    simulator.order("/idp", &[("consent", USER)]).await;
    let site = Site::tables(&tables(&simulator, "", PEOPLE));
    let login = Login::begin(&site).await;
    assert!(browse(&login.url).await.contains("Signed in"));
    let (ended, told) = login.end().await;
    assert_eq!(ended, Some(0), "{told}");
    // Nobody would answer a question: whatever wants a sign-in fails from now on.
    simulator.order("/idp", &[("consent", "ask")]).await;
    for day in 1..=30 {
        simulator.order("/idp", &[("advance", "86400")]).await;
        let (ended, told) = code("check", &site).await;
        assert_eq!(ended, Some(0), "day {day}\n{told}");
    }
}

#[tokio::test]
async fn the_address_at_which_a_browser_elsewhere_ends_can_be_pasted() {
    let simulator = Options::preset("empty").services().start().await;
    simulator.order("/idp", &[("consent", USER)]).await;
    let site = Site::tables(&tables(&simulator, "", PEOPLE));
    let mut login = Login::begin(&site).await;
    let address = end_of(&login.url).await;
    login.child.stdin.as_mut().unwrap().write_all(format!("\n{address}\n").as_bytes()).await.unwrap();
    let (ended, told) = login.end().await;
    assert_eq!(ended, Some(0), "{told}");
    assert_eq!(code("check", &site).await.0, Some(0));
}

#[tokio::test]
async fn a_browser_that_comes_late_is_waited_for_again() {
    let simulator = Options::preset("empty").services().start().await;
    simulator.order("/idp", &[("consent", USER)]).await;
    let brief = Site::tables(&tables(&simulator, "", &format!("{PEOPLE}\ntimeout = \"1s\"")));
    let first = Login::begin(&brief).await;
    let url = first.url.clone();
    let (ended, told) = first.end().await;
    assert_eq!(ended, Some(1));
    assert!(told.contains("within 1 s (oauth.timeout)") && told.contains("run the same command again"), "{told}");
    assert!(told.contains("Redirect URI") && told.contains("exactly: http://localhost"), "{told}");
    let again = Login::begin(&brief).await;
    assert_eq!(again.url, url, "the page that is open already still counts");
    assert!(browse(&url).await.contains("Signed in"));
    assert_eq!(again.end().await.0, Some(0));
}

#[tokio::test]
async fn who_signs_in_as_somebody_else_leaves_nothing_here() {
    let simulator = Options::preset("empty").user("bob@demo.test").services().start().await;
    simulator.order("/idp", &[("consent", "bob@demo.test")]).await;
    let site = Site::tables(&tables(&simulator, "", PEOPLE));
    let login = Login::begin(&site).await;
    browse(&login.url).await;
    let (ended, told) = login.end().await;
    assert_eq!(ended, Some(1));
    assert!(told.contains("bob@demo.test has signed in") && told.contains(USER), "{told}");
    assert_eq!(code("logout", &site).await.0, Some(2), "nothing was kept");
}

#[tokio::test]
async fn what_the_provider_refuses_comes_with_what_is_to_be_registered() {
    let simulator = Options::preset("empty").services().start().await;
    let unknown = "client_id = \"33333333-3333-4333-8333-333333333333\"\nflow = \"device\"";
    let site = Site::tables(&tables(&simulator, "", unknown));
    let (ended, told) = code("login", &site).await;
    assert_eq!(ended, Some(1));
    assert!(told.contains("AADSTS700016") && told.contains("public client flows"), "{told}");
    // Consent is missing: an administrator has to give it.
    let site = Site::tables(&tables(&simulator, "", PEOPLE));
    simulator.order("/idp", &[("consent", USER)]).await;
    simulator.order("/idp", &[("error", "90094"), ("at", "token")]).await;
    let login = Login::begin(&site).await;
    assert!(browse(&login.url).await.contains("Not signed in"));
    let (ended, told) = login.end().await;
    assert_eq!(ended, Some(1));
    assert!(told.contains("EWS.AccessAsUser.All") && told.contains("adminconsent"), "{told}");
    // Where nobody has to sign in, `check` says it.
    let site = Site::tables(&tables(&simulator, "mode = \"impersonation\"", &APPLICATION.replace("2222-2", "2222-3")));
    let (ended, told) = code("check", &site).await;
    assert_eq!(ended, Some(1));
    assert!(told.contains("full_access_as_app"), "{told}");
}

#[tokio::test]
async fn claims_that_exchange_wants_are_asked_for_at_the_next_sign_in() {
    let simulator = Options::preset("empty").services().start().await;
    simulator.order("/idp", &[("consent", USER)]).await;
    let site = Site::tables(&tables(&simulator, "", PEOPLE));
    let login = Login::begin(&site).await;
    assert!(!login.url.contains("claims="), "{}", login.url);
    browse(&login.url).await;
    assert_eq!(login.end().await.0, Some(0));
    // A stronger sign-in is wanted, and the stored one is not enough.
    let claims = r#"{"access_token":{"acrs":{"essential":true,"value":"c1"}}}"#;
    simulator.order("/idp", &[("claims", USER), ("value", claims)]).await;
    simulator.order("/idp", &[("error", "50076"), ("at", "token"), ("times", "always"), ("value", claims)]).await;
    let (ended, told) = code("check", &site).await;
    assert_eq!(ended, Some(1), "{told}");
    simulator.order("/idp", &[("error", "none")]).await;
    let login = Login::begin(&site).await;
    assert!(login.url.contains("claims=") && login.url.contains("acrs"), "{}", login.url);
    browse(&login.url).await;
    assert_eq!(login.end().await.0, Some(0));
    let (ended, told) = code("check", &site).await;
    assert_eq!(ended, Some(0), "{told}");
}
