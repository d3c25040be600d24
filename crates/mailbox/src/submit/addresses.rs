//! Address lists of headers, as far as sending needs them: who is meant, and what they are called.

use std::iter::Peekable;
use std::str::CharIndices;

use mail_parser::HeaderValue;
use mail_parser::parsers::MessageStream;

use super::Address;

/// `mailbox = name-addr / addr-spec` (RFC 5322 section 3.4)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// The display name, decoded (RFC 2047).
    pub name: Option<String>,
    /// The address.
    pub address: Address,
}

/// `address-list = (address *("," address))` (RFC 5322 section 3.4): those of groups are in it, names of groups
/// are not. Behind it the number of entries that are no address, or have no end.
#[must_use]
pub fn address_list(value: &str) -> (Vec<Mailbox>, usize) {
    let mut list = (Vec::new(), 0);
    let mut entry = Entry::default();
    let mut tokens = Tokens { characters: value.char_indices().peekable(), is_cut: false };
    for token in &mut tokens {
        match token {
            Token::Special(',' | ';') if !entry.is_in_angle => std::mem::take(&mut entry).end(&mut list),
            // The name of a group, and who is in it.
            Token::Special(':') if !entry.is_in_angle && entry.angle.is_none() => entry = Entry::default(),
            Token::Special('<') if entry.angle.is_none() => (entry.is_in_angle, entry.angle) = (true, Some(Vec::new())),
            Token::Special('>') if entry.is_in_angle => entry.is_in_angle = false,
            token => entry.push(token),
        }
    }
    entry.end(&mut list);
    // Readers disagree about what stands in a comment or a string that never ends.
    list.1 += usize::from(tokens.is_cut && list.1 == 0);
    list
}

/// What stands between two commas.
#[derive(Default)]
struct Entry {
    /// What stands before the `<`, or all there is.
    words: Vec<Token>,
    /// What stands between `<` and `>`.
    angle: Option<Vec<Token>>,
    is_in_angle: bool,
    /// It cannot be an address any more.
    is_odd: bool,
}

impl Entry {
    fn push(&mut self, token: Token) {
        let tokens = match &mut self.angle {
            Some(_) if !self.is_in_angle => return self.is_odd = true,
            Some(angle) => angle,
            None => &mut self.words,
        };
        if tokens.len() < LONGEST { tokens.push(token) } else { self.is_odd = true }
    }

    fn end(self, (list, odd): &mut (Vec<Mailbox>, usize)) {
        if self.words.is_empty() && self.angle.is_none() && !self.is_odd {
            return;
        }
        let (name, spec) = match &self.angle {
            Some(angle) => (display_name(&self.words), without_route(angle)),
            None => (None, self.words.as_slice()),
        };
        match addr_spec(spec).filter(|_| !self.is_odd && !self.is_in_angle) {
            Some(address) => list.push(Mailbox { name, address }),
            None => *odd += 1,
        }
    }
}

/// `obs-route = obs-domain-list ":"` (RFC 5322 section 4.4): nobody needs it.
fn without_route(angle: &[Token]) -> &[Token] {
    match (angle.first(), angle.iter().position(|token| *token == Token::Special(':'))) {
        (Some(Token::Special('@')), Some(colon)) => angle.get(colon + 1..).unwrap_or_default(),
        _ => angle,
    }
}

/// `addr-spec = local-part "@" domain` (RFC 5322 section 3.4.1). Dots may stand in the local part as they like: addresses
/// like `a..b@example.org` exist.
fn addr_spec(tokens: &[Token]) -> Option<Address> {
    let at = tokens.iter().position(|token| *token == Token::Special('@'))?;
    let (local, domain) = (tokens.get(..at)?, tokens.get(at + 1..)?);
    let domain = match domain {
        [Token::Literal(literal)] => literal.clone(),
        domain => dotted(domain).filter(|_| !domain.iter().any(|token| matches!(token, Token::Quoted(_))))?,
    };
    Address::new(dotted(local)?, domain)
}

/// Words with dots between them.
fn dotted(tokens: &[Token]) -> Option<String> {
    let mut text = String::new();
    let mut after_word = false;
    for token in tokens {
        match token {
            Token::Atom(word) | Token::Quoted(word) if !after_word => {
                text.push_str(word);
                after_word = true;
            }
            Token::Special('.') => {
                text.push('.');
                after_word = false;
            }
            _ => return None,
        }
    }
    Some(text)
}

fn display_name(words: &[Token]) -> Option<String> {
    let mut name = String::new();
    for token in words {
        let (gap, word) = match token {
            Token::Atom(word) | Token::Quoted(word) | Token::Literal(word) => (" ", word.clone()),
            Token::Special('.') => ("", ".".to_owned()),
            Token::Special(special) => (" ", special.to_string()),
        };
        if !name.is_empty() {
            name.push_str(gap);
        }
        name.push_str(&word);
    }
    Some(decoded(&name)).filter(|name| !name.is_empty())
}

/// With its encoded words read (RFC 2047), on one line.
pub(super) fn decoded(text: &str) -> String {
    let field = format!("{text}\r\n");
    let decoded = match MessageStream::new(field.as_bytes()).parse_unstructured() {
        HeaderValue::Text(text) => text.into_owned(),
        _ => String::new(),
    };
    decoded
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect::<String>()
        .trim()
        .into()
}

/// RFC 5322 sections 3.2.1 to 3.2.4; white space and comments are none.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Atom(String),
    Quoted(String),
    /// `[192.0.2.1]`, with its brackets.
    Literal(String),
    Special(char),
}

struct Tokens<'a> {
    characters: Peekable<CharIndices<'a>>,
    /// A comment or a string has no end.
    is_cut: bool,
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            let (_, character) = self.characters.next()?;
            return Some(match character {
                character if character.is_ascii_whitespace() => continue,
                '(' => {
                    self.comment();
                    continue;
                }
                '"' => Token::Quoted(self.until('"')),
                '[' => Token::Literal(format!("[{}]", self.until(']'))),
                character if SPECIALS.contains(character) => Token::Special(character),
                character => {
                    let mut atom = String::from(character);
                    while let Some((_, more)) = self.characters.next_if(|&(_, more)| is_atomic(more)) {
                        atom.push(more);
                    }
                    Token::Atom(atom)
                }
            });
        }
    }
}

impl Tokens<'_> {
    /// Up to the character that ends it, or to the end of all; quoted pairs are resolved, folding is taken out.
    fn until(&mut self, end: char) -> String {
        let mut text = String::new();
        while let Some((_, character)) = self.characters.next() {
            match character {
                '\\' => text.extend(self.characters.next().map(|(_, quoted)| quoted)),
                '\r' | '\n' => {}
                character if character == end => return text,
                character => text.push(character),
            }
        }
        self.is_cut = true;
        text
    }

    /// Behind its first parenthesis, nested to any depth.
    fn comment(&mut self) {
        let mut depth = 1u32;
        while depth > 0 {
            match self.characters.next() {
                Some((_, '(')) => depth += 1,
                Some((_, ')')) => depth -= 1,
                Some((_, '\\')) => drop(self.characters.next()),
                Some(_) => {}
                None => return self.is_cut = true,
            }
        }
    }
}

fn is_atomic(character: char) -> bool {
    !character.is_ascii_whitespace() && !"(\"[".contains(character) && !SPECIALS.contains(character)
}

const SPECIALS: &str = ",;:<>@.])\\";

/// Tokens of one entry.
const LONGEST: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_as_they_come() {
        for (value, wanted) in [
            (" anna@example.org", "anna@example.org"),
            ("Anna <anna@example.org>", "Anna|anna@example.org"),
            ("\"Doe, Anna\" <anna@example.org>, b@c", "Doe, Anna|anna@example.org b@c"),
            ("Anna Q. Doe\r\n <anna@example.org>", "Anna Q. Doe|anna@example.org"),
            ("=?utf-8?q?J=C3=B6rg?= =?utf-8?q?_M?= <j@d>", "Jörg M|j@d"),
            ("=?utf-8?q?a=0D=0Ab?= <j@d>", "a  b|j@d"),
            ("Jörg <jörg@dömäne.example>", "Jörg|jörg@dömäne.example"),
            ("anna@example.org (Anna (old) Doe)", "anna@example.org"),
            ("\"odd local\"@example.org", "\"odd local\"@example.org"),
            ("a . b @ c . d", "a.b@c.d"),
            ("a..b.@docomo.example", "\"a..b.\"@docomo.example"),
            ("\"a@b\" <\"x@y\"@z>", "a@b|\"x@y\"@z"),
            ("<@a,@b:c@d>", "c@d"),
            ("Friends: a@b, C <c@d>;, e@f", "a@b C|c@d e@f"),
            ("undisclosed-recipients:;", ""),
            ("Never closed: a@b", "a@b"),
            ("a@[192.0.2.1], <b@[IPv6:::1]>", "a@[192.0.2.1] b@[IPv6:::1]"),
            (", ,", ""),
            ("", ""),
            ("(only a comment)", ""),
            ("root", "1 odd"),
            ("Anna <anna>, a@b", "a@b 1 odd"),
            ("<>", "1 odd"),
            ("<a@b", "1 odd"),
            ("a b@c", "1 odd"),
            ("a@b@c", "1 odd"),
            ("a@b> <c@d>", "a @ b >|c@d"),
            ("<a@b> c", "1 odd"),
            ("<a@b> <c@d>", "1 odd"),
            ("a@\"b\"", "1 odd"),
            ("a@b c", "1 odd"),
            ("@b", "1 odd"),
            ("\"\"@b", "1 odd"),
            ("(never closed", "1 odd"),
            ("a@b (never closed", "a@b 1 odd"),
            ("a@[192.0.2.1", "a@[192.0.2.1] 1 odd"),
            ("\"never closed", "1 odd"),
        ] {
            let (list, odd) = address_list(value);
            let mut shown: Vec<String> = list
                .iter()
                .map(|entry| match &entry.name {
                    Some(name) => format!("{name}|{}", entry.address),
                    None => entry.address.to_string(),
                })
                .collect();
            if odd > 0 {
                shown.push(format!("{odd} odd"));
            }
            assert_eq!(shown.join(" "), wanted, "{value}");
        }
    }

    #[test]
    fn an_entry_without_end_takes_no_room() {
        let (list, odd) = address_list(&".".repeat(1 << 20));
        assert_eq!((list.len(), odd), (0, 1));
        let (list, odd) = address_list(&"(".repeat(1 << 20));
        assert_eq!((list.len(), odd), (0, 1));
    }
}
