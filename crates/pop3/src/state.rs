//! How far a client has come (RFC 1939 section 3). A state owns what it needs: there are messages only once somebody has
//! signed in.

use crate::error::Stop;
use crate::maildrop::Maildrop;
use crate::proto::Reply;

#[derive(Debug)]
pub(crate) enum State<A> {
    /// Nobody has signed in; USER may have said who wants to.
    Authorization { user: Option<String> },
    /// Somebody has, and these are the messages.
    Transaction(Box<Maildrop<A>>),
}

impl<A> State<A> {
    /// Nobody has said anything.
    pub(crate) fn new() -> Self {
        Self::Authorization { user: None }
    }

    pub(crate) fn is_signed_in(&self) -> bool {
        matches!(self, Self::Transaction(_))
    }

    /// The messages.
    pub(crate) fn maildrop(&mut self) -> Result<&mut Maildrop<A>, Stop> {
        match self {
            Self::Authorization { .. } => Err(Reply::err("Sign in first").into()),
            Self::Transaction(maildrop) => Ok(maildrop),
        }
    }

    /// Whoever wants to sign in, which is no longer possible once somebody has.
    pub(crate) fn authorization(&mut self) -> Result<&mut Option<String>, Stop> {
        match self {
            Self::Authorization { user } => Ok(user),
            Self::Transaction(_) => Err(Reply::err("You are signed in already").into()),
        }
    }
}
