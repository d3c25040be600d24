//! The URL space: what a path names, and the path of what has one.
//!
//! ```text
//! /dav/principals/<user>/
//! /dav/calendars/<user>/<collection>/<object>       calendars, task lists, notes, inbox, outbox
//! /dav/addressbooks/<user>/<collection>/<object>
//! /feed/<token>/<name>.ics
//! ```
//!
//! Percent signs are decoded once, segment by segment, after the path was cut at its slashes: a name can hold neither
//! a slash nor a way up.

use std::fmt::Write;

/// What a path names, whether it is there or not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// `/` and `/dav/`.
    Root,
    /// `/dav/principals/`
    Principals,
    /// Somebody: the user, or somebody whose collections the user can open.
    Principal {
        /// The segment.
        user: String,
    },
    /// `/dav/calendars/` or `/dav/addressbooks/`
    Homes(Family),
    /// Somebody's collections of a family.
    Home {
        /// Which.
        family: Family,
        /// The segment.
        user: String,
    },
    /// A collection.
    Collection {
        /// Where it stands.
        family: Family,
        /// The segment of its owner.
        user: String,
        /// Its own segment.
        name: String,
    },
    /// Something in a collection.
    Object {
        /// Where its collection stands.
        family: Family,
        /// The segment of the owner.
        user: String,
        /// The segment of the collection.
        collection: String,
        /// Its own segment.
        name: String,
    },
    /// RFC 6764: `/.well-known/caldav`, `/.well-known/carddav`.
    WellKnown,
    /// `/feed/<token>/<name>`: a calendar for whoever knows the token.
    Feed {
        /// The token.
        token: String,
        /// The last segment.
        name: String,
    },
}

/// The two halves of the space: what CalDAV serves, and what CardDAV serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Family {
    /// Calendars, task lists, notes.
    Calendars,
    /// Address books.
    AddressBooks,
}

impl Family {
    fn segment(self) -> &'static str {
        match self {
            Self::Calendars => "calendars",
            Self::AddressBooks => "addressbooks",
        }
    }
}

/// Why a path names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Astray {
    /// It is not one: broken escapes, control characters, ways up.
    Malformed,
    /// A segment is longer than any name.
    TooLong,
    /// It is one, and nothing can be there.
    Nowhere,
}

impl Place {
    /// From the path of a request, still encoded.
    pub(crate) fn of_path(path: &str) -> Result<Self, Astray> {
        let path = path.strip_prefix('/').ok_or(Astray::Malformed)?;
        let is_collection = path.is_empty() || path.ends_with('/');
        let mut segments = Vec::new();
        // Empty segments: seen from clients that join paths with a slash too many.
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            segments.push(decoded(segment)?);
        }
        let words: Vec<&str> = segments.iter().map(String::as_str).collect();
        let place = match *words.as_slice() {
            [] | ["dav"] => Self::Root,
            [".well-known", "caldav" | "carddav"] => Self::WellKnown,
            ["feed", token, name] => Self::Feed { token: token.to_owned(), name: name.to_owned() },
            ["dav", "principals"] => Self::Principals,
            ["dav", "principals", user] => Self::Principal { user: user.to_owned() },
            ["dav", half, ref rest @ ..] => {
                let family = [Family::Calendars, Family::AddressBooks]
                    .into_iter()
                    .find(|family| family.segment() == half)
                    .ok_or(Astray::Nowhere)?;
                match *rest {
                    [] => Self::Homes(family),
                    [user] => Self::Home { family, user: user.to_owned() },
                    [user, name] => Self::Collection { family, user: user.to_owned(), name: name.to_owned() },
                    [user, collection, name] if !is_collection => Self::Object {
                        family,
                        user: user.to_owned(),
                        collection: collection.to_owned(),
                        name: name.to_owned(),
                    },
                    _ => return Err(Astray::Nowhere),
                }
            }
            _ => return Err(Astray::Nowhere),
        };
        Ok(place)
    }

    /// From an href in a body or a Destination: a path, or a whole URL. The host is not looked at: behind a proxy it
    /// is none we know.
    pub(crate) fn of_href(href: &str) -> Result<Self, Astray> {
        let href = href.trim();
        let path = match href.split_once("://") {
            Some((scheme, rest)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/")
            }
            _ => href,
        };
        let end = path.find(['?', '#']).unwrap_or(path.len());
        Self::of_path(path.get(..end).unwrap_or_default())
    }

    /// Its path, encoded; collections end in a slash.
    pub(crate) fn href(&self) -> String {
        match self {
            Self::Root => "/dav/".to_owned(),
            Self::Principals => "/dav/principals/".to_owned(),
            Self::Principal { user } => joined(&["dav", "principals", user]) + "/",
            Self::Homes(family) => joined(&["dav", family.segment()]) + "/",
            Self::Home { family, user } => joined(&["dav", family.segment(), user]) + "/",
            Self::Collection { family, user, name } => joined(&["dav", family.segment(), user, name]) + "/",
            Self::Object { family, user, collection, name } => {
                joined(&["dav", family.segment(), user, collection, name])
            }
            Self::WellKnown => "/.well-known/caldav".to_owned(),
            Self::Feed { token, name } => joined(&["feed", token, name]),
        }
    }
}

impl Place {
    /// Something in this collection; `None` if it is none.
    pub(crate) fn object(&self, object: &str) -> Option<Self> {
        let Self::Collection { family, user, name } = self else { return None };
        Some(Self::Object { family: *family, user: user.clone(), collection: name.clone(), name: object.to_owned() })
    }

    /// The collection something is in, or would be in.
    pub(crate) fn collection(&self) -> Option<Self> {
        let Self::Object { family, user, collection, .. } = self else { return None };
        Some(Self::Collection { family: *family, user: user.clone(), name: collection.clone() })
    }
}

fn joined(segments: &[&str]) -> String {
    segments.iter().fold(String::new(), |mut path, segment| {
        path.push('/');
        encode_into(&mut path, segment);
        path
    })
}

/// `pchar` of RFC 3986 without what XML or a careless client could trip over.
pub(crate) fn encode_into(out: &mut String, segment: &str) {
    for byte in segment.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' | b'=' | b'+' | b',' => {
                out.push(char::from(byte));
            }
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
}

/// A segment as the name it stands for.
fn decoded(segment: &str) -> Result<String, Astray> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16)).ok_or(Astray::Malformed);
        let (high, low) = (digit()?, digit()?);
        bytes.push(u8::try_from(high * 16 + low).map_err(|_| Astray::Malformed)?);
    }
    let name = String::from_utf8(bytes).map_err(|_| Astray::Malformed)?;
    if name.len() > LONGEST {
        return Err(Astray::TooLong);
    }
    if name.contains(|char: char| char == '/' || char.is_control()) || name == "." || name == ".." {
        return Err(Astray::Malformed);
    }
    Ok(name)
}

/// Octets of a name. File systems have the same limit, so clients keep below it.
const LONGEST: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str) -> Place {
        Place::Object {
            family: Family::Calendars,
            user: "anna@example.org".to_owned(),
            collection: "c".to_owned(),
            name: name.to_owned(),
        }
    }

    #[test]
    fn paths_there_and_back() {
        for path in [
            "/dav/",
            "/dav/principals/",
            "/dav/principals/anna@example.org/",
            "/dav/calendars/",
            "/dav/calendars/CORP%5Canna/",
            "/dav/addressbooks/anna/G%C3%A4ste/",
            "/dav/addressbooks/anna/b/a%20b%25.vcf",
            "/feed/t0/all.ics",
        ] {
            assert_eq!(Place::of_path(path).unwrap().href(), path);
        }
        assert_eq!(Place::of_path("/"), Ok(Place::Root));
        assert_eq!(Place::of_path("/dav/calendars/anna/c").unwrap().href(), "/dav/calendars/anna/c/");
        assert_eq!(Place::of_path("//dav//calendars/anna@example.org/c/1.ics"), Ok(object("1.ics")));
    }

    #[test]
    fn decoded_once_only() {
        assert_eq!(Place::of_path("/dav/calendars/anna%40example.org/c/%252e%252e"), Ok(object("%2e%2e")));
    }

    #[test]
    fn tricks_lead_nowhere() {
        for path in [
            "/dav/calendars/anna/../bert/c/1.ics",
            "/dav/calendars/anna/%2e%2e/c/1.ics",
            "/dav/calendars/anna/c/..%2f..%2f1.ics",
            "/dav/calendars/anna/c/a%00.ics",
            "/dav/calendars/anna/c/a%0d%0ab",
            "/dav/calendars/anna/c/%",
            "/dav/calendars/anna/c/%zz",
            "/dav/calendars/anna/c/%ff",
            "dav",
            "*",
            "",
        ] {
            assert_eq!(Place::of_path(path), Err(Astray::Malformed), "{path}");
        }
        for path in ["/etc/passwd", "/dav/x", "/dav/calendars/a/b/c/d", "/dav/calendars/a/b/c/", "/dav/principals/a/b"]
        {
            assert_eq!(Place::of_path(path), Err(Astray::Nowhere), "{path}");
        }
        let long = format!("/dav/calendars/anna/c/{}", "x".repeat(256));
        assert_eq!(Place::of_path(&long), Err(Astray::TooLong));
    }

    #[test]
    fn hrefs_may_be_whole_urls() {
        let href = "https://dav.example.org:8443/dav/calendars/anna%40example.org/c/1.ics?x#y";
        assert_eq!(Place::of_href(href), Ok(object("1.ics")));
        assert_eq!(Place::of_href(" /dav/calendars/anna@example.org/c/1.ics "), Ok(object("1.ics")));
        assert_eq!(Place::of_href("https://dav.example.org"), Ok(Place::Root));
        assert_eq!(Place::of_href("../x"), Err(Astray::Malformed));
    }
}
