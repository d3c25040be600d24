use deadpool_postgres::{Config, Runtime};
use tokio_postgres::NoTls;
use uuid::Uuid;

use super::*;

const DIGEST: [u8; 32] = [7; 32];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_one_process_at_a_time() {
    let Some(server) = pg_fixture::shared() else { return };
    let url = server.database();
    let (a, b) = (open(&url, "a").await, open(&url, "b").await);
    a.join().await.unwrap();
    b.join().await.unwrap();
    assert_eq!(a.all().await.unwrap(), ["a", "b"]);
    // One that is killed is gone after three seconds, and then its name is free; here by a clock that is moved.
    let again = open(&url, "a").await;
    let joining = tokio::spawn(async move { again.join().await.map(|()| again) });
    server.run(&name(&url), "UPDATE nodes.node SET until = until - interval '3 seconds' WHERE name = 'a'");
    assert!(!b.is_there("a").await.unwrap() || joining.is_finished());
    let again = joining.await.unwrap().unwrap();
    assert!(b.is_there("a").await.unwrap());
    // Who has lost the name takes nothing away from who has it.
    a.leave().await.unwrap();
    assert!(b.is_there("a").await.unwrap());
    again.leave().await.unwrap();
    assert_eq!(b.all().await.unwrap(), ["b"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mailbox_has_one_name_on_all_nodes() {
    let Some(server) = pg_fixture::shared() else { return };
    let url = server.database();
    let (a, b) = (open(&url, "a").await, open(&url, "b").await);
    // By two names, at both nodes, at once.
    let (one, other) = tokio::join!(a.home("main", "anna", "T1", false), b.home("main", "corp\\anna", "T1", false));
    assert_eq!(one.unwrap(), other.unwrap());
    assert_eq!(a.home("main", "ben", "T2", false).await.unwrap(), "ben");
    assert_eq!(b.home("main", "corp\\ben", "T2", false).await.unwrap(), "ben");
    assert_eq!(b.home("other", "corp\\ben", "T2", false).await.unwrap(), "corp\\ben", "another organisation");
    assert_eq!(b.home("main", "corp\\ben", "T2", true).await.unwrap(), "corp\\ben", "it has state of its own");
    // After a migration.
    assert_eq!(a.home("main", "ben", "T3", true).await.unwrap(), "ben");
    assert_eq!(b.home("main", "corp\\ben", "T3", false).await.unwrap(), "ben");
    assert_eq!(b.home("main", "corp\\ben", "T2", false).await.unwrap(), "corp\\ben", "the old id is nobody's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_taken_once() {
    let Some(server) = pg_fixture::shared() else { return };
    let url = server.database();
    let (a, b) = (open(&url, "a").await, open(&url, "b").await);
    let message = Message { owner: ("main", "anna"), digest: &DIGEST };
    let (first, second) = (Uuid::new_v4(), Uuid::new_v4());
    assert_eq!(a.claim(message, first, true).await.unwrap(), Claim::Ours);
    assert_eq!(a.claim(message, first, true).await.unwrap(), Claim::Ours, "its own spool knows what came of it");
    a.drafted(message, first, "AAMk").await.unwrap();
    let Claim::Begun(begun) = b.claim(message, second, true).await.unwrap() else { panic!("a has begun") };
    assert_eq!((begun.id, begun.draft.as_deref()), (first, Some("AAMk")));
    assert!(begun.ago < std::time::Duration::from_secs(60));
    // From then on it is b's, under the id that it was begun with.
    assert!(matches!(a.claim(message, second, true).await.unwrap(), Claim::Begun(begun) if begun.id == first));
    assert!(!b.keeps(message, first).await.unwrap() && a.keeps(message, first).await.unwrap());
    assert_eq!(b.claim(message, second, true).await.unwrap(), Claim::Taken(first));
    b.heard(message.owner, second).await.unwrap();
    assert_eq!(b.claim(message, second, true).await.unwrap(), Claim::Taken(first));
    b.sent(message, first).await.unwrap();
    assert_eq!(a.claim(Message { digest: &[8; 32], ..message }, first, false).await.unwrap(), Claim::Ours);
    a.sent(Message { digest: &[8; 32], ..message }, first).await.unwrap();
    let alike = b.claim(Message { digest: &[8; 32], ..message }, second, false).await.unwrap();
    assert_eq!(alike, Claim::Ours, "without a Message-ID two that are alike are two");
    let others = Message { owner: ("main", "ben"), ..message };
    assert_eq!(b.claim(others, second, true).await.unwrap(), Claim::Ours, "another mailbox's");
    b.gave_up(others, first).await.unwrap();
    assert!(matches!(a.claim(others, first, true).await.unwrap(), Claim::Begun(..)), "not that submission");
    a.gave_up(others, second).await.unwrap();
    assert_eq!(a.claim(others, first, true).await.unwrap(), Claim::Ours);
    a.heard(others.owner, first).await.unwrap();
    assert_eq!(b.claim(others, second, true).await.unwrap(), Claim::Ours, "another message, word for word the same");
    server.run(&name(&url), "UPDATE nodes.taken SET at = at - interval '25 hours'");
    a.tidy().await.unwrap();
    assert_eq!(b.claim(message, second, true).await.unwrap(), Claim::Ours);
}

async fn open(url: &str, name: &str) -> Nodes {
    let config = Config { url: Some(url.to_owned()), ..Config::default() };
    let pool = config.create_pool(Some(Runtime::Tokio1), NoTls).unwrap();
    Nodes::open(pool, name).await.unwrap()
}

/// The database a URL names.
fn name(url: &str) -> String {
    url.trim_start_matches("postgresql:///").split('?').next().unwrap_or_default().to_owned()
}
