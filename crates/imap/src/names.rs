//! Folder paths as IMAP names.
//!
//! Names of a path are joined by `/`. Exchange lets a name hold anything, so what would be read as something else
//! is written as `%` and two hexadecimal digits for each octet in UTF-8: `/` itself, a `%` that two such digits follow,
//! control characters, what separates lines (RFC 9755 section 3), and the dots of a name that is nothing but one or two
//! dots (mbsync refuses a server that shows `..`). Each path has exactly one name, and reading gives back what was written.

use imap_proto::MailboxName;
use imap_proto::command::scope::Scope;
use mailbox::{Depth, FolderPath};

/// What separates the names of a path.
pub(crate) const DELIMITER: char = '/';

/// A path's name.
pub(crate) fn name(path: &FolderPath) -> MailboxName {
    MailboxName(path.0.iter().map(|segment| written(segment)).collect::<Vec<_>>().join("/"))
}

/// A name's path, `None` if no path is written so.
pub(crate) fn path(name: &MailboxName) -> Option<FolderPath> {
    let mut segments = name.0.split(DELIMITER).map(read).collect::<Option<Vec<String>>>()?;
    // RFC 3501 section 5.1: INBOX is the same in any case, and clients write what is below it in any case too.
    if let Some(first) = segments.first_mut().filter(|first| first.eq_ignore_ascii_case("INBOX")) {
        "INBOX".clone_into(first);
    }
    Some(FolderPath(segments))
}

/// The same for a name that may end with a delimiter, as CREATE sends to say that folders will come below it
/// (RFC 3501 section 6.3.3).
pub(crate) fn path_to_create(name: &MailboxName) -> Option<FolderPath> {
    let trimmed = name.0.strip_suffix(DELIMITER).unwrap_or(&name.0);
    path(&MailboxName(trimmed.to_owned()))
}

/// True if a path is among the mailboxes a scope names, or so far below one of them as it reaches.
pub(crate) fn reaches(scope: &Scope, path_: &FolderPath) -> bool {
    scope.named().iter().filter_map(path).any(|top| match reach(scope) {
        Depth::Infinite => *path_ == top || path_.is_below(&top),
        Depth::Levels(0) => *path_ == top,
        Depth::Levels(_) => *path_ == top || path_.parent().as_ref() == Some(&top),
    })
}

/// How far a scope reaches below the mailboxes it names.
pub(crate) fn reach(scope: &Scope) -> Depth {
    match scope {
        Scope::Subtree(_) => Depth::Infinite,
        Scope::SubtreeOne(_) => Depth::Levels(1),
        _ => Depth::Levels(0),
    }
}

fn written(segment: &str) -> String {
    let dots = matches!(segment, "." | "..");
    let mut written = String::with_capacity(segment.len());
    for (at, char) in segment.char_indices() {
        let hide = match char {
            '%' => segment.get(at + 1..at + 3).is_some_and(|next| next.bytes().all(|byte| byte.is_ascii_hexdigit())),
            '.' => dots,
            DELIMITER => true,
            char => char.is_control() || matches!(char, '\u{2028}' | '\u{2029}'),
        };
        if hide {
            let octets = char.encode_utf8(&mut [0; 4]).bytes().map(|octet| format!("%{octet:02X}")).collect::<String>();
            written.push_str(&octets);
        } else {
            written.push(char);
        }
    }
    written
}

fn read(segment: &str) -> Option<String> {
    let mut name: Vec<u8> = Vec::with_capacity(segment.len());
    let mut rest = segment;
    while let Some(at) = rest.find('%') {
        let (before, after) = rest.split_at(at);
        name.extend_from_slice(before.as_bytes());
        let code = after.get(1..3).filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                name.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                name.push(b'%');
                rest = after.get(1..).unwrap_or_default();
            }
        }
    }
    name.extend_from_slice(rest.as_bytes());
    let name = String::from_utf8(name).ok()?;
    (!name.is_empty() && written(&name) == segment).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_has_one_name() {
        for (segments, wanted) in [
            (&["INBOX"][..], "INBOX"),
            (&["INBOX", "Größe"], "INBOX/Größe"),
            (&["a/b", "c"], "a%2Fb/c"),
            (&["100%"], "100%"),
            (&["50% off"], "50% off"),
            (&["%2F"], "%252F"),
            (&["%zz"], "%zz"),
            (&["%25"], "%2525"),
            (&[".."], "%2E%2E"),
            (&[".", "..."], "%2E/..."),
            (&["a\r\nb\0"], "a%0D%0Ab%00"),
            (&["a\u{85}\u{2028}ü"], "a%C2%85%E2%80%A8ü"),
        ] {
            let path_ = FolderPath(segments.iter().map(|&segment| segment.to_owned()).collect());
            assert_eq!(name(&path_).0, wanted);
            assert_eq!(path(&MailboxName(wanted.to_owned())), Some(path_));
        }
    }

    #[test]
    fn what_no_path_is_written_like() {
        for name in ["", "/a", "a/", "a//b", "%41", "%2f", "a/..", ".", "%FF", "%C3%BC", "a\rb"] {
            assert_eq!(path(&MailboxName(name.to_owned())), None, "{name}");
        }
        assert_eq!(path(&MailboxName("inbox/Sub".to_owned())), Some(FolderPath(vec!["INBOX".into(), "Sub".into()])));
        assert_eq!(path_to_create(&MailboxName("a/b/".to_owned())), Some(FolderPath(vec!["a".into(), "b".into()])));
    }
}
