//! What Exchange does on bad days: a calendar client is answered rightly or with a clear refusal, and nothing is lost,
//! doubled, or mailed twice.

use std::collections::BTreeMap;
use std::time::Duration;

use exgate_tests::{Dav, DavAnswer, Gateway, Options, Simulator, Site, USER, event, eventually};
use serde_json::{Value, json};

/// Faults, and whether Exchange carries the operation out before it fails.
const FAULTS: &[(&str, bool)] = &[
    ("nul_char", true),
    ("truncated", true),
    ("truncated_marker", true),
    ("empty", false),
    ("empty", true),
    ("html", false),
    ("html", true),
    // It stands for the full queue of IIS, which has done nothing.
    ("unavailable", false),
    ("busy", false),
    ("cut", true),
    ("cut_after", true),
    ("drip", true),
    ("corrupt_item", false),
];

const GUEST: &str = "bob@demo.test";

struct Scene {
    simulator: Simulator,
    _site: Site,
    _gateway: Gateway,
    dav: Dav,
    calendar: String,
}

impl Scene {
    async fn new() -> Self {
        let simulator = Options::preset("empty").with("--user", &format!("{GUEST}:demo-bob")).start().await;
        let site = Site::new(&simulator);
        let gateway = site.start().await;
        let dav = gateway.dav();
        let calendar = Dav::collection("calendar");
        dav.list(&calendar).await;
        simulator.settle().await;
        Self { simulator, _site: site, _gateway: gateway, dav, calendar }
    }

    /// Orders one fault; hints to wait are short, so that the test is.
    async fn order(&self, what: &str, carried_out: bool, operation: &str, more: Value) {
        let mut fault = json!({ "what": what, "operation": operation, "back_off": 100, "retry_after": 1, "piece": 2048, "pause": 1 });
        if ["empty", "html", "unavailable"].contains(&what) {
            fault["carried_out"] = carried_out.into();
        }
        for (name, value) in more.as_object().expect("an object") {
            fault[name] = value.clone();
        }
        self.simulator.fault(fault).await;
    }

    fn path(&self, name: &str) -> String {
        format!("{}{name}.ics", self.calendar)
    }

    /// Asks again and again while the refusal is clear.
    async fn until_done(&self, what: &str, ask: impl AsyncFn() -> DavAnswer) -> DavAnswer {
        eventually(what, LIMIT, || async {
            let answer = ask().await;
            clear(&answer, what);
            answer.status.is_success().then_some(answer)
        })
        .await
    }

    /// How many items of a folder have each subject.
    async fn subjects(&self, mailbox: &str, folder: &str) -> BTreeMap<String, u32> {
        let dump = self.simulator.get(&format!("/mailbox?mailbox={mailbox}")).await;
        let mut counts = BTreeMap::new();
        for item in dump[folder].as_array().expect("the items of a folder") {
            *counts.entry(item["subject"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
        counts
    }

    /// Somebody enters an appointment in Outlook.
    async fn enter(&self, subject: &str) {
        let body = format!(
            r#"<m:CreateItem SendMeetingInvitations="SendToNone"><m:Items><t:CalendarItem><t:Subject>{subject}</t:Subject><t:Start>2027-02-01T09:00:00Z</t:Start><t:End>2027-02-01T10:00:00Z</t:End></t:CalendarItem></m:Items></m:CreateItem>"#
        );
        self.simulator.soap("Exchange2010_SP2", &body).await;
    }

    /// What the gateway lists is what Exchange has.
    async fn agrees(&self) -> BTreeMap<String, u32> {
        let truth = self.subjects(USER, "Calendar").await;
        eventually("the gateway shows what Exchange has", LIMIT, || async {
            let hrefs: Vec<String> = self.dav.list(&self.calendar).await.into_iter().map(|one| one.href).collect();
            let mut shown = BTreeMap::new();
            for object in self.dav.multiget(&self.calendar, &hrefs).await {
                *shown.entry(subject(&object.data)).or_default() += 1;
            }
            (shown == truth).then_some(())
        })
        .await;
        truth
    }
}

/// What a client does, and the call that fails meanwhile.
const ACTIONS: &[(&str, &str)] = &[
    ("store", "CreateItem"),
    ("store", "GetItem"),
    ("store", "UpdateItem"),
    ("change", "GetItem"),
    ("change", "UpdateItem"),
    ("remove", "DeleteItem"),
];

#[tokio::test]
async fn while_meetings_are_stored_changed_and_removed() {
    let scene = Scene::new().await;
    let mut refused = 0;
    for (fault, (what, carried_out)) in FAULTS.iter().enumerate() {
        for (action, operation) in ACTIONS {
            let name = format!("{fault}-{action}-{operation}");
            let case = format!("{what} (carried out: {carried_out}) at {operation}, to {action}");
            let path = scene.path(&name);
            if *action != "store" {
                let put = scene.dav.put(&path, &meeting(&name, 0)).await;
                assert_eq!(put.status, 201, "{case}: {}", put.text);
            }
            let ask = async || match *action {
                "store" => scene.dav.put(&path, &meeting(&name, 0)).await,
                "change" => scene.dav.put(&path, &meeting(&name, 1)).await,
                _ => scene.dav.ask("DELETE", &path, &[], "").await,
            };
            scene.order(what, *carried_out, operation, json!({})).await;
            let first = ask().await;
            scene.simulator.clear_faults().await;
            clear(&first, &case);
            if !first.status.is_success() {
                refused += 1;
                match *action {
                    // Its removal may have gone through.
                    "remove" => {
                        eventually(&case, LIMIT, || async {
                            let status = ask().await.status;
                            (status.is_success() || status == 404).then_some(())
                        })
                        .await;
                    }
                    _ => drop(scene.until_done(&case, &ask).await),
                }
            }
            let shown = scene.dav.get(&path).await;
            match *action {
                "remove" => assert_eq!(shown.status, 404, "{case}"),
                "change" => assert!(shown.text.contains("version 1") && !shown.text.contains("version 0"), "{case}"),
                _ => assert!(shown.text.contains("version 0"), "{case}: {} {}", shown.status, shown.text),
            }
        }
    }
    println!("{} actions, {refused} of them refused at first", FAULTS.len() * ACTIONS.len());
    scene.simulator.settle().await;
    each_once(&scene).await;
}

/// Each meeting lies there once, and each of its versions was mailed once.
async fn each_once(scene: &Scene) {
    let truth = scene.agrees().await;
    let mails = scene.subjects(GUEST, "Inbox").await;
    let mut expected = 0;
    for fault in 0..FAULTS.len() {
        for (action, operation) in ACTIONS {
            let name = format!("{fault}-{action}-{operation}");
            let version = |version: u32| format!("Meeting {name} version {version}");
            let last = version(u32::from(*action == "change"));
            assert_eq!(truth.get(&last), (*action != "remove").then_some(&1), "{last}");
            expected += u32::from(*action != "remove");
            assert_eq!(mails.get(&version(0)), Some(&1), "invitations to {}", version(0));
            if *action == "change" {
                assert_eq!(mails.get(&last), Some(&1), "updates to {last}");
            }
            let cancelled =
                mails.iter().filter(|(subject, _)| subject.starts_with("Cancel") && subject.ends_with(&last));
            let cancelled: u32 = cancelled.map(|(_, count)| count).sum();
            assert_eq!(cancelled, u32::from(*action == "remove"), "cancellations of {last}");
        }
    }
    assert_eq!(truth.values().sum::<u32>(), expected, "{truth:?}");
}

#[tokio::test]
async fn while_a_calendar_is_followed_and_read() {
    let scene = Scene::new().await;
    let mut copy: BTreeMap<String, String> = BTreeMap::new();
    let mut token = String::new();
    let faults = FAULTS.iter().chain(&[("busy_sync", false), ("invalid_sync_state", false)]);
    for (number, (what, carried_out)) in faults.enumerate() {
        for operation in ["SyncFolderItems", "GetItem"] {
            let case = format!("{what} (carried out: {carried_out}) at {operation}");
            let subject = format!("Seen {number} {operation}");
            scene.order(what, *carried_out, operation, json!({})).await;
            scene.enter(&subject).await;
            let told = eventually(&case, LIMIT, || async {
                let answer = scene.dav.ask("REPORT", &scene.calendar, &[], Dav::sync_report(&token)).await;
                clear(&answer, &case);
                let sync = answer.status.is_success().then(|| answer.sync())?;
                (!sync.changed.is_empty()).then_some(sync)
            })
            .await;
            let hrefs: Vec<String> = told.changed.iter().map(|object| object.href.clone()).collect();
            let first = scene.dav.ask_multiget(&scene.calendar, &hrefs).await;
            clear(&first, &case);
            scene.simulator.clear_faults().await;
            eventually(&format!("{case}: the text"), LIMIT, || async {
                let answer = scene.dav.ask_multiget(&scene.calendar, &hrefs).await;
                clear(&answer, &case);
                let objects = answer.status.is_success().then(|| answer.objects())?;
                objects.iter().any(|object| object.data.contains(&subject)).then_some(())
            })
            .await;
            for object in told.changed {
                copy.insert(object.href, object.etag);
            }
            assert_eq!(told.removed, Vec::<String>::new(), "{case}");
            token = told.token;
        }
    }
    scene.agrees().await;
    let sync = scene.dav.sync(&scene.calendar, &token).await;
    copy.extend(sync.changed.into_iter().map(|object| (object.href, object.etag)));
    let listed: BTreeMap<String, String> =
        scene.dav.list(&scene.calendar).await.into_iter().map(|object| (object.href, object.etag)).collect();
    assert_eq!(copy, listed, "sync-collection led elsewhere");
}

/// A fault that does not go away: a clear refusal in good time, and after it has gone, everything is right.
#[tokio::test]
async fn while_a_fault_lasts() {
    let scene = Scene::new().await;
    for what in ["busy", "unavailable", "cut_after"] {
        let (here, path) = (scene.path("here"), scene.path(what));
        scene.dav.put(&here, &meeting("here", 0)).await;
        scene.order(what, false, "CreateItem", json!({ "times": "forever" })).await;
        scene.order(what, false, "DeleteItem", json!({ "times": "forever" })).await;
        let put = scene.dav.put(&path, &meeting(what, 0)).await;
        let removed = scene.dav.ask("DELETE", &here, &[], "").await;
        for answer in [&put, &removed] {
            clear(answer, what);
        }
        if what != "cut_after" {
            assert_eq!((put.status, removed.status), (503.try_into().unwrap(), 503.try_into().unwrap()), "{what}");
            // What is known already is answered all the same.
            assert_eq!(scene.dav.get(&here).await.status, 200, "{what}");
        }
        scene.simulator.clear_faults().await;
        scene.until_done(what, async || scene.dav.put(&path, &meeting(what, 0)).await).await;
        println!("lasting {what}: PUT {}, DELETE {}", put.status, removed.status);
    }
    scene.simulator.settle().await;
    let mails = scene.subjects(GUEST, "Inbox").await;
    for what in ["busy", "unavailable", "cut_after"] {
        assert_eq!(mails.get(&format!("Meeting {what} version 0")), Some(&1), "{what}: {mails:?}");
    }
    scene.agrees().await;
}

/// 401 although the password is right: a domain controller that is away, say.
#[tokio::test]
async fn a_refusal_that_passes_is_got_over() {
    let scene = Scene::new().await;
    let path = scene.path("refused");
    scene.order("unauthorized", false, "CreateItem", json!({})).await;
    let first = scene.dav.put(&path, &meeting("refused", 0)).await;
    clear(&first, "unauthorized");
    scene.simulator.clear_faults().await;
    scene.until_done("the PUT after a refusal", async || scene.dav.put(&path, &meeting("refused", 0)).await).await;
    assert_eq!(scene.agrees().await, BTreeMap::from([("Meeting refused version 0".to_owned(), 1)]));
    assert_eq!(scene.subjects(GUEST, "Inbox").await.len(), 1);
}

/// Success, or a refusal that says why, to whom it concerns and, where that helps, when to come again.
fn clear(answer: &DavAnswer, case: &str) {
    if answer.status.is_success() {
        return;
    }
    let status = answer.status.as_u16();
    assert!((400..600).contains(&status), "{case}: {status}");
    assert!(!answer.text.is_empty() && answer.text.len() < 1000, "{case}: {status} {}", answer.text);
    assert!(!answer.text.contains("<html") && !answer.text.contains("soap"), "{case}: {status} {}", answer.text);
    match status {
        401 => assert!(answer.headers.contains_key("www-authenticate"), "{case}"),
        503 => assert!(answer.headers.contains_key("retry-after"), "{case}: 503 without Retry-After: {}", answer.text),
        _ => {}
    }
}

fn meeting(name: &str, version: u32) -> String {
    let hour = 8 + version;
    let lines = format!(
        "DTSTART:20270101T{hour:02}0000Z\nDTEND:20270101T{hour:02}3000Z\nSUMMARY:Meeting {name} version {version}\n\
         X-KEPT:kept {version}\nORGANIZER:mailto:{USER}\nATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:{GUEST}"
    );
    event(&format!("{name}@tests"), &lines)
}

/// The subject; what XML forbids in one is shown as U+FFFD.
fn subject(text: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix("SUMMARY:"));
    line.expect("a subject").trim_end_matches('\u{fffd}').to_owned()
}

const LIMIT: Duration = Duration::from_secs(60);
