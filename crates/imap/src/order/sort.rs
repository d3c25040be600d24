//! SORT (RFC 5256 section 3): what is compared, and the order it makes.

use std::cmp::Ordering;

use imap_proto::command::sort::{By, Criterion};
use jiff::Timestamp;
use mailbox::Uid;

use super::Letterhead;

/// What is known of a message, as far as its criteria need it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'f> {
    pub(crate) uid: Uid,
    pub(crate) received: Timestamp,
    pub(crate) size: u64,
    pub(crate) header: &'f [u8],
}

/// Takes messages, and puts them in order.
#[derive(Debug)]
pub(crate) struct Sorter {
    criteria: Vec<Criterion>,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    uid: Uid,
    /// One for each criterion.
    values: Box<[Value]>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Time(Timestamp),
    Size(u64),
    Text(Box<str>),
}

impl Sorter {
    pub(crate) fn new(criteria: &[Criterion]) -> Self {
        Self { criteria: criteria.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn add(&mut self, facts: &Facts<'_>) {
        let values = self.criteria.iter().map(|criterion| value(criterion.by, facts)).collect();
        self.rows.push(Row { uid: facts.uid, values });
    }

    /// The messages, in order.
    pub(crate) fn sorted(self) -> Vec<Uid> {
        let Self { criteria, mut rows } = self;
        rows.sort_unstable_by(|one, other| compare(&criteria, one, other));
        rows.into_iter().map(|row| row.uid).collect()
    }
}

/// "If two or more messages exactly match according to the sorting criteria, these messages are sorted according to
/// the order in which they appear in the mailbox", whatever is reversed.
fn compare(criteria: &[Criterion], one: &Row, other: &Row) -> Ordering {
    let pairs = criteria.iter().zip(one.values.iter().zip(&other.values));
    let by_criteria = pairs.map(|(criterion, (one, other))| match criterion.reverse {
        true => other.cmp(one),
        false => one.cmp(other),
    });
    by_criteria.fold(Ordering::Equal, Ordering::then).then(one.uid.cmp(&other.uid))
}

fn value(by: By, facts: &Facts<'_>) -> Value {
    let header = Letterhead::new(facts.header);
    let text = |text: String| Value::Text(text.into());
    match by {
        By::Arrival => Value::Time(facts.received),
        By::Date => Value::Time(header.sent(facts.received)),
        By::Size => Value::Size(facts.size),
        By::Subject => text(header.subject().text),
        By::From => text(header.local_part("From")),
        By::To => text(header.local_part("To")),
        By::Cc => text(header.local_part("Cc")),
        By::DisplayFrom => text(header.display("From")),
        By::DisplayTo => text(header.display("To")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [By; 9] =
        [By::Arrival, By::Cc, By::Date, By::DisplayFrom, By::DisplayTo, By::From, By::Size, By::Subject, By::To];

    #[derive(Clone, Debug)]
    struct Letter {
        received: i64,
        size: u64,
        header: String,
    }

    fn letter() -> impl Strategy<Value = Letter> {
        let line = |name: &'static str, values: &'static [&'static str]| {
            prop::sample::select(values).prop_map(move |value| match value {
                "" => String::new(),
                value => format!("{name}: {value}\r\n"),
            })
        };
        let people = &["", "anna@x", "Bob <anna@y>", "=?utf-8?q?=C3=84nne?= <zoe@x>", "G: a@b;"];
        let header = (
            line("Date", &["", "1 Jan 2020 10:00 +0100", "1 Jan 2020 09:00 +0000", "broken", "2 Jan 2020"]),
            line("Subject", &["", "b", "Re: B", "[x] a", "ä"]),
            (line("From", people), line("To", people), line("Cc", people)),
        );
        (1_577_836_700i64..1_577_836_900, 0u64..3, header).prop_map(|(received, size, (date, subject, people))| {
            Letter { received, size, header: format!("{date}{subject}{}{}{}", people.0, people.1, people.2) }
        })
    }

    fn facts(place: usize, letter: &Letter) -> Facts<'_> {
        let uid = Uid::new(u32::try_from(place + 1).unwrap()).unwrap();
        let received = Timestamp::from_second(letter.received).unwrap();
        Facts { uid, received, size: letter.size, header: letter.header.as_bytes() }
    }

    proptest! {
        #[test]
        fn sorting_is_sorting_again_and_again(
            letters in prop::collection::vec(letter(), 0..12),
            criteria in prop::collection::vec((prop::sample::select(ALL.to_vec()), any::<bool>()), 1..4),
        ) {
            let criteria: Vec<Criterion> = criteria.iter().map(|&(by, reverse)| Criterion { reverse, by }).collect();
            let mut sorter = Sorter::new(&criteria);
            letters.iter().enumerate().for_each(|(place, letter)| sorter.add(&facts(place, letter)));
            // The naive way: a stable sort by each, from the last to the first.
            let mut model: Vec<usize> = (0..letters.len()).collect();
            for criterion in criteria.iter().rev() {
                let of = |place: &usize| value(criterion.by, &facts(*place, &letters[*place]));
                match criterion.reverse {
                    false => model.sort_by_key(of),
                    true => model.sort_by_key(|place| std::cmp::Reverse(of(place))),
                }
            }
            let found: Vec<usize> = sorter.sorted().iter().map(|uid| uid.get() as usize - 1).collect();
            prop_assert_eq!(found, model);
        }
    }
}
