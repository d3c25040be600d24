//! Capabilities that are switched off, for everybody or for some.

use std::path::Path;

use imap::Withheld;
use serde::Deserialize;

use super::{Imap, Mistake};

/// `[[imap.off_for]]`: for a client, a user, or that client of that user.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OffFor {
    client: Option<String>,
    user: Option<String>,
    off: Vec<String>,
}

impl Imap {
    pub(super) fn check(&self, file: &Path) -> Result<(), Mistake> {
        let unknown = |off: &[String]| off.iter().find(|name| !is_known(name)).cloned();
        for (key, off) in
            std::iter::once(("imap.off", &self.off)).chain(self.off_for.iter().map(|rule| ("imap.off_for", &rule.off)))
        {
            if let Some(name) = unknown(off) {
                let sentence = format!(
                    "no capability `{name}` can be switched off; write it as CAPABILITY tells it, such as IDLE"
                );
                return Err(Mistake::new(file, key, sentence));
            }
        }
        if self.off_for.iter().any(|rule| rule.client.is_none() && rule.user.is_none()) {
            let sentence = "neither client nor user; for everybody there is imap.off";
            return Err(Mistake::new(file, "imap.off_for", sentence.to_owned()));
        }
        Ok(())
    }

    /// The same as the front end wants it. A client that is named here has no quirk but what is said of it.
    pub(crate) fn withheld(&self) -> Vec<Withheld> {
        let rules = self.off_for.iter().map(|rule| Withheld {
            client: rule.client.clone(),
            user: rule.user.clone(),
            capabilities: rule.off.clone(),
        });
        let mut rules: Vec<Withheld> = rules.collect();
        let quirk = Withheld::quirk();
        let is_quirk = |rule: &Withheld| {
            rule.user.is_none()
                && rule.client.as_deref().zip(quirk.client.as_deref()).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b))
        };
        if !rules.iter().any(is_quirk) {
            rules.push(quirk);
        }
        rules
    }
}

fn is_known(name: &str) -> bool {
    imap::optional_capabilities().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_is_named_has_no_other_quirk() {
        let rule = |client: Option<&str>, user: Option<&str>| OffFor {
            client: client.map(str::to_owned),
            user: user.map(str::to_owned),
            off: vec!["MOVE".to_owned()],
        };
        let withheld = |rules: Vec<OffFor>| Imap { off_for: rules, ..Imap::default() }.withheld();
        assert_eq!(withheld(Vec::new()), [Withheld::quirk()]);
        assert_eq!(withheld(vec![rule(Some("microsoft office 365"), Some("anna"))]).len(), 2);
        let own = withheld(vec![rule(Some("microsoft office 365"), None)]);
        assert_eq!(own.iter().map(|rule| rule.capabilities.as_slice()).collect::<Vec<_>>(), [["MOVE"]]);
    }
}
