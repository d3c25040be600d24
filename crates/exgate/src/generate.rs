//! `exgate generate`: manual pages and completions, from the command line itself.

use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::Failure;
use crate::command::{CommandLine, Generate};

/// Writes them into a directory, which is made if it is missing.
pub(crate) fn run(what: &Generate) -> Result<(), Failure> {
    let (Generate::Man { directory } | Generate::Completions { directory }) = what;
    let failed = |error: std::io::Error| Failure::new(format!("{} cannot be written: {error}", directory.display()));
    std::fs::create_dir_all(directory).map_err(failed)?;
    match what {
        Generate::Man { .. } => clap_mangen::generate_to(CommandLine::command(), directory).map_err(failed),
        Generate::Completions { .. } => completions(directory).map_err(failed),
    }
}

fn completions(directory: &Path) -> std::io::Result<()> {
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut CommandLine::command(), "exgate", directory)?;
    }
    Ok(())
}
