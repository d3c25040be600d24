//! The flows against an identity provider that answers as a function says.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use ring::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::client::Network;
use super::form::fields;
use super::*;
use crate::{Ask, Cause, Error, ErrorKind, Secret, Told};

type Fields = HashMap<String, String>;
type Answers = Box<dyn Fn(usize, &Fields) -> (u16, String) + Send + Sync>;

/// What was asked, and when; and what is answered.
struct Idp {
    asked: Mutex<Vec<(Instant, Fields)>>,
    answers: Answers,
    date: Option<&'static str>,
}

impl Network for Idp {
    fn ask<'a>(&'a self, ask: Ask<'a>) -> Pin<Box<dyn Future<Output = Result<Told, Error>> + Send + 'a>> {
        Box::pin(async move {
            let body = ask.body.map(|(_, body)| String::from_utf8(body.to_vec()).unwrap()).unwrap_or_default();
            let mut form: Fields = fields(&body).into_iter().collect();
            form.insert("url".to_owned(), ask.url.to_owned());
            let number = {
                let mut asked = self.asked.lock().unwrap();
                asked.push((Instant::now(), form.clone()));
                asked.len() - 1
            };
            tokio::task::yield_now().await;
            let (status, body) = (self.answers)(number, &form);
            if status == 0 {
                return Err(Error::unavailable("no way there").because(Cause::Unreachable));
            }
            let mut headers = HeaderMap::new();
            if let Some(date) = self.date {
                headers.insert("date", HeaderValue::from_static(date));
            }
            Ok(Told { status, headers, body: Bytes::from(body) })
        })
    }
}

#[derive(Debug, Default)]
struct Store {
    kept: Mutex<HashMap<String, Secret>>,
    wanted: Mutex<Option<String>>,
    full: Mutex<bool>,
}

impl TokenStore for Store {
    fn load(&self, user: &str) -> Result<Option<Secret>, String> {
        Ok(self.kept.lock().unwrap().get(user).cloned())
    }

    fn replace(&self, user: &str, used: Option<&Secret>, next: &Secret) -> Result<(), String> {
        if *self.full.lock().unwrap() {
            return Err("the disk is full".to_owned());
        }
        let mut kept = self.kept.lock().unwrap();
        if used.is_none() || kept.get(user) == used {
            kept.insert(user.to_owned(), next.clone());
        }
        Ok(())
    }

    fn want(&self, _: &str, claims: Option<&str>) -> Result<(), String> {
        *self.wanted.lock().unwrap() = claims.map(str::to_owned);
        Ok(())
    }

    fn remove(&self, user: &str) -> Result<bool, String> {
        Ok(self.kept.lock().unwrap().remove(user).is_some())
    }
}

struct Lab {
    oauth: OAuth,
    idp: Arc<Idp>,
    store: Arc<Store>,
}

const ANNA: &str = "anna@corp.example";

impl Lab {
    fn new(
        change: impl FnOnce(&mut OAuthConfig),
        answers: impl Fn(usize, &Fields) -> (u16, String) + Send + Sync + 'static,
    ) -> Lab {
        let idp = Idp { asked: Mutex::default(), answers: Box::new(answers), date: None };
        Lab::with(change, idp)
    }

    fn with(change: impl FnOnce(&mut OAuthConfig), idp: Idp) -> Lab {
        let mut config = OAuthConfig::new("https://login.microsoftonline.com", "app-1", "https://mail.corp.example");
        config.tenant = Some("t-1".to_owned());
        change(&mut config);
        let (idp, store) = (Arc::new(idp), Arc::new(Store::default()));
        let oauth = OAuth::over(config, idp.clone(), store.clone()).unwrap();
        Lab { oauth, idp, store }
    }

    fn stored(&self) -> String {
        self.store.load(ANNA).unwrap().unwrap().expose().to_owned()
    }

    fn store(&self, token: &str) {
        self.store.replace(ANNA, None, &Secret::new(token)).unwrap();
    }

    fn asked(&self) -> Vec<Fields> {
        self.idp.asked.lock().unwrap().iter().map(|(_, form)| form.clone()).collect()
    }
}

fn tokens(number: usize) -> (u16, String) {
    let id = URL_SAFE_NO_PAD.encode(format!("{{\"preferred_username\":\"{ANNA}\"}}"));
    let body = format!(
        "{{\"access_token\":\"canary-access-{number}\",\"refresh_token\":\"canary-refresh-{number}\",\"expires_in\":3600,\"id_token\":\"e30.{id}.c2ln\"}}"
    );
    (200, body)
}

fn refuses(error: &str, code: u32) -> (u16, String) {
    (400, format!("{{\"error\":\"{error}\",\"error_description\":\"AADSTS{code}: No.\",\"error_codes\":[{code}]}}"))
}

/// As a browser does that was sent back; gives the page it is shown.
async fn come_back(redirect: &str, query: &str) -> String {
    let authority =
        redirect.strip_prefix("http://").unwrap().split('/').next().unwrap().replace("localhost", "127.0.0.1");
    let mut socket = tokio::net::TcpStream::connect(authority).await.unwrap();
    let path = redirect.splitn(4, '/').nth(3).unwrap_or_default();
    socket.write_all(format!("GET /{path}{query} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await.unwrap();
    let mut page = String::new();
    socket.read_to_string(&mut page).await.unwrap();
    page
}

fn browser(attempt: &Attempt) -> (Fields, String) {
    let Prompt::Browser { url, redirect, .. } = attempt.prompt() else { panic!() };
    assert!(url.starts_with("https://login.microsoftonline.com/t-1/oauth2/v2.0/authorize?"), "{url}");
    (fields(url.split_once('?').unwrap().1).into_iter().collect(), redirect.clone())
}

#[tokio::test]
async fn a_code_is_redeemed_with_its_verifier_and_nobody_elses_counts() {
    let lab = Lab::new(|_| {}, |number, _| tokens(number));
    let mut attempt = lab.oauth.begin(Some(ANNA), None).await.unwrap();
    let (asked, redirect) = browser(&attempt);
    assert_eq!(asked["scope"], "https://mail.corp.example/EWS.AccessAsUser.All offline_access openid profile");
    assert_eq!((asked["response_type"].as_str(), asked["login_hint"].as_str()), ("code", ANNA));
    assert_eq!((asked["code_challenge_method"].as_str(), &asked["redirect_uri"]), ("S256", &redirect));
    assert!(redirect.starts_with("http://localhost:") && !redirect.ends_with('/'));
    let page = tokio::spawn({
        let (redirect, state) = (redirect.clone(), asked["state"].clone());
        async move {
            assert!(come_back(&redirect, "favicon.ico").await.starts_with("HTTP/1.1 404 "));
            assert!(come_back(&redirect, "?code=evil&state=guessed").await.contains("Not this sign-in"));
            come_back(&redirect, &format!("?code=c%201&state={state}")).await
        }
    });
    let Waited::Done(grant) = attempt.wait().await.unwrap() else { panic!() };
    assert!(page.await.unwrap().contains("<h1>Signed in</h1>"));
    assert_eq!(grant.user.as_deref(), Some(ANNA));
    let form = &lab.asked()[0];
    assert_eq!((form["grant_type"].as_str(), form["code"].as_str()), ("authorization_code", "c 1"));
    assert_eq!(code_challenge(&Secret::new(form["code_verifier"].clone())), asked["code_challenge"]);
    assert_eq!(form["redirect_uri"], redirect);
    let tokens = lab.oauth.tokens(ANNA);
    lab.oauth.keep(ANNA, grant).await.unwrap();
    assert_eq!(lab.stored(), "canary-refresh-0");
    assert_eq!(tokens.token(None).await.unwrap().expose(), "canary-access-0");
    let told = format!("{attempt:?} {:?} {:?}", lab.oauth, lab.oauth.tokens(ANNA));
    // The state is in the address that somebody is to open; the verifier is nowhere.
    for secret in [form["code_verifier"].as_str(), "canary"] {
        assert!(!told.contains(secret), "{told}");
    }
}

#[tokio::test]
async fn a_late_consent_counts() {
    let lab = Lab::new(|config| config.timeout = Duration::from_millis(20), |number, _| tokens(number));
    let mut attempt = lab.oauth.begin(None, None).await.unwrap();
    let Waited::NotYet(told) = attempt.wait().await.unwrap() else { panic!() };
    assert_eq!(
        told,
        "nobody has signed in within 0 s (oauth.timeout); the sign-in stays open, and can be waited for again"
    );
    // By the same process, by another one, and from another machine.
    let (asked, redirect) = browser(&attempt);
    let answer = format!("?state={}&code=late", asked["state"]);
    let page = tokio::spawn({
        let (redirect, answer) = (redirect.clone(), answer.clone());
        async move { come_back(&redirect, &answer).await }
    });
    loop {
        if let Waited::Done(_) = attempt.wait().await.unwrap() {
            break;
        }
    }
    assert!(page.await.unwrap().contains("Signed in"));
    let saved = attempt.save();
    assert_eq!(format!("{saved:?}"), "<secret>");
    drop(attempt);
    // Its listeners end.
    tokio::task::yield_now().await;
    let resumed = loop {
        // The listener of the first attempt may take a moment to be gone.
        match lab.oauth.resume(&saved).await {
            Ok(resumed) => break resumed,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(browser(&resumed).1, redirect);
    resumed.accept(&format!("http://localhost/{answer}")).await.unwrap();
    assert!(resumed.accept("http://localhost/?state=other&code=late").await.is_err());
    let forms = lab.asked();
    assert_eq!((forms.len(), &forms[0]["code_verifier"]), (2, &forms[1]["code_verifier"]));
}

#[tokio::test]
async fn a_redirect_that_is_not_registered_is_told_exactly() {
    let lab = Lab::new(
        |config| config.redirect = Some("http://localhost/exgate".to_owned()),
        |_, _| refuses("invalid_client", 50011),
    );
    let mut attempt = lab.oauth.begin(None, None).await.unwrap();
    let (asked, redirect) = browser(&attempt);
    let query =
        format!("?error=invalid_request&error_description=AADSTS50011%3A+The+redirect+URI&state={}", asked["state"]);
    let page = tokio::spawn({
        let redirect = redirect.clone();
        async move { come_back(&redirect, &query).await }
    });
    let error = attempt.wait().await.unwrap_err();
    assert_eq!(error.cause, Some(Cause::Administrator));
    assert!(
        error.message.contains(&format!("register exactly {redirect} for the application app-1")),
        "{}",
        error.message
    );
    assert!(page.await.unwrap().contains("Not signed in"));
}

#[tokio::test]
async fn a_browser_elsewhere_hands_its_address_over() {
    let lab = Lab::new(
        |config| config.redirect = Some("https://gate.corp.example/done".to_owned()),
        |number, _| tokens(number),
    );
    let mut attempt = lab.oauth.begin(None, None).await.unwrap();
    let Prompt::Browser { url, comes_back: false, .. } = attempt.prompt().clone() else { panic!() };
    assert!(attempt.wait().await.is_err());
    let state = fields(&url).into_iter().find(|(name, _)| name == "state").unwrap().1;
    let grant = attempt.accept(&format!("https://gate.corp.example/done?code=x&state={state}#frag")).await.unwrap();
    assert_eq!(grant.access.expose(), "canary-access-0");
}

#[tokio::test(start_paused = true)]
async fn a_device_code_is_asked_for_no_faster_than_told() {
    let device = "{\"device_code\":\"canary-device\",\"user_code\":\"ABC-DEF\",\"verification_uri\":\"https://id/device\",\"interval\":5,\"expires_in\":900}";
    let lab = Lab::new(
        |config| config.flow = Flow::Device,
        move |number, _| match number {
            0 => (200, device.to_owned()),
            1 => refuses("authorization_pending", 70016),
            2 => refuses("slow_down", 1),
            3 => (0, String::new()),
            25.. => tokens(number),
            _ => refuses("authorization_pending", 70016),
        },
    );
    let mut attempt = lab.oauth.begin(Some(ANNA), None).await.unwrap();
    assert!(matches!(attempt.prompt(), Prompt::Device { code, .. } if code == "ABC-DEF"));
    let begun = Instant::now();
    let Waited::NotYet(told) = attempt.wait().await.unwrap() else { panic!() };
    assert!(told.starts_with("nobody has signed in within 120 s"), "{told}");
    assert_eq!(begun.elapsed(), Duration::from_secs(120));
    // Another process goes on with it.
    let saved = attempt.save();
    let mut attempt = lab.oauth.resume(&saved).await.unwrap();
    loop {
        match attempt.wait().await.unwrap() {
            Waited::Done(grant) => break assert_eq!(grant.access.expose(), "canary-access-25"),
            Waited::NotYet(_) => {}
        }
    }
    let times: Vec<u64> =
        lab.idp.asked.lock().unwrap().iter().map(|(at, _)| at.duration_since(begun).as_secs()).collect();
    assert_eq!(times[1..7], [5, 10, 20, 40, 60, 80]);
    let form = &lab.asked()[1];
    assert_eq!(
        (form["grant_type"].as_str(), form["device_code"].as_str()),
        ("urn:ietf:params:oauth:grant-type:device_code", "canary-device")
    );
}

#[tokio::test(start_paused = true)]
async fn a_device_code_ends() {
    let device = "{\"device_code\":\"d\",\"user_code\":\"u\",\"verification_uri\":\"https://id/\",\"expires_in\":60}";
    let lab = Lab::new(
        |config| config.flow = Flow::Device,
        move |number, _| if number == 0 { (200, device.to_owned()) } else { refuses("authorization_pending", 70016) },
    );
    let error = lab.oauth.begin(None, None).await.unwrap().wait().await.unwrap_err();
    assert_eq!((error.kind, error.cause), (ErrorKind::SignIn, Some(Cause::GrantLost)));
}

#[tokio::test]
async fn a_service_proves_itself_by_its_certificate() {
    let certificate = include_bytes!("../../tests/samples/assertion-certificate.pem");
    let key = include_bytes!("../../tests/samples/assertion-key.pem");
    let signing = SigningKey::from_pem(certificate, key).unwrap();
    let change = |config: &mut OAuthConfig| {
        config.flow = Flow::ClientCredentials;
        config.credential = Credential::Key(signing.clone());
    };
    let lab = Lab::new(change, |number, _| tokens(number));
    lab.oauth.tokens("").token(None).await.unwrap();
    let form = &lab.asked()[0];
    assert_eq!(
        (form["grant_type"].as_str(), form["scope"].as_str()),
        ("client_credentials", "https://mail.corp.example/.default")
    );
    assert_eq!(form["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    assert!(!form.contains_key("client_secret"));
    let parts: Vec<&str> = form["client_assertion"].split('.').collect();
    let decode = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let (head, said) = (decode(parts[0]), decode(parts[1]));
    assert_eq!((head["alg"].as_str(), head["x5t#S256"].as_str().map(str::len)), (Some("PS256"), Some(43)));
    assert_eq!((said["iss"].as_str(), said["sub"].as_str()), (Some("app-1"), Some("app-1")));
    assert_eq!(said["aud"].as_str(), Some("https://login.microsoftonline.com/t-1/oauth2/v2.0/token"));
    assert!(said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap() < 600);
    let pem = rustls_pki_types::pem::PemObject::from_pem_slice(certificate);
    let der: rustls_pki_types::CertificateDer<'_> = pem.unwrap();
    let (_, read) = x509_parser::parse_x509_certificate(&der).unwrap();
    let signed = format!("{}.{}", parts[0], parts[1]);
    UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, read.public_key().subject_public_key.data.as_ref())
        .verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(parts[2]).unwrap())
        .unwrap();
    assert!(lab.store.kept.lock().unwrap().is_empty(), "there is nothing to be kept");
    let told = SigningKey::from_pem(b"", key).unwrap_err().message;
    assert_eq!(told, "oauth.certificate: holds no certificate in PEM");
    assert!(SigningKey::from_pem(certificate, b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n").is_err());
}

#[tokio::test(start_paused = true)]
async fn thirty_days_pass_without_a_question() {
    let last = Arc::new(Mutex::new("first".to_owned()));
    let lab = Lab::new(
        |_| {},
        move |number, form| {
            let mut last = last.lock().unwrap();
            // Each refresh token is good once.
            if form["refresh_token"] != *last {
                return refuses("invalid_grant", 70000);
            }
            *last = format!("canary-refresh-{number}");
            tokens(number)
        },
    );
    lab.store("first");
    let tokens = lab.oauth.tokens(ANNA);
    for _ in 0..30 * 24 * 12 {
        tokens.token(None).await.unwrap();
        tokio::time::advance(Duration::from_secs(300)).await;
    }
    let asked = lab.asked();
    // 45 minutes of each hour-long token are used.
    assert_eq!(asked.len(), 30 * 24 * 60 / 45);
    assert!(asked.iter().all(|form| form["grant_type"] == "refresh_token" && form["scope"].contains("offline_access")));
    assert_eq!(lab.stored(), format!("canary-refresh-{}", asked.len() - 1));
}

#[tokio::test(start_paused = true)]
async fn all_wait_for_one_question() {
    let lab = Lab::new(|_| {}, |number, _| tokens(number));
    lab.store("first");
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let tokens = lab.oauth.tokens(ANNA);
        callers.spawn(async move { tokens.token(None).await.unwrap() });
    }
    let all = callers.join_all().await;
    assert!(all.iter().all(|token| token.expose() == "canary-access-0"));
    assert_eq!(lab.asked().len(), 1);
    // The same when a server refuses it, whoever is told so first.
    let tokens = lab.oauth.tokens(ANNA);
    let challenge = Challenge { token: Some(Secret::new("canary-access-0")), ..Challenge::default() };
    let (one, other) = tokio::join!(tokens.token(Some(&challenge)), tokens.token(Some(&challenge)));
    assert_eq!((one.unwrap().expose(), other.unwrap().expose()), ("canary-access-1", "canary-access-1"));
    assert_eq!(lab.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_loses_nothing() {
    let lab = Lab::new(|_| {}, |number, _| tokens(number));
    lab.store("first");
    let tokens = lab.oauth.tokens(ANNA);
    let mut asking = tokens.token(None);
    // As far as the identity provider has been asked.
    while lab.asked().is_empty() {
        let polled = std::future::poll_fn(|context| std::task::Poll::Ready(asking.as_mut().poll(context)));
        assert!(polled.await.is_pending());
        tokio::task::yield_now().await;
    }
    drop(asking);
    assert_eq!(tokens.token(None).await.unwrap().expose(), "canary-access-0");
    assert_eq!(lab.stored(), "canary-refresh-0");
}

#[tokio::test(start_paused = true)]
async fn a_lost_sign_in_is_told_once_and_another_one_counts_at_once() {
    let good = "again";
    let lab = Lab::new(
        |_| {},
        move |number, form| {
            if form["refresh_token"] == good { tokens(number) } else { refuses("invalid_grant", 700_082) }
        },
    );
    let tokens = lab.oauth.tokens(ANNA);
    let error = tokens.token(None).await.unwrap_err();
    assert_eq!((error.kind, error.cause), (ErrorKind::SignIn, Some(Cause::GrantLost)));
    assert_eq!(error.message, "nobody has signed in for anna@corp.example yet: exgate login anna@corp.example");
    lab.store("old");
    for _ in 0..10 {
        let error = tokens.token(None).await.unwrap_err();
        assert!(error.message.contains("was not used for too long: sign in again (AADSTS700082"), "{}", error.message);
    }
    assert_eq!(lab.asked().len(), 1, "it is not asked for again and again");
    lab.store(good);
    tokens.token(None).await.unwrap();
    assert!(lab.oauth.forget(ANNA).await.unwrap() && !lab.oauth.forget(ANNA).await.unwrap());
    assert_eq!(tokens.token(None).await.unwrap_err().cause, Some(Cause::GrantLost));
}

#[tokio::test(start_paused = true)]
async fn a_refresh_token_is_on_disk_before_its_access_token_is_used() {
    let lab = Lab::new(
        |_| {},
        |number, form| {
            assert_ne!(form["refresh_token"], if number == 0 { "" } else { "first" }, "a used one");
            tokens(number)
        },
    );
    lab.store("first");
    *lab.store.full.lock().unwrap() = true;
    let tokens = lab.oauth.tokens(ANNA);
    let error = tokens.token(None).await.unwrap_err();
    assert_eq!(error.message, "the stored sign-in cannot be read or written: the disk is full");
    *lab.store.full.lock().unwrap() = false;
    assert_eq!(tokens.token(None).await.unwrap().expose(), "canary-access-1");
    assert_eq!(lab.stored(), "canary-refresh-1");
}

#[tokio::test(start_paused = true)]
async fn what_another_process_stored_is_used() {
    let lab = Lab::new(
        |_| {},
        |number, form| {
            if form["refresh_token"] == "theirs" { tokens(number) } else { refuses("invalid_grant", 70000) }
        },
    );
    lab.store("ours");
    let store = lab.store.clone();
    let (first, second) = tokio::join!(async { lab.oauth.tokens(ANNA).token(None).await }, async {
        while lab.asked().is_empty() {
            tokio::task::yield_now().await;
        }
        store.replace(ANNA, None, &Secret::new("theirs"))
    });
    second.unwrap();
    // Either our refusal came after theirs was stored, or the next one finds it.
    let token = match first {
        Ok(token) => token,
        Err(_) => lab.oauth.tokens(ANNA).token(None).await.unwrap(),
    };
    assert!(token.expose().starts_with("canary-access-"));
}

#[tokio::test(start_paused = true)]
async fn an_identity_provider_out_of_order_is_survived_while_the_token_lives() {
    let lab = Lab::new(
        |_| {},
        |number, _| match number {
            0 => tokens(0),
            1 => (0, String::new()),
            2 => (503, "<html>".to_owned()),
            _ => refuses("temporarily_unavailable", 90033),
        },
    );
    lab.store("first");
    let tokens = lab.oauth.tokens(ANNA);
    tokens.token(None).await.unwrap();
    tokio::time::advance(Duration::from_secs(2800)).await;
    for _ in 0..20 {
        assert_eq!(tokens.token(None).await.unwrap().expose(), "canary-access-0");
        tokio::time::advance(Duration::from_secs(31)).await;
    }
    assert!(lab.asked().len() > 3);
    tokio::time::advance(Duration::from_secs(600)).await;
    assert!(tokens.token(None).await.unwrap_err().kind.is_transient());
}

#[tokio::test(start_paused = true)]
async fn claims_a_server_wants_are_asked_for() {
    let claims = r#"{"access_token":{"nbf":{"essential":true}}}"#;
    let lab = Lab::new(
        // Nobody has to listen for it.
        |config| config.redirect = Some("https://gateway.corp.example/back".to_owned()),
        |number, form| match form.get("claims") {
            Some(_) if number < 2 => tokens(number),
            Some(_) => refuses("interaction_required", 50076),
            None => tokens(number),
        },
    );
    lab.store("first");
    let tokens = lab.oauth.tokens(ANNA);
    let token = tokens.token(None).await.unwrap();
    let header =
        format!("Bearer error=\"insufficient_claims\", claims=\"{}\"", base64::prelude::BASE64_STANDARD.encode(claims));
    let challenge = |token: Secret| Challenge {
        token: Some(token),
        bearer: Bearer::parse([header.as_str()]).unwrap(),
        diagnostics: None,
    };
    let token = tokens.token(Some(&challenge(token))).await.unwrap();
    assert_eq!(lab.asked()[1]["claims"], claims);
    let error = tokens.token(Some(&challenge(token))).await.unwrap_err();
    assert_eq!(error.cause, Some(Cause::GrantLost));
    assert_eq!(lab.store.wanted.lock().unwrap().as_deref(), Some(claims));
    let attempt = lab.oauth.begin(Some(ANNA), Some(claims)).await.unwrap();
    assert_eq!(browser(&attempt).0["claims"], claims);
    let saved = attempt.save();
    drop(attempt);
    let resumed = lab.oauth.resume(&saved).await.unwrap();
    assert_eq!((browser(&resumed).0["claims"].as_str(), browser(&resumed).0["login_hint"].as_str()), (claims, ANNA));
}

#[tokio::test(start_paused = true)]
async fn clocks_are_compared() {
    let idp = Idp {
        asked: Mutex::default(),
        answers: Box::new(|number, _| tokens(number)),
        date: Some("Thu, 01 Jan 2099 00:00:00 GMT"),
    };
    let lab = Lab::with(|_| {}, idp);
    lab.store("first");
    assert_eq!(lab.oauth.clock_skew(), None);
    lab.oauth.tokens(ANNA).token(None).await.unwrap();
    assert!(lab.oauth.clock_skew().unwrap().as_hours() > 24 * 365);
    assert!(
        lab.oauth.now().to_string().starts_with("2099-01-01") || lab.oauth.now().to_string().starts_with("2098-12-31")
    );
}

#[tokio::test]
async fn a_configuration_that_cannot_work_is_told() {
    let told = |change: &dyn Fn(&mut OAuthConfig)| {
        let mut config = OAuthConfig::new("https://login.microsoftonline.com", "app-1", "https://mail.corp.example");
        change(&mut config);
        let idp = Idp { asked: Mutex::default(), answers: Box::new(|number, _| tokens(number)), date: None };
        OAuth::over(config, Arc::new(idp), Arc::new(Store::default())).map(drop).unwrap_err().message
    };
    assert_eq!(told(&|config| config.client_id.clear()), "oauth.client_id: must be given");
    assert!(told(&|config| config.authority = "corp".to_owned()).starts_with("oauth.authority: must be a URL"));
    assert!(told(&|config| config.resource = String::new()).starts_with("oauth.resource: must be the URL"));
    assert!(told(&|config| config.flow = Flow::ClientCredentials).starts_with("oauth.flow: client_credentials needs"));
}
