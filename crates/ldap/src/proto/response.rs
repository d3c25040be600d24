//! Answers (RFC 4511 section 4).

use std::borrow::Cow;

use super::ber::{OCTET_STRING, SEQUENCE, SET, application_of_values, context, context_of_values};
use super::request::Operation;
use super::write::Writer;

/// How it went (RFC 4511 section 4.1.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Code {
    /// All is done.
    Success = 0,
    /// Not at this moment of the conversation.
    OperationsError = 1,
    /// The request is none.
    ProtocolError = 2,
    /// It took too long; there may be more.
    TimeLimitExceeded = 3,
    /// There is more than was wanted.
    SizeLimitExceeded = 4,
    /// This way of signing in is not offered.
    AuthMethodNotSupported = 7,
    /// There is more than is given out.
    AdminLimitExceeded = 11,
    /// A critical control that is not known.
    UnavailableCriticalExtension = 12,
    /// Not without TLS.
    ConfidentialityRequired = 13,
    /// Something more is awaited.
    SaslBindInProgress = 14,
    /// There is no such entry.
    NoSuchObject = 32,
    /// This is no name of an entry.
    InvalidDnSyntax = 34,
    /// Nobody is let in without a name and a password.
    InappropriateAuthentication = 48,
    /// The name or the password is wrong.
    InvalidCredentials = 49,
    /// The user may not.
    InsufficientAccessRights = 50,
    /// Later.
    Busy = 51,
    /// It cannot be reached.
    Unavailable = 52,
    /// This is not done here.
    UnwillingToPerform = 53,
    /// A fault of ours.
    Other = 80,
}

/// `LDAPResult` without `matchedDN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// For programs.
    pub code: Code,
    /// For people.
    pub text: Cow<'static, str>,
}

impl Outcome {
    /// With a sentence.
    pub fn new(code: Code, text: impl Into<Cow<'static, str>>) -> Self {
        Self { code, text: text.into() }
    }

    /// Nothing is to be said.
    #[must_use]
    pub fn success() -> Self {
        Self::new(Code::Success, "")
    }
}

/// An attribute of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its values.
    pub values: Vec<Vec<u8>>,
}

/// An entry, as far as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub dn: String,
    /// What is known.
    pub attributes: Vec<Attribute>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// To a bind; where more is awaited, with the mechanism's challenge.
    Bind(Outcome, Option<Vec<u8>>),
    /// One entry that was found.
    Entry(Entry),
    /// The end of a search, with the cookie of RFC 2696 where pages were asked for.
    SearchDone(Outcome, Option<Vec<u8>>),
    /// To an extended request: its name, where the answer has one, and what it says.
    Extended(Outcome, Option<&'static str>, Option<Vec<u8>>),
    /// To what is not done.
    Other(Operation, Outcome),
}

impl Response {
    /// How it went, if this ends an answer.
    pub(crate) fn code(&self) -> Option<Code> {
        match self {
            Self::Bind(outcome, _)
            | Self::SearchDone(outcome, _)
            | Self::Extended(outcome, ..)
            | Self::Other(_, outcome) => Some(outcome.code),
            Self::Entry(_) => None,
        }
    }

    /// Appends it as the answer to a message; 0 for what nobody asked.
    pub fn write(&self, id: u32, out: &mut Vec<u8>) {
        let mut message = Writer::default();
        message.values(SEQUENCE, |message| {
            message.number(id);
            match self {
                Self::Bind(outcome, challenge) => message.values(application_of_values(1), |bind| {
                    result(bind, outcome);
                    if let Some(challenge) = challenge {
                        bind.value(context(7), challenge);
                    }
                }),
                Self::Entry(found) => message.values(application_of_values(4), |out| entry(out, found)),
                Self::SearchDone(outcome, _) => message.values(application_of_values(5), |done| result(done, outcome)),
                Self::Extended(outcome, name, value) => message.values(application_of_values(24), |extended| {
                    result(extended, outcome);
                    if let Some(name) = name {
                        extended.value(context(10), name.as_bytes());
                    }
                    if let Some(value) = value {
                        extended.value(context(11), value);
                    }
                }),
                Self::Other(operation, outcome) => message.values(answer_to(*operation), |done| result(done, outcome)),
            };
            if let Self::SearchDone(_, Some(cookie)) = self {
                message.values(context_of_values(0), |controls| page(controls, cookie));
            }
        });
        out.append(&mut message.into_octets());
    }
}

/// ```text
/// LDAPResult ::= SEQUENCE {
///      resultCode         ENUMERATED { ... },
///      matchedDN          LDAPDN,
///      diagnosticMessage  LDAPString,
///      referral           [3] Referral OPTIONAL }
/// ```
fn result(out: &mut Writer, outcome: &Outcome) {
    out.enumerated(outcome.code as u32).text("").text(&outcome.text);
}

/// ```text
/// SearchResultEntry ::= [APPLICATION 4] SEQUENCE {
///      objectName      LDAPDN,
///      attributes      SEQUENCE OF partialAttribute SEQUENCE {
///           type       AttributeDescription,
///           vals       SET OF value AttributeValue } }
/// ```
fn entry(out: &mut Writer, entry: &Entry) {
    out.text(&entry.dn).values(SEQUENCE, |all| {
        for attribute in &entry.attributes {
            all.values(SEQUENCE, |one| {
                one.text(&attribute.name).values(SET, |values| {
                    for value in &attribute.values {
                        values.value(OCTET_STRING, value);
                    }
                });
            });
        }
    });
}

/// The control of RFC 2696. How many there are in all is not known.
fn page(out: &mut Writer, cookie: &[u8]) {
    let mut value = Writer::default();
    value.values(SEQUENCE, |page| {
        page.number(0).value(OCTET_STRING, cookie);
    });
    out.values(SEQUENCE, |control| {
        control.text(PAGED_RESULTS).value(OCTET_STRING, &value.into_octets());
    });
}

fn answer_to(operation: Operation) -> u8 {
    application_of_values(match operation {
        Operation::Modify => 7,
        Operation::Add => 9,
        Operation::Delete => 11,
        Operation::Rename => 13,
        Operation::Compare => 15,
    })
}

/// RFC 2696 section 3.
const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";
