//! The answer for one message.

use std::io;
use std::sync::Arc;

use imap_proto::command::fetch::Item;
use imap_proto::response::{Domain, FetchLine};
use imap_proto::{DateTime, Partial, Section};
use mailbox::{Content, Mail};
use tracing::error;

use super::binary::{Decoded, holds_nul};
use super::section::{self, Octets};
use super::{Row, Work};
use crate::connection::{Connection, Transport};
use crate::error::End;
use crate::structure::{self, Part};
use crate::{envelope, flags, header};

impl<A: Mail> Work<'_, A> {
    /// Writes one FETCH. Once it has begun it has to be finished: should the disk fail in the middle of a message,
    /// the connection is all that can be given up.
    pub(super) async fn write<T: Transport>(&mut self, connection: &mut Connection<T>, row: Row) -> Result<(), End> {
        let structure = match self.structure(&row).await {
            Ok(structure) => structure,
            Err(reason) => {
                self.failed.push((row.picked.uid, reason.into()));
                return Ok(());
            }
        };
        let decoded = match self.decoded(&row, structure.as_deref()).await {
            Ok(Some(decoded)) => decoded,
            Ok(None) => {
                self.undecodable += 1;
                return Ok(());
            }
            Err(reason) => {
                self.failed.push((row.picked.uid, reason.into()));
                return Ok(());
            }
        };
        let mut line = self.view.line(row.picked, &mut connection.out);
        for item in &self.items {
            self.item(connection, &mut line, (&row, &decoded), structure.as_deref(), item)
                .await
                .map_err(|reason| broken(&reason))?;
        }
        self.news(&mut line, &mut connection.out, &row);
        let told = row.newly_seen && self.view.enabled.condstore || self.items.contains(&Item::ModSeq);
        if told {
            self.view.told_modseq(row.picked.uid);
        }
        line.end(&mut connection.out);
        connection.relieve().await
    }

    async fn item<T: Transport>(
        &self,
        connection: &mut Connection<T>,
        line: &mut FetchLine,
        (row, decoded): (&Row, &Decoded),
        structure: Option<&Part>,
        item: &Item,
    ) -> Result<(), Broken> {
        let out = &mut connection.out;
        match item {
            Item::Uid => line.uid(out, row.picked.uid.get()),
            Item::Flags => self.flags(line, out, row),
            Item::ModSeq => self.mod_seq(line, out, row),
            Item::Rfc822Size => line.size(out, row.size.unwrap_or(0)),
            Item::Envelope => line.envelope(out, &envelope::envelope(&header_block(row)?)),
            Item::Rfc822Header => line.rfc822_header(out, &header_block(row)?),
            Item::Body | Item::BodyStructure => {
                if let Some(structure) = structure.map(envelope::structure) {
                    match item {
                        Item::Body => line.body(out, &structure),
                        _ => line.body_structure(out, &structure),
                    }
                }
            }
            Item::Rfc822 => {
                if let Some(octets) = octets(row, structure, &Section::default())? {
                    line.rfc822_start(out, octets.len());
                    send(connection, &octets, Domain::EightBit).await?;
                }
            }
            Item::Rfc822Text => {
                let text = Section { part: Vec::new(), text: imap_proto::SectionText::Text };
                if let Some(octets) = octets(row, structure, &text)? {
                    line.rfc822_text_start(out, octets.len());
                    send(connection, &octets, Domain::EightBit).await?;
                }
            }
            Item::Section { section, partial, .. } => {
                self.section(connection, line, octets(row, structure, section)?, section, *partial).await?;
            }
            Item::Binary { part, partial, .. } => {
                self.binary(connection, line, decoded.part(part), part, *partial).await?;
            }
            Item::BinarySize(part) => line.binary_size(out, part, decoded.part(part).map_or(0, Content::len)),
            Item::Preview { .. } => line.preview(out, row.preview.as_deref()),
            _ => self.detail(line, out, row, item),
        }
        Ok(())
    }

    async fn section<T: Transport>(
        &self,
        connection: &mut Connection<T>,
        line: &mut FetchLine,
        octets: Option<Octets>,
        section: &Section,
        partial: Option<Partial>,
    ) -> Result<(), Broken> {
        let origin = partial.map(|partial| partial.offset);
        let Some(octets) = octets else {
            line.section(&mut connection.out, section, origin, None);
            return Ok(());
        };
        let octets = match partial {
            Some(Partial { offset, length }) => octets.slice(offset, length),
            None => octets,
        };
        line.section_start(&mut connection.out, section, origin, octets.len());
        send(connection, &octets, Domain::EightBit).await
    }

    /// RFC 3516 section 4.3. Offsets are those of the decoded octets.
    async fn binary<T: Transport>(
        &self,
        connection: &mut Connection<T>,
        line: &mut FetchLine,
        content: Option<&Content>,
        part: &[u32],
        partial: Option<Partial>,
    ) -> Result<(), Broken> {
        let origin = partial.map(|partial| partial.offset);
        let Some(content) = content else {
            line.no_binary(&mut connection.out, part, origin);
            return Ok(());
        };
        let octets = Octets::Stretch(match partial {
            Some(Partial { offset, length }) => content.slice(offset, length),
            None => content.clone(),
        });
        let domain = if holds_nul(&octets)? { Domain::Binary } else { Domain::EightBit };
        line.binary_start(&mut connection.out, part, origin, octets.len(), domain);
        send(connection, &octets, domain).await
    }

    fn detail(&self, line: &mut FetchLine, out: &mut Vec<u8>, row: &Row, item: &Item) {
        let Some(details) = &row.details else { return };
        match item {
            Item::InternalDate => line.internal_date(out, &DateTime::utc(details.received)),
            Item::EmailId => line.email_id(out, &details.email_id.to_string()),
            Item::ThreadId => line.thread_id(out, details.thread_id.map(|id| id.to_string()).as_deref()),
            Item::SaveDate => line.save_date(out, details.saved.map(DateTime::utc).as_ref()),
            _ => {}
        }
    }

    /// What this FETCH changed itself, unless it is told already. RFC 7162 section 3.1: then with UID and MODSEQ.
    fn news(&self, line: &mut FetchLine, out: &mut Vec<u8>, row: &Row) {
        if !row.newly_seen {
            return;
        }
        if !self.items.contains(&Item::Flags) {
            self.flags(line, out, row);
        }
        if self.view.enabled.condstore {
            if !self.items.contains(&Item::Uid) && !self.view.enabled.uid_only {
                line.uid(out, row.picked.uid.get());
            }
            if !self.items.contains(&Item::ModSeq) {
                self.mod_seq(line, out, row);
            }
        }
    }

    fn mod_seq(&self, line: &mut FetchLine, out: &mut Vec<u8>, row: &Row) {
        line.mod_seq(out, self.view.modseq(row.picked.uid).map_or(1, |modseq| modseq.0));
    }

    fn flags(&self, line: &mut FetchLine, out: &mut Vec<u8>, row: &Row) {
        let uid = row.picked.uid;
        let flags = self.view.flags(uid).map(|flags| flags::written(&flags, self.view.is_recent(uid)));
        line.flags(out, &flags.unwrap_or_default());
    }

    /// Where the parts of a message are. That of the last large message is kept, because clients fetch those in
    /// many pieces.
    async fn structure(&mut self, row: &Row) -> io::Result<Option<Arc<Part>>> {
        let Some(content) = row.content.as_ref().filter(|_| self.needs.structure) else { return Ok(None) };
        if let Some(known) = self.view.structure(row.picked.uid) {
            return Ok(Some(known));
        }
        if content.len() < LARGE {
            return Ok(Some(Arc::new(structure::scan(content)?)));
        }
        let content: Content = content.clone();
        let scanned = tokio::task::spawn_blocking(move || structure::scan(&content)).await;
        let part = Arc::new(scanned.map_err(io::Error::other)??);
        self.view.keep_structure(row.picked.uid, Arc::clone(&part));
        Ok(Some(part))
    }
}

/// Why a line cannot be finished.
enum Broken {
    Disk(io::Error),
    End(End),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl From<End> for Broken {
    fn from(end: End) -> Self {
        Self::End(end)
    }
}

fn broken(reason: &Broken) -> End {
    match reason {
        Broken::End(end) => end.clone(),
        Broken::Disk(reason) => {
            error!(%reason, "cannot read a message from our own disk");
            End::Gone
        }
    }
}

fn octets(row: &Row, structure: Option<&Part>, section: &Section) -> io::Result<Option<Octets>> {
    match (&row.content, &row.header) {
        (Some(content), _) => section::of_message(content, structure, section),
        (None, Some(header)) => Ok(section::of_header(header, &section.text)),
        (None, None) => Ok(None),
    }
}

fn header_block(row: &Row) -> io::Result<bytes::Bytes> {
    match (&row.header, &row.content) {
        (Some(header), _) => Ok(header.clone()),
        (None, Some(content)) => header::block(content, header::length(content)?),
        (None, None) => Ok(bytes::Bytes::new()),
    }
}

/// Sends octets as they are read. RFC 3501 section 9 has no NUL in a literal, and strict clients drop a connection
/// that sends one; what stands there instead is what Dovecot sends too.
async fn send<T: Transport>(connection: &mut Connection<T>, octets: &Octets, domain: Domain) -> Result<(), Broken> {
    let mut offset = 0;
    while offset < octets.len() {
        let piece = octets.read(offset, PIECE)?;
        let start = connection.out.len();
        connection.out.extend_from_slice(&piece);
        if let Some(first) = memchr::memchr(0, &piece).filter(|_| domain == Domain::EightBit) {
            let written = connection.out.iter_mut().skip(start + first);
            written.filter(|byte| **byte == 0).for_each(|byte| *byte = NUL_INSTEAD);
        }
        if piece.is_empty() {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        offset += piece.len() as u64;
        connection.relieve().await?;
    }
    Ok(())
}

const PIECE: usize = 64 << 10;
const LARGE: u64 = 1 << 20;
const NUL_INSTEAD: u8 = 0x80;
