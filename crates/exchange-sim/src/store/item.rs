//! An item: small while nobody looks at its content.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use super::{PropertyKey, Value};
use crate::{
    Original, Poison,
    mime::parse::{Importance, Parsed, Person, parse},
    soap::Element,
    time::Seconds,
};

/// An item of any kind.
#[derive(Clone)]
pub(crate) struct Item {
    /// The change that brought it into its folder; names it there.
    pub(crate) key: u64,
    /// The last change.
    pub(crate) changed: u64,
    /// The last change other than of the read flag.
    pub(crate) altered: u64,
    /// Stays when the item is moved or copied: the search key comes from it.
    pub(crate) origin: u64,
    pub(crate) article: u32,
    pub(crate) kind: Kind,
    pub(crate) read: bool,
    /// MSGFLAG_UNSENT.
    pub(crate) draft: bool,
    /// Came over a transport.
    pub(crate) transported: bool,
    pub(crate) associated: bool,
    pub(crate) created_at: Seconds,
    pub(crate) modified_at: Seconds,
    pub(crate) received_at: Seconds,
    /// The submit time where it is known beside the Date field.
    pub(crate) sent_at: Option<Seconds>,
    /// The message; contacts, tasks and the like may have none.
    pub(crate) content: Option<Original>,
    length: Length,
    summary: OnceLock<Arc<Summary>>,
    /// What few items have.
    pub(crate) extra: Option<Box<Extra>>,
}

/// The element an item is sent as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Message,
    PostItem,
    CalendarItem,
    Contact,
    DistributionList,
    Task,
    MeetingMessage,
    MeetingRequest,
    MeetingResponse,
    MeetingCancellation,
}

impl Kind {
    /// The element name, the schema type, the object type in change keys, and the item class.
    pub(crate) fn facts(self) -> (&'static str, &'static str, u32, &'static str) {
        match self {
            Kind::Message => ("Message", "MessageType", 9, "IPM.Note"),
            Kind::PostItem => ("PostItem", "PostItemType", 9, "IPM.Post"),
            Kind::CalendarItem => ("CalendarItem", "CalendarItemType", 15, "IPM.Appointment"),
            Kind::Contact => ("Contact", "ContactItemType", 17, "IPM.Contact"),
            Kind::DistributionList => ("DistributionList", "DistributionListType", 18, "IPM.DistList"),
            Kind::Task => ("Task", "TaskType", 19, "IPM.Task"),
            Kind::MeetingMessage => ("MeetingMessage", "MeetingMessageType", 10, "IPM.Schedule.Meeting"),
            Kind::MeetingRequest => ("MeetingRequest", "MeetingRequestMessageType", 11, "IPM.Schedule.Meeting.Request"),
            Kind::MeetingResponse => {
                ("MeetingResponse", "MeetingResponseMessageType", 12, "IPM.Schedule.Meeting.Resp.Pos")
            }
            Kind::MeetingCancellation => {
                ("MeetingCancellation", "MeetingCancellationMessageType", 13, "IPM.Schedule.Meeting.Canceled")
            }
        }
    }

    /// The kind sent as that element; `Item` has been a message since 2007 SP1.
    pub(crate) fn of_element(name: &str) -> Option<Kind> {
        match name {
            "Item" => Some(Kind::Message),
            _ => KINDS.iter().copied().find(|kind| kind.facts().0 == name),
        }
    }

    /// The kind that goes with an item class.
    pub(crate) fn of_class(class: &str) -> Option<Kind> {
        KINDS.iter().copied().filter(|kind| class.starts_with(kind.facts().3)).max_by_key(|kind| kind.facts().3.len())
    }

    /// Mail: its content is a message.
    pub(crate) fn is_mail(self) -> bool {
        !matches!(self, Kind::CalendarItem | Kind::Contact | Kind::DistributionList | Kind::Task)
    }
}

const KINDS: &[Kind] = &[
    Kind::Message,
    Kind::PostItem,
    Kind::CalendarItem,
    Kind::Contact,
    Kind::DistributionList,
    Kind::Task,
    Kind::MeetingMessage,
    Kind::MeetingRequest,
    Kind::MeetingResponse,
    Kind::MeetingCancellation,
];

/// The last verb (PidTagLastVerbExecuted).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verb {
    /// 102 reply, 103 reply to all, 104 forward.
    pub(crate) verb: i64,
    pub(crate) at: Seconds,
}

/// What few items have.
#[derive(Clone, Default)]
pub(crate) struct Extra {
    pub(crate) class: Option<String>,
    pub(crate) categories: Vec<String>,
    /// PidTagFlagStatus: 1 complete, 2 flagged.
    pub(crate) flag: Option<i64>,
    pub(crate) verb: Option<Verb>,
    /// Extended properties without a meaning of their own here.
    pub(crate) properties: BTreeMap<PropertyKey, Value>,
    /// EWS properties without a meaning of their own here, as they were set.
    pub(crate) fields: BTreeMap<String, Element>,
    /// Numbers of the attachments in the order of the content, once one was added or removed.
    pub(crate) attachments: Option<Vec<u32>>,
    /// Numbers given to attachments so far.
    pub(crate) attachments_given: u32,
    /// What is wrong with it.
    pub(crate) poison: Option<Poison>,
    /// Who made it, if not the owner of the mailbox.
    pub(crate) creator: Option<String>,
    /// The number of the attachment that is the picture of a contact.
    pub(crate) photo: Option<u32>,
    /// MSGFLAG_SUBMIT: it is to be sent, and waits.
    pub(crate) submitted: bool,
    /// The owner of the mailbox sent it to himself (mfFromMe).
    pub(crate) from_me: bool,
    /// The read receipt it asks for was sent, or shall not be.
    pub(crate) receipt_settled: bool,
    /// What makes it a calendar item or meeting message.
    pub(crate) event: Option<Box<crate::calendar::event::Event>>,
}

/// What lists show of a message.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) subject: String,
    pub(crate) from: Option<Person>,
    pub(crate) sender: Option<Person>,
    pub(crate) to: Vec<Person>,
    pub(crate) cc: Vec<Person>,
    pub(crate) bcc: Vec<Person>,
    pub(crate) reply_to: Vec<Person>,
    pub(crate) message_id: Option<String>,
    pub(crate) in_reply_to: Option<String>,
    pub(crate) references: Option<String>,
    pub(crate) date: Option<Seconds>,
    pub(crate) importance: Importance,
    pub(crate) has_attachments: bool,
    /// `Disposition-Notification-To` and `Return-Receipt-To`: who asks for a receipt.
    pub(crate) read_receipt_to: Option<Person>,
    pub(crate) delivery_receipt_to: Option<Person>,
    /// `SensitivityChoicesType`
    pub(crate) sensitivity: &'static str,
    /// The first 255 characters of the text.
    pub(crate) preview: String,
}

impl Item {
    /// An item that is about to arrive somewhere.
    pub(crate) fn new(kind: Kind, content: Option<Original>, now: Seconds) -> Item {
        Item {
            key: 0,
            changed: 0,
            altered: 0,
            origin: 0,
            article: 0,
            kind,
            read: false,
            draft: false,
            transported: false,
            associated: false,
            created_at: now,
            modified_at: now,
            received_at: now,
            sent_at: None,
            content,
            length: Length::default(),
            summary: OnceLock::new(),
            extra: None,
        }
    }

    /// The message as it came in; empty for items without one.
    pub(crate) fn bytes(&self) -> Arc<[u8]> {
        match &self.content {
            None => Arc::from(Vec::new()),
            Some(Original::Bytes(bytes)) => Arc::clone(bytes),
            Some(Original::Made(make)) => Arc::from(make()),
        }
    }

    /// Waits to be sent.
    pub(crate) fn is_submitted(&self) -> bool {
        self.extra.as_ref().is_some_and(|extra| extra.submitted)
    }

    /// Counts as unread.
    pub(crate) fn is_unread(&self) -> bool {
        !self.read && !self.associated
    }

    /// Length of the message in bytes.
    pub(crate) fn length(&self) -> u32 {
        match self.length.0.load(Ordering::Relaxed) {
            0 => {
                let length = u32::try_from(self.bytes().len()).unwrap_or(u32::MAX);
                self.length.0.store(length, Ordering::Relaxed);
                length
            }
            known => known,
        }
    }

    /// PidTagMessageSize: what the store needs, which is not the length of the message.
    pub(crate) fn size(&self) -> u64 {
        // Attachments are kept decoded, text in two bytes a character, and every property costs something.
        u64::from(self.length()) * 4 / 5 + 1_900 + self.origin % 617
    }

    /// Tells the length where it is known, so that nobody makes the message to find out.
    pub(crate) fn set_length(&mut self, length: u32) {
        self.length = Length(AtomicU32::new(length));
    }

    /// What lists show. Kept only for messages that are kept themselves.
    pub(crate) fn summary(&self) -> Arc<Summary> {
        match &self.content {
            Some(Original::Made(make)) => Arc::new(Summary::of(parse(&make()))),
            _ => Arc::clone(self.summary.get_or_init(|| Arc::new(Summary::of(parse(&self.bytes()))))),
        }
    }

    /// Replaces the message.
    pub(crate) fn set_content(&mut self, message: Vec<u8>) {
        self.content = Some(Original::Bytes(Arc::from(message)));
        self.length = Length::default();
        self.summary = OnceLock::new();
    }

    /// The item class.
    pub(crate) fn class(&self) -> &str {
        self.extra.as_ref().and_then(|extra| extra.class.as_deref()).unwrap_or(self.kind.facts().3)
    }

    /// What few items have, made if need be.
    pub(crate) fn extra_mut(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    /// The numbers of the attachments, in the order of the content.
    pub(crate) fn attachment_numbers(&self, count: usize) -> Vec<u32> {
        match self.extra.as_ref().and_then(|extra| extra.attachments.as_ref()) {
            Some(numbers) => numbers.clone(),
            None => (0..u32::try_from(count).unwrap_or(u32::MAX)).collect(),
        }
    }
}

impl Summary {
    fn of(parsed: Parsed) -> Summary {
        let preview = match (&parsed.text, &parsed.html) {
            (Some(text), _) => text.chars().take(255).collect(),
            (None, Some(html)) => crate::property::text_of_html(html).chars().take(255).collect(),
            (None, None) => String::new(),
        };
        Summary {
            subject: parsed.subject,
            from: parsed.from,
            sender: parsed.sender,
            to: parsed.to,
            cc: parsed.cc,
            bcc: parsed.bcc,
            reply_to: parsed.reply_to,
            message_id: parsed.message_id,
            in_reply_to: parsed.in_reply_to,
            references: parsed.references,
            date: parsed.date,
            importance: parsed.importance,
            has_attachments: parsed.has_attachments,
            read_receipt_to: parsed.read_receipt_to,
            delivery_receipt_to: parsed.delivery_receipt_to,
            sensitivity: parsed.sensitivity,
            preview,
        }
    }
}

/// A length found out once; 0 is not known yet.
#[derive(Default)]
struct Length(AtomicU32);

impl Clone for Length {
    fn clone(&self) -> Length {
        Length(AtomicU32::new(self.0.load(Ordering::Relaxed)))
    }
}
