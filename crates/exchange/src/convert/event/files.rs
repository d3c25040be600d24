//! Files: inside a text they are ATTACH with base64, at Exchange attachments. The kept text holds a mark in their place.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ews::AttachmentId;
use ews::op::create_attachment::NewFile;
use pim::{Component, Property};

use super::native::is_file;
use super::text::{MARK, files};
use super::value::{FileKey, half};
use crate::convert::native::Native;

/// Takes the bytes of files out of a text, where the event itself has them; says whether there were any.
pub(super) fn without_files(calendar: &mut Component) -> bool {
    let own = |event: &&Component| event.is("VEVENT") && !event.has("RECURRENCE-ID");
    let master = calendar.components.iter().find(own).or_else(|| calendar.component("VEVENT"));
    let kept: Vec<[u8; 16]> =
        master.map(|master| files(master).iter().filter_map(|file| file.key.hash).collect()).unwrap_or_default();
    let mut any = false;
    for event in calendar.components.iter_mut().filter(|event| event.is("VEVENT")) {
        let marks: Vec<(Property, [u8; 16])> = files(event)
            .into_iter()
            .filter(|file| file.content.is_some())
            .filter_map(|file| Some((file.property.clone(), file.key.hash.filter(|hash| kept.contains(hash))?)))
            .collect();
        for property in event.properties.iter_mut().filter(|property| property.is("ATTACH")) {
            if let Some((_, hash)) = marks.iter().find(|(found, _)| found == property) {
                property.value.clear();
                property.set_parameter(MARK, hex(*hash));
                any = true;
            }
        }
    }
    any
}

/// Puts the bytes of files where their marks are. A mark whose file is gone goes too.
pub(super) fn with_files(calendar: &mut Component, native: &Native) {
    let contents: Vec<(String, &[u8])> =
        native.files.iter().filter_map(|file| file.content.as_deref()).map(|bytes| (hex(half(bytes)), bytes)).collect();
    for event in calendar.components.iter_mut().filter(|event| event.is("VEVENT")) {
        event.properties.retain_mut(|property| {
            let Some(mark) = property.parameter(MARK).map(str::to_owned) else { return true };
            let Some((_, bytes)) = contents.iter().find(|(hash, _)| *hash == mark) else { return false };
            property.remove_parameter(MARK);
            property.value = STANDARD.encode(bytes);
            true
        });
    }
}

/// Whether a text has marks in it.
pub(super) fn has_marks(text: &str) -> bool {
    // The parameter may be folded anywhere.
    text.replace("\r\n ", "").contains(MARK)
}

/// Makes a text have the marks of these files, and of no others.
pub(super) fn write(wanted: &[FileKey], native: &Native, component: &mut Component) {
    let matches = |one: &FileKey, other: &FileKey| {
        one.name == other.name && (one.hash == other.hash || one.hash.is_none() || other.hash.is_none())
    };
    let gone: Vec<Property> = files(component)
        .into_iter()
        .filter(|file| !wanted.iter().any(|key| matches(key, &file.key)))
        .map(|file| file.property.clone())
        .collect();
    component.properties.retain(|property| !gone.contains(property));
    let there: Vec<FileKey> = files(component).into_iter().map(|file| file.key).collect();
    for key in wanted.iter().filter(|key| !there.iter().any(|one| matches(one, key))) {
        let Some(hash) = key.hash else { continue };
        let kind = native.files.iter().find(|file| file.info.name.as_deref() == Some(&key.name));
        let mut property = Property::new("ATTACH", "").with("VALUE", "BINARY").with("ENCODING", "BASE64");
        if let Some(kind) = kind.and_then(|file| file.info.content_type.clone()) {
            property.set_parameter("FMTTYPE", kind);
        }
        component.push(property.with("FILENAME", &key.name).with(MARK, hex(hash)));
    }
}

/// The files of a text that another one has not.
pub(super) fn added(component: &Component, before: &[FileKey]) -> Vec<NewFile> {
    let had = |key: &FileKey| before.iter().any(|one| one.name == key.name && one.hash == key.hash);
    let new = files(component).into_iter().filter(|file| !had(&file.key));
    new.filter_map(|file| {
        Some(NewFile {
            name: file.key.name,
            content_type: file.property.parameter("FMTTYPE").map(str::to_owned),
            content: file.content?,
            ..NewFile::default()
        })
    })
    .collect()
}

/// The attachments of the files a text has no more.
pub(super) fn removed(before: &[FileKey], after: &[FileKey], native: &Native) -> Vec<AttachmentId> {
    let kept = |key: &FileKey| after.iter().any(|one| one.name == key.name && one.hash == key.hash);
    let gone = before.iter().filter(|key| !kept(key));
    gone.filter_map(|key| {
        let content = |info: &ews::AttachmentInfo| {
            let file = native.files.iter().find(|file| file.info.id == info.id)?;
            file.content.as_deref().map(half)
        };
        let named = |info: &&ews::AttachmentInfo| is_file(info) && info.name.as_deref() == Some(&key.name);
        let mut candidates = native.item.attachments.iter().filter(named).filter(|info| content(info) == key.hash);
        candidates.next()?.id.clone()
    })
    .collect()
}

fn hex(hash: [u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(hash))
}
