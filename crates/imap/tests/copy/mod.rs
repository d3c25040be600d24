//! A client with a copy of the inbox.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Flags by UID, without `\Recent`.
pub(crate) type Messages = BTreeMap<u32, BTreeSet<String>>;

/// How it brings its copy up to date when it comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// By QRESYNC.
    Resyncs,
    /// By CHANGEDSINCE, and by asking which messages there are.
    Compares,
    /// By asking for everything.
    Asks,
}

pub(crate) struct Client<S> {
    kind: Kind,
    /// How it signs in.
    login: &'static str,
    stream: Option<S>,
    buffer: Vec<u8>,
    commands: u32,
    /// The UID of each message by its number, where known.
    numbers: Vec<Option<u32>>,
    messages: Messages,
    /// There is no message up to here that is not in the copy.
    known_to: u32,
    uid_validity: u32,
    /// What it takes for the latest change.
    highest: u64,
    /// Since the last tagged answer: what it was told to take for it, and the highest it saw.
    code: Option<u64>,
    seen: u64,
    found: Vec<u32>,
    /// Whose flags were told during this command.
    told: BTreeSet<u32>,
    said: Vec<String>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) fn new(kind: Kind, login: &'static str) -> Self {
        Self {
            kind,
            login,
            stream: None,
            buffer: Vec::new(),
            commands: 0,
            numbers: Vec::new(),
            messages: Messages::new(),
            known_to: 0,
            uid_validity: 0,
            highest: 0,
            code: None,
            seen: 0,
            found: Vec::new(),
            told: BTreeSet::new(),
            said: Vec::new(),
        }
    }

    pub(crate) fn is_here(&self) -> bool {
        self.stream.is_some()
    }

    pub(crate) fn messages(&self) -> &Messages {
        &self.messages
    }

    pub(crate) fn story(&self) -> String {
        format!("{:?}, up to {}\n{}", self.kind, self.highest, self.said.join("\n"))
    }

    /// The connection is gone; the copy stays.
    pub(crate) fn lose(&mut self) {
        if self.is_here() {
            self.known_to = self.complete_to();
        }
        self.stream = None;
        self.numbers.clear();
        self.buffer.clear();
        self.said.push("-- lost".to_owned());
    }

    /// Signs in and brings the copy up to date. If that cannot be done now, nothing has changed.
    pub(crate) async fn come(&mut self, stream: S) {
        self.stream = Some(stream);
        self.response().await;
        assert_eq!(self.command(self.login).await, "OK");
        let before = (self.highest, self.known_to);
        if !self.synchronized().await {
            self.lose();
            (self.highest, self.known_to) = before;
        }
    }

    async fn synchronized(&mut self) -> bool {
        let (since, known_to) = (self.highest, self.known_to);
        let done = match self.kind {
            Kind::Asks => {
                if self.command("SELECT INBOX").await != "OK" {
                    return false;
                }
                self.messages.clear();
                self.fetch_from(1).await
            }
            Kind::Compares => {
                if self.command("SELECT INBOX (CONDSTORE)").await != "OK"
                    || self.command("UID SEARCH ALL").await != "OK"
                {
                    return false;
                }
                let there: BTreeSet<u32> = self.found.iter().copied().collect();
                self.messages.retain(|uid, _| there.contains(uid));
                let changed = format!("UID FETCH 1:* (FLAGS) (CHANGEDSINCE {since})");
                self.numbers.is_empty() || self.command(&changed).await == "OK" && self.fetch_from(known_to + 1).await
            }
            Kind::Resyncs => {
                self.command("ENABLE QRESYNC").await;
                let select = match since {
                    0 => "SELECT INBOX".to_owned(),
                    _ => format!("SELECT INBOX (QRESYNC ({} {since}{}))", self.uid_validity, self.known()),
                };
                self.command(&select).await == "OK" && self.fetch_from(known_to + 1).await
            }
        };
        if done {
            self.number_all();
        }
        done
    }

    /// Every message is in the copy now, so that each has its number.
    fn number_all(&mut self) {
        assert_eq!(self.messages.len(), self.numbers.len(), "{}", self.story());
        for (number, uid) in self.numbers.iter_mut().zip(self.messages.keys()) {
            assert!(number.is_none_or(|known| known == *uid));
            *number = Some(*uid);
        }
    }

    /// Says now and then which UIDs it knows, and the numbers of some.
    fn known(&self) -> String {
        let all: Vec<String> = self.messages.keys().map(u32::to_string).collect();
        let all = all.join(",");
        let uids: Vec<u32> = self.messages.keys().copied().take_while(|uid| *uid <= self.known_to).collect();
        let middle = uids.len() / 2;
        match (self.commands % 3, uids.first()) {
            (0, _) | (_, None) => String::new(),
            (1, _) => format!(" {all}"),
            (_, Some(first)) if middle == 0 => format!(" {all} (1 {first})"),
            (_, Some(first)) => format!(" {all} (1,{} {first},{})", middle + 1, uids[middle]),
        }
    }

    /// Asks for the flags of all messages from a UID on.
    async fn fetch_from(&mut self, uid: u32) -> bool {
        self.numbers.is_empty() || self.command(&format!("UID FETCH {uid}:* (FLAGS)")).await == "OK"
    }

    /// Asks for what it was told is there and has never seen.
    pub(crate) async fn catch_up(&mut self) {
        if self.messages.len() < self.numbers.len() {
            assert!(self.fetch_from(self.complete_to() + 1).await, "{}", self.story());
        }
        self.number_all();
    }

    /// The last UID of those of which, from the first message on, the flags are known.
    fn complete_to(&self) -> u32 {
        let known = self.numbers.iter().map_while(|uid| uid.filter(|uid| self.messages.contains_key(uid)));
        known.last().unwrap_or(0)
    }

    /// Some messages, by number or UID; `None` if there are none.
    pub(crate) fn set(&self, (start, length): (usize, usize), by_uid: bool) -> Option<String> {
        let all: Vec<u32> = match by_uid {
            true => self.numbers.iter().flatten().copied().collect(),
            false => (1..).take(self.numbers.len()).collect(),
        };
        let from = start.checked_rem(all.len())?;
        let to = (from + length).min(all.len() - 1);
        Some(format!("{}:{}", all[from], all[to]))
    }

    /// STORE. What is done in silence the client does to its copy itself.
    pub(crate) async fn store(
        &mut self,
        set: &str,
        by_uid: bool,
        sign: &str,
        flag: &str,
        silent: bool,
        unchanged: Option<u64>,
    ) {
        let condition = unchanged.map_or(String::new(), |since| format!(" (UNCHANGEDSINCE {since})"));
        let (uid, suffix) = (if by_uid { "UID " } else { "" }, if silent { ".SILENT" } else { "" });
        let meant: Vec<(u32, u32)> = self.meant(set, by_uid);
        let status = self.command(&format!("{uid}STORE {set}{condition} {sign}FLAGS{suffix} ({flag})")).await;
        let answer = self.said.last().cloned().unwrap_or_default();
        let left: BTreeSet<u32> =
            code_of(&answer, "MODIFIED").map(|set| numbers_of(&set).collect()).unwrap_or_default();
        if status != "OK" {
            let uids: Vec<String> = meant.iter().map(|(_, uid)| uid.to_string()).collect();
            if !uids.is_empty() {
                assert_eq!(self.command(&format!("UID FETCH {} (FLAGS)", uids.join(","))).await, "OK");
            }
            return;
        }
        for (named, uid) in meant {
            if !silent || left.contains(&named) || self.told.contains(&uid) {
                continue;
            }
            let Some(flags) = self.messages.get_mut(&uid) else { continue };
            match sign {
                "+" => drop(flags.insert(flag.to_owned())),
                "-" => drop(flags.remove(flag)),
                _ => *flags = BTreeSet::from([flag.to_owned()]),
            }
        }
    }

    /// Messages of a set: as it names them, and their UIDs.
    fn meant(&self, set: &str, by_uid: bool) -> Vec<(u32, u32)> {
        let (from, to) = set.split_once(':').unwrap();
        let (from, to): (u32, u32) = (from.parse().unwrap(), to.parse().unwrap());
        let all =
            (1..).zip(&self.numbers).filter_map(|(number, uid)| Some((if by_uid { (*uid)? } else { number }, (*uid)?)));
        all.filter(|(named, _)| (from..=to).contains(named)).collect()
    }

    /// Sends a command and takes the answer; the word of the tagged line.
    pub(crate) async fn command(&mut self, command: &str) -> String {
        self.commands += 1;
        let tag = format!("t{}", self.commands);
        self.said.push(format!("C: {tag} {command}"));
        self.told.clear();
        let stream = self.stream.as_mut().unwrap();
        stream.write_all(format!("{tag} {command}\r\n").as_bytes()).await.unwrap();
        if command.starts_with("SELECT") {
            self.numbers.clear();
        }
        let keeps_numbers = ["FETCH", "STORE", "SEARCH"].iter().any(|name| command.starts_with(name));
        let asked = command.contains("FETCH ") || command.contains("QRESYNC (");
        loop {
            let line = self.response().await;
            if let Some(rest) = line.strip_prefix(&format!("{tag} ")) {
                self.take_code(rest);
                self.highest = self.code.take().unwrap_or(self.highest.max(self.seen));
                self.seen = 0;
                let word = rest.split(' ').next().unwrap().to_owned();
                assert_ne!(word, "BAD", "{}", self.story());
                return word;
            }
            let before = self.numbers.len();
            self.take(&line, asked);
            assert!(!keeps_numbers || self.numbers.len() >= before, "{}", self.story());
        }
    }

    fn take(&mut self, line: &str, asked: bool) {
        let rest = line.strip_prefix("* ").unwrap();
        if let Some(rest) = rest.strip_prefix("OK ") {
            return self.take_code(rest);
        }
        if let Some(uids) = rest.strip_prefix("VANISHED (EARLIER) ") {
            for uid in numbers_of(uids) {
                assert!(!self.numbers.contains(&Some(uid)), "{}", self.story());
                self.messages.remove(&uid);
            }
            return;
        }
        if let Some(uids) = rest.strip_prefix("VANISHED ") {
            assert_eq!(self.kind, Kind::Resyncs);
            numbers_of(uids).for_each(|uid| self.vanished(uid));
            return;
        }
        if let Some(found) = rest.strip_prefix("SEARCH") {
            self.found = found.split_whitespace().map_while(|word| word.parse().ok()).collect();
            return;
        }
        let mut words = rest.splitn(3, ' ');
        let (Some(Ok(number)), Some(name)) = (words.next().map(str::parse::<usize>), words.next()) else { return };
        match name {
            "EXISTS" => {
                assert!(number >= self.numbers.len(), "{}", self.story());
                self.numbers.resize(number, None);
            }
            "EXPUNGE" => {
                assert_ne!(self.kind, Kind::Resyncs);
                if let Some(uid) = self.numbers.remove(number - 1) {
                    self.messages.remove(&uid);
                }
            }
            "FETCH" => self.fetched(number, words.next().unwrap(), asked),
            _ => {}
        }
    }

    /// A message whose UID was never asked for is one of those behind the last with a lower one.
    fn vanished(&mut self, uid: u32) {
        let known = self.numbers.iter().position(|known| *known == Some(uid));
        let below = self.numbers.iter().rposition(|known| known.is_some_and(|known| known < uid));
        let at = known.unwrap_or(below.map_or(0, |below| below + 1));
        assert!(self.numbers.get(at).is_some_and(|number| number.is_none() || known.is_some()), "{}", self.story());
        self.numbers.remove(at);
        self.messages.remove(&uid);
    }

    fn fetched(&mut self, number: usize, items: &str, asked: bool) {
        let uid = after(items, "UID ").map(|word| word.parse::<u32>().unwrap());
        let mod_seq = after(items, "MODSEQ (").map(|word| word.parse::<u64>().unwrap());
        assert!(number >= 1 && number <= self.numbers.len(), "{}", self.story());
        if !asked && self.kind != Kind::Asks {
            assert!(uid.is_some() && mod_seq.is_some(), "{items}: {}", self.story());
        }
        let known = &mut self.numbers[number - 1];
        if let Some(uid) = uid {
            assert!(known.is_none_or(|known| known == uid), "{}", self.said.join("\n"));
            *known = Some(uid);
        }
        self.seen = self.seen.max(mod_seq.unwrap_or(0));
        let flags = items.split_once("FLAGS (").and_then(|(_, rest)| rest.split_once(')'));
        if let (Some(uid), Some((flags, _))) = (*known, flags) {
            let flags = flags.split_whitespace().filter(|flag| *flag != "\\Recent").map(str::to_owned);
            self.messages.insert(uid, flags.collect());
            self.told.insert(uid);
        }
    }

    fn take_code(&mut self, text: &str) {
        if let Some(number) = code_of(text, "HIGHESTMODSEQ") {
            self.code = Some(number.parse().unwrap());
        }
        if let Some(number) = code_of(text, "UIDVALIDITY") {
            self.uid_validity = number.parse().unwrap();
        }
    }

    /// A line with its literals.
    async fn response(&mut self) -> String {
        let mut taken = 0;
        loop {
            let end = loop {
                if let Some(end) = self.buffer[taken..].windows(2).position(|pair| pair == b"\r\n") {
                    break taken + end;
                }
                self.more().await;
            };
            let line = String::from_utf8_lossy(&self.buffer[taken..end]).into_owned();
            let literal = line.strip_suffix('}').and_then(|line| line.rsplit_once('{')?.1.parse::<usize>().ok());
            let Some(length) = literal else {
                let whole: Vec<u8> = self.buffer.drain(..end + 2).collect();
                let whole = String::from_utf8_lossy(&whole[..end]).into_owned();
                self.said.push(format!("S: {whole}"));
                return whole;
            };
            taken = end + 2 + length;
            while self.buffer.len() < taken {
                self.more().await;
            }
        }
    }

    async fn more(&mut self) {
        let mut piece = vec![0; 1 << 14];
        let read = self.stream.as_mut().unwrap().read(&mut piece);
        let length = tokio::time::timeout(Duration::from_secs(3600), read).await.expect("nothing came").unwrap();
        assert!(length > 0, "the server left: {}", self.said.join("\n"));
        self.buffer.extend_from_slice(&piece[..length]);
    }
}

/// What stands behind a word, up to the next space or parenthesis.
fn after<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(word)?;
    rest.split([' ', ')']).next()
}

fn code_of(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("[{name} "))?;
    rest.split_once(']').map(|(value, _)| value.to_owned())
}

fn numbers_of(set: &str) -> impl Iterator<Item = u32> {
    set.split(',').flat_map(|range| {
        let (from, to) = range.split_once(':').unwrap_or((range, range));
        from.parse().unwrap()..=to.parse().unwrap()
    })
}
