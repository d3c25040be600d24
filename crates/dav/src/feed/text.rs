//! The text of a feed: one VCALENDAR, written piece by piece.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use mailbox::ErrorKind;
use mailbox::objects::{Collection, ObjectEntry, ObjectName, Objects, Range};
use pim::ical::{Zone, overlaps};
use pim::{Component, Property};

use super::{Feed, detail};
use crate::Body;
use crate::body::Cut;
use crate::error::Error;
use crate::report::filter::{Verdict, by_span, time, widened};
use crate::report::{parsed, zone};
use crate::texts::Texts;
use crate::whole::{self, Zones};

/// The feed. Zipped, it is made before it is sent, a tenth of its size; else it is sent while it is written.
pub(super) async fn body<A: Objects>(
    feed: Feed<A>,
    collection: Collection,
    range: Range,
    token: &str,
    is_zipped: bool,
) -> Result<Body, Error> {
    let entries = feed.account.entries(collection.id, Some(widened(range))).await?;
    let near = |entry: &ObjectEntry| by_span(range, entry) != Verdict::No;
    let names: Vec<ObjectName> = entries.into_iter().filter(near).map(|entry| entry.name).collect();
    let mut text = Text {
        floating: zone::of_collection(&collection),
        zones: Zones::default(),
        secret: token.to_owned(),
        range,
        out: head(&collection.display_name),
        texts: Texts::of(&feed.account, collection.id, names),
        feed,
    };
    if is_zipped {
        let mut zip = GzEncoder::new(Vec::new(), Compression::default());
        while text.write_some().await.map_err(unfinished)? {
            zip.write_all(std::mem::take(&mut text.out).as_bytes()).map_err(mailbox::Error::from)?;
        }
        text.out.push_str(END);
        zip.write_all(text.out.as_bytes()).map_err(mailbox::Error::from)?;
        return Ok(Body::whole(zip.finish().map_err(mailbox::Error::from)?));
    }
    Ok(Body::written(move |mut sink| async move {
        while text.write_some().await? {
            sink.out.push_str(&std::mem::take(&mut text.out));
            sink.relieve().await?;
        }
        text.out.push_str(END);
        sink.out.push_str(&text.out);
        Ok(sink)
    }))
}

struct Text<A> {
    feed: Feed<A>,
    texts: Texts<A>,
    range: Range,
    floating: Zone,
    secret: String,
    zones: Zones,
    /// What was written and not taken yet.
    out: String,
}

impl<A: Objects> Text<A> {
    /// Writes what is to be seen of the next objects; `false` after the last.
    async fn write_some(&mut self) -> Result<bool, Cut> {
        while self.out.len() < PIECE {
            let Some((_, object)) = self.texts.next().await? else { return Ok(!self.out.is_empty()) };
            let object = match object {
                Ok(object) => object,
                // It was removed since the listing, or never could be read.
                Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Corrupt) => continue,
                Err(error) => return Err(error.into()),
            };
            let Some(calendar) = parsed(&object.text).filter(|calendar| self.is_within(calendar)) else { continue };
            if let Some(shown) = detail::shown(calendar, self.feed.detail, &self.secret) {
                whole::write(&mut self.out, &mut self.zones, shown);
            }
        }
        Ok(true)
    }

    fn is_within(&self, calendar: &Component) -> bool {
        let all = self.range.start.is_none() && self.range.end.is_none();
        let span = time::span(self.range);
        all || (0..calendar.components.len()).any(|index| overlaps(calendar, index, &span, &self.floating))
    }
}

/// RFC 5545 section 3.6, RFC 7986 sections 5.1 and 5.7, and what came before these.
fn head(name: &str) -> String {
    let mut head = "BEGIN:VCALENDAR\r\n".to_owned();
    for property in [
        Property::new("VERSION", "2.0"),
        Property::new("PRODID", "-//Exgate//Exgate//EN"),
        Property::new("CALSCALE", "GREGORIAN"),
        Property::new("METHOD", "PUBLISH"),
        Property::of_text("NAME", name),
        Property::of_text("X-WR-CALNAME", name),
        Property::new("REFRESH-INTERVAL", REFRESH).with("VALUE", "DURATION"),
        Property::new("X-PUBLISHED-TTL", REFRESH),
    ] {
        head.push_str(property.write_line().trim_end());
        head.push_str("\r\n");
    }
    head
}

fn unfinished(cut: Cut) -> Error {
    Error::new(http::StatusCode::SERVICE_UNAVAILABLE, cut.0)
}

const END: &str = "END:VCALENDAR\r\n";
/// How often to come again: an hour.
const REFRESH: &str = "PT1H";
/// Octets written before they are taken.
const PIECE: usize = 64 << 10;
