//! Messages of the domain name system (RFC 1035 section 4).

use super::record::{CNAME, Data, Record};

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// In lower case, without the dot at the end.
    pub(super) name: String,
    pub(super) kind: u16,
    /// The question as it came, which the answer repeats: clients compare even the case of its letters.
    bytes: Vec<u8>,
    id: [u8; 2],
    recursion_desired: bool,
}

/// The code of an answer (RFC 1035 section 4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    NoError = 0,
    ServFail = 2,
    NxDomain = 3,
    Refused = 5,
}

impl Question {
    /// The first question of a message; `None` for what is no query.
    pub(super) fn read(message: &[u8]) -> Option<Self> {
        let (head, rest) = message.split_at_checked(HEAD)?;
        let [id0, id1, flags, _, 0, 1, ..] = *head else { return None };
        // An answer, or another operation than a query.
        if flags & 0xf8 != 0 {
            return None;
        }
        let mut labels = Vec::new();
        let mut at = 0;
        loop {
            let length = usize::from(*rest.get(at)?);
            at += 1;
            match length {
                0 => break,
                1..=63 => labels.push(String::from_utf8_lossy(rest.get(at..at + length)?).to_ascii_lowercase()),
                // Nothing stands before a question that it could point to.
                _ => return None,
            }
            at += length;
        }
        let &[kind0, kind1, _, _] = rest.get(at..at + 4)? else { return None };
        Some(Self {
            name: labels.join("."),
            kind: u16::from_be_bytes([kind0, kind1]),
            bytes: rest.get(..at + 4)?.to_vec(),
            id: [id0, id1],
            recursion_desired: flags & 1 != 0,
        })
    }

    /// The records that answer it, with the aliases on the way.
    pub(super) fn among<'a>(&self, records: &'a [Record]) -> (Code, Vec<&'a Record>) {
        let mut found = Vec::new();
        let mut name = self.name.clone();
        // A chain of aliases longer than this is a ring.
        for _ in 0..8 {
            let own: Vec<&Record> = records.iter().filter(|record| record.name == name).collect();
            let wanted = |record: &&Record| record.data.kind() == self.kind;
            if own.iter().any(wanted) {
                found.extend(own.into_iter().filter(wanted));
                return (Code::NoError, found);
            }
            match own.into_iter().find(|record| record.data.kind() == CNAME) {
                Some(alias) => {
                    found.push(alias);
                    let Data::Cname(target) = &alias.data else { break };
                    name.clone_from(target);
                }
                None => break,
            }
        }
        let below = format!(".{name}");
        let known = records.iter().any(|record| record.name == name || record.name.ends_with(&below));
        let code = if known || !found.is_empty() { Code::NoError } else { Code::NxDomain };
        (code, found)
    }

    /// An answer; it is cut to its head, and says so, when it is longer than `limit`.
    pub(super) fn answer(&self, code: Code, records: &[&Record], limit: usize) -> Vec<u8> {
        let full = self.write(code, records, false);
        if full.len() <= limit { full } else { self.write(code, &[], true) }
    }

    fn write(&self, code: Code, records: &[&Record], truncated: bool) -> Vec<u8> {
        let mut out = self.id.to_vec();
        // An authoritative answer; recursion is said to be there, lest resolvers refuse to use this server.
        out.push(0x84 | u8::from(truncated) << 1 | u8::from(self.recursion_desired));
        out.push(0x80 | code as u8);
        let count = u16::try_from(records.len()).unwrap_or(u16::MAX);
        for number in [1, count, 0, 0] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(&self.bytes);
        for record in records {
            write_name(&mut out, &record.name);
            out.extend_from_slice(&record.data.kind().to_be_bytes());
            out.extend_from_slice(&[0, 1]);
            out.extend_from_slice(&TIME_TO_LIVE.to_be_bytes());
            let data = record.data.bytes();
            out.extend_from_slice(&u16::try_from(data.len()).unwrap_or(u16::MAX).to_be_bytes());
            out.extend_from_slice(&data);
        }
        out
    }
}

impl Data {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Data::A(address) => address.octets().to_vec(),
            Data::Aaaa(address) => address.octets().to_vec(),
            Data::Cname(target) => {
                let mut out = Vec::new();
                write_name(&mut out, target);
                out
            }
            Data::Srv { priority, weight, port, target } => {
                let mut out: Vec<u8> = [priority, weight, port].into_iter().flat_map(|n| n.to_be_bytes()).collect();
                write_name(&mut out, target);
                out
            }
        }
    }
}

/// Labels with their lengths, uncompressed.
fn write_name(out: &mut Vec<u8>, name: &str) {
    for label in name.split('.').filter(|label| !label.is_empty()) {
        out.push(u8::try_from(label.len()).unwrap_or(0));
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
}

const HEAD: usize = 12;

/// Tests change records while clients run.
const TIME_TO_LIVE: u32 = 0;

#[cfg(test)]
mod tests {
    use super::*;

    fn query(name: &str, kind: u16) -> Vec<u8> {
        let mut out = vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        write_name(&mut out, name);
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(&[0, 1]);
        out
    }

    fn records() -> Vec<Record> {
        [
            "a.test A 127.0.0.1",
            "www.a.test CNAME a.test",
            "_s._tcp.a.test SRV 0 0 443 a.test",
            "ring.a.test CNAME ring.a.test",
        ]
        .map(|text| text.parse().unwrap())
        .to_vec()
    }

    fn ask(name: &str, kind: u16) -> (Code, usize) {
        let records = records();
        let (code, found) = Question::read(&query(name, kind)).unwrap().among(&records);
        (code, found.len())
    }

    #[test]
    fn names_are_found_missed_and_followed() {
        assert_eq!(ask("A.Test", 1), (Code::NoError, 1));
        assert_eq!(ask("a.test", 28), (Code::NoError, 0), "no such type");
        assert_eq!(ask("www.a.test", 1), (Code::NoError, 2), "alias and address");
        assert_eq!(ask("_s._tcp.a.test", 33), (Code::NoError, 1));
        assert_eq!(ask("_tcp.a.test", 33), (Code::NoError, 0), "an empty name between");
        assert_eq!(ask("b.test", 1), (Code::NxDomain, 0));
        assert_eq!(ask("ring.a.test", 1).0, Code::NoError);
    }

    #[test]
    fn an_answer_is_written_as_the_rfc_wants() {
        let question = Question::read(&query("a.test", 1)).unwrap();
        let records = records();
        let (code, found) = question.among(&records);
        let wanted = b"\xab\xcd\x85\x80\0\x01\0\x01\0\0\0\0\x01a\x04test\0\0\x01\0\x01\
            \x01a\x04test\0\0\x01\0\x01\0\0\0\0\0\x04\x7f\0\0\x01";
        assert_eq!(question.answer(code, &found, 512), wanted);
        let cut = question.answer(code, &found, 30);
        assert_eq!((cut.get(2), cut.len()), (Some(&0x87), 24), "TC, and no records");
    }

    #[test]
    fn what_is_no_query_is_not_answered() {
        let mut answer = query("a.test", 1);
        answer[2] |= 0x80;
        assert_eq!(Question::read(&answer), None);
        let whole = query("a.test", 1);
        for end in 0..whole.len() {
            assert_eq!(Question::read(&whole[..end]), None, "cut at {end}");
        }
        let mut pointer = query("a.test", 1);
        pointer[12] = 0xc0;
        assert_eq!(Question::read(&pointer), None);
    }
}
