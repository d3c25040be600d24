//! `[ldap]`: under which name people are found, and how many.

use std::path::Path;

use serde::Deserialize;

use super::mistake::Mistake;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Ldap {
    pub(crate) base: String,
    pub(crate) max_people: usize,
}

impl Default for Ldap {
    fn default() -> Self {
        Self { base: "ou=people".to_owned(), max_people: 500 }
    }
}

impl Ldap {
    /// The name as it is compared.
    pub(crate) fn base(&self) -> Option<ldap::proto::Name> {
        ldap::proto::Name::parse(&self.base).filter(|name| !name.is_root())
    }

    pub(super) fn check(&self, file: &Path) -> Result<(), Mistake> {
        if self.base().is_none() {
            let sentence =
                format!("`{}` is no name of an entry; write one such as ou=people,dc=corp,dc=example", self.base);
            return Err(Mistake::new(file, "ldap.base", sentence));
        }
        match self.max_people {
            1..=1000 => Ok(()),
            0 => Err(Mistake::new(file, "ldap.max_people", "0 would find nobody; set 1 to 1000".into())),
            more => {
                let sentence = format!("{more} is more than Exchange tells at once; set 1 to 1000");
                Err(Mistake::new(file, "ldap.max_people", sentence))
            }
        }
    }
}
