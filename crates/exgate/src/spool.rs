//! `exgate spool`: what waits to be sent, beside a gateway that may be running.

use std::path::Path;

use ::spool::{Entry, Spool, Step};
use exchange::{Organisation, Person, Proof};
use mailbox::submit::SubmissionId;

use crate::Failure;
use crate::command;
use crate::config::Config;
use crate::gateway::say;

/// Does what the command line says.
pub(crate) fn run(command: &command::Spool) -> Result<(), Failure> {
    match command {
        command::Spool::List { config } => list(&Config::read(config)?),
        command::Spool::Retry { config, id } => retry(&Config::read(config)?, id.as_deref()),
        command::Spool::Drop { config, id } => drop_one(&Config::read(config)?, id),
    }
}

fn list(config: &Config) -> Result<(), Failure> {
    let Some(spool) = open(&config.state)? else { return say("nothing waits") };
    let all = told(spool.list())?;
    if all.is_empty() {
        return say("nothing waits");
    }
    let organisations = config.organisations();
    for entry in &all {
        let sender = entry.envelope.sender.as_ref().map_or("<>".to_owned(), ToString::to_string);
        let recipients: Vec<String> =
            entry.envelope.recipients.iter().take(SHOWN).map(|one| one.address.to_string()).collect();
        let more = entry.envelope.recipients.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        say(&format!("{}  {}  {} bytes  handed over {}", entry.id, entry.user, entry.size, entry.accepted))?;
        say(&format!("    from {sender} to {}{more}", recipients.join(", ")))?;
        say(&format!("    {}", state(entry)))?;
        if !acts_alone(&organisations, entry) {
            say(&format!("    needs {} to be signed in: passwords are not kept", entry.user))?;
        }
        if let Some(trouble) = &entry.trouble {
            say(&format!("    {trouble}"))?;
        }
    }
    Ok(())
}

fn state(entry: &Entry) -> String {
    match entry.step {
        Step::Waiting => format!("waits; tried {} times, next at {}", entry.tries, entry.next),
        Step::Given => format!("may be sent: it is looked for before it is tried again, at {}", entry.next),
        Step::Failed => "given up; its sender is to be told".to_owned(),
        Step::Sent => "sent".to_owned(),
    }
}

/// True if the gateway can send it without its owner.
fn acts_alone(organisations: &[Organisation], entry: &Entry) -> bool {
    let person = Person::find(organisations, &entry.user);
    let organisation = person.and_then(|person| organisations.get(person.organisation));
    organisation
        .is_some_and(|organisation| organisation.service.is_some() || matches!(organisation.proof, Proof::OAuth(_)))
}

fn retry(config: &Config, id: Option<&str>) -> Result<(), Failure> {
    let Some(spool) = open(&config.state)? else { return say("nothing waits") };
    let all = told(spool.list())?;
    let chosen: Vec<SubmissionId> = match id {
        Some(id) => vec![find(&all, id)?.id],
        None => all.iter().map(|entry| entry.id).collect(),
    };
    for id in &chosen {
        told(spool.hurry(*id))?;
    }
    say(&format!("{} to be tried again at once, while the gateway runs", messages(chosen.len())))
}

fn drop_one(config: &Config, id: &str) -> Result<(), Failure> {
    let Some(spool) = open(&config.state)? else { return Err(Failure::mistake(format!("no message {id} waits"))) };
    let entry = find(&told(spool.list())?, id)?.clone();
    match told(spool.take_back(entry.id))? {
        true => say(&format!("message {} is gone: nobody gets it, and nobody is told", entry.id)),
        false => Err(Failure::new(format!(
            "message {} may be sent already, or is being sent; try again once `exgate spool list` shows that it waits",
            entry.id
        ))),
    }
}

/// The only one whose id begins so.
fn find<'a>(all: &'a [Entry], id: &str) -> Result<&'a Entry, Failure> {
    let mut those = all.iter().filter(|entry| entry.id.to_string().starts_with(&id.to_lowercase()));
    match (those.next(), those.next()) {
        (Some(entry), None) => Ok(entry),
        (Some(_), Some(_)) => Err(Failure::mistake(format!("several messages begin with {id}; write more of the id"))),
        _ => Err(Failure::mistake(format!("no message {id} waits; `exgate spool list` shows those that do"))),
    }
}

/// The spool, if there is one.
fn open(state: &Path) -> Result<Option<Spool>, Failure> {
    let directory = state.join(exchange::SPOOL);
    match directory.is_dir() {
        true => told(Spool::open(&directory)).map(Some),
        false => Ok(None),
    }
}

fn told<T>(done: ::spool::Result<T>) -> Result<T, Failure> {
    done.map_err(|error| Failure::new(error.to_string()))
}

fn messages(count: usize) -> String {
    if count == 1 { "1 message is".to_owned() } else { format!("{count} messages are") }
}

const SHOWN: usize = 5;
