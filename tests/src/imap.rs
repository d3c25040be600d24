//! A plain IMAP client: it sends exactly what it is told, reads literals, and understands as much of the answers as
//! a test must compare. Written for itself, so that a misreading in the gateway's codec shows.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The connection ended or broke.
#[derive(Debug)]
pub struct Broken(pub String);

/// How a command ended (RFC 9051 section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Ok,
    /// Refused or failed.
    No,
    /// Not understood.
    Bad,
}

/// One response, literals included, without the CRLF at its end.
#[derive(Clone, PartialEq, Eq)]
pub struct Response(pub Vec<u8>);

/// All that came for one command.
#[derive(Debug)]
pub struct Answer {
    /// How it ended.
    pub status: Status,
    /// The text after the status.
    pub text: String,
    /// The untagged responses before it.
    pub untagged: Vec<Response>,
}

/// A piece of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// An atom, number, flag, or section name.
    Atom(String),
    /// A quoted string or a literal.
    Text(Vec<u8>),
    /// `NIL`.
    Nil,
    /// What stands in parentheses.
    List(Vec<Value>),
}

/// A FETCH response.
#[derive(Clone, Debug)]
pub struct Fetch {
    /// Message sequence number.
    pub number: u32,
    /// Items by their name in upper case.
    pub items: BTreeMap<String, Value>,
}

/// What SELECT and EXAMINE tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    /// Number of messages.
    pub exists: u32,
    /// UIDVALIDITY.
    pub uid_validity: u32,
    /// UIDNEXT.
    pub uid_next: u32,
}

/// A connection.
pub struct Imap {
    stream: BufReader<TcpStream>,
    tag: u32,
    sent: String,
}

impl Imap {
    /// Connects and reads the greeting.
    ///
    /// # Errors
    /// If nobody listens, or the greeting is not OK.
    pub async fn connect(address: SocketAddr) -> Result<Self, Broken> {
        Self::connect_saying(address, b"").await
    }

    /// The same, with something to be said before the greeting.
    ///
    /// # Errors
    /// If nobody listens, or the greeting is not OK.
    pub async fn connect_saying(address: SocketAddr, first: &[u8]) -> Result<Self, Broken> {
        let mut stream = TcpStream::connect(address).await.map_err(|error| Broken(error.to_string()))?;
        stream.write_all(first).await.map_err(|error| Broken(error.to_string()))?;
        stream.set_nodelay(true).map_err(|error| Broken(error.to_string()))?;
        let mut imap = Self { stream: BufReader::new(stream), tag: 0, sent: "greeting".to_owned() };
        let greeting = imap.read().await?;
        if greeting.0.starts_with(b"* OK") { Ok(imap) } else { Err(Broken(format!("greeted with {greeting:?}"))) }
    }

    /// Sends a command and reads up to its end.
    ///
    /// # Errors
    /// If the connection ends before that.
    pub async fn try_command(&mut self, command: &str) -> Result<Answer, Broken> {
        let tag = self.begin(command).await?;
        self.end(&tag).await
    }

    /// The same, where the connection must live.
    ///
    /// # Panics
    /// If it does not.
    pub async fn command(&mut self, command: &str) -> Answer {
        self.try_command(command).await.unwrap_or_else(|Broken(why)| panic!("{command}: {why}"))
    }

    /// Sends a command that must succeed.
    ///
    /// # Panics
    /// If it does not.
    pub async fn ok(&mut self, command: &str) -> Answer {
        let answer = self.command(command).await;
        assert!(answer.status == Status::Ok, "{command}: {:?} {}", answer.status, answer.text);
        answer
    }

    /// Sends a command without waiting for anything; gives its tag.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn begin(&mut self, command: &str) -> Result<String, Broken> {
        self.tag += 1;
        let tag = format!("t{}", self.tag);
        command.clone_into(&mut self.sent);
        self.send(format!("{tag} {command}\r\n").as_bytes()).await?;
        Ok(tag)
    }

    /// Reads up to the end of the command with this tag.
    ///
    /// # Errors
    /// If the connection ends before that.
    pub async fn end(&mut self, tag: &str) -> Result<Answer, Broken> {
        let mut untagged = Vec::new();
        loop {
            let response = self.read().await?;
            let rest = response.0.strip_prefix(tag.as_bytes()).and_then(|rest| rest.strip_prefix(b" "));
            let Some(rest) = rest else {
                assert!(response.0.starts_with(b"* "), "neither untagged nor {tag}: {response:?}");
                untagged.push(response);
                continue;
            };
            let rest = String::from_utf8_lossy(rest);
            let (status, text) = rest.split_once(' ').unwrap_or_else(|| panic!("no text after the status: {rest}"));
            let status = match status {
                "OK" => Status::Ok,
                "NO" => Status::No,
                "BAD" => Status::Bad,
                _ => panic!("an unknown status: {rest}"),
            };
            return Ok(Answer { status, text: text.to_owned(), untagged });
        }
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        let stream = self.stream.get_mut();
        timeout(LIMIT, stream.write_all(bytes))
            .await
            .map_err(|_| Broken(format!("the gateway does not read ({})", self.sent)))?
            .map_err(|error| Broken(error.to_string()))
    }

    /// Reads one response with its literals.
    ///
    /// # Errors
    /// If the connection ends, and if nothing comes for a long time.
    pub async fn read(&mut self) -> Result<Response, Broken> {
        match timeout(LIMIT, self.read_patiently()).await {
            Ok(response) => response,
            Err(_) => Err(Broken(format!("no answer within {LIMIT:?} ({})", self.sent))),
        }
    }

    /// True if something has come that was not read yet, the end of the connection included.
    pub async fn has_more(&mut self) -> bool {
        timeout(Duration::ZERO, self.stream.fill_buf()).await.is_ok()
    }

    /// Reads until the other side closes; gives what came.
    ///
    /// # Errors
    /// If it does not close in time.
    pub async fn read_to_end(&mut self) -> Result<Vec<u8>, Broken> {
        let mut bytes = Vec::new();
        match timeout(LIMIT, self.stream.read_to_end(&mut bytes)).await {
            // A reset is an end too.
            Ok(_) => Ok(bytes),
            Err(_) => Err(Broken(format!("still open after {LIMIT:?}: {:?}", String::from_utf8_lossy(&bytes)))),
        }
    }

    /// Says that nothing more will be sent.
    pub async fn close_writing(&mut self) {
        // It may be closed already, which is as good.
        let _ = self.stream.get_mut().shutdown().await;
    }

    /// Appends with a synchronising literal.
    ///
    /// # Errors
    /// If the connection ends.
    pub async fn try_append(&mut self, folder: &str, flags: &str, message: &[u8]) -> Result<Answer, Broken> {
        let tag = self.begin(&format!("APPEND {folder} ({flags}) {{{}}}", message.len())).await?;
        let first = self.read().await?;
        if !first.0.starts_with(b"+") {
            // Refused before the literal; its text goes the way of any tagged end.
            let rest = String::from_utf8_lossy(&first.0).into_owned();
            let status = if rest.starts_with(&format!("{tag} NO")) { Status::No } else { Status::Bad };
            return Ok(Answer { status, text: rest, untagged: Vec::new() });
        }
        self.send(message).await?;
        self.send(b"\r\n").await?;
        self.end(&tag).await
    }

    /// Appends a message; gives its UID.
    ///
    /// # Panics
    /// If that does not succeed, or the answer has no APPENDUID (RFC 4315).
    pub async fn append(&mut self, folder: &str, flags: &str, message: &[u8]) -> u32 {
        let answer = self.try_append(folder, flags, message).await.expect("the connection lives");
        assert!(answer.status == Status::Ok, "APPEND {folder}: {}", answer.text);
        let code = answer.code("APPENDUID");
        code.split(' ')
            .nth(1)
            .and_then(|uid| uid.parse().ok())
            .unwrap_or_else(|| panic!("APPENDUID in {}", answer.text))
    }

    /// Selects a folder.
    ///
    /// # Panics
    /// If that does not succeed.
    pub async fn select(&mut self, folder: &str) -> Selected {
        let answer = self.ok(&format!("SELECT {folder}")).await;
        answer.selected()
    }

    /// The name of the folder with this special use (RFC 6154), as LIST tells it.
    ///
    /// # Panics
    /// If there is none.
    pub async fn special(&mut self, attribute: &str) -> String {
        let lines = self.ok("LIST (SPECIAL-USE) \"\" \"*\"").await.lines();
        let line = lines.iter().find(|line| line.contains(attribute)).expect("a folder for that use");
        line.rsplit_once(" \"/\" ").map(|(_, name)| name.to_owned()).expect("a line of LIST")
    }

    /// Each UID of the selected folder with the Message-ID field under it, as it stands there (empty if none).
    ///
    /// # Panics
    /// If the connection breaks or a UID comes twice.
    pub async fn message_ids(&mut self) -> BTreeMap<u32, String> {
        self.try_message_ids().await.unwrap_or_else(|Broken(why)| panic!("{why}"))
    }

    /// The same.
    ///
    /// # Errors
    /// If the connection breaks.
    pub async fn try_message_ids(&mut self) -> Result<BTreeMap<u32, String>, Broken> {
        let answer = self.try_command("UID FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])").await?;
        if answer.status != Status::Ok {
            return Err(Broken(answer.text));
        }
        let mut all = BTreeMap::new();
        // Other news of a message may come in between.
        let has_field = |fetch: &Fetch| fetch.items.contains_key("BODY[HEADER.FIELDS (MESSAGE-ID)]");
        for fetch in answer.fetches().filter(has_field) {
            let field = String::from_utf8_lossy(fetch.bytes("BODY[HEADER.FIELDS (MESSAGE-ID)]")).trim().to_owned();
            let id = field.split_once(':').map_or(String::new(), |(_, id)| id.trim().to_owned());
            assert!(all.insert(fetch.uid(), id).is_none(), "UID {} came twice", fetch.uid());
        }
        Ok(all)
    }

    /// One item of every message of the selected folder, by UID.
    ///
    /// # Panics
    /// If that does not succeed.
    pub async fn all(&mut self, item: &str) -> BTreeMap<u32, Value> {
        let answer = self.ok(&format!("UID FETCH 1:* (UID {item})")).await;
        let name = item.to_ascii_uppercase().replace(".PEEK", "");
        answer.fetches().filter_map(|fetch| Some((fetch.uid(), fetch.items.get(&name)?.clone()))).collect()
    }

    async fn read_patiently(&mut self) -> Result<Response, Broken> {
        let mut bytes = Vec::new();
        loop {
            let start = bytes.len();
            let read = self.stream.read_until(b'\n', &mut bytes).await.map_err(|error| Broken(error.to_string()))?;
            if read == 0 {
                return Err(Broken(format!("connection closed ({})", self.sent)));
            }
            let line = bytes[start..].strip_suffix(b"\r\n").unwrap_or_else(|| {
                panic!("a line that does not end in CRLF: {:?}", String::from_utf8_lossy(&bytes[start..]))
            });
            let Some(size) = literal_size(line) else {
                bytes.truncate(bytes.len() - 2);
                return Ok(Response(bytes));
            };
            let start = bytes.len();
            bytes.resize(start + size, 0);
            self.stream.read_exact(&mut bytes[start..]).await.map_err(|error| Broken(error.to_string()))?;
        }
    }
}

impl Answer {
    /// The FETCH responses.
    pub fn fetches(&self) -> impl Iterator<Item = Fetch> {
        self.untagged.iter().filter_map(Response::fetch)
    }

    /// What stands after `name` in the response code of the tagged line.
    ///
    /// # Panics
    /// If there is no such code.
    #[must_use]
    pub fn code(&self, name: &str) -> String {
        code_in(&self.text, name).unwrap_or_else(|| panic!("no code {name} in {}", self.text))
    }

    /// The last number of the response `* n NAME`, if there is one.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u32> {
        self.untagged.iter().rev().find_map(|response| response.number(name))
    }

    /// The untagged responses as text.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.untagged.iter().map(Response::text).collect()
    }

    /// The words after the untagged `name`, for SEARCH and CAPABILITY.
    ///
    /// # Panics
    /// If there is no such response.
    #[must_use]
    pub fn words(&self, name: &str) -> Vec<String> {
        let prefix = format!("* {name}");
        let line = self.lines().into_iter().find(|line| line.starts_with(&prefix));
        let line = line.unwrap_or_else(|| panic!("no {name} in {:?}", self.untagged));
        line[prefix.len()..].split_whitespace().map(str::to_owned).collect()
    }

    /// What SELECT told.
    ///
    /// # Panics
    /// If it did not tell all of it.
    #[must_use]
    pub fn selected(&self) -> Selected {
        let code = |name| {
            self.lines()
                .iter()
                .find_map(|line| code_in(line, name))
                .and_then(|value| value.parse().ok())
                .unwrap_or_else(|| panic!("no {name} in {:?}", self.untagged))
        };
        Selected {
            exists: self.number("EXISTS").expect("SELECT tells EXISTS"),
            uid_validity: code("UIDVALIDITY"),
            uid_next: code("UIDNEXT"),
        }
    }
}

impl Response {
    /// As text; bytes that are none are replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }

    /// `n` of `* n NAME`.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u32> {
        self.text().strip_prefix("* ")?.strip_suffix(name)?.strip_suffix(' ')?.parse().ok()
    }

    /// The response read as FETCH, if it is one.
    ///
    /// # Panics
    /// If it is one with a mistake in it.
    #[must_use]
    pub fn fetch(&self) -> Option<Fetch> {
        let line = self.0.strip_prefix(b"* ")?;
        let space = line.iter().position(|byte| *byte == b' ')?;
        let number = std::str::from_utf8(&line[..space]).ok()?.parse().ok()?;
        let list = line[space..].strip_prefix(b" FETCH ")?;
        let mut rest = list;
        let Some(Value::List(values)) = value(&mut rest) else { panic!("FETCH without a list: {self:?}") };
        assert!(rest.is_empty() && values.len().is_multiple_of(2), "a list of pairs and nothing after it: {self:?}");
        let mut items = BTreeMap::new();
        for pair in values.chunks(2) {
            let Value::Atom(name) = &pair[0] else { panic!("an item without a name: {self:?}") };
            assert!(items.insert(name.to_ascii_uppercase(), pair[1].clone()).is_none(), "{name} twice: {self:?}");
        }
        Some(Fetch { number, items })
    }
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.text();
        match text.char_indices().nth(2000) {
            Some((end, _)) => write!(f, "{:?}… ({} bytes)", &text[..end], self.0.len()),
            None => write!(f, "{text:?}"),
        }
    }
}

impl Fetch {
    /// The UID.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn uid(&self) -> u32 {
        self.atom("UID").parse().expect("UID is a number")
    }

    /// RFC822.SIZE.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.atom("RFC822.SIZE").parse().expect("RFC822.SIZE is a number")
    }

    /// The flags, sorted, without `\Recent`, which is nobody's doing.
    ///
    /// # Panics
    /// If there are none.
    #[must_use]
    pub fn flags(&self) -> Vec<String> {
        let Some(Value::List(flags)) = self.items.get("FLAGS") else { panic!("no FLAGS in {self:?}") };
        let mut flags: Vec<String> = flags.iter().map(Value::text).filter(|flag| flag != "\\Recent").collect();
        flags.sort();
        flags
    }

    /// The bytes of an item such as `BODY[]`.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn bytes(&self, name: &str) -> &[u8] {
        match self.items.get(name) {
            Some(Value::Text(bytes)) => bytes,
            other => panic!("{name} is {other:?} in {:?}", self.items.keys()),
        }
    }

    fn atom(&self, name: &str) -> &str {
        match self.items.get(name) {
            Some(Value::Atom(text)) => text,
            other => panic!("{name} is {other:?}"),
        }
    }
}

impl Value {
    /// As text; a list in parentheses, `NIL` as that word.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Atom(text) => text.clone(),
            Self::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Self::Nil => "NIL".to_owned(),
            Self::List(values) => format!("({})", values.iter().map(Self::text).collect::<Vec<_>>().join(" ")),
        }
    }

    /// The bytes of a string.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(bytes) => bytes,
            other => panic!("not a string: {other:?}"),
        }
    }
}

/// Reads one value off the front of `rest`, and the space after it.
fn value(rest: &mut &[u8]) -> Option<Value> {
    let (value, after) = match rest.first()? {
        b'(' => {
            let mut inner = &rest[1..];
            let mut values = Vec::new();
            while inner.first() != Some(&b')') {
                values.push(value(&mut inner)?);
            }
            (Value::List(values), &inner[1..])
        }
        b'"' => quoted(&rest[1..])?,
        b'{' => {
            let end = rest.iter().position(|byte| *byte == b'\n')?;
            let size = literal_size(rest[..end].strip_suffix(b"\r")?)?;
            let after = &rest[end + 1..];
            (Value::Text(after.get(..size)?.to_vec()), &after[size..])
        }
        _ => atom(rest)?,
    };
    *rest = after.strip_prefix(b" ").unwrap_or(after);
    Some(value)
}

fn quoted(rest: &[u8]) -> Option<(Value, &[u8])> {
    let mut text = Vec::new();
    let mut at = 0;
    loop {
        match *rest.get(at)? {
            b'"' => return Some((Value::Text(text), &rest[at + 1..])),
            b'\\' => {
                text.push(*rest.get(at + 1)?);
                at += 2;
            }
            byte => {
                text.push(byte);
                at += 1;
            }
        }
    }
}

/// An atom ends at a space or parenthesis, but a section in brackets belongs to it: `BODY[HEADER.FIELDS (TO)]<0>`.
fn atom(rest: &[u8]) -> Option<(Value, &[u8])> {
    let mut depth = 0;
    let end = rest.iter().position(|byte| {
        match byte {
            b'[' => depth += 1,
            b']' => depth -= 1,
            _ => {}
        }
        depth == 0 && matches!(byte, b' ' | b'(' | b')')
    });
    let (atom, after) = rest.split_at(end.unwrap_or(rest.len()));
    if atom.is_empty() {
        return None;
    }
    let text = String::from_utf8_lossy(atom).into_owned();
    Some((if text.eq_ignore_ascii_case("NIL") { Value::Nil } else { Value::Atom(text) }, after))
}

/// `n` if the line ends in `{n}`.
fn literal_size(line: &[u8]) -> Option<usize> {
    let open = line.iter().rposition(|byte| *byte == b'{')?;
    std::str::from_utf8(line[open + 1..].strip_suffix(b"}")?).ok()?.parse().ok()
}

/// What stands after `name` in `[name ...]`.
fn code_in(text: &str, name: &str) -> Option<String> {
    let code = text.get(text.find('[')? + 1..text.find(']')?)?;
    let rest = code.strip_prefix(name)?;
    if rest.is_empty() { Some(String::new()) } else { rest.strip_prefix(' ').map(str::to_owned) }
}

/// Longer than any honest answer takes on a slow machine.
const LIMIT: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fetch_is_read_into_its_items() {
        let response = Response(
            b"* 12 FETCH (UID 7 FLAGS (\\Seen $Forwarded) BODY[HEADER.FIELDS (MESSAGE-ID)] {3}\r\n(\"x BODY[1] \"a\\\"b\" ENVELOPE (NIL (\"x\")))".to_vec(),
        );
        let fetch = response.fetch().expect("a FETCH");
        assert_eq!((fetch.number, fetch.uid()), (12, 7));
        assert_eq!(fetch.flags(), ["$Forwarded", "\\Seen"]);
        assert_eq!(fetch.bytes("BODY[HEADER.FIELDS (MESSAGE-ID)]"), b"(\"x");
        assert_eq!(fetch.bytes("BODY[1]"), b"a\"b");
        assert_eq!(fetch.items["ENVELOPE"].text(), "(NIL (x))");
    }

    #[test]
    fn only_a_trailing_brace_begins_a_literal() {
        assert_eq!(literal_size(b"* 1 FETCH (BODY[] {12}"), Some(12));
        assert_eq!(literal_size(b"* OK {12} is no literal"), None);
    }

    #[test]
    fn codes_and_numbers_are_found() {
        let answer = Answer {
            status: Status::Ok,
            text: "[APPENDUID 5 9] done".to_owned(),
            untagged: [&b"* 3 EXISTS"[..], b"* OK [UIDVALIDITY 5] x", b"* OK [UIDNEXT 10] x"]
                .map(|line| Response(line.to_vec()))
                .into(),
        };
        assert_eq!(answer.code("APPENDUID"), "5 9");
        assert_eq!(answer.selected(), Selected { exists: 3, uid_validity: 5, uid_next: 10 });
    }
}
