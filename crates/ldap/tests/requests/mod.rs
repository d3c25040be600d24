//! Requests as octets, and answers as values: BER once more, by somebody else than the server's.

#![allow(dead_code, reason = "each test uses what it needs")]

/// A value.
pub fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = match content.len() {
        short @ 0..=0x7f => vec![short as u8],
        long => vec![0x82, (long >> 8) as u8, long as u8],
    };
    [&[tag], length.as_slice(), content].concat()
}

pub fn text(text: &str) -> Vec<u8> {
    value(4, text.as_bytes())
}

pub fn message(id: u8, request: &[u8], controls: &[Vec<u8>]) -> Vec<u8> {
    let controls = if controls.is_empty() { Vec::new() } else { value(0xa0, &controls.concat()) };
    value(0x30, &[&[2, 1, id], request, &controls].concat())
}

pub fn bind(id: u8, name: &str, password: &str) -> Vec<u8> {
    message(id, &value(0x60, &[&[2, 1, 3], text(name).as_slice(), &value(0x80, password.as_bytes())].concat()), &[])
}

pub fn sasl(id: u8, mechanism: &str, response: Option<&[u8]>) -> Vec<u8> {
    let response = response.map(|response| value(4, response)).unwrap_or_default();
    let choice = value(0xa3, &[text(mechanism), response].concat());
    message(id, &value(0x60, &[&[2, 1, 3], text("").as_slice(), &choice].concat()), &[])
}

pub fn extended(id: u8, name: &str) -> Vec<u8> {
    message(id, &value(0x77, &value(0x80, name.as_bytes())), &[])
}

pub fn equal(name: &str, wanted: &str) -> Vec<u8> {
    value(0xa3, &[text(name), text(wanted)].concat())
}

pub fn contains(name: &str, part: &str) -> Vec<u8> {
    value(0xa4, &[text(name), value(0x30, &value(0x81, part.as_bytes()))].concat())
}

pub fn present(name: &str) -> Vec<u8> {
    value(0x87, name.as_bytes())
}

pub fn and(filters: &[Vec<u8>]) -> Vec<u8> {
    value(0xa0, &filters.concat())
}

pub fn or(filters: &[Vec<u8>]) -> Vec<u8> {
    value(0xa1, &filters.concat())
}

/// A search, with what is usual where nothing else is said.
pub struct Search {
    pub base: &'static str,
    pub scope: u8,
    pub size: u8,
    pub time: u8,
    pub types_only: bool,
    pub filter: Vec<u8>,
    pub attributes: &'static [&'static str],
    pub controls: Vec<Vec<u8>>,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            base: "ou=people",
            scope: 2,
            size: 0,
            time: 0,
            types_only: false,
            filter: present("objectClass"),
            attributes: &["cn"],
            controls: Vec::new(),
        }
    }
}

impl Search {
    pub fn request(&self, id: u8) -> Vec<u8> {
        let numbers =
            [0x0a, 1, self.scope, 0x0a, 1, 0, 2, 1, self.size, 2, 1, self.time, 1, 1, u8::from(self.types_only)];
        let attributes: Vec<u8> = self.attributes.iter().flat_map(|name| text(name)).collect();
        let content = [text(self.base), numbers.to_vec(), self.filter.clone(), value(0x30, &attributes)].concat();
        message(id, &value(0x63, &content), &self.controls)
    }
}

/// RFC 2696
pub fn page(size: u8, cookie: &[u8]) -> Vec<u8> {
    let value_of_it = value(0x30, &[&[2, 1, size], value(4, cookie).as_slice()].concat());
    value(0x30, &[text("1.2.840.113556.1.4.319"), vec![1, 1, 0xff], value(4, &value_of_it)].concat())
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub id: u32,
    pub tag: u8,
    /// Of an entry its name, of a result its code and its sentence, and then what both have.
    pub said: Vec<String>,
    /// Of an entry.
    pub attributes: Vec<(String, Vec<String>)>,
    /// Of the control for pages.
    pub cookie: Option<Vec<u8>>,
}

impl Answer {
    pub fn code(&self) -> u32 {
        self.said.first().and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("no result: {self:?}"))
    }
}

/// Splits values.
pub fn values(mut octets: &[u8]) -> Vec<(u8, &[u8])> {
    let mut all = Vec::new();
    while let [tag, length, ..] = octets {
        let (head, length) = match length {
            0..=0x7f => (2, usize::from(*length)),
            more => {
                let digits = usize::from(more & 0x7f);
                (2 + digits, octets[2..2 + digits].iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet)))
            }
        };
        all.push((*tag, &octets[head..head + length]));
        octets = &octets[head + length..];
    }
    assert!(octets.is_empty(), "{octets:x?}");
    all
}

fn string(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

fn number(octets: &[u8]) -> u32 {
    octets.iter().fold(0, |sum, octet| sum << 8 | u32::from(*octet))
}

/// Reads all answers of a stream.
pub fn answers(stream: &[u8]) -> Vec<Answer> {
    values(stream).into_iter().map(|(tag, content)| answer(tag, content)).collect()
}

fn answer(tag: u8, content: &[u8]) -> Answer {
    assert_eq!(tag, 0x30);
    let parts = values(content);
    let (id, (tag, content)) = (number(parts[0].1), parts[1]);
    let inner = values(content);
    let mut answer = Answer { id, tag, said: Vec::new(), attributes: Vec::new(), cookie: None };
    if tag == 0x64 {
        answer.said.push(string(inner[0].1));
        for (_, attribute) in values(inner[1].1) {
            let pair = values(attribute);
            answer
                .attributes
                .push((string(pair[0].1), values(pair[1].1).iter().map(|(_, value)| string(value)).collect()));
        }
    } else {
        assert!(inner.len() >= 3 && inner[0].0 == 0x0a, "no result: {inner:x?}");
        answer.said = vec![number(inner[0].1).to_string(), string(inner[2].1)];
        answer.said.extend(inner[3..].iter().map(|(_, more)| string(more)));
    }
    if let Some((0xa0, controls)) = parts.get(2) {
        let control = values(values(controls)[0].1);
        assert_eq!(control[0].1, b"1.2.840.113556.1.4.319");
        answer.cookie = Some(values(values(control.last().unwrap().1)[0].1)[1].1.to_vec());
    }
    answer
}
