//! Mail that looks real: threads, newsletters, notices, drafts, in many languages and shapes, and always the same.

mod calendar;
mod directory;
mod kinds;
mod letter;
mod people;
pub(super) mod request;
mod things;
mod words;

use jiff::{SignedDuration, Timestamp};

use crate::{Exchange, Original, Received, http::User};

use super::{
    compose::{Carry, Part},
    dice::Dice,
};
use kinds::{Kind, LETTERS, RARITIES};
use letter::Letter;
use people::{PEOPLE, Person};
use words::{LANGUAGES, MACHINES, NEWSLETTERS};

/// The three users of the demonstration. Each password is `demo-` and the name.
pub fn users() -> Vec<User> {
    [("alice", "Alice Amsel"), ("bob", "Bob Birnbaum"), ("carol", "Carol Castagna")]
        .into_iter()
        .map(|(login, name)| User {
            address: format!("{login}@demo.test"),
            name: name.to_owned(),
            password: format!("demo-{login}"),
        })
        .collect()
}

/// Fills the mailboxes: the first gets more than 1,200 messages in nested folders, the second speaks German, the
/// others get less. Calendars, task lists and address books are filled around today. Returns how many messages there
/// are.
///
/// # Errors
/// What the organisation refused.
pub fn fill(exchange: &Exchange, users: &[User]) -> Result<usize, String> {
    directory::fill(exchange, users);
    let mut count = 0;
    for (place, user) in users.iter().enumerate() {
        let mut corpus = Corpus::new(user, place as u64);
        let folders = match place {
            0 => corpus.rich(),
            1 => {
                for (folder, name) in GERMAN {
                    exchange.name_folder(&user.address, folder, name)?;
                }
                corpus.modest(&["inbox/Rechnungen", "inbox/Aufträge/Überfällig"])
            }
            _ => corpus.modest(&["inbox/Travel"]),
        };
        for folder in folders {
            exchange.create_folder(&user.address, folder, "IPF.Note")?;
        }
        corpus.entries.sort_by_key(|entry| entry.received.date);
        count += corpus.entries.len();
        for entry in corpus.entries {
            exchange.import(&user.address, entry.folder, Original::Bytes(entry.message.into()), entry.received)?;
        }
    }
    let today = calendar::today();
    calendar::fill(exchange, users, today)?;
    things::fill(exchange, users, today)?;
    Ok(count)
}

/// A new message to `address`, written now; each number gives another one.
pub fn next_mail(number: u32, address: &str) -> Vec<u8> {
    mail_at(number, address, Timestamp::now())
}

fn mail_at(number: u32, address: &str, now: Timestamp) -> Vec<u8> {
    let known = users().into_iter().find(|user| user.address == address);
    let user = known.unwrap_or_else(|| User {
        address: address.to_owned(),
        name: address.split('@').next().unwrap_or_default().to_owned(),
        password: String::new(),
    });
    let mut corpus = Corpus::new(&user, 1_000_000 + u64::from(number));
    let (from, language) = corpus.correspondent();
    let mut letter = corpus.letter(from, language, now);
    letter.id = Some(format!("<new.{number}.{}@example.com>", now.as_second()));
    let kinds = if number % 5 == 4 { RARITIES } else { LETTERS };
    let kind = kinds.get(corpus.dice.below(kinds.len())).copied();
    let part = kind.map(|kind| kind(&mut letter, &mut corpus.dice, language));
    // What was sent now has not passed our servers yet: delivery adds that.
    letter.transported = false;
    part.unwrap_or_else(|| Part::text("plain", "", Carry::Plain)).under(&letter.fields())
}

struct Entry {
    folder: &'static str,
    message: Vec<u8>,
    received: Received,
}

struct Corpus {
    owner: Person,
    dice: Dice,
    /// Seed and counter in one: unlike in every mailbox.
    number: u64,
    entries: Vec<Entry>,
}

impl Corpus {
    fn new(user: &User, seed: u64) -> Self {
        Self {
            owner: Person::new(&user.name, &user.address),
            dice: Dice::new(seed + 7),
            number: seed * 100_000,
            entries: Vec::new(),
        }
    }

    /// The first mailbox. Gives the folders it needs.
    fn rich(&mut self) -> &'static [&'static str] {
        for thread in 0..112 {
            let folder = if thread % 3 == 0 { self.dice.pick(PROJECTS) } else { "inbox" };
            self.thread(folder);
        }
        for _ in 0..200 {
            self.single("inbox", LETTERS);
        }
        for kind in RARITIES {
            self.single("inbox/Odd mail", std::slice::from_ref(kind));
            self.single("inbox", std::slice::from_ref(kind));
        }
        for issue in 0..150 {
            self.newsletter("inbox/Newsletters", issue);
        }
        for notice in 0..140 {
            self.notice("inbox/Notices/Builds & Alerts", notice);
        }
        for _ in 0..12 {
            self.discussion("Lists/exchange-users");
        }
        for folder in ["Familie/Ömi & Öpa", "旅行", "Отчёты", "inbox/Input\\/Output", DEEP] {
            for _ in 0..14 {
                self.single(folder, LETTERS);
            }
        }
        for _ in 0..40 {
            self.single("Archive/2024", LETTERS);
        }
        self.rest();
        self.twins();
        FOLDERS
    }

    /// Another mailbox. Gives back the folders it was told to fill.
    fn modest(&mut self, folders: &'static [&'static str]) -> &'static [&'static str] {
        for _ in 0..12 {
            self.thread("inbox");
        }
        for _ in 0..40 {
            self.single("inbox", LETTERS);
        }
        for folder in folders {
            for _ in 0..10 {
                self.single(folder, LETTERS);
            }
        }
        self.rest();
        folders
    }

    /// What every mailbox has: drafts, rubbish, and things thrown away.
    fn rest(&mut self) {
        for number in 0..12 {
            let (person, language) = self.correspondent();
            let mut letter = self.letter(self.owner.clone(), language, self.newest());
            letter.to = vec![person];
            letter.transported = false;
            if number % 2 == 0 {
                letter.id = None;
            }
            let draft = Received { draft: true, read: true, transported: false, ..Received::at(letter.sent) };
            self.put("drafts", letter, LETTERS, language, draft);
        }
        for number in 0..25 {
            self.single("deleteditems", LETTERS);
            self.newsletter("junkemail", number);
        }
    }

    /// Two messages with one Message-ID in one folder, the same message in two folders, and some without any.
    fn twins(&mut self) {
        for number in 0..6 {
            let (person, language) = self.correspondent();
            let letter = self.letter(person, language, self.newest());
            let received = Received::at(letter.sent);
            match number {
                0..3 => {
                    self.put("inbox", letter.clone(), &LETTERS[..1], language, received.clone());
                    self.put("inbox", letter, &LETTERS[..1], language, received);
                }
                _ => {
                    let mut letter = letter;
                    letter.id = None;
                    self.put("inbox", letter, LETTERS, language, received);
                }
            }
        }
        let copies: Vec<Entry> = self
            .entries
            .iter()
            .filter(|entry| entry.folder == "inbox")
            .take(5)
            .map(|entry| Entry {
                folder: "Archive/2024",
                message: entry.message.clone(),
                received: entry.received.clone(),
            })
            .collect();
        self.entries.extend(copies);
    }

    /// Letters to and fro; the owner's are in Sent Items.
    fn thread(&mut self, folder: &'static str) {
        let (person, language) = self.correspondent();
        let first = self.letter(person.clone(), language, self.newest());
        let subject = first.subject.clone();
        let length = 2 + self.dice.below(5);
        let mut sent = first.sent;
        let mut references = Vec::new();
        for place in 0..length {
            let ours = place % 2 == 1;
            let mut letter = self.letter(if ours { self.owner.clone() } else { person.clone() }, language, sent);
            letter.subject = if place == 0 { subject.clone() } else { format!("Re: {subject}") };
            letter.references.clone_from(&references);
            references.extend(letter.id.clone());
            sent += SignedDuration::from_mins(20 + self.dice.below(2000) as i64);
            if ours {
                letter.to = vec![person.clone()];
                letter.transported = false;
                let received = Received { read: true, transported: false, ..Received::at(letter.sent) };
                self.put("sentitems", letter, LETTERS, language, received);
            } else {
                let answered = place + 1 < length;
                let received =
                    Received { read: answered || self.dice.chance(60), answered, ..self.received(letter.sent) };
                self.put(folder, letter, LETTERS, language, received);
            }
        }
    }

    /// A thread of a mailing list.
    fn discussion(&mut self, folder: &'static str) {
        let mut references: Vec<String> = Vec::new();
        let (person, _) = self.correspondent();
        let subject = format!("[exchange-users] {}", self.letter(person, 0, self.newest()).subject);
        let mut sent = self.newest();
        for place in 0..4 + self.dice.below(10) {
            let (person, _) = self.correspondent();
            let mut letter = self.letter(person, 0, sent);
            letter.subject = if place == 0 { subject.clone() } else { format!("Re: {subject}") };
            letter.to = vec![Person::new("", "exchange-users@lists.example.org")];
            letter.references.clone_from(&references);
            letter.extra = LIST_FIELDS.to_owned();
            references.extend(letter.id.clone());
            sent += SignedDuration::from_mins(5 + self.dice.below(600) as i64);
            let received = self.received(letter.sent);
            self.put(folder, letter, &LETTERS[..5], 0, received);
        }
    }

    fn single(&mut self, folder: &'static str, kinds: &[Kind]) {
        let (person, language) = self.correspondent();
        let letter = self.letter(person, language, self.newest());
        let received = self.received(letter.sent);
        self.put(folder, letter, kinds, language, received);
    }

    fn newsletter(&mut self, folder: &'static str, issue: u64) {
        let (name, address, topic) = self.dice.pick(NEWSLETTERS);
        let mut letter = self.letter(Person::new(name, address), 0, self.newest());
        letter.subject = format!("{topic} (no. {issue})");
        let domain = address.rsplit('@').next().unwrap_or_default();
        letter.extra = format!(
            "List-Unsubscribe: <mailto:leave@{domain}>,\r\n <https://{domain}/leave?id={issue}>\r\n\
             List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nPrecedence: bulk\r\nX-Campaign: {issue}\r\n"
        );
        let rows: String = (1..4 + self.dice.below(5))
            .map(|row| {
                let text = LANGUAGES.first().map_or("", |language| self.dice.pick(language.sentences));
                format!(
                    "<tr><td style=\"padding:8px\"><h2>{row}. {topic}</h2><p>{}</p></td></tr>\r\n",
                    text.replace('&', "&amp;")
                )
            })
            .collect();
        let page = format!(
            "<!DOCTYPE html>\r\n<html><head><meta charset=\"utf-8\"><title>{topic}</title></head>\r\n\
             <body style=\"font-family:sans-serif\"><table width=\"600\">\r\n{rows}</table>\r\n\
             <p><a href=\"https://{domain}/leave?id={issue}\">Leave this list</a></p></body></html>\r\n"
        );
        let part = Part::multi(
            "alternative",
            &format!("nl-{}", letter.number),
            &[
                Part::text("plain", &format!("{topic}\r\nhttps://{domain}/{issue}\r\n"), Carry::Quoted),
                Part::text("html", &page, Carry::Quoted),
            ],
        );
        let received = self.received(letter.sent);
        self.entries.push(Entry { folder, message: part.under(&letter.fields()), received });
    }

    fn notice(&mut self, folder: &'static str, number: u64) {
        let (name, address) = self.dice.pick(MACHINES);
        let mut letter = self.letter(Person::new(name, address), 0, self.newest());
        let outcome = self.dice.pick(&["passed", "passed", "failed", "was cancelled"]);
        letter.subject = format!("[{name}] Job {number} {outcome}");
        letter.extra = "Auto-Submitted: auto-generated\r\n".to_owned();
        let log: String = (0..5 + self.dice.below(20)).map(|line| format!("[{line:>4}] step {line} ok\r\n")).collect();
        let text = format!("Job {number} {outcome}.\r\n\r\n{log}");
        let received = Received { read: true, ..self.received(letter.sent) };
        self.entries.push(Entry {
            folder,
            message: Part::text("plain", &text, Carry::Plain).under(&letter.fields()),
            received,
        });
    }

    fn put(&mut self, folder: &'static str, mut letter: Letter, kinds: &[Kind], language: usize, received: Received) {
        let Some(kind) = kinds.get(self.dice.below(kinds.len())) else { return };
        let part = kind(&mut letter, &mut self.dice, language);
        self.entries.push(Entry { folder, message: part.under(&letter.fields()), received });
    }

    fn correspondent(&mut self) -> (Person, usize) {
        let (name, address, language) = self.dice.pick(PEOPLE);
        (Person::new(name, address), language)
    }

    fn letter(&mut self, from: Person, language: usize, sent: Timestamp) -> Letter {
        self.number += 1;
        let subjects = LANGUAGES.get(language).map_or(&["Hello"][..], |language| language.subjects);
        let domain = from.address.rsplit('@').next().unwrap_or("example.com").to_owned();
        let cc = if self.dice.chance(20) { vec![self.correspondent().0] } else { Vec::new() };
        Letter {
            number: self.number,
            to: vec![self.owner.clone()],
            cc,
            subject: self.dice.pick(subjects).to_owned(),
            sent,
            zone: self.dice.pick(&[0, 1, 2, -5, 9]),
            id: Some(format!("<{:08x}.{}@{domain}>", self.dice.number() as u32, self.number)),
            references: Vec::new(),
            extra: String::new(),
            transported: true,
            raw: false,
            dated: true,
            from,
        }
    }

    fn received(&mut self, sent: Timestamp) -> Received {
        let mut received = Received::at(sent + SignedDuration::from_secs(4));
        received.read = self.dice.chance(75);
        received.flagged = self.dice.chance(6);
        received.forwarded = self.dice.chance(3);
        if self.dice.chance(8) {
            received.categories.push(self.dice.pick(CATEGORIES).to_owned());
        }
        if self.dice.chance(2) {
            received.categories.push("Follow up".to_owned());
        }
        received
    }

    /// Some time in the two years before the demonstration was written.
    fn newest(&self) -> Timestamp {
        let age = Dice::new(self.number ^ 0xA5A5).below(730 * 24 * 3600);
        Timestamp::from_second(NEWEST - age as i64).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// 2026-11-16T08:00:00Z: no letter is younger, but for the last answers of a thread.
const NEWEST: i64 = 1_794_816_000;

const DEEP: &str = "Projects/Aurora/2026/Q1/January/Week 03/Monday/Morning";

const PROJECTS: &[&str] =
    &["Projects/Aurora", "Projects/Aurora/2026/Q1", "Projects/Borealis", "inbox/Customers/North & South"];

const FOLDERS: &[&str] = &[
    "Projects/Aurora",
    "Projects/Aurora/2026/Q1",
    DEEP,
    "Projects/Borealis",
    "inbox/Customers/North & South",
    "inbox/Odd mail",
    "inbox/Newsletters",
    "inbox/Notices/Builds & Alerts",
    "Lists/exchange-users",
    "Familie/Ömi & Öpa",
    "旅行",
    "Отчёты",
    "inbox/Input\\/Output",
    "Archive/2024",
    "Empty on purpose",
];

/// What Outlook calls the folders of a German mailbox.
const GERMAN: &[(&str, &str)] = &[
    ("inbox", "Posteingang"),
    ("sentitems", "Gesendete Elemente"),
    ("drafts", "Entwürfe"),
    ("deleteditems", "Gelöschte Elemente"),
    ("junkemail", "Junk-E-Mail"),
    ("outbox", "Postausgang"),
];

const CATEGORIES: &[&str] = &["Important", "Blue Category", "Urlaub", "$Work", "Ärger"];

const LIST_FIELDS: &str = "List-Id: Users of exchange servers <exchange-users.lists.example.org>\r\n\
    List-Post: <mailto:exchange-users@lists.example.org>\r\nSender: exchange-users-bounces@lists.example.org\r\n\
    Precedence: list\r\n";

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::mime::{parse::parse, render::render};

    fn rich() -> Corpus {
        let mut corpus = Corpus::new(&users()[0], 0);
        corpus.rich();
        corpus
    }

    #[test]
    fn there_is_enough_and_it_is_always_the_same() {
        let (first, second) = (rich(), rich());
        assert!(first.entries.len() >= 1200, "{}", first.entries.len());
        assert!(first.entries.iter().zip(&second.entries).all(|(one, other)| one.message == other.message));
        let folders: HashSet<&str> = first.entries.iter().map(|entry| entry.folder).collect();
        let known = ["inbox", "sentitems", "drafts", "deleteditems", "junkemail"];
        assert!(folders.iter().all(|folder| known.contains(folder) || FOLDERS.contains(folder)));
    }

    #[test]
    fn messages_are_well_formed_and_lines_end() {
        for entry in rich().entries {
            let shown = String::from_utf8_lossy(&entry.message);
            let lines_end =
                entry.message.iter().enumerate().all(|(at, byte)| *byte != b'\n' || entry.message[at - 1] == b'\r');
            assert!(lines_end, "{shown}");
            let parsed = parse(&entry.message);
            assert!(parsed.from.is_some(), "{shown}");
            assert!(parsed.text.is_some() || parsed.html.is_some() || !parsed.attachments.is_empty(), "{shown}");
        }
    }

    #[test]
    fn message_ids_are_shared_missing_and_threaded() {
        let corpus = rich();
        let parsed: Vec<_> = corpus.entries.iter().map(|entry| parse(&entry.message)).collect();
        let ids: Vec<_> = parsed.iter().filter_map(|one| one.message_id.clone()).collect();
        let unlike: HashSet<_> = ids.iter().collect();
        assert!(ids.len() - unlike.len() >= 8, "some are shared");
        assert!(parsed.len() - ids.len() >= 8, "some are missing");
        assert!(parsed.iter().filter(|one| one.references.is_some()).count() > 200, "there are threads");
    }

    #[test]
    fn rendering_keeps_the_meaning_of_all_of_them() {
        for (salt, entry) in rich().entries.into_iter().enumerate() {
            let rendered = render(&entry.message, salt as u64);
            let (mut before, mut after) = (parse(&entry.message), parse(&rendered));
            before.headers.clear();
            after.headers.clear();
            for attachment in before.attachments.iter_mut().chain(&mut after.attachments) {
                if attachment.content_type == "message/rfc822" {
                    attachment.bytes.clear();
                }
            }
            assert_eq!(before, after, "{}", String::from_utf8_lossy(&entry.message));
        }
    }

    #[test]
    fn damaged_mail_is_rendered_somehow() {
        let mut dice = Dice::new(5);
        for entry in rich().entries.into_iter().filter(|entry| entry.message.len() < 20_000) {
            let mut message = entry.message;
            for _ in 0..1 + dice.below(6) {
                let at = dice.below(message.len());
                match dice.below(4) {
                    0 => message.truncate(at),
                    1 => message.insert(at, dice.pick(b"\r\n:=-;\"<\0\xff")),
                    2 => drop(message.drain(at..(at + 40).min(message.len()))),
                    _ => message[at] = dice.pick(b"\r\n:=-;\"<\0\xff"),
                }
                message.push(b' ');
            }
            parse(&render(&message, 1));
        }
    }

    #[test]
    fn new_mail_is_new() {
        let now = Timestamp::from_second(NEWEST).unwrap();
        let mail = |number| mail_at(number, "alice@demo.test", now);
        assert_ne!(mail(1), mail(2));
        assert_eq!(mail(1), mail(1));
        let parsed = parse(&mail(3));
        assert_eq!((parsed.date, parsed.to[0].name.as_str()), (Some(NEWEST), "Alice Amsel"));
    }
}
