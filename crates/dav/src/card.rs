//! Which vCard version a client gets (RFC 6352 section 8.1, RFC 9110 section 12.5.1).

use bytes::Bytes;
use mailbox::objects::ObjectKind;

use crate::property::media_type;
use crate::request::Request;

/// A version there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// RFC 2426
    V3,
    /// RFC 6350
    V4,
}

/// True if the request says which version it wants.
pub(crate) fn is_negotiated(request: &Request) -> bool {
    wanted(request).is_some()
}

/// The text in the version the request wants, with its media type; as it is kept if it says nothing.
pub(crate) fn negotiated(request: &Request, kind: ObjectKind, text: Bytes) -> (Bytes, &'static str) {
    if !matches!(kind, ObjectKind::Card | ObjectKind::Group) {
        return (text, media_type(kind));
    }
    match wanted(request) {
        Some(version) => (in_version(text, version), version.media_type()),
        None => (text, media_type(kind)),
    }
}

/// The text in a version; as it is if it is in it, or cannot be read.
pub(crate) fn in_version(text: Bytes, version: Version) -> Bytes {
    let Some([card]) = std::str::from_utf8(&text)
        .ok()
        .and_then(|text| pim::parse(text).ok())
        .and_then(|parsed| <[pim::Component; 1]>::try_from(parsed).ok())
    else {
        return text;
    };
    let has = card.value("VERSION").map(str::trim);
    if has == Some(version.number()) {
        return text;
    }
    version.convert(&card).write().into()
}

impl Version {
    /// `3.0` or `4.0`.
    pub(crate) fn of(number: &str) -> Option<Self> {
        [Self::V3, Self::V4].into_iter().find(|version| version.number() == number)
    }

    fn number(self) -> &'static str {
        match self {
            Self::V3 => "3.0",
            Self::V4 => "4.0",
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::V3 => "text/vcard; charset=utf-8; version=3.0",
            Self::V4 => "text/vcard; charset=utf-8; version=4.0",
        }
    }

    fn convert(self, card: &pim::Component) -> pim::Component {
        match self {
            Self::V3 => pim::vcard::to_v3(card),
            Self::V4 => pim::vcard::to_v4(card),
        }
    }
}

/// What Accept says, if it names a version: the one with the highest weight.
fn wanted(request: &Request) -> Option<Version> {
    let mut best: Option<(f32, Version)> = None;
    for value in request.headers.get_all("accept") {
        for range in value.to_str().unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            if !parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("text/vcard")) {
                continue;
            }
            let (mut version, mut weight) = (None, 1.0);
            for (name, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
                let value = value.trim().trim_matches('"');
                match name.trim().to_ascii_lowercase().as_str() {
                    "version" => version = Version::of(value),
                    "q" => weight = value.parse().unwrap_or(0.0),
                    _ => {}
                }
            }
            let Some(version) = version.filter(|_| weight > 0.0) else { continue };
            if best.is_none_or(|(other, _)| weight > other) {
                best = Some((weight, version));
            }
        }
    }
    best.map(|(_, version)| version)
}
