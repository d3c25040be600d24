//! AV_PAIR: attributes and values (MS-NLMP section 2.2.2.1).

use super::message::{from_utf16, utf16};

/// Pairs in their order, without the MsvAvEOL at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pairs(Vec<(u16, Vec<u8>)>);

impl Pairs {
    pub(crate) fn with(mut self, id: u16, value: impl Into<Vec<u8>>) -> Self {
        self.0.push((id, value.into()));
        self
    }

    pub(crate) fn with_text(self, id: u16, text: &str) -> Self {
        self.with(id, utf16(text))
    }

    /// The value of the first pair of that kind.
    pub(crate) fn get(&self, id: u16) -> Option<&[u8]> {
        self.0.iter().find(|(known, _)| *known == id).map(|(_, value)| value.as_slice())
    }

    pub(crate) fn text(&self, id: u16) -> Option<String> {
        self.get(id).map(from_utf16)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let pair = |(id, value): &(u16, Vec<u8>)| {
            let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
            [&id.to_le_bytes()[..], &length.to_le_bytes(), value.get(..usize::from(length)).unwrap_or(value)].concat()
        };
        let mut out: Vec<u8> = self.0.iter().flat_map(pair).collect();
        out.extend([0; 4]);
        out
    }
}

/// Reads pairs up to MsvAvEOL; `None` if that does not come.
pub(crate) fn decode(mut input: &[u8]) -> Option<Pairs> {
    let mut pairs = Pairs::default();
    loop {
        let (id, rest) = input.split_first_chunk().map(|(id, rest)| (u16::from_le_bytes(*id), rest))?;
        let (length, rest) = rest.split_first_chunk().map(|(length, rest)| (u16::from_le_bytes(*length), rest))?;
        let (value, rest) = rest.split_at_checked(usize::from(length))?;
        if id == EOL {
            return Some(pairs);
        }
        pairs = pairs.with(id, value);
        input = rest;
    }
}

const EOL: u16 = 0;
pub(crate) const NB_COMPUTER_NAME: u16 = 1;
pub(crate) const NB_DOMAIN_NAME: u16 = 2;
pub(crate) const DNS_COMPUTER_NAME: u16 = 3;
pub(crate) const DNS_DOMAIN_NAME: u16 = 4;
pub(crate) const FLAGS: u16 = 6;
pub(crate) const TIMESTAMP: u16 = 7;
pub(crate) const TARGET_NAME: u16 = 9;
pub(crate) const CHANNEL_BINDINGS: u16 = 10;

/// In [`FLAGS`]: the message carries a MIC.
pub(crate) const HAS_MIC: u32 = 2;
