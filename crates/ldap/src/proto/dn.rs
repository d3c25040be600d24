//! Names of entries (RFC 4514), compared as values.

use std::fmt;

/// A distinguished name: from the entry upwards, attribute and value. An RDN of several pairs is none here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name(Vec<(String, String)>);

impl Name {
    /// Reads `distinguishedName = [ relativeDistinguishedName *( COMMA relativeDistinguishedName ) ]`. Attributes come out
    /// in small letters. Spaces around them and their values, which older clients write, are passed over.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut pairs = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (attribute, behind) = rest.split_once('=')?;
            let attribute = attribute.trim();
            let is_name = |char: char| char.is_ascii_alphanumeric() || char == '-' || char == '.';
            if attribute.is_empty() || !attribute.chars().all(is_name) {
                return None;
            }
            let (value, behind) = value(behind)?;
            pairs.push((attribute.to_ascii_lowercase(), value));
            rest = behind.trim_start();
        }
        Some(Self(pairs))
    }

    /// A name below this one.
    #[must_use]
    pub fn child(&self, attribute: &str, value: &str) -> Self {
        let own = (attribute.to_ascii_lowercase(), value.to_owned());
        Self([own].into_iter().chain(self.0.iter().cloned()).collect())
    }

    /// The first pair: what the entry is called among its siblings.
    #[must_use]
    pub fn own(&self) -> Option<(&str, &str)> {
        self.0.first().map(|(attribute, value)| (attribute.as_str(), value.as_str()))
    }

    /// The name of the entry above.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.0.get(1..).map(|above| Self(above.to_vec()))
    }

    /// True for the top of everything.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// True if both name the same entry.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        let folded =
            |name: &Self| name.0.iter().map(|(at, value)| (at.clone(), value.to_lowercase())).collect::<Vec<_>>();
        folded(self) == folded(other)
    }
}

/// A value up to the comma behind it, and what follows: `\` and a special character, or `\` and two hexadecimal digits, stand
/// for octets; a value in quotes is that of RFC 2253 and before.
fn value(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start();
    let quoted = text.strip_prefix('"');
    let mut chars = quoted.unwrap_or(text).char_indices();
    let source = quoted.unwrap_or(text);
    let (mut octets, mut kept) = (Vec::new(), 0);
    let mut behind = None;
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => {
                let rest = source.get(at + 1..)?;
                let pair = rest.get(..2).filter(|pair| pair.bytes().all(|octet| octet.is_ascii_hexdigit()));
                match pair {
                    Some(pair) => {
                        octets.push(u8::from_str_radix(pair, 16).ok()?);
                        chars.nth(1);
                    }
                    None => {
                        let (_, special) = chars.next()?;
                        octets.extend_from_slice(special.encode_utf8(&mut [0; 4]).as_bytes());
                    }
                }
                kept = octets.len();
            }
            '"' if quoted.is_some() => {
                kept = octets.len();
                let after = source.get(at + 1..)?.trim_start();
                behind = Some(if after.is_empty() { after } else { after.strip_prefix([',', ';'])? });
                break;
            }
            ',' | ';' if quoted.is_none() => {
                behind = Some(source.get(at + 1..)?);
                break;
            }
            '+' | '"' | '<' | '>' if quoted.is_none() => return None,
            char => {
                octets.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                if char != ' ' {
                    kept = octets.len();
                }
            }
        }
    }
    if behind.is_none() && quoted.is_some() {
        return None;
    }
    // A comma with nothing behind it names nothing.
    if behind.is_some_and(|behind| behind.trim().is_empty()) && source.trim_end().ends_with([',', ';']) {
        return None;
    }
    octets.truncate(kept);
    Some((String::from_utf8(octets).ok()?, behind.unwrap_or_default()))
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (attribute, value)) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            write!(f, "{attribute}=")?;
            let last = value.chars().count().saturating_sub(1);
            for (at, char) in value.chars().enumerate() {
                match char {
                    '"' | '+' | ',' | ';' | '<' | '>' | '\\' => write!(f, "\\{char}")?,
                    ' ' | '#' if at == 0 => write!(f, "\\{char}")?,
                    ' ' if at == last => f.write_str("\\ ")?,
                    '\0' => f.write_str("\\00")?,
                    char => write!(f, "{char}")?,
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        for (text, shown) in [
            ("", ""),
            ("ou=people", "ou=people"),
            ("MAIL = anna@x.example , OU=People, dc=x ", "mail=anna@x.example,ou=People,dc=x"),
            ("cn=a\\,b\\2Bc\\C3\\A9\\ ,ou=p", "cn=a\\,b\\+cé\\ ,ou=p"),
            ("cn=\"a, b\";ou=p", "cn=a\\, b,ou=p"),
            ("cn=,ou=p", "cn=,ou=p"),
        ] {
            let name = Name::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(name.to_string(), shown);
            assert_eq!(Name::parse(shown), Some(name));
        }
        for wrong in ["people", "=x", "o u=x", "ou=a,", "ou=a,b", "cn=a+sn=b", "cn=\"a", "cn=a\\", "cn=\\ff"] {
            assert_eq!(Name::parse(wrong), None, "{wrong}");
        }
        let base = Name::parse("ou=People").unwrap();
        let anna = base.child("mail", "Anna@x");
        assert!(anna.is(&Name::parse("MAIL=anna@X,ou=people").unwrap()) && anna.parent().unwrap().is(&base));
        assert!(!anna.is(&base) && Name::default().is_root());
    }
}
