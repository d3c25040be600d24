use super::Xml;
use crate::types::Version;
use crate::{Impersonation, Operation};

/// Writes a whole request: `Envelope`, `Header` with version and impersonation, `Body` (SOAP 1.1 section 4).
pub(crate) fn envelope(version: Version, acting_for: Option<&Impersonation>, body: impl FnOnce(&mut Xml)) -> Xml {
    let mut xml = Xml::new();
    xml.within("s:Envelope", &NAMESPACES, |xml| {
        xml.within("s:Header", &[], |xml| {
            xml.empty("t:RequestServerVersion", &[("Version", version.as_str())]);
            if let Some(whom) = acting_for {
                write_impersonation(xml, whom);
            }
        });
        xml.within("s:Body", &[], body);
    });
    xml
}

/// The request an operation makes, as it goes over the wire in `version`; its MIME, if it has one, is left out.
pub fn request<O: Operation>(operation: &O, version: Version, acting_for: Option<&Impersonation>) -> Vec<u8> {
    envelope(version, acting_for, |xml| operation.write(xml, version)).finish().0
}

fn write_impersonation(xml: &mut Xml, whom: &Impersonation) {
    let (name, text) = match whom {
        Impersonation::PrincipalName(name) => ("t:PrincipalName", name),
        Impersonation::PrimarySmtpAddress(address) => ("t:PrimarySmtpAddress", address),
    };
    xml.within("t:ExchangeImpersonation", &[], |xml| {
        xml.within("t:ConnectingSID", &[], |xml| xml.text(name, text));
    });
}

const NAMESPACES: [(&str, &str); 3] = [
    ("xmlns:s", "http://schemas.xmlsoap.org/soap/envelope/"),
    ("xmlns:t", "http://schemas.microsoft.com/exchange/services/2006/types"),
    ("xmlns:m", "http://schemas.microsoft.com/exchange/services/2006/messages"),
];
