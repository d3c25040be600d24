//! Commands, one file each, but for those that are a line.

pub(crate) mod auth;
pub(crate) mod capa;
pub(crate) mod list;
pub(crate) mod quit;
pub(crate) mod retr;
pub(crate) mod stat;
pub(crate) mod stls;
pub(crate) mod top;
pub(crate) mod uidl;
pub(crate) mod user;
