use bytes::Bytes;
use ews::{AddressKey, AddressPart, AttachmentId, AttachmentInfo, EmailKey, ImKey, Moment, PhoneKey, Sensitivity};

use super::*;
use crate::convert::kept;
use crate::convert::native::File;
use crate::convert::pretend::stored;

fn context() -> Context {
    Context { uid: "card@tests".into(), ..Context::default() }
}

fn vcard(lines: &str) -> String {
    let lines: Vec<&str> = lines.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    format!("BEGIN:VCARD\r\nVERSION:3.0\r\nUID:card@tests\r\n{}\r\nEND:VCARD\r\n", lines.join("\r\n"))
}

fn planned(text: &str, current: Option<&Native>) -> Plan {
    plan(text, &card(text).unwrap(), current).unwrap()
}

/// What the engine does: makes or changes, hangs photos on, reads back, keeps.
fn put(text: &str, current: Option<&Native>) -> Native {
    let plan = planned(text, current);
    let item = stored(current.map(|current| &current.item), ItemKind::Contact, &plan.changes);
    let files = current.map(|current| current.files.clone()).unwrap_or_default();
    let mut native = Native { item, files, ..Native::default() };
    native.files.retain(|file| !file.info.id.as_ref().is_some_and(|id| plan.detach.contains(id)));
    for file in plan.attach {
        let info = AttachmentInfo {
            id: Some(AttachmentId { id: format!("photo {}", file.content.len()), root: None }),
            name: Some(file.name),
            is_contact_photo: Some(file.is_contact_photo),
            ..AttachmentInfo::default()
        };
        native.files.push(File { info, content: Some(Bytes::from(file.content)) });
    }
    native.item.attachments = native.files.iter().map(|file| file.info.clone()).collect();
    let kept = Kept { digest: Some(render(&native, &context()).digest), text: plan.keep.unwrap() };
    native.item.extended = native.item.extended.with(kept::OBJECT.clone(), kept.value());
    native
}

fn got(native: &Native) -> String {
    render(native, &context()).text
}

/// A pixel.
const JPEG: &str = "/9j/4AAQSkZJRgABAQEAYABgAAD/2Q==";

#[test]
fn a_whole_card_has_its_native_fields_and_comes_back_to_the_byte() {
    let text = vcard(&format!(
        "FN:Dr. Anna B. Adams\\, Jr.
        N:Adams;Anna;B.,C.;Dr.;Jr.
        NICKNAME:An,Nan
        ORG:Example\\, Inc.;Tests;Lab
        TITLE:Tester
        ROLE:Chemist
        EMAIL;TYPE=INTERNET,HOME:anna@example.org
        EMAIL;TYPE=INTERNET,WORK,PREF:adams@example.com
        item1.EMAIL:third@example.net
        item1.X-ABLabel:Club
        EMAIL:fourth@example.net
        TEL;TYPE=WORK,VOICE:+49 30 1
        TEL;TYPE=WORK:+49 30 2
        TEL;TYPE=WORK:+49 30 3
        TEL;TYPE=HOME,FAX:+49 30 4
        TEL;TYPE=CELL:+49 170 1
        ADR;TYPE=HOME:PO 1;Back house;Main St. 7;Berlin;BE;10115;Germany
        ADR;TYPE=WORK:;;1 Way\\nFloor 2;London;;W1;UK
        IMPP:xmpp:anna@example.org
        X-SKYPE:anna.adams
        URL;TYPE=WORK:https://example.com/
        URL;TYPE=HOME:https://anna.example.org/
        BDAY:1980-02-29
        item2.X-ABDATE:2005-05-05
        item2.X-ABLabel:_$!<Anniversary>!$_
        X-SPOUSE:Paul
        X-EVOLUTION-MANAGER:Max
        CATEGORIES:Red,Blue
        CLASS:PRIVATE
        NOTE:One\\nTwo
        PHOTO;ENCODING=b;TYPE=JPEG:{JPEG}
        X-PHONETIC-FIRST-NAME:Anna
        GEO:52.5;13.4
        X-ODD;X-P=q:as it is"
    ));
    let native = put(&text, None);
    let contact = native.item.contact.as_deref().unwrap();
    let words = [
        (&contact.display_name, "Dr. Anna B. Adams, Jr."),
        (&contact.surname, "Adams"),
        (&contact.given_name, "Anna"),
        (&contact.middle_name, "B. C."),
        (&contact.generation, "Jr."),
        (&contact.nickname, "An,Nan"),
        (&contact.company, "Example, Inc."),
        (&contact.department, "Tests; Lab"),
        (&contact.job_title, "Tester"),
        (&contact.profession, "Chemist"),
        (&contact.home_page, "https://example.com/"),
        (&contact.spouse, "Paul"),
        (&contact.manager, "Max"),
    ];
    for (found, expected) in words {
        assert_eq!(found.as_deref(), Some(expected));
    }
    let emails: Vec<_> = EmailKey::ALL.iter().map(|key| contact.email(*key).unwrap().address.as_str()).collect();
    assert_eq!(emails, ["anna@example.org", "adams@example.com", "third@example.net"]);
    assert_eq!(contact.phone(PhoneKey::Business), Some("+49 30 1"));
    assert_eq!(contact.phone(PhoneKey::Business2), Some("+49 30 2"));
    assert_eq!(contact.phone(PhoneKey::Other), Some("+49 30 3"));
    assert_eq!(contact.phone(PhoneKey::HomeFax), Some("+49 30 4"));
    assert_eq!(contact.phone(PhoneKey::Mobile), Some("+49 170 1"));
    let home = contact.address(AddressKey::Home).unwrap();
    assert_eq!(home.part(AddressPart::Street), Some("PO 1\nBack house\nMain St. 7"));
    assert_eq!(home.part(AddressPart::PostalCode), Some("10115"));
    assert_eq!(contact.address(AddressKey::Business).unwrap().part(AddressPart::Street), Some("1 Way\nFloor 2"));
    assert_eq!(
        (contact.im(ImKey::First), contact.im(ImKey::Second)),
        (Some("xmpp:anna@example.org"), Some("skype:anna.adams"))
    );
    assert_eq!(contact.birthday, Moment::parse("1980-02-29T11:59:00Z"));
    assert_eq!(contact.anniversary, Moment::parse("2005-05-05T11:59:00Z"));
    assert_eq!(
        (native.item.sensitivity, &native.item.categories[..]),
        (Some(Sensitivity::Private), &["Blue".to_owned(), "Red".to_owned()][..])
    );
    assert_eq!(native.item.body.as_ref().unwrap().text, "One\r\nTwo\r\n");
    assert_eq!(native.files.len(), 1);
    for (slot, expected) in [(Slot::Prefix, "Dr."), (Slot::PersonalPage, "https://anna.example.org/")] {
        let (_, field) = native::EXTENDED.iter().find(|(known, _)| *known == slot).unwrap();
        assert_eq!(native.item.extended.get(field).and_then(ews::Value::as_text), Some(expected));
    }
    assert_eq!(got(&native), text);
    let again = planned(&text, Some(&native));
    assert!(again.changes.is_empty() && again.attach.is_empty() && again.detach.is_empty(), "{again:?}");
}

#[test]
fn what_is_changed_in_outlook_wins_and_the_rest_stays() {
    let text = vcard(
        "FN:Anna
        N:Adams;Anna;;;
        EMAIL;TYPE=HOME:a@example.org
        item1.EMAIL:b@example.org
        item1.X-ABLabel:Club
        EMAIL:c@example.org
        EMAIL:d@example.org
        TEL;TYPE=CELL;X-NOTE=\"a,b\":1
        X-ODD;X-P=q:as it is",
    );
    let mut native = put(&text, None);
    let contact = native.item.contact.as_deref_mut().unwrap();
    contact.emails[1].1 = ews::EmailEntry::new("changed@example.org");
    contact.surname = Some("Brown".into());
    contact.phones.push((PhoneKey::Business, "2".into()));
    let expected = vcard(
        "FN:Anna
        EMAIL;TYPE=HOME:a@example.org
        EMAIL:c@example.org
        EMAIL:d@example.org
        TEL;TYPE=CELL;X-NOTE=\"a,b\":1
        X-ODD;X-P=q:as it is
        N:Brown;Anna;;;
        EMAIL;TYPE=INTERNET:changed@example.org
        TEL;TYPE=WORK;TYPE=VOICE:2",
    );
    assert_eq!(got(&native), expected);
}

#[test]
fn a_contact_of_outlook_is_shown_and_edited() {
    let mut item = stored(None, ItemKind::Contact, &[]);
    let contact = item.contact.as_deref_mut().unwrap();
    contact.file_as = Some("Adams, Anna".into());
    contact.given_name = Some("Anna".into());
    contact.surname = Some("Adams".into());
    contact.birthday = Moment::parse("1604-04-14T22:00:00Z");
    contact.phones = vec![(PhoneKey::Business2, "2".into()), (PhoneKey::Assistant, "3".into())];
    let legacy = ews::EmailEntry { address: "/o=Org/cn=x".into(), routing: Some("EX".into()), name: None };
    contact.emails = vec![(EmailKey::Second, legacy)];
    let (_, shown) = &native::SMTP[1];
    item.extended = item.extended.clone().with(shown.clone(), ews::Value::Text("anna@example.org".into()));
    let native = Native { item, ..Native::default() };
    let text = got(&native);
    let expected = "BEGIN:VCARD\r\nVERSION:3.0\r\nPRODID:-//Exgate//Exgate//EN\r\nUID:card@tests\r\nFN:Adams\\, Anna\r\n\
        N:Adams;Anna;;;\r\nEMAIL;TYPE=INTERNET:anna@example.org\r\nTEL;TYPE=X-ASSISTANT:3\r\n\
        TEL;TYPE=WORK;TYPE=VOICE:2\r\nBDAY;X-APPLE-OMIT-YEAR=1604:1604-04-15\r\nEND:VCARD\r\n";
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&text), sorted(expected), "{text}");
    assert!(planned(&text, Some(&native)).changes.is_empty(), "{:?}", planned(&text, Some(&native)).changes);
    let edited = text.replace("TEL;TYPE=WORK;TYPE=VOICE:2", "TEL;TYPE=WORK;TYPE=VOICE:22");
    let native = put(&edited, Some(&native));
    assert_eq!(got(&native), edited);
    let contact = native.item.contact.as_deref().unwrap();
    assert_eq!(contact.email(EmailKey::Second).unwrap().address, "/o=Org/cn=x", "what was not changed stays");
}

#[test]
fn photos_are_attachments() {
    let with = vcard(&format!("FN:Anna\nPHOTO;ENCODING=b;TYPE=JPEG:{JPEG}"));
    let native = put(&with, None);
    assert_eq!(native.files[0].info.is_contact_photo, Some(true));
    let without = put(&vcard("FN:Anna"), Some(&native));
    assert!(without.files.is_empty());
    let mut outlook = native.clone();
    outlook.item.extended = Default::default();
    assert!(got(&outlook).contains(&format!("PHOTO;ENCODING=b;TYPE=JPEG:{JPEG}\r\n")), "{}", got(&outlook));
    assert!(planned(&got(&outlook), Some(&outlook)).attach.is_empty());
    let v4 = with
        .replace("VERSION:3.0", "VERSION:4.0")
        .replace("PHOTO;ENCODING=b;TYPE=JPEG:", "PHOTO:data:image/jpeg;base64,");
    assert!(planned(&v4, Some(&native)).attach.is_empty(), "the same photo in the other form");
    let link = vcard("FN:Anna\nPHOTO;VALUE=uri:https://example.org/a.jpg");
    let native = put(&link, None);
    assert!(native.files.is_empty() && got(&native) == link);
}

#[test]
fn birthdays_keep_what_is_known_of_them() {
    for (line, native) in [
        ("BDAY:1980-02-29", Some("1980-02-29T11:59:00Z")),
        ("BDAY:19800229", Some("1980-02-29T11:59:00Z")),
        ("BDAY;VALUE=date-time:1980-02-29T23:30:00+14:00", Some("1980-02-29T11:59:00Z")),
        ("BDAY;X-APPLE-OMIT-YEAR=1604:1604-02-29", Some("1604-02-29T11:59:00Z")),
        ("BDAY:--0229", Some("1604-02-29T11:59:00Z")),
        ("BDAY:1980", None),
        ("BDAY;VALUE=text:about 1980", None),
    ] {
        let text = vcard(&format!("FN:Anna\n{line}"));
        let item = put(&text, None);
        assert_eq!(item.item.contact.as_deref().unwrap().birthday, native.and_then(Moment::parse), "{line}");
        assert_eq!(got(&item), text);
    }
}

#[test]
fn moved_values_do_not_change_places() {
    let text = vcard("FN:A\nEMAIL:a@x.org\nEMAIL:b@x.org\nTEL;TYPE=HOME:1\nTEL;TYPE=HOME:2");
    let native = put(&text, None);
    let turned = vcard("FN:A\nEMAIL:b@x.org\nEMAIL:a@x.org\nTEL;TYPE=HOME:2\nTEL;TYPE=HOME:1");
    assert!(planned(&turned, Some(&native)).changes.is_empty());
    let native = put(&turned, Some(&native));
    assert_eq!(got(&native), turned);
    let one = vcard("FN:A\nEMAIL:b@x.org\nTEL;TYPE=HOME:2");
    let native = put(&one, Some(&native));
    let contact = native.item.contact.as_deref().unwrap();
    assert_eq!(
        (contact.emails.len(), contact.phone(PhoneKey::Home2), contact.phone(PhoneKey::Home)),
        (1, Some("2"), None)
    );
    assert_eq!(got(&native), one);
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    fn line() -> impl Strategy<Value = String> {
        let word = "[a-zA-Zäß ]{0,8}(\\\\,|\\\\n|\\\\;)?[a-z]{0,5}";
        prop_oneof![
            (word, word, word).prop_map(|(one, two, three)| format!("N:{one};{two};{three};;")),
            word.prop_map(|text| format!("NOTE:{text}")),
            (word, word).prop_map(|(company, unit)| format!("ORG:{company};{unit}")),
            "[a-z]{1,3}@[a-z]{1,3}".prop_map(|address| format!("EMAIL;TYPE=HOME:{address}")),
            ("(HOME|WORK|CELL|FAX|PAGER|PREF|WORK,FAX|X-ODD|CAR|MAIN)", "[0-9]{1,3}")
                .prop_map(|(types, number)| format!("TEL;TYPE={types}:{number}")),
            ("(HOME|WORK|INTL)", word, word)
                .prop_map(|(kind, street, city)| format!("ADR;TYPE={kind}:;;{street};{city};;;")),
            "[a-z]{1,4}".prop_map(|name| format!("IMPP:xmpp:{name}")),
            "[a-z]{1,4}".prop_map(|name| format!("X-AIM:{name}")),
            ("(HOME|WORK)", "[a-z]{1,4}").prop_map(|(kind, name)| format!("URL;TYPE={kind}:http://{name}/")),
            "(19|20)[0-9]{2}-0[1-9]-[12][0-8]".prop_map(|date| format!("BDAY:{date}")),
            "[a-z]{1,4}(,[a-z]{1,4}){0,2}".prop_map(|names| format!("CATEGORIES:{names}")),
            "X-[B-Z]{3}:[a-z]{0,9}",
        ]
    }

    fn cards() -> impl Strategy<Value = String> {
        ("[A-Z][a-z]{0,9}", proptest::collection::vec(line(), 0..12)).prop_map(|(name, mut lines)| {
            let mut seen = std::collections::HashSet::new();
            let once = ["N", "NOTE", "ORG", "BDAY"];
            lines.retain(|line| {
                let name = line.split([':', ';']).next().unwrap_or_default();
                !once.contains(&name) || seen.insert(name.to_owned())
            });
            vcard(&format!("FN:{name}\n{}", lines.join("\n")))
        })
    }

    proptest! {
        /// Whatever is put comes back to the byte, after whatever was there before; and what Exchange then has is what
        /// the card says.
        #[test]
        fn put_and_get(first in cards(), second in cards()) {
            let native = put(&first, None);
            prop_assert_eq!(got(&native), first.clone());
            let native = put(&second, Some(&native));
            prop_assert_eq!(got(&native), second.clone());
            let changes = planned(&second, Some(&native)).changes;
            prop_assert!(changes.is_empty(), "{:?}", changes);
        }

        /// What Exchange alone tells says all of it.
        #[test]
        fn drawn_and_read(text in cards()) {
            let mut native = put(&text, None);
            native.item.extended = native.item.extended.without(&kept::OBJECT);
            let drawn = got(&native);
            let changes = planned(&drawn, Some(&native)).changes;
            prop_assert!(changes.is_empty(), "{:?} of {}", changes, drawn);
        }

        /// A card mended after a change elsewhere says all that Exchange says. It may say more: what had no place before
        /// has one if the other went.
        #[test]
        fn mended_and_read(text in cards(), other in cards()) {
            let kept = put(&text, None);
            let mut native = put(&other, Some(&kept));
            let object = kept.item.extended.get(&kept::OBJECT).unwrap().clone();
            native.item.extended = native.item.extended.with(kept::OBJECT.clone(), object);
            let mended = got(&native);
            let fields = super::super::native::fields(&native);
            let said = super::super::text::read(&card(&mended).unwrap(), &fields).fields;
            for (slot, value) in &fields {
                prop_assert_eq!(said.get(slot), Some(value), "{:?} of {}", slot, mended);
            }
        }
    }
}
