//! Trying mailboxes in the background, through a restart and a crash in the middle of a line.

use std::io::Write;
use std::time::Duration;

use accounts::{AccountState, Change, Role, Store};
use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::world::World;

const MANY: usize = 200;

async fn crowded(patience: usize) -> World {
    let world = World::at(TempDir::new().unwrap(), patience).await;
    let known = |number: usize| Change::Know {
        // Every thirtieth one does not work.
        address: format!("{}{number}@one.example", if number.is_multiple_of(30) { "broken" } else { "user" }),
        organisation: "main".to_owned(),
        mailbox: None,
        state: AccountState::Pending,
    };
    world.register.commit("test", Timestamp::now(), (1..=MANY).map(known).collect()).await.unwrap();
    world
}

async fn trial(world: &World, id: u64) -> Value {
    world.call(Role::Auditor, Method::GET, &format!("/api/v1/trials/{id}"), None).await.json()
}

/// Asks until a trial is as far as that.
async fn until(world: &World, id: u64, is_far: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..10_000 {
        let told = trial(world, id).await;
        if is_far(&told["trial"]) {
            return told;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("trial {id} comes no further: {}", trial(world, id).await["trial"]);
}

#[tokio::test]
async fn two_hundred_mailboxes_are_tried_and_those_that_work_are_let_in() {
    // Nobody is patient for longer than eighty of them.
    let world = crowded(80).await;
    let begun = world.call(Role::Operator, Method::POST, "/api/v1/trials", Some(json!({ "approve": true }))).await;
    assert_eq!((begun.status.as_u16(), &begun.json()["total"]), (202, &json!(MANY + 2)));
    let again = world.call(Role::Operator, Method::POST, "/api/v1/trials", Some(json!({}))).await;
    assert_eq!(again.status, 409, "{}", again.text);
    until(&world, 1, |trial| trial["tried"] == 80).await;

    // The gateway ends in the middle of a line, and starts again.
    let file = world.home().join("trials/1.jsonl");
    std::fs::OpenOptions::new().append(true).open(&file).unwrap().write_all(b"{\"result\":{\"addr").unwrap();
    let world = world.again(usize::MAX >> 4);
    let told = until(&world, 1, |trial| trial["state"] == "done").await;
    assert_eq!((&told["trial"]["tried"], &told["trial"]["failed"]), (&json!(MANY + 2), &json!(6)));
    // What was tried before is not tried again.
    assert_eq!(world.house.tried.lock().unwrap().len(), MANY + 2 - 80);
    let open =
        world.register.accounts().await.unwrap().into_iter().filter(|one| one.state == AccountState::Open).count();
    assert_eq!(open, MANY + 2 - 6);
    let broken =
        told["results"].as_array().unwrap().iter().find(|one| one["address"] == "broken30@one.example").unwrap();
    assert_eq!((&broken["incoming"]["state"], &broken["outgoing"]["state"]), (&json!("failed"), &json!("skipped")));

    let world = world.again(0);
    assert_eq!(trial(&world, 1).await["trial"]["state"], "done", "it is remembered");
}

#[tokio::test]
async fn a_trial_that_is_stopped_stays_stopped() {
    let world = crowded(3).await;
    let asked = json!({ "accounts": ["USER1@one.example", "user2@one.example", "user3@one.example", "user4@one.example"], "outgoing": true });
    world.call(Role::Operator, Method::POST, "/api/v1/trials", Some(asked)).await;
    let told = until(&world, 1, |trial| trial["tried"] == 3).await;
    assert_eq!(told["results"][0]["outgoing"]["state"], "ok");
    for _ in 0..2 {
        assert_eq!(world.call(Role::Operator, Method::DELETE, "/api/v1/trials/1", None).await.status, 204);
    }
    let world = world.again(usize::MAX >> 4);
    assert_eq!(
        (&trial(&world, 1).await["trial"]["state"], world.house.tried.lock().unwrap().len()),
        (&json!("stopped"), 0)
    );
    let nobody = json!({ "accounts": ["nobody@one.example"] });
    assert_eq!(world.call(Role::Operator, Method::POST, "/api/v1/trials", Some(nobody)).await.status, 404);
    let done: Vec<String> = world.done().await.into_iter().map(|(_, action)| action).collect();
    assert_eq!(done, ["trial.begin", "trial.stop"]);
}
