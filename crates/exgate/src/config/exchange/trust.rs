//! Which servers are believed, and what they get to see of us.

use serde::Deserialize;

use super::{Exchange, Place};
use crate::config::mistake::{Mistake, readable};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TlsRules {
    pub(crate) min: TlsVersion,
    pub(crate) legacy: Option<Legacy>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum TlsVersion {
    #[default]
    #[serde(rename = "1.2")]
    Tls12,
    #[serde(rename = "1.3")]
    Tls13,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Legacy {
    #[serde(rename = "tls12-cbc")]
    Tls12Cbc,
    #[serde(rename = "tls10")]
    Tls10,
}

impl Exchange {
    pub(super) fn trust(&self) -> ews::Trust {
        let client = self.client_certificate.clone().zip(self.client_key.clone());
        ews::Trust {
            ca_file: self.ca_file.clone(),
            pins: self.pin.0.iter().filter_map(|text| pin(text.as_str())).collect(),
            client: client.map(|(certificate, key)| ews::ClientCertificate { certificate, key }),
            minimum: match self.tls.min {
                TlsVersion::Tls12 => ews::TlsVersion::Tls12,
                TlsVersion::Tls13 => ews::TlsVersion::Tls13,
            },
            legacy: self.tls.legacy.map(|legacy| match legacy {
                Legacy::Tls12Cbc => ews::Legacy::Tls12Cbc,
                Legacy::Tls10 => ews::Legacy::Tls10,
            }),
        }
    }

    pub(super) fn check_trust(&self, place: Place<'_>) -> Result<(), Mistake> {
        for (key, path) in [
            ("ca_file", &self.ca_file),
            ("client_certificate", &self.client_certificate),
            ("client_key", &self.client_key),
        ] {
            path.as_ref().map_or(Ok(()), |path| readable(place.file, &place.key(key), path))?;
        }
        match (&self.client_certificate, &self.client_key) {
            (Some(_), None) => return place.wrong("client_key", "missing beside client_certificate"),
            (None, Some(_)) => return place.wrong("client_certificate", "missing beside client_key"),
            _ => {}
        }
        if let Some(text) = self.pin.0.iter().find(|text| pin(text.as_str()).is_none()) {
            let sentence = format!(
                "`{}` is no pin; write \"sha256:\" and the 64 hexadecimal digits of the certificate's fingerprint",
                text.as_str()
            );
            return place.wrong("pin", sentence);
        }
        if self.tls.legacy.is_some() && !ews::Legacy::is_built_in() {
            let sentence = "this build speaks no old TLS; use one with the feature tls-openssl";
            return place.wrong("tls.legacy", sentence);
        }
        Ok(())
    }
}

/// `sha256:` and a fingerprint as openssl or a browser shows it, with or without colons.
fn pin(text: &str) -> Option<[u8; 32]> {
    let digits: String = text.strip_prefix("sha256:")?.chars().filter(|c| *c != ':').collect();
    let mut pin = [0; 32];
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    for (place, byte) in pin.iter_mut().zip(0..) {
        *place = u8::from_str_radix(digits.get(2 * byte..2 * byte + 2)?, 16).ok()?;
    }
    Some(pin)
}
