//! UIDs and the GlobalObjectIds that hold them (MS-OXOCAL section 2.2.1.27).
//!
//! ```text
//! global id = class id(16) year(BE16) month day, or 0(4)  creation FILETIME(8) 0(8) length(LE32) data
//! data      = 16 random bytes, or for a UID from elsewhere `vCal-Uid` 1 0 0 0 UID 0
//! ```

use super::day::{Day, date};
use crate::time::Seconds;

/// The UID of an event made here: its GlobalObjectId in hex.
pub(crate) fn new(now: Seconds, random: [u8; 16]) -> String {
    // FILETIME counts 100 ns from 1601.
    let created = u64::try_from(now + 11_644_473_600).unwrap_or_default() * 10_000_000;
    hex(&wrapped(None, created, &random))
}

/// The GlobalObjectId of a UID, with the day of an occurrence.
pub(crate) fn global_id(uid: &str, day: Option<Day>) -> Vec<u8> {
    match unhex(uid) {
        Some(mut id) if id.starts_with(CLASS) && id.len() >= 40 => {
            if let Some(place) = id.get_mut(16..20) {
                place.copy_from_slice(&day_bytes(day));
            }
            id
        }
        _ => {
            let mut data = FOREIGN.to_vec();
            data.extend(uid.as_bytes());
            data.push(0);
            wrapped(day, 0, &data)
        }
    }
}

/// The UID in a GlobalObjectId, whichever day that names.
pub(crate) fn of_global_id(id: &[u8]) -> Option<String> {
    let (head, data) = id.split_at_checked(40)?;
    if !head.starts_with(CLASS) {
        return None;
    }
    match data.strip_prefix(FOREIGN) {
        Some(foreign) => String::from_utf8(foreign.strip_suffix(&[0]).unwrap_or(foreign).to_vec()).ok(),
        None => {
            let mut clean = id.to_vec();
            clean.get_mut(16..20)?.fill(0);
            Some(hex(&clean))
        }
    }
}

/// A UID a client gives: one of ours loses the day it may name, and is in capitals.
pub(crate) fn given(uid: &str) -> String {
    unhex(uid).and_then(|id| of_global_id(&id)).unwrap_or_else(|| uid.to_owned())
}

fn wrapped(day: Option<Day>, created: u64, data: &[u8]) -> Vec<u8> {
    let mut id = CLASS.to_vec();
    id.extend(day_bytes(day));
    id.extend(created.to_le_bytes());
    id.extend([0; 8]);
    id.extend(u32::try_from(data.len()).unwrap_or_default().to_le_bytes());
    id.extend(data);
    id
}

fn day_bytes(day: Option<Day>) -> [u8; 4] {
    let Some(day) = day else { return [0; 4] };
    let (year, month, of_month) = date(day);
    let byte = |number: i64| u8::try_from(number).unwrap_or_default();
    [byte(year / 256), byte(year % 256), byte(month), byte(of_month)]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok().filter(|_| pair.len() == 2)).collect()
}

const CLASS: &[u8] = &[0x04, 0, 0, 0, 0x82, 0, 0xE0, 0, 0x74, 0xC5, 0xB7, 0x10, 0x1A, 0x82, 0xE0, 0x08];

const FOREIGN: &[u8] = b"vCal-Uid\x01\0\0\0";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::day::read_date;

    #[test]
    fn ours_are_hex() {
        let uid = new(1_599_747_314, [0xE0; 16]);
        // Recorded from 15.20: 040000008200E00074C5B7101A82E008000000005BF26DCD7C87D601000000000000000010000000…
        assert!(uid.starts_with("040000008200E00074C5B7101A82E00800000000"), "{uid}");
        assert!(uid.contains("7C87D601000000000000000010000000E0E0"), "{uid}");
        assert_eq!(hex(&global_id(&uid, None)), uid);
        let on = global_id(&uid, read_date("2024-02-29"));
        assert_eq!(on[16..20], [0x07, 0xE8, 2, 29]);
        assert_eq!(of_global_id(&on), Some(uid.clone()));
        assert_eq!(given(&hex(&on).to_lowercase()), uid);
    }

    #[test]
    fn others_are_wrapped() {
        let id = global_id("one@example.org", None);
        assert_eq!(id[36..52], *b"\x1c\0\0\0vCal-Uid\x01\0\0\0");
        assert!(id.ends_with(b"one@example.org\0"));
        assert_eq!(of_global_id(&id).as_deref(), Some("one@example.org"));
        assert_eq!(given("one@example.org"), "one@example.org");
        assert_eq!(of_global_id(b"short"), None);
    }
}
