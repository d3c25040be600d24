//! Exchange is away: what is synchronised stays readable, idling clients stay connected, nothing is half done, and
//! afterwards every change arrives.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use exgate_tests::{Answer, Dav, Gateway, Imap, Options, Site, Status, USER, event, letter};

#[tokio::test]
async fn while_it_refuses_connections() {
    through("refuse").await;
}

#[tokio::test]
async fn while_it_takes_connections_and_says_nothing() {
    through("hang").await;
}

#[tokio::test]
async fn while_something_else_answers_in_its_place() {
    through("503").await;
}

async fn through(how: &str) {
    let simulator = Options::preset("empty").start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    for number in 1..=4 {
        simulator.deliver("inbox", &letter(&format!("before-{number}"))).await;
    }
    let mut reader = gateway.login().await;
    let limit = Instant::now() + Duration::from_secs(30);
    while reader.select("INBOX").await.exists < 4 {
        assert!(Instant::now() < limit, "the letters have not come");
    }
    reader.ok("FETCH 1:3 (BODY.PEEK[])").await;
    let dav = gateway.dav();
    let calendar = Dav::collection("calendar");
    let meeting = format!("{calendar}lunch.ics");
    let text = event("lunch@away.test", "DTSTART:20260401T100000Z\nDTEND:20260401T110000Z\nSUMMARY:Lunch");
    assert_eq!(dav.put(&meeting, &text).await.status, 201);
    assert_eq!(dav.get(&meeting).await.status, 200);
    let mut idler = gateway.login().await;
    idler.select("INBOX").await;
    let idle = idler.begin("IDLE").await.unwrap();
    while !idler.read().await.unwrap().0.starts_with(b"+") {}
    simulator.settle().await;

    simulator.post(&format!("/away?how={how}"), Vec::new()).await;
    let mut told = Vec::new();
    // Whoever asks first waits until it is known that nobody is there: one may be slow and there all the same.
    let known = Duration::from_secs(if how == "hang" { 25 } else { 5 });
    let asked = Instant::now();
    let first = timed(&mut reader, "FETCH 4 (BODY.PEEK[])", known).await;
    println!("{how}: known after {:?}", asked.elapsed());
    unavailable(&first);
    told.extend(notices(&first));
    loop {
        let answer = reader.command("STORE 1 +FLAGS (\\Flagged)").await;
        told.extend(notices(&answer));
        unavailable(&answer);
        if answer.text.contains("nothing was changed") {
            break;
        }
        assert!(Instant::now() < limit + Duration::from_secs(60), "it is not known that Exchange is away");
    }
    for _ in 0..3 {
        told.extend(readable(&gateway, &mut reader).await);
        quickly(dav.get(&meeting)).await;
        assert_eq!(quickly(dav.list(&calendar)).await.len(), 1);
        let refused = quickly(dav.put(&format!("{calendar}dinner.ics"), &text.replace("lunch@", "dinner@"))).await;
        assert_eq!(refused.status, 503, "{}", refused.text);
    }
    assert_eq!(told.len(), 1, "told once: {told:?}");
    simulator.deliver("inbox", &letter("meanwhile")).await;

    simulator.post("/back", Vec::new()).await;
    let back = Instant::now();
    while idler.read().await.unwrap().number("EXISTS") != Some(5) {}
    println!("{how}: news {:?} after Exchange was back", back.elapsed());
    assert!(back.elapsed() < Duration::from_secs(30));
    idler.send(b"DONE\r\n").await.unwrap();
    idler.end(&idle).await.unwrap();
    reader.ok("STORE 1 +FLAGS (\\Flagged)").await;
    reader.ok("FETCH 4:5 (BODY.PEEK[])").await;
    assert_eq!(dav.put(&format!("{calendar}dinner.ics"), &text.replace("lunch@", "dinner@")).await.status, 201);
    let messages = simulator.messages().await;
    assert_eq!(messages.iter().filter(|(folder, _)| folder == "INBOX").count(), 5, "{messages:?}");
}

/// Mail is read, by who is there and by who comes, and each command is answered soon. Gives what was said beside that.
async fn readable(gateway: &Gateway, reader: &mut Imap) -> Vec<String> {
    let soon = Duration::from_secs(3);
    let mut told = Vec::new();
    for command in
        ["NOOP", "FETCH 1:* (FLAGS UID)", "FETCH 1:3 (BODY.PEEK[])", "STATUS Drafts (MESSAGES)", "LIST \"\" *"]
    {
        let answer = timed(reader, command, soon).await;
        told.extend(notices(&answer));
        if !command.starts_with("STATUS") {
            assert_eq!(answer.status, Status::Ok, "{command}: {}", answer.text);
        }
    }
    unavailable(&timed(reader, "FETCH 4 (BODY.PEEK[])", soon).await);
    let mut other = gateway.login().await;
    let selected = timed(&mut other, "SELECT INBOX", soon).await;
    assert_eq!(selected.selected().exists, 4);
    assert_eq!(timed(&mut other, "FETCH 1:3 (BODY.PEEK[])", soon).await.fetches().count(), 3);
    unavailable(&timed(&mut other, "CREATE New", soon).await);
    let append = other.try_append("INBOX", "", &letter("never")).await.unwrap();
    unavailable(&append);
    let wrong = gateway.connect().await.command(&format!("LOGIN {USER} wrong")).await;
    assert_eq!(wrong.status, Status::No, "{}", wrong.text);
    told
}

fn notices(answer: &Answer) -> Vec<String> {
    answer.lines().into_iter().filter(|line| line.contains("Exchange is away")).collect()
}

fn unavailable(answer: &Answer) {
    assert_eq!(answer.status, Status::No, "{}", answer.text);
    assert!(answer.text.contains("[UNAVAILABLE]"), "{}", answer.text);
}

async fn timed(imap: &mut Imap, command: &str, limit: Duration) -> Answer {
    let began = Instant::now();
    let answer = imap.command(command).await;
    assert!(began.elapsed() < limit, "{command} took {:?}", began.elapsed());
    answer
}

async fn quickly<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(5), work).await.expect("an answer within 5 s")
}
