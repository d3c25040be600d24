//! Exchange is away: what is synchronised stays readable, idling clients stay connected, nothing is half done, and
//! afterwards every change arrives.

use std::time::{Duration, Instant};

use exgate_tests::{Answer, Dav, Gateway, Imap, Options, Site, Status, USER, event, eventually, letter};

#[tokio::test]
async fn while_it_refuses_connections() {
    through("refuse", Duration::ZERO).await;
}

#[tokio::test]
async fn while_it_takes_connections_and_says_nothing() {
    through("hang", Duration::ZERO).await;
}

#[tokio::test]
async fn while_something_else_answers_in_its_place() {
    through("503", Duration::ZERO).await;
}

#[tokio::test]
#[ignore = "takes ten minutes"]
async fn for_ten_minutes() {
    const LONG: Duration = Duration::from_secs(600);
    tokio::join!(through("refuse", LONG), through("hang", LONG), through("503", LONG));
}

/// Exchange goes away like this, for as long as everything takes, and at least for so long.
async fn through(how: &str, long: Duration) {
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
    let left = Instant::now();
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
    let mut rounds = 0;
    while rounds < 3 || left.elapsed() < long {
        rounds += 1;
        told.extend(readable(&gateway, &mut reader).await);
        quickly(dav.get(&meeting)).await;
        assert_eq!(quickly(dav.list(&calendar)).await.len(), 1);
        let refused = quickly(dav.put(&format!("{calendar}dinner.ics"), &text.replace("lunch@", "dinner@"))).await;
        assert_eq!(refused.status, 503, "{}", refused.text);
        // Who idles stays connected; what is said meanwhile is no news.
        if let Ok(said) = tokio::time::timeout(long / 60, idler.read()).await {
            assert!(said.expect("the connection stays").0.starts_with(b"* OK"), "{how}");
        }
    }
    println!("{how}: {rounds} rounds of reading in {:?}", left.elapsed());
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

/// The way to Exchange is cut, and others go on working there: each change arrives when it is mended, at who idles and at
/// who synchronises a collection.
#[tokio::test]
async fn what_happened_meanwhile_arrives_afterwards() {
    // The gateway knows one front end; people in Outlook use the other.
    let simulator = Options::preset("empty").with("--front-end", "127.0.0.1:0").start().await;
    let site = Site::reaching(&[&simulator.program.announced("front-end-1")], "domains = [\"demo.test\"]\n");
    let gateway = site.start().await;
    for key in ["kept", "doomed", "flagged"] {
        simulator.deliver("inbox", &letter_about(key)).await;
    }
    let dav = gateway.dav();
    let calendar = Dav::collection("calendar");
    let at = |name: &str| format!("{calendar}{name}.ics");
    for name in ["unchanged", "moved", "cancelled"] {
        let lines = format!("DTSTART:20260401T100000Z\nDTEND:20260401T110000Z\nSUMMARY:{name}");
        assert_eq!(dav.put(&at(name), &event(&format!("{name}@away.test"), &lines)).await.status, 201);
    }
    let mut idler = gateway.login().await;
    let limit = Instant::now() + Duration::from_secs(30);
    while idler.select("INBOX").await.exists < 3 {
        assert!(Instant::now() < limit, "the letters have not come");
    }
    let numbers = idler.message_ids().await;
    let number = |key: &str| {
        let place = numbers.values().position(|id| *id == format!("<{key}@letters.test>")).unwrap();
        u32::try_from(place + 1).unwrap()
    };
    let (doomed, flagged) = (number("doomed"), number("flagged"));
    let token = dav.sync(&calendar, "").await.token;
    let idle = idler.begin("IDLE").await.unwrap();
    while !idler.read().await.unwrap().0.starts_with(b"+") {}
    simulator.settle().await;

    simulator.kill_front_end(1).await;
    eventually("Exchange is known to be away", Duration::from_secs(30), || async {
        (dav.put(&at("never"), &event("never@away.test", "DTSTART:20260402T100000Z")).await.status == 503).then_some(())
    })
    .await;
    simulator.deliver("inbox", &letter_about("new")).await;
    let id = simulator.item_id("inbox", "About flagged").await;
    simulator.edit(&id, "Message", "message:IsRead", "<t:IsRead>true</t:IsRead>").await;
    delete(&simulator, "inbox", "About doomed").await;
    let id = simulator.item_id("calendar", "moved").await;
    simulator.edit(&id, "CalendarItem", "item:Subject", "<t:Subject>moved away</t:Subject>").await;
    delete(&simulator, "calendar", "cancelled").await;
    let made = r#"<m:CreateItem SendMeetingInvitations="SendToNone"><m:SavedItemFolderId><t:DistinguishedFolderId Id="calendar"/></m:SavedItemFolderId><m:Items><t:CalendarItem><t:Subject>made in Outlook</t:Subject><t:Start>2026-04-03T10:00:00Z</t:Start><t:End>2026-04-03T11:00:00Z</t:End></t:CalendarItem></m:Items></m:CreateItem>"#;
    simulator.soap("Exchange2010_SP2", made).await;

    simulator.start_front_end(1).await;
    let mended = Instant::now();
    let mut heard = (false, false, false);
    while heard != (true, true, true) {
        let news = idler.read().await.unwrap();
        // What was taken away renumbers what comes after it (RFC 9051 section 7.5.1).
        let now = if heard.0 && doomed < flagged { flagged - 1 } else { flagged };
        let is_read =
            news.fetch().is_some_and(|fetch| fetch.number == now && fetch.flags().contains(&"\\Seen".to_owned()));
        heard.0 |= news.number("EXPUNGE") == Some(doomed);
        heard.1 |= is_read;
        // Three and one that is new; whether the one that went was told before does not matter.
        heard.2 |= news.number("EXISTS").is_some_and(|exists| exists == if heard.0 { 3 } else { 4 });
    }
    println!("all of the mail {:?} after the way was mended", mended.elapsed());
    idler.send(b"DONE\r\n").await.unwrap();
    idler.end(&idle).await.unwrap();
    let ids: Vec<String> = idler.message_ids().await.into_values().collect();
    assert_eq!(ids, ["kept", "flagged", "new"].map(|key| format!("<{key}@letters.test>")));

    let told = eventually("all of the calendar", Duration::from_secs(30), || async {
        let told = dav.sync(&calendar, &token).await;
        (told.changed.len() == 2 && told.removed.len() == 1).then_some(told)
    })
    .await;
    assert!(told.removed[0].ends_with("/cancelled.ics"), "{told:?}");
    let hrefs: Vec<String> = told.changed.iter().map(|object| object.href.clone()).collect();
    let mut subjects: Vec<String> = dav.multiget(&calendar, &hrefs).await.iter().map(summary).collect();
    subjects.sort();
    assert_eq!(subjects, ["made in Outlook", "moved away"]);
}

fn letter_about(key: &str) -> Vec<u8> {
    format!("From: ben@demo.test\r\nSubject: About {key}\r\nMessage-ID: <{key}@letters.test>\r\n\r\n{key}\r\n")
        .into_bytes()
}

fn summary(object: &exgate_tests::DavObject) -> String {
    let mut lines = object.data.lines();
    lines.find_map(|line| line.strip_prefix("SUMMARY:")).expect("a summary").trim_end().to_owned()
}

/// Somebody in Outlook takes an item away for good.
async fn delete(simulator: &exgate_tests::Simulator, folder: &str, subject: &str) {
    let id = simulator.item_id(folder, subject).await;
    let body = format!(
        r#"<m:DeleteItem DeleteType="HardDelete" SendMeetingCancellations="SendToNone"><m:ItemIds>{id}</m:ItemIds></m:DeleteItem>"#
    );
    simulator.soap("Exchange2010_SP2", &body).await;
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
