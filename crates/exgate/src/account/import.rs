//! `exgate account import`: accounts from a CSV file (RFC 4180), all of them or none.

use std::collections::HashMap;
use std::path::Path;

use accounts::{Account, AccountState, Change, Register, Store};
use csv::{ReaderBuilder, StringRecord, Trim};
use exchange::Directory;
use jiff::Timestamp;
use mailbox::{Scope, Scopes};

use super::{actor, told};
use crate::config::Config;
use crate::gateway::{self, say};
use crate::{Failure, store};

/// Reads the file, says of each bad line what is wrong with it, and changes nothing then.
pub(crate) async fn run(config: &Config, file: &Path, dry_run: bool) -> Result<(), Failure> {
    let text =
        std::fs::read(file).map_err(|error| Failure::new(format!("{} cannot be read: {error}", file.display())))?;
    // What directories keep is of no use here, and a gateway that is running is not disturbed.
    let home = tempfile::tempdir().map_err(|error| Failure::new(format!("no temporary directory: {error}")))?;
    let directory = gateway::backend_of(config, home.path(), &config.safe(), None)?;
    let names: Vec<&str> = config.exchange.keys().map(String::as_str).collect();
    let (wishes, wrong) = read(&text, |address| organisation(&directory, address), &names)?;
    if !wrong.is_empty() {
        return Err(Failure::mistake(format!("{}: nothing was changed\n{}", file.display(), wrong.join("\n"))));
    }
    let register = store::register(config).await?;
    let known = register.accounts().await.map_err(told)?;
    let known: HashMap<&str, &Account> = known.iter().map(|account| (account.address.as_str(), account)).collect();
    let new = wishes.iter().filter(|wish| !known.contains_key(wish.address.as_str())).count();
    let changes: Vec<Change> =
        wishes.iter().flat_map(|wish| wish.changes(known.get(wish.address.as_str()).copied())).collect();
    if !dry_run {
        commit(&register, changes).await?;
    }
    let done = if dry_run { "would be" } else { "were" };
    say(&format!("{new} accounts {done} made, {} of those there are {done} changed", wishes.len() - new))
}

async fn commit(register: &Register, changes: Vec<Change>) -> Result<(), Failure> {
    register.commit(&actor(), Timestamp::now(), changes).await.map(drop).map_err(told)
}

fn organisation(directory: &Directory, address: &str) -> Option<String> {
    directory.person(address).map(|person| directory.organisation(&person).to_owned())
}

/// A line.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    address: String,
    organisation: String,
    state: Option<AccountState>,
    scopes: Option<Scopes>,
    /// What is empty is left as it is.
    labels: Vec<(String, String)>,
}

impl Wish {
    /// What makes the account so, or makes it.
    fn changes(&self, known: Option<&Account>) -> Vec<Change> {
        let address = || self.address.clone();
        let mut changes = Vec::new();
        if known.is_none() {
            changes.push(Change::Know {
                address: address(),
                organisation: self.organisation.clone(),
                mailbox: None,
                state: self.state.unwrap_or(AccountState::Open),
            });
        }
        let state = self.state.filter(|state| known.is_some_and(|known| known.state != *state));
        changes.extend(state.map(|state| Change::SetState { address: address(), state }));
        let before = known.map_or(Scopes::ALL, |known| known.scopes);
        let scopes = self.scopes.filter(|scopes| *scopes != before);
        changes.extend(scopes.map(|scopes| Change::SetScopes { address: address(), scopes }));
        let is_new = |(name, value): &&(String, String)| known.and_then(|known| known.labels.get(name)) != Some(value);
        let labels = self.labels.iter().filter(is_new).cloned();
        changes.extend(labels.map(|(name, value)| Change::Label { address: address(), name, value: Some(value) }));
        changes
    }
}

/// The lines, and what is wrong with those that are not right, by their numbers.
///
/// # Errors
/// For what is no such file at all.
fn read(
    text: &[u8],
    organisation: impl Fn(&str) -> Option<String>,
    organisations: &[&str],
) -> Result<(Vec<Wish>, Vec<String>), Failure> {
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(text.strip_prefix(BOM).unwrap_or(text));
    let headers = reader.headers().map_err(|error| Failure::mistake(format!("the first line is not CSV: {error}")))?;
    let headers: Vec<String> = headers.iter().map(str::to_owned).collect();
    if !headers.iter().any(|name| name == "address") || headers.iter().any(String::is_empty) {
        return Err(Failure::mistake(
            "the first line names the columns: address, and as wanted organisation, state, on; every other one is a label",
        ));
    }
    let (mut wishes, mut wrong, mut seen) = (Vec::new(), Vec::new(), HashMap::new());
    for record in reader.into_records() {
        let line = record.as_ref().map_or_else(|error| error.position().cloned(), |record| record.position().cloned());
        let line = line.map_or(0, |position| position.line());
        let wish = record.map_err(|error| mistake(&error)).and_then(|record| {
            let wish = wish(&headers, &record, &organisation, organisations)?;
            match seen.insert(wish.address.clone(), line) {
                Some(first) => Err(format!("{} stands in line {first} already", wish.address)),
                None => Ok(wish),
            }
        });
        match wish {
            Ok(wish) => wishes.push(wish),
            Err(sentence) => wrong.push(format!("line {line}: {sentence}")),
        }
    }
    Ok((wishes, wrong))
}

fn wish(
    headers: &[String],
    record: &StringRecord,
    organisation: &impl Fn(&str) -> Option<String>,
    organisations: &[&str],
) -> Result<Wish, String> {
    let fields: Vec<(&str, &str)> = headers.iter().map(String::as_str).zip(record.iter()).collect();
    let field =
        |name: &str| fields.iter().find(|(named, value)| *named == name && !value.is_empty()).map(|pair| pair.1);
    let address = field("address").unwrap_or_default().to_lowercase();
    let is_address = address.split_once('@').is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty());
    if !is_address || address.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(format!("`{address}` is no address"));
    }
    let organisation = match field("organisation") {
        Some(named) if organisations.contains(&named) => named.to_owned(),
        Some(named) => return Err(format!("there is no organisation {named}; there are {}", organisations.join(", "))),
        None => organisation(&address).ok_or_else(|| format!("no Exchange server is set up for {address}"))?,
    };
    let state = match field("state") {
        None => None,
        Some("open") => Some(AccountState::Open),
        Some("pending") => Some(AccountState::Pending),
        Some("blocked") => Some(AccountState::Blocked),
        Some(other) => return Err(format!("`{other}` is no state; write open, pending or blocked")),
    };
    let scopes = match field("on") {
        None => None,
        Some("none") => Some(Scopes::NONE),
        Some(words) => Some(Scopes::read(words).ok_or_else(|| {
            let all = Scope::ALL.map(Scope::as_str).join(", ");
            format!("`{words}` are no scopes; write some of {all}, separated by blanks, or none")
        })?),
    };
    let labels = fields.iter().filter(|(name, value)| !COLUMNS.contains(name) && !value.is_empty());
    let labels = labels.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Ok(Wish { address, organisation, state, scopes, labels })
}

fn mistake(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("it has {len} fields, and the first line {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8".to_owned(),
        _ => "it is not CSV".to_owned(),
    }
}

/// Those that are no labels.
const COLUMNS: [&str; 4] = ["address", "organisation", "state", "on"];
/// What some programs write before UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> (Vec<Wish>, Vec<String>) {
        let organisation = |address: &str| address.ends_with("@one.example").then(|| "main".to_owned());
        read(text.as_bytes(), organisation, &["main", "other"]).unwrap()
    }

    #[test]
    fn columns_are_known_by_their_names() {
        let text = "\u{feff}dept,address,on,state,organisation\r\n\"Sales, north\",Anna@one.example,mail submit,,\r\n\
                    ,bert@two.example,none,blocked,other\r\n";
        let (wishes, wrong) = lines(text);
        assert_eq!(wrong, Vec::<String>::new());
        let anna = Wish {
            address: "anna@one.example".to_owned(),
            organisation: "main".to_owned(),
            state: None,
            scopes: Some(Scopes::of(&[Scope::Mail, Scope::Submit])),
            labels: vec![("dept".to_owned(), "Sales, north".to_owned())],
        };
        let bert = Wish {
            address: "bert@two.example".to_owned(),
            organisation: "other".to_owned(),
            state: Some(AccountState::Blocked),
            scopes: Some(Scopes::NONE),
            labels: Vec::new(),
        };
        assert_eq!(wishes, [anna, bert]);
    }

    #[test]
    fn each_bad_line_is_named_with_what_is_wrong() {
        let text = "address,state,on,organisation\nanna@one.example,,,\nanna,,,\nbert@one.example,maybe,,\n\
                    carl@one.example,,post,\ndora@one.example,,,none\nANNA@one.example,,,\nemil@two.example,,,\n\
                    fred@one.example,open\n";
        let (wishes, wrong) = lines(text);
        assert_eq!(wishes.len(), 1);
        let expected = [
            "line 3: `anna` is no address",
            "line 4: `maybe` is no state; write open, pending or blocked",
            "line 5: `post` are no scopes; write some of mail, submit, calendar, contacts, directory, separated by blanks, \
             or none",
            "line 6: there is no organisation none; there are main, other",
            "line 7: anna@one.example stands in line 2 already",
            "line 8: no Exchange server is set up for emil@two.example",
            "line 9: it has 2 fields, and the first line 4",
        ];
        assert_eq!(wrong, expected);
        assert!(read(b"name,mail\n", |_| None, &[]).is_err() && read(b"", |_| None, &[]).is_err());
    }
}
