//! `exgate audit`: what was done to accounts and devices.

use accounts::{Chain, Entry, Store};

use crate::account::told;
use crate::command::Audit;
use crate::config::Config;
use crate::gateway::say;
use crate::{Failure, store};

/// Does what the command line says.
pub(crate) async fn run(command: Audit) -> Result<(), Failure> {
    match command {
        Audit::Show { config, account, after } => show(&Config::read(&config)?, account.as_deref(), after).await,
        Audit::Verify { config, head } => verify(&Config::read(&config)?, head).await,
    }
}

async fn show(config: &Config, account: Option<&str>, mut after: u64) -> Result<(), Failure> {
    let register = store::register(config).await?;
    say("NUMBER  TIME  WHO  WHAT  WHOSE  HOW")?;
    loop {
        let some = register.audit(after, PAGE).await.map_err(told)?;
        let Some(last) = some.last() else { return Ok(()) };
        after = last.number;
        let is_asked = |entry: &&Entry| account.is_none_or(|one| entry.happening.subject.eq_ignore_ascii_case(one));
        some.iter().filter(is_asked).try_for_each(|entry| say(&line(entry)))?;
    }
}

async fn verify(config: &Config, head: Option<(u64, String)>) -> Result<(), Failure> {
    let register = store::register(config).await?;
    let mut chain = Chain::EMPTY;
    let mut is_met = head.is_none();
    loop {
        let some = register.audit(chain.length, PAGE).await.map_err(told)?;
        if some.is_empty() {
            break;
        }
        for entry in &some {
            chain = chain.follow(std::slice::from_ref(entry)).map_err(|broken| Failure::new(broken.to_string()))?;
            is_met |= head.as_ref().is_some_and(|(number, hash)| *number == chain.length && *hash == chain.hex());
        }
    }
    if let Some((number, _)) = head.filter(|_| !is_met) {
        return Err(Failure::new(format!("entry {number} of the audit log is gone, or is another one than it was")));
    }
    say(&format!("{} entries are as they were written", chain.length))?;
    say(&format!("{}:{}", chain.length, chain.hex()))
}

fn line(entry: &Entry) -> String {
    let Entry { number, at, actor, happening, .. } = entry;
    format!("{number}  {at}  {actor}  {}  {}  {}", happening.action, happening.subject, happening.detail)
}

/// Entries that are read at a time.
const PAGE: u32 = 1000;
