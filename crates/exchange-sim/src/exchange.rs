//! The organisation: the one type the rest of the program talks to.

mod administer;
mod post;
mod stream;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;

use crate::{
    Caller, Entry, Version,
    calendar::{xml::read_zone, zone::Zone},
    caller::{Impersonator, acting_as},
    directory::Directory,
    op::{self, Call, streams},
    public_folders::PublicFolders,
    schema::{Schema, Violation, check},
    soap::{self, Element, Fault, Ns, envelope},
    store::{
        EventKind, Item, Kind, Mailbox, QUOTA, Role, Subject, Verb,
        ids::{self, Target},
        names,
    },
    submission::{self, Post},
};

use stream::Streams;

pub use stream::EventStream;

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
    inner: Arc<Inner>,
}

struct Inner {
    organisation: Mutex<Organisation>,
    /// Wakes streams when something may have happened.
    news: Notify,
    /// Tells that mail waits for its time.
    waiting: Notify,
}

/// What the organisation keeps.
pub(crate) struct Organisation {
    pub(crate) options: Options,
    pub(crate) mailboxes: Vec<Mailbox>,
    streams: Streams,
    pub(crate) directory: Directory,
    /// Bytes a new mailbox may hold.
    quota: u64,
    /// Makes each rendering of a message another.
    pub(crate) salt: u64,
    /// Who has the role ApplicationImpersonation.
    pub(crate) impersonators: Vec<Impersonator>,
    /// Whether a subscription is known only to the server it was made on.
    pub(crate) affinity: bool,
    /// Subscriptions one mailbox may have at a time.
    pub(crate) most_subscriptions: Option<usize>,
    pub(crate) public: Option<PublicFolders>,
    /// Seconds the organisation's clock is ahead, for what lasts long.
    pub(crate) ahead: i64,
    /// Whether searches may use query strings: content is indexed.
    pub(crate) indexed: bool,
    /// Mail on its way.
    pub(crate) post: Post,
}

impl Organisation {
    /// The mailbox with that primary address.
    pub(crate) fn find(&self, address: &str) -> Option<usize> {
        let here = |mailbox: &Mailbox| mailbox.role == Role::Primary && mailbox.address.eq_ignore_ascii_case(address);
        self.mailboxes.iter().position(here)
    }

    /// The mailbox that mail to an address goes to: the address may be any that it has.
    pub(crate) fn resolve(&self, address: &str) -> Option<usize> {
        self.find(address).or_else(|| self.find(&self.directory.known_as(address)?.address))
    }

    /// The archive of a mailbox.
    pub(crate) fn archive_of(&self, mailbox: usize) -> Option<usize> {
        let address = &self.mailboxes.get(mailbox)?.address;
        self.mailboxes.iter().position(|other| other.role == Role::Archive && other.address == *address)
    }

    /// The tree of public folders.
    pub(crate) fn public_tree(&self) -> Option<usize> {
        self.mailboxes.iter().position(Mailbox::is_public)
    }

    /// What a test calls a mailbox: its address, `archive:` before it, or `public`.
    fn named(&self, name: &str) -> Option<usize> {
        match name.strip_prefix("archive:") {
            Some(address) => self.archive_of(self.find(address)?),
            None if name == "public" => self.public_tree(),
            None => self.find(name),
        }
    }

    /// The mailboxes that belong to somebody, with their numbers.
    pub(crate) fn people(&self) -> impl Iterator<Item = (usize, &Mailbox)> {
        self.mailboxes.iter().enumerate().filter(|(_, mailbox)| mailbox.role == Role::Primary)
    }

    /// The server that has a subscription made by this caller: the front end until 2010; since then the one behind it
    /// where the mailbox is, or that of a group (D/how-to-maintain-affinity).
    pub(crate) fn home(&self, caller: &Caller, me: usize) -> String {
        if self.options.version < Version::Exchange2013 {
            return format!("front-end-{}", caller.front_end);
        }
        let anchor = || caller.anchor.as_deref().and_then(|anchor| self.find(anchor)).unwrap_or(me);
        caller.back_end.clone().unwrap_or_else(|| back_end(anchor()))
    }
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

/// What is wrong with an item, until it is healed. It stays so when the item is moved or copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poison {
    /// Its MIME content cannot be made.
    Mime,
    /// It cannot be got at all.
    Corrupt,
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
        let organisation = Organisation {
            options,
            mailboxes: Vec::new(),
            streams: Streams::default(),
            directory: Directory::default(),
            quota: QUOTA,
            salt: 0,
            impersonators: Vec::new(),
            affinity: false,
            most_subscriptions: None,
            public: None,
            ahead: 0,
            indexed: true,
            post: Post::default(),
        };
        Exchange {
            inner: Arc::new(Inner {
                organisation: Mutex::new(organisation),
                news: Notify::new(),
                waiting: Notify::new(),
            }),
        }
    }

    /// How the server is set up.
    pub fn options(&self) -> Options {
        self.lock().options
    }

    /// Adds a mailbox with the distinguished folders of the server's version; does nothing if it is there.
    pub fn add_mailbox(&self, address: &str, display_name: &str) {
        let mut organisation = self.lock();
        if organisation.find(address).is_none() {
            let mut mailbox = Mailbox::new(address, display_name, organisation.options.version);
            mailbox.quota = organisation.quota;
            organisation.mailboxes.push(mailbox);
            if organisation.directory.find(address).is_none() {
                organisation.directory.add(Entry::person(address, display_name));
            }
        }
    }

    /// Lets every mailbox, and those to come, hold so many bytes; 2 GB unless told otherwise.
    pub fn set_quota(&self, bytes: u64) {
        let mut organisation = self.lock();
        organisation.quota = bytes;
        organisation.mailboxes.iter_mut().for_each(|mailbox| mailbox.quota = bytes);
    }

    /// The portrait of somebody in the directory.
    pub fn user_photo(&self, address: &str) -> Option<Arc<[u8]>> {
        self.lock().directory.find(address)?.photo.clone()
    }

    /// The primary address and the name of the owner of a mailbox, by address or by the part before the `@`.
    pub fn person(&self, address: &str) -> Option<(String, String)> {
        let organisation = self.lock();
        if let Some(public) = organisation.public.as_ref().and_then(|public| public.named(address)) {
            return Some((public.address.clone(), "Public Folders".to_owned()));
        }
        let alias = |mailbox: &&Mailbox| {
            mailbox.role == Role::Primary
                && mailbox.address.split('@').next().is_some_and(|own| own.eq_ignore_ascii_case(address))
        };
        let index = organisation.find(address).and_then(|index| organisation.mailboxes.get(index));
        let mailbox = index.or_else(|| organisation.mailboxes.iter().find(alias))?;
        Some((mailbox.address.clone(), mailbox.display_name.clone()))
    }

    /// Puts an entry into the directory, in place of one with the same address. Rooms and equipment get a mailbox.
    pub fn add_to_directory(&self, entry: Entry) {
        let (address, name) = (entry.address.clone(), entry.name.clone());
        let books = entry.books();
        self.lock().directory.add(entry);
        if books {
            self.add_mailbox(&address, &name);
        }
    }

    /// The addresses of all mailboxes but those of rooms and equipment, in the order they were added.
    pub fn mailboxes(&self) -> Vec<String> {
        let organisation = self.lock();
        let books = |address: &str| organisation.directory.find(address).is_some_and(Entry::books);
        let addresses = organisation.people().map(|(_, mailbox)| mailbox.address.clone());
        addresses.filter(|address| !books(address)).collect()
    }

    /// Lets a program act as everybody, unless it has a role of its own.
    pub(crate) fn allow_program(&self, id: &str) {
        let roles = &mut self.lock().impersonators;
        if !roles.iter().any(|role| role.account.eq_ignore_ascii_case(id)) {
            roles.push(Impersonator { account: id.to_owned(), scope: None });
        }
    }

    /// Answers one SOAP request of the signed-in `user` (an address).
    pub fn answer(&self, user: &str, request: &[u8]) -> Answer {
        self.answer_for(&Caller::of(user), request)
    }

    /// Answers one SOAP request.
    pub fn answer_for(&self, caller: &Caller, request: &[u8]) -> Answer {
        let mut operation = "Fault";
        let answer = self.try_answer(caller, request, &mut operation).unwrap_or_else(|fault| Answer::Document {
            status: 500,
            body: fault.document(self.options().version),
            operation,
        });
        self.inner.news.notify_waiters();
        if self.lock().post_waits() {
            self.inner.waiting.notify_one();
        }
        answer
    }

    fn try_answer(&self, caller: &Caller, request: &[u8], operation: &mut &'static str) -> Result<Answer, Fault> {
        let text = std::str::from_utf8(request)
            .map_err(|_| Fault::new("ErrorInvalidRequest", "The request is not valid UTF-8."))?;
        let envelope_element = soap::read(text.trim_start_matches('\u{feff}'))
            .map_err(|(at, text_of_error)| Fault::schema(text, Violation { at, text: text_of_error }))?;
        let body = request_element(&envelope_element)?;
        let mut organisation = self.lock();
        let server = organisation.options.version;
        let version = requested_version(&envelope_element, server)?;
        let (name, since, run) = op::operation(&body.name)
            .filter(|(_, since, _)| *since <= server && body.ns == Ns::Messages)
            .ok_or_else(|| Fault::new("ErrorInvalidRequest", "The request is invalid."))?;
        *operation = name;
        let of = Schema::get().request(name).unwrap_or_default();
        let needs = check(body, of, server).map_err(|violation| Fault::schema(text, violation))?;
        if needs.max(since) > version {
            return Err(Fault::new(
                "ErrorIncorrectSchemaVersion",
                "The request is valid, but needs a newer RequestServerVersion than the one given.",
            ));
        }
        let me = acting_as(&organisation, &envelope_element, &caller.account)?;
        organisation.settle_moves();
        organisation.settle_post();
        organisation.available(me, caller)?;
        let working = organisation.working_version(me, body, version)?;
        let zone = zone_context(&envelope_element)?;
        let mut call = Call { organisation: &mut organisation, caller, operation: name, me, version, zone };
        if name == "GetStreamingEvents"
            && let Ok(subscriptions) = streams(&call, body)
        {
            let minutes = body.child_text("ConnectionTimeout").and_then(|text| text.parse().ok()).unwrap_or(1);
            let events = EventStream::open(self.clone(), call.organisation, working, subscriptions, minutes);
            return Ok(Answer::Stream { operation: name, events });
        }
        // The server that has the mailbox does the work, whatever the front end is.
        call.organisation.options.version = working;
        let outcome = run(&mut call, body);
        call.organisation.options.version = server;
        Ok(Answer::Document { status: 200, body: envelope(working, &outcome?), operation: name })
    }

    /// Delivers a message as if it had come by SMTP; a mailbox without room does not take it. `folder` is a distinguished id such as `inbox` or a path such as
    /// `Inbox/Work` below the top of the information store. Errors name what is not there.
    pub fn deliver(&self, mailbox: &str, folder: &str, message: Vec<u8>) -> Result<(), String> {
        let mut organisation = self.lock();
        let (index, key) = place(&organisation, mailbox, folder)?;
        submission::arrive(&mut organisation, index, Some(key), Original::Bytes(message.into()));
        drop(organisation);
        self.inner.news.notify_waiters();
        Ok(())
    }

    /// Puts a message in place without telling subscribers; for presets and imports.
    pub fn import(&self, mailbox: &str, folder: &str, message: Original, received: Received) -> Result<(), String> {
        let mut organisation = self.lock();
        let (index, key) = place(&organisation, mailbox, folder)?;
        organisation.mailboxes[index].insert(key, received.item(message));
        Ok(())
    }

    /// Creates a folder and its missing parents; `\/` is a slash in a name. `class` is a folder class such as `IPF.Note`; empty leaves it out.
    pub fn create_folder(&self, mailbox: &str, path: &str, class: &str) -> Result<(), String> {
        let mut organisation = self.lock();
        let index = organisation.named(mailbox).ok_or_else(|| format!("no mailbox {mailbox}"))?;
        let mailbox = &mut organisation.mailboxes[index];
        let top = mailbox.top().ok_or("the mailbox has no top folder")?;
        let mut done = String::new();
        let mut parent = top;
        for name in names(path) {
            if !done.is_empty() {
                done.push('/');
            }
            done.push_str(&name.replace('/', "\\/"));
            parent = match mailbox.path(&done) {
                Some(there) => there,
                None => mailbox.add_below(parent, &name, class),
            };
        }
        Ok(())
    }

    /// Gives a distinguished folder (for instance `sentitems`) another display name, as mailboxes in other languages
    /// have.
    pub fn name_folder(&self, mailbox: &str, distinguished: &str, display_name: &str) -> Result<(), String> {
        let mut organisation = self.lock();
        let (index, key) = place(&organisation, mailbox, distinguished)?;
        let mailbox = &mut organisation.mailboxes[index];
        if let Some(folder) = mailbox.folders.get_mut(&key) {
            display_name.clone_into(&mut folder.name);
        }
        mailbox.touch_folder(key);
        Ok(())
    }

    /// Moves the mailbox to another server, as an administrator would: every item id, folder id, change key and sync
    /// state becomes another; content, structure, article numbers and search keys stay.
    pub fn migrate(&self, mailbox: &str) -> Result<(), String> {
        let mut organisation = self.lock();
        let index = organisation.named(mailbox).ok_or_else(|| format!("no mailbox {mailbox}"))?;
        organisation.mailboxes[index].migrate();
        drop(organisation);
        self.inner.news.notify_waiters();
        Ok(())
    }

    /// Edits an item on the server, as Outlook would: same item id, new change key, new content.
    pub fn edit(&self, mailbox: &str, item: &Edit, message: Vec<u8>) -> Result<(), String> {
        let mut organisation = self.lock();
        let index = organisation.named(mailbox).ok_or_else(|| format!("no mailbox {mailbox}"))?;
        let (folder, key) = find_item(&organisation.mailboxes[index], item).ok_or("no such item")?;
        let mailbox = &mut organisation.mailboxes[index];
        mailbox.alter(folder, key, |item| item.set_content(message));
        mailbox.notify(EventKind::Modified, Subject::Item { folder, item: key }, None);
        mailbox.notify_folder(folder);
        drop(organisation);
        self.inner.news.notify_waiters();
        Ok(())
    }

    /// All that a mailbox holds, as JSON: items by folder path.
    ///
    /// # Errors
    /// There is no such mailbox.
    pub fn contents(&self, mailbox: &str) -> Result<serde_json::Value, String> {
        let organisation = self.lock();
        let index = organisation.named(mailbox).ok_or_else(|| format!("no mailbox {mailbox}"))?;
        Ok(organisation.mailboxes[index].contents())
    }

    fn lock(&self) -> MutexGuard<'_, Organisation> {
        self.inner.organisation.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Received {
    fn item(self, message: Original) -> Item {
        let at = self.date.as_second();
        let mut item = Item::new(Kind::Message, Some(message), at);
        (item.read, item.draft, item.transported) = (self.read, self.draft, self.transported);
        if let Some(length) = self.length {
            item.set_length(length);
        }
        if self.flagged {
            item.extra_mut().flag = Some(2);
        }
        if self.answered || self.forwarded {
            let verb = if self.answered { 102 } else { 104 };
            item.extra_mut().verb = Some(Verb { verb, at });
        }
        if !self.categories.is_empty() {
            item.extra_mut().categories = self.categories;
        }
        item
    }
}

fn request_element(envelope: &Element) -> Result<&Element, Fault> {
    let wrong = || Fault::new("ErrorInvalidRequest", "The request is not a SOAP 1.1 envelope.");
    let body = envelope
        .child("Body")
        .filter(|body| body.ns == Ns::Soap && envelope.ns == Ns::Soap && envelope.name == "Envelope");
    body.and_then(|body| body.children.first()).ok_or_else(wrong)
}

/// The schema version asked for; Exchange2007 where nothing is said.
fn requested_version(envelope: &Element, server: Version) -> Result<Version, Fault> {
    let header = envelope.child("Header").and_then(|header| header.child("RequestServerVersion"));
    let Some(name) = header.map(|header| header.attribute("Version").unwrap_or_default()) else {
        return Ok(Version::Exchange2007Sp1);
    };
    Version::requested(name)
        .filter(|version| *version <= server)
        .ok_or_else(|| Fault::new("ErrorInvalidServerVersion", "The specified server version is invalid."))
}

/// The zone in the `TimeZoneContext` header.
fn zone_context(envelope: &Element) -> Result<Option<Arc<Zone>>, Fault> {
    let header = envelope.child("Header").and_then(|header| header.child("TimeZoneContext"));
    match header.and_then(|header| header.child("TimeZoneDefinition")) {
        None => Ok(None),
        Some(definition) => match read_zone(definition) {
            Ok(zone) => Ok(Some(zone)),
            Err(_) => Err(Fault::new("ErrorTimeZone", "The time zone in the header is not valid.")),
        },
    }
}

/// There are two servers behind the front ends.
fn back_end(mailbox: usize) -> String {
    format!("ex{:02}.demo.test~{}", mailbox % 2 + 1, 1_941_996_900 + mailbox % 2)
}

fn place(organisation: &Organisation, mailbox: &str, folder: &str) -> Result<(usize, u64), String> {
    let index = organisation.named(mailbox).ok_or_else(|| format!("no mailbox {mailbox}"))?;
    let key = organisation.mailboxes[index]
        .path(folder)
        .ok_or_else(|| format!("no folder {folder} in the mailbox {mailbox}"))?;
    Ok((index, key))
}

fn find_item(mailbox: &Mailbox, edit: &Edit) -> Option<(u64, u64)> {
    match edit {
        Edit::ItemId(id) => match ids::decode(id).filter(|decoded| decoded.mailbox == mailbox.guid)?.target {
            Target::Item { folder, item } => mailbox.item(folder, item).map(|_| (folder, item)),
            _ => None,
        },
        Edit::Subject { folder, subject } => {
            let folder = mailbox.path(folder)?;
            let items = &mailbox.folders.get(&folder)?.items;
            items.values().rev().find(|item| item.summary().subject == *subject).map(|item| (folder, item.key))
        }
    }
}
