//! Accounts are not locked: whatever clients send, Exchange sees few wrong passwords, and right ones get through.

use std::time::Duration;

use crate::lab::{self, ANNA, Lab, PASSWORD, credentials};
use exchange::{Directory, Organisation, Settings};
use mailbox::{Access, ErrorKind, Mail, SignIn, Uid};
use tokio::task::JoinSet;

/// Wrong passwords Exchange has seen.
async fn wrong(lab: &Lab) -> u64 {
    lab.stats().await["wrong_credentials"].as_u64().unwrap()
}

/// Tries each of these users with each of so many wrong passwords, all at the same time.
async fn guess(directory: &Directory, users: &[&str], passwords: usize) {
    let mut guesses = JoinSet::new();
    for (user, n) in users.iter().flat_map(|user| (0..passwords).map(move |n| (*user, n))) {
        let (directory, credentials) = (directory.clone(), credentials(user, &format!("wrong{n}")));
        guesses.spawn(async move { directory.sign_in(&credentials).await.map(drop) });
    }
    while let Some(guess) = guesses.join_next().await {
        assert_eq!(guess.unwrap().unwrap_err().kind, ErrorKind::SignIn);
    }
}

#[tokio::test]
async fn guesses_count_together_however_the_user_is_named() {
    let lab = Lab::new().await;
    let users = [ANNA, "anna", "EXAMPLE\\Anna", "example.org\\anna", " Anna@EXAMPLE.org"];
    guess(&lab.directory(), &users, 10).await;
    assert!(wrong(&lab).await <= 5, "{}", lab.stats().await);
}

#[tokio::test]
async fn guesses_do_not_disturb_who_is_signed_in() {
    let lab = Lab::new().await;
    let directory = lab.directory();
    let account = directory.sign_in(&credentials(ANNA, PASSWORD)).await.unwrap();
    guess(&directory, &[ANNA], 20).await;
    assert!(wrong(&lab).await <= 5, "{}", lab.stats().await);
    lab.reset().await;
    directory.sign_in(&credentials(ANNA, PASSWORD)).await.unwrap();
    assert_eq!(lab.calls_of("GetFolder").await, 0, "a password that is known costs no call");
    assert!(!account.folders().await.unwrap().is_empty());
}

#[tokio::test]
async fn one_mistake_does_not_keep_the_right_password_out() {
    let lab = Lab::new().await;
    let directory = lab.directory();
    let [mistake, right] = [credentials(ANNA, "wrong"), credentials(ANNA, PASSWORD)];
    let (mistake, right) = tokio::join!(directory.sign_in(&mistake), directory.sign_in(&right));
    assert_eq!(mistake.unwrap_err().kind, ErrorKind::SignIn);
    right.unwrap();
    assert_eq!(wrong(&lab).await, 1);
}

#[tokio::test]
async fn organisations_have_nothing_to_do_with_each_other() {
    let (one, two) = (Lab::new().await, Lab::new().await);
    let organisation = |name: &str, lab: &Lab, domain: &str| Organisation {
        domains: vec![domain.to_owned()],
        allow_http: true,
        ..Organisation::at(name, [lab.running.url()])
    };
    let organisations = vec![organisation("one", &one, "example.org"), organisation("two", &two, "other.example")];
    let directory = Directory::new(Settings::new(one.state.path(), organisations)).unwrap();
    guess(&directory, &["anna@other.example"], 20).await;
    assert_eq!(wrong(&one).await, 0);
    assert!(wrong(&two).await <= 5, "{}", two.stats().await);
    directory.sign_in(&credentials(ANNA, PASSWORD)).await.unwrap();
    assert_eq!(two.stats().await["operations"]["GetFolder"].as_u64().unwrap_or(0), 0);
}

#[tokio::test]
async fn nothing_in_the_background_goes_on_with_an_old_password() {
    let mut lab = Lab::new().await;
    lab.fill(5);
    lab.settings.poll = Duration::from_millis(5);
    let directory = lab.directory();
    let mut sessions = Vec::new();
    for _ in 0..10 {
        let account = directory.sign_in(&credentials(ANNA, PASSWORD)).await.unwrap();
        let inbox = account.folders().await.unwrap().iter().find(|folder| folder.path.is_inbox()).unwrap().id;
        account.open(inbox, Access::ReadWrite).await.unwrap();
        let watch = account.watch(inbox);
        sessions.push((account, inbox, watch));
    }
    lab.control("POST", &format!("/password?user={ANNA}"), "new").await;
    lab.fault(r#"{"what":"stream_end"}"#).await;
    // Each of these would like to ask Exchange.
    let uids: Vec<Uid> = (1..=5).filter_map(Uid::new).collect();
    for _ in 0..20 {
        for (account, inbox, _) in &sessions {
            let (status, contents) = tokio::join!(account.status(*inbox), account.contents(*inbox, &uids));
            assert!(status.is_ok(), "what is known is told");
            assert!(contents.unwrap().iter().all(|(_, content)| content.is_err()));
        }
        directory.sign_in(&credentials(ANNA, PASSWORD)).await.unwrap_err();
    }
    // What was on its way, and one to make sure.
    assert!(wrong(&lab).await <= 4, "{}", lab.stats().await);
    directory.sign_in(&credentials(ANNA, "new")).await.unwrap();
    let (account, inbox, _) = &sessions[0];
    assert!(account.contents(*inbox, &uids).await.unwrap().iter().all(|(_, content)| content.is_ok()));
}

#[tokio::test]
async fn a_late_refusal_of_the_old_password_does_not_fall_on_the_new_one() {
    let lab = Lab::new().await;
    lab.fill(600);
    let directory = lab.directory();
    let account = directory.sign_in(&credentials(ANNA, PASSWORD)).await.unwrap();
    let inbox = account.folders().await.unwrap().iter().find(|folder| folder.path.is_inbox()).unwrap().id;
    // The first of two pages takes its time; the second is asked for with the password the first began with.
    lab.fault(r#"{"what":"drip","operation":"SyncFolderItems","piece":20000,"pause":10}"#).await;
    let listing = {
        let account = account.clone();
        tokio::spawn(async move { account.open(inbox, Access::ReadOnly).await })
    };
    while lab.calls_of("SyncFolderItems").await == 0 {
        tokio::task::yield_now().await;
    }
    lab.control("POST", &format!("/password?user={ANNA}"), "new").await;
    directory.sign_in(&credentials(ANNA, "new")).await.unwrap();
    assert_eq!(listing.await.unwrap().unwrap_err().kind, ErrorKind::SignIn);
    directory.sign_in(&credentials(ANNA, "new")).await.unwrap();
    account.create_folder(&lab::path(&["New"])).await.unwrap();
    assert!(wrong(&lab).await <= 3, "{}", lab.stats().await);
}

/// Nobody has used the mailbox for a while when Exchange goes away: whoever was let in before finds what is here.
#[tokio::test]
async fn a_mailbox_at_rest_opens_by_the_right_password_while_exchange_is_away() {
    let mut lab = Lab::new().await;
    lab.settings.linger = Duration::ZERO;
    lab.fill(3);
    let directory = lab.directory();
    let (inbox, first) = {
        let gate = lab.enter(&directory).await;
        let inbox = gate.inbox().await;
        assert_eq!(gate.uids(inbox).await.len(), 3);
        (inbox, gate.content(inbox, Uid::new(1).unwrap()).await)
    };
    // At rest it has no connection.
    until(async || {
        let connections = lab.control("GET", "/connections", "").await;
        connections.as_array().unwrap().iter().all(|connection| connection["open"] == false)
    })
    .await;
    lab.control("POST", "/away?how=refuse", "").await;

    let gate = lab.enter(&directory).await;
    assert_eq!(gate.inbox().await, inbox);
    assert_eq!(gate.uids(inbox).await.len(), 3);
    assert_eq!(gate.content(inbox, Uid::new(1).unwrap()).await, first);
    assert!(gate.account.notice().is_some(), "people are told");
    let wrong = directory.sign_in(&lab::credentials(ANNA, "wrong")).await;
    assert!(wrong.is_err(), "a wrong password opens nothing");

    lab.fill(4);
    lab.control("POST", "/back", "").await;
    gate.until(inbox, |entries| entries.len() == 7).await;
}

async fn until(is_so: impl AsyncFn() -> bool) {
    let wait = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap();
}
