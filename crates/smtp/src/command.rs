//! Commands, one file each, but for those that are a line.

pub(crate) mod auth;
pub(crate) mod bdat;
pub(crate) mod data;
pub(crate) mod greeting;
pub(crate) mod mail;
pub(crate) mod rcpt;
pub(crate) mod start_tls;
mod submit;

pub(crate) const HELP: &str = "EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, BDAT, RSET, NOOP, QUIT";
