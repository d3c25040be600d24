//! Values that may stand elsewhere: `env:NAME`, `file:/path`, `cred:name` (systemd credentials), or as they are.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use mailbox::Secret;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Text, wherever it was kept. It may be a secret and so is not shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Text(Secret<String>);

impl Text {
    pub(crate) fn as_str(&self) -> &str {
        self.0.expose()
    }

    /// It is not to be shown any more.
    pub(crate) fn to_secret(&self) -> ews::Secret {
        ews::Secret::new(self.as_str())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<text>")
    }
}

impl TryFrom<String> for Text {
    type Error = String;

    fn try_from(told: String) -> Result<Self, String> {
        let file = |path: PathBuf| {
            let text = std::fs::read_to_string(&path);
            let mut text = text.map_err(|error| format!("file {} cannot be read: {error}", path.display()))?;
            text.truncate(text.trim_end_matches(['\r', '\n']).len());
            Ok(text)
        };
        let text = match told.split_once(':') {
            Some(("env", name)) => std::env::var(name).map_err(|_| format!("environment variable {name} is not set")),
            Some(("file", path)) => file(PathBuf::from(path)),
            Some(("cred", name)) => match std::env::var_os("CREDENTIALS_DIRECTORY") {
                Some(directory) => file(PathBuf::from(directory).join(name)),
                None => Err(format!(
                    "cred:{name} needs systemd's $CREDENTIALS_DIRECTORY, which is not set; see LoadCredential= in systemd.exec(5)"
                )),
            },
            _ => Ok(told),
        }?;
        match text.is_empty() {
            true => Err("it is empty".to_owned()),
            false => Ok(Self(Secret::new(text))),
        }
    }
}

/// One text or a list of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts(pub(crate) Vec<Text>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrMany)
    }
}

struct OneOrMany;

impl<'de> Visitor<'de> for OneOrMany {
    type Value = Texts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text in quotes, or a list of such")
    }

    fn visit_str<E: de::Error>(self, told: &str) -> Result<Texts, E> {
        Text::try_from(told.to_owned()).map(|text| Texts(vec![text])).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Texts, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = list.next_element()? {
            texts.push(text);
        }
        Ok(Texts(texts))
    }
}

/// A length of time, such as `30s` or `2m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Span(pub(crate) Duration);

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(told: String) -> Result<Self, String> {
        let wrong = || format!("`{told}` is no length of time; write it such as \"30s\" or \"2m\"");
        let span: jiff::SignedDuration = told.parse().map_err(|_| wrong())?;
        let span = Duration::try_from(span).map_err(|_| wrong())?;
        if span.is_zero() { Err(wrong()) } else { Ok(Self(span)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_the_same_wherever_it_stands() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        std::fs::write(&path, "open sesame\r\n").unwrap();
        let read = |told: String| Text::try_from(told);
        assert_eq!(read("open sesame".to_owned()), read(format!("file:{}", path.display())));
        assert_eq!(read("env:CARGO_PKG_NAME".to_owned()), read("exgate".to_owned()));
        assert_eq!(read("https://mail.corp.example/".to_owned()).unwrap().as_str(), "https://mail.corp.example/");
        for (told, sentence) in [
            ("env:EXGATE_IS_NOT_SET", "environment variable EXGATE_IS_NOT_SET is not set"),
            ("file:/none/x", "file /none/x cannot be read: No such file or directory (os error 2)"),
            ("", "it is empty"),
        ] {
            assert_eq!(read(told.to_owned()).unwrap_err(), sentence);
        }
        assert_eq!(format!("{:?}", read("geheim".to_owned()).unwrap()), "<text>");
    }

    #[test]
    fn lengths_of_time_have_a_unit() {
        let read = |told: &str| Span::try_from(told.to_owned()).ok().map(|span| span.0.as_secs());
        assert_eq!(
            [read("30s"), read("2m"), read("1h"), read("30"), read("0s"), read("-1s")],
            [Some(30), Some(120), Some(3600), None, None, None]
        );
    }
}
