//! What others do in Outlook to events that a calendar client made: told as they are, and only the hrefs concerned.

use std::time::Duration;

use exgate_tests::{Dav, DavObject, Gateway, Options, Simulator, Site, event, eventually};

struct Scene {
    simulator: Simulator,
    _site: Site,
    _gateway: Gateway,
    dav: Dav,
    calendar: String,
}

impl Scene {
    async fn new() -> Self {
        let simulator = Options::preset("empty").start().await;
        let site = Site::new(&simulator);
        let gateway = site.start().await;
        let dav = gateway.dav();
        Self { simulator, _site: site, _gateway: gateway, dav, calendar: Dav::collection("calendar") }
    }

    async fn put(&self, name: &str, lines: &str) {
        let answer =
            self.dav.put(&format!("{}{name}.ics", self.calendar), &event(&format!("{name}@tests"), lines)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }

    /// The one object that changed since, with its text.
    async fn only_change(&self, token: &str) -> DavObject {
        let changed = async || (!self.dav.sync(&self.calendar, token).await.changed.is_empty()).then_some(());
        eventually("a change is told", LIMIT, changed).await;
        self.simulator.settle().await;
        let sync = self.dav.sync(&self.calendar, token).await;
        assert_eq!((sync.changed.len(), sync.removed.len()), (1, 0), "{sync:?}");
        self.dav.multiget(&self.calendar, &[sync.changed[0].href.clone()]).await.remove(0)
    }

    async fn token(&self) -> String {
        self.simulator.settle().await;
        self.dav.sync(&self.calendar, "").await.token
    }
}

const LIMIT: Duration = Duration::from_secs(20);

const WEEKLY: &str = "DTSTART;TZID=Europe/Berlin:20260302T090000
    DTEND;TZID=Europe/Berlin:20260302T100000
    RRULE:FREQ=WEEKLY;COUNT=6
    SUMMARY:Weekly
    X-KEPT;X-P=\"a;b\":as it is
    BEGIN:VALARM
    ACTION:DISPLAY
    TRIGGER:-PT15M
    DESCRIPTION:Weekly
    END:VALARM";

#[tokio::test]
async fn one_occurrence_moved() {
    let scene = Scene::new().await;
    scene.put("weekly", WEEKLY).await;
    scene.put("other", "DTSTART:20260301T090000Z\nDTEND:20260301T100000Z\nSUMMARY:Other").await;
    let token = scene.token().await;
    let master = scene.simulator.item_id("calendar", "Weekly").await;
    let third = Simulator::occurrence(&master, 3);
    scene.simulator.edit(&third, "CalendarItem", "calendar:End", "<t:End>2026-03-16T13:00:00Z</t:End>").await;
    scene.simulator.edit(&third, "CalendarItem", "calendar:Start", "<t:Start>2026-03-16T12:00:00Z</t:Start>").await;
    let text = scene.only_change(&token).await.data;
    assert!(text.contains("RECURRENCE-ID;TZID=Europe/Berlin:20260316T090000"), "{text}");
    assert!(text.contains("DTSTART;TZID=Europe/Berlin:20260316T130000"), "{text}");
    assert!(text.contains("RRULE:FREQ=WEEKLY") && text.contains("X-KEPT;X-P=\"a;b\":as it is"), "{text}");
}

#[tokio::test]
async fn one_occurrence_cancelled() {
    let scene = Scene::new().await;
    scene.put("weekly", WEEKLY).await;
    let token = scene.token().await;
    let master = scene.simulator.item_id("calendar", "Weekly").await;
    let second = Simulator::occurrence(&master, 2);
    let body = format!(
        r#"<m:DeleteItem DeleteType="MoveToDeletedItems" SendMeetingCancellations="SendToNone"><m:ItemIds>{second}</m:ItemIds></m:DeleteItem>"#
    );
    scene.simulator.soap("Exchange2010_SP2", &body).await;
    let text = scene.only_change(&token).await.data;
    assert!(text.contains("EXDATE;TZID=Europe/Berlin:20260309T090000"), "{text}");
}

#[tokio::test]
async fn reminder_changed() {
    let scene = Scene::new().await;
    scene.put("weekly", WEEKLY).await;
    let token = scene.token().await;
    let master = scene.simulator.item_id("calendar", "Weekly").await;
    let minutes = "<t:ReminderMinutesBeforeStart>45</t:ReminderMinutesBeforeStart>";
    scene.simulator.edit(&master, "CalendarItem", "item:ReminderMinutesBeforeStart", minutes).await;
    let text = scene.only_change(&token).await.data;
    assert!(text.contains("TRIGGER:-PT45M") && !text.contains("-PT15M"), "{text}");
}

#[tokio::test]
async fn deleted_event_is_told_once_and_for_all() {
    let scene = Scene::new().await;
    scene.put("gone", "DTSTART:20260301T090000Z\nDTEND:20260301T100000Z\nSUMMARY:Gone").await;
    let token = scene.token().await;
    let id = scene.simulator.item_id("calendar", "Gone").await;
    let body = format!(
        r#"<m:DeleteItem DeleteType="HardDelete" SendMeetingCancellations="SendToNone"><m:ItemIds>{id}</m:ItemIds></m:DeleteItem>"#
    );
    scene.simulator.soap("Exchange2010_SP2", &body).await;
    let removed = async || (!scene.dav.sync(&scene.calendar, &token).await.removed.is_empty()).then_some(());
    eventually("the removal is told", LIMIT, removed).await;
    let sync = scene.dav.sync(&scene.calendar, &token).await;
    assert_eq!(sync.removed, [format!("{}gone.ics", scene.calendar)]);
    assert_eq!(scene.dav.sync(&scene.calendar, &sync.token).await.removed, Vec::<String>::new());
    assert_eq!(scene.dav.get(&sync.removed[0]).await.status, 404);
}

#[tokio::test]
async fn event_without_transp_is_busy() {
    let scene = Scene::new().await;
    scene.put("busy", "DTSTART:20260301T090000Z\nDTEND:20260301T100000Z\nSUMMARY:Busy").await;
    let id = scene.simulator.item_id("calendar", "Busy").await;
    let body = format!(
        r#"<m:GetItem><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape></m:ItemShape><m:ItemIds>{id}</m:ItemIds></m:GetItem>"#
    );
    let item = scene.simulator.soap("Exchange2010_SP2", &body).await;
    assert_eq!(item.find("LegacyFreeBusyStatus").expect("a status").text, "Busy");
}

#[tokio::test]
async fn what_the_client_wrote_comes_back_to_the_byte() {
    let scene = Scene::new().await;
    let text = event("bytes@tests", WEEKLY);
    let path = format!("{}a name of its own.ics", scene.calendar).replace(' ', "%20");
    let put = scene.dav.put(&path, &text).await;
    assert_eq!(put.status, 201, "{}", put.text);
    let got = scene.dav.get(&path).await;
    assert_eq!(got.text, text);
    assert_eq!(put.etag(), got.etag());
    assert!(scene.dav.list(&scene.calendar).await.iter().any(|object| object.href == path));
}
