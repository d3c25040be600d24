//! Meetings over a simulated Exchange: who is told of what, and how often.
use crate::lab::calendar::{Follower, event, if_none, name};
use crate::lab::{ANNA, BEN, Lab, PASSWORD, credentials};
use mailbox::SignIn;
use mailbox::objects::{Calendaring, CollectionKind, Condition, ObjectError, Objects, Precondition};

/// Somebody's default calendar.
async fn calendar(directory: &exchange::Directory, user: &str) -> Follower {
    let account = directory.sign_in(&credentials(user, PASSWORD)).await.unwrap();
    let collections = account.collections().await.unwrap();
    let id = collections.iter().find(|it| it.is_default && it.kind == CollectionKind::Calendar).unwrap().id;
    let mut follower = Follower::new(&account, id);
    follower.sync().await;
    follower
}

fn meeting(summary: &str, more: &str) -> String {
    let people = "ORGANIZER:mailto:anna@example.org\nATTENDEE;PARTSTAT=ACCEPTED:mailto:anna@example.org\n\
                  ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:ben@example.org";
    event("meeting@lab", summary, &format!("{people}\n{more}"))
}

/// How many messages of this class are in somebody's inbox.
fn mails(lab: &Lab, user: &str, class: &str) -> usize {
    let contents = lab.exchange.contents(user).unwrap();
    let inbox = contents["Inbox"].as_array().cloned().unwrap_or_default();
    inbox.iter().filter(|item| item.to_string().contains(class)).count()
}

const REQUEST: &str = "IPM.Schedule.Meeting.Request";
const ACCEPTED: &str = "IPM.Schedule.Meeting.Resp.Pos";
const DECLINED: &str = "IPM.Schedule.Meeting.Resp.Neg";
const CANCELLED: &str = "IPM.Schedule.Meeting.Canceled";

#[tokio::test]
async fn an_invitation_is_sent_answered_changed_and_cancelled_once() {
    let lab = Lab::new().await;
    let directory = lab.directory();
    let mut anna = calendar(&directory, ANNA).await;
    let mut ben = calendar(&directory, BEN).await;
    let put = anna.put("m.ics", &meeting("Plan", ""), if_none()).await.unwrap();
    assert_eq!(mails(&lab, BEN, REQUEST), 1);
    assert!(put.entry.schedule_tag.is_some());
    // What concerns nobody else is not mailed.
    anna.put("m.ics", &meeting("Plan", "X-MINE:only"), Condition::default()).await.unwrap();
    assert_eq!(mails(&lab, BEN, REQUEST), 1);
    // Ben has it in his calendar and says yes.
    let delta = ben.news().await;
    let theirs = delta.changed[0].name.0.clone();
    let text = ben.text(&theirs).await;
    assert!(text.contains("UID:meeting@lab"), "{text}");
    let unfolded = text.replace("\r\n ", "");
    let mine = unfolded.lines().find(|line| line.starts_with("ATTENDEE") && line.contains("ben@")).unwrap().to_owned();
    let yes = "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ben@example.org";
    let accepted = unfolded.replace(&mine, yes);
    anna.sync().await;
    let before = anna.here[&name("m.ics")].clone();
    ben.put(&theirs, &accepted, Condition::default()).await.unwrap();
    assert_eq!(mails(&lab, ANNA, ACCEPTED), 1);
    // The same again is no second answer.
    ben.put(&theirs, &accepted, Condition::default()).await.unwrap();
    assert_eq!(mails(&lab, ANNA, ACCEPTED), 1);
    // Anna sees it: another ETag, the same Schedule-Tag.
    let delta = anna.news().await;
    assert_eq!(delta.changed.len(), 1);
    assert_ne!(delta.changed[0].etag, before.etag);
    assert_eq!(delta.changed[0].schedule_tag, before.schedule_tag);
    let text = anna.text("m.ics").await.replace("\r\n ", "");
    let line = text.lines().find(|line| line.starts_with("ATTENDEE") && line.contains("ben@")).unwrap();
    assert!(line.contains("PARTSTAT=ACCEPTED"), "{text}");
    // Anna calls it off.
    anna.account.remove(anna.collection, &name("m.ics"), Condition::default(), Calendaring::Server).await.unwrap();
    assert_eq!(mails(&lab, BEN, CANCELLED), 1);
}

#[tokio::test]
async fn an_attendee_cannot_change_the_meeting_and_declines_by_deleting() {
    let lab = Lab::new().await;
    let directory = lab.directory();
    let anna = calendar(&directory, ANNA).await;
    let mut ben = calendar(&directory, BEN).await;
    anna.put("m.ics", &meeting("Plan", ""), if_none()).await.unwrap();
    let theirs = ben.news().await.changed[0].name.clone();
    let text = ben.text(&theirs.0).await;
    let changed = text.replace("SUMMARY:Plan", "SUMMARY:My plan");
    assert_ne!(changed, text);
    match ben.put(&theirs.0, &changed, Condition::default()).await {
        Err(ObjectError::Precondition(Precondition::AttendeeChange, _)) => {}
        other => panic!("{other:?}"),
    }
    ben.account.remove(ben.collection, &theirs, Condition::default(), Calendaring::Server).await.unwrap();
    assert_eq!(mails(&lab, ANNA, DECLINED), 1);
    assert_eq!(ben.account.entries(ben.collection, None).await.unwrap(), []);
}

#[tokio::test]
async fn silence_is_kept_where_it_is_asked_for() {
    let lab = Lab::new().await;
    let directory = lab.directory();
    let anna = calendar(&directory, ANNA).await;
    let quiet = meeting("Plan", "").replace("ORGANIZER:", "ORGANIZER;SCHEDULE-AGENT=CLIENT:");
    let quiet = quiet.replace("RSVP=TRUE:", "RSVP=TRUE;SCHEDULE-AGENT=CLIENT:");
    anna.put("q.ics", &quiet, if_none()).await.unwrap();
    assert_eq!(mails(&lab, BEN, REQUEST), 0);
    anna.account.remove(anna.collection, &name("q.ics"), Condition::default(), Calendaring::Server).await.unwrap();
    assert_eq!(mails(&lab, BEN, CANCELLED), 0);
    anna.put("m.ics", &meeting("Plan", "").replace("meeting@lab", "other@lab"), if_none()).await.unwrap();
    assert_eq!(mails(&lab, BEN, REQUEST), 1);
    anna.account.remove(anna.collection, &name("m.ics"), Condition::default(), Calendaring::Silent).await.unwrap();
    assert_eq!(mails(&lab, BEN, CANCELLED), 0);
}

#[tokio::test]
async fn an_occurrence_is_moved_and_another_left_out() {
    let lab = Lab::new().await;
    let directory = lab.directory();
    let mut anna = calendar(&directory, ANNA).await;
    let series = event("s@lab", "Daily", "RRULE:FREQ=DAILY;COUNT=5");
    anna.put("s.ics", &series, if_none()).await.unwrap();
    anna.sync().await;
    let moved = "BEGIN:VEVENT\r\nUID:s@lab\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID:20260311T090000Z\r\n\
                 DTSTART:20260311T140000Z\r\nDTEND:20260311T150000Z\r\nSUMMARY:Daily\\, late\r\nEND:VEVENT\r\n";
    let text = series
        .replace("END:VCALENDAR", &format!("{moved}END:VCALENDAR"))
        .replace("RRULE:FREQ=DAILY;COUNT=5\r\n", "RRULE:FREQ=DAILY;COUNT=5\r\nEXDATE:20260312T090000Z\r\n");
    lab.reset().await;
    let put = anna.put("s.ics", &text, Condition::default()).await.unwrap();
    println!("{}", lab.stats().await["operations"]);
    assert!(put.verbatim);
    // What Exchange has, without our memory of it.
    drop(anna);
    drop(directory);
    std::fs::remove_dir_all(lab.state.path().join("maps")).unwrap();
    let directory = lab.directory();
    let anna = calendar(&directory, ANNA).await;
    assert_eq!(anna.text("s.ics").await, text);
    let contents = lab.exchange.contents(ANNA).unwrap()["Calendar"].to_string();
    assert!(contents.contains("Daily"), "{contents}");
}
