//! Conversations with the provider.

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{
    digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest},
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair},
};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer, pem::PemObject};
use serde_json::{Value, json};

use super::{jwt::encode as base64url, *};
use crate::form::encode;

const PUBLIC: &str = "11111111-1111-4111-8111-111111111111";
const SERVICE: &str = "22222222-2222-4222-8222-222222222222";
const BACK: &str = "http://localhost:4711";
const SCOPE: &str = "https://mail.a.test/EWS.AccessAsUser.All offline_access openid";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// RFC 7636 appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A provider that is spoken to as `/demo.test`.
struct Talk(Provider);

impl Talk {
    fn new() -> Self {
        Self::with(Vec::new())
    }

    fn with(clients: Vec<Client>) -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let settings = Settings { listen, url: None, clients, resources: Vec::new() };
        Self(Provider::new(&settings, &["https://mail.a.test/EWS/Exchange.asmx".to_owned()]).unwrap())
    }

    fn say(&self, post: bool, path: &str, query: &str, body: &str) -> Reply {
        self.try_say(post, path, query, body).unwrap()
    }

    fn try_say(&self, post: bool, path: &str, query: &str, body: &str) -> Option<Reply> {
        let sign_in = |name: &str, password: &str| (password == "secret").then(|| name.to_owned());
        self.0.answer(&Request { post, base: "https://login.test", path, query, body, basic: None, sign_in: &sign_in })
    }

    fn order(&self, order: &str) {
        self.0.order(&Form::parse(order)).unwrap();
    }

    /// Asks the token endpoint; gives status and answer.
    fn token(&self, pairs: &[(&str, &str)]) -> (u16, Value) {
        let reply = self.say(true, "/demo.test/oauth2/v2.0/token", "", &encode(pairs.iter().copied()));
        (reply.status, serde_json::from_str(&reply.body).unwrap())
    }

    /// The AADSTS code of a refusal.
    fn refused(&self, pairs: &[(&str, &str)]) -> u64 {
        let (status, body) = self.token(pairs);
        assert!(status >= 400, "{body}");
        body["error_codes"][0].as_u64().unwrap()
    }

    /// What the authorization endpoint sends back to the client.
    fn authorize(&self, change: &[(&'static str, &'static str)]) -> Form {
        let reply = self.say(false, "/demo.test/oauth2/v2.0/authorize", &authorization(change), "");
        assert_eq!(reply.status, 302, "{}", reply.body);
        Form::parse(reply.header("location").unwrap().split_once('?').unwrap().1)
    }

    fn code(&self) -> String {
        self.authorize(&[]).get("code").unwrap().to_owned()
    }

    /// Signs Anna in; gives the answer with her tokens.
    fn signed_in(&self) -> Value {
        self.order("consent=anna@a.test");
        let (status, body) = self.token(&redemption(&self.code()));
        assert_eq!(status, 200, "{body}");
        body
    }

    fn judge(&self, token: &Value) -> Judged {
        self.0.judge(token["access_token"].as_str().unwrap(), "mail.a.test", true)
    }

    /// `x-ms-diagnostics` for a token.
    fn diagnosis(&self, token: &Value, authority: &str) -> String {
        match self.0.judge(token["access_token"].as_str().unwrap(), authority, true) {
            Judged::Refused(refusal) => refusal.diagnostics(),
            accepted => panic!("{accepted:?}"),
        }
    }
}

fn authorization(change: &[(&'static str, &'static str)]) -> String {
    let mut pairs = vec![
        ("client_id", PUBLIC),
        ("redirect_uri", BACK),
        ("response_type", "code"),
        ("scope", SCOPE),
        ("state", "s t"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in change {
        pairs.retain(|(known, _)| known != name);
        pairs.push((name, value));
    }
    encode(pairs)
}

fn redemption(code: &str) -> [(&str, &str); 5] {
    [
        ("grant_type", "authorization_code"),
        ("client_id", PUBLIC),
        ("code", code),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ]
}

fn refresh(token: &Value) -> [(&str, &str); 3] {
    [
        ("grant_type", "refresh_token"),
        ("client_id", PUBLIC),
        ("refresh_token", token["refresh_token"].as_str().unwrap()),
    ]
}

const BY_SECRET: [(&str, &str); 4] = [
    ("grant_type", "client_credentials"),
    ("client_id", SERVICE),
    ("client_secret", "demo-secret"),
    ("scope", "https://mail.a.test/.default"),
];

#[test]
fn the_page_takes_name_and_password() {
    let talk = Talk::new();
    let (path, query) = ("/demo.test/oauth2/v2.0/authorize", authorization(&[("login_hint", "anna@a.test")]));
    let page = talk.say(false, path, &query, "");
    assert!(page.status == 200 && page.body.contains("value=\"anna@a.test\""), "{}", page.body);
    let again = talk.say(true, path, &query, "login=anna%40a.test&passwd=wrong");
    assert!(again.status == 200 && again.body.contains("AADSTS50126"), "{}", again.body);
    let back = talk.say(true, path, &query, "login=anna%40a.test&passwd=secret");
    let location = back.header("location").unwrap();
    assert!(location.starts_with("http://localhost:4711?code=") && location.ends_with("&state=s%20t"), "{location}");
}

#[test]
fn a_code_becomes_tokens_that_open_ews() {
    let talk = Talk::new();
    let tokens = talk.signed_in();
    assert_eq!(talk.judge(&tokens), Judged::User("anna@a.test".into()));
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&"Bearer".into(), &3599.into()));
    let id = jwt::Parts::of(tokens["id_token"].as_str().unwrap()).unwrap();
    assert_eq!((&id.claims["aud"], &id.claims["preferred_username"]), (&PUBLIC.into(), &"anna@a.test".into()));
    let seen = talk.0.json().to_string();
    assert!(seen.contains("\"authorization_code\"") && seen.contains("\"S256\""), "{seen}");
    assert!(!seen.contains(VERIFIER) && !seen.contains(CHALLENGE), "no secrets: {seen}");
}

#[test]
fn a_code_counts_once_in_time_and_for_its_client() {
    let talk = Talk::new();
    talk.order("consent=anna@a.test");
    let code = talk.code();
    let mut wrong = redemption(&code);
    wrong[4].1 = "another";
    assert_eq!(talk.refused(&wrong), 501_481);
    let mut elsewhere = redemption(&code);
    elsewhere[3].1 = "http://localhost:1";
    assert_eq!(talk.refused(&elsewhere), 500_112);
    let mut foreign = redemption(&code);
    foreign[1].1 = SERVICE;
    assert_eq!(talk.refused(&foreign), 7_000_218, "another client, which must prove who it is");
    assert_eq!(talk.refused(&redemption("made up")), 70_000);
    assert_eq!(talk.token(&redemption(&code)).0, 200);
    assert_eq!(talk.refused(&redemption(&code)), 54_005);
    let late = talk.code();
    talk.order("advance=601");
    assert_eq!(talk.refused(&redemption(&late)), 70_008);
}

#[test]
fn wrong_requests_are_told_on_the_page_or_sent_back() {
    let talk = Talk::new();
    talk.order("consent=anna@a.test");
    for (change, code) in
        [(("client_id", "nobody"), "AADSTS700016"), (("redirect_uri", "http://evil.test/"), "AADSTS50011")]
    {
        let page = talk.say(false, "/demo.test/oauth2/v2.0/authorize", &authorization(&[change]), "");
        assert!(page.status == 400 && page.body.contains(code), "{}", page.body);
    }
    for (change, error, code) in [
        (("scope", "https://other.test/x"), "invalid_resource", "AADSTS500011"),
        (("scope", "Mail.Read"), "invalid_scope", "AADSTS70011"),
        (("scope", "https://mail.a.test/a https://outlook.office365.com/b"), "invalid_request", "AADSTS28000"),
        (("response_type", "token"), "invalid_request", "AADSTS900144"),
    ] {
        let back = talk.authorize(&[change]);
        assert_eq!(back.get("error"), Some(error));
        assert!(back.get("error_description").unwrap().starts_with(code));
        assert_eq!(back.get("state"), Some("s t"));
    }
    talk.order("consent=ask");
    assert_eq!(talk.authorize(&[("prompt", "none")]).get("error"), Some("interaction_required"));
}

#[test]
fn refresh_tokens_rotate_and_end() {
    let talk = Talk::new();
    let first = talk.signed_in();
    let (status, second) = talk.token(&refresh(&first));
    assert_eq!(status, 200, "{second}");
    assert_eq!(talk.judge(&second), Judged::User("anna@a.test".into()));
    assert_eq!(talk.refused(&refresh(&first)), 70_000, "the old one is dead");
    talk.order("revoke=anna@a.test");
    let (_, refused) = talk.token(&refresh(&second));
    assert_eq!((&refused["error"], &refused["suberror"]), (&"invalid_grant".into(), &"bad_token".into()));
    assert!(refused["error_description"].as_str().unwrap().starts_with("AADSTS50173"));
    assert!(refused["trace_id"].as_str().is_some_and(|id| id.len() == 36), "{refused}");

    let unused = talk.signed_in();
    talk.order("advance=7776001");
    assert_eq!(talk.refused(&refresh(&unused)), 700_082);
    let old = talk.signed_in();
    talk.order("advance=100");
    let (_, newer) = talk.token(&refresh(&old));
    talk.order("frequency=50");
    assert_eq!(talk.refused(&refresh(&newer)), 70_043, "what counts is when the user signed in");
}

#[test]
fn programs_show_a_secret() {
    let talk = Talk::new();
    let (status, token) = talk.token(&BY_SECRET);
    assert_eq!(status, 200, "{token}");
    assert_eq!(talk.judge(&token), Judged::Program(SERVICE.into()));
    assert!(token.get("refresh_token").is_none());
    let with = |at: usize, value| {
        let mut pairs = BY_SECRET;
        pairs[at].1 = value;
        talk.refused(&pairs)
    };
    assert_eq!(with(2, "wrong"), 7_000_215);
    assert_eq!(with(3, "https://mail.a.test/EWS.AccessAsUser.All"), 1_002_012);
    assert_eq!(with(3, "https://other.test/.default"), 500_011);
    assert_eq!(with(1, PUBLIC), 700_025);
    assert_eq!(with(0, "password"), 70_003);
    assert_eq!(talk.refused(&BY_SECRET[..2]), 7_000_218);
    talk.order(&format!("expire_secret={SERVICE}"));
    assert_eq!(talk.refused(&BY_SECRET), 7_000_222);
    talk.order(&format!("add_secret={SERVICE}&secret=demo-secret"));
    assert_eq!(talk.token(&BY_SECRET).0, 200);
    talk.order("roles=Mail.Read");
    let (_, weak) = talk.token(&BY_SECRET);
    assert!(talk.diagnosis(&weak, "mail.a.test").starts_with("2000008;"));
}

/// Signs an assertion with the key of the tests' certificate.
fn assertion(algorithm: &str, change: impl FnOnce(&mut Value, &mut Value)) -> String {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("tests/client.pem")).unwrap();
    let key = PrivatePkcs8KeyDer::from_pem_slice(include_bytes!("tests/client.key")).unwrap();
    let key = RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).unwrap();
    let (print, hash, encoding): (_, _, &dyn RsaEncoding) = match algorithm {
        "RS256" => ("x5t", &SHA1_FOR_LEGACY_USE_ONLY, &RSA_PKCS1_SHA256),
        _ => ("x5t#S256", &SHA256, &RSA_PSS_SHA256),
    };
    let mut header = json!({ "alg": algorithm, "typ": "JWT", print: base64url(digest(hash, &certificate)) });
    let now = time::now();
    let mut claims = json!({
        "aud": "https://login.test/demo.test/oauth2/v2.0/token",
        "iss": "app", "sub": "app", "jti": Uuid::new_v4().to_string(), "nbf": now, "exp": now + 300,
    });
    change(&mut header, &mut claims);
    let signed = format!("{}.{}", base64url(header.to_string()), base64url(claims.to_string()));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(encoding, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", base64url(signature))
}

#[test]
fn programs_show_a_certificate() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/idp/tests/client.pem");
    let talk = Talk::with(vec![format!("app,certificate={file}").parse().unwrap()]);
    let ask = |assertion: &str| {
        talk.token(&[
            ("grant_type", "client_credentials"),
            ("client_id", "app"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion),
            ("scope", "https://outlook.office365.com/.default"),
        ])
    };
    for algorithm in ["RS256", "PS256"] {
        let good = assertion(algorithm, |_, _| {});
        assert_eq!(ask(&good).0, 200, "{algorithm}");
        assert!(ask(&good).1["error_description"].as_str().unwrap().contains("jti"), "used before");
    }
    let code =
        |change: fn(&mut Value, &mut Value)| ask(&assertion("PS256", change)).1["error_codes"][0].as_u64().unwrap();
    assert_eq!(code(|_, claims| claims["aud"] = "https://other.test/".into()), 700_023);
    assert_eq!(code(|_, claims| claims["exp"] = 1.into()), 700_024);
    assert_eq!(code(|_, claims| claims["sub"] = "another".into()), 700_021);
    assert_eq!(code(|_, claims| claims["jti"] = Value::Null), 50_027);
    assert_eq!(code(|header, _| header["x5t#S256"] = "AAAA".into()), 700_027);
    assert_eq!(code(|header, _| header["alg"] = "RS256".into()), 700_027, "the signature is of another kind");
    assert_eq!(code(|header, _| header["alg"] = "none".into()), 50_027);
    let fraction = assertion("PS256", |_, claims| claims["exp"] = (time::now() as f64 + 99.5).into());
    assert_eq!(ask(&fraction).0, 200);
    assert_eq!(ask("nonsense").1["error_codes"][0], 50_027);
}

#[test]
fn devices_wait_for_their_user() {
    let talk = Talk::new();
    let begin = || -> Value {
        let body = encode([("client_id", PUBLIC), ("scope", SCOPE)]);
        serde_json::from_str(&talk.say(true, "/demo.test/oauth2/v2.0/devicecode", "", &body).body).unwrap()
    };
    let ask = |device: &Value| {
        let (status, body) = talk.token(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("client_id", PUBLIC),
            ("device_code", device["device_code"].as_str().unwrap()),
        ]);
        (status, body["error"].as_str().unwrap_or_default().to_owned())
    };
    let device = begin();
    let page = "https://login.test/demo.test/oauth2/deviceauth";
    assert_eq!((&device["interval"], &device["verification_uri"]), (&5.into(), &page.into()));
    assert_eq!(ask(&device).1, "authorization_pending");
    assert_eq!(ask(&device).1, "slow_down", "at once again");
    talk.order("advance=9");
    assert_eq!(ask(&device).1, "slow_down", "five seconds more than before");
    talk.order("advance=15");
    assert_eq!(ask(&device).1, "authorization_pending");
    let code = device["user_code"].as_str().unwrap();
    let form = encode([("otc", code), ("login", "anna@a.test"), ("passwd", "secret")]);
    assert!(talk.say(true, "/demo.test/oauth2/deviceauth", "", &form).body.contains("signed in"));
    assert_eq!(ask(&device), (200, String::new()));
    assert_eq!(ask(&device).1, "bad_verification_code", "it counts once");

    let declined = begin();
    talk.order(&format!("decline={}", declined["user_code"].as_str().unwrap()));
    assert_eq!(ask(&declined).1, "access_denied");
    let approved = begin();
    talk.order("approve=*&user=ben@a.test");
    assert_eq!(ask(&approved).0, 200);
    let late = begin();
    talk.order("advance=901");
    assert_eq!(ask(&late).1, "expired_token");
}

#[test]
fn errors_come_as_ordered() {
    let talk = Talk::new();
    let tokens = talk.signed_in();
    for (code, error) in [
        (50_076, "interaction_required"),
        (65_001, "invalid_grant"),
        (53_003, "invalid_grant"),
        (90_033, "temporarily_unavailable"),
    ] {
        talk.order(&format!("error={code}"));
        let (_, body) = talk.token(&refresh(&tokens));
        assert_eq!((&body["error"], &body["error_codes"][0]), (&error.into(), &code.into()));
    }
    assert_eq!(talk.token(&refresh(&tokens)).0, 200, "once each, and the refresh token lives on");
    talk.order("error=90094&at=authorize&times=always");
    for _ in 0..2 {
        let back = talk.authorize(&[]);
        assert_eq!(back.get("error"), Some("access_denied"));
        assert!(back.get("error_description").unwrap().starts_with("AADSTS90094"));
    }
    talk.order("error=65001&times=always");
    assert_eq!(talk.refused(&BY_SECRET), 65_001);
    let query = encode([("client_id", PUBLIC), ("redirect_uri", BACK), ("state", "x")]);
    let consented = talk.say(false, "/demo.test/v2.0/adminconsent", &query, "");
    assert_eq!(consented.header("location"), Some("http://localhost:4711?admin_consent=True&tenant=demo.test&state=x"));
    assert_eq!(talk.token(&BY_SECRET).0, 200);
    assert!(talk.authorize(&[]).get("code").is_some());
    talk.order("error=50076&times=always");
    talk.order("error=none");
    assert_eq!(talk.token(&BY_SECRET).0, 200);
    talk.order("clear=1&consent=anna@a.test");
    assert!(talk.authorize(&[]).get("code").is_some());
    for wrong in ["error=1", "times=3&what=ever", "advance=soon", "approve=ABC&user=x", "expire_secret=nobody", ""] {
        assert!(talk.0.order(&Form::parse(wrong)).is_err(), "{wrong}");
    }
}

#[test]
fn the_web_server_can_be_in_trouble() {
    let talk = Talk::new();
    let path = "/demo.test/oauth2/v2.0/token";
    talk.order("trouble=hang");
    assert_eq!(talk.try_say(true, path, "", &encode(BY_SECRET)), None);
    for (kind, status) in [("html", 200), ("429", 429), ("500", 500), ("503", 503)] {
        talk.order(&format!("trouble={kind}"));
        let reply = talk.say(true, path, "", &encode(BY_SECRET));
        assert_eq!((reply.status, reply.header("content-type")), (status, Some("text/html; charset=utf-8")));
    }
    talk.order("trouble=503&at=configuration");
    assert_eq!(talk.token(&BY_SECRET).0, 200);
    assert_eq!(talk.say(false, "/demo.test/v2.0/.well-known/openid-configuration", "", "").status, 503);
    talk.refused(&BY_SECRET[..2]);
    let seen = talk.0.json();
    let last = seen["requests"].as_array().and_then(|all| all.last()).unwrap();
    assert_eq!((&last["status"], &last["error_codes"]), (&401.into(), &json!([7_000_218])));
}

#[test]
fn exchange_looks_at_audience_time_scope_and_signature() {
    let talk = Talk::new();
    let token = talk.signed_in();
    assert!(talk.diagnosis(&token, "other.a.test").starts_with("2000003;reason=\"The hostname component"));
    let forged = json!({ "access_token": Talk::new().signed_in()["access_token"] });
    assert!(talk.diagnosis(&forged, "mail.a.test").starts_with("2000001;"));
    talk.order("expire=anna@a.test");
    assert!(talk.diagnosis(&token, "mail.a.test").ends_with("error_category=\"token_expired\""));
    let token = talk.signed_in();
    talk.order("advance=3600");
    assert!(talk.diagnosis(&token, "mail.a.test").starts_with("2000002;"));

    let scope = "https://outlook.office365.com/Mail.Read";
    let code = talk.authorize(&[("scope", scope)]).get("code").unwrap().to_owned();
    let (_, weak) = talk.token(&redemption(&code));
    assert!(talk.diagnosis(&weak, "mail.a.test").starts_with("2000008;"), "Exchange Online, but not EWS");
    talk.order("online=false");
    assert!(talk.diagnosis(&weak, "mail.a.test").starts_with("2000003;"));
}

#[test]
fn claims_are_demanded_until_a_token_brings_them() {
    let talk = Talk::new();
    let token = talk.signed_in();
    talk.order("claims=anna@a.test");
    let Judged::Refused(refusal) = talk.judge(&token) else { panic!("accepted") };
    let error = refusal.error();
    let demanded =
        error.strip_prefix("error=\"insufficient_claims\", claims=\"").and_then(|rest| rest.strip_suffix('"'));
    let demanded = String::from_utf8(STANDARD.decode(demanded.unwrap()).unwrap()).unwrap();
    let mut pairs = refresh(&token).to_vec();
    let (_, same) = talk.token(&pairs);
    assert!(matches!(talk.judge(&same), Judged::Refused(_)), "a token without them changes nothing");
    pairs = refresh(&same).to_vec();
    pairs.push(("claims", &demanded));
    let (_, better) = talk.token(&pairs);
    assert_eq!(talk.judge(&better), Judged::User("anna@a.test".into()));
}

#[test]
fn federation_services_speak_their_own_dialect() {
    let talk = Talk::new();
    talk.order("consent=anna@a.test");
    let query = encode([
        ("client_id", PUBLIC),
        ("redirect_uri", BACK),
        ("response_type", "code"),
        ("resource", "https://mail.a.test/"),
    ]);
    let back = talk.say(false, "/adfs/oauth2/authorize", &query, "");
    let code = Form::parse(back.header("location").unwrap().split_once('?').unwrap().1);
    let pairs = [
        ("grant_type", "authorization_code"),
        ("client_id", PUBLIC),
        ("code", code.get("code").unwrap()),
        ("redirect_uri", BACK),
    ];
    let reply = talk.say(true, "/adfs/oauth2/token/", "", &encode(pairs));
    let token: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(talk.judge(&token), Judged::User("anna@a.test".into()));
    assert!(token["refresh_token"].is_string());
    let again = talk.say(true, "/adfs/oauth2/token", "", &encode(pairs)).body;
    assert!(again.contains("MSIS9612") && !again.contains("error_codes"), "{again}");
    let configuration: Value =
        serde_json::from_str(&talk.say(false, "/adfs/.well-known/openid-configuration", "", "").body).unwrap();
    assert_eq!(configuration["token_endpoint"], "https://login.test/adfs/oauth2/token");
}

#[test]
fn clients_learn_the_endpoints() {
    let talk = Talk::new();
    let read = |path: &str| -> Value { serde_json::from_str(&talk.say(false, path, "", "").body).unwrap() };
    let found = read("/demo.test/v2.0/.well-known/openid-configuration");
    assert_eq!(found["device_authorization_endpoint"], "https://login.test/demo.test/oauth2/v2.0/devicecode");
    let unknown = read("/other.test/v2.0/.well-known/openid-configuration");
    assert_eq!(unknown["error_codes"][0], 90_002);
    assert_eq!(read("/common/discovery/v2.0/keys")["keys"][0]["crv"], "P-256");
    assert_eq!(talk.say(false, "/demo.test/oauth2/v2.0/token", "", "").status, 404, "GET");
}
