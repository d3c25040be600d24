//! `application/x-www-form-urlencoded`, written and read.

use zeroize::Zeroizing;

/// Fields in the order in which they are sent. It is wiped when dropped, as some are secret.
#[derive(Default)]
pub(super) struct Form(Zeroizing<String>);

impl Form {
    /// Adds a field.
    pub(super) fn with(mut self, name: &str, value: &str) -> Form {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(name);
        self.0.push('=');
        self.0.push_str(&Zeroizing::new(escaped(value)));
        self
    }

    /// Adds a field if there is a value.
    pub(super) fn with_some(self, name: &str, value: Option<&str>) -> Form {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// RFC 3986 section 2.3: everything but unreserved characters.
pub(super) fn escaped(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}

/// The fields of a query.
pub(super) fn fields(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (unescaped(name), unescaped(value))
        })
        .collect()
}

fn unescaped(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let hex = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = hex.filter(|_| *byte == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (byte, code) {
            (_, Some(code)) => {
                out.push(code);
                rest = after.get(2..).unwrap_or_default();
            }
            (b'+', None) => out.push(b' '),
            (byte, None) => out.push(*byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let form = Form::default().with("a", "x y&z=ä%").with_some("b", None).with_some("c", Some(""));
        assert_eq!(form.as_str(), "a=x%20y%26z%3D%C3%A4%25&c=");
        let read = fields(form.as_str());
        assert_eq!(read, [("a".to_owned(), "x y&z=ä%".to_owned()), ("c".to_owned(), String::new())]);
        assert_eq!(
            fields("a=b+c&&d&e=%zz%4"),
            [("a", "b c"), ("d", ""), ("e", "%zz%4")].map(|(a, b)| (a.into(), b.into()))
        );
    }
}
