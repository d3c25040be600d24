//! Records as an operator writes them: `NAME A 127.0.0.1`, `NAME SRV 0 0 443 mail.demo.test`.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// A record: a name, and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The name in lower case, without the dot at the end.
    pub(super) name: String,
    pub(super) data: Data,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Data {
    A(Ipv4Addr),
    Aaaa(Ipv6Addr),
    Cname(String),
    /// RFC 2782
    Srv {
        priority: u16,
        weight: u16,
        port: u16,
        target: String,
    },
}

impl Data {
    /// The number of the type (RFC 1035 section 3.2.2, RFC 3596, RFC 2782).
    pub(super) fn kind(&self) -> u16 {
        match self {
            Data::A(_) => 1,
            Data::Cname(_) => CNAME,
            Data::Aaaa(_) => 28,
            Data::Srv { .. } => 33,
        }
    }
}

pub(super) const CNAME: u16 = 5;

impl FromStr for Record {
    type Err = String;

    /// `NAME TYPE VALUE…`, in words apart by blanks.
    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let number = |word: &str| word.parse().map_err(|_| format!("no number: {word}"));
        let (name, data) = match words[..] {
            [name, kind, value] if kind.eq_ignore_ascii_case("A") => {
                (name, Data::A(value.parse().map_err(|_| format!("no IPv4 address: {value}"))?))
            }
            [name, kind, value] if kind.eq_ignore_ascii_case("AAAA") => {
                (name, Data::Aaaa(value.parse().map_err(|_| format!("no IPv6 address: {value}"))?))
            }
            [name, kind, value] if kind.eq_ignore_ascii_case("CNAME") => (name, Data::Cname(host(value)?)),
            [name, kind, priority, weight, port, target] if kind.eq_ignore_ascii_case("SRV") => {
                let data = Data::Srv {
                    priority: number(priority)?,
                    weight: number(weight)?,
                    port: number(port)?,
                    target: host(target)?,
                };
                (name, data)
            }
            _ => return Err(format!("a record looks like NAME A 127.0.0.1 or NAME SRV 0 0 443 HOST, not {text}")),
        };
        Ok(Self { name: host(name)?, data })
    }
}

/// A name in lower case, without the dot at the end; labels are 1 to 63 bytes (RFC 1035 section 2.3.4).
fn host(text: &str) -> Result<String, String> {
    let name = text.trim_end_matches('.').to_ascii_lowercase();
    let fits = name.len() <= 253 && name.split('.').all(|label| (1..=63).contains(&label.len()));
    if fits { Ok(name) } else { Err(format!("no name: {text}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read() {
        let srv: Record = "_autodiscover._tcp.A.test. SRV 0 5 443 mail.a.test.".parse().unwrap();
        assert_eq!(srv.name, "_autodiscover._tcp.a.test");
        let data = Data::Srv { priority: 0, weight: 5, port: 443, target: "mail.a.test".into() };
        assert_eq!(srv.data, data);
        assert_eq!("a.test a 127.0.0.1".parse::<Record>().unwrap().data, Data::A(Ipv4Addr::LOCALHOST));
        for wrong in ["a.test", "a.test A x", "a.test SRV 0 0 x b", "a..test A 127.0.0.1", "a.test TXT b"] {
            assert!(wrong.parse::<Record>().is_err(), "{wrong}");
        }
    }
}
