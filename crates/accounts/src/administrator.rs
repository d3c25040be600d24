//! Administrators: who may run the gateway by its pages and its interface, and how far.

use std::fmt;

use jiff::Timestamp;

use crate::password::Hashed;

/// Somebody who may look after the gateway.
#[derive(Clone, PartialEq, Eq)]
pub struct Administrator {
    /// What they sign in as, and what the audit log calls them.
    pub name: String,
    /// How far they may go.
    pub role: Role,
    /// What their password begins with.
    pub selector: String,
    /// Knows their password.
    pub password: Hashed,
    /// Since when.
    pub created: Timestamp,
}

/// How far an administrator may go. Each may do what those before may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Sees everything, changes nothing.
    Auditor,
    /// Runs the house from day to day: lets people in and keeps them out, ends what must end, tries mailboxes.
    Operator,
    /// Everything: also what opens mailboxes (device passwords), what is switched on, and removal for good.
    Admin,
}

impl Administrator {
    /// True if somebody can be called so: some letters, digits, dots, dashes, underlines and `@`.
    #[must_use]
    pub fn can_be_called(name: &str) -> bool {
        let fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-@".contains(&byte);
        (1..=LONGEST).contains(&name.len()) && name.bytes().all(fine)
    }
}

impl Role {
    /// All there are, the least first.
    pub const ALL: [Role; 3] = [Self::Auditor, Self::Operator, Self::Admin];

    /// `auditor`, `operator` or `admin`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auditor => "auditor",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// By its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Administrator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Administrator({}, {})", self.name, self.role)
    }
}

/// Letters of a name.
const LONGEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_roles_are_ordered() {
        for (name, fine) in [("root", true), ("a.b-c_d@e", true), ("", false), ("Anna", false), ("a b", false)] {
            assert_eq!(Administrator::can_be_called(name), fine, "{name}");
        }
        assert!(!Administrator::can_be_called(&"a".repeat(65)));
        assert!(Role::Admin > Role::Operator && Role::Operator > Role::Auditor);
        assert!(Role::ALL.iter().all(|role| Role::named(role.as_str()) == Some(*role)));
    }
}
