//! The text of an HTML body, for clients that show no HTML.

/// What a reader sees: lines of paragraphs and breaks, no markup, entities as characters, blanks as in a browser.
pub(crate) fn text_of(html: &str) -> String {
    let mut text = Text::default();
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        let (before, from) = rest.split_at(at);
        text.words(before);
        rest = if from.starts_with('<') { tag(from, &mut text) } else { entity(from, &mut text) };
    }
    text.words(rest);
    text.finish()
}

/// The same words in the same order, whatever is between them.
pub(crate) fn same_words(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}

#[derive(Default)]
struct Text {
    out: String,
    blank: bool,
}

impl Text {
    fn words(&mut self, piece: &str) {
        for char in piece.chars() {
            match char {
                ' ' | '\t' | '\r' | '\n' => self.blank = true,
                char => self.push(char),
            }
        }
    }

    fn push(&mut self, char: char) {
        if std::mem::take(&mut self.blank) && !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push(' ');
        }
        self.out.push(if char == '\u{a0}' { ' ' } else { char });
    }

    fn line(&mut self) {
        self.blank = false;
        self.out.push('\n');
    }

    /// Ends the line if there is something on it.
    fn block(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.line();
        }
        self.blank = false;
    }

    fn finish(self) -> String {
        let lines: Vec<_> = self.out.lines().map(str::trim_end).collect();
        lines.join("\n").trim_matches('\n').to_owned()
    }
}

/// Takes one tag, comment, or what no reader sees, from the front.
fn tag<'a>(html: &'a str, text: &mut Text) -> &'a str {
    if let Some(comment) = html.strip_prefix("<!--") {
        return comment.split_once("-->").map_or("", |(_, rest)| rest);
    }
    let Some((tag, rest)) = html.split_once('>') else {
        text.words("<");
        return html.get(1..).unwrap_or_default();
    };
    let name = tag.trim_start_matches('<').split([' ', '\t', '\r', '\n', '/']).find(|part| !part.is_empty());
    let name = name.unwrap_or_default().to_ascii_lowercase();
    let closing = tag.starts_with("</");
    match name.as_str() {
        "br" => text.line(),
        "head" | "style" | "script" | "title" if !closing => return after_end(rest, &name),
        "p" | "div" | "tr" | "li" | "ul" | "ol" | "table" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "blockquote"
        | "pre" | "hr" | "body" => text.block(),
        "td" | "th" => text.words(" "),
        _ => {}
    }
    rest
}

/// What follows the end tag of this name.
fn after_end<'a>(html: &'a str, name: &str) -> &'a str {
    let mut rest = html;
    while let Some((_, from)) = rest.split_once("</") {
        let is_it = from.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        if is_it {
            return from.split_once('>').map_or("", |(_, rest)| rest);
        }
        rest = from;
    }
    ""
}

fn entity<'a>(html: &'a str, text: &mut Text) -> &'a str {
    let found = html.find(';').filter(|end| *end <= LONGEST).and_then(|end| {
        let (name, rest) = html.split_at_checked(end)?;
        Some((decode(name.strip_prefix('&')?)?, rest.strip_prefix(';')?))
    });
    match found {
        Some((char, rest)) => {
            text.push(char);
            rest
        }
        None => {
            text.words("&");
            html.get(1..).unwrap_or_default()
        }
    }
}

fn decode(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code);
    }
    ENTITIES.iter().find(|(known, _)| *known == name).map(|(_, char)| *char)
}

/// `&thetasym;` and `&#x10ffff;` are shorter.
const LONGEST: usize = 12;

/// Those that Outlook writes; others come as numbers.
const ENTITIES: [(&str, char); 30] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", '\u{a0}'),
    ("auml", 'ä'),
    ("ouml", 'ö'),
    ("uuml", 'ü'),
    ("Auml", 'Ä'),
    ("Ouml", 'Ö'),
    ("Uuml", 'Ü'),
    ("szlig", 'ß'),
    ("eacute", 'é'),
    ("egrave", 'è'),
    ("agrave", 'à'),
    ("ccedil", 'ç'),
    ("euro", '€'),
    ("ndash", '–'),
    ("mdash", '—'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("bull", '•'),
    ("hellip", '…'),
    ("copy", '©'),
    ("reg", '®'),
    ("trade", '™'),
    ("middot", '·'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reader_sees() {
        let rows = [
            (
                "<html><head><style>p {color: red}</style></head><body><p>Hello</p>\r\n<p>World</p></body></html>",
                "Hello\nWorld",
            ),
            ("a<br>b<br/><br />c", "a\nb\n\nc"),
            ("Fish &amp; chips &lt;now&gt;&nbsp;&#8364;5 &#x20AC;6", "Fish & chips <now> €5 €6"),
            ("one\r\n  two <b>three</b>four", "one two threefour"),
            ("<ul><li>a</li><li>b</li></ul>", "a\nb"),
            ("<!-- <p>no</p> -->yes<script>if (a<b) {}</script>!", "yes!"),
            ("AT&T; &unknown; & 1 < 2", "AT&T; &unknown; & 1 < 2"),
            ("<div>a</div><div><br></div><div>b</div>", "a\n\nb"),
            ("", ""),
        ];
        for (html, text) in rows {
            assert_eq!(text_of(html), text, "{html}");
        }
        assert!(same_words(" a\r\nb", "a b ") && !same_words("ab", "a b"));
    }

    #[test]
    fn broken_html_is_text_too() {
        for html in ["<", "<p", "&", "&#", "&#xffffffff;", "<!--", "<style>", "</", "<style></sty", "&ä;"] {
            text_of(html);
        }
    }
}
