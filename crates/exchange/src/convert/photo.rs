//! Photos: PHOTO of a card, and the attachment a contact has for it.

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

/// What Outlook calls it, and Exchange 2007 knows it by.
const NAME: &str = "ContactPicture.jpg";
