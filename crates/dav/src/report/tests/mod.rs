//! Reports over the backend in memory: what the standards show, and what clients need.

mod appendix_b;
mod cards;
mod outbox;
mod people;
mod properties;
mod queries;
mod rfc4791;
mod rfc6352;
mod sync;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::BodyExt;
use mailbox::FolderId;
use mailbox::memory::{Account, Gist, Memory};
use mailbox::objects::{Collection, CollectionKind, ObjectKind, Owner, Principal, Rights, Span};

use crate::context::Context;
use crate::place::Place;
use crate::request::Request;
use crate::resource::Facts;
use crate::xml::{CALDAV, CARDDAV, DAV, Element, Limits, read};
use crate::{Settings, method};

/// A user with a mailbox in memory, and whoever asks for it.
pub(super) struct Stage {
    pub(super) account: Account,
    pub(super) settings: Settings,
}

/// An answer.
pub(super) struct Told {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Stage {
    /// The user of RFC 4791's examples, with the calendar and the address book they ask of.
    pub(super) fn new() -> Self {
        let account = Memory::new().add_user("bernard", "secret");
        account.set_principal(Principal {
            user: "bernard".to_owned(),
            display_name: "Bernard Desruisseaux".to_owned(),
            addresses: vec!["bernard@example.com".to_owned(), "b.desruisseaux@example.com".to_owned()],
            quota: None,
        });
        account.set_reader(gist);
        let stage = Self { account, settings: Settings::default() };
        stage.add("work", CollectionKind::Calendar, Owner::Me, Rights::ALL);
        stage.add("friends", CollectionKind::Contacts, Owner::Me, Rights::ALL);
        stage
    }

    pub(super) fn add(&self, name: &str, kind: CollectionKind, owner: Owner, rights: Rights) -> FolderId {
        self.account.add_collection(Collection {
            id: FolderId(0),
            name: name.to_owned(),
            kind,
            display_name: name.to_owned(),
            is_default: false,
            parent: None,
            owner,
            rights,
            dead: Vec::new(),
        })
    }

    pub(super) fn put(&self, collection: &str, name: &str, text: &str) {
        self.account.put_object(collection, name, text.replace('\n', "\r\n")).unwrap();
    }

    /// Any request, as after sign-in; headers as `Name: value` lines.
    pub(super) async fn ask(&self, verb: &str, path: &str, headers: &str, body: &str) -> Told {
        let mut map = HeaderMap::new();
        for line in headers.lines() {
            let (name, value) = line.split_once(": ").unwrap();
            map.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let request = Request {
            method: Method::from_bytes(verb.as_bytes()).unwrap(),
            place: Place::of_path(path).unwrap(),
            path: path.to_owned(),
            query: query.map(str::to_owned),
            headers: map,
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        let facts = Facts::of(&self.account, Arc::new(self.settings.clone())).await.unwrap();
        let context = Context { account: self.account.clone(), facts: Arc::new(facts), request: Arc::new(request) };
        let response = method::run(&context).await.unwrap_or_else(|error| error.response());
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Told { status: head.status, headers: head.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    /// A report of the calendar of the examples, with Depth 1.
    pub(super) async fn work(&self, body: &str) -> Told {
        self.ask("REPORT", WORK, "Depth: 1", body).await
    }

    /// A report of the address book of the examples, with Depth 1.
    pub(super) async fn friends(&self, body: &str) -> Told {
        self.ask("REPORT", FRIENDS, "Depth: 1", body).await
    }
}

impl Told {
    /// The root element.
    pub(super) fn root(&self) -> Element {
        read(self.text.as_bytes(), Limits::default()).unwrap()
    }

    /// The responses of a multistatus.
    pub(super) fn responses(&self) -> Vec<Element> {
        assert_eq!(self.status, StatusCode::MULTI_STATUS, "{}", self.text);
        self.root().all(DAV, "response").cloned().collect()
    }

    /// The last segments of all hrefs, in order, without those of the request itself.
    pub(super) fn names(&self) -> Vec<String> {
        let href = |response: Element| response.child(DAV, "href").unwrap().text();
        let hrefs = self.responses().into_iter().map(href);
        hrefs.filter(|href| !href.ends_with('/')).map(|href| href.rsplit('/').next().unwrap().to_owned()).collect()
    }

    /// The texts of calendar-data and address-data, in order.
    pub(super) fn texts(&self) -> Vec<String> {
        fn gather(element: &Element, found: &mut Vec<String>) {
            if element.is(CALDAV, "calendar-data") || element.is(CARDDAV, "address-data") {
                found.push(element.text());
            }
            element.elements().for_each(|child| gather(child, found));
        }
        let mut found = Vec::new();
        gather(&self.root(), &mut found);
        found
    }

    /// The element in `DAV:error`.
    pub(super) fn condition(&self) -> String {
        let root = self.root();
        assert!(root.is(DAV, "error"), "{}", self.text);
        root.elements().next().unwrap().name.local.clone()
    }

    /// Status lines of responses that have nothing else, by last segment.
    pub(super) fn statuses(&self) -> Vec<(String, String)> {
        let told = self.responses().into_iter().filter_map(|response| {
            let status = response.child(DAV, "status")?.text();
            let href = response.child(DAV, "href")?.text();
            let name = href.trim_end_matches('/').rsplit('/').next()?.to_owned();
            Some((name, status.strip_prefix("HTTP/1.1 ")?.to_owned()))
        });
        told.collect()
    }
}

/// What a backend knows of an object.
fn gist(text: &[u8]) -> Gist {
    let text = std::str::from_utf8(text).unwrap();
    let object = pim::parse(text).unwrap().remove(0);
    if object.is("VCARD") {
        return Gist { kind: ObjectKind::Card, uid: object.text("UID"), span: None, is_meeting: false };
    }
    let main = object.components.iter().find(|component| !component.is("VTIMEZONE")).unwrap();
    let kind = match main.name.as_str() {
        _ if object.has("METHOD") => ObjectKind::Message,
        "VEVENT" => ObjectKind::Event,
        "VTODO" => ObjectKind::Todo,
        "VJOURNAL" => ObjectKind::Journal,
        _ => ObjectKind::Message,
    };
    Gist {
        kind,
        uid: main.text("UID"),
        span: pim::ical::span(&object).map(|(start, end)| Span { start, end }),
        is_meeting: main.has("ORGANIZER"),
    }
}

/// A calendar-query for whole objects that match what stands in the comp-filter of VCALENDAR.
pub(super) fn query(inner: &str) -> String {
    query_for("<C:calendar-data/>", &format!("<C:comp-filter name=\"VCALENDAR\">{inner}</C:comp-filter>"))
}

/// A calendar-query for these properties.
pub(super) fn query_for(props: &str, filter: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\" ?><C:calendar-query xmlns:D=\"DAV:\" xmlns:C=\"{CALDAV}\">\
         <D:prop><D:getetag/>{props}</D:prop><C:filter>{filter}</C:filter></C:calendar-query>"
    )
}

/// An event in a calendar object.
pub(super) fn event(uid: &str, lines: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Example//EN\nBEGIN:VEVENT\nUID:{uid}\nDTSTAMP:20260101T000000Z\n\
         {lines}\nEND:VEVENT\nEND:VCALENDAR\n"
    )
}

pub(super) const WORK: &str = "/dav/calendars/bernard/work/";
pub(super) const FRIENDS: &str = "/dav/addressbooks/bernard/friends/";
