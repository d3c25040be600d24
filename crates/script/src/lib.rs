//! The text of scripted conversations, for tests of every protocol: escapes, patterns, and what is remembered of what was
//! said.
//!
//! A script says what a client sends and what it must be answered. In what is sent `\r`, `\n`, `\\` and `\xNN` stand for
//! octets. In what is awaited `...` is anything, or nothing, and `$name` (or `${name}`) a word that is remembered: where the
//! same name comes again it must be the same word, and in what is sent it is put in its place.

use std::collections::HashMap;

/// What was remembered, by name.
#[derive(Clone, Debug)]
pub struct Memory {
    words: HashMap<String, String>,
    /// What ends a word.
    ends: &'static str,
}

impl Memory {
    /// Remembers nothing yet. `ends` are the characters that end a word in this protocol.
    #[must_use]
    pub fn new(ends: &'static str) -> Self {
        Self { words: HashMap::new(), ends }
    }

    /// Remembers a word, or another one.
    pub fn put(&mut self, name: &str, word: &str) {
        self.words.insert(name.to_owned(), word.to_owned());
    }

    /// Puts what is remembered in the place of its name. Other names stay as they are.
    #[must_use]
    pub fn filled(&self, text: &str) -> String {
        let mut parts = text.split('$');
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = named(part);
            match self.words.get(name) {
                Some(word) => {
                    out.push_str(word);
                    out.push_str(rest);
                }
                None => {
                    out.push('$');
                    out.push_str(part);
                }
            }
        }
        out
    }

    /// True if a text is as the pattern says; the words it names are remembered then.
    pub fn matches(&mut self, pattern: &str, text: &str) -> bool {
        let mut found = HashMap::new();
        let matched = matched((&self.filled(pattern), text), self.ends, &mut found);
        if matched {
            self.words.extend(found);
        }
        matched
    }
}

fn matched((pattern, text): (&str, &str), ends: &str, found: &mut HashMap<String, String>) -> bool {
    let Some(special) = [pattern.find("..."), pattern.find('$')].into_iter().flatten().min() else {
        return pattern == text;
    };
    let (before, rest) = pattern.split_at(special);
    let Some(text) = text.strip_prefix(before) else { return false };
    if let Some(rest) = rest.strip_prefix("...") {
        if rest.is_empty() {
            return true;
        }
        let mut starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        return starts.any(|at| matched((rest, text.get(at..).unwrap_or_default()), ends, found));
    }
    let (name, rest) = named(rest.get(1..).unwrap_or_default());
    let (word, after) = text.split_at(text.find(|char| ends.contains(char)).unwrap_or(text.len()));
    if word.is_empty() || found.get(name).is_some_and(|known| known != word) {
        return false;
    }
    let mut further = found.clone();
    further.insert(name.to_owned(), word.to_owned());
    let matched = matched((rest, after), ends, &mut further);
    if matched {
        *found = further;
    }
    matched
}

/// `name` or `{name}` from the beginning of a text, and what follows.
fn named(text: &str) -> (&str, &str) {
    if let Some((name, rest)) = text.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        return (name, rest);
    }
    let end = text.find(|char: char| !char.is_ascii_alphanumeric()).unwrap_or(text.len());
    text.split_at(end)
}

/// Text with `\r`, `\n`, `\\` and `\xNN` in it, as octets. Any other backslash stands for itself.
#[must_use]
pub fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(rest.get(..at).unwrap_or_default().as_bytes());
        let code = rest.get(at + 1..).unwrap_or_default();
        let hex = code.strip_prefix('x').and_then(|code| u8::from_str_radix(code.get(..2)?, 16).ok());
        let (byte, length) = match (code.chars().next(), hex) {
            (Some('r'), _) => (b'\r', 1),
            (Some('n'), _) => (b'\n', 1),
            (Some('x'), Some(byte)) => (byte, 3),
            (Some('\\'), _) => (b'\\', 1),
            _ => (b'\\', 0),
        };
        bytes.push(byte);
        rest = code.get(length..).unwrap_or_default();
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anything_and_nothing() {
        let mut memory = Memory::new(" ");
        assert!(memory.matches("a OK ...", "a OK "));
        assert!(!memory.matches("a OK ...", "b OK x"));
        assert!(memory.matches("... b ...", "a b c"));
        assert!(memory.matches("250 2.0.0 ... as ...", "250 2.0.0 Sent as 12"));
        assert!(!memory.matches("250 ...", "250-x"));
    }

    #[test]
    fn words_are_remembered_if_all_agrees() {
        let mut memory = Memory::new(" ()<>\"");
        assert!(memory.matches("* 1 FETCH (UID $u ...)", "* 1 FETCH (UID 12 FLAGS ())"));
        assert_eq!(memory.filled("a UID FETCH $u (${u}) $other"), "a UID FETCH 12 (12) $other");
        assert!(!memory.matches("$x $x", "1 2"));
        assert!(!memory.matches("$y b", "1 c"));
        assert_eq!(memory.filled("$x$y"), "$x$y");
        assert!(memory.matches("...<D:getetag>\"$e\"</D:getetag>...", "<a><D:getetag>\"1-2\"</D:getetag></a>"));
        assert!(memory.matches("$e", "1-2") && !memory.matches("$e", "1-3"));
        memory.put("calendar", "/c/");
        assert_eq!(memory.filled("GET ${calendar}a.ics"), "GET /c/a.ics");
    }

    #[test]
    fn escapes() {
        assert_eq!(unescaped("a\\x00\\r\\n\\\\\\Seen"), b"a\0\r\n\\\\Seen");
        assert_eq!(unescaped("\\x4"), b"\\x4");
    }
}
