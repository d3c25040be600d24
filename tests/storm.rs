//! Sending through the whole gateway, while it is killed, while answers are lost or leave open what was done, while
//! clients hang up, and while Exchange is away: what was answered with 250 arrives once with each recipient and is filed once,
//! or comes back to its sender, and what was refused arrives with nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use exgate_tests::{Broken, Dice, Gateway, Imap, LOST_ANSWER, Options, PASSWORD, Simulator, Site, Smtp, Status, USER};
use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};
use tokio::time::{sleep, timeout};

#[tokio::test]
async fn whatever_happens_each_message_arrives_once() {
    storm(300, 8, "whatever_happens_each_message_arrives_once").await;
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn whatever_happens_each_of_ten_thousand_arrives_once() {
    storm(10_000, 20, "whatever_happens_each_of_ten_thousand_arrives_once").await;
}

/// Clients that try again until they are answered, or hang up, a gateway that is killed, an Exchange that breaks off: something
/// happens `every` so many messages on average.
async fn storm(messages: usize, every: u64, name: &str) {
    let mut options = Options::preset("empty").user(BOB).user(CAROL).latency(3);
    for sender in &SENDERS[1..] {
        options = options.user(sender);
    }
    // What Exchange has taken it sends a second later: meanwhile it stands in Drafts, submitted.
    let simulator = options.with("--linger", "1").unrecorded().start().await;
    let site = Site::new(&simulator);
    let mut gateway = site.start().await;
    let begun_at = Instant::now();
    calm(&simulator, &gateway).await;
    let (place, places) = watch::channel(Place::of(&gateway));
    let (begin, mut begun) = watch::channel(0);
    let begin = Arc::new(begin);
    let told = Arc::new(Mutex::new(Told::default()));
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let (begin, told, places) = (Arc::clone(&begin), Arc::clone(&told), places.clone());
        clients.push(tokio::spawn(async move {
            loop {
                let mut number = 0;
                begin.send_modify(|next| {
                    number = *next;
                    *next += 1;
                });
                if number >= messages {
                    return;
                }
                let fate = bring(&places, number).await;
                let copy = match fate == Fate::Taken && Habit::of(number) == Habit::Files {
                    true => Some(file(&places, number).await.is_ok()),
                    false => None,
                };
                let mut told = told.lock().await;
                told.fates.insert(number, fate);
                told.copies.extend(copy.map(|is_there| (number, is_there)));
            }
        }));
    }
    let mut dice = Dice::cast(name);
    let mut happened: BTreeMap<String, usize> = BTreeMap::new();
    loop {
        let next = *begun.borrow_and_update() + 1 + usize::try_from(dice.below(2 * every)).unwrap();
        if next >= messages {
            break;
        }
        begun.wait_for(|number| *number >= next).await.unwrap();
        let what = match usize::try_from(dice.below(24)).unwrap() {
            0..3 => {
                gateway.kill().await;
                gateway = site.start().await;
                place.send(Place::of(&gateway)).unwrap();
                "gateway killed".to_owned()
            }
            3 => {
                let how = ["refuse", "503"][usize::try_from(dice.below(2)).unwrap()];
                simulator.away(how).await;
                sleep(dice.moment(Duration::from_secs(2))).await;
                simulator.back().await;
                format!("Exchange away: {how}")
            }
            number => {
                let faults = faults(dice.moment(LATE));
                let (what, fault) = &faults[number % faults.len()];
                simulator.fault(fault.clone()).await;
                (*what).to_owned()
            }
        };
        *happened.entry(what).or_default() += 1;
    }
    for client in clients {
        timeout(Duration::from_secs(600), client).await.expect("every client is answered").unwrap();
    }
    simulator.clear_faults().await;
    // Passwords are not kept: what waits goes when its owner is signed in.
    let mut signed_in = Vec::new();
    for sender in SENDERS {
        signed_in.push(sign_in(&gateway, sender).await);
    }
    site.until_nothing_waits().await;
    simulator.get("/late?wait=60").await;
    let took = begun_at.elapsed();
    let told = told.lock().await;
    assert_eq!(told.fates.len(), messages);
    let operations = simulator.stats().await.0;
    let returned = each_arrived_once(&simulator, &gateway, &told).await;

    let of = |fate: Fate| told.fates.values().filter(|found| **found == fate).count();
    let count = |name: &str| operations["operations"][name].as_u64().unwrap_or(0);
    let calls = ["CreateItem", "FindItem", "SendItem", "DeleteItem"].map(count);
    println!(
        "{messages} messages in {} s: {} taken, of these {returned} returned, {} refused, {} brought by clients that hung up; \
         {happened:?}; Exchange's faults {}; calls: CreateItem {}, FindItem {}, SendItem {}, DeleteItem {}: {:.3} a message",
        took.as_secs(),
        of(Fate::Taken),
        of(Fate::Refused),
        of(Fate::Unheard),
        operations["faults"],
        calls[0],
        calls[1],
        calls[2],
        calls[3],
        calls.iter().sum::<u64>() as f64 / messages as f64,
    );
    // One look for each outcome that was left open, and nothing else is looked for.
    let faults: u64 = operations["faults"].as_object().map_or(0, |all| all.values().filter_map(Value::as_u64).sum());
    let killed = happened.get("gateway killed").copied().unwrap_or(0) * CLIENTS;
    let refused = of(Fate::Refused) + returned + of(Fate::Unheard);
    let most = faults + u64::try_from(killed + refused + 4 * told.copies.len()).unwrap();
    assert!(calls[1] <= most, "{} looks, and at most {most} are to be explained", calls[1]);
}

/// While nothing goes wrong a message takes the one call.
async fn calm(simulator: &Simulator, gateway: &Gateway) {
    let places = watch::channel(Place::of(gateway)).1;
    for sender in SENDERS {
        drop(sign_in(gateway, sender).await);
    }
    simulator.settle().await;
    simulator.reset().await;
    for number in CALM {
        let first = hand_over(*places.borrow(), number).await;
        assert!(matches!(first, Ok(250)), "{:?}", first.ok());
    }
    simulator.settle().await;
    let stats = simulator.stats().await;
    assert_eq!(stats.operation("CreateItem"), 20);
    for other in ["FindItem", "SendItem", "DeleteItem", "GetItem"] {
        assert_eq!(stats.operation(other), 0, "{other}");
    }
    simulator.reset().await;
}

/// What can go wrong with Exchange, by what the report calls it.
fn faults(late: Duration) -> Vec<(&'static str, Value)> {
    let late = u64::try_from(late.as_millis()).unwrap();
    let refused = |code: &str, done: bool, times: u32| json!({"what": "refused", "sends": true, "code": code, "carried_out": done, "times": times});
    let sends = |what: &str, done: bool| json!({"what": what, "sends": true, "carried_out": done, "times": 2});
    vec![
        ("answers lost", json!({"what": "cut_after", "sends": true, "times": 3})),
        ("answers lost, done late", json!({"what": "cut_late", "sends": true, "pause": late, "times": 2})),
        ("requests lost", json!({"what": "lost", "sends": true, "times": 2})),
        ("connections cut", json!({"what": "cut", "operation": "CreateItem", "times": 2})),
        ("answers cut", json!({"what": "truncated", "operation": "CreateItem", "times": 2})),
        ("answers slow", json!({"what": "delay", "sends": true, "pause": late, "times": 3})),
        ("503", sends("unavailable", false)),
        ("503, done", sends("unavailable", true)),
        ("a page, done", sends("html", true)),
        ("nothing, done", sends("empty", true)),
        ("timed out", refused("ErrorTimeoutExpired", false, 2)),
        ("timed out, done", refused("ErrorTimeoutExpired", true, 2)),
        ("internal error, done", refused("ErrorInternalServerTransientError", true, 2)),
        ("refused for good", refused("ErrorMessageSubmissionBlocked", false, 1)),
        ("busy", json!({"what": "busy", "operation": "CreateItem", "back_off": 200, "times": 3})),
        ("looks lost", json!({"what": "cut_after", "operation": "FindItem", "times": 2})),
    ]
}

/// Counts at Exchange, and in the mailboxes through the gateway. How many came back to their senders.
async fn each_arrived_once(simulator: &Simulator, gateway: &Gateway, told: &Told) -> usize {
    let mut returned = BTreeMap::new();
    for sender in SENDERS {
        returned.extend(found(gateway, sender, "INBOX", "IN-REPLY-TO").await);
    }
    let strange: Vec<usize> = returned.iter().filter(|(_, times)| **times != 1).map(|(number, _)| *number).collect();
    assert!(strange.is_empty(), "reported more than once: {strange:?}");
    let mut counts = BTreeMap::new();
    let mut wrong = Vec::new();
    // What was given to Exchange last lingers for a second.
    for _ in 0..100 {
        counts = serde_json::from_value::<BTreeMap<String, Value>>(simulator.get("/deliveries/counts").await).unwrap();
        let each = told.fates.iter().map(|(number, fate)| {
            (*number, *fate, returned.contains_key(number), counts.get(&message_id(*number)).cloned())
        });
        wrong = each
            .filter(|(number, fate, is_back, count)| !is_right((*number, *fate), *is_back, count.as_ref(), told))
            .collect();
        if wrong.is_empty() {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    assert!(wrong.is_empty(), "{} messages: number, outcome, came back, as Exchange counts it: {wrong:?}", wrong.len());
    let mut sent: BTreeSet<usize> =
        told.fates.keys().copied().filter(|number| counts.contains_key(&message_id(*number))).collect();
    let known: BTreeSet<String> = told.fates.keys().copied().chain(CALM).map(message_id).collect();
    let others: Vec<&String> = counts.keys().filter(|id| !known.contains(*id)).collect();
    assert!(others.iter().all(|id| !id.ends_with("@client.demo.test>")), "{others:?}");

    sent.extend(CALM);
    for who in [BOB, CAROL] {
        let expected = sent.iter().copied().filter(|number| recipients(*number).contains(&who)).collect();
        holds(gateway, (who, "INBOX"), &expected, told).await;
    }
    for sender in SENDERS {
        let own = sent.iter().copied().filter(|number| self::sender(*number) == sender).collect();
        holds(gateway, (sender, "\\Sent"), &own, told).await;
        // Of what was refused Exchange leaves a draft, which stays if the gateway is killed before it clears it away.
        let drafts = found(gateway, sender, "\\Drafts", "MESSAGE-ID").await;
        let left: Vec<&usize> = drafts.keys().filter(|number| sent.contains(number)).collect();
        assert!(left.is_empty(), "drafts of {sender} that were sent: {left:?}");
    }
    returned.len()
}

/// Whether that is what becomes of a message whose client was told so.
fn is_right((number, fate): (usize, Fate), is_back: bool, count: Option<&Value>, told: &Told) -> bool {
    let Some(count) = count else {
        return match fate {
            Fate::Taken => is_back,
            Fate::Refused => !is_back,
            Fate::Unheard => true,
        };
    };
    // Of a message whose copy its client filed first, Exchange makes none; what a client files while its answer is lost may be
    // there twice.
    let copies = match told.copies.get(&number) {
        Some(true) => 0..=1,
        Some(false) => 0..=2,
        None => 1..=1,
    };
    let reached: BTreeMap<&str, u64> = recipients(number).into_iter().map(|who| (who, 1)).collect();
    fate != Fate::Refused
        && !is_back
        && !is_forbidden(number)
        && count["sent"] == 1
        && copies.contains(&count["copies"].as_u64().unwrap())
        && count["reached"] == json!(reached)
}

/// Each of these is in the folder once, and nothing else.
async fn holds(gateway: &Gateway, (who, folder): (&str, &str), expected: &BTreeSet<usize>, told: &Told) {
    let mut wrong: BTreeMap<usize, [Option<usize>; 2]> = BTreeMap::new();
    // What was sent last may be on its way still.
    for _ in 0..100 {
        let found = found(gateway, who, folder, "MESSAGE-ID").await;
        let all: BTreeSet<usize> = found.keys().chain(expected).copied().collect();
        wrong = all
            .into_iter()
            .map(|number| (number, [found.get(&number).copied(), expected.get(&number).map(|_| 1)]))
            .collect();
        wrong.retain(|number, [found, wanted]| {
            let is_own = folder == "\\Sent" && told.copies.contains_key(number);
            // What a client files while its answer is lost may be there twice; what came back may be filed all the same.
            let may_be = is_own && (wanted.is_none() || *found == Some(2) && told.copies.get(number) == Some(&false));
            found != wanted && !may_be
        });
        if wrong.is_empty() {
            return;
        }
        sleep(Duration::from_millis(100)).await;
    }
    panic!("{folder} of {who}: by number, how often it is there and should be: {wrong:?}");
}

/// Where the gateway is.
#[derive(Clone, Copy)]
struct Place {
    submission: SocketAddr,
    imap: SocketAddr,
}

impl Place {
    fn of(gateway: &Gateway) -> Self {
        Self { submission: gateway.submission, imap: gateway.imap }
    }
}

/// What the clients were told.
#[derive(Default)]
struct Told {
    fates: BTreeMap<usize, Fate>,
    /// Those a client filed in Sent Items by itself, and whether it heard that they are there.
    copies: BTreeMap<usize, bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Taken,
    Refused,
    /// The client hung up before it heard anything, and did not come again.
    Unheard,
}

/// What a client does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Habit {
    Waits,
    /// It hangs up, and comes again.
    HangsUp,
    /// It hangs up for good.
    Leaves,
    /// It files what it sent.
    Files,
}

impl Habit {
    fn of(number: usize) -> Self {
        match number % 40 {
            3 | 23 => Self::HangsUp,
            9 => Self::Leaves,
            11 | 31 => Self::Files,
            _ => Self::Waits,
        }
    }
}

/// In bob's name, which nobody else may write in.
fn is_forbidden(number: usize) -> bool {
    number % 29 == 7
}

fn sender(number: usize) -> &'static str {
    SENDERS[number % SENDERS.len()]
}

fn recipients(number: usize) -> Vec<&'static str> {
    match number % 4 {
        0 => vec![BOB, CAROL],
        1 => vec![BOB, OUTSIDE],
        _ => vec![BOB],
    }
}

fn message_id(number: usize) -> String {
    format!("<{number}@client.demo.test>")
}

fn message(number: usize) -> String {
    let from = if is_forbidden(number) { BOB } else { sender(number) };
    format!(
        "From: {from}\r\nTo: {BOB}\r\nSubject: number {number}\r\nDate: Mon, 20 Nov 2023 10:00:00 +0000\r\n\
         Message-ID: {}\r\n\r\nHello {number}\r\n..and a dot\r\n",
        message_id(number)
    )
}

/// As a mail client does it: again and again, until it is sent or refused for good; if it does not leave first.
async fn bring(places: &watch::Receiver<Place>, number: usize) -> Fate {
    let habit = Habit::of(number);
    if matches!(habit, Habit::HangsUp | Habit::Leaves) {
        let place = *places.borrow();
        let handed = async {
            let mut smtp = Smtp::sign_in_as(place.submission, sender(number)).await?;
            smtp.hand_over(&format!("<{}>", sender(number)), message(number).as_bytes(), &recipients(number)).await
        };
        // Whatever comes of it, nobody hears it.
        let _ = timeout(PATIENCE, handed).await;
        if habit == Habit::Leaves {
            return Fate::Unheard;
        }
    }
    loop {
        let place = *places.borrow();
        match timeout(PATIENCE, hand_over(place, number)).await {
            Ok(Ok(250)) => return Fate::Taken,
            Ok(Ok(500..=599)) => return Fate::Refused,
            _ => sleep(Duration::from_millis(100)).await,
        }
    }
}

/// One try; the code of the first refusal, or of the end.
async fn hand_over(place: Place, number: usize) -> Result<u16, Broken> {
    let mut smtp = Smtp::sign_in_as(place.submission, sender(number)).await?;
    let from = format!("<{}>", sender(number));
    let code = match smtp.hand_over(&from, message(number).as_bytes(), &recipients(number)).await? {
        Some(refused) => refused.code,
        None => smtp.read().await?.code,
    };
    if code == 250 {
        // That it goes on shows that it heard.
        let _ = smtp.ask("QUIT").await;
    }
    Ok(code)
}

/// The client puts its copy into Sent Items.
async fn file(places: &watch::Receiver<Place>, number: usize) -> Result<(), Broken> {
    let place = *places.borrow();
    let filed = async {
        let mut imap = Imap::connect(place.imap).await?;
        imap.try_command(&format!("LOGIN {} {PASSWORD}", sender(number))).await?;
        let answer = imap.try_append("\"Sent Items\"", "\\Seen", message(number).as_bytes()).await?;
        if answer.status == Status::Ok { Ok(()) } else { Err(Broken(answer.text)) }
    };
    timeout(PATIENCE, filed).await.unwrap_or_else(|_| Err(Broken("no answer".to_owned())))
}

async fn sign_in(gateway: &Gateway, user: &str) -> Imap {
    let mut imap = gateway.connect().await;
    imap.ok(&format!("LOGIN {user} {PASSWORD}")).await;
    imap
}

/// How often each number is named by that field of the messages in a folder, by its name or its use.
async fn found(gateway: &Gateway, user: &str, folder: &str, field: &str) -> BTreeMap<usize, usize> {
    let mut imap = sign_in(gateway, user).await;
    let folder = if folder.starts_with('\\') { imap.special(folder).await } else { folder.to_owned() };
    let mut found = BTreeMap::new();
    imap.select(&folder).await;
    for value in imap.all(&format!("BODY.PEEK[HEADER.FIELDS ({field})]")).await.into_values() {
        let number = value.text().split(['<', '@']).nth(1).and_then(|number| number.parse().ok());
        *found.entry(number.unwrap_or(usize::MAX)).or_default() += 1;
    }
    found
}

const SENDERS: [&str; 3] = [USER, "dora@demo.test", "emil@demo.test"];
const BOB: &str = "bob@demo.test";
const CAROL: &str = "carol@demo.test";
const OUTSIDE: &str = "far@elsewhere.example";
const CLIENTS: usize = 12;
/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// How late Exchange may do what it has not answered: well within the time for which the gateway leaves it alone.
const LATE: Duration = LOST_ANSWER.saturating_sub(Duration::from_millis(1500));
/// The numbers of the messages that are sent while all is well; none of these is forbidden.
const CALM: std::ops::Range<usize> = 2_900_008..2_900_028;
