//! Who may do what in a folder (RFC 4314), in steps as coarse as Exchange's: what Exchange gives only together is one
//! right here.

/// What somebody may do in a mail folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FolderRights {
    /// See that it is there (`l`).
    pub lookup: bool,
    /// Read its messages (`r`).
    pub read: bool,
    /// Change flags (`s` and `w`).
    pub flag: bool,
    /// Add messages (`i`).
    pub insert: bool,
    /// Make folders below it (`k`).
    pub create: bool,
    /// Delete messages (`t` and `e`).
    pub expunge: bool,
    /// Delete the folder, and say who may do what in it (`x` and `a`).
    pub own: bool,
}

impl FolderRights {
    /// Everything.
    pub const ALL: Self =
        Self { lookup: true, read: true, flag: true, insert: true, create: true, expunge: true, own: true };
    /// Nothing.
    pub const NONE: Self =
        Self { lookup: false, read: false, flag: false, insert: false, create: false, expunge: false, own: false };

    /// What is in this and, as `keep` says, in the other.
    fn merged(self, other: Self, keep: impl Fn(bool, bool) -> bool) -> Self {
        Self {
            lookup: keep(self.lookup, other.lookup),
            read: keep(self.read, other.read),
            flag: keep(self.flag, other.flag),
            insert: keep(self.insert, other.insert),
            create: keep(self.create, other.create),
            expunge: keep(self.expunge, other.expunge),
            own: keep(self.own, other.own),
        }
    }

    /// These and those.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.merged(other, |one, other| one || other)
    }

    /// These without those.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        self.merged(other, |one, other| one && !other)
    }
}

/// Whom a right is given to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Grantee {
    /// Somebody, by address or, where Exchange tells none, by name.
    Person(String),
    /// Everybody of the organisation.
    Anyone,
    /// Whoever has not signed in.
    Anonymous,
}

/// What becomes of somebody's rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RightsChange {
    /// What is given.
    pub give: FolderRights,
    /// What is taken away.
    pub take: FolderRights,
}

impl RightsChange {
    /// What these rights become.
    #[must_use]
    pub fn of(self, rights: FolderRights) -> FolderRights {
        rights.without(self.take).and(self.give)
    }
}
