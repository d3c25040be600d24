//! SPNEGO as a server takes it (RFC 4178), with NTLM as the one mechanism.

use crate::der::{self, context};

/// What came in an `Authorization: Negotiate` field.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// `NegTokenInit`
    Init(Init<'a>),
    /// `NegTokenResp`
    Response(Response<'a>),
}

/// `NegTokenInit` (section 4.2.1).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Init<'a> {
    /// MechTypeList as it was written: the MICs are about these bytes.
    pub(crate) list: &'a [u8],
    /// Where NTLM stands in the list, if at all.
    pub(crate) ntlm: Option<usize>,
    /// The first token of the first mechanism, sent ahead.
    pub(crate) token: Option<&'a [u8]>,
}

/// `NegTokenResp` (section 4.2.2).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Response<'a> {
    pub(crate) token: Option<&'a [u8]>,
    pub(crate) mic: Option<&'a [u8]>,
}

/// Reads either.
pub(crate) fn decode(input: &[u8]) -> Option<Token<'_>> {
    let (whole, rest) = der::take(input)?;
    if !rest.is_empty() {
        return None;
    }
    match whole.tag {
        // InitialContextToken (RFC 2743 section 3.1): [APPLICATION 0] with the OID of SPNEGO.
        APPLICATION => {
            let (oid, rest) = der::take(whole.content)?;
            (oid.tag == der::OID && oid.content == SPNEGO).then_some(())?;
            init(der::inside(rest, context(0))?).map(Token::Init)
        }
        tag if tag == context(0) => init(whole.content).map(Token::Init),
        tag if tag == context(1) => response(whole.content).map(Token::Response),
        _ => None,
    }
}

fn init(input: &[u8]) -> Option<Init<'_>> {
    let fields = Fields(der::inside(input, der::SEQUENCE)?);
    let list = fields.get(0)?;
    let ntlm =
        der::values(der::inside(list, der::SEQUENCE)?).position(|oid| oid.tag == der::OID && oid.content == NTLM);
    Some(Init { list, ntlm, token: fields.octets(2) })
}

fn response(input: &[u8]) -> Option<Response<'_>> {
    let fields = Fields(der::inside(input, der::SEQUENCE)?);
    Some(Response { token: fields.octets(2), mic: fields.octets(3) })
}

/// The tagged fields of a sequence.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn get(&self, number: u8) -> Option<&'a [u8]> {
        der::values(self.0).find(|value| value.tag == context(number)).map(|value| value.content)
    }

    fn octets(&self, number: u8) -> Option<&'a [u8]> {
        self.get(number).and_then(|field| der::inside(field, der::OCTETS))
    }
}

/// How far a negotiation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Completed = 0,
    Incomplete = 1,
}

/// A `NegTokenResp` of the server. The first one names the mechanism.
pub(crate) fn answer(state: State, first: bool, token: Option<&[u8]>, mic: Option<&[u8]>) -> Vec<u8> {
    let octets = |number: u8, value: &[u8]| der::wrap(context(number), &der::wrap(der::OCTETS, value));
    let mut fields = der::wrap(context(0), &der::wrap(der::ENUMERATED, &[state as u8]));
    if first {
        fields.extend(der::wrap(context(1), &der::wrap(der::OID, NTLM)));
    }
    fields.extend(token.map(|token| octets(2, token)).unwrap_or_default());
    fields.extend(mic.map(|mic| octets(3, mic)).unwrap_or_default());
    der::wrap(context(1), &der::wrap(der::SEQUENCE, &fields))
}

const APPLICATION: u8 = 0x60;

/// 1.3.6.1.5.5.2
const SPNEGO: &[u8] = b"\x2b\x06\x01\x05\x05\x02";

/// 1.3.6.1.4.1.311.2.2.10
const NTLM: &[u8] = b"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn initial(mechanisms: &[&[u8]], token: Option<&[u8]>) -> Vec<u8> {
        let list: Vec<u8> = mechanisms.iter().flat_map(|oid| der::wrap(der::OID, oid)).collect();
        let mut fields = der::wrap(context(0), &der::wrap(der::SEQUENCE, &list));
        fields.extend(token.map(|token| der::wrap(context(2), &der::wrap(der::OCTETS, token))).unwrap_or_default());
        let inner = der::wrap(context(0), &der::wrap(der::SEQUENCE, &fields));
        der::wrap(APPLICATION, &[der::wrap(der::OID, SPNEGO), inner].concat())
    }

    #[test]
    fn the_list_is_kept_as_written() {
        let kerberos = b"\x2a\x86\x48\x82\xf7\x12\x01\x02\x02";
        let bytes = initial(&[kerberos, NTLM], Some(b"token"));
        let Some(Token::Init(init)) = decode(&bytes) else { panic!("no NegTokenInit") };
        assert_eq!((init.ntlm, init.token), (Some(1), Some(&b"token"[..])));
        assert_eq!(init.list, der::wrap(der::SEQUENCE, &[der::wrap(6, kerberos), der::wrap(6, NTLM)].concat()));
        assert!(matches!(decode(&initial(&[kerberos], None)), Some(Token::Init(Init { ntlm: None, token: None, .. }))));
        assert_eq!(decode(&[bytes, vec![0]].concat()), None, "something behind it");
    }

    #[test]
    fn an_answer_is_read_back() {
        let bytes = answer(State::Incomplete, true, Some(b"token"), Some(b"mic"));
        assert_eq!(decode(&bytes), Some(Token::Response(Response { token: Some(b"token"), mic: Some(b"mic") })));
        assert_eq!(answer(State::Completed, false, None, None), b"\xa1\x07\x30\x05\xa0\x03\x0a\x01\x00");
    }

    proptest! {
        #[test]
        fn nothing_that_comes_in_breaks_it(mut bytes in proptest::collection::vec(any::<u8>(), 0..80), at in 0_usize..60) {
            decode(&bytes);
            let whole = initial(&[NTLM], Some(&bytes));
            decode(whole.get(..at.min(whole.len())).unwrap_or_default());
            bytes.splice(0..0, [0xa1, 0x20, 0x30, 0x1e]);
            decode(&bytes);
        }
    }
}
