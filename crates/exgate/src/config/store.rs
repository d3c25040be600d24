//! `[store]`: where accounts and ID maps are kept: in files of this gateway, or in a database that several share.

use std::path::Path;

use serde::Deserialize;

use super::mistake::Mistake;
use super::text::Text;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Store {
    pub(crate) kind: Kind,
    pub(crate) url: Option<Text>,
    pub(crate) password: Option<Text>,
    pub(crate) node: Option<Text>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    #[default]
    Sqlite,
    Postgres,
}

impl Store {
    pub(super) fn check(&self, file: &Path) -> Result<(), Mistake> {
        let wrong = |key: &str, sentence: &str| Err(Mistake::new(file, key, sentence.to_owned()));
        if self.kind == Kind::Sqlite {
            let given =
                [("url", self.url.is_some()), ("password", self.password.is_some()), ("node", self.node.is_some())];
            return match given.into_iter().find(|(_, is_given)| *is_given) {
                Some((key, _)) => wrong(&format!("store.{key}"), "is of a database; set store.kind = \"postgres\" too"),
                None => Ok(()),
            };
        }
        let Some(url) = &self.url else {
            return wrong("store.url", "missing; write postgresql://USER@HOST/DATABASE?sslmode=verify-full");
        };
        if let Err(sentence) = idmap::postgres::check_url(url.as_str()) {
            return wrong("store.url", &sentence);
        }
        match &self.node {
            None => wrong("store.node", "missing; give each gateway that shares the database a name of its own"),
            Some(node) if !is_name(node.as_str()) => {
                let node = node.as_str();
                wrong("store.node", &format!("`{node}` is no name of a gateway; use letters, digits, `.`, `-` and `_`"))
            }
            Some(_) => Ok(()),
        }
    }
}

/// It stands in notes and lists between blanks and tabs.
fn is_name(node: &str) -> bool {
    (1..=60).contains(&node.len()) && node.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c))
}
