//! Signing in, staying in, and being thrown out.

use std::net::IpAddr;
use std::time::Duration;

use accounts::{Change, Role, Store};
use bytes::Bytes;
use http::{Request, header};
use jiff::Timestamp;

use super::world::World;

fn bearer(password: &str) -> Request<Bytes> {
    let given = format!("Bearer {password}");
    Request::get("/api/v1/me").header(header::AUTHORIZATION, given).body(Bytes::new()).unwrap()
}

fn form(password: &str) -> Request<Bytes> {
    let body = format!("name=admin&password={password}");
    let request = Request::post("/sign-in").header(header::HOST, "gate.example");
    request.header(header::ORIGIN, "https://gate.example").body(body.into()).unwrap()
}

#[tokio::test]
async fn a_session_is_a_cookie_no_page_can_read_and_no_other_site_can_send() {
    let world = World::new().await;
    let wrong = world.post("", "/sign-in", "name=admin&password=23456789-222222-222222-222222-222222").await;
    assert_eq!((wrong.status.as_u16(), wrong.headers.get(header::SET_COOKIE)), (401, None));
    // The name has to be right, too.
    let other = world.post("", "/sign-in", &format!("name=root&password={}", world.password(Role::Admin))).await;
    assert_eq!(other.status, 401);
    let said = world.post("", "/sign-in", &format!("name=admin&password={}", world.password(Role::Admin))).await;
    let cookie = said.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
    let local = IpAddr::from([192, 0, 2, 1]);
    let under_tls = world.send_from(form(world.password(Role::Admin)), local, true).await;
    let kept = under_tls.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(kept.starts_with("__Host-exgate=") && kept.ends_with("; Secure"), "{kept}");
    let pair = cookie.split(';').next().unwrap();
    assert_eq!(world.get(pair, "/").await.status, 200);
    // What another site makes a browser send is not from here.
    for origin in ["https://evil.example", "null", "http://127.0.0.1:9143.evil.example", "http://127.0.0.1"] {
        let request = Request::post("/sessions/7/end").header(header::COOKIE, pair);
        let request = request.header(header::HOST, "127.0.0.1:9143").header(header::ORIGIN, origin);
        let said = world.send(request.body(Bytes::new()).unwrap()).await;
        assert_eq!(said.status, 403, "{origin}");
    }
    let silent = Request::post("/sessions/7/end").header(header::COOKIE, pair).header(header::HOST, "127.0.0.1:9143");
    assert_eq!(world.send(silent.body(Bytes::new()).unwrap()).await.status, 403);
    assert!(world.house.ended.lock().unwrap().is_empty());
    assert_eq!(world.post(pair, "/sign-out", "").await.status, 303);
    assert_eq!(world.get(pair, "/").await.status, 303);
}

#[tokio::test]
async fn nobody_is_led_away_by_signing_in() {
    let world = World::new().await;
    for (next, wanted) in [
        ("/events?account=a%26b", "/events?account=a%26b"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil", "/"),
    ] {
        let first = world.get("", "/events").await;
        assert_eq!(first.headers[header::LOCATION], "/sign-in?next=%2Fevents");
        let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let form = format!("name=admin&password={}&next={next}", world.password(Role::Admin));
        let said = world.post("", "/sign-in", &form).await;
        assert_eq!(said.headers[header::LOCATION], wanted);
    }
}

#[tokio::test]
async fn whoever_is_removed_is_out_at_once() {
    let world = World::new().await;
    let cookie = world.sign_in(Role::Operator).await;
    let call = || bearer(world.password(Role::Operator));
    assert_eq!((world.get(&cookie, "/").await.status.as_u16(), world.send(call()).await.status.as_u16()), (200, 200));
    let change = Change::RemoveAdministrator { name: "operator".to_owned() };
    world.register.commit("test", Timestamp::now(), vec![change]).await.unwrap();
    assert_eq!((world.get(&cookie, "/").await.status.as_u16(), world.send(call()).await.status.as_u16()), (303, 401));
}

#[tokio::test]
async fn a_password_is_one_of_an_administrator_and_nothing_else() {
    let world = World::new().await;
    let right = world.password(Role::Admin);
    let last = if right.ends_with('2') { "3" } else { "2" };
    let wrong = format!("{}{last}", &right[..right.len() - 1]);
    for given in [wrong.as_str(), "", "x", &right[..8], &format!("{right}x")] {
        let said = world.send(bearer(given)).await;
        assert_eq!(said.status, 401, "{given}");
        assert_eq!(said.headers[header::CONTENT_TYPE], "application/problem+json");
        assert!(!said.text.contains("234"), "{}", said.text);
    }
    assert_eq!(world.send(bearer(&right.to_uppercase())).await.status, 200);
    let basic = Request::get("/api/v1/me").header(header::AUTHORIZATION, "Basic YTpi").body(Bytes::new()).unwrap();
    assert_eq!(world.send(basic).await.status, 401);
}

#[tokio::test]
async fn who_can_read_the_state_is_an_operator_on_this_machine() {
    let world = World::new().await;
    let ticket = world.admin.ticket().expose().clone();
    let (here, elsewhere) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([192, 0, 2, 9]));
    assert_eq!(world.send_from(bearer(&ticket), elsewhere, true).await.status, 401);
    assert_eq!(world.send_from(bearer(&ticket[1..]), here, false).await.status, 401);
    let mut request = bearer(&ticket);
    request.headers_mut().insert("exgate-user", "anna".parse().unwrap());
    let said = world.send_from(request, here, false).await;
    assert_eq!(
        (said.status.as_u16(), said.json()["name"].as_str(), said.json()["role"].as_str()),
        (200, Some("anna"), Some("operator"))
    );
    let forbidden =
        Request::delete("/api/v1/accounts/anna@one.example").header(header::AUTHORIZATION, format!("Bearer {ticket}"));
    assert_eq!(world.send_from(forbidden.body(Bytes::new()).unwrap(), here, false).await.status, 403);
    let begin = Request::post("/api/v1/trials").header(header::AUTHORIZATION, format!("Bearer {ticket}"));
    let begin =
        begin.header(header::CONTENT_TYPE, "application/json").header("exgate-user", "anna").body("{}".into()).unwrap();
    assert_eq!(world.send_from(begin, here, false).await.status, 202);
    let log = world.register.audit(0, 100).await.unwrap();
    let last = log.last().map(|entry| (entry.happening.action.as_str(), entry.actor.as_str()));
    assert_eq!(last, Some(("trial.begin", "anna (command line)")));
}

/// The clock is moved, so that nobody waits.
#[tokio::test(start_paused = true)]
async fn whoever_guesses_is_answered_later_and_later() {
    let world = World::new().await;
    let peer = IpAddr::from([192, 0, 2, 9]);
    let mut waits = Vec::new();
    for _ in 0..8 {
        let began = tokio::time::Instant::now();
        assert_eq!(world.send_from(bearer("guess"), peer, true).await.status, 401);
        waits.push(began.elapsed().as_millis());
    }
    assert_eq!(waits[..5], [0; 5], "{waits:?}");
    assert!(waits[5] >= 250 && waits[7] >= 1000, "{waits:?}");
    let began = tokio::time::Instant::now();
    assert_eq!(world.send_from(bearer(world.password(Role::Auditor)), peer, true).await.status, 200);
    assert!(began.elapsed() < Duration::from_millis(250), "whoever is right never waits");
}
