//! `exgate problems`: messages that Exchange has and cannot give, from what is kept, beside a gateway that may be running.

use accounts::Store;
use admin::Unreadable;
use serde_json::json;

use crate::account::told as refused;
use crate::command::Problems;
use crate::config::Config;
use crate::gateway::say;
use crate::{Failure, store};

/// Does what the command line says.
pub(crate) async fn run(command: &Problems) -> Result<(), Failure> {
    let all = find(&Config::read(&command.config)?, command.address.as_deref()).await?;
    if command.json {
        return say(&json!({ "problems": all }).to_string());
    }
    if all.is_empty() {
        return say("none: Exchange gives every message that was asked for");
    }
    say("MAILBOX  FOLDER  UID  RECEIVED  SINCE  LAST TRIED  WHY  MESSAGE-ID")?;
    all.iter().try_for_each(|one| say(&line(one)))
}

async fn find(config: &Config, address: Option<&str>) -> Result<Vec<Unreadable>, Failure> {
    let server = store::server(config).await?;
    let one = match address {
        None => None,
        Some(address) => {
            let register = match &server {
                Some(server) => store::database(server).await?,
                None => store::file(config)?,
            };
            let account = register.account(address).await.map_err(refused)?;
            let unknown =
                || Failure::mistake(format!("there is no account {address}; `exgate account list` shows them"));
            let account = account.ok_or_else(unknown)?;
            let Some(mailbox) = account.mailbox else { return Ok(Vec::new()) };
            Some((account.organisation, mailbox))
        }
    };
    let mut all = Vec::new();
    for organisation in config.exchange.keys() {
        let mailbox = one.as_ref().filter(|(theirs, _)| theirs == organisation).map(|(_, mailbox)| mailbox.as_str());
        if one.is_none() || mailbox.is_some() {
            let found = exchange::unreadable(&config.state, server.as_ref(), organisation, mailbox).await;
            all.extend(told(organisation, found.map_err(|error| Failure::new(error.to_string()))?));
        }
    }
    Ok(all)
}

/// As it is told to administrators.
pub(crate) fn told(organisation: &str, all: Vec<exchange::Unreadable>) -> Vec<Unreadable> {
    let told = all.into_iter().map(|one| Unreadable {
        organisation: organisation.to_owned(),
        mailbox: one.mailbox,
        folder: one.folder,
        uid: one.uid.get(),
        message_id: one.message_id,
        received: one.received,
        reason: one.reason,
        since: one.since,
        tried: one.tried,
    });
    told.collect()
}

fn line(one: &Unreadable) -> String {
    let Unreadable { mailbox, folder, uid, received, since, tried, reason, .. } = one;
    let id = one.message_id.as_deref().unwrap_or("-");
    let line = format!("{mailbox}  {folder}  {uid}  {received}  {since}  {tried}  {reason}  {id}");
    // Names of folders and Message-IDs are others' words.
    line.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_line_is_a_line() {
        let one = Unreadable {
            organisation: "main".to_owned(),
            mailbox: "anna@one.example".to_owned(),
            folder: "A\r\nB".to_owned(),
            uid: 7,
            message_id: None,
            received: Timestamp::UNIX_EPOCH,
            reason: "ErrorCorruptData".to_owned(),
            since: Timestamp::UNIX_EPOCH,
            tried: Timestamp::UNIX_EPOCH,
        };
        let day = Timestamp::UNIX_EPOCH;
        assert_eq!(line(&one), format!("anna@one.example  A  B  7  {day}  {day}  {day}  ErrorCorruptData  -"));
    }
}
