//! What people see, and what their forms do.

use accounts::{AccountState, Change, Role, Store};
use http::{Method, header};
use jiff::Timestamp;

use super::world::{ANNA, HOSTILE, World};
use crate::page::PAGES;

#[tokio::test]
async fn nothing_that_somebody_wrote_is_markup() {
    let world = World::new().await;
    let hostile = format!("{HOSTILE}@one.example").to_lowercase();
    let known = Change::Know {
        address: hostile.clone(),
        organisation: HOSTILE.to_owned(),
        mailbox: Some(HOSTILE.to_owned()),
        state: AccountState::Open,
    };
    world.register.commit(HOSTILE, Timestamp::now(), vec![known]).await.unwrap();
    let cookie = world.sign_in(Role::Admin).await;
    let form = format!("name={}&scope=mail&password=right", encoded(HOSTILE));
    let made = world.post(&cookie, &format!("/accounts/{}/devices", encoded(&hostile)), &form).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let mut seen = 0;
    let pages = PAGES.iter().filter(|row| row.method == Method::GET && !row.path.ends_with(".css")).map(|row| row.path);
    let more = [
        "/accounts?q=%3Cscript%3E",
        "/events?account=%3Cscript%3E%22",
        "/sign-in?next=%22%3E%3Cscript%3E",
        "/?done=%3Cscript%3E",
    ];
    for path in pages.chain(more) {
        let path = path.replace("{address}", &encoded(&hostile)).replace("{id}", "1");
        let page = world.get(&cookie, &path).await;
        assert!(!page.text.contains("<script"), "{path}: {}", page.text);
        seen += page.text.matches("&lt;script&gt;").count();
        let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        // The policy would refuse these.
        for unwanted in [" style=\"", " onclick", "javascript:", "http://", "https://cdn"] {
            let text = page.text.replace("https://mail.one.example/", "");
            assert!(!text.contains(unwanted), "{path} has {unwanted}");
        }
    }
    assert!(seen > 12, "{seen} of them were shown");
}

/// What helps those who do not see a page, or have no mouse.
#[tokio::test]
async fn pages_can_be_used_without_eyes_and_without_a_mouse() {
    let world = World::new().await;
    let cookie = world.sign_in(Role::Admin).await;
    let made =
        world.post(&cookie, &format!("/accounts/{ANNA}/devices"), "name=Phone&scope=mail&password=right").await.text;
    let mut pages = vec![made];
    for path in [
        "/",
        "/accounts",
        &format!("/accounts/{ANNA}"),
        "/devices",
        "/mailboxes",
        "/sessions",
        "/upstreams",
        "/events",
        "/audit",
        "/trials",
    ] {
        pages.push(world.get(&cookie, path).await.text);
    }
    pages.push(world.get("", "/sign-in").await.text);
    for page in pages {
        let count = |what: &str| page.matches(what).count();
        assert!(page.contains("<html lang=\"en\">") && page.contains("href=\"#main\"") && count("<h1>") == 1, "{page}");
        assert_eq!(count("<table>"), count("<caption>"), "{page}");
        assert_eq!(count("<th "), count("scope=\"col\"") + count("scope=\"row\""), "{page}");
        assert_eq!(count("<svg "), count("role=\"img\""), "{page}");
        // Each field has a label of its own, or stands in one.
        for field in page.split("<input ").skip(1).map(|rest| rest.split('>').next().unwrap()) {
            let id = field.split("id=\"").nth(1).and_then(|rest| rest.split('"').next());
            let is_labelled = id.is_some_and(|id| page.contains(&format!("for=\"{id}\"")));
            let is_within = field.contains("checkbox") || field.contains("hidden");
            assert!(is_labelled || is_within, "{field}");
        }
        let ids: Vec<&str> = page.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert_eq!(ids.len(), ids.iter().collect::<std::collections::BTreeSet<_>>().len(), "{ids:?}");
    }
}

#[tokio::test]
async fn forms_do_what_they_say() {
    let world = World::new().await;
    let cookie = world.sign_in(Role::Admin).await;
    let post = async |path: &str, form: &str| world.post(&cookie, path, form).await;
    let went = post("/accounts/bert@one.example/approve", "").await.headers[header::LOCATION].clone();
    assert_eq!(went, "/accounts/bert@one.example?done=approved");
    assert!(world.get(&cookie, went.to_str().unwrap()).await.text.contains("may use the gateway now"));
    post(&format!("/accounts/{ANNA}/protocols"), "scope=mail&scope=contacts").await;
    let anna = world.register.account(ANNA).await.unwrap().unwrap();
    assert_eq!(anna.scopes.to_string(), "mail contacts");
    let made = post(
        &format!("/accounts/{ANNA}/devices"),
        "name=Phone&scope=mail&networks=192.0.2.0%2F24&days=90&password=right",
    )
    .await;
    assert!(made.text.contains("never again") && made.headers[header::CACHE_CONTROL] == "no-store", "{}", made.text);
    let device = world.register.devices(Some(ANNA)).await.unwrap().remove(0);
    assert_eq!((device.networks.len(), device.expires.is_some()), (1, true));
    let refused = post(&format!("/accounts/{ANNA}/devices"), "name=Phone&scope=mail&password=wrong").await;
    assert!(refused.status == 409 && refused.text.contains("Exchange did not let them in"), "{}", refused.text);
    post(&format!("/devices/{}/revoke", device.id), "").await;
    assert!(world.register.devices(Some(ANNA)).await.unwrap()[0].revoked.is_some());
    assert_eq!(post("/sessions/7/end", "").await.status, 303);
    assert_eq!(post(&format!("/accounts/{ANNA}/remove"), "").await.status, 400);
    assert_eq!(post(&format!("/accounts/{ANNA}/remove"), "sure=yes").await.status, 303);
    assert!(world.register.account(ANNA).await.unwrap().is_none());
    let log = world.get(&cookie, "/audit").await.text;
    for action in ["account.state", "account.protocols", "device.add", "device.revoke", "session.end", "account.remove"]
    {
        assert!(log.contains(action) && log.contains("admin (administrator)"), "{action} in {log}");
    }
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
