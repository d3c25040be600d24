//! A response, taken apart as far as a client acts on it.

use std::collections::BTreeMap;

use exgate_tests::{Response, Value};

/// One untagged response.
#[derive(Clone, Debug)]
pub(crate) enum Line {
    Exists(usize),
    Recent(usize),
    Expunge(usize),
    Vanished {
        earlier: bool,
        uids: Vec<u32>,
    },
    /// Of a message by its number, or by its UID alone (RFC 9586).
    Fetch {
        by_uid: bool,
        number: u32,
        items: BTreeMap<String, Value>,
    },
    /// `* OK`, `* NO` and so on with what stands in brackets: name and value.
    Told {
        code: Option<(String, String)>,
    },
    Flags(Vec<String>),
    Search(Vec<u32>),
    Sort(Vec<u32>),
    Thread(Vec<u32>),
    Esearch {
        tag: String,
        by_uid: bool,
        all: Vec<u32>,
        count: Option<usize>,
        /// RFC 9394: the page asked for, and what is on it.
        partial: Option<(String, Vec<u32>)>,
        /// RFC 7377: name and UIDVALIDITY.
        mailbox: Option<(String, u32)>,
    },
    Status(BTreeMap<String, u64>),
    List(String),
    Capability,
    Enabled,
    Bye,
    Other(String),
}

pub(crate) fn read(response: &Response) -> Line {
    let text = response.text();
    let Some(rest) = text.strip_prefix("* ") else { return Line::Other(text) };
    let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
    if let Ok(number) = word.parse::<u32>() {
        return numbered(response, number, after);
    }
    match word {
        "OK" | "NO" | "PREAUTH" => Line::Told { code: bracket(after) },
        "BYE" => Line::Bye,
        "FLAGS" => Line::Flags(flags(after)),
        "SEARCH" => Line::Search(words(after)),
        "SORT" => Line::Sort(words(after)),
        "THREAD" => {
            let all = after.split(|byte: char| !byte.is_ascii_digit());
            Line::Thread(all.filter_map(|word| word.parse().ok()).collect())
        }
        "ESEARCH" => esearch(after),
        "STATUS" => Line::Status(status(after)),
        "LIST" | "LSUB" => Line::List(after.to_owned()),
        "CAPABILITY" => Line::Capability,
        "ENABLED" => Line::Enabled,
        "VANISHED" => match after.strip_prefix("(EARLIER) ") {
            Some(uids) => Line::Vanished { earlier: true, uids: numbers(uids) },
            None => Line::Vanished { earlier: false, uids: numbers(after) },
        },
        _ => Line::Other(text),
    }
}

fn numbered(response: &Response, number: u32, after: &str) -> Line {
    let place = usize::try_from(number).unwrap();
    match after.split(' ').next().unwrap() {
        "EXISTS" => Line::Exists(place),
        "RECENT" => Line::Recent(place),
        "EXPUNGE" => Line::Expunge(place),
        "FETCH" => Line::Fetch { by_uid: false, number, items: response.fetch().unwrap().items },
        "UIDFETCH" => {
            let at = response.0.windows(9).position(|window| window == b"UIDFETCH ").unwrap();
            let fetch = [&response.0[..at], &response.0[at + 3..]].concat();
            Line::Fetch { by_uid: true, number, items: Response(fetch).fetch().unwrap().items }
        }
        _ => Line::Other(response.text()),
    }
}

/// The words of a list.
pub(crate) fn flags(list: &str) -> Vec<String> {
    list.trim_matches(['(', ')']).split_whitespace().map(str::to_owned).collect()
}

/// `ESEARCH (TAG "x" MAILBOX a UIDVALIDITY 1) UID ALL 1:3 COUNT 3 PARTIAL (1:2 4,7)`; sets of SORT keep their order.
fn esearch(after: &str) -> Line {
    let tag = after.split('"').nth(1).unwrap_or_default().to_owned();
    let rest = after.split_once(')').map_or(after, |(_, rest)| rest);
    let words: Vec<&str> = rest.split_whitespace().collect();
    let value = |name: &str| words.iter().position(|word| *word == name).and_then(|at| words.get(at + 1));
    let page = words.iter().position(|word| *word == "PARTIAL").and_then(|at| words.get(at + 1..at + 3));
    let told: Vec<&str> = after.split(')').next().unwrap_or_default().split_whitespace().collect();
    let of = |name: &str| told.iter().position(|word| *word == name).and_then(|at| told.get(at + 1));
    Line::Esearch {
        tag,
        by_uid: words.first() == Some(&"UID"),
        all: value("ALL").map(|set| numbers(set)).unwrap_or_default(),
        count: value("COUNT").map(|count| count.parse().unwrap()),
        partial: page.map(|page| {
            let found = page[1].trim_end_matches(')');
            let found = if found == "NIL" { Vec::new() } else { numbers(found) };
            (page[0].trim_start_matches('(').to_owned(), found)
        }),
        mailbox: of("MAILBOX")
            .map(|name| (name.trim_matches('"').to_owned(), of("UIDVALIDITY").expect("UIDVALIDITY").parse().unwrap())),
    }
}

fn status(after: &str) -> BTreeMap<String, u64> {
    let (_, items) = after.rsplit_once('(').unwrap();
    let words: Vec<&str> = items.trim_end_matches(')').split(' ').collect();
    words.chunks(2).map(|pair| (pair[0].to_owned(), pair[1].parse().unwrap())).collect()
}

/// Name and value of a response code at the beginning of a text.
pub(crate) fn bracket(text: &str) -> Option<(String, String)> {
    let (code, _) = text.strip_prefix('[')?.split_once(']')?;
    let (name, value) = code.split_once(' ').unwrap_or((code, ""));
    Some((name.to_owned(), value.to_owned()))
}

/// The numbers of a set, ranges written out, in its order.
pub(crate) fn numbers(set: &str) -> Vec<u32> {
    let ranges = set.split(',').filter(|range| !range.is_empty());
    let all = ranges.flat_map(|range| {
        let (from, to) = range.split_once(':').unwrap_or((range, range));
        let (from, to): (u32, u32) = (from.parse().unwrap(), to.parse().unwrap());
        from.min(to)..=from.max(to)
    });
    all.collect()
}

fn words(text: &str) -> Vec<u32> {
    text.split(' ').map_while(|word| word.parse().ok()).collect()
}

/// Numbers as a set.
pub(crate) fn set(numbers: impl IntoIterator<Item = u32>) -> String {
    numbers.into_iter().map(|number| number.to_string()).collect::<Vec<_>>().join(",")
}

/// The item that says which message it is.
pub(crate) const MESSAGE_ID: &str = "BODY[HEADER.FIELDS (MESSAGE-ID)]";
