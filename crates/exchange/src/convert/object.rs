//! Objects of every kind: whose conversion is whose, and what listings tell of them.

use ews::{
    AttachmentInfo, CalendarItemKind, ExtendedField, Field, ItemKind, ItemShape, Path, PropertyKind, PropertySet,
};
use idmap::ObjectItem;
use jiff::{SignedDuration, Timestamp};
use mailbox::objects::{CollectionKind, ObjectError, ObjectKind, ObjectName, ObjectResult, Precondition, Span};
use mailbox::{Error, ErrorKind};

use super::native::{Context, Native, Needs, Rendered};
use super::plan::Plan;
use super::{SEARCH_KEY, contact, event, invitation, kept, list, note, task};
use crate::error::Result;

/// What a collection's folder is called at Exchange (MS-OXOSFLD 2.2.5); other classes that begin so and a dot count
/// too, where `below` says so: among contacts they are caches no user knows of.
pub(crate) const CLASSES: [FolderClass; 4] = [
    FolderClass { kind: CollectionKind::Calendar, class: "IPF.Appointment", below: true },
    FolderClass { kind: CollectionKind::Tasks, class: "IPF.Task", below: true },
    FolderClass { kind: CollectionKind::Notes, class: "IPF.StickyNote", below: true },
    FolderClass { kind: CollectionKind::Contacts, class: "IPF.Contact", below: false },
];

/// A row of [`CLASSES`].
pub(crate) struct FolderClass {
    pub(crate) kind: CollectionKind,
    pub(crate) class: &'static str,
    below: bool,
}

/// What is in a folder of this class; `None` if it is no collection.
pub(crate) fn collection_kind(class: Option<&str>) -> Option<CollectionKind> {
    let class = class?;
    let is = |row: &&FolderClass| {
        let start = class.get(..row.class.len()).filter(|start| start.eq_ignore_ascii_case(row.class));
        let rest = start.and(class.get(row.class.len()..));
        rest.is_some_and(|rest| rest.is_empty() || row.below && rest.starts_with('.'))
    };
    CLASSES.iter().find(is).map(|row| row.kind)
}

/// What an item is; `None` if it is nothing a client of such a collection knows.
pub(crate) fn kind_of(item: &ews::Item, collection: CollectionKind) -> Option<ObjectKind> {
    let class = item.class.as_deref().unwrap_or_default();
    match (collection, item.kind) {
        (CollectionKind::Calendar, ItemKind::CalendarItem) => Some(ObjectKind::Event),
        (CollectionKind::Tasks, ItemKind::Task) => Some(ObjectKind::Todo),
        (CollectionKind::Contacts, ItemKind::Contact) => Some(ObjectKind::Card),
        (CollectionKind::Contacts, ItemKind::DistributionList) => Some(ObjectKind::Group),
        (CollectionKind::Notes, _) if class.eq_ignore_ascii_case("IPM.StickyNote") => Some(ObjectKind::Journal),
        (CollectionKind::ScheduleInbox, kind) if kind.is_meeting() => Some(ObjectKind::Message),
        _ => None,
    }
}

/// What the index needs to know of an item. Cheap: none of it makes Exchange open the item.
pub(crate) fn index_paths(collection: CollectionKind) -> Vec<Path> {
    let mut paths: Vec<Path> = vec![
        Field::CLASS.into(),
        Field::LAST_MODIFIED.into(),
        SEARCH_KEY.into(),
        kept::UID.clone().into(),
        kept::NAME.clone().into(),
    ];
    if matches!(collection, CollectionKind::Calendar | CollectionKind::ScheduleInbox) {
        paths.extend([Field::UID, Field::START, Field::END, Field::CALENDAR_ITEM_TYPE].map(Path::from));
        paths.push(CLEAN_GLOBAL_OBJECT_ID.into());
    }
    paths
}

/// An item for the index; `None` if it is no object, or if Exchange did not say its id.
pub(crate) fn entry(item: &ews::Item, collection: CollectionKind) -> Option<ObjectItem> {
    let id = item.id.as_ref()?;
    let kind = kind_of(item, collection)?;
    let text = |field: &ExtendedField| item.extended.get(field).and_then(ews::Value::as_text).map(str::to_owned);
    let own = item.calendar.as_ref().and_then(|calendar| calendar.uid.clone()).filter(|uid| !uid.is_empty());
    Some(ObjectItem {
        item_id: id.id.clone(),
        change_key: id.change_key.clone().unwrap_or_default(),
        bind: bind(item),
        kind,
        uid: text(&kept::UID).filter(|uid| !uid.is_empty()).or(own),
        name: text(&kept::NAME).filter(|name| !name.is_empty()).map(ObjectName),
        span: span(item),
        modified: item.last_modified,
    })
}

/// What stays when every id becomes another.
fn bind(item: &ews::Item) -> Option<Vec<u8>> {
    let binary = |field| item.extended.get(field).and_then(ews::Value::as_binary).unwrap_or_default();
    let (meeting, search) = (binary(&CLEAN_GLOBAL_OBJECT_ID), binary(&SEARCH_KEY));
    let mut bytes = u32::try_from(meeting.len()).unwrap_or(u32::MAX).to_be_bytes().to_vec();
    bytes.extend_from_slice(meeting);
    bytes.extend_from_slice(search);
    (!meeting.is_empty() || !search.is_empty()).then_some(bytes)
}

/// Within this lies a single event. A series may have exceptions anywhere, so it has no span before it was read.
fn span(item: &ews::Item) -> Option<Span> {
    let calendar = item.calendar.as_ref()?;
    if calendar.kind == Some(CalendarItemKind::Master) {
        return None;
    }
    let instant = |moment: Option<ews::Moment>| moment.and_then(ews::Moment::instant);
    // Whole days are other hours in other zones.
    let around = |at: Timestamp, hours: i64| at.checked_add(SignedDuration::from_hours(hours)).ok();
    let start = around(instant(calendar.start)?, -14)?;
    Some(Span { start, end: instant(calendar.end).and_then(|end| around(end, 14)) })
}

/// What is asked of an item to render it; what the index needs comes along.
pub(crate) fn shape(collection: CollectionKind) -> ItemShape {
    let ItemShape { base, body, mut additional } = native_shape(collection);
    additional.extend([kept::OBJECT.clone().into()]);
    additional.extend(index_paths(collection));
    let mut seen = std::collections::HashSet::new();
    additional.retain(|path| seen.insert(path.clone()));
    ItemShape { base, body, additional }
}

/// What is asked of an exception, beside its master.
pub(crate) fn exception_shape(collection: CollectionKind) -> ItemShape {
    match collection {
        CollectionKind::Calendar => event::exception_shape(),
        _ => shape(collection),
    }
}

fn native_shape(collection: CollectionKind) -> ItemShape {
    match collection {
        CollectionKind::Calendar => event::shape(),
        CollectionKind::Tasks => task::shape(),
        CollectionKind::ScheduleInbox => invitation::shape(),
        CollectionKind::Contacts => {
            let mut shape = contact::shape();
            shape.additional.extend(list::paths());
            shape
        }
        CollectionKind::Notes => note::shape(),
        CollectionKind::Directory => ItemShape::default(),
    }
}

/// An object as clients see it.
///
/// # Errors
/// `Cannot` if it is nothing a client of such a collection knows.
pub(crate) fn render(native: &Native, collection: CollectionKind, context: &Context) -> Result<Rendered> {
    match kind_of(&native.item, collection) {
        Some(ObjectKind::Event) => Ok(event::render(native, context)),
        Some(ObjectKind::Message) => Ok(invitation::render(native, context)),
        Some(ObjectKind::Todo) => Ok(task::render(native, context)),
        Some(ObjectKind::Card) => Ok(contact::render(native, context)),
        Some(ObjectKind::Group) => Ok(list::render(native, context)),
        Some(ObjectKind::Journal) => Ok(note::render(native, context)),
        None => Err(Error::new(ErrorKind::Cannot, "such an object cannot be shown")),
    }
}

/// What must be done so that Exchange has what a text says.
///
/// # Errors
/// The precondition that is not met, with a sentence.
pub(crate) fn plan(
    text: &str,
    collection: CollectionKind,
    current: Option<&Native>,
    context: &Context,
) -> ObjectResult<Plan> {
    let component = one(text)?;
    match collection {
        CollectionKind::Calendar => event::plan(text, current, context),
        CollectionKind::Tasks => task::plan(text, &component, current, context),
        CollectionKind::Contacts => {
            let group = list::is_group(&component);
            let kind = if group { ItemKind::DistributionList } else { ItemKind::Contact };
            if current.is_some_and(|current| current.item.kind != kind) {
                let sentence = "a group cannot become a person at Exchange, nor a person a group";
                return Err(ObjectError::precondition(Precondition::ValidObject, sentence));
            }
            if group {
                list::plan(text, &component, current, context)
            } else {
                contact::plan(text, &component, current)
            }
        }
        CollectionKind::Notes => note::plan(text, &component, current),
        CollectionKind::ScheduleInbox | CollectionKind::Directory => {
            Err(ObjectError::new(ErrorKind::Denied, "nothing can be stored in this collection"))
        }
    }
}

/// The one component of a text.
fn one(text: &str) -> ObjectResult<pim::Component> {
    let invalid = |sentence: String| ObjectError::precondition(Precondition::ValidData, sentence);
    let mut components = pim::parse(text).map_err(|error| invalid(error.to_string()))?;
    match (components.pop(), components.is_empty()) {
        (Some(component), true) => Ok(component),
        _ => Err(invalid("the text is not exactly one VCALENDAR or VCARD".to_owned())),
    }
}

/// The element an object's properties stand in.
pub(crate) fn item_kind(kind: ObjectKind) -> ItemKind {
    match kind {
        ObjectKind::Event => ItemKind::CalendarItem,
        ObjectKind::Todo => ItemKind::Task,
        ObjectKind::Card => ItemKind::Contact,
        ObjectKind::Group => ItemKind::DistributionList,
        ObjectKind::Journal | ObjectKind::Message => ItemKind::Message,
    }
}

/// What must be asked for beyond an item before it can be rendered.
pub(crate) fn needs(item: &ews::Item, kind: ObjectKind) -> Needs {
    let exceptions = item.calendar.iter().flat_map(|calendar| &calendar.modified).map(|it| it.id.clone()).collect();
    let wanted = |info: &&AttachmentInfo| match kind {
        ObjectKind::Card => info.is_contact_photo == Some(true) || info.name.as_deref() == Some(PHOTO),
        ObjectKind::Event | ObjectKind::Todo | ObjectKind::Journal => !info.is_item && info.location.is_none(),
        ObjectKind::Group | ObjectKind::Message => false,
    };
    let small = |info: &&AttachmentInfo| info.size.unwrap_or(0) <= LARGEST_FILE;
    let files = item.attachments.iter().filter(wanted).filter(small).filter_map(|info| info.id.clone()).collect();
    Needs { exceptions, files }
}

/// PidLidCleanGlobalObjectId: the same for a meeting in every calendar it is in.
const CLEAN_GLOBAL_OBJECT_ID: ExtendedField = ExtendedField::id(PropertySet::Meeting, 0x0023, PropertyKind::Binary);
/// What Outlook calls the photo of a contact; Exchange 2007 says no more of it.
const PHOTO: &str = "ContactPicture.jpg";
/// Bytes; what is larger is told of without its content.
const LARGEST_FILE: u64 = 10 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_told_apart_by_class() {
        for (class, kind) in [
            ("IPF.Appointment", Some(CollectionKind::Calendar)),
            ("ipf.appointment.birthday", Some(CollectionKind::Calendar)),
            ("IPF.Contact", Some(CollectionKind::Contacts)),
            ("IPF.Contact.RecipientCache", None),
            ("IPF.Tasks", None),
            ("IPF.Note", None),
            ("", None),
        ] {
            assert_eq!(collection_kind(Some(class)), kind, "{class}");
        }
        assert_eq!(collection_kind(None), None);
    }
}
