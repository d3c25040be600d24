//! One of several Exchange front ends fails while clients work, and comes back.

use std::time::{Duration, Instant};

use exgate_tests::{Imap, Options, Simulator, Site, Status, letter};

/// The client sees no error and waits at most five seconds; a minute after the first front end is back, it is used.
#[tokio::test]
async fn a_front_end_dies_in_the_middle_of_a_fetch() {
    let simulator = several().await;
    for number in 0..MESSAGES {
        simulator.deliver("INBOX", &big_letter(number)).await;
    }
    let site = site(&simulator, "");
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    imap.select("INBOX").await;
    simulator.settle().await;
    assert_eq!(busy(&simulator).await, [true, false], "the first one is used as long as it is there");

    let tag = imap.begin("UID FETCH 1:* (UID BODY.PEEK[])").await.unwrap();
    let (mut got, mut longest) = (1, Duration::ZERO);
    assert!(imap.read().await.unwrap().fetch().is_some());
    simulator.post("/front-end/1/kill", Vec::new()).await;
    busy(&simulator).await;
    loop {
        let asked = Instant::now();
        let response = imap.read().await.unwrap();
        longest = longest.max(asked.elapsed());
        if response.fetch().is_none() {
            assert!(response.0.starts_with(format!("{tag} OK").as_bytes()), "{response:?}");
            break;
        }
        got += 1;
    }
    println!("{got} messages; the longest delay was {longest:?}");
    assert_eq!(got, MESSAGES);
    assert!(longest < Duration::from_secs(5), "the client waited {longest:?}");
    assert_eq!(busy(&simulator).await, [false, true]);

    // What is news is heard through the other one.
    let exists = imap.select("INBOX").await.exists;
    let tag = imap.begin("IDLE").await.unwrap();
    simulator.deliver("INBOX", &letter("heard")).await;
    while imap.read().await.unwrap().number("EXISTS") != Some(exists + 1) {}
    imap.send(b"DONE\r\n").await.unwrap();
    imap.end(&tag).await.unwrap();

    simulator.post("/front-end/1/start", Vec::new()).await;
    let back = Instant::now();
    returns(&simulator, &mut imap).await;
    println!("back on the first one after {:?}", back.elapsed());
    // New mail is heard through the first one, although the stream was opened at the other.
    simulator.deliver("INBOX", &letter("heard again")).await;
    let tag = imap.begin("IDLE").await.unwrap();
    while imap.read().await.unwrap().number("EXISTS") != Some(exists + 2) {}
    imap.send(b"DONE\r\n").await.unwrap();
    imap.end(&tag).await.unwrap();
}

/// With `failover = false` the gateway does not turn to another one.
#[tokio::test]
async fn the_operator_may_forbid_it() {
    let simulator = several().await;
    let site = site(&simulator, "failover = false\n");
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    simulator.settle().await;
    simulator.post("/front-end/1/kill", Vec::new()).await;
    busy(&simulator).await;
    let refused = imap.command("CREATE Elsewhere").await;
    assert_eq!(refused.status, Status::No, "{refused:?}");
    assert_eq!(busy(&simulator).await, [false, false], "nothing went to the second one");
}

/// Two front ends beside the main listener, which nobody uses.
async fn several() -> Simulator {
    let options = Options::preset("empty").latency(20);
    options.with("--front-end", "127.0.0.1:0").with("--front-end", "127.0.0.1:0").start().await
}

fn site(simulator: &Simulator, lines: &str) -> Site {
    let urls = ["front-end-1", "front-end-2"].map(|name| simulator.program.announced(name));
    Site::reaching(&[&urls[0], &urls[1]], &format!("{lines}domains = [\"demo.test\"]\n"))
}

/// Which of the two have been asked something since the last look.
async fn busy(simulator: &Simulator) -> [bool; 2] {
    let before = asked(simulator).await;
    simulator.reset().await;
    before.map(|requests| requests > 0)
}

async fn asked(simulator: &Simulator) -> [u64; 2] {
    let all = simulator.get("/front-ends").await;
    let of = |number: u64| {
        let all = all.as_array().expect("a list of front ends");
        let one = all.iter().find(|one| one["number"] == number).expect("a front end of that number");
        one["requests"].as_u64().expect("a number of requests")
    };
    [of(1), of(2)]
}

/// Asks for what costs a call, again and again, until that goes to the first front end.
async fn returns(simulator: &Simulator, imap: &mut Imap) {
    let end = Instant::now() + Duration::from_secs(60);
    let before = asked(simulator).await[0];
    for sign in ['+', '-'].into_iter().cycle() {
        if asked(simulator).await[0] > before + KNOCKS {
            return;
        }
        assert!(Instant::now() < end, "not within a minute");
        imap.ok(&format!("STORE 1 {sign}FLAGS.SILENT (\\Flagged)")).await;
    }
}

fn big_letter(number: u32) -> Vec<u8> {
    let mut letter = letter(&format!("m{number}"));
    letter.extend("some text of a long letter\r\n".repeat(500).into_bytes());
    letter
}

/// More than are asked for at once.
const MESSAGES: u32 = 600;
/// Looks at whether the front end is good again; more requests than that are work.
const KNOCKS: u64 = 3;
