//! Searching: every message is at hand, so every question can be decided.

use super::store::FolderData;
use crate::search::{Facts, Query, Verdict};
use crate::{Result, Uid};

pub(super) fn found(folder: &FolderData, query: &Query) -> Result<Vec<Uid>> {
    let program = query.program();
    let mut found = Vec::new();
    for message in &folder.messages {
        let facts = Facts {
            uid: message.uid,
            flags: &message.flags,
            modseq: message.modseq,
            received: message.received,
            saved: Some(message.saved),
            size: Some(message.content.len()),
            email_id: Some(message.email_id),
            thread_id: Some(message.thread_id()),
            header: None,
            content: Some(&message.content),
        };
        if program.evaluate(&facts)? == Verdict::Yes {
            found.push(message.uid);
        }
    }
    Ok(found)
}
