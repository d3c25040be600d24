//! Text into trees: `contentline = name *(";" param) ":" value CRLF` (RFC 5545 section 3.1), with the group of RFC 6350
//! section 3.3 before the name, and the escapes of RFC 6868 in parameters.
//!
//! Lenient where clients are known to differ: lines may end in LF or CR, a byte order mark and empty lines are passed
//! over, control characters are dropped, BEGIN and END may be followed by blanks. What is left out altogether, such as
//! a missing END, is an error with its line.

use std::borrow::Cow;
use std::fmt;

use crate::tree::{Component, Parameter, Property};
use crate::write::is_control;

/// How much text may be and hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of text.
    pub octets: usize,
    /// Components in components in components.
    pub depth: usize,
    /// Properties and components together.
    pub lines: usize,
}

impl Default for Limits {
    /// What a whole exported calendar needs: 64 MiB, a million lines.
    fn default() -> Self {
        Self { octets: 64 << 20, depth: 12, lines: 1_000_000 }
    }
}

/// Why text is not iCalendar or vCard at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong there, for a person, without the line.
    pub sentence: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.sentence)
    }
}

impl std::error::Error for ParseError {}

/// The components of a text, one VCALENDAR or any number of VCARDs as a rule. Empty text has none.
///
/// # Errors
/// The line that is no content line, or stands outside a component, or ends another component than was begun; or what
/// is beyond the default [`Limits`].
pub fn parse(text: &str) -> Result<Vec<Component>, ParseError> {
    parse_within(text, &Limits::default())
}

/// The text in octets as they came. Lines may be folded within a character (RFC 5545 section 3.1); then all of them are
/// unfolded here already.
///
/// # Errors
/// The line that is not UTF-8.
pub fn decode(octets: &[u8]) -> Result<Cow<'_, str>, ParseError> {
    let Err(error) = str::from_utf8(octets) else { return Ok(String::from_utf8_lossy(octets)) };
    let mut unfolded = Vec::with_capacity(octets.len());
    let mut rest = octets;
    while let Some((first, more)) = rest.split_first() {
        let fold = FOLDS.iter().find(|fold| rest.starts_with(fold));
        rest = match fold {
            Some(fold) => rest.get(fold.len()..).unwrap_or_default(),
            None => {
                unfolded.push(*first);
                more
            }
        };
    }
    String::from_utf8(unfolded).map(Cow::Owned).or_else(|_| {
        let before = octets.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|octet| **octet == b'\n').count() + 1;
        fail(line, "The text is not UTF-8 here.")
    })
}

/// As [`parse`], with other limits.
///
/// # Errors
/// As for [`parse`].
pub fn parse_within(text: &str, limits: &Limits) -> Result<Vec<Component>, ParseError> {
    if text.len() > limits.octets {
        return fail(1, format!("The text has {} octets; at most {} are taken.", text.len(), limits.octets));
    }
    let mut done = Vec::new();
    let mut open: Vec<Component> = Vec::new();
    for (count, (number, line)) in Unfolded::new(text).enumerate() {
        if count > limits.lines {
            return fail(number, format!("The text has more than {} lines.", limits.lines));
        }
        let mut property = property(&line).or_else(|sentence| fail(number, sentence))?;
        property.line = number;
        if property.is("BEGIN") && property.group.is_none() {
            if open.len() == limits.depth {
                return fail(number, format!("Components stand in one another more than {} deep.", limits.depth));
            }
            open.push(Component { name: property.value.trim().to_owned(), line: number, ..Component::default() });
        } else if property.is("END") && property.group.is_none() {
            let name = property.value.trim();
            match open.pop() {
                Some(component) if component.is(name) => match open.last_mut() {
                    Some(parent) => parent.components.push(component),
                    None => done.push(component),
                },
                Some(component) => {
                    let Component { name: begun, line, .. } = component;
                    return fail(number, format!("END:{name} where BEGIN:{begun} of line {line} is still open."));
                }
                None => return fail(number, format!("END:{name} without its BEGIN.")),
            }
        } else {
            match open.last_mut() {
                Some(component) => component.properties.push(property),
                None => return fail(number, format!("{} stands outside of any BEGIN and END.", property.name)),
            }
        }
    }
    match open.pop() {
        Some(Component { name, line, .. }) => fail(line, format!("BEGIN:{name} has no END.")),
        None => Ok(done),
    }
}

/// `contentline`, already unfolded.
fn property(line: &str) -> Result<Property, String> {
    let end = line.find([':', ';']).ok_or_else(|| format!("“{}” has no colon.", shortened(line)))?;
    let (name, mut rest) = line.split_at(end);
    let (group, name) = match name.split_once('.') {
        Some((group, name)) if !group.is_empty() && !name.is_empty() => (Some(group.to_owned()), name),
        _ => (None, name),
    };
    let name = name.trim_end();
    let strange = |char: char| char.is_whitespace() || "\"=,".contains(char);
    if name.is_empty() || line.get(..end).is_some_and(|whole| whole.trim_end().contains(strange)) {
        return Err(format!("“{}” does not begin with the name of a property.", shortened(line)));
    }
    let mut parameters = Vec::new();
    while let Some(after) = rest.strip_prefix(';') {
        let (parameter, after) = self::parameter(after)
            .ok_or_else(|| format!("A parameter of {name} does not end: a quote or the colon is missing."))?;
        // An empty one, as in `TEL;;TYPE=home:`, says nothing.
        if !parameter.name.is_empty() || !parameter.values.is_empty() {
            parameters.push(parameter);
        }
        rest = after;
    }
    let value = rest.strip_prefix(':').ok_or_else(|| format!("{name} has no colon before its value."))?;
    Ok(Property { group, name: name.to_owned(), parameters, value: value.to_owned(), line: 0 })
}

/// `param = param-name "=" param-value *("," param-value)`, or a bare word as in vCard 2.1.
fn parameter(input: &str) -> Option<(Parameter, &str)> {
    let end = input.find(['=', ';', ':'])?;
    let (name, mut rest) = input.split_at(end);
    let mut values = Vec::new();
    if let Some(after) = rest.strip_prefix('=') {
        let (value, after) = parameter_value(after)?;
        values.push(value);
        rest = after;
        while let Some(after) = rest.strip_prefix(',') {
            let (value, after) = parameter_value(after)?;
            values.push(value);
            rest = after;
        }
    }
    Some((Parameter { name: name.trim().to_owned(), values }, rest))
}

/// `param-value = paramtext / quoted-string`. Text after the closing quote belongs to the value.
fn parameter_value(input: &str) -> Option<(String, &str)> {
    let (quoted, rest) = match input.strip_prefix('"') {
        Some(after) => after.split_once('"')?,
        None => ("", input),
    };
    let (plain, rest) = rest.split_at(rest.find([',', ';', ':'])?);
    Some((caret_decoded(quoted) + &caret_decoded(plain), rest))
}

/// RFC 6868 section 3.2. Before any other character a circumflex is itself.
fn caret_decoded(value: &str) -> String {
    let mut decoded = String::with_capacity(value.len());
    let mut rest = value.chars().peekable();
    while let Some(char) = rest.next() {
        let meaning = match (char, rest.peek()) {
            ('^', Some('n')) => '\n',
            ('^', Some('^')) => '^',
            ('^', Some('\'')) => '"',
            _ => {
                decoded.push(char);
                continue;
            }
        };
        rest.next();
        decoded.push(meaning);
    }
    decoded
}

/// Content lines with the number of their first line.
struct Unfolded<'a> {
    rest: &'a str,
    number: usize,
}

impl<'a> Unfolded<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text.strip_prefix('\u{feff}').unwrap_or(text), number: 0 }
    }

    /// The next line as it stands, without its end.
    fn physical(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        self.number += 1;
        let end = self.rest.find(['\r', '\n']).unwrap_or(self.rest.len());
        let (line, rest) = self.rest.split_at(end);
        self.rest = rest.strip_prefix("\r\n").or_else(|| rest.get(1..)).unwrap_or_default();
        Some(line)
    }
}

impl Iterator for Unfolded<'_> {
    type Item = (usize, String);

    fn next(&mut self) -> Option<Self::Item> {
        let first = loop {
            let line = self.physical()?;
            if !line.trim().is_empty() {
                break line;
            }
        };
        let number = self.number;
        let mut line = String::new();
        push_clean(&mut line, first);
        let mut quoted_printable = None;
        loop {
            if self.rest.starts_with([' ', '\t']) {
                let more = self.physical()?;
                push_clean(&mut line, more.get(1..).unwrap_or_default());
            } else if line.ends_with('=') && *quoted_printable.get_or_insert_with(|| is_quoted_printable(&line)) {
                // A soft line break of vCard 2.1, where quoted-printable folds by its own rule.
                line.pop();
                match self.physical() {
                    Some(more) => push_clean(&mut line, more),
                    None => break,
                }
            } else {
                break;
            }
        }
        Some((number, line))
    }
}

/// Adds text without what no line may hold, at once, since what is left decides how the line goes on.
fn push_clean(line: &mut String, text: &str) {
    match text.contains(is_control) {
        true => line.extend(text.chars().filter(|char| !is_control(*char))),
        false => line.push_str(text),
    }
}

fn is_quoted_printable(line: &str) -> bool {
    let head = line.split(':').next().unwrap_or_default().to_ascii_uppercase();
    head.split(';').any(|part| matches!(part, "QUOTED-PRINTABLE" | "ENCODING=QUOTED-PRINTABLE"))
}

const FOLDS: [&[u8]; 4] = [b"\r\n ", b"\r\n\t", b"\n ", b"\n\t"];

/// Enough of a line to recognise it by.
fn shortened(line: &str) -> String {
    let mut start: String = line.chars().take(40).collect();
    if start.len() < line.len() {
        start.push('…');
    }
    start
}

fn fail<T>(line: usize, sentence: impl Into<String>) -> Result<T, ParseError> {
    Err(ParseError { line, sentence: sentence.into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(line: &str) -> Property {
        parse(&format!("BEGIN:X\r\n{line}\r\nEND:X\r\n")).unwrap().remove(0).properties.remove(0)
    }

    #[test]
    fn a_line_in_its_parts() {
        let tel = one("item1.TEL;TYPE=home,\"a,b:c\";PREF;X=:+49 89");
        assert_eq!(tel.group.as_deref(), Some("item1"));
        assert_eq!(tel.parameter_values("type").collect::<Vec<_>>(), ["home", "a,b:c"]);
        assert_eq!(tel.parameters[1], Parameter { name: "PREF".into(), values: vec![] });
        assert_eq!(tel.parameters[2], Parameter { name: "X".into(), values: vec![String::new()] });
        assert_eq!(tel.value, "+49 89");
        assert_eq!(tel.write_line(), "item1.TEL;TYPE=home,\"a,b:c\";PREF;X=:+49 89");
    }

    #[test]
    fn carets() {
        let attendee = one("ATTENDEE;CN=George Herman ^'Babe^' Ruth^n^^^x:mailto:babe@example.com");
        assert_eq!(attendee.parameter("CN"), Some("George Herman \"Babe\" Ruth\n^^x"));
    }

    #[test]
    fn lenient() {
        let text =
            "\u{feff}BEGIN:VCALENDAR \n\n  \nSUMMARY:a\u{b}b\n c\r\tEND:x\rBEGIN:VEVENT\nend:vevent\nEND:VCALENDAR";
        let calendar = &parse(text).unwrap()[0];
        assert_eq!(calendar.value("summary"), Some("abcEND:x"));
        assert_eq!(calendar.components.len(), 1);
        assert_eq!((calendar.line(), calendar.properties[0].line(), calendar.components[0].line()), (1, 4, 7));
        assert_eq!(parse("").unwrap(), []);
    }

    #[test]
    fn quoted_printable_folds_by_its_own_rule() {
        // What is dropped from a line does not hide how it goes on, nor does a fold what it is.
        for line in
            ["NOTE;QUOTED-PRINTABLE:a=\0\r\nb", "NOTE;QUOTED-\0PRINTABLE:a=\r\nb", "NOTE;QUOTED-\r\n PRINTABLE:a=\r\nb"]
        {
            assert_eq!(one(line).value, "ab", "{line:?}");
        }
        let note = one("NOTE;ENCODING=QUOTED-PRINTABLE:Gr=C3=BC=\r\n=C3=9Fe=\r\n!");
        assert_eq!(note.value, "Gr=C3=BC=C3=9Fe!");
        assert_eq!(one("X:a=").value, "a=");
    }

    #[test]
    fn folds_within_a_character() {
        let text = "BEGIN:A\r\nX:Gr\u{fc}\u{df}e\r\nEND:A\r\n";
        assert!(matches!(decode(text.as_bytes()), Ok(Cow::Borrowed(same)) if same == text));
        let (head, tail) = text.as_bytes().split_at(14);
        let folded = [head, b"\r\n ", tail].concat();
        assert!(str::from_utf8(&folded).is_err());
        assert_eq!(decode(&folded).unwrap(), text);
        assert_eq!(decode(b"BEGIN:A\nX:\xff\n").unwrap_err().to_string(), "line 2: The text is not UTF-8 here.");
    }

    #[test]
    fn errors_name_line_and_reason() {
        for (text, line, words) in [
            ("BEGIN:A\nno colon here\nEND:A", 2, "“no colon here” has no colon."),
            ("BEGIN:A\n:x\nEND:A", 2, "does not begin with the name"),
            ("BEGIN:A\na b:x\nEND:A", 2, "does not begin with the name"),
            ("BEGIN:A\nX;Y=\"z:1\nEND:A", 2, "a quote or the colon is missing"),
            ("BEGIN:A\nBEGIN:B\nEND:A\nEND:B", 3, "END:A where BEGIN:B of line 2 is still open."),
            ("END:A", 1, "END:A without its BEGIN."),
            ("BEGIN:A\nEND:A\nX:1", 3, "X stands outside"),
            ("\nBEGIN:A\nX:1", 2, "BEGIN:A has no END."),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.line, line, "{error}");
            assert!(error.sentence.contains(words), "{error}");
        }
    }

    #[test]
    fn limits_hold() {
        let deep = "BEGIN:A\n".repeat(100_000);
        assert!(parse(&deep).unwrap_err().sentence.contains("12 deep"));
        let small = Limits { octets: 30, depth: 2, lines: 3 };
        assert!(parse_within(&"x".repeat(31), &small).unwrap_err().sentence.contains("31 octets"));
        assert!(parse_within("BEGIN:A\nX:\nX:\nX:\nEND:A", &small).unwrap_err().sentence.contains("3 lines"));
    }

    fn property_strategy() -> impl Strategy<Value = Property> {
        let parameter = (
            "[A-Za-z0-9-]{1,8}",
            proptest::collection::vec("[^\r\u{0}-\u{8}\u{b}-\u{1f}\u{7f}\u{fffe}\u{ffff}]*", 0..3),
        )
            .prop_map(|(name, values)| Parameter { name, values });
        let value = "[^\u{0}-\u{8}\u{a}-\u{1f}\u{7f}\u{fffe}\u{ffff}]*";
        let name = "X-[A-Za-z0-9-]{1,12}";
        (proptest::option::of("[a-z0-9]{1,5}"), name, proptest::collection::vec(parameter, 0..4), value)
            .prop_map(|(group, name, parameters, value)| Property { group, name, parameters, value, line: 0 })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(properties in proptest::collection::vec(property_strategy(), 0..6)) {
            let inner = Component { name: "VEVENT".into(), properties, ..Component::default() };
            let tree = Component::new("VCALENDAR").with(Property::new("VERSION", "2.0")).with_component(inner);
            prop_assert_eq!(parse(&tree.write()).unwrap(), [tree]);
        }

        #[test]
        fn anything_at_all(text in "(BEGIN:A|END:A|\r|\n|;|:|\"|\\PC|[ -~])*") {
            if let Ok(trees) = parse(&text) {
                let written: String = trees.iter().map(Component::write).collect();
                prop_assert_eq!(parse(&written).unwrap(), trees);
            }
        }
    }
}
