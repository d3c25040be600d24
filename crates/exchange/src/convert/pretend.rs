//! An Exchange for tests of conversions: it keeps what it is told, and completes it as the real one does.

use ews::op::update_item::FieldChange;
use ews::{Field, Item, ItemKind, Path, Property, TaskStatus};

/// What an item is after a change.
pub(super) fn stored(item: Option<&Item>, kind: ItemKind, changes: &[FieldChange]) -> Item {
    let mut item = item.cloned().unwrap_or_else(|| blank(kind));
    for change in changes {
        match change {
            FieldChange::Set(property) => set(&mut item, property),
            FieldChange::Delete(path) => delete(&mut item, path),
        }
    }
    item
}

fn blank(kind: ItemKind) -> Item {
    let mut item = Item { kind, created: "2026-01-02T03:04:05Z".parse().ok(), ..Item::default() };
    match kind {
        ItemKind::Task => item.task = Some(Box::default()),
        ItemKind::Contact => item.contact = Some(Box::default()),
        ItemKind::DistributionList => item.list = Some(Box::default()),
        _ => {}
    }
    item
}

fn set(item: &mut Item, property: &Property) {
    let property = property.clone();
    if let Some(task) = item.task.as_deref_mut() {
        match property.clone() {
            Property::TaskStart(at) => task.start = Some(at),
            Property::TaskDue(at) => task.due = Some(at),
            Property::TaskCompleted(at) => {
                (task.completed, task.status, task.percent) = (Some(at), Some(TaskStatus::Completed), Some(100.0));
            }
            Property::TaskPercent(percent) => {
                assert!((0.0..100.0).contains(&percent), "100 % is done");
                task.percent = Some(percent);
                task.status = Some(if percent > 0.0 { TaskStatus::InProgress } else { TaskStatus::NotStarted });
                task.completed = None;
            }
            Property::TaskStatus(TaskStatus::Completed) => {
                (task.status, task.percent) = (Some(TaskStatus::Completed), Some(100.0));
                task.completed = task.completed.or(ews::Moment::parse("2026-03-01T00:00:00Z"));
            }
            Property::TaskStatus(status) => {
                task.status = Some(status);
                task.completed = None;
                if status == TaskStatus::NotStarted {
                    task.percent = Some(0.0);
                }
            }
            Property::TaskRecurrence(recurrence) => task.recurrence = Some(recurrence),
            other => set_any(item, other),
        }
        return;
    }
    if let Some(list) = item.list.as_deref_mut() {
        match property {
            Property::DisplayName(name) => list.display_name = Some(name),
            Property::FileAs(name) => list.file_as = Some(name),
            Property::Members(members) => list.members = members,
            other => set_any(item, other),
        }
        return;
    }
    if item.contact.is_some() { set_contact(item, property) } else { set_any(item, property) }
}

fn set_any(item: &mut Item, property: Property) {
    match property {
        Property::Class(class) => item.class = Some(class),
        Property::Subject(subject) => item.subject = Some(subject),
        Property::Body(mut body) => {
            // Exchange ends lines in CRLF, and the last one too.
            body.text = format!("{}\r\n", body.text.replace('\n', "\r\n"));
            item.body = Some(body);
        }
        Property::Sensitivity(sensitivity) => item.sensitivity = Some(sensitivity),
        Property::Importance(importance) => item.importance = Some(importance),
        Property::Categories(categories) => item.categories = categories,
        Property::ReminderIsSet(is_set) => item.reminder_is_set = Some(is_set),
        Property::ReminderDueBy(at) => item.reminder_due_by = at.instant(),
        Property::Extended(field, value) => item.extended = item.extended.clone().with(field, value),
        other => panic!("{other:?} has no place in {:?}", item.kind),
    }
}

fn set_contact(item: &mut Item, property: Property) {
    let Some(contact) = item.contact.as_deref_mut() else { return };
    match property {
        Property::DisplayName(text) => contact.display_name = Some(text),
        Property::FileAs(text) => contact.file_as = Some(text),
        Property::FileAsMapping(mapping) => contact.file_as_mapping = Some(mapping),
        Property::GivenName(text) => contact.given_name = Some(text),
        Property::MiddleName(text) => contact.middle_name = Some(text),
        Property::Surname(text) => contact.surname = Some(text),
        Property::Generation(text) => contact.generation = Some(text),
        Property::Nickname(text) => contact.nickname = Some(text),
        Property::CompanyName(text) => contact.company = Some(text),
        Property::Department(text) => contact.department = Some(text),
        Property::JobTitle(text) => contact.job_title = Some(text),
        Property::Profession(text) => contact.profession = Some(text),
        Property::Manager(text) => contact.manager = Some(text),
        Property::AssistantName(text) => contact.assistant = Some(text),
        Property::Spouse(text) => contact.spouse = Some(text),
        Property::Office(text) => contact.office = Some(text),
        Property::BusinessHomePage(text) => contact.home_page = Some(text),
        Property::Birthday(at) => contact.birthday = Some(at),
        Property::Anniversary(at) => contact.anniversary = Some(at),
        Property::Email(key, entry) => put(&mut contact.emails, key, entry),
        Property::Phone(key, text) => put(&mut contact.phones, key, text),
        Property::Im(key, text) => put(&mut contact.ims, key, text),
        Property::Postal(key, part, text) => {
            let mut address = contact.address(key).cloned().unwrap_or_default();
            *address.part_mut(part) = Some(text);
            put(&mut contact.addresses, key, address);
        }
        other => set_any(item, other),
    }
}

fn put<K: PartialEq, V>(entries: &mut Vec<(K, V)>, key: K, value: V) {
    entries.retain(|(known, _)| *known != key);
    entries.push((key, value));
}

fn delete(item: &mut Item, path: &Path) {
    if let (Some(task), Path::Field(field)) = (item.task.as_deref_mut(), path) {
        match *field {
            Field::TASK_START => task.start = None,
            Field::TASK_DUE => task.due = None,
            Field::TASK_RECURRENCE => task.recurrence = None,
            other => panic!("{other:?} is not deleted"),
        }
        return;
    }
    let Some(contact) = item.contact.as_deref_mut() else { panic!("{path:?} is not deleted") };
    match path {
        Path::Field(Field::BIRTHDAY) => contact.birthday = None,
        Path::Field(Field::ANNIVERSARY) => contact.anniversary = None,
        Path::Field(Field::GIVEN_NAME) => contact.given_name = None,
        Path::Field(Field::MIDDLE_NAME) => contact.middle_name = None,
        Path::Field(Field::SURNAME) => contact.surname = None,
        Path::Field(Field::GENERATION) => contact.generation = None,
        Path::Field(Field::NICKNAME) => contact.nickname = None,
        Path::Field(Field::COMPANY_NAME) => contact.company = None,
        Path::Field(Field::DEPARTMENT) => contact.department = None,
        Path::Field(Field::JOB_TITLE) => contact.job_title = None,
        Path::Field(Field::PROFESSION) => contact.profession = None,
        Path::Field(Field::MANAGER) => contact.manager = None,
        Path::Field(Field::ASSISTANT_NAME) => contact.assistant = None,
        Path::Field(Field::SPOUSE) => contact.spouse = None,
        Path::Field(Field::OFFICE) => contact.office = None,
        Path::Field(Field::BUSINESS_HOME_PAGE) => contact.home_page = None,
        Path::Extended(field) => item.extended = item.extended.clone().without(field),
        Path::Indexed(_, _) => {
            contact.emails.retain(|(key, _)| key.path() != *path);
            contact.phones.retain(|(key, _)| key.path() != *path);
            contact.ims.retain(|(key, _)| key.path() != *path);
            for (key, address) in &mut contact.addresses {
                for part in ews::AddressPart::ALL.iter().filter(|part| key.path(**part) == *path) {
                    *address.part_mut(*part) = None;
                }
            }
        }
        other => panic!("{other:?} is not deleted"),
    }
}
