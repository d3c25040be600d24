//! How far something is, on a terminal.

use std::io::{IsTerminal, Write};

/// How far it is, for who looks on; nothing anywhere else.
pub(crate) struct Bar {
    is_shown: bool,
    is_drawn: bool,
}

impl Bar {
    pub(crate) fn new() -> Self {
        Self { is_shown: std::io::stderr().is_terminal(), is_drawn: false }
    }

    pub(crate) fn draw(&mut self, done: usize, total: usize) {
        if self.is_shown {
            let full = (done * WIDTH).checked_div(total).unwrap_or(0).min(WIDTH);
            let bar = format!("{}{}", "#".repeat(full), ".".repeat(WIDTH - full));
            let _ = write!(std::io::stderr(), "\r\x1b[K[{bar}] {done} of {total}");
            self.is_drawn = true;
        }
    }

    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.is_drawn) {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

const WIDTH: usize = 40;
