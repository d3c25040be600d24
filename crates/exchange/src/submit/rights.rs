//! In whose name somebody may send.
//!
//! Exchange tells nobody beforehand in whose name they may send: rights of this kind are the directory's, and a delegate
//! cannot read them. So it finds out at the end, and what it refused is remembered for a while, so that the next message is
//! refused when its sender is named.

use std::sync::Arc;
use std::time::Duration;

use mailbox::submit::Address;
use mailbox::{Error, ErrorKind};

use super::outgoing::lock;
use crate::error::{self, Result};
use crate::live::Live;

impl Live {
    /// Whether it is known that the user may not send as this.
    pub(super) fn may_send_as(self: &Arc<Self>, address: &Address) -> Result<()> {
        let out = self.outgoing()?;
        let mut denied = lock(&out.denied);
        denied.retain(|_, at| at.elapsed() < DENIED);
        match denied.contains_key(address) {
            true => Err(Error::new(ErrorKind::Denied, error::send_as_denied(address))),
            false => Ok(()),
        }
    }

    /// Exchange refused to send as this, or did not.
    pub(super) fn learn_send_as(&self, address: &Address, is_denied: bool) {
        let Some(out) = &self.outgoing else { return };
        let mut denied = lock(&out.denied);
        if is_denied && denied.len() < MANY {
            denied.insert(address.clone(), tokio::time::Instant::now());
        } else {
            denied.remove(address);
        }
    }
}

/// How long a refusal is remembered: as long as somebody waits who has just been given the right.
const DENIED: Duration = Duration::from_secs(120);
const MANY: usize = 100;
