//! Tasks, contacts, groups and notes over a simulated Exchange.
use crate::lab::calendar::{Follower, Someone, if_match, if_none};
use crate::lab::{ANNA, Gate, Lab};
use ews::op::find_item::{FindItem, Traversal};
use ews::op::get_item::GetItem;
use ews::{BaseShape, DistinguishedFolder, EmailKey, Field, Item, ItemId, ItemKind, ItemShape, PhoneKey, Property};
use mailbox::objects::{CollectionKind, Condition, ObjectError, Objects, Precondition};

async fn follower(gate: &Gate, kind: CollectionKind) -> Follower {
    let collections = gate.account.collections().await.unwrap();
    let found = collections.iter().find(|it| it.kind == kind && it.is_default);
    let id = found.unwrap_or_else(|| panic!("{kind:?} in {collections:?}")).id;
    let mut client = Follower::new(&gate.account, id);
    client.sync().await;
    client
}

/// What Exchange has in a folder, with everything an item says.
async fn natives(someone: &Someone, folder: DistinguishedFolder, more: &[Field]) -> Vec<Item> {
    let find = FindItem {
        folder: folder.into(),
        shape: ItemShape::default(),
        condition: None,
        sort: Vec::new(),
        page: None,
        traversal: Traversal::Shallow,
    };
    let found = someone.client().call(&find).await.unwrap().items;
    let items = found.into_iter().map(|item| item.id.unwrap().into()).collect();
    let mut shape = ItemShape::of(more.iter().map(|field| (*field).into()));
    shape.base = BaseShape::AllProperties;
    let answers = someone.client().call(&GetItem { items, shape }).await.unwrap();
    answers.into_iter().map(Result::unwrap).collect()
}

fn id(item: &Item) -> ItemId {
    item.id.clone().unwrap()
}

fn todo(lines: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("{}\r\n", line.trim())).collect();
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Lab//EN\r\nBEGIN:VTODO\r\nUID:todo@lab\r\nDTSTAMP:20260101T000000Z\r\n\
         {lines}END:VTODO\r\nEND:VCALENDAR\r\n"
    )
}

fn card(lines: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("{}\r\n", line.trim())).collect();
    format!("BEGIN:VCARD\r\nVERSION:3.0\r\nUID:card@lab\r\n{lines}END:VCARD\r\n")
}

/// Stores a text, reads it back, loses all the gateway knows, and reads it again.
async fn octet_for_octet(lab: &Lab, kind: CollectionKind, name: &str, text: &str) {
    let gate = lab.sign_in().await;
    let client = follower(&gate, kind).await;
    let put = client.put(name, text, if_none()).await.unwrap();
    assert!(put.created && put.verbatim, "{put:?}: {}", client.text(name).await);
    assert_eq!(client.text(name).await, text);
    let again = client.put(name, text, if_match(&put.entry.etag)).await.unwrap();
    assert_eq!((again.created, again.verbatim, again.entry.etag), (false, true, put.entry.etag));
    drop((gate, client));
    std::fs::remove_dir_all(lab.state.path().join("maps")).unwrap();
    let gate = lab.sign_in().await;
    let client = follower(&gate, kind).await;
    assert_eq!(client.text(name).await, text);
}

#[tokio::test]
async fn tasks_come_back_and_are_tasks() {
    let lab = Lab::new().await;
    let text = todo(
        "SUMMARY:Buy\\, shoes
        DESCRIPTION:One\\nTwo
        DTSTART;VALUE=DATE:20260301
        DUE;TZID=Europe/Berlin:20260305T180000
        PRIORITY:1
        STATUS:IN-PROCESS
        PERCENT-COMPLETE:40
        CATEGORIES:Red,Blue
        X-APPLE-SORT-ORDER:7
        BEGIN:VALARM
        ACTION:DISPLAY
        DESCRIPTION:x
        TRIGGER;VALUE=DATE-TIME:20260304T080000Z
        END:VALARM",
    );
    octet_for_octet(&lab, CollectionKind::Tasks, "Shoes.ics", &text).await;
    let someone = Someone::new(&lab, ANNA);
    let item = natives(&someone, DistinguishedFolder::Tasks, &[]).await.remove(0);
    let task = item.task.as_deref().unwrap();
    assert_eq!(item.subject.as_deref(), Some("Buy, shoes"));
    assert_eq!((task.status, task.percent), (Some(ews::TaskStatus::InProgress), Some(40.0)));
    assert_eq!(task.due, ews::Moment::parse("2026-03-05T00:00:00Z"));
    assert_eq!(item.reminder_due_by, "2026-03-04T08:00:00Z".parse().ok());
    let gate = lab.sign_in().await;
    let mut client = follower(&gate, CollectionKind::Tasks).await;
    someone.change(&id(&item), ItemKind::Task, Property::TaskStatus(ews::TaskStatus::Completed)).await;
    assert_eq!(client.news().await.changed.len(), 1);
    let done = client.text("Shoes.ics").await;
    assert!(done.contains("STATUS:COMPLETED\r\n") && done.contains("COMPLETED:"), "{done}");
    assert!(done.contains("X-APPLE-SORT-ORDER:7\r\n") && done.contains("DUE;TZID=Europe/Berlin:20260305T180000\r\n"));
    let reopened = done.lines().filter(|line| !line.starts_with("COMPLETED")).map(|line| format!("{line}\r\n"));
    let reopened: String = reopened.collect::<String>().replace("STATUS:COMPLETED", "STATUS:NEEDS-ACTION");
    client.put("Shoes.ics", &reopened, Condition::default()).await.unwrap();
    let task = natives(&someone, DistinguishedFolder::Tasks, &[]).await.remove(0).task.unwrap();
    assert_eq!(task.status, Some(ews::TaskStatus::NotStarted));
    assert_eq!(client.text("Shoes.ics").await, reopened);
}

#[tokio::test]
async fn tasks_that_repeat() {
    let lab = Lab::new().await;
    let text =
        todo("SUMMARY:Water\nDTSTART;VALUE=DATE:20260302\nDUE;VALUE=DATE:20260302\nRRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=9");
    octet_for_octet(&lab, CollectionKind::Tasks, "water.ics", &text).await;
    let someone = Someone::new(&lab, ANNA);
    let task = natives(&someone, DistinguishedFolder::Tasks, &[]).await.remove(0).task.unwrap();
    assert_eq!(task.recurrence.unwrap().end, ews::End::After(9));
    let gate = lab.sign_in().await;
    let client = follower(&gate, CollectionKind::Tasks).await;
    let hourly = text.replace("FREQ=WEEKLY;BYDAY=MO", "FREQ=HOURLY").replace("todo@lab", "other@lab");
    let refused = client.put("hourly.ics", &hourly, Condition::default()).await.unwrap_err();
    assert!(matches!(refused, ObjectError::Precondition(Precondition::Unrepresentable, _)), "{refused}");
    let once = text.replace("RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=9\r\n", "");
    client.put("water.ics", &once, Condition::default()).await.unwrap();
    assert_eq!(client.text("water.ics").await, once);
}

#[tokio::test]
async fn contacts_come_back_and_are_contacts() {
    let lab = Lab::new().await;
    let text = card(
        "FN:Dr. Anna Adams
        N:Adams;Anna;;Dr.;
        ORG:Example;Tests
        EMAIL;TYPE=HOME:anna@example.org
        EMAIL;TYPE=WORK:adams@example.com
        EMAIL:third@example.net
        EMAIL:fourth@example.net
        TEL;TYPE=CELL:+49 170 1
        TEL;TYPE=WORK,FAX:+49 30 4
        ADR;TYPE=HOME:;;Main St. 7\\nBack;Berlin;BE;10115;Germany
        IMPP:xmpp:anna@example.org
        URL;TYPE=HOME:https://anna.example.org/
        BDAY;X-APPLE-OMIT-YEAR=1604:1604-02-29
        ANNIVERSARY:20050505
        CATEGORIES:Red
        NOTE:One\\nTwo
        PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQSkZJRgABAQEAYABgAAD/2Q==
        X-ODD;X-P=q:as it is",
    );
    octet_for_octet(&lab, CollectionKind::Contacts, "Anna.vcf", &text).await;
    let someone = Someone::new(&lab, ANNA);
    let item = natives(&someone, DistinguishedFolder::Contacts, &[Field::ATTACHMENTS]).await.remove(0);
    let contact = item.contact.as_deref().unwrap();
    assert_eq!(contact.display_name.as_deref(), Some("Dr. Anna Adams"));
    assert_eq!(contact.email(EmailKey::Third).unwrap().address, "third@example.net");
    assert_eq!(contact.phone(PhoneKey::BusinessFax), Some("+49 30 4"));
    assert_eq!(item.attachments.len(), 1, "{:?}", item.attachments);
    let gate = lab.sign_in().await;
    let mut client = follower(&gate, CollectionKind::Contacts).await;
    someone.change(&id(&item), ItemKind::Contact, Property::Phone(PhoneKey::Mobile, "+49 171".into())).await;
    assert_eq!(client.news().await.changed.len(), 1);
    let changed = client.text("Anna.vcf").await;
    assert!(changed.contains("TEL;TYPE=CELL:+49 171\r\n") && !changed.contains("+49 170 1"), "{changed}");
    assert!(changed.contains("fourth@example.net") && changed.contains("X-ODD;X-P=q:as it is\r\n"), "{changed}");
    assert!(changed.contains("PHOTO;ENCODING=b"), "{changed}");
    let bare = card("FN:Anna\nN:;Anna;;;\nEMAIL:adams@example.com");
    client.put("Anna.vcf", &bare, Condition::default()).await.unwrap();
    assert_eq!(client.text("Anna.vcf").await, bare);
    let item = natives(&someone, DistinguishedFolder::Contacts, &[Field::ATTACHMENTS]).await.remove(0);
    let contact = item.contact.as_deref().unwrap();
    assert_eq!((contact.emails.len(), contact.phones.len(), item.attachments.len()), (1, 0, 0), "{item:?}");
}

#[tokio::test]
async fn groups_come_back_and_are_lists() {
    let lab = Lab::new().await;
    let text = "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:group@lab\r\nKIND:group\r\nFN:The Team\r\n\
        MEMBER:mailto:anna@example.org\r\nMEMBER:mailto:otto@elsewhere.test\r\n\
        MEMBER:urn:uuid:03a0e51f-d1aa-4385-8a53-e29025acd8af\r\nEND:VCARD\r\n";
    octet_for_octet(&lab, CollectionKind::Contacts, "team.vcf", text).await;
    let someone = Someone::new(&lab, ANNA);
    let members = async || {
        let mut items = natives(&someone, DistinguishedFolder::Contacts, &[Field::MEMBERS]).await;
        items.remove(0).list.unwrap().members.len()
    };
    assert_eq!(members().await, 2);
    let gate = lab.sign_in().await;
    let client = follower(&gate, CollectionKind::Contacts).await;
    let fewer = text.replace("MEMBER:mailto:otto@elsewhere.test\r\n", "");
    client.put("team.vcf", &fewer, Condition::default()).await.unwrap();
    assert_eq!((client.text("team.vcf").await, members().await), (fewer, 1));
    let person = text.replace("KIND:group\r\n", "");
    let refused = client.put("team.vcf", &person, Condition::default()).await.unwrap_err();
    assert!(matches!(refused, ObjectError::Precondition(Precondition::ValidObject, _)), "{refused}");
}

#[tokio::test]
async fn groups_name_cards() {
    let lab = Lab::new().await;
    let uid = "6B29FC40-CA47-1067-B31D-00DD010662DA";
    let anna = card("FN:Anna\nEMAIL:a@example.org").replace("card@lab", uid);
    let gate = lab.sign_in().await;
    let client = follower(&gate, CollectionKind::Contacts).await;
    client.put("anna.vcf", &anna, if_none()).await.unwrap();
    let text = format!(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:group@lab\r\nFN:Team\r\nN:Team;;;;\r\nX-ADDRESSBOOKSERVER-KIND:group\r\n\
         X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:{uid}\r\nEND:VCARD\r\n"
    );
    let put = client.put("team.vcf", &text, if_none()).await.unwrap();
    assert!(put.verbatim && client.text("team.vcf").await == text);
    let someone = Someone::new(&lab, ANNA);
    let items = natives(&someone, DistinguishedFolder::Contacts, &[Field::MEMBERS]).await;
    let list = items.iter().find(|item| item.list.is_some()).unwrap();
    let contact = items.iter().find(|item| item.contact.is_some()).unwrap();
    let members = &list.list.as_ref().unwrap().members;
    assert_eq!(members.len(), 1, "{members:?}");
    assert_eq!(
        members[0].mailbox.item.as_ref().map(|item| &item.id),
        contact.id.as_ref().map(|id| &id.id),
        "{members:?}"
    );
    drop((gate, client));
    std::fs::remove_dir_all(lab.state.path().join("maps")).unwrap();
    let gate = lab.sign_in().await;
    let client = follower(&gate, CollectionKind::Contacts).await;
    assert_eq!(client.text("team.vcf").await, text);
}

#[tokio::test]
async fn notes_come_back_and_are_notes() {
    let lab = Lab::new().await;
    let text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Lab//EN\r\nBEGIN:VJOURNAL\r\nUID:note@lab\r\n\
        DTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:20260101\r\nSUMMARY:Milk\r\nDESCRIPTION:Milk\\nBread\r\n\
        END:VJOURNAL\r\nEND:VCALENDAR\r\n";
    octet_for_octet(&lab, CollectionKind::Notes, "milk.ics", text).await;
    let someone = Someone::new(&lab, ANNA);
    let item = natives(&someone, DistinguishedFolder::Notes, &[]).await.remove(0);
    assert_eq!((item.class.as_deref(), item.subject.as_deref()), (Some("IPM.StickyNote"), Some("Milk")));
}
