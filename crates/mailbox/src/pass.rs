//! What somebody may do once they are in: by which way they came, with which rights, and until when.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use tokio::sync::{mpsc, watch};

/// What a front end knows of whoever wants in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// What is spoken.
    pub protocol: Protocol,
    /// Where they come from.
    pub address: IpAddr,
    /// What their program calls itself, as far as it has said: by ID, EHLO or User-Agent.
    pub program: Option<String>,
}

/// A protocol that people use a mailbox by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// IMAP.
    Imap,
    /// POP3.
    Pop3,
    /// SMTP submission.
    Submission,
    /// CalDAV and CardDAV.
    Dav,
    /// LDAP.
    Ldap,
}

impl Protocol {
    /// What one must be allowed at least one of.
    #[must_use]
    pub fn needs(self) -> Scopes {
        match self {
            Self::Imap | Self::Pop3 => Scopes::of(&[Scope::Mail]),
            Self::Submission => Scopes::of(&[Scope::Submit]),
            Self::Dav => Scopes::of(&[Scope::Calendar, Scope::Contacts]),
            Self::Ldap => Scopes::of(&[Scope::Directory]),
        }
    }

    /// `imap`, `pop3`, `submission`, `dav` or `ldap`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Submission => "submission",
            Self::Dav => "dav",
            Self::Ldap => "ldap",
        }
    }
}

/// A part of a mailbox that can be opened or closed by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Reading mail.
    Mail,
    /// Sending mail.
    Submit,
    /// Calendars, tasks and notes.
    Calendar,
    /// Address books.
    Contacts,
    /// The organisation's address list.
    Directory,
}

impl Scope {
    /// All there are.
    pub const ALL: [Scope; 5] = [Self::Mail, Self::Submit, Self::Calendar, Self::Contacts, Self::Directory];

    /// `mail`, `submit`, `calendar`, `contacts` or `directory`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Submit => "submit",
            Self::Calendar => "calendar",
            Self::Contacts => "contacts",
            Self::Directory => "directory",
        }
    }

    /// By its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

/// A set of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scopes(u8);

impl Scopes {
    /// Every one.
    pub const ALL: Scopes = Scopes(0b1_1111);
    /// None.
    pub const NONE: Scopes = Scopes(0);

    /// These.
    #[must_use]
    pub fn of(scopes: &[Scope]) -> Self {
        Self(scopes.iter().fold(0, |bits, scope| bits | 1 << *scope as u8))
    }

    /// True if this one is among them.
    #[must_use]
    pub fn has(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u8) != 0
    }

    /// Those that are in both.
    #[must_use]
    pub fn and(self, other: Scopes) -> Self {
        Self(self.0 & other.0)
    }

    /// The same with one more, or without it.
    #[must_use]
    pub fn with(self, scope: Scope, is_in: bool) -> Self {
        let bit = 1 << scope as u8;
        Self(if is_in { self.0 | bit } else { self.0 & !bit })
    }

    /// True if there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them, in the order of [`Scope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }

    /// From words, as [`fmt::Display`] writes them; `None` if one of them is no scope.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        text.split_whitespace().try_fold(Self::NONE, |scopes, word| Some(scopes.with(Scope::named(word)?, true)))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.iter().map(Scope::as_str).collect();
        f.write_str(&words.join(" "))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scopes({self})")
    }
}

/// What somebody who is in may do, and until when. Clones are of the same stay.
#[derive(Clone, Debug)]
pub struct Pass {
    /// What they may use.
    pub scopes: Scopes,
    /// They may look at it, and change nothing.
    pub read_only: bool,
    stay: Option<Stay>,
}

#[derive(Clone, Debug)]
struct Stay {
    end: watch::Receiver<Option<Arc<str>>>,
    number: u64,
    programs: mpsc::Sender<(u64, String)>,
    name: Arc<OnceLock<Box<str>>>,
}

impl Pass {
    /// Everything, for as long as they stay.
    #[must_use]
    pub fn unlimited() -> Self {
        Self { scopes: Scopes::ALL, read_only: false, stay: None }
    }

    /// This much, until `end` holds a sentence that says why it is over. Programs that introduce themselves are told to
    /// `programs`, with `number`.
    #[must_use]
    pub fn new(
        (scopes, read_only): (Scopes, bool),
        end: watch::Receiver<Option<Arc<str>>>,
        (number, programs): (u64, mpsc::Sender<(u64, String)>),
    ) -> Self {
        Self { scopes, read_only, stay: Some(Stay { end, number, programs, name: Arc::default() }) }
    }

    /// Why it is over, if it is.
    #[must_use]
    pub fn over(&self) -> Option<Arc<str>> {
        self.stay.as_ref()?.end.borrow().clone()
    }

    /// Returns when it is over, and says why; at once if it is. Cancel-safe.
    pub async fn ended(&mut self) -> Arc<str> {
        if let Some(stay) = &mut self.stay
            && let Ok(told) = stay.end.wait_for(Option::is_some).await
            && let Some(told) = &*told
        {
            return Arc::clone(told);
        }
        std::future::pending().await
    }

    /// What the program says first that it is called, once it has; `None` for a stay nobody watches.
    #[must_use]
    pub fn name(&self) -> Option<Arc<OnceLock<Box<str>>>> {
        self.stay.as_ref().map(|stay| Arc::clone(&stay.name))
    }

    /// The program says what it is called. Nobody waits for this to be written down.
    pub fn introduce(&self, program: &str) {
        if let Some(stay) = &self.stay {
            stay.name.get_or_init(|| program.into());
            let _ = stay.programs.try_send((stay.number, program.to_owned()));
        }
    }
}

/// Somebody who is in.
#[derive(Clone, Debug)]
pub struct Admitted<A> {
    /// What they can use.
    pub account: A,
    /// How far.
    pub pass: Pass,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_words() {
        let some = Scopes::of(&[Scope::Directory, Scope::Mail]);
        assert_eq!(some.to_string(), "mail directory");
        assert_eq!(Scopes::read("directory mail"), Some(some));
        assert_eq!(Scopes::read("mail post"), None);
        assert_eq!(Scopes::read(&Scopes::ALL.to_string()), Some(Scopes::ALL));
        assert!(some.has(Scope::Mail) && !some.has(Scope::Submit) && Scopes::NONE.is_empty());
        assert_eq!(Scopes::ALL.with(Scope::Submit, false).and(Protocol::Submission.needs()), Scopes::NONE);
        assert_eq!(Protocol::Dav.needs().to_string(), "calendar contacts");
    }

    #[tokio::test]
    async fn a_stay_ends_with_a_sentence() {
        let (end, ending) = watch::channel(None);
        let (programs, mut told) = mpsc::channel(1);
        let pass = Pass::new((Scopes::ALL, false), ending, (7, programs));
        assert!(pass.over().is_none());
        pass.introduce("Mail 1.0");
        pass.introduce("one too many is not waited for");
        assert_eq!(told.recv().await, Some((7, "Mail 1.0".to_owned())));
        assert_eq!(pass.name().unwrap().get().map(|name| &**name), Some("Mail 1.0"));
        end.send_replace(Some("revoked".into()));
        assert_eq!((&*pass.clone().ended().await, pass.over().as_deref()), ("revoked", Some("revoked")));
        assert!(Pass::unlimited().over().is_none());
    }
}
