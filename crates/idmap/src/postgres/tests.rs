//! What is particular to a server. What every map must do is in `conformance`.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mailbox::{Access, ModSeq, SystemFlags};
use pg_fixture::Server as Fixture;

use super::{Change, LeaseEpoch, Server};
use crate::conformance::killed::{self, Victim};
use crate::conformance::{
    End, Place, apply, cases, filled, flags, item, listing, named, objects, random, random_objects, uid, uids,
};
use crate::{Error, IdMap, Mailbox, ObjectMap};

/// A mailbox of its own on the server that all tests share, which each opening sees from a node of its own. A killed
/// node leaves nothing but what is there.
struct OnServer {
    url: &'static str,
    mailbox: String,
}

impl OnServer {
    fn new() -> Option<Self> {
        static URL: OnceLock<Option<String>> = OnceLock::new();
        let url = URL.get_or_init(|| pg_fixture::shared().map(Fixture::database)).as_deref()?;
        Some(Self { url, mailbox: format!("anna{}@example.org", next()) })
    }

    /// For another process.
    fn named(&self) -> std::ffi::OsString {
        format!("{} {}", self.url, self.mailbox).into()
    }
}

impl Place for OnServer {
    type Map = Mailbox;

    async fn open(&self) -> Mailbox {
        node(self.url).await.mailbox(&self.mailbox).await.unwrap()
    }

    fn after_kill(&self) -> Self {
        Self { url: self.url, mailbox: self.mailbox.clone() }
    }
}

async fn node(url: &str) -> Server {
    Server::open(url, &format!("node-{}", next())).await.unwrap()
}

fn next() -> u32 {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    NUMBER.fetch_add(1, Ordering::SeqCst)
}

macro_rules! run {
    ($($story:ident)*) => {$(
        #[tokio::test]
        async fn $story() {
            let Some(place) = OnServer::new() else { return };
            cases::$story(place).await;
        }
    )*};
}

cases::every_story!(run);

#[test]
fn random_stories() {
    if OnServer::new().is_some() {
        random::run(12, || OnServer::new().unwrap());
    }
}

#[test]
fn random_stories_of_objects() {
    if OnServer::new().is_some() {
        random_objects::run(15, || OnServer::new().unwrap());
    }
}

/// Two nodes that write to one folder at the same time give each UID and each moment once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_do_not_disturb_each_other() {
    let Some(place) = OnServer::new() else { return };
    let (one, other) = (place.open().await, place.open().await);
    let inbox = filled(&one, &[]).await;
    let adding = |map: Mailbox, first: u32| {
        tokio::spawn(async move {
            let mut given = Vec::new();
            for number in first..first + 20 {
                given.extend(map.created(inbox, vec![item(number)]).await.unwrap());
            }
            given
        })
    };
    let (ours, theirs) = (adding(one.clone(), 100), adding(other.clone(), 200));
    let mut given = [ours.await.unwrap(), theirs.await.unwrap()].concat();
    given.sort_unstable();
    assert_eq!(given, (1..=40).map(uid).collect::<Vec<_>>());
    let entries = one.snapshot(inbox, Access::ReadOnly).await.unwrap().entries;
    let mut moments: Vec<ModSeq> = entries.iter().map(|entry| entry.modseq).collect();
    moments.sort_unstable();
    moments.dedup();
    assert_eq!(moments.len(), 40);
    assert_eq!(named(&one, inbox).await, named(&other, inbox).await);
    assert_eq!(one.status(inbox).await.unwrap(), other.status(inbox).await.unwrap());
}

/// Changes are sent to the server some hundreds at a time, and questions asked some dozens at a time.
#[tokio::test]
async fn large_pages_are_taken_whole() {
    let Some(place) = OnServer::new() else { return };
    let map = place.open().await;
    let items: Vec<_> = (1..=700).map(item).collect();
    let inbox = filled(&map, &items).await;
    let all = named(&map, inbox).await;
    assert_eq!(all, (1..=700).map(|number| (number, item(number).item_id)).collect::<Vec<_>>());
    let seen = items.iter().map(|item| crate::Item { flags: flags(SystemFlags::SEEN, &["$Done"]), ..item.clone() });
    apply(&map, inbox, listing(&seen.collect::<Vec<_>>(), "s2", End::Last)).await;
    let status = map.status(inbox).await.unwrap();
    assert_eq!((status.messages, status.unseen), (700, 0));
    assert_eq!(named(&map, inbox).await, all);
}

/// Everything is asked for by mailbox, so that nobody is shown what is another's.
#[tokio::test]
async fn mailboxes_do_not_see_each_other() {
    let (Some(anna), Some(berta)) = (OnServer::new(), OnServer::new()) else { return };
    let (anna, berta) = (anna.open().await, berta.open().await);
    let inbox = filled(&anna, &[1, 2].map(item)).await;
    anna.put_note("secret", "of anna").await.unwrap();
    assert_eq!(berta.folders().await.unwrap(), []);
    assert_eq!(berta.note("secret").await.unwrap(), None);
    assert_eq!(berta.status(inbox).await.unwrap_err(), Error::NoFolder(inbox));
    assert_eq!(filled(&berta, &[item(1)]).await, inbox);
    berta.removed(inbox, &[uid(1)]).await.unwrap();
    assert_eq!(uids(&anna, inbox).await, [uid(1), uid(2)]);
}

#[tokio::test]
async fn whoever_lost_a_lease_writes_nothing() {
    let Some(place) = OnServer::new() else { return };
    let (one, other) = (node(place.url).await, node(place.url).await);
    let name = place.mailbox.as_str();
    let first = one.lease(name, HOUR).await.unwrap().unwrap();
    let map = one.mailbox(name).await.unwrap();
    let ours = map.fenced(first);
    let inbox = filled(&ours, &[item(1)]).await;
    assert_eq!(other.lease(name, HOUR).await.unwrap(), None);
    let holder = one.holder(name).await.unwrap().unwrap();
    assert_eq!((holder.node.as_str(), holder.epoch), (one.0.node.as_str(), first));
    assert!(holder.left <= HOUR && holder.left > HOUR / 2);
    assert!(one.renew(name, first, HOUR).await.unwrap());

    one.release(name, first).await.unwrap();
    assert_eq!(one.holder(name).await.unwrap(), None);
    assert!(!one.renew(name, first, HOUR).await.unwrap());
    // Nobody has another one yet.
    ours.put_note("a", "b").await.unwrap();
    let second = other.lease(name, HOUR).await.unwrap().unwrap();
    assert!(second > first);
    assert_eq!(ours.created(inbox, vec![item(2)]).await.unwrap_err(), Error::Fenced);
    assert_eq!(uids(&ours, inbox).await, [uid(1)]);
    // What clients do here goes on.
    assert_eq!(map.created(inbox, vec![item(2)]).await.unwrap(), [uid(2)]);
    // A late goodbye takes nothing from whoever has it now.
    one.release(name, first).await.unwrap();
    assert_eq!(other.holder(name).await.unwrap().unwrap().epoch, second);
}

#[tokio::test]
async fn a_lease_that_ran_out_is_anybodys() {
    let Some(place) = OnServer::new() else { return };
    let (one, other) = (node(place.url).await, node(place.url).await);
    let name = place.mailbox.as_str();
    let first = one.lease(name, Duration::ZERO).await.unwrap().unwrap();
    assert_eq!(one.holder(name).await.unwrap(), None);
    // Nobody took it meanwhile, so it may go on.
    assert!(one.renew(name, first, Duration::ZERO).await.unwrap());
    let second = other.lease(name, HOUR).await.unwrap().unwrap();
    assert_eq!(second, LeaseEpoch(first.0 + 1));
    assert!(!one.renew(name, first, HOUR).await.unwrap());
    // A node that was started anew takes its own at once.
    assert_eq!(other.lease(name, HOUR).await.unwrap(), Some(LeaseEpoch(second.0 + 1)));
}

#[tokio::test]
async fn nodes_hear_of_each_others_changes() {
    let Some(place) = OnServer::new() else { return };
    let (one, other) = (node(place.url).await, node(place.url).await);
    let mut changes = one.changes();
    let map = one.mailbox(&place.mailbox).await.unwrap();
    listening(&one).await;
    while changes.0.try_recv().is_ok() {}
    let before = map.commits();
    assert_eq!(map.commits(), before);
    other.mailbox(&place.mailbox).await.unwrap().put_note("a", "b").await.unwrap();
    // Other tests write, too.
    while changes.next().await.unwrap() != Change::Mailbox(place.mailbox.clone()) {}
    assert_ne!(map.commits(), before);
    // What we do ourselves is no news, but counts.
    let before = map.commits();
    map.put_note("a", "c").await.unwrap();
    assert_ne!(map.commits(), before);
    other.mailbox(&place.mailbox).await.unwrap().put_note("a", "d").await.unwrap();
    let ours = |change: &Change| *change == Change::Mailbox(place.mailbox.clone());
    while !ours(&changes.next().await.unwrap()) {}
    assert!(std::iter::from_fn(|| changes.0.try_recv().ok()).all(|change| !ours(&change)));
}

/// A call while the server is away says so at once; afterwards everything is as it was, and somebody who listens is told
/// that anything may have happened.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_server_is_found_again() {
    let Some(fixture) = Fixture::start(&[]) else { return };
    let url = fixture.database();
    let server = node(&url).await;
    let map = server.mailbox("anna@example.org").await.unwrap();
    let inbox = filled(&map, &[1, 2, 3].map(item)).await;
    let before = named(&map, inbox).await;
    let mut changes = server.changes();
    listening(&server).await;
    while changes.0.try_recv().is_ok() {}

    tokio::task::block_in_place(|| fixture.stop());
    for _ in 0..2 {
        let error = map.created(inbox, vec![item(4)]).await.unwrap_err();
        assert!(matches!(error, Error::Away { .. }), "{error:?}");
        assert_eq!(mailbox::Error::from(error).kind, mailbox::ErrorKind::Unavailable);
    }
    assert_ne!(map.commits(), map.commits());
    assert!(matches!(Server::open(&url, "late").await, Err(Error::Away { .. })));

    tokio::task::block_in_place(|| fixture.resume());
    assert_eq!(changes.next().await, Some(Change::Everything));
    let uids = loop {
        match map.created(inbox, vec![item(4)]).await {
            Ok(uids) => break uids,
            Err(Error::Away { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(uids, [uid(4)]);
    assert_eq!(named(&map, inbox).await[..3], before);
}

/// A node that is killed while another one reads what it wrote.
#[tokio::test]
async fn a_killed_node_lost_nothing_it_announced() {
    let Some(place) = OnServer::new() else { return };
    let victim = Victim { test: "postgres::tests::the_node_that_is_killed", place: place.named() };
    killed::messages_are_there(&victim, || place.open()).await;
}

#[tokio::test]
async fn the_node_that_is_killed() {
    let Some(place) = Victim::place() else { return };
    killed::announce_messages(open_named(place.to_str().unwrap()).await).await;
}

#[tokio::test]
async fn a_killed_node_lost_no_object_it_announced() {
    let Some(place) = OnServer::new() else { return };
    let victim = Victim { test: "postgres::tests::the_node_with_objects_that_is_killed", place: place.named() };
    killed::objects_are_there(&victim, || place.open()).await;
}

#[tokio::test]
async fn the_node_with_objects_that_is_killed() {
    let Some(place) = Victim::place() else { return };
    killed::announce_objects(open_named(place.to_str().unwrap()).await).await;
}

async fn open_named(place: &str) -> Mailbox {
    let (url, mailbox) = place.split_once(' ').unwrap();
    Server::open(url, "victim").await.unwrap().mailbox(mailbox).await.unwrap()
}

/// A writer that is cut off in the middle, with its node, leaves nothing and holds nobody up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_is_cut_off_was_never_there() {
    let Some(place) = OnServer::new() else { return };
    let (one, other) = (place.open().await, place.open().await);
    let inbox = filled(&one, &[item(1)]).await;
    let panicked = one
        .write(move |connection| -> crate::tables::fault::Outcome<()> {
            crate::tables::ours::removed(connection, inbox, &[uid(1)])?;
            panic!("as a crash would")
        })
        .await;
    assert_eq!(panicked.unwrap_err(), Error::Closed);
    assert_eq!(uids(&other, inbox).await, [uid(1)]);
    assert_eq!(other.created(inbox, vec![item(2)]).await.unwrap(), [uid(2)]);
    assert_eq!(one.created(inbox, vec![item(3)]).await.unwrap(), [uid(3)]);
}

/// Several nodes that start at once on an empty database make the tables once. A newer version's tables are used if
/// they say that they can be.
#[tokio::test]
async fn tables_are_brought_up_to_date_once() {
    let Some(fixture) = pg_fixture::shared() else { return };
    let url = fixture.database();
    let (one, two, three) = tokio::join!(node(&url), node(&url), node(&url));
    one.migrate().await.unwrap();
    drop((one, two, three));
    let database = url.split(['/', '?']).nth(3).unwrap();
    assert_eq!(fixture.run(database, "SELECT version, oldest FROM idmap.version"), "2|1");
    fixture.run(database, "UPDATE idmap.version SET version = 99");
    node(&url).await.mailbox("anna").await.unwrap().put_note("a", "b").await.unwrap();
    fixture.run(database, "UPDATE idmap.version SET oldest = 98");
    let error = Server::open(&url, "old").await.unwrap_err();
    assert!(error.to_string().contains("newer version (schema 99)"), "{error}");
}

/// Maps with messages that Exchange cannot give are found among all others.
#[tokio::test]
async fn troubled_maps_are_found() {
    let Some(fixture) = pg_fixture::shared() else { return };
    let server = node(&fixture.database()).await;
    for name in ["main anna", "main ben", "other carl"] {
        let map = server.mailbox(name).await.unwrap();
        filled(&map, &[item(1)]).await;
        if name != "main ben" {
            map.put_problem(mailbox::EmailId([1; 16]), "ErrorCorruptData", b"a").await.unwrap();
        }
    }
    assert_eq!(server.troubled().await.unwrap(), ["main anna", "other carl"]);
}

/// A NUL, which PostgreSQL's text cannot hold, and names longer than an index takes come from elsewhere and stop nobody.
#[tokio::test]
async fn what_a_server_cannot_hold_stops_nobody() {
    let Some(place) = OnServer::new() else { return };
    let map = place.open().await;
    let odd = crate::Item { message_id: Some("<a\0b@example.org>".to_owned()), ..item(1) };
    let inbox = filled(&map, &[odd]).await;
    assert_eq!(map.named(vec!["<a\0b@example.org>".to_owned()]).await.unwrap(), [(inbox, uid(1))]);
    let long = "x".repeat(40_000);
    let event = crate::ObjectItem { uid: Some(long.clone()), name: Some(objects::name(&long)), ..objects::object(1) };
    let calendar = objects::filled(&map, &[event]).await;
    assert!(map.object_of_uid(calendar, &long).await.unwrap().is_some());
    assert_eq!(map.objects_named(calendar, &[objects::name(&long)]).await.unwrap().len(), 1);
    map.objects_removed(calendar, &[crate::ObjectNumber(1)]).await.unwrap();
}

/// The certificate is checked, and no word is said to a server that has another.
#[tokio::test]
async fn certificates_are_checked() {
    let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let roots = directory.path().join("roots.pem");
    std::fs::write(&roots, key.cert.pem()).unwrap();
    let Some(fixture) = Fixture::with_tls(&key.cert.pem(), &key.signing_key.serialize_pem()) else { return };
    fixture.database();
    let port = fixture.port();
    let url = |host: &str, rest: &str| format!("postgresql://postgres@{host}:{port}/test_0?{rest}");
    let trusted = format!("sslmode=verify-full&sslrootcert={}", roots.display());
    let server = Server::open(&url("localhost", &trusted), "one").await.unwrap();
    server.mailbox("anna").await.unwrap().put_note("a", "b").await.unwrap();
    let used =
        "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'exgate'";
    assert_eq!(fixture.run("postgres", used), "t");
    for (host, rest) in [("localhost", "sslmode=require"), ("127.0.0.1", trusted.as_str())] {
        let error = Server::open(&url(host, rest), "two").await.unwrap_err().to_string();
        assert!(error.contains("certificate"), "{host} {rest}: {error}");
    }
}

/// Until news of other nodes come.
async fn listening(server: &Server) {
    let mut changes = server.changes();
    if !server.0.listener.listens() {
        while changes.next().await.unwrap() != Change::Everything {}
    }
}

const HOUR: Duration = Duration::from_secs(3600);
