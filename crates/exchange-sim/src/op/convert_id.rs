//! ConvertId.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE},
};

use super::{Call, Reply, Trouble, respond};
use crate::{
    soap::{Element, Fault, Writer},
    store::ids::{self, Target},
};

pub(super) fn convert_id(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let to = request.attribute("DestinationFormat").unwrap_or_default();
    let replies = request.list("SourceIds").iter().map(|id| one(call, to, id)).collect();
    Ok(respond("ConvertId", "", replies))
}

/// The address in the request is not looked at: the answer names the mailbox the id is of.
fn one(call: &Call<'_>, to: &str, id: &Element) -> Reply {
    if id.name != "AlternateId" {
        return Err(Trouble::new("ErrorUnsupportedTypeForConversion", "Public folder ids cannot be converted here."));
    }
    let from = id.attribute("Format").unwrap_or_default();
    let text = id.attribute("Id").unwrap_or_default();
    let me = &call.organisation.mailboxes[call.me];
    // DavMail 6.0.1 converts an id of its own making only to learn the user's address.
    let target = match read(me.guid, from, text) {
        Some(target) => target,
        None if from == to => {
            return Ok(alternate(to, text, &me.address));
        }
        None => return Err(Trouble::malformed()),
    };
    let entry = || ids::entry_id(me.guid, target);
    let converted = match to {
        "EwsId" | "EwsLegacyId" => me.id(target),
        "EntryId" | "StoreId" => STANDARD.encode(entry()),
        "HexEntryId" => entry().iter().map(|byte| format!("{byte:02X}")).collect(),
        _ => URL_SAFE.encode(STANDARD.decode(me.id(target)).unwrap_or_default()),
    };
    Ok(alternate(to, &converted, &me.address))
}

fn read(guid: uuid::Uuid, from: &str, text: &str) -> Option<Target> {
    match from {
        "EntryId" | "StoreId" => ids::decode_entry(guid, &STANDARD.decode(text).ok()?),
        "HexEntryId" => {
            let digits = text
                .as_bytes()
                .chunks(2)
                .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()));
            ids::decode_entry(guid, &digits.collect::<Option<Vec<u8>>>()?)
        }
        "OwaId" => ids::decode(&STANDARD.encode(URL_SAFE.decode(text).ok()?)).map(|decoded| decoded.target),
        _ => ids::decode(text).filter(|decoded| decoded.mailbox == guid).map(|decoded| decoded.target),
    }
}

fn alternate(format: &str, id: &str, mailbox: &str) -> String {
    let mut w = Writer::new();
    // The XSD lets the element be of the abstract base: only xsi:type tells that it has an id (MS-OXWSCVTID).
    w.empty(
        "m:AlternateId",
        &[
            ("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance"),
            ("xsi:type", "t:AlternateIdType"),
            ("Format", format),
            ("Id", id),
            ("Mailbox", mailbox),
        ],
    );
    w.finish()
}
