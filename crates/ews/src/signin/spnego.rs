//! Negotiate tokens (RFC 4178) around those of one mechanism. Pure.
//!
//! One mechanism is offered. Its list is signed (section 5) where the mechanism can: a server wants that of NTLM
//! whenever the AUTHENTICATE_MESSAGE has a MIC (MS-SPNG section 3.3.5.1).

/// A mechanism's object identifier, in DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mechanism(&'static [u8]);

impl Mechanism {
    /// NTLM (MS-SPNG section 1.9): 1.3.6.1.4.1.311.2.2.10
    pub(crate) const NTLM: Mechanism =
        Mechanism(&[0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a]);
    /// Kerberos (RFC 4121 section 1): 1.2.840.113554.1.2.2
    pub(crate) const KERBEROS: Mechanism =
        Mechanism(&[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02]);
}

/// What the server says of its part (RFC 4178 section 4.2.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Response {
    /// It refuses.
    pub(crate) rejected: bool,
    /// The mechanism's answer.
    pub(crate) token: Option<Vec<u8>>,
}

/// What is signed: a MechTypeList.
pub(crate) fn list(mechanism: Mechanism) -> Vec<u8> {
    wrap(SEQUENCE, mechanism.0)
}

/// The first token: a NegTokenInit in a GSS-API frame (RFC 2743 section 3.1).
pub(crate) fn first(mechanism: Mechanism, token: &[u8]) -> Vec<u8> {
    let mechanisms = wrap(CONTEXT_0, &list(mechanism));
    let token = wrap(CONTEXT_2, &wrap(OCTETS, token));
    let init = wrap(CONTEXT_0, &wrap(SEQUENCE, &[mechanisms, token].concat()));
    wrap(APPLICATION_0, &[SPNEGO, &init].concat())
}

/// Each further token: a NegTokenResp, with the signature of the list if there is one.
pub(crate) fn next(token: &[u8], signature: Option<&[u8]>) -> Vec<u8> {
    let token = wrap(CONTEXT_2, &wrap(OCTETS, token));
    let signature = signature.map(|signature| wrap(CONTEXT_3, &wrap(OCTETS, signature))).unwrap_or_default();
    wrap(CONTEXT_1, &wrap(SEQUENCE, &[token, signature].concat()))
}

/// Reads the server's NegTokenResp; `None` if it is none.
pub(crate) fn response(token: &[u8]) -> Option<Response> {
    let (fields, _) = unwrap(CONTEXT_1, token)?;
    let (mut fields, _) = unwrap(SEQUENCE, fields)?;
    let mut response = Response::default();
    while let Some((tag, value, rest)) = element(fields) {
        match tag {
            CONTEXT_0 => response.rejected = unwrap(ENUMERATED, value)?.0 == [REJECT],
            CONTEXT_2 => response.token = Some(unwrap(OCTETS, value)?.0.to_vec()),
            _ => {}
        }
        fields = rest;
    }
    fields.is_empty().then_some(response)
}

fn wrap(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = value.len();
    match u8::try_from(length) {
        Ok(short @ 0..=0x7f) => out.push(short),
        _ => {
            let bytes: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
            out.push(0x80 | u8::try_from(bytes.len()).unwrap_or(8));
            out.extend_from_slice(&bytes);
        }
    }
    out.extend_from_slice(value);
    out
}

fn unwrap(expected: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    element(bytes).filter(|(tag, ..)| *tag == expected).map(|(_, value, rest)| (value, rest))
}

/// One element in DER: its tag, its value, and what follows.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = bytes.split_first_chunk()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    Some((tag, value, rest))
}

const SEQUENCE: u8 = 0x30;
const OCTETS: u8 = 0x04;
const ENUMERATED: u8 = 0x0a;
const APPLICATION_0: u8 = 0x60;
const CONTEXT_0: u8 = 0xa0;
const CONTEXT_1: u8 = 0xa1;
const CONTEXT_2: u8 = 0xa2;
const CONTEXT_3: u8 = 0xa3;

/// NegState `reject`
const REJECT: u8 = 2;

/// 1.3.6.1.5.5.2
const SPNEGO: &[u8] = &[0x06, 0x06, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x02];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_framed() {
        let token = first(Mechanism::NTLM, b"abc");
        let expected = [
            0x60, 0x23, 0x06, 0x06, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x02, 0xa0, 0x19, 0x30, 0x17, 0xa0, 0x0e, 0x30, 0x0c,
        ];
        assert_eq!(&token[..expected.len()], expected, "{token:02x?}");
        assert!(token.ends_with(&[0xa2, 0x05, 0x04, 0x03, b'a', b'b', b'c']), "{token:02x?}");
        let signed = next(b"abc", Some(b"de"));
        assert!(signed.ends_with(&[0xa2, 0x05, 0x04, 0x03, b'a', b'b', b'c', 0xa3, 0x04, 0x04, 0x02, b'd', b'e']));
        let long = next(&[7; 300], None);
        assert_eq!(response(&long), Some(Response { rejected: false, token: Some(vec![7; 300]) }));
    }

    #[test]
    fn what_the_server_says_is_read() {
        // accept-incomplete, NTLMSSP, a token
        let told = [0xa1, 0x0e, 0x30, 0x0c, 0xa0, 0x03, 0x0a, 0x01, 0x01, 0xa2, 0x05, 0x04, 0x03, 1, 2, 3];
        assert_eq!(response(&told), Some(Response { rejected: false, token: Some(vec![1, 2, 3]) }));
        let reject = [0xa1, 0x07, 0x30, 0x05, 0xa0, 0x03, 0x0a, 0x01, 0x02];
        assert_eq!(response(&reject), Some(Response { rejected: true, token: None }));
        for end in 0..told.len() {
            assert_eq!(response(&told[..end]), None, "cut at {end}");
        }
        assert_eq!(response(b"NTLMSSP\0"), None);
    }
}
