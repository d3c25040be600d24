//! `exgate key`: the key under which secrets are kept.

use crate::Failure;
use crate::config::Config;
use crate::gateway::{make_private, say};

/// Puts another key in the place of the one there is.
pub(crate) fn rotate(config: &Config) -> Result<(), Failure> {
    make_private(&config.state)?;
    let done = accounts::rotate(&config.state).map_err(|error| Failure::new(error.to_string()))?;
    let secrets = match done.secrets {
        0 => "nothing was sealed; a new key".to_owned(),
        1 => "1 secret is sealed under a new key, which".to_owned(),
        count => format!("{count} secrets are sealed under a new key, which"),
    };
    say(&format!("{secrets} is in {}", config.state.join("accounts.key").display()))?;
    say("the old key is gone and opens nothing here any more; backups made before hold it, and what it seals")?;
    if !done.wiped {
        eprintln!(
            "Somebody read the database all the while, so its journal may still hold what the old key opens; say it again later."
        );
    }
    Ok(())
}
