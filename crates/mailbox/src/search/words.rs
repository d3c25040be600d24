//! What an index of words can be asked before messages are read.
//!
//! IMAP looks for text, wherever it stands; an index knows words, from their beginning on. So it can be asked only for
//! what must be a word in every message that matches.

use super::Program;
use super::program::Node;
use super::text::Needle;

/// Which words of a text are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wording {
    /// Those between two others: wherever the text stands in a message, they are words of it.
    Inner,
    /// All: the text is then found only where it begins with a word.
    All,
}

/// What an index is asked for. Words are letters and digits, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Words {
    /// A word, or the beginning of one.
    Word(String),
    /// All of these.
    All(Vec<Words>),
    /// One of these at least.
    Any(Vec<Words>),
}

/// What is known of a message that matches, once its index entry and its header left it open.
enum Need {
    /// It holds these words.
    Words(Words),
    /// It need not hold any.
    Open,
    /// Whatever there was to be known is known, and left the matter open.
    Settled,
}

impl Program {
    /// What every message holds that matches and was left open by its index entry and its header; `None` if that can be
    /// any message.
    #[must_use]
    pub fn words(&self, wording: Wording) -> Option<Words> {
        match need(self.node(), wording) {
            Need::Words(words) => Some(words),
            Need::Open | Need::Settled => None,
        }
    }
}

fn need(node: &Node, wording: Wording) -> Need {
    match node {
        Node::Body(needle) | Node::Text(needle) => {
            let words = words(needle, wording);
            if words.is_empty() { Need::Open } else { Need::Words(Words::All(words)) }
        }
        // One that is settled holds, and one that is open says nothing.
        Node::And(all) => {
            let mut words = Vec::new();
            let mut open = false;
            for node in all {
                match need(node, wording) {
                    Need::Words(more) => words.push(more),
                    Need::Open => open = true,
                    Need::Settled => {}
                }
            }
            match (words.is_empty(), open) {
                (false, _) => Need::Words(Words::All(words)),
                (true, true) => Need::Open,
                (true, false) => Need::Settled,
            }
        }
        // One that is settled does not hold, or there would be no question.
        Node::Or(any) => {
            let mut words = Vec::new();
            for node in any {
                match need(node, wording) {
                    Need::Words(more) => words.push(more),
                    Need::Open => return Need::Open,
                    Need::Settled => {}
                }
            }
            if words.is_empty() { Need::Settled } else { Need::Words(Words::Any(words)) }
        }
        Node::Not(inner) => match need(inner, wording) {
            Need::Settled => Need::Settled,
            Need::Words(_) | Need::Open => Need::Open,
        },
        // The length may be known only with the message.
        Node::Larger(_) | Node::Smaller(_) => Need::Open,
        _ => Need::Settled,
    }
}

/// The words of a text that can be asked for.
fn words(needle: &Needle, wording: Wording) -> Vec<Words> {
    let text = needle.text();
    if text.chars().any(|letter| letter >= FIRST_WITHOUT_SPACES) {
        return Vec::new();
    }
    let mut all: Vec<&str> = text.split(char::is_whitespace).collect();
    if wording == Wording::Inner {
        // The first may be the end of a longer word, and the last the beginning of one.
        all = all.get(1..all.len().saturating_sub(1)).unwrap_or_default().to_vec();
    }
    let plain = |word: &&str| word.chars().all(char::is_alphanumeric) && word.chars().count() >= SHORTEST;
    let words = all.into_iter().map(|word| word.trim_matches(PUNCTUATION)).filter(plain);
    words.map(|word| Words::Word(word.to_owned())).collect()
}

/// From here on scripts are written without spaces, and nobody knows where an index sees words.
const FIRST_WITHOUT_SPACES: char = '\u{e00}';

/// Shorter ones may be left out of an index.
const SHORTEST: usize = 3;

const PUNCTUATION: [char; 10] = ['.', ',', ';', ':', '!', '?', '"', '\'', '(', ')'];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemFlags;
    use crate::search::Query;

    fn written(words: &Words) -> String {
        let list = |words: &[Words], between: &str| {
            format!("({})", words.iter().map(written).collect::<Vec<_>>().join(between))
        };
        match words {
            Words::Word(word) => word.clone(),
            Words::All(all) => list(all, "&"),
            Words::Any(any) => list(any, "|"),
        }
    }

    #[test]
    fn words_are_asked_for_where_they_must_stand() {
        let body = |text: &str| Query::Body(text.to_owned());
        let or = |one, other| Query::Or(Box::new(one), Box::new(other));
        let not = |query| Query::Not(Box::new(query));
        let seen = || Query::Flag(SystemFlags::SEEN);
        for (query, inner, all) in [
            (body("zebra"), "", "(zebra)"),
            (body("the zebra sleeps"), "(zebra)", "(the&zebra&sleeps)"),
            (body("ebra cross"), "", "(ebra&cross)"),
            (body("see (the) ZEBRA, sleep well"), "(the&zebra&sleep)", "(see&the&zebra&sleep&well)"),
            (body(" zebra "), "(zebra)", "(zebra)"),
            (body("a of it is no word"), "", "(word)"),
            (body("mail dora@corp.test now"), "", "(mail&now)"),
            (body("動物園 zebra 動物園"), "", ""),
            (Query::Text("the zebra sleeps".to_owned()), "(zebra)", "(the&zebra&sleeps)"),
            (seen(), "", ""),
            (not(body("the zebra sleeps")), "", ""),
            (
                Query::And(vec![seen(), body("the zebra sleeps"), not(body("an old lion roars"))]),
                "((zebra))",
                "((the&zebra&sleeps))",
            ),
            (
                or(body("the zebra sleeps"), body("an old lion roars")),
                "((zebra)|(old&lion))",
                "((the&zebra&sleeps)|(old&lion&roars))",
            ),
            (or(seen(), body("the zebra sleeps")), "((zebra))", "((the&zebra&sleeps))"),
            (or(body("of"), body("the zebra sleeps")), "", ""),
            (or(Query::Larger(5), body("the zebra sleeps")), "", ""),
        ] {
            let program = query.program();
            let asked = |wording| program.words(wording).as_ref().map_or_else(String::new, written);
            assert_eq!((asked(Wording::Inner).as_str(), asked(Wording::All).as_str()), (inner, all), "{query:?}");
        }
    }
}
