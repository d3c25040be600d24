//! QUOTA and QUOTAROOT.

use super::word;
use crate::mailbox::{MailboxName, Names};

/// How much of something there is, and how much there may be (RFC 9208 section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resource {
    /// As `STORAGE`, whose unit is 1024 octets.
    pub name: &'static str,
    /// What is used.
    pub usage: u64,
    /// What may be used.
    pub limit: u64,
}

/// `* QUOTA root (STORAGE 10 512)` (RFC 9208 section 4.2.1)
pub fn quota(out: &mut Vec<u8>, root: &str, resources: &[Resource]) {
    out.extend_from_slice(b"* QUOTA ");
    word::astring(out, root.as_bytes());
    let resources: Vec<_> = resources.iter().map(|one| format!("{} {} {}", one.name, one.usage, one.limit)).collect();
    out.extend_from_slice(format!(" ({})\r\n", resources.join(" ")).as_bytes());
}

/// `* QUOTAROOT mailbox root` (RFC 9208 section 4.2.2); without a root if nothing limits the mailbox.
pub fn quota_root(out: &mut Vec<u8>, names: Names, mailbox: &MailboxName, roots: &[&str]) {
    out.extend_from_slice(b"* QUOTAROOT ");
    word::mailbox(out, names, mailbox);
    for root in roots {
        out.push(b' ');
        word::astring(out, root.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}
