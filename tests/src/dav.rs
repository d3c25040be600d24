//! A plain CalDAV and CardDAV client that shows what it got.

use std::net::SocketAddr;

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};

use crate::gateway::{PASSWORD, USER};
use crate::imap::Broken;
use crate::xml::Node;

/// A client of one gateway.
#[derive(Clone, Debug)]
pub struct Dav {
    http: reqwest::Client,
    base: String,
    user: String,
    password: String,
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
    /// A client of the gateway that listens there, signed in as [`USER`].
    ///
    /// # Panics
    /// If no HTTP client can be made.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self::of(address, USER, PASSWORD)
    }

    /// The same, signed in as somebody else.
    ///
    /// # Panics
    /// If no HTTP client can be made.
    #[must_use]
    pub fn of(address: SocketAddr, user: &str, password: &str) -> Self {
        let redirect = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder().no_proxy().redirect(redirect).build().expect("an HTTP client");
        Self { http, base: format!("http://{address}"), user: user.to_owned(), password: password.to_owned() }
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
        let answer = self.try_ask(method, path, headers, body).await;
        answer.unwrap_or_else(|Broken(reason)| panic!("{method} {path}: {reason}"))
    }

    /// One request, which may find the gateway gone.
    ///
    /// # Errors
    /// If no answer came, or not the whole of it.
    ///
    /// # Panics
    /// If it is no request.
    pub async fn try_ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<String>,
    ) -> Result<DavAnswer, Broken> {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        request = request.basic_auth(&self.user, Some(&self.password)).body(body.into());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let broken = |error: reqwest::Error| Broken(format!("{error:?}"));
        let answer = request.send().await.map_err(broken)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.map_err(broken)?;
        Ok(DavAnswer { status, headers, text })
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
        self.ask("REPORT", collection, &[], Self::sync_report(token)).await.sync()
    }

    /// The body of a sync-collection report.
    #[must_use]
    pub fn sync_report(token: &str) -> String {
        format!(
            r#"<sync-collection xmlns="DAV:"><sync-token>{token}</sync-token><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>"#
        )
    }

    /// A calendar-multiget or addressbook-multiget report, in the order asked for.
    ///
    /// # Panics
    /// If it is no multistatus.
    pub async fn multiget(&self, collection: &str, hrefs: &[String]) -> Vec<DavObject> {
        let answer = self.ask_multiget(collection, hrefs).await;
        assert_eq!(answer.status, 207, "{}", answer.text);
        answer.objects()
    }

    /// The same, whatever the answer is.
    pub async fn ask_multiget(&self, collection: &str, hrefs: &[String]) -> DavAnswer {
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
        self.ask("REPORT", collection, &[("Depth", "1")], body).await
    }
}

impl DavAnswer {
    /// The ETag header, quotes included.
    #[must_use]
    pub fn etag(&self) -> Option<String> {
        Some(self.headers.get("etag")?.to_str().ok()?.to_owned())
    }

    /// What a sync-collection report was answered.
    ///
    /// # Panics
    /// If it is no multistatus.
    #[must_use]
    pub fn sync(&self) -> DavSync {
        assert_eq!(self.status, 207, "{}", self.text);
        let root = Node::parse(&self.text);
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

    /// What a multistatus tells of as found.
    ///
    /// # Panics
    /// If it is not well-formed.
    #[must_use]
    pub fn objects(&self) -> Vec<DavObject> {
        objects(&Node::parse(&self.text))
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
