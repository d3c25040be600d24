//! UpdateItem: set and clear properties of items.

use super::create_item::write_strings;
use super::payload::Items;
use crate::operation::{Operation, each};
use crate::soap::Xml;
use crate::types::{ExtendedField, Field, FlagStatus, ItemId, ItemKind, Path, Value, Version, write_property};
use crate::{Error, ItemError};

/// Changes items; the answer has their ids with new change keys. Nothing is sent to anybody, if the server lets us
/// say so (from 2013 SP1 on): before, marking a message read may send the read receipt it asked for.
#[derive(Clone, Debug)]
pub struct UpdateItem {
    /// Which, and how.
    pub items: Vec<ItemUpdate>,
    /// What happens if an item changed meanwhile.
    pub conflict: ConflictResolution,
}

/// What happens if an item changed since its change key was read (EWS "ConflictResolution").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConflictResolution {
    /// The call fails for that item.
    NeverOverwrite,
    /// The changes are merged if they can be; needs change keys.
    AutoResolve,
    /// This change wins. Meant for flags.
    AlwaysOverwrite,
}

/// What changes of one item.
#[derive(Clone, Debug)]
pub struct ItemUpdate {
    /// Which.
    pub id: ItemId,
    /// Its type: fields are written inside an element of it. `Message` for all mail.
    pub kind: ItemKind,
    /// The changes. At least one.
    pub changes: Vec<FieldChange>,
}

/// One change.
#[derive(Clone, Debug)]
pub enum FieldChange {
    /// Read or unread.
    IsRead(bool),
    /// These categories; none clears them.
    Categories(Vec<String>),
    /// The follow-up flag; from 2013 on.
    Flag(FlagStatus),
    /// The subject.
    Subject(String),
    /// A MAPI property.
    Set(ExtendedField, Value),
    /// Clears a property.
    Delete(Path),
}

impl Operation for UpdateItem {
    type Payload = Items;
    type Answer = Vec<Result<ItemId, ItemError>>;
    const NAME: &'static str = "UpdateItem";

    /// Asks for 2013 SP1 for the sake of SuppressReadReceipts; an older server gets what it understands.
    fn wished(&self) -> Version {
        Version::Exchange2013Sp1
    }

    fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    fn write(&self, xml: &mut Xml, version: Version) {
        let conflict = match self.conflict {
            ConflictResolution::NeverOverwrite => "NeverOverwrite",
            ConflictResolution::AutoResolve => "AutoResolve",
            ConflictResolution::AlwaysOverwrite => "AlwaysOverwrite",
        };
        let mut attributes = vec![("ConflictResolution", conflict), ("MessageDisposition", "SaveOnly")];
        if version >= Version::Exchange2013Sp1 {
            attributes.push(("SuppressReadReceipts", "true"));
        }
        xml.within("m:UpdateItem", &attributes, |xml| {
            xml.within("m:ItemChanges", &[], |xml| self.items.iter().for_each(|item| item.write(xml, version)));
        });
    }

    fn answer(&self, messages: Vec<Result<Items, ItemError>>) -> Result<Self::Answer, Error> {
        each(self.items.len(), messages, |items| items.id().ok_or(ItemError::incomplete("item id")))
    }
}

impl ItemUpdate {
    fn write(&self, xml: &mut Xml, version: Version) {
        xml.within("t:ItemChange", &[], |xml| {
            self.id.write(xml);
            xml.within("t:Updates", &[], |xml| {
                let known =
                    |change: &&FieldChange| version >= Version::Exchange2013 || !matches!(change, FieldChange::Flag(_));
                self.changes.iter().filter(known).for_each(|change| self.write_change(xml, change));
            });
        });
    }

    fn write_change(&self, xml: &mut Xml, change: &FieldChange) {
        match change {
            FieldChange::IsRead(read) => {
                self.set(xml, &Field::IS_READ.into(), |xml| xml.text("t:IsRead", &read.to_string()))
            }
            FieldChange::Categories(names) if names.is_empty() => delete(xml, &Field::CATEGORIES.into()),
            FieldChange::Categories(names) => {
                self.set(xml, &Field::CATEGORIES.into(), |xml| write_strings(xml, "t:Categories", names));
            }
            FieldChange::Flag(status) => self.set(xml, &Field::FLAG.into(), |xml| {
                xml.within("t:Flag", &[], |xml| xml.text("t:FlagStatus", status.as_str()));
            }),
            FieldChange::Subject(subject) => {
                self.set(xml, &Field::SUBJECT.into(), |xml| xml.text("t:Subject", subject));
            }
            FieldChange::Set(field, value) => {
                self.set(xml, &field.clone().into(), |xml| write_property(xml, field, value));
            }
            FieldChange::Delete(path) => delete(xml, path),
        }
    }

    fn set(&self, xml: &mut Xml, path: &Path, value: impl FnOnce(&mut Xml)) {
        xml.within("t:SetItemField", &[], |xml| {
            path.write(xml);
            xml.within(self.kind.element(), &[], value);
        });
    }
}

fn delete(xml: &mut Xml, path: &Path) {
    xml.within("t:DeleteItemField", &[], |xml| path.write(xml));
}
