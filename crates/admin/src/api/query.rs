//! What stands after the question mark: names that are known, each once, with values that can be read.

use super::Call;
use crate::problem::Problem;

/// Pairs whose names are all known.
pub(super) struct Query(Vec<(String, String)>);

impl Call<'_> {
    pub(super) fn query(&self, known: &[&str]) -> Result<Query, Problem> {
        let pairs = self.asked.query();
        for (place, (name, _)) in pairs.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                return Err(Problem::bad(format!("`{name}` means nothing here; there are {}", known.join(", "))));
            }
            if pairs.iter().take(place).any(|(before, _)| before == name) {
                return Err(Problem::bad(format!("`{name}` stands there twice")));
            }
        }
        Ok(Query(pairs))
    }
}

impl Query {
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn number(&self, name: &str, otherwise: u64) -> Result<u64, Problem> {
        let Some(text) = self.text(name) else { return Ok(otherwise) };
        // A sign is no digit, though the parser takes one.
        let read = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
        let wrong = || Problem::bad(format!("`{name}` is a number up to {LARGEST}, and `{text}` is none"));
        read.filter(|number| *number <= LARGEST).ok_or_else(wrong)
    }

    /// How many are wanted at most.
    pub(super) fn limit(&self) -> Result<usize, Problem> {
        match usize::try_from(self.number("limit", USUAL)?) {
            Ok(limit) if (1..=MOST).contains(&limit) => Ok(limit),
            _ => Err(Problem::bad(format!("`limit` is from 1 to {MOST}"))),
        }
    }
}

const USUAL: u64 = 100;
const MOST: usize = 1000;
/// What every reader of JSON reads as it is (RFC 8259 section 6).
const LARGEST: u64 = 1 << 53;
