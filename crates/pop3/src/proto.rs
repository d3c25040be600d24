//! POP3 as values: lines out of octets ([`Framer`]), commands out of lines ([`Command`]), answers into octets ([`Reply`]),
//! messages into lines with their dots ([`Stuffing`]). No IO, no clock.

mod command;
mod framer;
mod reply;
mod stuffing;

pub use command::{Command, LONGEST_LINE, ParseError};
pub use framer::{Framer, Limits, Line, LineFault, Step};
pub use reply::{Code, Reply};
pub use stuffing::Stuffing;
