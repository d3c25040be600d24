//! Plain HTTP for autodiscover and identity providers.

use crate::fake::*;
use ews::*;

fn web(change: impl FnOnce(&mut WebConfig)) -> Web {
    let mut config = WebConfig { allow_http: true, ..WebConfig::default() };
    change(&mut config);
    Web::new(config).unwrap()
}

fn url(fake: &Fake) -> String {
    format!("http://{}/path?code=xyzzy", fake.address)
}

#[tokio::test]
async fn a_question_is_asked_as_it_is_and_any_status_is_an_answer() {
    let redirect = http("302 Found", "Location: https://elsewhere.example/\r\n", "gone");
    let fake = Fake::start([Step::Send(redirect)]).await;
    let url = url(&fake);
    let ask = Ask { headers: vec![("accept", "text/xml".into())], ..Ask::post(&url, "text/xml", "<a/>") };
    assert!(!format!("{ask:?}").contains("xyzzy"), "{ask:?}");
    let told = web(|_| {}).ask(ask).await.unwrap();
    assert_eq!(
        (told.status, told.header("location"), &told.body[..]),
        (302, Some("https://elsewhere.example/"), &b"gone"[..])
    );
    let seen = fake.seen();
    assert_eq!(seen.len(), 1, "nobody follows");
    assert!(seen[0].head.starts_with("POST /path?code=xyzzy HTTP/1.1\r\n"), "{}", seen[0].head);
    assert_eq!((seen[0].header("accept"), seen[0].header("content-type")), (Some("text/xml"), Some("text/xml")));
    assert_eq!((seen[0].header("host"), seen[0].text()), (Some(fake.address.to_string().as_str()), "<a/>".into()));
    assert!(seen[0].header("user-agent").unwrap().starts_with("Exgate/"));
}

#[tokio::test]
async fn a_password_is_shown_to_whoever_asks_for_it_and_not_before() {
    let fake = Fake::start([Step::Send(unauthorized()), Step::Send(http("200 OK", "", "in"))]).await;
    let (url, anna) = (url(&fake), anna("secret"));
    let told = web(|_| {}).ask(Ask { identity: Some(&anna), ..Ask::get(&url) }).await.unwrap();
    assert_eq!((told.status, &told.body[..]), (200, &b"in"[..]));
    let shown: Vec<_> = fake.seen().iter().map(|seen| seen.header("authorization").map(str::to_owned)).collect();
    assert_eq!(shown, [None, Some("Basic RVhBTVBMRVxhbm5hOnNlY3JldA==".to_owned())]);

    let fake = Fake::start([Step::Send(unauthorized())]).await;
    let url = self::url(&fake);
    let error = web(|_| {}).ask(Ask { identity: Some(&anna), ..Ask::get(&url) }).await.unwrap_err();
    assert_eq!((error.kind, error.cause), (ErrorKind::SignIn, Some(Cause::Password)));
    assert_eq!(error.offers, ["Negotiate", "Basic realm=\"x\""]);
    assert_eq!(fake.seen().len(), 2);

    let fake = Fake::start([Step::Send(unauthorized())]).await;
    let url = self::url(&fake);
    let told = web(|_| {}).ask(Ask::get(&url)).await.unwrap();
    assert_eq!((told.status, told.offers().len(), fake.seen().len()), (401, 2, 1));
}

#[tokio::test]
async fn in_clear_only_what_gives_nothing_away_is_asked() {
    let fake = Fake::start([Step::Send(unauthorized())]).await;
    let (url, anna) = (url(&fake), anna("secret"));
    let web = web(|config| config.allow_http = false);
    assert_eq!(web.ask(Ask::get(&url)).await.unwrap().status, 401);
    for ask in [Ask { identity: Some(&anna), ..Ask::get(&url) }, Ask::post(&url, "text/plain", "secret")] {
        let error = web.ask(ask).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Local, "{error}");
    }
    assert_eq!(fake.seen().len(), 1);
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let fake = Fake::start([Step::Send(http("200 OK", "", &"x".repeat(2000)))]).await;
    let url = url(&fake);
    let error = web(|config| config.limit = 1999).ask(Ask::get(&url)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Protocol, "{error}");
    assert_eq!(web(|config| config.limit = 2000).ask(Ask::get(&url)).await.unwrap().body.len(), 2000);
}

#[tokio::test]
async fn silence_ends_the_question() {
    let mut fake = Fake::start([Step::Hang(Vec::new())]).await;
    let url = url(&fake);
    let asked = tokio::spawn(async move { web(|_| {}).ask(Ask::get(&url)).await });
    fake.bell.recv().await.unwrap();
    tokio::time::pause();
    let error = asked.await.unwrap().unwrap_err();
    assert_eq!((error.kind, error.sent), (ErrorKind::Unavailable, Sent::MaybeDone));
}

#[tokio::test]
async fn a_host_that_is_not_allowed_is_not_asked() {
    let fake = Fake::start([Step::Send(unauthorized())]).await;
    let url = url(&fake);
    let allow_hosts = Some(vec!["mail.example.org".to_owned()]);
    let egress = Egress::new(EgressConfig { allow_hosts, ..EgressConfig::default() });
    let web = web(|config| config.egress = egress.clone());
    assert_eq!(web.ask(Ask::get(&url)).await.unwrap_err().kind, ErrorKind::Denied);
    assert_eq!((egress.refused(), fake.seen().len()), (1, 0));
}
