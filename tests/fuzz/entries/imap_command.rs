//! One IMAP command: no panic, errors that point into it, and values whose methods hold too.

use imap_proto::command::fetch::Item;
use imap_proto::command::search::Key;
use imap_proto::response::{FetchLine, ListLine, list};
use imap_proto::{Command, MailboxName, Names, RawCommand, SequenceSet, Verb};

pub fn run(data: &[u8]) {
    for names in [Names::ModifiedUtf7, Names::Utf8] {
        match Command::parse(&RawCommand::new(data), names) {
            Ok(command) => look_at(&command, names),
            Err(error) => {
                assert!(error.position <= data.len());
                assert!(error.to_string().bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            }
        }
    }
}

fn look_at(command: &Command, names: Names) {
    assert!(!command.verb.name().is_empty() && !format!("{command:?}").is_empty());
    match &command.verb {
        Verb::Fetch(fetch) => {
            set(&fetch.set);
            let (mut out, mut line) = (Vec::new(), FetchLine::begin(&mut Vec::new(), 1));
            for item in &fetch.items {
                if let Item::Section { section, partial, .. } = item {
                    line.section(&mut out, section, partial.map(|partial| partial.offset), None);
                }
            }
            line.end(&mut out);
        }
        Verb::Search(search) => assert!(depth(&search.key) <= 130),
        Verb::Store(store) => set(&store.set),
        Verb::Copy(transfer) | Verb::Move(transfer) => {
            set(&transfer.set);
            name(&transfer.to, names);
        }
        Verb::UidExpunge(uids) => set(uids),
        Verb::Append(append) => name(&append.mailbox, names),
        Verb::Replace(replace) => {
            set(&replace.set());
            name(&replace.append.mailbox, names);
        }
        Verb::Select(select) | Verb::Examine(select) => name(&select.mailbox, names),
        Verb::List(listing) | Verb::Lsub(listing) | Verb::Xlist(listing) => {
            for pattern in &listing.patterns {
                let _ = pattern.matches(&MailboxName("INBOX/Entwürfe".to_owned()), Some('/'));
            }
        }
        _ => {}
    }
}

fn set(set: &SequenceSet) {
    for largest in [0, 1, 1000, u32::MAX] {
        let merged = set.merged(largest);
        assert!(merged.windows(2).all(|pair| pair[0].end() < pair[1].start()));
        assert!(merged.iter().all(|range| set.contains(*range.start(), largest)));
    }
}

/// A name that was read is written so that it reads the same.
fn name(name: &MailboxName, names: Names) {
    assert_eq!(MailboxName::decode(&name.encode(), Names::ModifiedUtf7).as_ref(), Some(name));
    let line = ListLine {
        attributes: Vec::new(),
        delimiter: Some('/'),
        name: name.clone(),
        child_info: Vec::new(),
        old_name: None,
    };
    list(&mut Vec::new(), names, &line);
}

fn depth(key: &Key) -> usize {
    1 + match key {
        Key::And(keys) => keys.iter().map(depth).max().unwrap_or(0),
        Key::Or(first, second) => depth(first).max(depth(second)),
        Key::Not(key) => depth(key),
        _ => 0,
    }
}
