//! SMTP as values: lines and messages out of octets ([`Framer`]), commands out of lines ([`Command`]), answers into octets
//! ([`Reply`]). No IO, no clock.

mod command;
mod cursor;
mod dots;
mod framer;
mod line_ends;
mod parameter;
mod path;
mod reply;

pub use command::{Chunk, Command, LONGEST_LINE, Mail, ParseError, Rcpt};
pub use dots::Dots;
pub use framer::{Framer, Limits, Line, Step};
pub use line_ends::{LineEnds, LineFault};
pub use reply::{Enhanced, Reply};
