//! From an address to a signed-in Exchange: Autodiscover and OAuth of the EWS client against the simulator, which was
//! written from the documents by somebody else.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use accounts::{Grants, Safe};
use ews::autodiscover::{Request, ServerKind, Step, discover};
use ews::oauth::{Attempt, Credential, Flow, Modern, OAuth, OAuthConfig, Prompt, TokenStore, Waited};
use ews::op::get_folder::GetFolder;
use ews::{
    Ask, Cause, DistinguishedFolder, Egress, EgressConfig, ErrorKind, FolderShape, Identity, Proxy, ProxyKind, Secret,
    Server, ServerConfig, Trust, Web, WebConfig,
};
use exgate_tests::{Options, PASSWORD, Simulator, USER, certificates};
use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

const MAIL: &str = "https://mail.demo.test/EWS/Exchange.asmx";
const RECORD: &str = "_autodiscover._tcp.demo.test SRV 0 0 443 srv.demo.test";
const NAMES: [&str; 4] = ["autodiscover.demo.test", "demo.test", "mail.demo.test", "srv.demo.test"];

#[tokio::test]
async fn each_step_of_autodiscover_alone_leads_to_the_mailbox() {
    let world = World::start(Options::preset("empty")).await;
    for (only, step) in [("v2", Step::V2), ("soap", Step::Soap), ("pox", Step::Pox)] {
        world.simulator.order("/autodiscover", &[("only", only)]).await;
        let (found, report) = discover(&world.web(), &world.request()).await;
        let found = found.unwrap_or_else(|error| panic!("{only}: {error}\n{report:#?}"));
        assert_eq!(
            (found.ews_url.as_str(), found.step, found.kind),
            (MAIL, step, ServerKind::OnPremises),
            "{report:#?}"
        );
    }
    world.no_password_in_clear().await;
}

#[tokio::test]
async fn a_redirect_over_plain_http_and_a_dns_record_lead_to_hosts_that_are_allowed() {
    let world = World::start(Options::preset("empty")).await;
    // Over http, only the redirect; nobody is at autodiscover.demo.test over https.
    world.ways(|ways| ways.retain(|(name, _)| name != "autodiscover.demo.test:443"));
    let (found, report) = discover(&world.web(), &Request { redirect_hosts: vec![], ..world.request() }).await;
    assert_eq!(found.unwrap_err().kind, ErrorKind::Denied, "{report:#?}");
    // By the record, with nobody at autodiscover.demo.test at all.
    world.ways(|ways| ways.retain(|(name, _)| !name.starts_with("autodiscover.")));
    let (found, report) = discover(&world.web(), &world.request()).await;
    let found = found.unwrap_or_else(|error| panic!("{error}\n{report:#?}"));
    assert_eq!(found.ews_url, MAIL);
    assert!(report.tried.iter().any(|tried| tried.step == Step::Srv && tried.worked), "{report:#?}");
    world.no_password_in_clear().await;
}

#[tokio::test]
async fn a_wrong_password_is_shown_twice_at_most() {
    let world = World::start(Options::preset("empty").with("--lockout", "3")).await;
    world.simulator.order("/autodiscover", &[("only", "soap")]).await;
    let request = Request { identity: Some(Identity::basic(USER, Secret::new("wrong"))), ..world.request() };
    let (found, report) = discover(&world.web(), &request).await;
    assert_eq!(found.unwrap_err().kind, ErrorKind::SignIn, "{report:#?}");
    assert!(discover(&world.web(), &world.request()).await.0.is_ok(), "the account is not locked");
}

#[tokio::test]
async fn somebody_signs_in_by_a_browser_and_stays_signed_in() {
    let world = World::start(Options::preset("empty").with("--auth", "bearer")).await;
    let oauth = world.oauth(|_| {});
    let mut attempt = oauth.begin(Some(USER), None).await.unwrap();
    world.simulator.order("/idp", &[("consent", USER)]).await;
    let page = tokio::spawn(world.browse(&attempt));
    let Waited::Done(grant) = attempt.wait().await.unwrap() else { panic!("nobody came back") };
    page.await.unwrap();
    assert_eq!(grant.user.as_deref(), Some(USER));
    oauth.keep(USER, grant).await.unwrap();
    world.use_tokens(&oauth).await;
}

#[tokio::test]
async fn somebody_signs_in_by_a_device_code_and_stays_signed_in() {
    let world = World::start(Options::preset("empty").with("--auth", "bearer")).await;
    let oauth = world.oauth(|config| {
        config.flow = Flow::Device;
        config.timeout = Duration::from_secs(30);
    });
    let mut attempt = oauth.begin(Some(USER), None).await.unwrap();
    let Prompt::Device { url, code, .. } = attempt.prompt() else { panic!() };
    world.simulator.order("/idp", &[("consent", USER)]).await;
    let form = format!("otc={code}&login={USER}&passwd={PASSWORD}");
    let entered = world.web_to_idp().ask(Ask::post(url, "application/x-www-form-urlencoded", form)).await.unwrap();
    assert_eq!(entered.status, 200);
    let Waited::Done(grant) = attempt.wait().await.unwrap() else { panic!("nobody entered the code") };
    oauth.keep(USER, grant).await.unwrap();
    world.use_tokens(&oauth).await;
}

#[tokio::test]
async fn a_service_signs_in_by_its_secret_and_hears_why_it_may_not() {
    let world = World::start(Options::preset("empty").with("--auth", "bearer")).await;
    let service = |secret: &str, resource: &str| {
        world.oauth(|config| {
            config.flow = Flow::ClientCredentials;
            config.client_id = "22222222-2222-4222-8222-222222222222".to_owned();
            config.credential = Credential::Secret(Secret::new(secret));
            config.resource = resource.to_owned();
        })
    };
    let resource = "https://mail.demo.test";
    ews::oauth::TokenSource::token(&service("demo-secret", resource).tokens(""), None).await.unwrap();
    let told = async |oauth: OAuth| ews::oauth::TokenSource::token(&oauth.tokens(""), None).await.unwrap_err();
    let wrong = told(service("wrong", resource)).await;
    assert_eq!(wrong.cause, Some(Cause::Administrator));
    assert!(wrong.message.starts_with("oauth.client_secret is wrong"), "{wrong}");
    let elsewhere = told(service("demo-secret", "https://other.demo.test")).await;
    assert!(elsewhere.message.contains("does not know the resource https://other.demo.test"), "{elsewhere}");
}

#[tokio::test]
async fn an_exchange_says_where_its_tokens_come_from_and_is_believed_only_if_the_operator_agrees() {
    let world = World::start(Options::preset("empty").with("--auth", "bearer,ntlm")).await;
    let (web, idp) = (world.web(), world.simulator.place("idp"));
    let error = Modern::ask(&web, MAIL, &[]).await.unwrap_err();
    assert_eq!((error.kind, error.cause), (ErrorKind::Denied, Some(Cause::NotAllowed)), "{}", error.message);
    let modern = Modern::ask(&web, MAIL, &["127.0.0.1".to_owned()]).await.unwrap().unwrap();
    assert_eq!((modern.authority, modern.resource.as_str()), (idp, "https://mail.demo.test"));
}

#[tokio::test]
async fn what_the_identity_provider_refuses_is_told_with_its_remedy() {
    let world = World::start(Options::preset("empty")).await;
    let oauth = world.oauth(|_| {});
    // Nobody has agreed: the page says so, and leads nowhere.
    for (error, cause, words) in [
        ("50011", Cause::Administrator, "has to register exactly http://localhost:"),
        ("65001", Cause::Administrator, "/organizations/adminconsent?client_id=11111111-1111-4111-8111-111111111111"),
        ("700082", Cause::GrantLost, "was not used for too long: sign in again"),
        ("53003", Cause::Administrator, "a conditional access policy refuses the sign-in"),
    ] {
        let attempt = oauth.begin(Some(USER), None).await.unwrap();
        let Prompt::Browser { url, .. } = attempt.prompt().clone() else { panic!() };
        world.simulator.order("/idp", &[("clear", "1")]).await;
        world.simulator.order("/idp", &[("consent", USER)]).await;
        let page = world.web_to_idp().ask(Ask::get(&url)).await.unwrap();
        world.simulator.order("/idp", &[("error", error)]).await;
        let told = attempt.accept(page.header("location").unwrap()).await.unwrap_err();
        assert_eq!(told.cause, Some(cause), "{told}");
        assert!(told.message.contains(words) && told.message.contains(&format!("AADSTS{error}")), "{told}");
    }
}

/// The simulator with all its services over TLS, and a proxy that knows where its names are.
struct World {
    simulator: Simulator,
    home: TempDir,
    proxy: u16,
    ways: Ways,
}

type Ways = Arc<Mutex<Vec<(String, String)>>>;

impl World {
    async fn start(options: Options) -> World {
        let home = TempDir::new().unwrap();
        certificates(home.path(), &NAMES).await;
        let options = options
            .services()
            .tls(home.path(), "valid")
            .with("--ews-url", MAIL)
            .with("--idp-resource", "https://mail.demo.test")
            .with("--dns-record", RECORD);
        let simulator = options.start().await;
        let place = |service: &str| authority(&simulator.place(service));
        let ways = vec![
            ("autodiscover.demo.test:443".to_owned(), place("autodiscover")),
            ("srv.demo.test:443".to_owned(), place("autodiscover")),
            ("autodiscover.demo.test:80".to_owned(), place("autodiscover-http")),
            ("mail.demo.test:443".to_owned(), authority(&simulator.ews_tls())),
        ];
        let ways = Arc::new(Mutex::new(ways));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = listener.local_addr().unwrap().port();
        tokio::spawn(carry(listener, ways.clone()));
        World { simulator, home, proxy, ways }
    }

    fn ways(&self, change: impl FnOnce(&mut Vec<(String, String)>)) {
        change(&mut self.ways.lock().unwrap());
    }

    fn trust(&self) -> Trust {
        Trust { ca_file: Some(self.home.path().join("ca.pem")), ..Trust::default() }
    }

    fn egress(&self) -> Egress {
        let host = "127.0.0.1".to_owned();
        let proxy = Proxy { kind: ProxyKind::Connect, host, port: self.proxy, credentials: None };
        let dns = Some(self.simulator.place("dns").parse().unwrap());
        Egress::new(EgressConfig { proxy: Some(proxy), dns, ..EgressConfig::default() })
    }

    fn web(&self) -> Web {
        Web::new(WebConfig { trust: self.trust(), egress: self.egress(), ..WebConfig::default() }).unwrap()
    }

    /// How often the identity provider was asked.
    async fn idp_requests(&self) -> usize {
        self.simulator.get("/idp").await["requests"].as_array().unwrap().len()
    }

    /// The identity provider is not behind the proxy.
    fn web_to_idp(&self) -> Web {
        Web::new(WebConfig { trust: self.trust(), ..WebConfig::default() }).unwrap()
    }

    fn request(&self) -> Request {
        let mut request = Request::new(USER);
        request.identity = Some(Identity::basic(USER, Secret::new(PASSWORD)));
        request.redirect_hosts = vec!["srv.demo.test".to_owned()];
        request
    }

    /// As Autodiscover itself saw it.
    async fn no_password_in_clear(&self) {
        let told = self.simulator.get("/autodiscover").await;
        let requests = told["requests"].as_array().unwrap();
        let with_password: Vec<&Value> = requests.iter().filter(|one| one["credentials"] == true).collect();
        assert!(requests.iter().any(|one| one["tls"] == false || one["tls"] == true));
        assert!(with_password.iter().all(|one| one["tls"] == true), "{with_password:?}");
    }

    fn oauth(&self, change: impl FnOnce(&mut OAuthConfig)) -> OAuth {
        let client = "11111111-1111-4111-8111-111111111111";
        let mut config = OAuthConfig::new(&self.simulator.place("idp"), client, "https://mail.demo.test");
        config.tenant = Some("organizations".to_owned());
        change(&mut config);
        OAuth::new(config, self.web_to_idp(), Arc::new(Store::open(self.home.path()))).unwrap()
    }

    /// As a browser in which the user is signed in.
    fn browse(&self, attempt: &Attempt) -> impl Future<Output = String> + Send + use<> {
        let Prompt::Browser { url, comes_back: true, .. } = attempt.prompt().clone() else { panic!() };
        let web = self.web_to_idp();
        async move {
            let answer = web.ask(Ask::get(&url)).await.unwrap();
            let page = String::from_utf8_lossy(&answer.body).into_owned();
            let location = answer.header("location").unwrap_or_else(|| panic!("{} {page}", answer.status));
            let back = location.strip_prefix("http://localhost:").unwrap().to_owned();
            let (port, path) = back.split_at(back.find(['/', '?']).unwrap());
            let mut socket = TcpStream::connect(format!("127.0.0.1:{port}")).await.unwrap();
            let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
            socket.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await.unwrap();
            let mut page = String::new();
            socket.read_to_string(&mut page).await.unwrap();
            page
        }
    }

    /// Everything that can happen to tokens of somebody who has signed in.
    async fn use_tokens(&self, oauth: &OAuth) {
        let mut config = ServerConfig::new(MAIL);
        config.trust = self.trust();
        config.egress = self.egress();
        let tokens = oauth.tokens(USER);
        let client = Server::new(config).unwrap().client(Identity::Tokens(Arc::new(tokens.clone())));
        let inbox = GetFolder { folders: vec![DistinguishedFolder::Inbox.into()], shape: FolderShape::default() };
        client.call(&inbox).await.unwrap();
        // Exchange takes the token no more: another one is had without a question.
        self.simulator.order("/idp", &[("advance", "7200")]).await;
        client.call(&inbox).await.unwrap();
        let stored = Store::open(self.home.path()).load(USER).unwrap().unwrap();
        // Another process has only what is stored.
        let again = self.oauth(|config| *config = oauth.config().clone());
        ews::oauth::TokenSource::token(&again.tokens(USER), None).await.unwrap();
        let renewed = Store::open(self.home.path()).load(USER).unwrap().unwrap();
        assert_ne!(stored, renewed, "refresh tokens are used once");
        // Exchange wants to know more of the user than the token says; the next one says it.
        self.simulator.order("/idp", &[("claims", USER)]).await;
        let before = self.idp_requests().await;
        client.call(&inbox).await.unwrap();
        assert!(self.idp_requests().await > before, "a new token was asked for");
        // Nobody is let in by it once it was revoked.
        self.simulator.order("/idp", &[("revoke", USER)]).await;
        self.simulator.order("/idp", &[("advance", "7200")]).await;
        let error = client.call(&inbox).await.unwrap_err();
        assert_eq!((error.kind.clone(), error.cause), (ErrorKind::SignIn, Some(Cause::GrantLost)), "{error}");
        assert!(error.message.contains("sign in again"), "{error}");
    }
}

/// What the gateway keeps refresh tokens in.
#[derive(Debug)]
struct Store(Grants);

impl Store {
    fn open(home: &Path) -> Store {
        Store(Grants::open(&Safe::at(home)).unwrap())
    }
}

impl TokenStore for Store {
    fn load(&self, user: &str) -> Result<Option<Secret>, String> {
        let token = self.0.get("main", user).map_err(|error| error.to_string())?;
        Ok(token.map(|token| Secret::new(token.expose().clone())))
    }

    fn replace(&self, user: &str, used: Option<&Secret>, next: &Secret) -> Result<(), String> {
        let ours = |secret: &Secret| mailbox::Secret::new(secret.expose().to_owned());
        let (now, next) = (Timestamp::now(), ours(next));
        let stored = match used {
            None => self.0.put("main", user, &next, now),
            Some(used) => self.0.replace("main", user, (&ours(used), &next), now).map(drop),
        };
        stored.map_err(|error| error.to_string())
    }

    fn want(&self, _: &str, _: Option<&str>) -> Result<(), String> {
        Ok(())
    }

    fn remove(&self, user: &str) -> Result<bool, String> {
        self.0.delete("main", user).map_err(|error| error.to_string())
    }
}

/// `host:port` of a URL or of a bare place.
fn authority(place: &str) -> String {
    place.split_once("://").map_or(place, |(_, rest)| rest).split('/').next().unwrap().to_owned()
}

/// A proxy (RFC 9110 section 9.3.6) that knows these ways and no others.
async fn carry(listener: TcpListener, ways: Ways) {
    loop {
        let (mut client, _) = listener.accept().await.unwrap();
        let ways = ways.clone();
        tokio::spawn(async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(client.read_u8().await.ok()?);
            }
            let head = String::from_utf8(head).ok()?;
            let wanted = head.split(' ').nth(1)?.to_owned();
            let way = ways.lock().unwrap().iter().find(|(name, _)| *name == wanted).map(|(_, place)| place.clone());
            let Some(place) = way else {
                client.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n").await.ok()?;
                return None;
            };
            let mut server = TcpStream::connect(place).await.ok()?;
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok()?;
            copy_bidirectional(&mut client, &mut server).await.ok()
        });
    }
}
