//! Requests (RFC 4511 section 4) out of messages.

use mailbox::Secret;

use super::ber::{
    self, BerError, OCTET_STRING, SEQUENCE, Values, application, application_of_values, context, context_of_values,
};
use super::filter::{Filter, filter};

/// A message as far as it concerns a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What answers name.
    pub id: u32,
    /// What is asked.
    pub request: Request,
    /// What is said beside it.
    pub controls: Vec<Control>,
}

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Who it is.
    Bind(Bind),
    /// The end.
    Unbind,
    /// Who is like this?
    Search(Search),
    /// The answer to a message is not wanted any more.
    Abandon(u32),
    /// Something by a number of its own.
    Extended {
        /// The number.
        name: String,
    },
    /// Something that would change the directory, or compares with it: it is answered by a message of this kind.
    Other(Operation),
}

/// What is not done here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Change an entry.
    Modify,
    /// Make one.
    Add,
    /// Remove one.
    Delete,
    /// Give one another name.
    Rename,
    /// Does an entry have this value?
    Compare,
}

/// `BindRequest` (RFC 4511 section 4.2)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// Of the protocol.
    pub version: u32,
    /// A name, in whatever form.
    pub name: String,
    /// What proves it.
    pub authentication: Authentication,
}

/// What proves who somebody is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// A password.
    Simple(Secret<Vec<u8>>),
    /// What a mechanism has to say (RFC 4422).
    Sasl(String, Option<Secret<Vec<u8>>>),
    /// Something that is not known here.
    Other,
}

/// `SearchRequest` (RFC 4511 section 4.5.1)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// Where.
    pub base: String,
    /// How far below.
    pub scope: Scope,
    /// The most entries wanted; 0 for as many as there are.
    pub size_limit: u32,
    /// The most seconds wanted; 0 for as long as it takes.
    pub time_limit: u32,
    /// Names of attributes without their values.
    pub types_only: bool,
    /// Of whom.
    pub filter: Filter,
    /// What of them.
    pub attributes: Vec<String>,
}

/// How far below the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Nothing but the base.
    Base,
    /// What is right below it.
    One,
    /// All of it.
    Sub,
}

/// `Control` (RFC 4511 section 4.1.11)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// Its number.
    pub kind: String,
    /// Who does not know it must not answer.
    pub critical: bool,
    /// What it says.
    pub value: Option<Vec<u8>>,
}

impl Message {
    /// Reads a message.
    ///
    /// ```text
    /// LDAPMessage ::= SEQUENCE {
    ///      messageID       MessageID,
    ///      protocolOp      CHOICE { ... },
    ///      controls       [0] Controls OPTIONAL }
    /// ```
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(message: &[u8]) -> Result<Self, BerError> {
        let mut outer = Values::of(message);
        let mut values = Values::of(outer.next(SEQUENCE)?);
        outer.end()?;
        let id = values.number()?;
        let (tag, content) = values.any()?;
        let request = request(tag, content)?;
        let controls = values.perhaps(context_of_values(0))?.map_or_else(|| Ok(Vec::new()), controls)?;
        // RFC 4511 section 4: what stands behind is of a later version, and passed over.
        Ok(Self { id, request, controls })
    }
}

fn request(tag: u8, content: &[u8]) -> Result<Request, BerError> {
    Ok(match tag {
        BIND => Request::Bind(bind(content)?),
        UNBIND => Request::Unbind,
        SEARCH => Request::Search(search(content)?),
        ABANDON => Request::Abandon(ber::number(content)?),
        EXTENDED => Request::Extended { name: ber::text(Values::of(content).next(context(0))?)?.to_owned() },
        MODIFY => Request::Other(Operation::Modify),
        ADD => Request::Other(Operation::Add),
        DELETE => Request::Other(Operation::Delete),
        RENAME => Request::Other(Operation::Rename),
        COMPARE => Request::Other(Operation::Compare),
        _ => return Err(BerError),
    })
}

/// ```text
/// BindRequest ::= [APPLICATION 0] SEQUENCE {
///      version                 INTEGER (1 ..  127),
///      name                    LDAPDN,
///      authentication          CHOICE {
///           simple                  [0] OCTET STRING,
///           sasl                    [3] SEQUENCE {
///                mechanism               LDAPString,
///                credentials             OCTET STRING OPTIONAL },
///           ...  } }
/// ```
fn bind(content: &[u8]) -> Result<Bind, BerError> {
    let mut values = Values::of(content);
    let version = values.number()?;
    let name = values.text()?.to_owned();
    let (tag, content) = values.any()?;
    values.end()?;
    let authentication = if tag == context(0) {
        Authentication::Simple(Secret::new(content.to_vec()))
    } else if tag == context_of_values(3) {
        let mut sasl = Values::of(content);
        let mechanism = sasl.text()?.to_owned();
        let credentials = sasl.perhaps(OCTET_STRING)?.map(|credentials| Secret::new(credentials.to_vec()));
        sasl.end()?;
        Authentication::Sasl(mechanism, credentials)
    } else {
        Authentication::Other
    };
    Ok(Bind { version, name, authentication })
}

/// ```text
/// SearchRequest ::= [APPLICATION 3] SEQUENCE {
///      baseObject      LDAPDN,
///      scope           ENUMERATED { baseObject (0), singleLevel (1), wholeSubtree (2), ... },
///      derefAliases    ENUMERATED { ... },
///      sizeLimit       INTEGER (0 ..  maxInt),
///      timeLimit       INTEGER (0 ..  maxInt),
///      typesOnly       BOOLEAN,
///      filter          Filter,
///      attributes      SEQUENCE OF selector LDAPString }
/// ```
fn search(content: &[u8]) -> Result<Search, BerError> {
    let mut values = Values::of(content);
    let base = values.text()?.to_owned();
    let scope = match values.enumerated()? {
        0 => Scope::Base,
        1 => Scope::One,
        2 => Scope::Sub,
        _ => return Err(BerError),
    };
    // There are no aliases.
    values.enumerated()?;
    let (size_limit, time_limit, types_only) = (values.number()?, values.number()?, values.boolean()?);
    let filter = filter(&mut values, DEEPEST)?;
    let mut selectors = Values::of(values.next(SEQUENCE)?);
    values.end()?;
    let mut attributes = Vec::new();
    while !selectors.is_empty() {
        attributes.push(selectors.text()?.to_owned());
    }
    Ok(Search { base, scope, size_limit, time_limit, types_only, filter, attributes })
}

/// ```text
/// Control ::= SEQUENCE {
///      controlType             LDAPOID,
///      criticality             BOOLEAN DEFAULT FALSE,
///      controlValue            OCTET STRING OPTIONAL }
/// ```
fn controls(content: &[u8]) -> Result<Vec<Control>, BerError> {
    let mut values = Values::of(content);
    let mut controls = Vec::new();
    while !values.is_empty() {
        let mut one = Values::of(values.next(SEQUENCE)?);
        let kind = one.text()?.to_owned();
        let critical = one.perhaps(ber::BOOLEAN)?.map_or(Ok(false), ber::boolean)?;
        let value = one.perhaps(OCTET_STRING)?.map(<[u8]>::to_vec);
        one.end()?;
        controls.push(Control { kind, critical, value });
    }
    Ok(controls)
}

impl Control {
    /// `realSearchControlValue ::= SEQUENCE { size INTEGER (0..maxInt), cookie OCTET STRING }` (RFC 2696)
    ///
    /// # Errors
    /// If its value is none.
    pub fn page(&self) -> Result<(u32, Vec<u8>), BerError> {
        let mut outer = Values::of(self.value.as_deref().ok_or(BerError)?);
        let mut values = Values::of(outer.next(SEQUENCE)?);
        outer.end()?;
        let (size, cookie) = (values.number()?, values.next(OCTET_STRING)?.to_vec());
        values.end()?;
        Ok((size, cookie))
    }
}

/// How deep filters may be.
const DEEPEST: usize = 32;

const BIND: u8 = application_of_values(0);
const UNBIND: u8 = application(2);
const SEARCH: u8 = application_of_values(3);
const MODIFY: u8 = application_of_values(6);
const ADD: u8 = application_of_values(8);
const DELETE: u8 = application(10);
const RENAME: u8 = application_of_values(12);
const COMPARE: u8 = application_of_values(14);
const ABANDON: u8 = application(16);
const EXTENDED: u8 = application_of_values(23);
