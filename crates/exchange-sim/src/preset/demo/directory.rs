//! Everybody the organisation knows: people, nested lists, rooms and equipment, with portraits.

use std::sync::Arc;

use super::people::PEOPLE;
use crate::{Entry, EntryKind, Exchange, http::User, preset::compose::png};

/// Fills the directory around the users, who have entries already.
pub(super) fn fill(exchange: &Exchange, users: &[User]) {
    let first = users.first().map_or("", |user| &user.address);
    for (place, user) in users.iter().enumerate() {
        let title = ["Head of planning", "Architect", "Carpenter"][place % 3];
        exchange.add_to_directory(Entry {
            title: title.to_owned(),
            department: "Planning".to_owned(),
            manager: if place == 0 { String::new() } else { first.to_owned() },
            photo: Some(portrait(place)),
            ..colleague(&user.address, &user.name, place)
        });
    }
    for (place, (name, _, _)) in PEOPLE.iter().enumerate() {
        let address = format!("staff{:02}@demo.test", place + 1);
        exchange.add_to_directory(Entry {
            department: DEPARTMENTS[place % DEPARTMENTS.len()].to_owned(),
            manager: first.to_owned(),
            photo: (place.is_multiple_of(3)).then(|| portrait(place + 10)),
            ..colleague(&address, name, place + 3)
        });
    }
    for (address, name, kind, members) in GROUPS {
        let members = match *members {
            [] => users.iter().map(|user| user.address.clone()).collect(),
            ["-"] => Vec::new(),
            members => members.iter().map(|&member| member.to_owned()).collect(),
        };
        exchange.add_to_directory(Entry { kind: *kind, members, ..Entry::person(address, name) });
    }
}

fn colleague(address: &str, name: &str, place: usize) -> Entry {
    Entry {
        company: "Demo Works".to_owned(),
        office: format!("House {}/{}", 1 + place % 3, 101 + place),
        phone: format!("+49 30 5550 {:03}", 100 + place),
        mobile: if place.is_multiple_of(2) { format!("+49 151 5550 {:03}", 100 + place) } else { String::new() },
        city: "Berlin".to_owned(),
        country: "Germany".to_owned(),
        ..Entry::person(address, name)
    }
}

/// A picture of one colour each.
pub(super) fn portrait(number: usize) -> Arc<[u8]> {
    let shade = |step: usize| u8::try_from((number * step + 60) % 200 + 40).unwrap_or(0);
    Arc::from(png(48, 48, [shade(37), shade(71), shade(113)]))
}

const DEPARTMENTS: &[&str] = &["Workshop", "Sales", "Accounts", "Research"];

/// Lists, rooms and equipment. An empty list stands for all users, `-` for what has no members.
const GROUPS: &[(&str, &str, EntryKind, &[&str])] = &[
    ("planning@demo.test", "Planning team", EntryKind::List, &[]),
    (
        "workshop@demo.test",
        "Workshop",
        EntryKind::List,
        &["staff01@demo.test", "staff05@demo.test", "staff09@demo.test"],
    ),
    ("all@demo.test", "Everybody", EntryKind::List, &["planning@demo.test", "workshop@demo.test", "staff02@demo.test"]),
    ("rooms.house1@demo.test", "Rooms in house 1", EntryKind::RoomList, &["room.oak@demo.test", "room.elm@demo.test"]),
    ("rooms.house2@demo.test", "Rooms in house 2", EntryKind::RoomList, &["room.fir@demo.test"]),
    ("room.oak@demo.test", "Oak (12 seats)", EntryKind::Room, &["-"]),
    ("room.elm@demo.test", "Elm (6 seats)", EntryKind::Room, &["-"]),
    ("room.fir@demo.test", "Fir (20 seats)", EntryKind::Room, &["-"]),
    ("projector@demo.test", "Projector", EntryKind::Equipment, &["-"]),
    ("van@demo.test", "Delivery van", EntryKind::Equipment, &["-"]),
];
