//! The key under which secrets are kept, and the one under which that may lie itself; `exgate key`.

use accounts::{Rotated, Safe};
use tracing::{info, warn};

use crate::Failure;
use crate::config::Config;
use crate::gateway::{make_private, say};

/// Puts another key in the place of the one there is.
pub(crate) fn rotate(config: &Config) -> Result<(), Failure> {
    make_private(&config.state)?;
    let safe = config.safe();
    let done = accounts::rotate(&safe).map_err(|error| Failure::new(error.to_string()))?;
    let secrets = match done.secrets {
        0 => "nothing was sealed; a new key".to_owned(),
        1 => "1 secret is sealed under a new key, which".to_owned(),
        count => format!("{count} secrets are sealed under a new key, which"),
    };
    let lies = match config.accounts.outer_keys() {
        (Some(_), _) => ", sealed under accounts.key of the configuration",
        (None, _) => "",
    };
    say(&format!("{secrets} is in {}{lies}", safe.key_file().display()))?;
    say("the old key is gone and opens nothing here any more; backups made before hold it, and what it seals")?;
    if let (_, Some(_)) = config.accounts.outer_keys() {
        say(&format!("{NOT_NEEDED}; restart a gateway that runs with another configuration"))?;
    }
    if !done.wiped {
        eprintln!(
            "Somebody read the database all the while, so its journal may still hold what the old key opens; say it again later."
        );
    }
    Ok(())
}

/// Where secrets are kept; from now on under a key that lies as the configuration says.
pub(crate) fn take_over(config: &Config) -> Result<Safe, Failure> {
    let safe = config.safe();
    make_private(&config.state)?;
    safe.check().map_err(unusable)?;
    match accounts::take_over(&safe) {
        Ok(done) => {
            if let Some(Rotated { secrets, .. }) = done {
                info!(secrets, "secrets are sealed under a new key, which lies as [accounts] says");
            }
            if let (_, Some(_)) = config.accounts.outer_keys() {
                info!("{NOT_NEEDED}");
            }
        }
        // It opens as it is, and nobody is to wait for this.
        Err(error) => warn!(%error, "the key of what is sealed lies as it lay before; the next start tries again"),
    }
    Ok(safe)
}

/// Looks whether the key can be had, where another one is named for it.
pub(crate) fn check(config: &Config) -> Result<(), Failure> {
    match config.accounts.outer_keys() {
        (None, None) => Ok(()),
        _ => config.safe().check().map_err(unusable),
    }
}

fn unusable(error: accounts::Error) -> Failure {
    Failure::mistake(error.to_string())
}

const NOT_NEEDED: &str = "accounts.old_key is not needed any more; take it out of the configuration";
