//! The server is there, keeps what it was given when it is cut off, and leaves nothing behind.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use pg_fixture::Server;

#[test]
fn it_comes_back_with_what_was_committed_and_leaves_nothing_behind() {
    let Some(server) = Server::start(&[]) else { return };
    let url = server.database();
    let name = url.split(['/', '?']).nth(3).unwrap().to_owned();
    server.run(&name, "CREATE TABLE kept AS SELECT 7 AS number");
    server.stop();
    server.resume();
    assert_eq!(server.run(&name, "SELECT number FROM kept"), "7");
    let place = server.place().to_owned();
    assert!(place.exists());
    drop(server);
    assert!(!place.exists());
}

#[test]
fn tests_share_a_server_and_have_databases_of_their_own() {
    let Some(server) = pg_fixture::shared() else { return };
    assert_ne!(server.database(), server.database());
}
