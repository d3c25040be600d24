//! TEXT values (RFC 5545 section 3.3.11, RFC 6350 section 3.4): commas, semicolons, backslashes and line ends are escaped.

/// Text as a value: `\`, `;`, `,` and line ends escaped. A line end of any kind becomes `\n`.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut value = String::with_capacity(text.len() + 8);
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        match char {
            '\\' | ';' | ',' => value.extend(['\\', char]),
            '\n' => value.push_str("\\n"),
            '\r' => {
                rest.next_if_eq(&'\n');
                value.push_str("\\n");
            }
            char => value.push(char),
        }
    }
    value
}

/// A value as text. Escapes that the standards do not have lose their backslash before punctuation, as some clients
/// write `http\://`; before anything else it is kept, as in an unescaped `C:\temp`.
#[must_use]
pub fn unescape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut rest = value.chars();
    while let Some(char) = rest.next() {
        if char != '\\' {
            text.push(char);
            continue;
        }
        match rest.next() {
            Some('n' | 'N') => text.push('\n'),
            Some(next) if next.is_ascii_punctuation() => text.push(next),
            Some(next) => text.extend(['\\', next]),
            None => text.push('\\'),
        }
    }
    text
}

/// The parts of a list, such as CATEGORIES: split at commas that are not escaped, each unescaped.
#[must_use]
pub fn split_list(value: &str) -> Vec<String> {
    split(value, ',').map(unescape).collect()
}

/// A list as a value: each part escaped, with commas between.
#[must_use]
pub fn join_list<T: AsRef<str>>(parts: impl IntoIterator<Item = T>) -> String {
    let parts: Vec<_> = parts.into_iter().map(|part| escape(part.as_ref())).collect();
    parts.join(",")
}

/// The fields of a structured value, such as N, ADR, ORG: split at semicolons, each field a list of its own.
#[must_use]
pub fn split_fields(value: &str) -> Vec<Vec<String>> {
    split(value, ';').map(split_list).collect()
}

/// Fields as a structured value.
#[must_use]
pub fn join_fields<T: AsRef<str>>(fields: impl IntoIterator<Item = impl IntoIterator<Item = T>>) -> String {
    let fields: Vec<_> = fields.into_iter().map(join_list).collect();
    fields.join(";")
}

/// The parts between separators that no backslash stands before, still escaped. There is always one.
pub fn split(value: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut escaped = false;
    value.split(move |char| {
        let here = char == separator && !escaped;
        escaped = char == '\\' && !escaped;
        here
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes() {
        for (text, value) in [
            ("plain", "plain"),
            ("a,b;c\\d\ne", "a\\,b\\;c\\\\d\\ne"),
            ("\\n", "\\\\n"),
            ("", ""),
            ("Grüße, \u{1f600}", "Grüße\\, \u{1f600}"),
        ] {
            assert_eq!(escape(text), value);
            assert_eq!(unescape(value), text);
        }
        assert_eq!(escape("a\r\nb\rc"), "a\\nb\\nc");
        assert_eq!(unescape("a\\Nb http\\://x C:\\temp end\\"), "a\nb http://x C:\\temp end\\");
    }

    #[test]
    fn lists_and_fields() {
        assert_eq!(split_list("a\\,b,c\\\\,d,"), ["a,b", "c\\", "d", ""]);
        assert_eq!(
            split_fields("Müller;Jan,Piet;;Dr.\\;h.c.;"),
            [
                vec!["Müller".to_owned()],
                vec!["Jan".to_owned(), "Piet".to_owned()],
                vec![String::new()],
                vec!["Dr.;h.c.".to_owned()],
                vec![String::new()]
            ]
        );
        assert_eq!(join_fields([vec!["a;b"], vec!["c", "d,e"], vec![]]), "a\\;b;c,d\\,e;");
    }

    proptest! {
        #[test]
        fn text_survives(text in "[^\r]*") {
            prop_assert_eq!(unescape(&escape(&text)), text);
        }

        #[test]
        fn lists_survive(parts in proptest::collection::vec("[^\r]*", 1..5)) {
            prop_assert_eq!(split_list(&join_list(&parts)), parts);
        }
    }
}
