//! What SEARCH, SORT and THREAD found.

use super::word;
use crate::command::Tag;
use crate::mailbox::{MailboxName, Names};
use crate::page::Page;
use crate::sequence::Numbering;

/// `* SEARCH n n n` (RFC 3501 section 7.2.5), with `(MODSEQ n)` if the search asked for MODSEQ and found something
/// (RFC 7162 section 3.1.5).
pub fn search(out: &mut Vec<u8>, numbers: &[u32], mod_seq: Option<u64>) {
    numbers_line(out, b"* SEARCH", numbers, mod_seq);
}

/// `* SORT n n n` (RFC 5256 section 4), with MODSEQ as for SEARCH (RFC 7162 section 3.1.6).
pub fn sort(out: &mut Vec<u8>, numbers: &[u32], mod_seq: Option<u64>) {
    numbers_line(out, b"* SORT", numbers, mod_seq);
}

fn numbers_line(out: &mut Vec<u8>, start: &[u8], numbers: &[u32], mod_seq: Option<u64>) {
    out.extend_from_slice(start);
    for &number in numbers {
        out.push(b' ');
        word::number(out, number);
    }
    if let Some(mod_seq) = mod_seq.filter(|_| !numbers.is_empty()) {
        out.extend_from_slice(format!(" (MODSEQ {mod_seq})").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// What an ESEARCH answer tells; what was not asked for is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Esearch<'a> {
    /// The tag of the SEARCH.
    pub tag: &'a Tag,
    /// The mailbox of an ESEARCH in several.
    pub source: Option<Source<'a>>,
    /// What the numbers are.
    pub numbering: Numbering,
    /// `MIN`: also `None` if nothing was found.
    pub min: Option<u32>,
    /// `MAX`: also `None` if nothing was found.
    pub max: Option<u32>,
    /// `COUNT`
    pub count: Option<u32>,
    /// `ALL`: ascending, but of a SORT, whose order stays; left out if empty.
    pub all: Option<&'a [u32]>,
    /// `PARTIAL` (RFC 9394)
    pub partial: Option<Paged<'a>>,
    /// `MODSEQ` (RFC 7162 section 3.1.10)
    pub mod_seq: Option<u64>,
}

/// Where something was found (RFC 7377 section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source<'a> {
    /// The mailbox's name.
    pub mailbox: &'a MailboxName,
    /// How the client writes names.
    pub names: Names,
    /// Its UIDVALIDITY.
    pub uid_validity: u32,
}

/// Some of the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paged<'a> {
    /// The places asked for.
    pub page: Page,
    /// The results at them, in the order of `ALL`; none is told as `NIL`.
    pub numbers: &'a [u32],
}

/// `* ESEARCH (TAG "a") UID MIN 1 COUNT 3 ALL 1:3` (RFC 4731 section 3.1)
pub fn esearch(out: &mut Vec<u8>, found: &Esearch<'_>) {
    out.extend_from_slice(b"* ESEARCH (TAG ");
    word::quoted(out, found.tag.as_str().as_bytes());
    if let Some(source) = found.source {
        out.extend_from_slice(b" MAILBOX ");
        word::mailbox(out, source.names, source.mailbox);
        out.extend_from_slice(format!(" UIDVALIDITY {}", source.uid_validity).as_bytes());
    }
    out.push(b')');
    if found.numbering == Numbering::Uid {
        out.extend_from_slice(b" UID");
    }
    let numbers = [("MIN", found.min), ("MAX", found.max), ("COUNT", found.count)];
    for (name, number) in numbers {
        if let Some(number) = number {
            out.extend_from_slice(format!(" {name} {number}").as_bytes());
        }
    }
    if let Some(all) = found.all.filter(|all| !all.is_empty()) {
        out.extend_from_slice(b" ALL ");
        word::set(out, all);
    }
    if let Some(Paged { page, numbers }) = found.partial {
        out.extend_from_slice(format!(" PARTIAL ({page} ").as_bytes());
        if numbers.is_empty() {
            out.extend_from_slice(b"NIL");
        } else {
            word::set(out, numbers);
        }
        out.push(b')');
    }
    if let Some(mod_seq) = found.mod_seq {
        out.extend_from_slice(format!(" MODSEQ {mod_seq}").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// A message in the trees of THREAD, or one that is not there and holds others together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadNode {
    /// Its number; `None` if it is not there.
    pub number: Option<u32>,
    /// How many children it has; those that are not there have two at least.
    pub children: u32,
}

/// `* THREAD (2)(3 6 (4 23)(44 7 96))` (RFC 5256 section 4). The nodes come parents first: behind each its first child
/// with all that is below it, then the second.
pub fn thread(out: &mut Vec<u8>, nodes: &[ThreadNode]) {
    out.extend_from_slice(b"* THREAD");
    if !nodes.is_empty() {
        out.push(b' ');
    }
    // Of each list that is open above: how many of the lists in it are not written yet.
    let mut above: Vec<u32> = Vec::new();
    let (mut is_open, mut has_number) = (false, false);
    for node in nodes {
        if !is_open {
            out.push(b'(');
            (is_open, has_number) = (true, false);
        }
        if let Some(number) = node.number {
            if has_number {
                out.push(b' ');
            }
            word::number(out, number);
            has_number = true;
        }
        match node.children {
            // A chain goes on in the same list.
            1 => {}
            0 => {
                out.push(b')');
                is_open = false;
                while let Some(left) = above.last_mut() {
                    *left -= 1;
                    if *left > 0 {
                        break;
                    }
                    above.pop();
                    out.push(b')');
                }
            }
            several => {
                if has_number {
                    out.push(b' ');
                }
                above.push(several);
                is_open = false;
            }
        }
    }
    out.extend_from_slice(b"\r\n");
}
