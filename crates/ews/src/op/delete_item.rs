//! DeleteItem: delete items in one of three ways.

use super::get_item::write_refs;
use super::{DeleteType, Invitations};
use crate::operation::{Nothing, Operation, each};
use crate::soap::Xml;
use crate::types::{ItemRef, Version};
use crate::{Error, ItemError};

/// Deletes items. No read receipt tells of it, where that can be said.
#[derive(Clone, Debug)]
pub struct DeleteItem {
    /// Which; occurrences of a series one by one.
    pub items: Vec<ItemRef>,
    /// How.
    pub how: DeleteType,
    /// Who is told that a meeting will not be.
    pub cancellations: Invitations,
    /// What goes of a task that repeats.
    pub tasks: TaskOccurrences,
}

/// What goes of a task that repeats (EWS "AffectedTaskOccurrences").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TaskOccurrences {
    /// All of it.
    #[default]
    All,
    /// The present occurrence; the next takes its place.
    This,
}

impl DeleteItem {
    /// Deletes items and tells nobody.
    pub fn quietly(items: impl IntoIterator<Item = impl Into<ItemRef>>, how: DeleteType) -> DeleteItem {
        let items = items.into_iter().map(Into::into).collect();
        DeleteItem { items, how, cancellations: Invitations::Nobody, tasks: TaskOccurrences::All }
    }
}

impl Operation for DeleteItem {
    type Payload = Nothing;
    type Answer = Vec<Result<(), ItemError>>;
    const NAME: &'static str = "DeleteItem";
    const IDEMPOTENT: bool = false;

    /// Asks for 2013 SP1 for the sake of SuppressReadReceipts; an older server gets what it understands.
    fn wished(&self) -> Version {
        Version::Exchange2013Sp1
    }

    fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    fn write(&self, xml: &mut Xml, version: Version) {
        let tasks = match self.tasks {
            TaskOccurrences::All => "AllOccurrences",
            TaskOccurrences::This => "SpecifiedOccurrenceOnly",
        };
        let mut attributes = vec![
            ("DeleteType", self.how.as_str()),
            ("SendMeetingCancellations", self.cancellations.to_all()),
            ("AffectedTaskOccurrences", tasks),
        ];
        if version >= Version::Exchange2013Sp1 {
            attributes.push(("SuppressReadReceipts", "true"));
        }
        xml.within("m:DeleteItem", &attributes, |xml| write_refs(xml, &self.items));
    }

    fn answer(&self, messages: Vec<Result<Nothing, ItemError>>) -> Result<Self::Answer, Error> {
        each(self.items.len(), messages, |_| Ok(()))
    }
}
