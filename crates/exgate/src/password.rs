//! Asking for a password: on the terminal, or in the first line of standard input.

use std::io::{BufRead, IsTerminal};

use crate::Failure;

/// The Exchange password of somebody.
pub(crate) fn ask(user: &str) -> Result<String, Failure> {
    let trouble = |error: std::io::Error| Failure::new(format!("the password cannot be read: {error}"));
    if std::io::stdin().is_terminal() {
        return rpassword::prompt_password(format!("Exchange password of {user}: ")).map_err(trouble);
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(trouble)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
