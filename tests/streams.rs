//! A service account with many mailboxes: all hear at once, over few streams.

use std::time::{Duration, Instant};

use exgate_tests::{Gateway, Imap, Options, PASSWORD, Simulator, Site, letter};
use tokio::task::JoinSet;

/// More mailboxes than an account may have streams; and one more comes without anybody missing anything.
#[tokio::test]
async fn sixty_mailboxes_of_a_service_account_hear_at_once() {
    let simulator = users(60).with("--throttle", "2013").start().await;
    let site = Site::with(&simulator, SERVICE);
    let gateway = site.start().await;
    let mut clients = all(&gateway, 0..59).await;
    simulator.settle().await;
    let open = streams(&simulator).await;
    println!("59 mailboxes on {open} streams");
    assert!((1..=2).contains(&open), "{open} streams");
    let slowest = news(&simulator, &mut clients, 1).await;
    println!("new mail reaches each of 59 within {slowest:?}");
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");

    // While somebody comes, mail goes on to come for the others.
    let coming = async {
        let mut one = all(&gateway, 59..60).await;
        one.pop().unwrap()
    };
    let (one, mut clients) = {
        let others = async {
            for number in 2..5 {
                let slowest = news(&simulator, &mut clients, number).await;
                assert!(slowest < Duration::from_secs(5), "{slowest:?}");
            }
            clients
        };
        tokio::join!(coming, others)
    };
    let mut late = vec![one];
    let slowest = news(&simulator, &mut late, 1).await;
    assert!(slowest < Duration::from_secs(5), "whoever comes late waits {slowest:?}");
    let slowest = news(&simulator, &mut clients, 5).await;
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    let open = streams(&simulator).await;
    assert!((1..=2).contains(&open), "{open} streams");
    assert!(most_streams(&simulator).await <= 2, "{} streams at once", most_streams(&simulator).await);
    assert_eq!(simulator.throttle().await.busy(), 0, "too many streams at once");
}

/// A subscription is known only where it was made; the front end all came by dies.
#[tokio::test]
async fn with_affinity_all_hear_again_when_a_front_end_dies() {
    let simulator = users(10).flag("--affinity").front_ends(2).start().await;
    let urls = [1, 2].map(|number| simulator.front_ends[number].clone());
    let site = Site::reaching(&[&urls[0], &urls[1]], SERVICE);
    let gateway = site.start().await;
    let mut clients = all(&gateway, 0..10).await;
    let slowest = news(&simulator, &mut clients, 1).await;
    println!("new mail reaches each of 10 within {slowest:?}");
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    simulator.settle().await;
    simulator.kill_front_end(1).await;
    let slowest = news(&simulator, &mut clients, 2).await;
    println!("after the front end died within {slowest:?}");
    assert!(slowest < Duration::from_secs(15), "{slowest:?}");
    simulator.settle().await;
    let slowest = news(&simulator, &mut clients, 3).await;
    println!("and then within {slowest:?}");
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
}

struct Idling {
    user: usize,
    imap: Imap,
}

fn users(count: usize) -> Options {
    let options = Options::preset("empty").with("--impersonator", "svc@demo.test").flag("--require-anchor");
    let options = options.with("--account", &format!("svc@demo.test:{PASSWORD}"));
    (0..count).fold(options, |options, number| options.user(&name(number)))
}

fn name(user: usize) -> String {
    format!("user{user:02}@demo.test")
}

/// These sign in and idle in their inboxes.
async fn all(gateway: &Gateway, users: std::ops::Range<usize>) -> Vec<Idling> {
    let mut comers = JoinSet::new();
    for user in users {
        let mut imap = gateway.connect().await;
        comers.spawn(async move {
            imap.ok(&format!("LOGIN {} {PASSWORD}", name(user))).await;
            imap.select("INBOX").await;
            imap.begin("IDLE").await.unwrap();
            while !imap.read().await.unwrap().0.starts_with(b"+") {}
            Idling { user, imap }
        });
    }
    comers.join_all().await
}

/// A message to each of them, which is the one of that number in the inbox; how long the slowest waited.
async fn news(simulator: &Simulator, clients: &mut Vec<Idling>, number: u32) -> Duration {
    let mut waiting = JoinSet::new();
    for mut client in clients.drain(..) {
        simulator.deliver_to(&name(client.user), "INBOX", &letter(&format!("{}-{number}", client.user))).await;
        let sent = Instant::now();
        waiting.spawn(async move {
            let heard = tokio::time::timeout(LONGEST, async {
                while client.imap.read().await.unwrap().number("EXISTS") != Some(number) {}
            });
            heard.await.unwrap_or_else(|_| panic!("{} hears nothing of message {number}", name(client.user)));
            (client, sent.elapsed())
        });
    }
    let (heard, times): (Vec<_>, Vec<_>) = waiting.join_all().await.into_iter().unzip();
    clients.extend(heard);
    times.into_iter().max().unwrap()
}

/// Streams that are open now.
async fn streams(simulator: &Simulator) -> u64 {
    simulator.stats().await.0["streams"].as_u64().unwrap()
}

/// The most streams an account had at a time, whomever it acted for.
async fn most_streams(simulator: &Simulator) -> u64 {
    let told = simulator.throttle().await.0;
    told["accounts"].as_object().unwrap().values().map(|one| one["largest_streams"].as_u64().unwrap()).sum()
}

const SERVICE: &str = "domains = [\"demo.test\"]\nmode = \"impersonation\"\n\
    service = { user = \"svc@demo.test\", password = \"demo-alice\" }\n";
const LONGEST: Duration = Duration::from_secs(60);
