//! A place in a line, with the few steps its grammar takes.

/// What is left of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a>(pub(super) &'a str);

impl<'a> Cursor<'a> {
    /// Goes over a text, if it is there, in any case.
    pub(super) fn skip(&mut self, text: &str) -> bool {
        let found = self.0.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text));
        if found {
            self.0 = self.0.get(text.len()..).unwrap_or_default();
        }
        found
    }

    /// Takes the characters that fit, perhaps none.
    pub(super) fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let end = self.0.find(|character| !fits(character)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    /// Takes one character.
    pub(super) fn take(&mut self) -> Option<char> {
        let character = self.0.chars().next()?;
        self.0 = self.0.get(character.len_utf8()..).unwrap_or_default();
        Some(character)
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }
}
