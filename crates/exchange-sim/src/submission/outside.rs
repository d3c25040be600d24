//! The world outside: it takes mail and shows it to tests, unless it is told to refuse somebody's.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::{mime::parse::parse, time};

/// What left the organisation.
#[derive(Default)]
pub(crate) struct Outside {
    parcels: Vec<Parcel>,
    /// Addresses, or domains with an `@` before them, that are refused, and with which status.
    refused: Vec<(String, String)>,
}

/// One message that left, for all its recipients outside.
struct Parcel {
    at: time::Seconds,
    /// The sender of the envelope; none for reports.
    from: Option<String>,
    to: Vec<String>,
    message: Arc<[u8]>,
}

impl Outside {
    /// Takes a message for everybody it is for.
    pub(super) fn take(&mut self, from: Option<&str>, to: Vec<String>, message: Arc<[u8]>) {
        if !to.is_empty() {
            self.parcels.push(Parcel { at: time::now(), from: from.map(str::to_owned), to, message });
        }
    }

    /// The status an address is refused with.
    pub(super) fn refuses(&self, address: &str) -> Option<&str> {
        let at_domain = format!("@{}", super::domain(address));
        let fits = |name: &str| name.eq_ignore_ascii_case(address) || name.eq_ignore_ascii_case(&at_domain);
        self.refused.iter().find(|(name, _)| fits(name)).map(|(_, status)| status.as_str())
    }

    /// Refuses an address, or a domain such as `@x.example`, with a status such as `5.1.1`; without one no more.
    pub(crate) fn refuse(&mut self, address: &str, status: Option<&str>) {
        self.refused.retain(|(name, _)| !name.eq_ignore_ascii_case(address));
        self.refused.extend(status.map(|status| (address.to_owned(), status.to_owned())));
    }

    /// Forgets what came.
    pub(crate) fn forget(&mut self) {
        self.parcels.clear();
    }

    /// All that came, without their sources.
    pub(crate) fn json(&self) -> Json {
        self.parcels.iter().enumerate().map(|(number, parcel)| parcel.json(number)).collect()
    }

    /// One message with its source, in which what is not UTF-8 is replaced.
    pub(crate) fn one(&self, number: usize) -> Option<Json> {
        let parcel = self.parcels.get(number)?;
        let mut told = parcel.json(number);
        told["source"] = String::from_utf8_lossy(&parcel.message).into();
        Some(told)
    }
}

impl Parcel {
    fn json(&self, number: usize) -> Json {
        let parsed = parse(&self.message);
        json!({
            "number": number,
            "at": time::write(self.at),
            "from": self.from,
            "to": self.to,
            "message_id": parsed.message_id,
            "subject": parsed.subject,
            "size": self.message.len(),
            "sha256": Sha256::digest(&self.message).iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
        })
    }
}
