//! What proxies say of their clients: no panic, no octet of the client's is taken for the proxy's, and nobody is believed to be
//! somebody else by what they sent themselves. The first octet says whether a PROXY header follows, or lines of header fields.

use std::net::SocketAddr;

use serve::proxy::{Introduction, Step, step};
use serve::{Fields, Forwarded, Networks};

pub fn run(data: &[u8]) {
    match data.split_first() {
        Some((b'p', header)) => introduced(header),
        Some((_, lines)) => String::from_utf8_lossy(lines).lines().collect::<Lines>().judged(),
        None => {}
    }
}

/// Reads it as it comes, and cut off anywhere.
fn introduced(bytes: &[u8]) {
    let mut given = 0;
    let told = loop {
        match step(&bytes[..given]) {
            Ok(Step::Need(more)) => {
                assert!(more > 0, "nothing is asked for");
                given += more;
                if given > bytes.len() {
                    return;
                }
            }
            Ok(Step::Done(told)) => break told,
            Err(_) => return,
        }
    };
    let header = &bytes[..given];
    assert!(header.starts_with(b"\r\n") || given <= 107, "{given} octets of text");
    for cut in 0..given.min(600) {
        match step(&header[..cut]) {
            Ok(Step::Need(more)) => assert!(cut + more <= given, "{more} octets at {cut} of {given}"),
            other => panic!("{other:?} at {cut} of {given}"),
        }
    }
    // What follows is the client's, whatever it is.
    assert_eq!(step(&[header, b"\r\nPROXY"].concat()), Ok(Step::Done(told)));
    if let Some(client) = told.client {
        for again in [text(client), binary(client)] {
            assert_eq!(step(&again), Ok(Step::Done(Introduction { client: Some(client), tls: false })), "{client}");
        }
    }
}

/// Version 1.
fn text(client: SocketAddr) -> Vec<u8> {
    let (family, here) = if client.is_ipv4() { ("TCP4", "192.0.2.1") } else { ("TCP6", "2001:db8::1") };
    format!("PROXY {family} {} {here} {} 993\r\n", client.ip(), client.port()).into_bytes()
}

/// Version 2.
fn binary(client: SocketAddr) -> Vec<u8> {
    let (family, mut addresses) = match client {
        SocketAddr::V4(client) => (0x11, [client.ip().octets(), [192, 0, 2, 1]].concat()),
        SocketAddr::V6(client) => (0x21, [client.ip().octets(), [0; 16]].concat()),
    };
    addresses.extend(client.port().to_be_bytes());
    addresses.extend([3, 0xe1]);
    let length = u8::try_from(addresses.len()).expect("few octets");
    [b"\r\n\r\n\0\r\nQUIT\n".as_slice(), &[0x21, family, 0, length], &addresses].concat()
}

/// Fields of a request: Forwarded behind `f`, X-Forwarded-For behind `x`, X-Forwarded-Proto behind any other letter.
#[derive(Clone, Default)]
struct Lines {
    forwarded: Vec<String>,
    x_for: Vec<String>,
    x_proto: Vec<String>,
}

impl<'a> FromIterator<&'a str> for Lines {
    fn from_iter<I: IntoIterator<Item = &'a str>>(lines: I) -> Self {
        let mut all = Self::default();
        for line in lines {
            match line.split_at_checked(1) {
                Some(("f", value)) => all.forwarded.push(value.to_owned()),
                Some(("x", value)) => all.x_for.push(value.to_owned()),
                Some((_, value)) => all.x_proto.push(value.to_owned()),
                None => {}
            }
        }
        all
    }
}

impl Lines {
    fn judged(&self) {
        let proxies = Networks::parse(["10.0.0.0/8", "2001:db8:a::/48"]).expect("networks");
        let told = self.read(&proxies);
        // What the client itself sends stands before what its proxy adds.
        let mut forged = self.clone();
        prepend(&mut forged.forwarded, "for=198.51.100.66;proto=https, ");
        prepend(&mut forged.x_for, "198.51.100.66, ");
        prepend(&mut forged.x_proto, "https, ");
        if let Some(told) = told.filter(|told| !proxies.contains(told.client)) {
            assert_eq!(forged.read(&proxies), Some(told), "what came before counts");
        }
        // One more proxy of ours behind it changes nothing.
        let mut further = self.clone();
        append(&mut further.forwarded, ", for=10.1.2.3");
        append(&mut further.x_for, ", 10.1.2.3");
        assert_eq!(further.read(&proxies), told, "a proxy of ours counts");
    }

    fn read(&self, proxies: &Networks) -> Option<Forwarded> {
        let fields = Fields {
            forwarded: self.forwarded.iter().map(String::as_str).collect(),
            x_forwarded_for: self.x_for.iter().map(String::as_str).collect(),
            x_forwarded_proto: self.x_proto.iter().map(String::as_str).collect(),
        };
        Forwarded::read(&fields, proxies).ok()
    }
}

fn prepend(values: &mut [String], text: &str) {
    if let Some(first) = values.first_mut() {
        first.insert_str(0, text);
    }
}

fn append(values: &mut [String], text: &str) {
    if let Some(last) = values.last_mut() {
        last.push_str(text);
    }
}
