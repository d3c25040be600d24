//! Who invites, who is invited, and what they answered.

use ews::op::update_item::FieldChange;
use ews::{Address, Attendee};
use pim::{Component, Property};

use super::text::person;
use super::value::{Fields, Guest, Reply, Role};

/// What of people is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Compared {
    /// Who is invited, and how.
    Invited,
    /// That, and what they answered.
    Answers,
}

/// Whether the same people are invited by the same one.
pub(super) fn same(one: &Fields, other: &Fields, compared: Compared) -> bool {
    let organizer = |fields: &Fields| fields.organizer.as_ref().map(|person| person.address.clone());
    let guests = one.guests.iter().zip(&other.guests);
    organizer(one) == organizer(other)
        && one.guests.len() == other.guests.len()
        && guests.into_iter().all(|((address, guest), (other_address, other))| {
            let invited = address == other_address && guest.role == other.role;
            invited && (compared == Compared::Invited || guest.answer == other.answer)
        })
}

/// Makes a text tell of them. What else it says of those who stay is left as it is.
pub(super) fn write(fields: &Fields, component: &mut Component) {
    let Some(organizer) = &fields.organizer else {
        component.remove("ORGANIZER");
        component.remove("ATTENDEE");
        return;
    };
    let named = |property: &Property| person(property).map(|person| person.address);
    if component.property("ORGANIZER").and_then(named).as_ref() != Some(&organizer.address) {
        component.set(mailto("ORGANIZER", &organizer.address, organizer.name.as_deref()));
    }
    let mut told = Vec::new();
    component.properties.retain_mut(|property| {
        if !property.is("ATTENDEE") {
            return true;
        }
        // Whom no e-mail reaches, Exchange does not know; the organizer is none of its attendees.
        let Some(address) = named(property).filter(|address| *address != organizer.address) else { return true };
        let Some(guest) = fields.guests.get(&address) else { return !is_served(property) };
        told.push(address);
        mend(property, guest);
        true
    });
    for (address, guest) in fields.guests.iter().filter(|(address, _)| !told.contains(address)) {
        let mut property = mailto("ATTENDEE", address, guest.name.as_deref());
        match guest.role {
            Role::Required => property.set_parameter("ROLE", "REQ-PARTICIPANT"),
            Role::Optional => property.set_parameter("ROLE", "OPT-PARTICIPANT"),
            Role::Resource => {
                property.set_parameter("CUTYPE", "RESOURCE");
                property.set_parameter("ROLE", "NON-PARTICIPANT");
            }
        }
        property.set_parameter("PARTSTAT", participation(guest.answer));
        if guest.answer == Reply::Nothing && guest.role != Role::Resource {
            property.set_parameter("RSVP", "TRUE");
        }
        component.push(property);
    }
}

fn is_served(property: &Property) -> bool {
    property.parameter("SCHEDULE-AGENT").is_none_or(|agent| agent.eq_ignore_ascii_case("SERVER"))
}

/// Brings what an ATTENDEE says of role and answer up to date.
fn mend(property: &mut Property, guest: &Guest) {
    let told = super::text::guest_of(property);
    if told.1 != guest.answer {
        property.set_parameter("PARTSTAT", participation(guest.answer));
    }
    if told.0 != guest.role {
        let role = if guest.role == Role::Optional { "OPT-PARTICIPANT" } else { "REQ-PARTICIPANT" };
        property.set_parameter("ROLE", role);
        match guest.role {
            Role::Resource => property.set_parameter("CUTYPE", "RESOURCE"),
            _ => {
                property.remove_parameter("CUTYPE");
            }
        }
    }
}

fn mailto(name: &str, address: &str, shown: Option<&str>) -> Property {
    // An X.500 name (EX) is no mailbox a client could write to.
    let scheme = if address.contains('@') { "mailto" } else { "urn:x-exchange" };
    let property = Property::new(name, format!("{scheme}:{address}"));
    match shown {
        Some(shown) => property.with("CN", shown),
        None => property,
    }
}

fn participation(answer: Reply) -> &'static str {
    match answer {
        Reply::Nothing => "NEEDS-ACTION",
        Reply::Yes => "ACCEPTED",
        Reply::Perhaps => "TENTATIVE",
        Reply::No => "DECLINED",
    }
}

/// The lists that became others. Answers are not ours to set: they come by mail.
pub(super) fn changes(fields: &Fields, before: Option<&Fields>) -> Vec<FieldChange> {
    let lists: [(Role, List); 3] = [
        (Role::Required, ews::Property::RequiredAttendees),
        (Role::Optional, ews::Property::OptionalAttendees),
        (Role::Resource, ews::Property::Resources),
    ];
    let addresses = |fields: &Fields, role: Role| -> Vec<String> {
        native(fields).filter(|(_, guest)| guest.role == role).map(|(address, _)| address.clone()).collect()
    };
    let changed = |(role, _): &(Role, _)| {
        let now = addresses(fields, *role);
        before.map_or(!now.is_empty(), |before| addresses(before, *role) != now)
    };
    let list = |(role, property): (Role, List)| {
        let guests = native(fields).filter(|(_, guest)| guest.role == role);
        let attendees = guests.map(|(address, guest)| {
            let mailbox = Address { name: guest.name.clone(), ..Address::smtp(address.clone()) };
            Attendee::new(mailbox)
        });
        FieldChange::Set(property(attendees.collect()))
    };
    lists.into_iter().filter(changed).map(list).collect()
}

/// The property a list is.
type List = fn(Vec<Attendee>) -> ews::Property;

/// Those Exchange is told of. It sends to all of them or to nobody, so of a mixture those to whom the client sends are
/// kept in the text alone (RFC 6638 section 7.1).
fn native(fields: &Fields) -> impl Iterator<Item = (&String, &Guest)> {
    let any_served = fields.guests.values().any(|guest| guest.served);
    fields.guests.iter().filter(move |(_, guest)| guest.served || !any_served)
}

/// Whether Exchange may send anything.
pub(super) fn any_served(fields: &Fields) -> bool {
    fields.guests.values().any(|guest| guest.served)
}
