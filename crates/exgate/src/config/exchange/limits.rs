//! `[exchange.NAME.limits]` and `[exchange.NAME.sync]`: how much, and how often.

use serde::Deserialize;

use super::Place;
use crate::config::mistake::Mistake;
use crate::config::text::Span;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    pub(crate) per_mailbox: Option<u16>,
    pub(crate) per_organisation: Option<u16>,
    pub(crate) sync_calls: Option<u16>,
    pub(crate) streams: Option<u16>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Sync {
    pub(crate) poll_min: Option<Span>,
}

impl Limits {
    pub(super) fn limits(&self) -> ews::Limits {
        let or = |limit: Option<u16>, default: usize| limit.map_or(default, usize::from);
        let default = ews::Limits::default();
        ews::Limits {
            calls: or(self.per_mailbox, CALLS),
            organisation_calls: or(self.per_organisation, default.organisation_calls),
            sync_calls: or(self.sync_calls, default.sync_calls),
            streams: or(self.streams, default.streams),
            ..default
        }
    }

    pub(super) fn check(&self, place: Place<'_>) -> Result<(), Mistake> {
        for (key, limit, range, why) in [
            ("per_mailbox", self.per_mailbox, 1..=27, "Exchange allows 27 at most"),
            ("per_organisation", self.per_organisation, 1..=10_000, "that is as many connections as a machine has"),
            ("sync_calls", self.sync_calls, 1..=27, "Exchange allows 27 calls at most"),
            ("streams", self.streams, 1..=10, "Exchange allows 10 at most"),
        ] {
            if let Some(limit) = limit.filter(|limit| !range.contains(limit)) {
                let (least, most) = range.into_inner();
                let sentence = format!("{limit} is not within {least} to {most}; {why}");
                return place.wrong(&format!("limits.{key}"), sentence);
            }
        }
        Ok(())
    }
}

/// Exchange allows 10 or 27, and a user has other programs too.
const CALLS: usize = 8;
