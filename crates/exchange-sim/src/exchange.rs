//! The organisation: the one type the rest of the program talks to.

use std::sync::Arc;

use jiff::Timestamp;

use crate::Version;

/// How the server is set up.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The newest schema the server knows.
    pub version: Version,
    /// How `MimeContent` is made.
    pub mime: MimeMode,
}

/// How `MimeContent` is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MimeMode {
    /// Written anew, as Exchange does: another boundary, other folding.
    Render,
    /// The bytes as they came in.
    Verbatim,
}

/// The whole organisation. Cloning is cheap and gives the same organisation.
#[derive(Clone)]
pub struct Exchange {
    options: Options,
}

/// The answer to one SOAP request.
pub enum Answer {
    /// One document.
    Document {
        /// HTTP status: 200, or 500 with a SOAP fault.
        status: u16,
        /// The SOAP document.
        body: Vec<u8>,
        /// Name of the operation, such as `GetItem`; `Fault` when the request could not be read.
        operation: &'static str,
    },
    /// Many documents in one chunked body, as they become available.
    Stream {
        /// Name of the operation: `GetStreamingEvents`.
        operation: &'static str,
        /// The documents.
        events: EventStream,
    },
}

/// The documents of one GetStreamingEvents answer.
pub struct EventStream {}

impl EventStream {
    /// The next complete SOAP document: notifications, or a heartbeat (`ConnectionStatus` OK, one at once and one
    /// every 30 s), at the end `Closed`; `None` after that.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        None
    }
}

/// The bytes a message came in as.
#[derive(Clone)]
pub enum Original {
    /// Kept in memory.
    Bytes(Arc<[u8]>),
    /// Made on demand, for mailboxes too large to keep: must give the same bytes each time.
    Made(Arc<dyn Fn() -> Vec<u8> + Send + Sync>),
}

/// What is known of an imported message beside its bytes.
#[derive(Clone, Debug)]
pub struct Received {
    /// When it arrived (`DateTimeReceived`, whole seconds).
    pub date: Timestamp,
    /// Seen by the user.
    pub read: bool,
    /// Flagged for follow-up.
    pub flagged: bool,
    /// Not sent yet (a draft).
    pub draft: bool,
    /// Replied to.
    pub answered: bool,
    /// Forwarded.
    pub forwarded: bool,
    /// Outlook categories.
    pub categories: Vec<String>,
    /// Came over SMTP: has transport headers.
    pub transported: bool,
    /// Length of the message in bytes where known; saves making the message to find out.
    pub length: Option<u32>,
}

impl Received {
    /// Received at `date`, unread, with transport headers.
    pub fn at(date: Timestamp) -> Received {
        Received {
            date,
            read: false,
            flagged: false,
            draft: false,
            answered: false,
            forwarded: false,
            categories: Vec::new(),
            transported: true,
            length: None,
        }
    }
}

/// How [`Exchange::edit`] finds the item to edit.
#[derive(Clone, Debug)]
pub enum Edit {
    /// By its EWS item id.
    ItemId(String),
    /// The newest item in the folder (named as in [`Exchange::deliver`]) with this subject.
    Subject {
        /// The folder.
        folder: String,
        /// The whole subject.
        subject: String,
    },
}

impl Exchange {
    /// An organisation without mailboxes.
    pub fn new(options: Options) -> Exchange {
        Exchange { options }
    }

    /// How the server is set up.
    pub fn options(&self) -> Options {
        self.options
    }

    /// Adds a mailbox with the distinguished folders of the server's version; does nothing if it is there.
    pub fn add_mailbox(&self, _address: &str, _display_name: &str) {}

    /// The addresses of all mailboxes, in the order they were added.
    pub fn mailboxes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Answers one SOAP request of the signed-in `user` (an address).
    pub fn answer(&self, _user: &str, _request: &[u8]) -> Answer {
        Answer::Document { status: 200, body: Vec::new(), operation: "Fault" }
    }

    /// Delivers a message as if it had come by SMTP. `folder` is a distinguished id such as `inbox` or a path such as
    /// `Inbox/Work` below the top of the information store. Errors name what is not there.
    pub fn deliver(&self, _mailbox: &str, _folder: &str, _message: Vec<u8>) -> Result<(), String> {
        Ok(())
    }

    /// Puts a message in place without telling subscribers; for presets and imports.
    pub fn import(&self, _mailbox: &str, _folder: &str, _message: Original, _received: Received) -> Result<(), String> {
        Ok(())
    }

    /// Creates a folder and its missing parents. `class` is a folder class such as `IPF.Note`; empty leaves it out.
    pub fn create_folder(&self, _mailbox: &str, _path: &str, _class: &str) -> Result<(), String> {
        Ok(())
    }

    /// Gives a distinguished folder (for instance `sentitems`) another display name, as mailboxes in other languages
    /// have.
    pub fn name_folder(&self, _mailbox: &str, _distinguished: &str, _display_name: &str) -> Result<(), String> {
        Ok(())
    }

    /// Moves the mailbox to another server, as an administrator would: every item id, folder id, change key and sync
    /// state becomes another; content, structure, article numbers and search keys stay.
    pub fn migrate(&self, _mailbox: &str) -> Result<(), String> {
        Ok(())
    }

    /// Edits an item on the server, as Outlook would: same item id, new change key, new content.
    pub fn edit(&self, _mailbox: &str, _item: &Edit, _message: Vec<u8>) -> Result<(), String> {
        Ok(())
    }
}
