//! What a proxy says of its client before the client's own octets: the PROXY protocol of HAProxy, versions 1 and 2
//! (<https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt>), from its octets to a value.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What was said of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Introduction {
    /// Where the client is; `None` if the proxy speaks for itself, as it does to see whether we are there.
    pub client: Option<SocketAddr>,
    /// The client came to the proxy under TLS.
    pub tls: bool,
}

/// How far the header has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// At least so many octets are missing, and no more than these may be read: what follows is the client's.
    Need(usize),
    /// All of it is here.
    Done(Introduction),
}

/// Why octets are no such header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault(&'static str);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Reads the beginning of a connection.
///
/// # Errors
/// It is no header of the PROXY protocol.
pub fn step(bytes: &[u8]) -> Result<Step, Fault> {
    if bytes.is_empty() {
        return Ok(Step::Need(SHORTEST));
    }
    let same = bytes.len().min(SIGNATURE.len());
    let same_text = bytes.len().min(TEXT.len());
    if bytes.get(..same) == SIGNATURE.get(..same) {
        binary(bytes)
    } else if bytes.get(..same_text) == TEXT.get(..same_text) {
        text(bytes)
    } else {
        Err(Fault("it does not begin with a PROXY header"))
    }
}

/// Version 1, section 2.1:
/// ```text
/// "PROXY" SP ("TCP4" / "TCP6") SP source SP destination SP source-port SP destination-port CRLF
/// "PROXY" SP "UNKNOWN" *anything CRLF
/// ```
/// of at most 107 octets.
fn text(bytes: &[u8]) -> Result<Step, Fault> {
    let endless = Fault("its PROXY line does not end");
    let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") else {
        let missing = if bytes.ends_with(b"\r") { 1 } else { 2 };
        let more = missing.max(SHORTEST.saturating_sub(bytes.len()));
        return if bytes.len() + more > LONGEST_TEXT { Err(endless) } else { Ok(Step::Need(more)) };
    };
    if end + 2 > LONGEST_TEXT {
        return Err(endless);
    }
    let broken = Fault("its PROXY line is not well-formed");
    let line = bytes.get(..end).and_then(|line| std::str::from_utf8(line).ok()).ok_or(broken)?;
    let mut words = line.split(' ').skip(1);
    let family = words.next().ok_or(broken)?;
    if family == "UNKNOWN" {
        return Ok(Step::Done(Introduction { client: None, tls: false }));
    }
    let [source, destination, source_port, destination_port] =
        [words.next(), words.next(), words.next(), words.next()].map(Option::unwrap_or_default);
    let address = |word: &str| match family {
        "TCP4" => word.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        "TCP6" => word.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        _ => None,
    };
    let (ip, _) = address(source).zip(address(destination)).ok_or(broken)?;
    let (port, _) = port(source_port).zip(port(destination_port)).ok_or(broken)?;
    match words.next() {
        None => Ok(Step::Done(Introduction { client: Some(SocketAddr::new(ip, port)), tls: false })),
        Some(_) => Err(broken),
    }
}

fn port(word: &str) -> Option<u16> {
    word.bytes().all(|digit| digit.is_ascii_digit()).then(|| word.parse().ok()).flatten()
}

/// Version 2, section 2.2: the signature, version and command, family and transport, the length of the rest, addresses,
/// then facts about the client as type, length and value.
fn binary(bytes: &[u8]) -> Result<Step, Fault> {
    let Some((head, rest)) = bytes.split_first_chunk::<HEAD>() else {
        return Ok(Step::Need(HEAD - bytes.len()));
    };
    let [.., command, family, high, low] = *head;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if rest.len() < length {
        return Ok(Step::Need(length - rest.len()));
    }
    let local = match command {
        0x20 => true,
        0x21 => false,
        _ => return Err(Fault("its PROXY header is of another version, or of an unknown command")),
    };
    let rest = rest.get(..length).unwrap_or_default();
    let short = Fault("the addresses of its PROXY header are cut off");
    let (client, facts) = match family {
        // TCP over IPv4: source, destination, ports.
        0x11 => {
            let (addresses, facts) = rest.split_first_chunk::<12>().ok_or(short)?;
            let [a, b, c, d, .., high, low, _, _] = *addresses;
            let ip = IpAddr::V4(Ipv4Addr::new(a, b, c, d));
            (Some(SocketAddr::new(ip, u16::from_be_bytes([high, low]))), facts)
        }
        // TCP over IPv6.
        0x21 => {
            let (addresses, facts) = rest.split_first_chunk::<36>().ok_or(short)?;
            let (source, ports) = addresses.split_first_chunk::<16>().ok_or(short)?;
            let port = ports.get(16..18).and_then(|port| port.try_into().ok()).map_or(0, u16::from_be_bytes);
            (Some(SocketAddr::new(IpAddr::V6(Ipv6Addr::from(*source)), port)), facts)
        }
        // Not told; or UDP and sockets of one machine, which are not what came here.
        0x00 | 0x12 | 0x22 | 0x31 | 0x32 => (None, &[][..]),
        _ => return Err(Fault("its PROXY header is of an unknown family of addresses")),
    };
    if local {
        return Ok(Step::Done(Introduction { client: None, tls: false }));
    }
    Ok(Step::Done(Introduction { client, tls: came_under_tls(facts) }))
}

/// Section 2.2.6: PP2_TYPE_SSL, whose first octet has the bit PP2_CLIENT_SSL.
fn came_under_tls(mut facts: &[u8]) -> bool {
    while let Some((&[kind, high, low], rest)) = facts.split_first_chunk::<3>() {
        let length = usize::from(u16::from_be_bytes([high, low]));
        let Some((value, after)) = rest.split_at_checked(length) else { return false };
        if kind == TYPE_SSL {
            return value.first().is_some_and(|client| client & CLIENT_SSL != 0);
        }
        facts = after;
    }
    false
}

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const TEXT: &[u8] = b"PROXY ";
const HEAD: usize = 16;
/// `PROXY UNKNOWN` and CRLF; all others are longer.
const SHORTEST: usize = 15;
const LONGEST_TEXT: usize = 107;
const TYPE_SSL: u8 = 0x20;
const CLIENT_SSL: u8 = 0x01;

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(bytes: &[u8]) -> Result<Introduction, Fault> {
        // As it is read: never an octet more than is asked for.
        let mut given = 0;
        loop {
            match step(&bytes[..given])? {
                Step::Done(introduction) => {
                    assert_eq!(given, bytes.len(), "octets of the client were taken");
                    return Ok(introduction);
                }
                Step::Need(more) => {
                    assert!(more > 0);
                    given += more;
                    if given > bytes.len() {
                        return Err(Fault("cut off"));
                    }
                }
            }
        }
    }

    fn from(address: &str, tls: bool) -> Result<Introduction, Fault> {
        Ok(Introduction { client: Some(address.parse().unwrap()), tls })
    }

    fn second(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[command, family], &length, rest].concat()
    }

    #[test]
    fn version_1() {
        assert_eq!(whole(b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 993\r\n"), from("192.0.2.7:56324", false));
        assert_eq!(whole(b"PROXY TCP6 2001:db8::7 2001:db8::1 4 993\r\n"), from("[2001:db8::7]:4", false));
        let nobody = Ok(Introduction { client: None, tls: false });
        assert_eq!(whole(b"PROXY UNKNOWN\r\n"), nobody);
        assert_eq!(whole(b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n"), nobody);
        let long = |length: usize| format!("PROXY UNKNOWN {}\r\n", "f".repeat(length - 16)).into_bytes();
        assert_eq!((whole(&long(107)), whole(&long(108)).is_err(), step(&long(108)).is_err()), (nobody, true, true));
    }

    #[test]
    fn version_2() {
        let four = [192, 0, 2, 7, 198, 51, 100, 1, 0xDC, 4, 3, 0xE1];
        assert_eq!(whole(&second(0x21, 0x11, &four)), from("192.0.2.7:56324", false));
        let mut six = [0_u8; 36];
        six[..2].copy_from_slice(&[0x20, 1]);
        six[15] = 9;
        six[33] = 77;
        assert_eq!(whole(&second(0x21, 0x21, &six)), from("[2001::9]:77", false));
        // Something else first (an authority), then: came under TLS, with a certificate that was not verified.
        let facts = [&four[..], &[2, 0, 1, b'x'], &[0x20, 0, 5, 0x01, 0, 0, 0, 1]].concat();
        assert_eq!(whole(&second(0x21, 0x11, &facts)), from("192.0.2.7:56324", true));
        let facts = [&four[..], &[0x20, 0, 5, 0x00, 0, 0, 0, 1]].concat();
        assert_eq!(whole(&second(0x21, 0x11, &facts)), from("192.0.2.7:56324", false));
        let nobody = Ok(Introduction { client: None, tls: false });
        assert_eq!(whole(&second(0x20, 0x00, b"")), nobody);
        assert_eq!(whole(&second(0x20, 0x11, &four)), nobody);
        assert_eq!(whole(&second(0x21, 0x31, &[0; 216])), nobody);
    }

    #[test]
    fn what_is_no_header_is_told_from_one() {
        for wrong in [
            &b"a LOGIN anna secret\r\n"[..],
            b"GET / HTTP/1.1\r\nHost: x\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03\x00\x00\x00\x00\x00",
            b"PROXY TCP4 192.0.2.7 198.51.100.1 56324\r\n",
            b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 993 1\r\n",
            b"PROXY TCP4 192.0.2.7 198.51.100.1 +5634 993\r\n",
            b"PROXY TCP4 192.0.2.7 2001:db8::1 56324 993\r\n",
            b"PROXY TCP4 192.0.2.999 198.51.100.1 56324 993\r\n",
            b"PROXY TCP5 192.0.2.7 198.51.100.1 56324 993\r\n",
            b"PROXY UDP4 192.0.2.7 198.51.100.1 56324 993\r\n",
            b"PROXY  TCP4 192.0.2.7 198.51.100.1 5 993\r\n",
        ] {
            assert!(whole(wrong).is_err(), "{}", String::from_utf8_lossy(wrong));
        }
        assert!(whole(&[b"PROXY UNKNOWN ", &[b'x'; 200][..], b"\r\n"].concat()).is_err());
        assert!(whole(&second(0x31, 0x11, &[0; 12])).is_err());
        assert!(whole(&second(0x22, 0x11, &[0; 12])).is_err());
        assert!(whole(&second(0x21, 0x41, &[0; 12])).is_err());
        assert!(whole(&second(0x21, 0x11, &[0; 11])).is_err());
    }

    #[test]
    fn no_beginning_of_one_is_taken_for_all_of_it_or_for_wrong() {
        let four = [192, 0, 2, 7, 198, 51, 100, 1, 0xDC, 4, 3, 0xE1];
        for header in [second(0x21, 0x11, &four), b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 993\r\n".to_vec()] {
            for length in 0..header.len() {
                assert!(matches!(step(&header[..length]), Ok(Step::Need(_))), "{length}");
            }
        }
    }
}
