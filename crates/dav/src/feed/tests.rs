//! Feeds over the backend in memory.

use std::io::Read;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http::{HeaderMap, HeaderName};
use http_body_util::BodyExt;
use mailbox::memory::{Account, Memory};
use mailbox::objects::CollectionKind;
use mailbox::{Error as MailboxError, Result};

use super::*;
use crate::place::Place;

/// One feed, under the token `secret`; `broken` is one whose password has changed.
struct One(Feed<Account>);

impl Feeds<Account> for One {
    async fn feed(&self, token: &str) -> Result<Option<Feed<Account>>> {
        match token {
            "secret" => Ok(Some(self.0.clone())),
            "broken" => Err(MailboxError::new(ErrorKind::SignIn, "The password is wrong")),
            "down" => Err(MailboxError::new(ErrorKind::Unavailable, "Exchange is not there")),
            _ => Ok(None),
        }
    }
}

struct Stage {
    feeds: One,
    seen: Seen,
    now: Timestamp,
}

struct Told {
    status: StatusCode,
    headers: HeaderMap,
    bytes: Vec<u8>,
}

impl Stage {
    async fn new(detail: Detail) -> Self {
        let account = Memory::new().add_user("anna", "x");
        let all = account.collections().await.unwrap();
        let calendar = all.iter().find(|one| one.kind == CollectionKind::Calendar).unwrap();
        let feed = Feed { collection: calendar.id, account, detail, past_days: Some(7), future_days: Some(30) };
        Self { feeds: One(feed), seen: Seen::default(), now: "2026-01-10T15:00:00Z".parse().unwrap() }
    }

    fn put(&self, name: &str, lines: &str) {
        let text = format!(
            "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{lines}\nEND:VCALENDAR\n",
            lines = lines.replace("$event", &format!("BEGIN:VEVENT\nUID:{name}\nDTSTAMP:20260101T000000Z"))
        );
        self.feeds.0.account.put_object("calendar", name, text.replace('\n', "\r\n")).unwrap();
    }

    async fn ask(&self, method: &str, token: &str, headers: &[(&str, &str)]) -> Told {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        let request = Request {
            method: method.parse().unwrap(),
            place: Place::Feed { token: token.to_owned(), name: "a.ics".to_owned() },
            path: format!("/feed/{token}/a.ics"),
            query: None,
            headers: map,
            body: Bytes::new(),
        };
        let answer = answer(&self.feeds, &self.seen, &request, token, self.now).await;
        let (head, body) = answer.unwrap_or_else(|error| error.response()).into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        Told { status: head.status, headers: head.headers, bytes }
    }

    async fn get(&self, headers: &[(&str, &str)]) -> Told {
        self.ask("GET", "secret", headers).await
    }
}

impl Told {
    fn text(&self) -> String {
        String::from_utf8(self.bytes.clone()).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

const HOUR: &str = "$event\nSUMMARY:Lunch\nDTSTART;TZID=Europe/Berlin:20260112T120000\nDURATION:PT1H\nEND:VEVENT";

#[tokio::test]
async fn a_feed_is_one_calendar_with_its_name_and_its_zones() {
    let stage = Stage::new(Detail::Full).await;
    stage.put("1", HOUR);
    stage.put("2", HOUR);
    stage.put(
        "3",
        "BEGIN:VTIMEZONE\nTZID:Nowhere\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0000\nTZOFFSETTO:+0000\n\
         END:STANDARD\nEND:VTIMEZONE\n$event\nDTSTART:20260112T120000Z\nEND:VEVENT",
    );
    let told = stage.get(&[]).await;
    assert_eq!((told.status, told.header("content-type")), (StatusCode::OK, "text/calendar; charset=utf-8"));
    let parsed = pim::parse(&told.text()).unwrap();
    assert_eq!(parsed.len(), 1);
    let calendar = &parsed[0];
    for (name, value) in [
        ("METHOD", "PUBLISH"),
        ("X-WR-CALNAME", "Calendar"),
        ("NAME", "Calendar"),
        ("REFRESH-INTERVAL", "PT1H"),
        ("X-PUBLISHED-TTL", "PT1H"),
    ] {
        assert_eq!(calendar.value(name), Some(value), "{}", told.text());
    }
    assert!(calendar.property("REFRESH-INTERVAL").unwrap().has_parameter("VALUE", "DURATION"));
    // One VTIMEZONE for what is spoken of, none for what is not.
    let zones: Vec<_> = calendar.components("VTIMEZONE").map(|zone| zone.value("TZID").unwrap()).collect();
    assert_eq!(zones, ["Europe/Berlin"], "{}", told.text());
    assert_eq!(calendar.components("VEVENT").count(), 3);
    assert!(told.text().lines().all(|line| line.len() <= 75));
}

#[tokio::test]
async fn a_feed_reaches_as_far_as_its_token_says() {
    let mut stage = Stage::new(Detail::Full).await;
    for (name, start) in [("old", "20260102"), ("first", "20260103"), ("last", "20260209"), ("far", "20260210")] {
        stage.put(name, &format!("$event\nDTSTART:{start}T120000Z\nEND:VEVENT"));
    }
    stage.put("series", "$event\nDTSTART:20200101T120000Z\nRRULE:FREQ=MONTHLY\nEND:VEVENT");
    stage.put("over", "$event\nDTSTART:20200101T120000Z\nRRULE:FREQ=MONTHLY;COUNT=3\nEND:VEVENT");
    let names = |told: &Told| {
        let calendar = pim::parse(&told.text()).unwrap().remove(0);
        let mut names: Vec<String> =
            calendar.components("VEVENT").map(|one| one.value("UID").unwrap().to_owned()).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names(&stage.get(&[]).await), ["first", "last", "series"]);
    stage.feeds.0.past_days = None;
    assert_eq!(names(&stage.get(&[]).await), ["first", "last", "old", "over", "series"]);
    stage.feeds.0.future_days = None;
    assert_eq!(names(&stage.get(&[]).await).len(), 6);
}

#[tokio::test]
async fn a_feed_tells_whether_it_has_changed() {
    let mut stage = Stage::new(Detail::Full).await;
    stage.put("1", HOUR);
    stage.put("2", HOUR);
    let first = stage.get(&[]).await;
    let etag = first.header("etag").to_owned();
    let date = first.header("last-modified").to_owned();
    assert!(etag.starts_with('"') && date.ends_with("GMT"), "{etag} {date}");
    stage.now = "2026-01-10T16:00:00Z".parse().unwrap();
    for headers in [
        vec![("if-none-match", etag.as_str())],
        vec![("if-none-match", "*")],
        vec![("if-modified-since", date.as_str())],
        vec![("if-none-match", etag.as_str()), ("if-modified-since", "Thu, 01 Jan 1970 00:00:00 GMT")],
    ] {
        let told = stage.get(&headers).await;
        assert_eq!((told.status, told.bytes.len()), (StatusCode::NOT_MODIFIED, 0), "{headers:?}");
        assert_eq!((told.header("etag"), told.header("last-modified")), (etag.as_str(), date.as_str()));
    }
    // What is removed is no change that any object has a date of.
    stage.feeds.0.account.remove_object("calendar", "1").unwrap();
    let told = stage.get(&[("if-none-match", &etag)]).await;
    assert_eq!(told.status, StatusCode::OK);
    assert_ne!(told.header("etag"), etag);
    assert_eq!(stage.get(&[("if-modified-since", &date)]).await.status, StatusCode::OK);
    // The days go on.
    let etag = told.header("etag").to_owned();
    stage.now = "2026-01-11T00:00:00Z".parse().unwrap();
    assert_eq!(stage.get(&[("if-none-match", &etag)]).await.status, StatusCode::OK);
    let head = stage.ask("HEAD", "secret", &[]).await;
    assert_eq!((head.status, head.bytes.len(), head.header("etag").is_empty()), (StatusCode::OK, 0, false));
}

#[tokio::test]
async fn a_feed_is_zipped_for_who_can_unzip() {
    let stage = Stage::new(Detail::Full).await;
    for number in 0..120 {
        stage.put(&number.to_string(), HOUR);
    }
    let plain = stage.get(&[("accept-encoding", "br, gzip;q=0")]).await;
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "Accept-Encoding"));
    let zipped = stage.get(&[("accept-encoding", "deflate, gzip;q=0.5")]).await;
    assert_eq!(zipped.header("content-encoding"), "gzip");
    let mut text = String::new();
    GzDecoder::new(zipped.bytes.as_slice()).read_to_string(&mut text).unwrap();
    assert_eq!(text, plain.text());
    assert!(zipped.bytes.len() * 4 < plain.bytes.len());
    assert_ne!(zipped.header("etag"), plain.header("etag"));
    let again = stage.get(&[("accept-encoding", "gzip"), ("if-none-match", zipped.header("etag"))]).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn a_wrong_address_is_told_nothing() {
    let mut stage = Stage::new(Detail::Full).await;
    let never = stage.ask("GET", "guess", &[]).await;
    let broken = stage.ask("GET", "broken", &[]).await;
    stage.feeds.0.collection = FolderId(1);
    let gone = stage.ask("GET", "secret", &[]).await;
    assert_eq!(never.status, StatusCode::NOT_FOUND);
    for other in [&broken, &gone] {
        assert_eq!((other.status, &other.bytes, &other.headers), (never.status, &never.bytes, &never.headers));
    }
    for method in ["PUT", "DELETE", "PROPFIND", "POST"] {
        let right = stage.ask(method, "secret", &[]).await;
        let wrong = stage.ask(method, "guess", &[]).await;
        assert_eq!((right.status, &right.bytes), (StatusCode::METHOD_NOT_ALLOWED, &wrong.bytes), "{method}");
    }
    assert_eq!(stage.ask("GET", "down", &[]).await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_busy_feed_tells_nothing_else() {
    let stage = Stage::new(Detail::Busy).await;
    stage.put("lunch@secret.example", HOUR);
    stage
        .put("free", "$event\nSUMMARY:Hidden\nTRANSP:TRANSPARENT\nDTSTART:20260112T120000Z\nDURATION:PT1H\nEND:VEVENT");
    let told = stage.get(&[]).await.text();
    assert!(
        told.contains("SUMMARY:Busy")
            && !told.contains("Lunch")
            && !told.contains("secret")
            && !told.contains("Hidden")
    );
    assert_eq!(told.matches("BEGIN:VEVENT").count(), 1);
}
