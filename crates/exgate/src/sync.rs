//! `exgate sync`: the running gateway looks at a whole mailbox, and what it finds is told.

use std::time::Duration;

use http::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Failure;
use crate::bar::Bar;
use crate::command::Sync;
use crate::config::Config;
use crate::desk::{Desk, Refusal};
use crate::gateway::say;

/// Does what the command line says.
pub(crate) async fn run(command: &Sync) -> Result<(), Failure> {
    let (extent, whose) = match command {
        Sync::Quick(whose) => ("quick", whose),
        Sync::Full(whose) => ("full", whose),
    };
    let desk = Desk::of(&Config::read(&whose.config)?);
    let path = format!("/accounts/{}/listing", utf8_percent_encode(&whose.address, NON_ALPHANUMERIC));
    desk.ask(Method::POST, &path, Some(&json!({ "extent": extent }))).await?;
    let done = follow(&desk, &path).await?;
    for one in &done.failed {
        eprintln!("{}: {}", one.folder, one.told);
    }
    let count = format!(
        "{} folders with {} entries are as at Exchange; {} entries were not before",
        done.looked_at - done.failed.len().min(done.looked_at),
        done.entries,
        done.changed
    );
    match (done.state.as_str(), done.failed.len()) {
        ("done", 0) => say(&count),
        ("done", failed) => {
            say(&count)?;
            Err(Failure::new(format!(
                "{failed} folders could not be looked at; say it again when what is said of them is over"
            )))
        }
        _ => Err(Failure::new(done.told.unwrap_or_else(|| "it broke off; the gateway's log says why".to_owned()))),
    }
}

async fn follow(desk: &Desk, path: &str) -> Result<Listing, Failure> {
    let mut bar = Bar::new();
    loop {
        let now: Listing = match desk.ask(Method::GET, path, None).await {
            Ok(told) => read(told)?,
            Err(Refusal::Refused(StatusCode::NOT_FOUND, _)) => return Err(Failure::new(RESTARTED)),
            Err(refusal) => return Err(refusal.into()),
        };
        if now.state != "running" {
            bar.clear();
            return Ok(now);
        }
        bar.draw(now.looked_at, now.folders);
        tokio::time::sleep(PAUSE).await;
    }
}

fn read(told: Value) -> Result<Listing, Failure> {
    serde_json::from_value(told)
        .map_err(|error| Failure::new(format!("the gateway's answer is not understood: {error}")))
}

#[derive(Deserialize)]
struct Listing {
    state: String,
    told: Option<String>,
    folders: usize,
    looked_at: usize,
    entries: usize,
    changed: usize,
    failed: Vec<Unlisted>,
}

#[derive(Deserialize)]
struct Unlisted {
    folder: String,
    told: String,
}

const PAUSE: Duration = Duration::from_millis(300);
const RESTARTED: &str = "the gateway was restarted meanwhile; say it again, nothing is lost";
