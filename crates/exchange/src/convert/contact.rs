//! vCard (RFC 2426, 6350) and contacts.
//!
//! Exchange has a fixed set of places: three addresses of each kind, nineteen telephone numbers. A value takes the
//! place it has already, else the first free one of its kind; what finds none is kept as text. A birthday without a year
//! has the year 1604 at Exchange, as Outlook and Apple write it.

mod native;
mod places;
mod text;

use ews::{AddressKey, AddressPart, BodyKind, EmailKey, Field, ImKey, ItemKind, ItemShape, Path, PhoneKey};
use mailbox::objects::{ObjectKind, ObjectResult};
use pim::{Component, Property};

use super::kept::Kept;
use super::native::{Context, Native, Rendered};
use super::photo;
use super::plan::{Invitations, Plan};
use super::slots::{Fields, digest};

/// What a contact can hold at Exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Slot {
    DisplayName,
    Surname,
    Given,
    Middle,
    Prefix,
    Suffix,
    Nickname,
    Company,
    Department,
    JobTitle,
    Profession,
    Office,
    Email(EmailKey),
    Phone(PhoneKey),
    Postal(AddressKey, AddressPart),
    Im(ImKey),
    HomePage,
    PersonalPage,
    FreeBusyUrl,
    /// A day; `--MM-DD` without a year.
    Birthday,
    /// As a birthday.
    Anniversary,
    Spouse,
    Manager,
    Assistant,
    YomiFirst,
    YomiLast,
    /// One a line.
    Categories,
    /// A word of CLASS.
    Class,
    Note,
    /// A hash of its bytes.
    Photo,
}

/// What to ask for.
pub(crate) fn shape() -> ItemShape {
    let fields = [
        Field::SENSITIVITY,
        Field::CATEGORIES,
        Field::BODY,
        Field::ATTACHMENTS,
        Field::DISPLAY_NAME,
        Field::FILE_AS,
        Field::COMPLETE_NAME,
        Field::GIVEN_NAME,
        Field::MIDDLE_NAME,
        Field::SURNAME,
        Field::GENERATION,
        Field::NICKNAME,
        Field::COMPANY_NAME,
        Field::DEPARTMENT,
        Field::JOB_TITLE,
        Field::PROFESSION,
        Field::OFFICE,
        Field::MANAGER,
        Field::ASSISTANT_NAME,
        Field::SPOUSE,
        Field::BIRTHDAY,
        Field::ANNIVERSARY,
        Field::BUSINESS_HOME_PAGE,
        Field::EMAIL_ADDRESSES,
        Field::PHYSICAL_ADDRESSES,
        Field::PHONE_NUMBERS,
        Field::IM_ADDRESSES,
    ];
    let mut paths: Vec<Path> = fields.map(Into::into).into();
    paths.extend(native::EXTENDED.iter().map(|(_, field)| field.clone().into()));
    paths.extend(native::SMTP.iter().map(|(_, field)| field.clone().into()));
    let mut shape = ItemShape::of(paths);
    shape.body = Some(BodyKind::Text);
    shape
}

/// The card of a contact.
pub(crate) fn render(native: &Native, context: &Context) -> Rendered {
    let fields = native::fields(native);
    let digest = digest(&fields);
    let kept = Kept::of(&native.item).and_then(|kept| {
        let text = photo::put_in(kept.text, native);
        Some((kept.digest, card(&text)?, text))
    });
    let text = match kept {
        Some((Some(known), card, text)) if known == digest => {
            let same_uid = context.uid.is_empty() || card.text("UID").as_ref() == Some(&context.uid);
            if same_uid { text } else { with_uid(card, context).write() }
        }
        Some((_, kept, _)) => with_uid(mended(kept, &fields, native), context).write(),
        None => made(&fields, native, context).write(),
    };
    Rendered { text, kind: ObjectKind::Card, span: None, digest, schedule: None }
}

/// What must be done so that a contact is what a card says.
///
/// # Errors
/// None so far: every card can be a contact.
pub(crate) fn plan(text: &str, card: &Component, current: Option<&Native>) -> ObjectResult<Plan> {
    let before = current.map(native::fields);
    let said = text::read(card, before.as_ref().unwrap_or(&Fields::new()));
    let changed_photo = before.as_ref().and_then(|before| before.get(&Slot::Photo)) != said.fields.get(&Slot::Photo);
    let (mut attach, mut detach) = (Vec::new(), Vec::new());
    if changed_photo {
        attach.extend(photo::of_card(card).map(photo::new_file));
        detach.extend(current.into_iter().flat_map(photo::ids));
    }
    Ok(Plan {
        kind: ObjectKind::Card,
        uid: card.text("UID").unwrap_or_default(),
        item: ItemKind::Contact,
        class: None,
        changes: native::changes(before.as_ref(), &said.fields),
        occurrences: Vec::new(),
        attach,
        detach,
        invitations: Invitations::Nobody,
        answer: None,
        keep: Some(photo::taken_out(text)),
    })
}

fn card(text: &str) -> Option<Component> {
    pim::parse(text).ok()?.into_iter().find(|card| card.is("VCARD"))
}

fn with_uid(mut card: Component, context: &Context) -> Component {
    if !context.uid.is_empty() && card.text("UID").as_ref() != Some(&context.uid) {
        card.set(Property::of_text("UID", &context.uid));
    }
    card
}

/// A card of what Exchange says alone.
fn made(fields: &Fields<Slot>, native: &Native, context: &Context) -> Component {
    let mut card = Component::new("VCARD")
        .with(Property::new("VERSION", "3.0"))
        .with(Property::new("PRODID", "-//Exgate//Exgate//EN"))
        .with(Property::of_text("UID", &context.uid));
    card.properties.extend(text::drawn(fields, native));
    card
}

/// A kept card after Exchange was changed by others.
fn mended(mut card: Component, fields: &Fields<Slot>, native: &Native) -> Component {
    let said = text::read(&card, fields);
    let (mut properties, rest) = said.mended(&card.properties, fields);
    let v4 = pim::vcard::version(&card) == Some(pim::vcard::Version::V4);
    let mut drawn = Component::new("VCARD").with(Property::new("VERSION", "3.0"));
    drawn.properties = text::drawn(&rest, native);
    let drawn = if v4 { pim::vcard::to_v4(&drawn) } else { drawn };
    // A name is there once, and says something.
    let is_name = |property: &Property| property.is("FN") || property.is("N");
    let is_empty = |property: &Property| property.value.chars().all(|char| char == ';');
    let there = |properties: &[Property], new: &Property| properties.iter().any(|old| old.is(&new.name));
    let missing: Vec<Property> = drawn
        .properties
        .into_iter()
        .filter(|new| !new.is("VERSION"))
        .filter(|new| !is_name(new) || !there(&properties, new) && !is_empty(new))
        .collect();
    properties.extend(missing);
    card.properties = properties;
    card
}

#[cfg(test)]
mod tests;
