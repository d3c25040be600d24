//! What stands after the question mark: names that are known, each once, with values that can be read.

use std::str::FromStr;

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

    pub(super) fn number<T: FromStr>(&self, name: &str, otherwise: T) -> Result<T, Problem> {
        match self.text(name) {
            None => Ok(otherwise),
            // A sign is no digit, though the parser takes one.
            Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().map_err(|_| Problem::bad(format!("`{name}` is too large")))
            }
            Some(text) => Err(Problem::bad(format!("`{name}` is a number, and `{text}` is none"))),
        }
    }

    /// How many are wanted at most.
    pub(super) fn limit(&self) -> Result<usize, Problem> {
        let limit = self.number("limit", USUAL)?;
        match (1..=MOST).contains(&limit) {
            true => Ok(limit),
            false => Err(Problem::bad(format!("`limit` is from 1 to {MOST}"))),
        }
    }
}

const USUAL: usize = 100;
const MOST: usize = 1000;
