//! A plain CalDAV and CardDAV client that shows what it got.

use std::net::SocketAddr;

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};

use crate::gateway::{PASSWORD, USER};
use crate::xml::Node;

/// A client of one gateway, signed in as [`USER`].
#[derive(Clone, Debug)]
pub struct Dav {
    http: reqwest::Client,
    base: String,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct DavAnswer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
}

/// One object of a multistatus.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DavObject {
    /// Its href.
    pub href: String,
    /// Its ETag, quotes included; empty if it was not told.
    pub etag: String,
    /// Its text; empty if it was not asked for.
    pub data: String,
}

/// What a sync-collection report told.
#[derive(Clone, Debug, Default)]
pub struct DavSync {
    /// Objects that are new or another.
    pub changed: Vec<DavObject>,
    /// Hrefs that are gone.
    pub removed: Vec<String>,
    /// The token to go on from.
    pub token: String,
    /// True if there is more.
    pub truncated: bool,
}

impl Dav {
    /// A client of the gateway that listens there.
    ///
    /// # Panics
    /// If no HTTP client can be made.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        let redirect = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder().no_proxy().redirect(redirect).build().expect("an HTTP client");
        Self { http, base: format!("http://{address}") }
    }

    /// The default collection: `calendars/…/calendar`, `calendars/…/tasks` or `addressbooks/…/contacts`.
    #[must_use]
    pub fn collection(kind: &str) -> String {
        let home = if kind == "contacts" { "addressbooks" } else { "calendars" };
        format!("/dav/{home}/{USER}/{kind}/")
    }

    /// One request.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<String>) -> DavAnswer {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.base));
        request = request.basic_auth(USER, Some(PASSWORD)).body(body.into());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"));
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"));
        DavAnswer { status, headers, text }
    }

    /// Stores an object.
    pub async fn put(&self, path: &str, text: &str) -> DavAnswer {
        let media = if path.ends_with(".vcf") { "text/vcard; charset=utf-8" } else { "text/calendar; charset=utf-8" };
        self.ask("PUT", path, &[("Content-Type", media)], text).await
    }

    /// Reads an object.
    pub async fn get(&self, path: &str) -> DavAnswer {
        self.ask("GET", path, &[], "").await
    }

    /// Every member of a collection with its ETag, by href.
    ///
    /// # Panics
    /// If it is no multistatus.
    pub async fn list(&self, collection: &str) -> Vec<DavObject> {
        let body = r#"<propfind xmlns="DAV:"><prop><getetag/><resourcetype/></prop></propfind>"#;
        let answer = self.ask("PROPFIND", collection, &[("Depth", "1")], body).await;
        assert_eq!(answer.status, 207, "{}", answer.text);
        let mut objects = objects(&Node::parse(&answer.text));
        objects.retain(|object| object.href != collection);
        objects.sort();
        objects
    }

    /// A sync-collection report (RFC 6578).
    ///
    /// # Panics
    /// If it is no multistatus.
    pub async fn sync(&self, collection: &str, token: &str) -> DavSync {
        let body = format!(
            r#"<sync-collection xmlns="DAV:"><sync-token>{token}</sync-token><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>"#
        );
        let answer = self.ask("REPORT", collection, &[], body).await;
        assert_eq!(answer.status, 207, "{}", answer.text);
        let root = Node::parse(&answer.text);
        let mut sync = DavSync { token: root.find("sync-token").expect("a token").text.clone(), ..DavSync::default() };
        for response in root.all("response") {
            let href = response.find("href").expect("an href").text.clone();
            match response.all("status").next().map(|status| status.text.clone()) {
                Some(status) if status.contains(" 404") => sync.removed.push(href),
                Some(status) if status.contains(" 507") => sync.truncated = true,
                Some(status) => panic!("{href}: {status}"),
                None => sync.changed.extend(object(response)),
            }
        }
        sync
    }

    /// A calendar-multiget or addressbook-multiget report, in the order asked for.
    ///
    /// # Panics
    /// If it is no multistatus.
    pub async fn multiget(&self, collection: &str, hrefs: &[String]) -> Vec<DavObject> {
        let hrefs: String = hrefs.iter().map(|href| format!("<D:href>{href}</D:href>")).collect();
        let (kind, data) = if collection.contains("/addressbooks/") {
            ("carddav", "address-data")
        } else {
            ("caldav", "calendar-data")
        };
        let report = if kind == "carddav" { "addressbook-multiget" } else { "calendar-multiget" };
        let body = format!(
            r#"<C:{report} xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:{kind}"><D:prop><D:getetag/><C:{data}/></D:prop>{hrefs}</C:{report}>"#
        );
        let answer = self.ask("REPORT", collection, &[("Depth", "1")], body).await;
        assert_eq!(answer.status, 207, "{}", answer.text);
        objects(&Node::parse(&answer.text))
    }
}

impl DavAnswer {
    /// The ETag header, quotes included.
    #[must_use]
    pub fn etag(&self) -> Option<String> {
        Some(self.headers.get("etag")?.to_str().ok()?.to_owned())
    }
}

fn objects(root: &Node) -> Vec<DavObject> {
    root.all("response").filter_map(object).collect()
}

/// `None` for a response that tells of nothing found.
fn object(response: &Node) -> Option<DavObject> {
    let found = response
        .all("propstat")
        .find(|propstat| propstat.all("status").next().is_some_and(|status| status.text.contains(" 200")))?;
    let text = |name: &str| found.find(name).map(|node| node.text.clone()).unwrap_or_default();
    let data = [text("calendar-data"), text("address-data")].concat();
    Some(DavObject { href: response.find("href")?.text.clone(), etag: text("getetag"), data })
}
