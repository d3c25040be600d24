//! Every path and every role: nobody does more than their role may, and nobody less.

use accounts::Role;
use bytes::Bytes;
use http::{Method, Request, StatusCode};

use super::world::{ANNA, World};
use crate::api::{Operation, ROUTES};
use crate::page::{PAGES, Page};

fn filled(path: &str) -> String {
    // Of nobody and nothing, so that whoever may is told that it is not there, and nothing is changed.
    path.replace("{address}", "nobody@one.example").replace("{id}", "99").replace("{number}", "99")
}

#[tokio::test]
async fn each_row_of_the_interface_is_for_its_role_and_those_above() {
    let world = World::new().await;
    for row in &ROUTES {
        let path = filled(row.path);
        let plain = Request::builder().method(row.method.clone()).uri(&path).body(Bytes::new()).unwrap();
        let said = world.send(plain).await;
        assert_eq!(said.status == 401, row.least.is_some(), "{path} for nobody: {}", said.status);
        assert_eq!(said.headers.contains_key("www-authenticate"), row.least.is_some(), "{path}");
        for role in Role::ALL {
            let said = world.call(role, row.method.clone(), &path, None).await;
            let may = row.least.is_none_or(|least| role >= least);
            assert_eq!(said.status != 403, may, "{} {path} for {role}: {}", row.method, said.text);
            assert!(said.status != 401 && said.status != 500 && said.status != 405, "{path}: {}", said.text);
        }
    }
    assert_eq!(world.done().await, [], "nothing was done to nobody");
}

#[tokio::test]
async fn each_page_is_for_its_role_and_those_above() {
    let world = World::new().await;
    for row in PAGES.iter().filter(|row| row.what != Page::SignOut && row.what != Page::Begin) {
        let path = filled(row.path);
        let ask = async |cookie: &str| match row.method {
            Method::GET => world.get(cookie, &path).await,
            _ => world.post(cookie, &path, "").await,
        };
        let said = ask("").await;
        let wanted = match (&row.least, &row.method) {
            (None, _) => StatusCode::OK,
            (Some(_), &Method::GET) => StatusCode::SEE_OTHER,
            (Some(_), _) => StatusCode::UNAUTHORIZED,
        };
        assert_eq!(said.status, wanted, "{path} for nobody");
        for role in Role::ALL {
            let cookie = world.sign_in(role).await;
            let said = ask(&cookie).await;
            let may = row.least.is_none_or(|least| role >= least);
            assert_eq!(said.status != 403, may, "{} {path} for {role}: {}", row.method, said.text);
            assert!(said.status != 401 && said.status != 500, "{path}: {}", said.text);
        }
    }
}

/// What the table says, so that a slip there shows here.
#[test]
fn what_changes_something_is_for_operators_and_what_opens_or_destroys_for_admins() {
    for row in &ROUTES {
        let wanted = match row.what {
            Operation::Describe | Operation::Status => None,
            Operation::ChangeAccount | Operation::RemoveAccount | Operation::MakeDevice => Some(Role::Admin),
            _ if row.method == Method::GET => Some(Role::Auditor),
            _ => Some(Role::Operator),
        };
        assert_eq!(row.least, wanted, "{}", row.path);
    }
    for row in &PAGES {
        let wanted = match row.what {
            Page::Style | Page::SignIn | Page::Begin => None,
            Page::SignOut => Some(Role::Auditor),
            Page::Protocols | Page::Remove | Page::MakeDevice => Some(Role::Admin),
            _ if row.method == Method::GET => Some(Role::Auditor),
            _ => Some(Role::Operator),
        };
        assert_eq!(row.least, wanted, "{}", row.path);
    }
}

#[tokio::test]
async fn pages_show_no_button_that_would_be_refused() {
    let world = World::new().await;
    for (role, block, device) in
        [(Role::Auditor, false, false), (Role::Operator, true, false), (Role::Admin, true, true)]
    {
        let page = world.get(&world.sign_in(role).await, &format!("/accounts/{ANNA}")).await.text;
        assert_eq!(page.contains("/block\""), block, "{role}");
        assert_eq!(page.contains("/devices\" autocomplete"), device, "{role}");
    }
}
