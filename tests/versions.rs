//! Every version of Exchange serves the same clients; what one lacks is done in another way, or refused with a sentence.
//! How changes are learnt of where connections are cut, where Exchange does not tell, and where EWS is switched off.

use std::path::Path;
use std::time::{Duration, Instant};

use exgate_tests::{
    Dav, Gateway, Imap, Node, Options, PASSWORD, Simulator, Site, Status, USER, event, eventually, letter,
};
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinSet;

/// What a version of Exchange can do.
#[derive(Clone, Copy, Debug)]
struct Version {
    /// As the simulator calls it.
    name: &'static str,
    /// Streaming notifications came with 2010 SP1; before that folders are looked at now and then.
    streams: bool,
    /// Since 2010 SP1 it can be told on which day weeks begin; before that they begin on Sunday.
    week_starts: bool,
}

const VERSIONS: [Version; 10] = [
    Version { name: "2007_SP1", streams: false, week_starts: false },
    Version { name: "2010", streams: false, week_starts: false },
    Version { name: "2010_SP1", streams: true, week_starts: true },
    Version { name: "2010_SP2", streams: true, week_starts: true },
    Version { name: "workmail", streams: true, week_starts: true },
    Version { name: "2013", streams: true, week_starts: true },
    Version { name: "2013_SP1", streams: true, week_starts: true },
    Version { name: "2016", streams: true, week_starts: true },
    Version { name: "2019", streams: true, week_starts: true },
    Version { name: "se", streams: true, week_starts: true },
];

#[tokio::test]
async fn every_version_serves_mail_calendars_and_cards() {
    let mut runs = JoinSet::new();
    for version in VERSIONS {
        runs.spawn(async move {
            let scene = Scene::new(version).await;
            mail(&scene).await;
            news(&scene).await;
            calendar(&scene).await;
            cards(&scene).await;
            println!("{}: done", version.name);
        });
    }
    let mut wrong = 0;
    while let Some(run) = runs.join_next().await {
        wrong += u32::from(run.is_err());
    }
    assert_eq!(wrong, 0, "versions that are not served; what each lacks stands above");
}

struct Scene {
    version: Version,
    simulator: Simulator,
    _site: Site,
    gateway: Gateway,
}

impl Scene {
    async fn new(version: Version) -> Self {
        let simulator = Options::preset("empty").with("--version", version.name).start().await;
        let site = Self::site(version, &simulator);
        let gateway = site.start().await;
        Self { version, simulator, _site: site, gateway }
    }

    /// Where Exchange tells of news, nobody looks for it in the time of a test.
    fn site(version: Version, simulator: &Simulator) -> Site {
        let poll = if version.streams { "1h" } else { "1s" };
        Site::with(simulator, &format!("domains = [\"demo.test\"]\nsync = {{ poll_min = \"{poll}\" }}\n"))
    }
}

async fn mail(scene: &Scene) {
    let name = scene.version.name;
    for key in ["one", "two", "three"] {
        scene.simulator.deliver("inbox", &letter(&format!("{name}-{key}"))).await;
    }
    let mut imap = scene.gateway.login().await;
    imap.ok("CREATE Projects").await;
    let folders = imap.ok("LIST \"\" * RETURN (SPECIAL-USE)").await.lines();
    for wanted in ["INBOX", "Projects", "\\Trash", "\\Sent", "\\Drafts"] {
        assert!(folders.iter().any(|line| line.contains(wanted)), "{name}: no {wanted} in {folders:?}");
    }

    let selected = imap.ok("SELECT INBOX").await;
    assert_eq!(selected.selected().exists, 3, "{name}");
    let permanent = selected.lines().into_iter().find(|line| line.contains("PERMANENTFLAGS")).unwrap();
    for flag in ["\\Seen", "\\Flagged", "\\Answered", "\\Deleted", "\\*"] {
        assert!(permanent.contains(flag), "{name}: no {flag} in {permanent}");
    }
    let uids: Vec<u32> = imap.message_ids().await.into_keys().collect();
    let answer = imap.ok("UID FETCH 1:* (UID RFC822.SIZE ENVELOPE BODY.PEEK[] BODY.PEEK[HEADER])").await;
    for (fetch, key) in answer.fetches().zip(["one", "two", "three"]) {
        let (body, header) = (fetch.bytes("BODY[]"), fetch.bytes("BODY[HEADER]"));
        let text = String::from_utf8_lossy(body);
        assert!(text.contains(&format!("This is letter {name}-{key}.")), "{name}: {text}");
        assert!(text.contains(&format!("Message-ID: <{name}-{key}@letters.test>")), "{name}: {text}");
        assert!(body.starts_with(header) && header.len() < body.len(), "{name}: {text}");
        assert_eq!(fetch.size(), body.len() as u64, "{name}");
    }

    let (first, second, third) = (uids[0], uids[1], uids[2]);
    for flag in ["\\Seen", "\\Flagged", "\\Answered", "Work", "$Forwarded"] {
        imap.ok(&format!("UID STORE {first} +FLAGS ({flag})")).await;
    }
    imap.ok(&format!("UID STORE {second} +FLAGS (\\Seen \\Flagged)")).await;
    imap.ok(&format!("UID STORE {second} -FLAGS (\\Flagged)")).await;
    for (program, found) in [
        (format!("SUBJECT {name}-two"), second),
        (format!("BODY \"letter {name}-three\""), third),
        ("FLAGGED".to_owned(), first),
        ("ANSWERED".to_owned(), first),
        ("KEYWORD Work".to_owned(), first),
        ("UNSEEN".to_owned(), third),
    ] {
        let answer = imap.ok(&format!("UID SEARCH {program}")).await;
        assert_eq!(answer.words("SEARCH"), [found.to_string()], "{name}: {program}");
    }

    let copied = imap.ok(&format!("UID COPY {first} Projects")).await;
    assert!(!copied.code("COPYUID").is_empty(), "{name}");
    imap.ok(&format!("UID MOVE {second} Projects")).await;
    imap.ok(&format!("UID STORE {third} +FLAGS (\\Deleted)")).await;
    assert_eq!(imap.ok("EXPUNGE").await.untagged.iter().filter_map(|line| line.number("EXPUNGE")).count(), 1, "{name}");
    imap.append("INBOX", "\\Seen \\Flagged Work", &letter(&format!("{name}-appended"))).await;
    imap.ok("LOGOUT").await;

    // All of this is at Exchange, and not in the gateway's own memory.
    let expected = [
        ("INBOX", vec![("one", vec!["$Forwarded", "Work", "\\Answered", "\\Flagged", "\\Seen"])]),
        ("Projects", vec![("one", vec!["$Forwarded", "Work", "\\Answered", "\\Flagged", "\\Seen"])]),
    ];
    let [inbox, mut projects] = expected.map(|(_, rows)| rows);
    let inbox = [inbox, vec![("appended", vec!["Work", "\\Flagged", "\\Seen"])]].concat();
    projects.push(("two", vec!["\\Seen"]));
    let other = Scene::site(scene.version, &scene.simulator);
    let gateway = other.start().await;
    let mut imap = gateway.login().await;
    for (folder, expected) in [("INBOX", inbox), ("Projects", projects)] {
        imap.select(folder).await;
        let ids = imap.message_ids().await;
        let flags = imap.ok("UID FETCH 1:* (UID FLAGS)").await;
        let mut found: Vec<_> = flags.fetches().map(|fetch| (ids[&fetch.uid()].clone(), fetch.flags())).collect();
        let mut expected: Vec<_> = expected
            .into_iter()
            .map(|(key, flags)| {
                (format!("<{name}-{key}@letters.test>"), flags.into_iter().map(str::to_owned).collect())
            })
            .collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{name}: {folder}");
    }
    gateway.kill().await;
}

/// A client that idles hears of new mail: from Exchange where that tells, by looking where it does not.
async fn news(scene: &Scene) {
    let name = scene.version.name;
    let mut imap = scene.gateway.login().await;
    let before = imap.select("INBOX").await.exists;
    scene.simulator.settle().await;
    for number in 1..=2 {
        let tag = idle(&mut imap).await;
        scene.simulator.deliver("inbox", &letter(&format!("{name}-news-{number}"))).await;
        until(&mut imap, "EXISTS", before + number).await;
        done(&mut imap, &tag).await;
    }
    let stats = scene.simulator.stats().await;
    let streams = stats.operation("GetStreamingEvents") > 0;
    assert_eq!(
        (streams, stats.0["streams"].as_u64() > Some(0)),
        (scene.version.streams, scene.version.streams),
        "{name}"
    );
    imap.ok("LOGOUT").await;
}

async fn calendar(scene: &Scene) {
    let (name, dav) = (scene.version.name, scene.gateway.dav());
    let collection = Dav::collection("calendar");
    let path = format!("{collection}weekly.ics");
    let text = event("weekly@tests", WEEKLY);
    let made = dav.put(&path, &text).await;
    assert_eq!(made.status, 201, "{name}: {}", made.text);
    for line in ["RRULE:FREQ=WEEKLY", "SUMMARY:Weekly", "DTSTART;TZID=Europe/Berlin:20260302T090000"] {
        let read = dav.get(&path).await;
        assert!(read.status == 200 && read.text.contains(line), "{name}: no {line} in {}", read.text);
    }
    let changed = dav.put(&path, &text.replace("SUMMARY:Weekly", "SUMMARY:Changed")).await;
    assert_eq!(changed.status, 204, "{name}: {}", changed.text);

    fortnights(scene, &dav, &collection).await;

    // What somebody made in Outlook, and what Exchange itself thinks of ours.
    let body = r#"<m:CreateItem SendMeetingInvitations="SendToNone"><m:Items><t:CalendarItem><t:Subject>Native</t:Subject><t:Start>2026-03-04T09:00:00Z</t:Start><t:End>2026-03-04T10:00:00Z</t:End></t:CalendarItem></m:Items></m:CreateItem>"#;
    scene.simulator.soap("Exchange2007_SP1", body).await;
    let native = eventually("the event of Outlook is told", LIMIT, async || {
        let all: Vec<String> = dav.list(&collection).await.into_iter().map(|object| object.href).collect();
        dav.multiget(&collection, &all).await.into_iter().find(|object| object.data.contains("SUMMARY:Native"))
    });
    let native = native.await;
    assert!(
        native.data.contains("20260304T090000Z") || native.data.contains("20260304T100000"),
        "{name}: {}",
        native.data
    );
    let items = scene.simulator.get(&format!("/mailbox?mailbox={USER}")).await["Calendar"].to_string();
    assert!(items.contains("2026-03-02T08:00:00Z"), "{name}: {items}");

    for path in [&path, &native.href] {
        let gone = dav.ask("DELETE", path, &[], "").await;
        assert_eq!(gone.status, 204, "{name}: {}", gone.text);
        assert_eq!(dav.get(path).await.status, 404, "{name}");
    }
    let left = scene.simulator.get(&format!("/mailbox?mailbox={USER}")).await;
    assert_eq!(left["Calendar"], json!([]), "{name}");
}

/// Every second week is another one if weeks begin on Sunday, which Exchange can be told since 2010 SP1. One that
/// cannot be told is asked for no such thing.
async fn fortnights(scene: &Scene, dav: &Dav, collection: &str) {
    let name = scene.version.name;
    for (first, expected) in [
        ("SU", ["03-02", "03-15", "03-16", "03-29", "03-30", "04-12"]),
        ("MO", ["03-02", "03-08", "03-16", "03-22", "03-30", "04-05"]),
    ] {
        let path = format!("{collection}fortnight-{first}.ics");
        let lines = WEEKLY.replace("COUNT=6", &format!("INTERVAL=2;BYDAY=SU,MO;WKST={first};COUNT=6"));
        let text = event(&format!("{first}@tests"), &lines.replace("Weekly", &format!("Fortnight {first}")));
        let made = dav.put(&path, &text).await;
        if first != "SU" && !scene.version.week_starts {
            assert_eq!(made.status, 403, "{name}: {}", made.text);
            assert!(made.text.contains("this version of Exchange cannot"), "{name}: {}", made.text);
            continue;
        }
        assert_eq!(made.status, 201, "{name}: {}", made.text);
        assert_eq!(days(&scene.simulator, &format!("Fortnight {first}")).await, expected, "{name}: {first}");
        assert_eq!(dav.ask("DELETE", &path, &[], "").await.status, 204, "{name}");
    }
}

/// On which days Exchange itself has the occurrences of an event.
async fn days(simulator: &Simulator, subject: &str) -> Vec<String> {
    let view = r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape><m:CalendarView StartDate="2026-03-01T00:00:00Z" EndDate="2026-06-01T00:00:00Z"/><m:ParentFolderIds><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds></m:FindItem>"#;
    let answer = simulator.soap("Exchange2007_SP1", view).await;
    let text = |item: &Node, name: &str| item.find(name).map(|node| node.text.clone()).unwrap_or_default();
    let items = answer.find("Items").unwrap();
    let meant = items.all("CalendarItem").filter(|item| text(item, "Subject") == subject);
    let mut days: Vec<String> = meant.map(|item| text(item, "Start")[5..10].to_owned()).collect();
    days.sort();
    days
}

async fn cards(scene: &Scene) {
    let (name, dav) = (scene.version.name, scene.gateway.dav());
    let path = format!("{}anna.vcf", Dav::collection("contacts"));
    let made = dav.put(&path, CARD).await;
    assert_eq!(made.status, 201, "{name}: {}", made.text);
    let read = dav.get(&path).await;
    for line in ["FN:Anna Adams", "anna@corp.example", "+49 30 1234", "Known since school"] {
        assert!(read.status == 200 && read.text.contains(line), "{name}: no {line} in {}", read.text);
    }
    let path_of_team = format!("{}team.vcf", Dav::collection("contacts"));
    let made = dav.put(&path_of_team, GROUP).await;
    assert_eq!(made.status, 201, "{name}: {}", made.text);
    let read = dav.get(&path_of_team).await;
    assert!(read.text.contains("urn:uuid:anna@tests"), "{name}: {}", read.text);
}

/// Some mailboxes of an organisation are on older servers than the one asked. What those do not know is found out once
/// for each mailbox, and known after a restart.
#[tokio::test]
async fn a_mailbox_on_an_older_server_is_asked_in_its_own_version() {
    for service in ["", SERVICE] {
        let record = TempDir::new().unwrap();
        let simulator = Options::preset("empty")
            .unrecorded()
            .user(BOB)
            .user("svc@demo.test")
            .with("--impersonator", "svc@demo.test")
            .with("--full-access", &format!("{USER}:{BOB}"))
            .with("--version", "2016")
            .with("--mailbox-version", &format!("{BOB}=2010_SP2"))
            .with("--record", &record.path().to_string_lossy())
            .start()
            .await;
        let site = Site::with(&simulator, &format!("domains = [\"demo.test\"]\n{service}"));
        let gateway = site.start().await;
        for user in [USER, BOB] {
            a_day(&simulator, &gateway, user, "first").await;
        }
        visit(&simulator, &gateway, "first").await;
        simulator.settle().await;
        gateway.stop().await;
        let first = asked(record.path());
        let refused: Vec<_> = first.iter().filter(|asked| asked.refused).cloned().collect();
        println!("{service:?}: refused {refused:?}");
        assert!(refused.len() <= 1, "{refused:?}");
        assert!(first.iter().any(|asked| !old(&asked.version)), "who is on a newer server is asked for more");

        let gateway = site.start().await;
        a_day(&simulator, &gateway, BOB, "second").await;
        simulator.settle().await;
        let second = asked(record.path()).split_off(first.len());
        assert!(second.len() > 10, "{second:?}");
        for asked in &second {
            assert!(old(&asked.version) && !asked.refused, "{asked:?}");
        }
        visit(&simulator, &gateway, "second").await;
        simulator.settle().await;
        let again = asked(record.path()).split_off(first.len()).into_iter().filter(|asked| asked.refused).count();
        assert!(again <= 1, "of a mailbox beside one's own it is found out once in a run");
        gateway.stop().await;
    }
}

/// A request as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Asked {
    /// Number and operation.
    name: String,
    /// The version of the schema it asked for.
    version: String,
    /// That version was refused.
    refused: bool,
}

/// Every request so far, in their order.
fn asked(record: &Path) -> Vec<Asked> {
    let codes =
        ["ErrorInvalidServerVersion", "ErrorIncorrectSchemaVersion", "ErrorInvalidSchemaVersionForMailboxVersion"];
    let mut all = Vec::new();
    for entry in std::fs::read_dir(record).unwrap().flatten() {
        let Some(name) = entry.file_name().to_str().unwrap().strip_suffix("-request.xml").map(str::to_owned) else {
            continue;
        };
        let request = std::fs::read_to_string(entry.path()).unwrap();
        let version =
            request.split_once("RequestServerVersion Version=\"").unwrap().1.split_once('"').unwrap().0.to_owned();
        let answer = std::fs::read_to_string(record.join(format!("{name}-response.xml"))).unwrap_or_default();
        all.push(Asked { refused: codes.iter().any(|code| answer.contains(code)), name, version });
    }
    all.sort();
    all
}

/// Whether a server of 2010 SP2 knows that version.
fn old(version: &str) -> bool {
    version.starts_with("Exchange2007") || version.starts_with("Exchange2010")
}

/// [`USER`] reads what is in the inbox of [`BOB`].
async fn visit(simulator: &Simulator, gateway: &Gateway, run: &str) {
    let mut imap = gateway.login().await;
    let inbox = format!("\"Other Users/{BOB}/INBOX\"");
    imap.ok(&format!("STATUS {inbox} (MESSAGES)")).await;
    let before = imap.select(&inbox).await.exists;
    simulator.deliver_to(BOB, "inbox", &letter(&format!("{run}-visit"))).await;
    ask_until(&mut imap, before + 1).await;
    let answer = imap.ok(&format!("FETCH {} (BODY.PEEK[])", before + 1)).await;
    assert_eq!(answer.fetches().count(), 1);
    imap.ok(&format!("STORE {} +FLAGS (\\Flagged Work)", before + 1)).await;
}

/// What a person does with all clients in a day.
async fn a_day(simulator: &Simulator, gateway: &Gateway, user: &str, run: &str) {
    let mut imap = gateway.connect().await;
    imap.ok(&format!("LOGIN {user} {PASSWORD}")).await;
    let before = imap.select("INBOX").await.exists;
    let tag = idle(&mut imap).await;
    simulator.deliver_to(user, "inbox", &letter(run)).await;
    until(&mut imap, "EXISTS", before + 1).await;
    done(&mut imap, &tag).await;
    let answer = imap.ok(&format!("FETCH {} (BODY[])", before + 1)).await;
    let text = String::from_utf8_lossy(
        answer.fetches().find(|fetch| fetch.items.contains_key("BODY[]")).unwrap().bytes("BODY[]"),
    )
    .into_owned();
    assert!(text.contains(&format!("This is letter {run}.")), "{user}: {text}");
    imap.ok(&format!("STORE {} +FLAGS (\\Flagged \\Answered Work)", before + 1)).await;
    imap.ok(&format!("COPY {} Drafts", before + 1)).await;
    imap.append("INBOX", "\\Flagged", &letter(&format!("{run}-appended"))).await;
    imap.ok("UID SEARCH BODY letter").await;

    let dav = Dav::of(gateway.http, user, PASSWORD);
    let of = |kind: &str| Dav::collection(kind).replace(USER, user);
    let event = event(&format!("{run}@tests"), &WEEKLY.replace("RRULE:", "LOCATION:Room 1\nRRULE:"));
    for (path, text) in
        [(format!("{}{run}.ics", of("calendar")), event.as_str()), (format!("{}{run}.vcf", of("contacts")), CARD)]
    {
        let made = dav.put(&path, text).await;
        assert_eq!(made.status, 201, "{user} {path}: {}", made.text);
        assert_eq!(dav.get(&path).await.status, 200, "{user} {path}");
        assert_eq!(dav.ask("DELETE", &path, &[], "").await.status, 204, "{user} {path}");
    }
}

/// What stands between the gateway and Exchange drops connections it thinks are idle, the one that waits for news too.
#[tokio::test]
async fn cut_connections_lose_no_news() {
    let simulator = Options::preset("empty").with("--proxy", "127.0.0.1:0").start().await;
    let proxy = simulator.place("proxy-1");
    let site = Site::with(
        &simulator,
        &format!("domains = [\"demo.test\"]\negress = {{ proxy = \"{proxy}\" }}\nsync = {{ poll_min = \"1h\" }}\n"),
    );
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    imap.select("INBOX").await;
    simulator.settle().await;
    let mut expected = 0;
    for round in 0..3 {
        for cut in ["stream", "idle", "all", "proxy"] {
            let tag = idle(&mut imap).await;
            match cut {
                "stream" => simulator.fault(json!({ "what": "stream_end" })).await,
                "proxy" => drop(simulator.post("/proxy/stop", Vec::new()).await),
                which => drop(simulator.post(&format!("/connections/close?which={which}"), Vec::new()).await),
            }
            // One comes while nobody listens, perhaps, and one when somebody may listen again.
            simulator.deliver("inbox", &letter(&format!("{round}-{cut}-gap"))).await;
            if cut == "proxy" {
                simulator.post("/proxy/start", Vec::new()).await;
            }
            let cut_at = Instant::now();
            expected += 1;
            until(&mut imap, "EXISTS", expected).await;
            println!("{round} {cut}: news after {:?}", cut_at.elapsed());
            simulator.deliver("inbox", &letter(&format!("{round}-{cut}-after"))).await;
            expected += 1;
            until(&mut imap, "EXISTS", expected).await;
            done(&mut imap, &tag).await;
            // What the client asks for goes through too.
            imap.ok(&format!("FETCH {expected} (BODY.PEEK[])")).await;
        }
    }
    let mut seen: Vec<_> = imap.message_ids().await.into_values().map(|id| ("INBOX".to_owned(), id)).collect();
    seen.sort();
    assert_eq!(seen, simulator.messages().await, "all that came, and each once");
    simulator.settle().await;
    assert_eq!(simulator.stats().await.0["streams"], 1, "streaming again");
}

/// Where Exchange refuses to tell of changes, folders in use are looked at as often as configured and no oftener,
/// whatever clients ask; where it tells, never.
#[tokio::test]
async fn folders_are_looked_at_as_seldom_as_configured() {
    // A version without streaming, and one that will not do it.
    for (version, fault) in [("2010", ""), ("se", "empty")] {
        let simulator = Options::preset("empty").with("--version", version).start().await;
        if !fault.is_empty() {
            simulator.fault(json!({ "what": fault, "operation": "Subscribe", "times": "forever" })).await;
        }
        let site = Site::with(&simulator, "domains = [\"demo.test\"]\nsync = { poll_min = \"2s\" }\n");
        let gateway = site.start().await;
        let (mut idler, mut asker) = (gateway.login().await, gateway.login().await);
        idler.select("INBOX").await;
        asker.select("INBOX").await;
        simulator.settle().await;
        simulator.reset().await;
        let began = Instant::now();
        let tag = idle(&mut idler).await;
        for number in 1..=4 {
            simulator.deliver("inbox", &letter(&format!("polled-{number}"))).await;
            // The other client asks all the time.
            ask_until(&mut asker, number).await;
            until(&mut idler, "EXISTS", number).await;
        }
        let most = began.elapsed().as_secs() / 2 + 1;
        done(&mut idler, &tag).await;
        let stats = simulator.stats().await;
        println!("{version}: at most {most} looks in {:?}: {}", began.elapsed(), stats.0["operations"]);
        let looks = stats.operation("SyncFolderItems") + stats.operation("FindFolder") + stats.operation("FindItem");
        assert!((4..=most).contains(&looks), "{version}: {looks} looks, {most} allowed: {}", stats.0);
        gateway.kill().await;
    }

    // Two organisations with the same settings: by the time the mailbox of one was looked at three times, the other's was
    // not once.
    let (telling, silent) = (Options::preset("empty"), Options::preset("empty").with("--version", "2010"));
    let mut scenes = Vec::new();
    for options in [telling, silent] {
        let simulator = options.start().await;
        let site = Site::with(&simulator, "domains = [\"demo.test\"]\nsync = { poll_min = \"1s\" }\n");
        let gateway = site.start().await;
        let mut imap = gateway.login().await;
        imap.select("INBOX").await;
        idle(&mut imap).await;
        scenes.push((simulator, site, gateway, imap));
    }
    scenes[0].0.settle().await;
    for (simulator, ..) in &scenes {
        simulator.reset().await;
    }
    let looked_at = async || (scenes[1].0.stats().await.operation("SyncFolderItems") >= 3).then_some(());
    eventually("a mailbox is looked at", LIMIT, looked_at).await;
    let stats = scenes[0].0.stats().await;
    assert_eq!(stats.requests(), 0, "Exchange tells, so nobody asks: {}", stats.0);
}

/// The reason why nobody can sign in is told to who tries, and who can change it.
/// Where nobody tells of changes, least of all: a message may have the flags a STORE names already, as far as is known.
#[tokio::test]
async fn a_store_that_would_write_nothing_looks_first() {
    let simulator = Options::preset("empty").with("--version", "2010").start().await;
    let site = Site::with(&simulator, "domains = [\"demo.test\"]\nsync = { poll_min = \"1h\" }\n");
    let gateway = site.start().await;
    simulator.deliver("inbox", &letter("one")).await;
    let mut imap = gateway.login().await;
    imap.select("INBOX").await;
    imap.ok("STORE 1 FLAGS (\\Deleted)").await;
    for condition in ["", "(UNCHANGEDSINCE 999999) "] {
        let item = simulator.get(&format!("/mailbox?mailbox={USER}")).await["Inbox"][0].clone();
        let id = format!("<t:ItemId Id={} ChangeKey={}/>", item["item_id"], item["change_key"]);
        let body = format!(
            r#"<m:UpdateItem ConflictResolution="AlwaysOverwrite" MessageDisposition="SaveOnly"><m:ItemChanges><t:ItemChange>{id}<t:Updates><t:SetItemField><t:FieldURI FieldURI="item:Categories"/><t:Message><t:Categories><t:String>Work</t:String></t:Categories></t:Message></t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"#
        );
        assert!(simulator.soap("Exchange2010", &body).await.find("ItemId").is_some());
        imap.ok(&format!("STORE 1 {condition}FLAGS (\\Deleted)")).await;
        let item = simulator.get(&format!("/mailbox?mailbox={USER}")).await["Inbox"][0].clone();
        assert_eq!((&item["categories"], &item["deleted"]), (&json!([]), &json!(true)), "{condition}");
    }
}

#[tokio::test]
async fn where_ews_is_switched_off_a_sentence_says_so() {
    for (status, whose) in [("403", "the administrator of Exchange"), ("404", "whoever runs the gateway")] {
        let simulator = Options::preset("empty").with("--ews-off", status).start().await;
        let site = Site::new(&simulator);
        let gateway = site.start().await;
        let answer = gateway.connect().await.command(&format!("LOGIN {USER} {PASSWORD}")).await;
        assert_eq!(answer.status, Status::No);
        let dav = gateway.dav().get(&Dav::collection("calendar")).await;
        assert_eq!(dav.status, 503, "{}", dav.text);
        for text in [&answer.text, &dav.text] {
            println!("{status}: {text}");
            assert!(text.contains("switched off") && text.contains(whose), "{text}");
        }
        simulator.post("/ews-on", Vec::new()).await;
        gateway.login().await;
    }
}

async fn idle(imap: &mut Imap) -> String {
    let tag = imap.begin("IDLE").await.unwrap();
    while !imap.read().await.unwrap().0.starts_with(b"+") {}
    tag
}

async fn until(imap: &mut Imap, name: &str, number: u32) {
    while imap.read().await.unwrap().number(name) != Some(number) {}
}

/// Asks for news, all the time, until there are so many messages.
async fn ask_until(imap: &mut Imap, exists: u32) {
    let asking = async { while imap.ok("NOOP").await.number("EXISTS") != Some(exists) {} };
    tokio::time::timeout(LIMIT, asking).await.unwrap_or_else(|_| panic!("no message {exists} within {LIMIT:?}"));
}

async fn done(imap: &mut Imap, tag: &str) {
    imap.send(b"DONE\r\n").await.unwrap();
    imap.end(tag).await.unwrap();
}

const BOB: &str = "bob@demo.test";

const SERVICE: &str = "mode = \"impersonation\"\nservice = { user = \"svc@demo.test\", password = \"demo-alice\" }\n";

const LIMIT: Duration = Duration::from_secs(30);

const WEEKLY: &str = "DTSTART;TZID=Europe/Berlin:20260302T090000
    DTEND;TZID=Europe/Berlin:20260302T100000
    RRULE:FREQ=WEEKLY;COUNT=6
    SUMMARY:Weekly";

const CARD: &str = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:anna@tests\r\nFN:Anna Adams\r\nN:Adams;Anna;;;\r\n\
    EMAIL;TYPE=WORK:anna@corp.example\r\nTEL;TYPE=WORK:+49 30 1234\r\nNOTE:Known since school\r\nEND:VCARD\r\n";

const GROUP: &str = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:team@tests\r\nFN:Team\r\nN:Team;;;;\r\n\
    X-ADDRESSBOOKSERVER-KIND:group\r\nX-ADDRESSBOOKSERVER-MEMBER:urn:uuid:anna@tests\r\nEND:VCARD\r\n";
