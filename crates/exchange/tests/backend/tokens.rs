//! Access tokens are passed on to Exchange, and open their owner's mailbox only.

use crate::lab::{self, ANNA, BEN, Lab, PASSWORD, credentials};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use exchange::{Account, Directory};
use mailbox::objects::Objects;
use mailbox::{Access, ErrorKind, Mail, Result, Secret, SignIn};

/// A token that says of itself whose it is; another number, another token.
fn token(claims: &str, number: u32) -> String {
    format!("e30.{}.sig{number}", URL_SAFE_NO_PAD.encode(claims))
}

fn of(user: &str, number: u32) -> String {
    token(&format!(r#"{{"upn":"{user}"}}"#), number)
}

/// Exchange takes the token for this user's.
async fn grant(lab: &Lab, user: &str, token: &str) {
    lab.control("POST", &format!("/token?user={user}"), token).await;
}

async fn show(directory: &Directory, token: &str) -> Result<Account> {
    directory.sign_in_with_token(&Secret::new(token.to_owned())).await
}

fn directory(lab: &Lab) -> Directory {
    let mut settings = lab.settings.clone();
    settings.organisations.iter_mut().for_each(|organisation| organisation.tokens = true);
    Directory::new(settings).unwrap()
}

async fn refusals(lab: &Lab) -> u64 {
    lab.stats().await["wrong_credentials"].as_u64().unwrap()
}

#[tokio::test]
async fn a_token_opens_its_owners_mailbox() {
    let lab = Lab::new().await;
    lab.fill(1);
    let token = of("Anna@Example.org", 1);
    grant(&lab, ANNA, &token).await;
    assert!(!lab.directory().takes_tokens());
    assert_eq!(show(&lab.directory(), &token).await.unwrap_err().kind, ErrorKind::SignIn);
    let directory = directory(&lab);
    assert!(directory.takes_tokens());
    let account = show(&directory, &token).await.unwrap();
    assert_eq!(account.principal().await.unwrap().user, ANNA);
    let inbox = account.folders().await.unwrap()[0].id;
    assert_eq!(account.open(inbox, Access::ReadOnly).await.unwrap().entries.len(), 1);
    lab.reset().await;
    show(&directory, &token).await.unwrap();
    assert_eq!(lab.calls_of("GetFolder").await, 0, "a token that is known costs no call");
}

#[tokio::test]
async fn a_token_never_opens_what_it_only_names() {
    let lab = Lab::new().await;
    let directory = directory(&lab);
    let anna = directory.sign_in(&credentials(ANNA, PASSWORD)).await.unwrap();
    anna.folders().await.unwrap();
    // Ben's by all that Exchange knows.
    let liar = of(ANNA, 1);
    grant(&lab, BEN, &liar).await;
    assert_eq!(show(&directory, &liar).await.unwrap_err().kind, ErrorKind::SignIn);
    // Exchange has never heard of this one.
    assert_eq!(show(&directory, &of(ANNA, 2)).await.unwrap_err().kind, ErrorKind::SignIn);
    // It names both: what Exchange says counts.
    let both = token(&format!(r#"{{"upn":"{ANNA}","email":"{BEN}"}}"#), 3);
    grant(&lab, BEN, &both).await;
    assert_eq!(show(&directory, &both).await.unwrap().principal().await.unwrap().user, BEN);
    assert_eq!(show(&directory, &token("{}", 4)).await.unwrap_err().kind, ErrorKind::SignIn);
    assert_eq!(show(&directory, "not a token").await.unwrap_err().kind, ErrorKind::SignIn);
}

#[tokio::test]
async fn a_token_that_is_over_is_not_tried_again_and_the_next_one_is() {
    let lab = Lab::new().await;
    let directory = directory(&lab);
    let [first, second] = [of(ANNA, 1), of(ANNA, 2)];
    grant(&lab, ANNA, &first).await;
    let account = show(&directory, &first).await.unwrap();
    account.folders().await.unwrap();
    lab.control("POST", &format!("/token/revoke?user={ANNA}"), "").await;
    let gone = account.create_folder(&lab::path(&["New"])).await.unwrap_err();
    assert_eq!(gone.kind, ErrorKind::SignIn);
    let before = refusals(&lab).await;
    for _ in 0..3 {
        assert_eq!(show(&directory, &first).await.unwrap_err().kind, ErrorKind::SignIn);
    }
    assert_eq!(refusals(&lab).await, before);
    grant(&lab, ANNA, &second).await;
    show(&directory, &second).await.unwrap();
    account.create_folder(&lab::path(&["New"])).await.unwrap();
}

#[tokio::test]
async fn tokens_made_up_keep_no_password_out_and_a_token_replaces_none() {
    let lab = Lab::new().await;
    let directory = directory(&lab);
    for number in 0..20 {
        assert_eq!(show(&directory, &of(ANNA, 100 + number)).await.unwrap_err().kind, ErrorKind::SignIn);
    }
    assert!(refusals(&lab).await <= 5, "{}", lab.stats().await);
    directory.sign_in(&credentials(ANNA, PASSWORD)).await.unwrap();
    let directory = self::directory(&lab);
    let account = directory.sign_in(&credentials(ANNA, PASSWORD)).await.unwrap();
    let token = of(ANNA, 1);
    grant(&lab, ANNA, &token).await;
    show(&directory, &token).await.unwrap();
    lab.control("POST", &format!("/token/revoke?user={ANNA}"), "").await;
    account.create_folder(&lab::path(&["Still"])).await.unwrap();
    lab.reset().await;
    directory.sign_in(&credentials(ANNA, PASSWORD)).await.unwrap();
    assert_eq!(lab.calls_of("GetFolder").await, 0, "the password is known still");
}
