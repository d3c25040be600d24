//! People get device passwords for themselves: on the page `/enroll`, and in the terminal by `exgate setup`.

use std::time::{Duration, Instant};

use exgate_tests::{Gateway, Options, PASSWORD, Simulator, Site, Status, USER};
use reqwest::header::{CONTENT_TYPE, COOKIE, ORIGIN};
use reqwest::{Client, Response};

const CLIENTS: &str =
    "[clients]\nhost = \"mail.corp.example\"\nimaps = 993\nsubmissions = 465\nhttps = 443\nenroll = true\n";

async fn site(more: &str) -> (Simulator, Site) {
    let simulator = Options::preset("empty").start().await;
    let exchange = format!("[exchange.main]\nurl = \"{}\"\nauth = \"basic\"\nallow_http = true\n", simulator.ews);
    let site = Site::tables(&format!("{CLIENTS}{more}{exchange}"));
    (simulator, site)
}

/// A browser with the form before it.
struct Browser {
    client: Client,
    url: String,
    cookie: String,
    token: String,
}

impl Browser {
    async fn open(gateway: &Gateway) -> Self {
        let (client, url) = (Client::new(), format!("http://{}/enroll", gateway.http));
        let answer = client.get(&url).send().await.unwrap();
        let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        is_strict(&answer);
        let page = answer.text().await.unwrap();
        let token = between(&page, "name=\"token\" value=\"", "\"").to_owned();
        Self { client, url, cookie: cookie.split(';').next().unwrap().to_owned(), token }
    }

    async fn send(&self, password: &str, headers: &[(&str, &str)]) -> Response {
        let fields = [("address", USER), ("password", password), ("device", "My <phone>"), ("token", &self.token)];
        let fields = fields.map(|(name, value)| format!("{name}={}", value.replace('@', "%40").replace('<', "%3C")));
        let mut request = self.client.post(&self.url).header(COOKIE, &self.cookie);
        request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(fields.join("&"));
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.unwrap()
    }
}

fn is_strict(answer: &Response) {
    let policy = answer.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(
        (&answer.headers()["cache-control"], &answer.headers()["referrer-policy"]),
        (&"no-store".parse().unwrap(), &"no-referrer".parse().unwrap())
    );
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    text.split_once(before)
        .and_then(|(_, rest)| rest.split_once(after))
        .unwrap_or_else(|| panic!("{before} in {text}"))
        .0
}

async fn signs_in(gateway: &Gateway, password: &str) -> Result<(), String> {
    let answer = gateway.connect().await.command(&format!("LOGIN {USER} {password}")).await;
    if answer.status == Status::Ok { Ok(()) } else { Err(answer.text) }
}

#[tokio::test]
async fn a_form_gives_a_device_its_password() {
    let (_simulator, site) = site("").await;
    let gateway = site.start().await;
    let browser = Browser::open(&gateway).await;
    let answer = browser.send(PASSWORD, &[(ORIGIN.as_str(), &format!("http://{}", gateway.http))]).await;
    assert_eq!(answer.status(), 200);
    is_strict(&answer);
    let page = answer.text().await.unwrap();
    let password = between(&page, "id=\"device-password\">", "<");
    signs_in(&gateway, password).await.unwrap();
    for part in ["mail.corp.example:993", "https://mail.corp.example/", "<svg", USER, "msmtprc"] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    assert!(!page.contains(PASSWORD) && !page.contains("<script"));
    let listed = site.fine(&["device", "list"]);
    assert!(listed.contains("My <phone>") && !listed.contains(password), "{listed}");
    assert!(site.fine(&["audit", "show"]).contains("enrolment"));
    // It is shown once: to ask again is to get another form.
    let again = browser.client.get(&browser.url).send().await.unwrap().text().await.unwrap();
    assert!(!again.contains(password) && again.contains("<form"));
    let log = std::fs::read_to_string(site.path().join("stderr")).unwrap();
    assert!(!log.contains(PASSWORD) && !log.contains(password));
    gateway.stop().await;
}

#[tokio::test]
async fn nobody_enrolls_by_guessing_or_from_another_page() {
    let (simulator, site) = site("").await;
    let gateway = site.start().await;
    let mut browser = Browser::open(&gateway).await;
    let asked = simulator.stats().await.requests();
    for (headers, status) in [
        (&[("origin", "https://evil.example")][..], 403),
        (&[("sec-fetch-site", "cross-site")], 403),
        (&[("content-type", "text/plain")], 415),
    ] {
        let mut request = browser.client.post(&browser.url).header(COOKIE, &browser.cookie).body("address=x");
        request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        assert_eq!(request.send().await.unwrap().status(), status, "{headers:?}");
    }
    assert_eq!(browser.client.put(&browser.url).send().await.unwrap().status(), 405);
    let token = std::mem::replace(&mut browser.token, "0".repeat(32));
    let refused = browser.send(PASSWORD, &[]).await;
    assert_eq!(refused.status(), 403);
    assert!(refused.text().await.unwrap().contains("please try again"));
    assert_eq!(simulator.stats().await.requests(), asked, "Exchange was asked");

    browser.token = token;
    let mut last = Duration::ZERO;
    for number in 0..6 {
        let began = Instant::now();
        let refused = browser.send(&format!("wrong-{number}"), &[]).await;
        last = began.elapsed();
        assert_eq!(refused.status(), 403);
        let page = refused.text().await.unwrap();
        assert!(page.contains("role=\"alert\"") && page.contains(&format!("value=\"{USER}\"")), "{page}");
    }
    assert!(last >= Duration::from_millis(250), "who guesses waits: {last:?}");
    assert_eq!(site.fine(&["device", "list"]).lines().count(), 1);
    gateway.stop().await;
}

#[tokio::test]
async fn whoever_is_held_is_led_to_the_form() {
    let (_simulator, site) = site("[accounts]\nunknown_devices = \"quarantine\"\napproval = \"manual\"\n").await;
    let gateway = site.start().await;
    let page = Browser::open(&gateway).await.send(PASSWORD, &[]).await.text().await.unwrap();
    assert!(page.contains("once an administrator has let you in"), "{page}");
    let password = between(&page, "id=\"device-password\">", "<").to_owned();
    let refused = signs_in(&gateway, &password).await.unwrap_err();
    assert!(refused.contains("waits for an administrator"), "{refused}");
    let _ = site.fine(&["account", "approve", USER]);
    signs_in(&gateway, &password).await.unwrap();

    let mut held = gateway.login().await;
    held.select("INBOX").await;
    let text = held.ok("FETCH 1 BODY.PEEK[TEXT]").await.fetches().next().unwrap().bytes("BODY[TEXT]").to_vec();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("sign in at https://mail.corp.example/enroll\r\n"), "{text}");
    let answer = gateway.dav().ask("PROPFIND", "/", &[("Depth", "0")], "").await;
    assert!(answer.status == 403 && answer.text.contains("https://mail.corp.example/enroll"), "{}", answer.text);
    let _ = site.fine(&["account", "block", USER]);
    let refused = Browser::open(&gateway).await.send(PASSWORD, &[]).await;
    assert_eq!(refused.status(), 403);
    assert!(refused.text().await.unwrap().contains("This account is blocked"));
    gateway.stop().await;
}

#[tokio::test]
async fn a_terminal_does_the_same() {
    let (_simulator, site) = site("").await;
    let gateway = site.start().await;
    let profile = site.path().join("alice.mobileconfig");
    let words = ["setup", USER, "--qr", "--client", "unix", "--profile", profile.to_str().unwrap()];
    let told = site.fine(&words);
    signs_in(&gateway, between(&told, "password: ", "\n")).await.unwrap();
    for part in ["incoming mail (IMAP): mail.corp.example:993", "Host mail.corp.example", "▀"] {
        assert!(told.contains(part), "no {part} in {told}");
    }
    assert!(std::fs::read_to_string(profile).unwrap().contains(&format!("<string>{USER}</string>")));
    let wrong = site.exgate(&["setup", USER], "wrong");
    assert!(!wrong.status.success() && wrong.stdout.is_empty());
    for (path, part) in
        [("/setup", "/setup/davx5"), ("/setup/thunderbird", "mail.corp.example"), ("/setup.css", "main")]
    {
        let answer = reqwest::get(format!("http://{}{path}", gateway.http)).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert!(answer.text().await.unwrap().contains(part), "{path}");
    }
    gateway.stop().await;
}
