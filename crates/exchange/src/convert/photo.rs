//! Photos: PHOTO of a card, and the attachment a contact has for it. The kept text holds a mark in its place, from which
//! the very lines can be made again.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ews::op::create_attachment::NewFile;
use ews::{AttachmentId, AttachmentInfo};
use pim::vcard::media::Media;
use pim::{Component, Property};
use sha2::{Digest, Sha256};

use super::native::{File, Native};

/// A photo and its media type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Photo {
    media_type: String,
    bytes: Vec<u8>,
}

/// The photo in a card; a link to one is none.
pub(super) fn of_card(card: &Component) -> Option<Photo> {
    card.properties("PHOTO").find_map(of_property)
}

/// The photo in a property.
pub(super) fn of_property(property: &Property) -> Option<Photo> {
    let Media::Inline { media_type, base64 } = Media::of(property) else { return None };
    let base64 = base64.trim_end_matches('=');
    let bytes = STANDARD_NO_PAD.decode(base64).ok().filter(|bytes| !bytes.is_empty())?;
    let media_type = media_type.unwrap_or_else(|| seen(&bytes).to_owned());
    Some(Photo { media_type, bytes })
}

/// The photo of a contact, if Exchange gave it.
fn of_native(native: &Native) -> Option<&File> {
    native.files.iter().find(|file| is_photo(&file.info) && file.content.is_some())
}

/// What tells a photo from another: of its bytes, or of its attachment as long as Exchange does not give these.
pub(super) fn mark(native: &Native) -> String {
    match of_native(native).and_then(|file| file.content.as_ref()) {
        Some(bytes) => hash(bytes),
        None => match native.item.attachments.iter().find(|info| is_photo(info)) {
            Some(info) => format!("unread {}", info.size.unwrap_or(0)),
            None => String::new(),
        },
    }
}

impl Photo {
    pub(super) fn mark(&self) -> String {
        hash(&self.bytes)
    }
}

/// PHOTO of a contact, as vCard 3.0 has it.
pub(super) fn property(native: &Native) -> Option<Property> {
    let bytes = of_native(native)?.content.as_ref()?;
    let mut property = Property::new("PHOTO", "");
    let media_type = Some(seen(bytes).to_owned());
    Media::Inline { media_type, base64: STANDARD.encode(bytes) }.to_v3(&mut property);
    Some(property)
}

/// A photo to be hung on a contact.
pub(super) fn new_file(photo: Photo) -> NewFile {
    NewFile {
        name: NAME.to_owned(),
        content_type: Some(photo.media_type),
        is_contact_photo: true,
        content: photo.bytes,
        ..NewFile::default()
    }
}

/// A card without the bytes of its photo: a mark stands for them, if the same lines come of it again.
pub(super) fn taken_out(text: &str) -> String {
    let marked = marked(text).filter(|(marked, photo)| put_back(marked, Some(&photo.bytes)) == text);
    marked.map_or_else(|| text.to_owned(), |(marked, _)| marked)
}

/// A card with the bytes of its photo where the mark is. If the photo is another by now, the mark goes.
pub(super) fn put_in(text: String, native: &Native) -> String {
    if !text.contains(MARK) {
        return text;
    }
    let bytes = of_native(native).and_then(|file| file.content.as_deref());
    put_back(&text, bytes)
}

/// The text with a mark: how long the first line and those that follow are, and whose bytes they have.
fn marked(text: &str) -> Option<(String, Photo)> {
    let card = pim::parse(text).ok()?.into_iter().find(|card| card.is("VCARD"))?;
    let photo = of_card(&card)?;
    let base64 = STANDARD.encode(&photo.bytes);
    let lines: Vec<&str> = text.split("\r\n").collect();
    let is_more = |line: &&str| line.starts_with([' ', '\t']);
    // The photo is by far the longest of what is folded.
    let first = (0..lines.len()).max_by_key(|at| lines.iter().skip(at + 1).take_while(|line| is_more(line)).count())?;
    let more: Vec<&str> = lines.iter().skip(first + 1).copied().take_while(|line| is_more(line)).collect();
    let head = lines.get(first)?;
    let value = head.len() - head.bytes().rev().zip(0..).take_while(|(byte, _)| is_base64(*byte)).count();
    let (head, begun) = head.split_at_checked(value)?;
    let width = more.first()?.len();
    let mark = format!("{head}{MARK}{} {width} {}", begun.len(), hash(&photo.bytes));
    if base64.len() <= mark.len() {
        return None;
    }
    let before = lines.iter().take(first).copied();
    let after = lines.iter().skip(first + 1 + more.len()).copied();
    let all: Vec<&str> = before.chain([mark.as_str()]).chain(after).collect();
    Some((all.join("\r\n"), photo))
}

fn put_back(text: &str, bytes: Option<&[u8]>) -> String {
    let lines = text.split("\r\n").filter_map(|line| match line.split_once(MARK) {
        None => Some(line.to_owned()),
        Some((head, mark)) => folded(head, mark, bytes?),
    });
    lines.collect::<Vec<_>>().join("\r\n")
}

/// The lines of a photo; `None` if the mark is not of these bytes.
fn folded(head: &str, mark: &str, bytes: &[u8]) -> Option<String> {
    let mut parts = mark.split(' ');
    let (begun, width): (usize, usize) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    if parts.next()? != hash(bytes) || width < 2 {
        return None;
    }
    let base64 = STANDARD.encode(bytes);
    let (begun, rest) = base64.split_at_checked(begun)?;
    let mut lines = format!("{head}{begun}");
    for piece in rest.as_bytes().chunks(width - 1) {
        lines.push_str("\r\n ");
        lines.push_str(std::str::from_utf8(piece).ok()?);
    }
    Some(lines)
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)
}

/// The attachments that are photos of a contact.
pub(super) fn ids(native: &Native) -> Vec<AttachmentId> {
    let photos = native.item.attachments.iter().filter(|info| is_photo(info));
    photos.filter_map(|info| info.id.clone()).collect()
}

fn is_photo(info: &AttachmentInfo) -> bool {
    info.is_contact_photo == Some(true) || info.name.as_deref() == Some(NAME)
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// The media type of what Outlook takes for a photo.
fn seen(bytes: &[u8]) -> &'static str {
    SIGNATURES.iter().find(|(start, _)| bytes.starts_with(start)).map_or("image/jpeg", |(_, media_type)| media_type)
}

const SIGNATURES: [(&[u8], &str); 4] = [
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
];

/// No text a client may write has this in it.
const MARK: &str = "\u{1}photo ";

/// What Outlook calls it, and Exchange 2007 knows it by.
const NAME: &str = "ContactPicture.jpg";

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn folded_at(value: &str, first: usize, width: usize, blank: char) -> String {
        let (head, rest) = value.split_at(first.min(value.len()));
        let rest =
            rest.as_bytes().chunks(width).map(|piece| format!("\r\n{blank}{}", std::str::from_utf8(piece).unwrap()));
        format!("{head}{}", rest.collect::<String>())
    }

    #[test]
    fn a_photo_leaves_the_kept_text_and_comes_back_to_the_byte() {
        let bytes: Vec<u8> = [0xff, 0xd8, 0xff].into_iter().chain((0..5000u32).map(|n| (n * 7 % 251) as u8)).collect();
        let base64 = STANDARD.encode(&bytes);
        let file = File {
            info: AttachmentInfo { name: Some(NAME.into()), ..AttachmentInfo::default() },
            content: Some(Bytes::from(bytes)),
        };
        let native = Native { files: vec![file], ..Native::default() };
        for (head, first, width, blank, small) in [
            ("PHOTO;ENCODING=b;TYPE=JPEG:", 75, 74, ' ', true),
            ("PHOTO;ENCODING=b;TYPE=JPEG:", 27, 76, ' ', true),
            ("item1.PHOTO;VALUE=uri:data:image/jpeg;base64,", 60, 73, ' ', true),
            ("PHOTO;ENCODING=b;TYPE=JPEG:", 75, 74, '\t', false),
            ("PHOTO;ENCODING=b;TYPE=JPEG:", 6000, 74, ' ', true),
            ("PHOTO;ENCODING=b;TYPE=JPEG:", usize::MAX, 74, ' ', false),
        ] {
            let photo = folded_at(&format!("{head}{base64}"), first, width, blank);
            let text =
                format!("BEGIN:VCARD\r\nVERSION:3.0\r\nFN:A\r\nNOTE:a\r\n b\r\n{photo}\r\nX-A:b\r\nEND:VCARD\r\n");
            let kept = taken_out(&text);
            assert_eq!(kept.len() < 300, small, "{head} {first} {width}: {}", kept.len());
            assert_eq!(put_in(kept.clone(), &native), text, "{head} {first} {width}");
            let without = text.replace(&format!("{photo}\r\n"), "");
            if small {
                assert_eq!(put_in(kept, &Native::default()), without);
            }
        }
        let none = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:A\r\nPHOTO:http://example.org/a\r\nEND:VCARD\r\n";
        assert_eq!(taken_out(none), none);
    }
}
