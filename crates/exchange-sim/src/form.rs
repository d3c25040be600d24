//! Names and values as a query or a form holds them (WHATWG URL, application/x-www-form-urlencoded).

/// Names with their values, in the order they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a query without its `?`, or the body of a form.
    pub(crate) fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(name, value)| (plain(name), plain(value)))
                .collect(),
        )
    }

    /// The first value of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The first value of that name, or a sentence that says it is missing.
    pub(crate) fn need(&self, name: &str) -> Result<&str, String> {
        self.get(name).ok_or_else(|| format!("the parameter {name} is missing"))
    }

    /// All pairs.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Writes pairs as [`Form::parse`] reads them.
pub(crate) fn encode<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let pairs: Vec<String> =
        pairs.into_iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    pairs.join("&")
}

/// Percent-encoding of everything but the unreserved characters (RFC 3986 section 2.3).
fn escape(text: &str) -> String {
    let escaped = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escaped).collect()
}

/// `%41` is `A` and `+` a space; anything broken stays as it is.
fn plain(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let code =
            bytes.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match (byte, code) {
            (b'%', Some(code)) => {
                out.push(code);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded() {
        let query = Form::parse("mailbox=a%2Bb%40a.test&folder=Two+words%2Fx&odd=%zz%4&empty");
        assert_eq!(query.get("mailbox"), Some("a+b@a.test"));
        assert_eq!(query.get("folder"), Some("Two words/x"));
        assert_eq!(query.get("odd"), Some("%zz%4"));
        assert_eq!(query.get("empty"), Some(""));
        assert!(query.need("none").is_err());
        assert_eq!(query.pairs().count(), 4);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = encode([("state", "a+b &=%ü"), ("code", "x.y_z~")]);
        let form = Form::parse(&text);
        assert_eq!((form.get("state"), form.get("code")), (Some("a+b &=%ü"), Some("x.y_z~")));
        assert!(text.is_ascii());
    }
}
