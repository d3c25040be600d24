//! How far a client has come. A state owns what it needs: there is a view only while a folder is selected.

use mailbox::FolderId;

use crate::error::Answer;
use crate::view::View;

/// RFC 3501 section 3.
#[derive(Debug)]
pub(crate) enum State<A> {
    /// Nobody has signed in.
    Greeted,
    /// Somebody has.
    SignedIn { account: A },
    /// And a folder is selected.
    Selected { account: A, view: Box<View> },
}

impl<A> State<A> {
    /// The mailbox of who has signed in.
    pub(crate) fn account(&self) -> Result<&A, Answer> {
        match self {
            Self::Greeted => Err(Answer::bad("Sign in first")),
            Self::SignedIn { account } | Self::Selected { account, .. } => Ok(account),
        }
    }

    /// The selected folder and the mailbox it is in.
    pub(crate) fn selected(&mut self) -> Result<(&A, &mut View), Answer> {
        match self {
            Self::Greeted => Err(Answer::bad("Sign in first")),
            Self::SignedIn { .. } => Err(Answer::bad("Select a mailbox first")),
            Self::Selected { account, view } => Ok((account, view.as_mut())),
        }
    }

    /// The folder that is selected.
    pub(crate) fn folder(&self) -> Option<FolderId> {
        match self {
            Self::Selected { view, .. } => Some(view.folder),
            _ => None,
        }
    }

    /// The same state with no folder selected.
    pub(crate) fn deselected(self) -> Self {
        match self {
            Self::Selected { account, .. } => Self::SignedIn { account },
            other => other,
        }
    }

    /// The same state with this folder selected, if somebody has signed in.
    pub(crate) fn with(self, view: View) -> Self {
        match self {
            Self::Greeted => Self::Greeted,
            Self::SignedIn { account } | Self::Selected { account, .. } => {
                Self::Selected { account, view: Box::new(view) }
            }
        }
    }

    pub(crate) fn is_signed_in(&self) -> bool {
        !matches!(self, Self::Greeted)
    }
}
