//! Cards of KIND:group (RFC 6350 section 6.1.4, and Apple's X-ADDRESSBOOKSERVER-KIND of 3.0) and private distribution
//! lists.
//!
//! A member is an address or another card of the collection, which Exchange names by its item. What is neither is kept as
//! text; a contact of another folder is told by its address.

use ews::op::update_item::FieldChange;
use ews::{Address, Body, BodyKind, Field, Item, ItemId, ItemKind, MailboxKind, Member, Path};
use mailbox::objects::{ObjectKind, ObjectResult};
use pim::text::join_list;
use pim::{Component, Property};

use super::kept::Kept;
use super::native::{CardRef, Context, Native, Rendered};
use super::plan::{Invitations, Plan};
use super::slots::{Fields, Said, block, changed, class, class_of, digest, joined, line, parted, sensitivity};

/// What a list can hold at Exchange.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Slot {
    Name,
    Note,
    /// One a line.
    Categories,
    /// A word of CLASS.
    Class,
    /// Somebody, by URI: `mailto:` with the address in lower case, or `urn:uuid:` with the UID of a card. The value is the
    /// same.
    Member(String),
}

/// What to ask for, beside what a contact is asked for.
pub(crate) fn paths() -> Vec<Path> {
    [Field::SENSITIVITY, Field::CATEGORIES, Field::BODY, Field::DISPLAY_NAME, Field::FILE_AS, Field::MEMBERS]
        .map(Into::into)
        .into()
}

/// Whether a card is one of a group.
pub(crate) fn is_group(card: &Component) -> bool {
    let kinds = card.properties("KIND").chain(card.properties("X-ADDRESSBOOKSERVER-KIND"));
    kinds.into_iter().any(|kind| kind.value.trim().eq_ignore_ascii_case("group"))
}

/// The card of a list.
pub(crate) fn render(native: &Native, context: &Context) -> Rendered {
    let fields = fields(&native.item, &context.cards);
    let digest = digest(&fields);
    let kept = Kept::of(&native.item).and_then(|kept| Some((kept.digest, card(&kept.text)?, kept.text)));
    let text = match kept {
        Some((Some(known), card, text)) if known == digest => {
            let same_uid = context.uid.is_empty() || card.text("UID").as_ref() == Some(&context.uid);
            if same_uid { text } else { with_uid(card, context).write() }
        }
        Some((_, kept, _)) => with_uid(mended(kept, &fields, &context.cards), context).write(),
        None => made(&fields, context).write(),
    };
    Rendered { text, kind: ObjectKind::Group, span: None, digest, schedule: None }
}

/// What must be done so that a list is what a card says.
///
/// # Errors
/// None so far: every card of a group can be a list.
pub(crate) fn plan(text: &str, card: &Component, current: Option<&Native>, context: &Context) -> ObjectResult<Plan> {
    let said = read(card, &context.cards);
    Ok(Plan {
        kind: ObjectKind::Group,
        uid: card.text("UID").unwrap_or_default(),
        item: ItemKind::DistributionList,
        class: None,
        changes: changes(current.map(|current| &current.item), &said.fields, &context.cards),
        occurrences: Vec::new(),
        attach: Vec::new(),
        detach: Vec::new(),
        invitations: Invitations::Nobody,
        answer: None,
        keep: Some(text.to_owned()),
    })
}

/// What an item says.
fn fields(item: &Item, cards: &[CardRef]) -> Fields<Slot> {
    let list = item.list.as_deref().cloned().unwrap_or_default();
    let mut fields = Fields::new();
    let name = list.display_name.or(list.file_as).or(item.subject.clone()).unwrap_or_default();
    fields.insert(Slot::Name, line(&name));
    fields.insert(Slot::Note, block(item.body.as_ref().map_or("", |body| &body.text)));
    fields.insert(Slot::Categories, joined(item.categories.iter().cloned()));
    fields.insert(Slot::Class, class_of(item.sensitivity));
    for member in &list.members {
        if let Some(uri) = uri_of(member, cards) {
            fields.insert(Slot::Member(uri.clone()), uri);
        }
    }
    fields.retain(|_, value| !value.is_empty());
    fields
}

/// The URI of a member: of its card, or of its SMTP address.
fn uri_of(member: &Member, cards: &[CardRef]) -> Option<String> {
    let item = member.mailbox.item.as_ref();
    let card = cards.iter().find(|card| item.is_some_and(|item| item.id == card.item_id));
    let address = || member.mailbox.address.as_deref().map(str::trim).filter(|address| address.contains('@'));
    card.and_then(|card| urn(&card.uid))
        .or_else(|| address().map(|address| format!("mailto:{}", address.to_lowercase())))
}

/// `urn:uuid:` of a UID that is a UUID (RFC 9562 section 4), in lower case.
fn urn(uid: &str) -> Option<String> {
    let uuid = uid.trim().to_ascii_lowercase();
    let uuid = uuid.strip_prefix("urn:uuid:").unwrap_or(&uuid);
    uuid::Uuid::try_parse(uuid).ok().map(|uuid| format!("urn:uuid:{uuid}"))
}

/// What a card says that has a place in Exchange.
fn read(card: &Component, cards: &[CardRef]) -> Said<Slot> {
    let mut said = Said::of(card.properties.len());
    for (index, property) in card.properties.iter().enumerate() {
        match property.name.to_ascii_uppercase().as_str() {
            "FN" => drop(said.say(index, Slot::Name, line(&property.text()))),
            "NOTE" => drop(said.say(index, Slot::Note, block(&property.text()))),
            "CATEGORIES" => said.say_categories(index, Slot::Categories, &property.value),
            "CLASS" => drop(said.say(index, Slot::Class, class(&property.value))),
            "MEMBER" | "X-ADDRESSBOOKSERVER-MEMBER" => {
                if let Some(uri) = known(&property.value, cards) {
                    said.say(index, Slot::Member(uri.clone()), uri);
                }
            }
            _ => {}
        }
    }
    said
}

/// The URI of a member that Exchange can name.
fn known(value: &str, cards: &[CardRef]) -> Option<String> {
    let (scheme, rest) = value.trim().split_once(':')?;
    if scheme.eq_ignore_ascii_case("mailto") {
        let address = rest.split('?').next().unwrap_or_default().trim();
        return address.contains('@').then(|| format!("mailto:{}", address.to_lowercase()));
    }
    let wanted = urn(value)?;
    cards.iter().any(|card| urn(&card.uid).as_ref() == Some(&wanted)).then_some(wanted)
}

fn changes(current: Option<&Item>, after: &Fields<Slot>, cards: &[CardRef]) -> Vec<FieldChange> {
    use ews::Property;
    let before = current.map(|current| fields(current, cards)).unwrap_or_default();
    let mut changes: Vec<FieldChange> = Vec::new();
    let mut members = false;
    for (slot, value) in changed(&before, after) {
        let text = value.unwrap_or_default().to_owned();
        match slot {
            Slot::Name => {
                changes.push(Property::DisplayName(text.clone()).into());
                changes.push(Property::FileAs(text).into());
            }
            Slot::Note => changes.push(Property::Body(Body { kind: BodyKind::Text, text }).into()),
            Slot::Categories => changes.push(Property::Categories(parted(&text)).into()),
            Slot::Class => changes.push(Property::Sensitivity(sensitivity(&text)).into()),
            Slot::Member(_) => members = true,
        }
    }
    if members {
        let had = current.and_then(|item| item.list.as_deref()).map(|list| list.members.as_slice());
        changes.push(Property::Members(members_of(had.unwrap_or_default(), after, cards)).into());
    }
    changes
}

/// The members a list shall have: those it has and shall keep as they are, those a card cannot name among them; then new
/// ones.
fn members_of(had: &[Member], after: &Fields<Slot>, cards: &[CardRef]) -> Vec<Member> {
    let stays = |member: &&Member| uri_of(member, cards).is_none_or(|uri| after.contains_key(&Slot::Member(uri)));
    let mut members: Vec<Member> = had.iter().filter(stays).cloned().collect();
    let there: Vec<String> = had.iter().filter_map(|member| uri_of(member, cards)).collect();
    for (slot, uri) in after.iter().filter(|(_, uri)| !there.contains(uri)) {
        if let Slot::Member(_) = slot {
            members.push(Member::new(mailbox(uri, cards)));
        }
    }
    members
}

fn mailbox(uri: &str, cards: &[CardRef]) -> Address {
    match uri.strip_prefix("mailto:") {
        Some(address) => Address {
            name: Some(address.to_owned()),
            routing: Some("SMTP".to_owned()),
            kind: Some(MailboxKind::OneOff),
            ..Address::smtp(address)
        },
        None => {
            let card = cards.iter().find(|card| urn(&card.uid).as_deref() == Some(uri));
            let item = card.map(|card| ItemId::new(&card.item_id));
            Address { kind: Some(MailboxKind::Contact), item, ..Address::default() }
        }
    }
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

fn made(fields: &Fields<Slot>, context: &Context) -> Component {
    let mut card = Component::new("VCARD")
        .with(Property::new("VERSION", "3.0"))
        .with(Property::new("PRODID", "-//Exgate//Exgate//EN"))
        .with(Property::of_text("UID", &context.uid))
        .with(Property::new("X-ADDRESSBOOKSERVER-KIND", "group"));
    card.properties.extend(drawn(fields, false));
    let name = fields.get(&Slot::Name).map_or("", String::as_str);
    card.push(Property::new("N", format!("{};;;;", pim::text::escape(name))));
    card
}

/// A kept card after Exchange was changed by others.
fn mended(mut card: Component, fields: &Fields<Slot>, cards: &[CardRef]) -> Component {
    let said = read(&card, cards);
    let (mut properties, rest) = said.mended(&card.properties, fields);
    let v4 = pim::vcard::version(&card) == Some(pim::vcard::Version::V4);
    properties.extend(drawn(&rest, v4));
    card.properties = properties;
    card
}

fn drawn(fields: &Fields<Slot>, v4: bool) -> Vec<Property> {
    let member = if v4 { "MEMBER" } else { "X-ADDRESSBOOKSERVER-MEMBER" };
    let property = |(slot, value): (&Slot, &String)| match slot {
        Slot::Name => Property::of_text("FN", value),
        Slot::Note => Property::of_text("NOTE", value),
        Slot::Categories => Property::new("CATEGORIES", join_list(parted(value))),
        Slot::Class => Property::new("CLASS", value),
        Slot::Member(_) => Property::new(member, value),
    };
    fields.iter().map(property).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::kept;
    use crate::convert::pretend::stored;

    fn context() -> Context {
        Context { uid: "list@tests".into(), ..Context::default() }
    }

    fn put(text: &str, current: Option<&Native>) -> Native {
        let plan = plan(text, &card(text).unwrap(), current, &context()).unwrap();
        let item = stored(current.map(|current| &current.item), ItemKind::DistributionList, &plan.changes);
        let mut native = Native { item, ..Native::default() };
        let kept = Kept { digest: Some(render(&native, &context()).digest), text: plan.keep.unwrap() };
        native.item.extended = native.item.extended.with(kept::OBJECT.clone(), kept.value());
        native
    }

    fn got(native: &Native) -> String {
        render(native, &context()).text
    }

    fn addresses(native: &Native) -> Vec<&str> {
        let members = &native.item.list.as_ref().unwrap().members;
        members.iter().filter_map(|member| member.mailbox.address.as_deref()).collect()
    }

    const TEAM: &str = "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:list@tests\r\nKIND:group\r\nFN:The Team\r\n\
        MEMBER:mailto:Anna@example.org\r\nMEMBER:mailto:otto@example.org\r\n\
        MEMBER:urn:uuid:03a0e51f-d1aa-4385-8a53-e29025acd8af\r\nNOTE:x\r\nX-K:y\r\nEND:VCARD\r\n";

    #[test]
    fn a_group_is_a_list_and_comes_back_to_the_byte() {
        assert!(is_group(&card(TEAM).unwrap()));
        let native = put(TEAM, None);
        assert_eq!(native.item.list.as_ref().unwrap().display_name.as_deref(), Some("The Team"));
        assert_eq!(addresses(&native), ["anna@example.org", "otto@example.org"]);
        assert_eq!(got(&native), TEAM);
        assert!(plan(TEAM, &card(TEAM).unwrap(), Some(&native), &context()).unwrap().changes.is_empty());
        let fewer = TEAM.replace("MEMBER:mailto:otto@example.org\r\n", "");
        assert_eq!(addresses(&put(&fewer, Some(&native))), ["anna@example.org"]);
    }

    #[test]
    fn members_outlook_added_are_told_and_the_rest_stays() {
        let mut native = put(TEAM, None);
        let list = native.item.list.as_mut().unwrap();
        list.members.remove(1);
        list.members.push(Member::new(Address::smtp("new@example.org")));
        let text = got(&native);
        let expected = TEAM.replace("MEMBER:mailto:otto@example.org\r\n", "");
        let expected = expected.replace("END:VCARD", "MEMBER:mailto:new@example.org\r\nEND:VCARD");
        assert_eq!(text, expected);
    }

    #[test]
    fn members_that_are_cards_are_contacts() {
        let uid = "03A0E51F-D1AA-4385-8A53-E29025ACD8AF".to_owned();
        let cards = [CardRef { uid, item_id: "AAMk+/=".into() }].into();
        let context = Context { cards, ..context() };
        let parsed = card(TEAM).unwrap();
        let changes = plan(TEAM, &parsed, None, &context).unwrap().changes;
        let item = stored(None, ItemKind::DistributionList, &changes);
        let members = item.list.as_ref().unwrap().members.clone();
        assert_eq!(members.len(), 3);
        assert_eq!(members[2].mailbox.item, Some(ItemId::new("AAMk+/=")));
        let native = Native { item, ..Native::default() };
        assert!(plan(TEAM, &parsed, Some(&native), &context).unwrap().changes.is_empty());
        let text = render(&native, &context).text;
        assert!(text.contains("MEMBER:urn:uuid:03a0e51f-d1aa-4385-8a53-e29025acd8af\r\n"), "{text}");
    }

    #[test]
    fn members_no_card_can_name_are_not_lost() {
        let mut item = stored(None, ItemKind::DistributionList, &[]);
        let list = item.list.as_mut().unwrap();
        list.display_name = Some("Old".into());
        let private =
            Address { kind: Some(MailboxKind::PrivateList), name: Some("Inner".into()), ..Address::default() };
        list.members = vec![Member::new(private.clone()), Member::new(Address::smtp("a@example.org"))];
        let native = Native { item, ..Native::default() };
        let text = got(&native);
        let expected = "BEGIN:VCARD\r\nVERSION:3.0\r\nPRODID:-//Exgate//Exgate//EN\r\nUID:list@tests\r\n\
            X-ADDRESSBOOKSERVER-KIND:group\r\nFN:Old\r\nX-ADDRESSBOOKSERVER-MEMBER:mailto:a@example.org\r\nN:Old;;;;\r\n\
            END:VCARD\r\n";
        assert_eq!(text, expected);
        let emptied = text.replace("X-ADDRESSBOOKSERVER-MEMBER:mailto:a@example.org\r\n", "");
        let native = put(&emptied, Some(&native));
        assert_eq!(native.item.list.as_ref().unwrap().members, [Member::new(private)]);
        assert_eq!(got(&native), emptied);
    }
}
