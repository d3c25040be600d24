//! `[submit]`: how messages are sent.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::Mistake;

/// How messages are sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Submit {
    pub(crate) spool: SpoolPolicy,
    pub(crate) save_to_sent: bool,
    pub(crate) give_up_hours: u64,
    pub(crate) lost_answer_seconds: u64,
    pub(crate) max_message_mib: u64,
    pub(crate) max_recipients: usize,
}

/// When a message is kept on disk, and sent in the background.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SpoolPolicy {
    #[default]
    WhenAway,
    Never,
    Always,
}

impl Default for Submit {
    fn default() -> Self {
        Self {
            spool: SpoolPolicy::default(),
            save_to_sent: true,
            give_up_hours: 48,
            lost_answer_seconds: 300,
            max_message_mib: 150,
            max_recipients: 5000,
        }
    }
}

impl Submit {
    pub(super) fn check(&self, file: &Path) -> Result<(), Mistake> {
        for (key, number, sentence) in [
            ("submit.give_up_hours", self.give_up_hours, "0 would give every message up at once; set at least 1"),
            (
                "submit.lost_answer_seconds",
                self.lost_answer_seconds,
                "0 would send messages twice that Exchange is at work on; set at least 1",
            ),
            ("submit.max_message_mib", self.max_message_mib, "0 would refuse every message; set at least 1"),
            ("submit.max_recipients", self.max_recipients as u64, "0 would refuse every recipient; set at least 1"),
        ] {
            if number == 0 {
                return Err(Mistake::new(file, key, sentence.to_owned()));
            }
        }
        Ok(())
    }

    /// The same as the backend wants it.
    pub(crate) fn sending(&self) -> exchange::Sending {
        exchange::Sending {
            spool: match self.spool {
                SpoolPolicy::WhenAway => exchange::SpoolPolicy::WhenAway,
                SpoolPolicy::Never => exchange::SpoolPolicy::Never,
                SpoolPolicy::Always => exchange::SpoolPolicy::Always,
            },
            save_to_sent: self.save_to_sent,
            give_up: Duration::from_secs(self.give_up_hours.saturating_mul(3600)),
            lost_answer: Duration::from_secs(self.lost_answer_seconds),
            largest_message: self.max_message_mib << 20,
            most_recipients: self.max_recipients,
        }
    }
}
