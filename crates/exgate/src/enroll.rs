//! People get device passwords by themselves: in the terminal (`exgate setup`), or on the page `/enroll`. Whoever wants one shows
//! Exchange once that the mailbox is theirs.

mod page;
mod terminal;
mod web;

pub(crate) use self::page::{STYLE, client, clients};
pub(crate) use self::terminal::run;
pub(crate) use self::web::{dressed, pages};
