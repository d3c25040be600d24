//! What Exchange calls things: ids, properties, items, folders.

mod calendar;
mod contact;
mod extended;
mod field;
mod folder;
mod id;
mod item;
mod moment;
mod out_of_office;
mod property;
mod recurrence;
mod restriction;
mod rights;
mod shape;
mod task;
mod time_zone;
mod version;
mod words;

pub use calendar::{
    Attendee, Calendar, CalendarItemKind, EnhancedLocation, FreeBusy, Meeting, Occurrence, RequestKind, ResponseKind,
};
pub use contact::{
    AddressKey, AddressPart, CompleteName, Contact, DistributionList, EmailEntry, EmailKey, FileAsMapping, ImKey,
    Member, PhoneKey, PostalAddress, PostalIndex,
};
pub(crate) use extended::write_property;
pub use extended::{ExtendedField, ExtendedProperties, PropertyKind, PropertyName, PropertySet, Value};
pub use field::{Field, Path};
pub use folder::{Folder, FolderKind};
pub use id::{AttachmentId, DistinguishedFolder, FolderId, FolderRef, ItemId, ItemRef};
pub(crate) use item::strings;
pub use item::{
    Address, AttachmentInfo, Body, BodyKind, FlagStatus, Header, Importance, Item, ItemKind, MailboxKind, Sensitivity,
};
pub use moment::Moment;
pub(crate) use moment::read_utc;
pub use out_of_office::{Audience, OofState, OutOfOffice};
pub use property::Property;
pub use recurrence::{Day, End, Index, Pattern, Recurrence, Unit};
pub use restriction::{Comparison, Direction, Match, Page, Restriction, Sort};
pub(crate) use rights::write_permissions;
pub use rights::{EffectiveRights, Permission, PermissionLevel, ReadAccess, UserId, Whose};
pub use shape::{BaseShape, FolderShape, ItemShape};
pub use task::{DelegationState, Task, TaskStatus};
pub use time_zone::{
    ChangeDay, MeetingTimeZone, Period, Target, TimeChange, TimeZoneDefinition, Transition, Transitions, Turn,
};
pub use version::{ServerVersion, Version};
pub(crate) use words::words;
