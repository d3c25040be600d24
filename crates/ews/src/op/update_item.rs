//! UpdateItem: set and clear properties of items.

use super::Invitations;
use super::payload::Items;
use crate::operation::{Operation, each};
use crate::soap::Xml;
use crate::types::{ItemId, ItemKind, ItemRef, Path, Property, Version};
use crate::{Error, ItemError};

/// Changes items; the answer has their ids with new change keys. No read receipt is sent, if the server lets us say so
/// (from 2013 SP1 on): before, marking a message read may send the one it asked for.
#[derive(Clone, Debug)]
pub struct UpdateItem {
    /// Which, and how.
    pub items: Vec<ItemUpdate>,
    /// What happens if an item changed meanwhile.
    pub conflict: ConflictResolution,
    /// Who is told of changed meetings.
    pub invitations: Invitations,
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
    pub id: ItemRef,
    /// Its type: fields are written inside an element of it. `Message` for all mail.
    pub kind: ItemKind,
    /// The changes. At least one.
    pub changes: Vec<FieldChange>,
}

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldChange {
    /// Sets a property; an empty list clears it.
    Set(Property),
    /// Clears a property.
    Delete(Path),
}

impl From<Property> for FieldChange {
    fn from(property: Property) -> FieldChange {
        FieldChange::Set(property)
    }
}

impl Operation for UpdateItem {
    type Payload = Items;
    type Answer = Vec<Result<ItemId, ItemError>>;
    const NAME: &'static str = "UpdateItem";

    fn required(&self) -> Version {
        let changes = self.items.iter().flat_map(|item| &item.changes);
        let set =
            changes.filter_map(|change| if let FieldChange::Set(property) = change { Some(property) } else { None });
        set.map(Property::required).fold(Version::Exchange2007, Version::max)
    }

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
        attributes.push(("SendMeetingInvitationsOrCancellations", self.invitations.to_changed()));
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
                self.changes.iter().for_each(|change| change.write(xml, self.kind, version));
            });
        });
    }
}

impl FieldChange {
    /// Writes it, unless it is of something the version does not know.
    fn write(&self, xml: &mut Xml, kind: ItemKind, version: Version) {
        match self {
            FieldChange::Set(property) if !property.is_known_in(version) => {}
            FieldChange::Set(property) if property.is_empty_list() => delete(xml, &property.path()),
            FieldChange::Set(property) => xml.within("t:SetItemField", &[], |xml| {
                property.path().write(xml);
                xml.within(kind.element(), &[], |xml| property.write(xml, version));
            }),
            FieldChange::Delete(path) if path.since() > version => {}
            FieldChange::Delete(path) => delete(xml, path),
        }
    }
}

fn delete(xml: &mut Xml, path: &Path) {
    xml.within("t:DeleteItemField", &[], |xml| path.write(xml));
}
