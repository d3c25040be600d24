use std::sync::Arc;

use deadpool_postgres::{Config, Runtime};
use pg_fixture::Server;
use tokio_postgres::NoTls;

use super::*;
use crate::conformance::{self, Place};
use crate::{AccountState, Chain};

struct Database(String);

impl Place for Database {
    type Store = Register;

    async fn open(&self) -> Register {
        open(pool(&self.0)).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_does_what_every_store_must() {
    let Some(server) = pg_fixture::shared() else { return };
    conformance::all(|| Database(server.database())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_that_open_it_at_once_make_one_register() {
    let Some(server) = pg_fixture::shared() else { return };
    let url = server.database();
    let opened: Vec<_> = (0..8).map(|_| tokio::spawn(open(pool(&url)))).collect();
    let mut peppers = Vec::new();
    for register in opened {
        peppers.push(register.await.unwrap().unwrap().pepper().await.unwrap());
    }
    assert!(peppers.iter().all(|pepper| *pepper == peppers[0]) && peppers[0] != [0; 32]);
    assert_eq!(version(&pool(&url)).await.unwrap(), Some(LATEST));
    assert_eq!(version(&pool(&server.database())).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_that_cannot_go_on_say_so() {
    let Some(server) = pg_fixture::shared() else { return };
    let url = server.database();
    drop(open(pool(&url)).await.unwrap());
    let database = name(&url);
    // One that is newer and lets this one go on, as while gateways are replaced one after the other.
    server.run(&database, "UPDATE accounts.version SET version = 99");
    drop(open(pool(&url)).await.unwrap());
    assert_eq!(server.run(&database, "SELECT version FROM accounts.version"), "99", "it stays as new as it is");
    server.run(&database, "UPDATE accounts.version SET oldest = 98");
    let sentence = open(pool(&url)).await.unwrap_err().to_string();
    assert_eq!(sentence, "its accounts were written by a newer version (schema 99); run that version");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_restarts_costs_answers_and_nothing_else() {
    let Some(server) = Server::start(&[]) else { return };
    let register = open(pool(&server.database())).await.unwrap();
    register.commit("test", Timestamp::default(), vec![know("anna@one.example")]).await.unwrap();
    server.stop();
    let fault = register.account("anna@one.example").await.unwrap_err();
    assert!(
        matches!(&fault, Fault::Broken(sentence) if sentence.starts_with("the database does not answer")),
        "{fault}"
    );
    assert!(register.commit("test", Timestamp::default(), vec![know("bert@one.example")]).await.is_err());
    server.resume();
    assert!(register.account("anna@one.example").await.unwrap().is_some());
    register.commit("test", Timestamp::default(), vec![know("carl@one.example")]).await.unwrap();
    let log = register.audit(0, 10).await.unwrap();
    assert_eq!(Chain::EMPTY.follow(&log).unwrap().length, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_made_though_nobody_waits_for_it() {
    let Some(server) = pg_fixture::shared() else { return };
    let register = Arc::new(open(pool(&server.database())).await.unwrap());
    let before = register.generation().await.unwrap();
    {
        let mut commit = Box::pin(register.commit("test", Timestamp::default(), vec![know("anna@one.example")]));
        assert!(
            std::future::poll_fn(|context| std::task::Poll::Ready(commit.as_mut().poll(context))).await.is_pending()
        );
    }
    while register.generation().await.unwrap() == before {
        tokio::task::yield_now().await;
    }
    assert!(register.account("anna@one.example").await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_name_breaks_it() {
    let Some(server) = pg_fixture::shared() else { return };
    let register = open(pool(&server.database())).await.unwrap();
    for name in ["a\0b@one.example", "'; DROP SCHEMA accounts; --", "\u{1F4E7}@one.example"] {
        assert_eq!(register.account(name).await.unwrap(), None);
        assert!(register.devices(Some(name)).await.unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_register_moves_from_a_file_to_a_server_as_it_is() {
    let Some(server) = pg_fixture::shared() else { return };
    let home = tempfile::tempdir().unwrap();
    let file = crate::sqlite::open(home.path()).unwrap();
    conformance::fill(&file).await;
    let database = open(pool(&server.database())).await.unwrap();
    let copied = crate::copy(&file, &database).await.unwrap().unwrap();
    assert!(copied.iter().all(|(_, rows)| *rows > 0), "{copied:?}");
    assert_eq!(crate::copy(&file, &database).await.unwrap(), None, "it is there already");
    conformance::same(&file, &database).await;
    // It goes on there: the log, and the numbers of devices.
    conformance::fill(&database).await;
    assert_eq!(crate::copy(&file, &database).await.unwrap(), None, "it has gone on since");
    file.commit("test", Timestamp::default(), vec![know("late@one.example")]).await.unwrap();
    let refused = crate::copy(&file, &database).await;
    assert!(
        matches!(&refused, Err(Fault::Refused(sentence)) if sentence.contains("accounts of its own")),
        "{refused:?}"
    );
}

fn pool(url: &str) -> Pool {
    let config = Config { url: Some(url.to_owned()), ..Config::default() };
    config.create_pool(Some(Runtime::Tokio1), NoTls).unwrap()
}

/// The database a URL names.
fn name(url: &str) -> String {
    url.trim_start_matches("postgresql:///").split('?').next().unwrap_or_default().to_owned()
}

fn know(address: &str) -> Change {
    Change::Know {
        address: address.to_owned(),
        organisation: "main".to_owned(),
        mailbox: None,
        state: AccountState::Open,
    }
}
