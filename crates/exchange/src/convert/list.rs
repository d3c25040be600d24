//! Cards of KIND:group (RFC 6350 section 6.1.4, and Apple's X-ADDRESSBOOKSERVER-KIND of 3.0) and private distribution
//! lists.
//!
//! A member that is an address is a member at Exchange. One that is another card (`urn:uuid:`) is kept as text, and
//! those Exchange has by an item are told by their addresses.

use ews::op::update_item::FieldChange;
use ews::{Address, Body, BodyKind, Field, Item, ItemKind, MailboxKind, Member, Path};
use mailbox::objects::{ObjectKind, ObjectResult};
use pim::text::join_list;
use pim::{Component, Property};

use super::kept::Kept;
use super::native::{Context, Native, Rendered};
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
    /// Somebody, by address in lower case; the value is the name shown, or the address.
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
    let fields = fields(&native.item);
    let digest = digest(&fields);
    let kept = Kept::of(&native.item).and_then(|kept| Some((kept.digest, card(&kept.text)?, kept.text)));
    let text = match kept {
        Some((Some(known), card, text)) if known == digest => {
            let same_uid = context.uid.is_empty() || card.text("UID").as_ref() == Some(&context.uid);
            if same_uid { text } else { with_uid(card, context).write() }
        }
        Some((_, kept, _)) => with_uid(mended(kept, &fields), context).write(),
        None => made(&fields, context).write(),
    };
    Rendered { text, kind: ObjectKind::Group, span: None, digest, schedule: None }
}

/// What must be done so that a list is what a card says.
///
/// # Errors
/// None so far: every card of a group can be a list.
pub(crate) fn plan(text: &str, card: &Component, current: Option<&Native>) -> ObjectResult<Plan> {
    let said = read(card);
    Ok(Plan {
        kind: ObjectKind::Group,
        uid: card.text("UID").unwrap_or_default(),
        item: ItemKind::DistributionList,
        class: None,
        changes: changes(current.map(|current| &current.item), &said.fields),
        occurrences: Vec::new(),
        attach: Vec::new(),
        detach: Vec::new(),
        invitations: Invitations::Nobody,
        answer: None,
        keep: Some(text.to_owned()),
    })
}

/// What an item says.
fn fields(item: &Item) -> Fields<Slot> {
    let list = item.list.as_deref().cloned().unwrap_or_default();
    let mut fields = Fields::new();
    let name = list.display_name.or(list.file_as).or(item.subject.clone()).unwrap_or_default();
    fields.insert(Slot::Name, line(&name));
    fields.insert(Slot::Note, block(item.body.as_ref().map_or("", |body| &body.text)));
    fields.insert(Slot::Categories, joined(item.categories.iter().cloned()));
    fields.insert(Slot::Class, class_of(item.sensitivity));
    for member in &list.members {
        if let Some((slot, address)) = slot_of(member) {
            fields.insert(slot, address);
        }
    }
    fields.retain(|_, value| !value.is_empty());
    fields
}

/// A member that has an SMTP address.
fn slot_of(member: &Member) -> Option<(Slot, String)> {
    let address = member.mailbox.address.as_deref().map(str::trim).filter(|address| address.contains('@'))?;
    Some((Slot::Member(address.to_lowercase()), address.to_lowercase()))
}

/// What a card says that has a place in Exchange.
fn read(card: &Component) -> Said<Slot> {
    let mut said = Said::of(card.properties.len());
    for (index, property) in card.properties.iter().enumerate() {
        match property.name.to_ascii_uppercase().as_str() {
            "FN" => drop(said.say(index, Slot::Name, line(&property.text()))),
            "NOTE" => drop(said.say(index, Slot::Note, block(&property.text()))),
            "CATEGORIES" => said.say_categories(index, Slot::Categories, &property.value),
            "CLASS" => drop(said.say(index, Slot::Class, class(&property.value))),
            "MEMBER" | "X-ADDRESSBOOKSERVER-MEMBER" => {
                if let Some(address) = address_of(&property.value) {
                    let address = address.to_lowercase();
                    said.say(index, Slot::Member(address.clone()), address);
                }
            }
            _ => {}
        }
    }
    said
}

/// The address of a `mailto:` member.
fn address_of(value: &str) -> Option<&str> {
    let (scheme, address) = value.trim().split_once(':')?;
    let address = address.split('?').next().unwrap_or_default().trim();
    (scheme.eq_ignore_ascii_case("mailto") && address.contains('@')).then_some(address)
}

fn changes(current: Option<&Item>, after: &Fields<Slot>) -> Vec<FieldChange> {
    use ews::Property;
    let before = current.map(fields).unwrap_or_default();
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
        changes.push(Property::Members(members_of(had.unwrap_or_default(), after)).into());
    }
    changes
}

/// The members a list shall have: those it has and shall keep as they are, those a card cannot name among them; then new
/// ones.
fn members_of(had: &[Member], after: &Fields<Slot>) -> Vec<Member> {
    let stays = |member: &&Member| slot_of(member).is_none_or(|(slot, _)| after.contains_key(&slot));
    let mut members: Vec<Member> = had.iter().filter(stays).cloned().collect();
    let known: Vec<Slot> = had.iter().filter_map(slot_of).map(|(slot, _)| slot).collect();
    for (slot, address) in after.iter().filter(|(slot, _)| !known.contains(slot)) {
        if let Slot::Member(_) = slot {
            let mailbox = Address {
                name: Some(address.clone()),
                routing: Some("SMTP".to_owned()),
                kind: Some(MailboxKind::OneOff),
                ..Address::smtp(address)
            };
            members.push(Member::new(mailbox));
        }
    }
    members
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
fn mended(mut card: Component, fields: &Fields<Slot>) -> Component {
    let said = read(&card);
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
        Slot::Member(_) => Property::new(member, format!("mailto:{value}")),
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
        let plan = plan(text, &card(text).unwrap(), current).unwrap();
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
        assert!(plan(TEAM, &card(TEAM).unwrap(), Some(&native)).unwrap().changes.is_empty());
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
