//! BINARY (RFC 3516): parts without their transfer encoding.

use std::io;
use std::path::PathBuf;

use imap_proto::command::fetch::Item;
use mailbox::{Content, Mail, Spool};

use super::section::Octets;
use super::{Row, Work};
use crate::structure::{Inside, Part};
use crate::transfer_encoding::{Encoding, decode};

/// The parts of a message that are asked for, decoded; `None` for those it has not.
#[derive(Default)]
pub(super) struct Decoded(Vec<(Vec<u32>, Option<Content>)>);

impl Decoded {
    pub(super) fn part(&self, part: &[u32]) -> Option<&Content> {
        self.0.iter().find(|(known, _)| known == part).and_then(|(_, content)| content.as_ref())
    }
}

impl<A: Mail> Work<'_, A> {
    /// Decodes what is asked for of a message; `None` if there is something that nobody knows how to decode.
    ///
    /// # Errors
    /// Those of our own disk.
    pub(super) async fn decoded(&mut self, row: &Row, structure: Option<&Part>) -> io::Result<Option<Decoded>> {
        let mut decoded = Decoded::default();
        let Some(content) = &row.content else { return Ok(Some(decoded)) };
        for part in parts(&self.items) {
            let found = match structure.and_then(|root| root.find(&part)) {
                _ if part.is_empty() => Some(content.clone()),
                None => None,
                Some(found) => {
                    let Some(encoding) = encoding(found) else { return Ok(None) };
                    Some(self.decoded_part(row, content, (&part, found), encoding).await?)
                }
            };
            decoded.0.push((part, found));
        }
        Ok(Some(decoded))
    }

    /// The last large one is kept, because clients fetch those in many pieces.
    async fn decoded_part(
        &mut self,
        row: &Row,
        content: &Content,
        (numbers, part): (&[u32], &Part),
        encoding: Encoding,
    ) -> io::Result<Content> {
        let body = content.slice(part.body.start, part.body.end - part.body.start);
        if encoding == Encoding::Identity {
            return Ok(body);
        }
        if body.len() < LARGE {
            return spooled(&body, encoding, self.spool.clone());
        }
        if let Some(known) = self.view.decoded(row.picked.uid, numbers) {
            return Ok(known);
        }
        let spool = self.spool.clone();
        let work = tokio::task::spawn_blocking(move || spooled(&body, encoding, spool));
        let decoded = work.await.map_err(io::Error::other)??;
        self.view.keep_decoded(row.picked.uid, numbers, decoded.clone());
        Ok(decoded)
    }
}

/// Parts named by the items, each once.
fn parts(items: &[Item]) -> Vec<Vec<u32>> {
    let mut parts: Vec<Vec<u32>> = Vec::new();
    for item in items {
        if let Item::Binary { part, .. } | Item::BinarySize(part) = item
            && !parts.contains(part)
        {
            parts.push(part.clone());
        }
    }
    parts
}

/// RFC 2045 section 6.4: what holds parts is not encoded itself, whatever it says.
fn encoding(part: &Part) -> Option<Encoding> {
    match part.inside {
        Inside::Parts(_) => Some(Encoding::Identity),
        Inside::Leaf | Inside::Message(_) => Encoding::of(part.field("Content-Transfer-Encoding")),
    }
}

fn spooled(body: &Content, encoding: Encoding, directory: PathBuf) -> io::Result<Content> {
    let mut spool = Spool::new(&directory, IN_MEMORY);
    decode(body, encoding, &mut spool)?;
    spool.finish()
}

/// Whether NUL is among them, so that only literal8 can carry them (RFC 3516 section 4.3).
///
/// # Errors
/// Those of reading them.
pub(super) fn holds_nul(octets: &Octets) -> io::Result<bool> {
    let mut offset = 0;
    loop {
        let piece = octets.read(offset, PIECE)?;
        if piece.is_empty() || memchr::memchr(0, &piece).is_some() {
            return Ok(!piece.is_empty());
        }
        offset += piece.len() as u64;
    }
}

const LARGE: u64 = 1 << 20;
/// Octets of a decoded part that are held in memory.
const IN_MEMORY: usize = 64 << 10;
const PIECE: usize = 64 << 10;
