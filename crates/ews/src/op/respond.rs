//! CreateItem with AcceptItem, TentativelyAcceptItem or DeclineItem: answer an invitation.

use jiff::Timestamp;

use super::create_item::Disposition;
use super::payload::Items;
use crate::operation::{Operation, only};
use crate::soap::Xml;
use crate::types::{Body, ItemId, Version};
use crate::{Error, ItemError};

/// Answers an invitation; the answer has the ids of what Exchange made or changed by it, if it told any.
#[derive(Clone, Debug)]
pub struct Respond {
    /// The invitation, or the meeting in the calendar, with its change key.
    pub to: ItemId,
    /// What to say.
    pub answer: Answer,
    /// A few words to the organizer.
    pub comment: Option<Body>,
    /// Another time to propose; said from 2013 on.
    pub proposed: Option<(Timestamp, Timestamp)>,
    /// `SendAndSaveCopy` tells the organizer; `SaveOnly` leaves the answer among the drafts.
    pub disposition: Disposition,
}

/// What to say to an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Yes.
    Accept,
    /// Perhaps.
    Tentative,
    /// No; the meeting leaves the calendar.
    Decline,
}

impl Operation for Respond {
    type Payload = Items;
    type Answer = Vec<ItemId>;
    const NAME: &'static str = "CreateItem";
    const IDEMPOTENT: bool = false;

    fn wished(&self) -> Version {
        if self.proposed.is_some() { Version::Exchange2013 } else { self.required() }
    }

    fn write(&self, xml: &mut Xml, version: Version) {
        let name = match self.answer {
            Answer::Accept => "t:AcceptItem",
            Answer::Tentative => "t:TentativelyAcceptItem",
            Answer::Decline => "t:DeclineItem",
        };
        xml.within("m:CreateItem", &[("MessageDisposition", self.disposition.as_str())], |xml| {
            xml.within("m:Items", &[], |xml| {
                xml.within(name, &[], |xml| {
                    if let Some(comment) = &self.comment {
                        xml.text_with("t:Body", &[("BodyType", comment.kind.as_str())], &comment.text);
                    }
                    self.to.write_as(xml, "t:ReferenceItemId");
                    if let Some((start, end)) = self.proposed.filter(|_| version >= Version::Exchange2013) {
                        xml.text("t:ProposedStart", &start.to_string());
                        xml.text("t:ProposedEnd", &end.to_string());
                    }
                });
            });
        });
    }

    fn answer(&self, messages: Vec<Result<Items, ItemError>>) -> Result<Vec<ItemId>, Error> {
        Ok(only(messages)?.0.into_iter().filter_map(|item| item.id).collect())
    }
}
