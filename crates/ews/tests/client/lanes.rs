//! How long a connection is used, and what ends it.

use std::time::Duration;

use crate::fake::*;
use ews::op::get_folder::GetFolder;
use ews::*;

#[tokio::test]
async fn an_idle_lane_is_not_used_again_after_a_minute() {
    let fake = Fake::start([Step::Send(ok())]).await;
    let client = fake.client();
    call(&client).await;
    pass(59).await;
    call(&client).await;
    pass(61).await;
    call(&client).await;
    assert_eq!(connections(&fake), [0, 0, 1]);
}

#[tokio::test]
async fn an_old_lane_is_not_used_again() {
    let fake = Fake::start([Step::Send(ok())]).await;
    let client = fake.client();
    for _ in 0..13 {
        call(&client).await;
        pass(50).await;
    }
    let mut expected = [0; 13];
    expected[12] = 1;
    assert_eq!(connections(&fake), expected, "ten minutes are over after the twelfth");
}

#[tokio::test]
async fn a_lane_whose_answer_nobody_waited_for_is_closed() {
    let mut fake = Fake::start([Step::Hang(ok()[..100].to_vec()), Step::Send(ok())]).await;
    let client = fake.client();
    let cancelled = tokio::spawn({
        let client = client.clone();
        async move { call(&client).await }
    });
    fake.bell.recv().await.unwrap();
    cancelled.abort();
    assert!(cancelled.await.unwrap_err().is_cancelled());
    call(&client).await;
    assert_eq!(connections(&fake), [0, 1]);
}

#[tokio::test]
async fn a_lane_that_broke_off_costs_one_connection() {
    let half = ok()[..200].to_vec();
    let fake = Fake::start([Step::Send(ok()), Step::SendAndClose(half), Step::Send(ok())]).await;
    let client = fake.client();
    for _ in 0..4 {
        call(&client).await;
    }
    assert_eq!(connections(&fake), [0, 0, 1, 1, 1]);
}

#[tokio::test]
async fn a_lane_whose_answers_name_other_requests_is_not_used_again() {
    let other = "client-request-id: 11111111-2222-3333-4444-555555555555\r\n";
    let fake =
        Fake::start([Step::Send(http("200 OK", other, &answer("GetFolder", &[FOLDER]))), Step::Send(ok())]).await;
    let client = fake.client();
    for _ in 0..3 {
        call(&client).await;
    }
    assert_eq!(connections(&fake), [0, 1, 1]);
}

#[tokio::test]
async fn nobody_uses_a_lane_of_somebody_else() {
    let fake = Fake::start([Step::Send(ok())]).await;
    let server = fake.server(|_| {});
    let service = server.client(anna("secret"));
    let tokens = ["one", "two"].map(|token| server.client(Identity::Bearer { token: Secret::new(token) }));
    for _ in 0..2 {
        for client in [&service, &tokens[0], &tokens[1]] {
            call(client).await;
        }
        // A service account is one identity, whomever it acts for.
        for mailbox in ["berta@example.org", "carl@example.org"] {
            call(&service.impersonating(Impersonation::PrimarySmtpAddress(mailbox.into())).with_anchor(mailbox)).await;
        }
    }
    let seen = fake.seen();
    let shown = |connection: usize| {
        let of = seen.iter().filter(|request| request.connection == connection);
        let mut shown: Vec<_> = of.map(|request| request.header("authorization").unwrap()).collect();
        shown.dedup();
        shown
    };
    assert_eq!(connections(&fake).into_iter().max(), Some(2));
    assert_eq!(shown(0), ["Basic RVhBTVBMRVxhbm5hOnNlY3JldA=="]);
    assert_eq!((shown(1), shown(2)), (vec!["Bearer one"], vec!["Bearer two"]));
}

async fn call(client: &Client) {
    let inbox = GetFolder { folders: vec![DistinguishedFolder::Inbox.into()], shape: FolderShape::default() };
    assert!(client.call(&inbox).await.unwrap().pop().unwrap().is_ok());
}

async fn pass(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

fn connections(fake: &Fake) -> Vec<usize> {
    fake.seen().iter().map(|request| request.connection).collect()
}
