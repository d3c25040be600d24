//! Access tokens of Exchange instead of passwords: passed on where the operator allows it, and only there.

use exgate_tests::{Dav, Gateway, Options, Simulator, Site, USER};

/// A token as RFC 7519 writes them: `{"alg":"none"}`, `{"upn":"alice@demo.test"}`, a signature that only Exchange reads.
const TOKEN: &str = "eyJhbGciOiJub25lIn0.eyJ1cG4iOiJhbGljZUBkZW1vLnRlc3QifQ.c2lnbmF0dXJl";

async fn scene(lines: &str) -> (Simulator, Site, Gateway) {
    let simulator = Options::preset("empty").with("--token", &format!("{USER}:{TOKEN}")).start().await;
    let site = Site::with(&simulator, &format!("domains = [\"demo.test\"]\n{lines}"));
    let gateway = site.start().await;
    (simulator, site, gateway)
}

async fn ask(gateway: &Gateway, token: &str) -> reqwest::Response {
    let url = format!("http://{}{}", gateway.http, Dav::collection("calendar"));
    let request = reqwest::Client::new().request(reqwest::Method::from_bytes(b"PROPFIND").unwrap(), url);
    request.bearer_auth(token).header("Depth", "0").send().await.unwrap()
}

#[tokio::test]
async fn a_token_opens_the_mailbox_it_names_and_no_other_does() {
    let (simulator, _site, gateway) = scene("[dav]\ntokens = true\n").await;
    assert_eq!(ask(&gateway, TOKEN).await.status(), 207);
    let wrong = ask(&gateway, &TOKEN.replace("c2lnbmF0dXJl", "Zm9yZ2VkIQ")).await;
    assert_eq!(wrong.status(), 401);
    let offers: Vec<_> =
        wrong.headers().get_all("www-authenticate").iter().map(|offer| offer.to_str().unwrap()).collect();
    assert!(offers.iter().any(|offer| offer.starts_with("Bearer")), "{offers:?}");
    drop(simulator);
}

#[tokio::test]
async fn tokens_are_not_passed_on_where_nobody_allowed_it() {
    let (simulator, _site, gateway) = scene("").await;
    simulator.reset().await;
    let answer = ask(&gateway, TOKEN).await;
    assert_eq!(answer.status(), 401);
    assert_eq!(simulator.stats().await.requests(), 0, "Exchange was asked");
}
