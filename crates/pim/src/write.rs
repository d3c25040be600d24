//! Trees back into text.

use crate::tree::{Component, Parameter, Property};

impl Component {
    /// As text: lines end in CRLF and are folded at 75 octets, between characters (RFC 5545 section 3.1).
    ///
    /// Whatever the values hold, the text has the lines of this tree and no others: a line end in a value is written as
    /// `\n`, other control characters are left out.
    #[must_use]
    pub fn write(&self) -> String {
        let mut out = String::new();
        self.write_to(&mut out);
        out
    }

    /// Adds its text to `out`.
    pub fn write_to(&self, out: &mut String) {
        fold(&unbroken(&format!("BEGIN:{}", self.name)), out);
        for property in &self.properties {
            fold(&property.write_line(), out);
        }
        for component in &self.components {
            component.write_to(out);
        }
        fold(&unbroken(&format!("END:{}", self.name)), out);
    }
}

impl Property {
    /// As one content line, without fold or line end.
    #[must_use]
    pub fn write_line(&self) -> String {
        let mut line = String::with_capacity(self.name.len() + self.value.len() + 1);
        if let Some(group) = &self.group {
            line.push_str(group);
            line.push('.');
        }
        line.push_str(&self.name);
        for parameter in &self.parameters {
            write_parameter(parameter, &mut line);
        }
        line.push(':');
        line.push_str(&self.value);
        unbroken(&line)
    }
}

fn write_parameter(parameter: &Parameter, line: &mut String) {
    line.push(';');
    line.push_str(&parameter.name);
    for (index, value) in parameter.values.iter().enumerate() {
        line.push(if index == 0 { '=' } else { ',' });
        let quoted = value.contains([':', ';', ',']) || value.starts_with(' ') || value.ends_with(' ');
        if quoted {
            line.push('"');
        }
        for char in value.chars() {
            // RFC 6868 section 3.1
            match char {
                '^' => line.push_str("^^"),
                '"' => line.push_str("^'"),
                '\n' => line.push_str("^n"),
                char => line.push(char),
            }
        }
        if quoted {
            line.push('"');
        }
    }
}

/// The line without anything that would end it early or that no line may hold (RFC 5545 section 3.1 `CONTROL`).
fn unbroken(line: &str) -> String {
    if !line.contains(is_control) {
        return line.to_owned();
    }
    line.replace("\r\n", "\\n").replace('\n', "\\n").replace(is_control, "")
}

/// What no content line may hold: control characters other than a tab, and what XML cannot carry either.
pub(crate) fn is_control(char: char) -> bool {
    matches!(char, '\0'..='\u{8}' | '\u{a}'..='\u{1f}' | '\u{7f}' | '\u{fffe}' | '\u{ffff}')
}

fn fold(line: &str, out: &mut String) {
    let mut width = 0;
    for char in line.chars() {
        if width + char.len_utf8() > WIDTH {
            out.push_str("\r\n ");
            width = 1;
        }
        out.push(char);
        width += char.len_utf8();
    }
    out.push_str("\r\n");
}

/// Octets in a line, without its end.
const WIDTH: usize = 75;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_between_characters() {
        let event = Component::new("X").with(Property::new("SUMMARY", "ä".repeat(100)));
        let text = event.write();
        assert!(text.split("\r\n").all(|line| line.len() <= WIDTH), "{text}");
        assert_eq!(crate::parse(&text).unwrap(), [event]);
    }

    #[test]
    fn no_value_can_add_a_line() {
        let event = Component::new("X").with(Property::new("A", "1\r\nEND:X\nBEGIN:Y\0").with("P", "a\nb\"^"));
        assert_eq!(event.write(), "BEGIN:X\r\nA;P=a^nb^'^^:1\\nEND:X\\nBEGIN:Y\r\nEND:X\r\n");
    }
}
