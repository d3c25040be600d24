//! An account: somebody who may use the gateway, or may not.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use mailbox::Scopes;

/// Somebody the gateway knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The mail address, in lower case; a sign-in name where there is none.
    pub address: String,
    /// The organisation they belong to.
    pub organisation: String,
    /// What the gateway calls their mailbox: the same by whatever name they sign in. `None` until they have.
    pub mailbox: Option<String>,
    /// Whether they are let in.
    pub state: AccountState,
    /// What is switched on for them.
    pub scopes: Scopes,
    /// What the operator wrote on them: `dept` = `sales`.
    pub labels: BTreeMap<String, String>,
    /// Since when they are known.
    pub created: Timestamp,
}

/// Whether somebody is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccountState {
    /// They wait for the operator.
    Pending,
    /// They are.
    Open,
    /// They are not.
    Blocked,
}

impl Account {
    /// True if all these hold: pairs of a field (`address`, `organisation`, `state`) or a label, and what it must be; a `*`
    /// stands for any text.
    #[must_use]
    pub fn matches(&self, pairs: &[(String, String)]) -> bool {
        pairs.iter().all(|(field, wanted)| {
            let value = match field.as_str() {
                "address" => Some(self.address.as_str()),
                "organisation" => Some(self.organisation.as_str()),
                "state" => Some(self.state.as_str()),
                label => self.labels.get(label).map(String::as_str),
            };
            value.is_some_and(|value| fits(&wanted.to_lowercase(), &value.to_lowercase()))
        })
    }

    /// The programs that no quarantine holds, as [`Rule::program`](crate::Rule) names them: the label `released`.
    pub fn releases(&self) -> impl Iterator<Item = &str> {
        let forms = self.labels.get(RELEASED).map(String::as_str).unwrap_or_default().split(';');
        forms.map(str::trim).filter(|form| !form.is_empty())
    }
}

/// The label that holds what is released, separated by semicolons.
pub const RELEASED: &str = "released";

impl AccountState {
    /// `pending`, `open` or `blocked`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Open => "open",
            Self::Blocked => "blocked",
        }
    }

    /// A word nobody wrote here lets nobody in.
    pub(crate) fn read(word: &str) -> Self {
        match word {
            "pending" => Self::Pending,
            "open" => Self::Open,
            _ => Self::Blocked,
        }
    }
}

impl fmt::Display for AccountState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// True if a text is of this form, in which a `*` stands for any text.
pub(crate) fn fits(form: &str, text: &str) -> bool {
    let mut parts = form.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(before) = last.replace(part) {
            let Some(at) = rest.find(before) else { return false };
            rest = rest.get(at + before.len()..).unwrap_or_default();
        }
    }
    last.map_or(rest.is_empty(), |last| rest.ends_with(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_text() {
        for (form, text, fine) in [
            ("anna", "anna", true),
            ("anna", "annas", false),
            ("*", "", true),
            ("*@one.example", "anna@one.example", true),
            ("*@one.example", "anna@two.example", false),
            ("a*a@*", "anna@one.example", true),
            ("a*x*e", "anna@one.example", true),
            ("ab*ba", "aba", false),
            ("", "a", false),
        ] {
            assert_eq!(fits(form, text), fine, "{form} {text}");
        }
    }

    #[test]
    fn fields_and_labels_are_matched() {
        let account = Account {
            address: "anna@one.example".to_owned(),
            organisation: "main".to_owned(),
            mailbox: None,
            state: AccountState::Open,
            scopes: Scopes::ALL,
            labels: [("dept".to_owned(), "Sales".to_owned())].into(),
            created: Timestamp::default(),
        };
        let pair = |field: &str, wanted: &str| (field.to_owned(), wanted.to_owned());
        assert!(account.matches(&[]));
        assert!(account.matches(&[pair("dept", "sales"), pair("state", "open"), pair("address", "*@one.example")]));
        assert!(!account.matches(&[pair("dept", "sales"), pair("organisation", "other")]));
        assert!(!account.matches(&[pair("floor", "*")]));
    }
}
