//! `exgate account`: who may use the gateway.

mod import;
mod test;

use accounts::{Account as Known, AccountState, Change, Fault, Feeds, RELEASED, Register, Safe, Store};
use jiff::Timestamp;

use crate::command::{Account, AccountSettings, Switch};
use crate::config::Config;
use crate::gateway::say;
use crate::{Failure, feed, grants, store};

/// Does what the command line says.
pub(crate) async fn run(command: Account) -> Result<(), Failure> {
    match command {
        Account::List { config, matching } => list(&Config::read(&config)?, &matching).await,
        Account::Show { config, address } => show(&Config::read(&config)?, &address).await,
        Account::Approve { config, addresses } => {
            set_state(&Config::read(&config)?, addresses, AccountState::Open, "may use the gateway").await
        }
        Account::Block { config, addresses } => {
            set_state(&Config::read(&config)?, addresses, AccountState::Blocked, "is blocked").await
        }
        Account::Release { config, program, addresses } => release(&Config::read(&config)?, &program, &addresses).await,
        Account::Import { config, file, dry_run } => import::run(&Config::read(&config)?, &file, dry_run).await,
        Account::Test(options) => test::run(&options).await,
        Account::Set(settings) => set(&settings).await,
        Account::Remove { config, address, purge } => remove(&Config::read(&config)?, &address, purge).await,
    }
}

/// Who does it, for the log.
pub(crate) fn actor() -> String {
    format!("{} (command line)", user())
}

/// Who does it, as the system calls them.
pub(crate) fn user() -> String {
    let name = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "somebody".to_owned())
}

/// What the register says, for the command line.
pub(crate) fn told(fault: Fault) -> Failure {
    match fault {
        Fault::Refused(sentence) => Failure::mistake(sentence),
        Fault::Broken(sentence) => Failure::new(sentence),
    }
}

async fn list(config: &Config, matching: &[(String, String)]) -> Result<(), Failure> {
    let accounts = store::register(config).await?.accounts().await.map_err(told)?;
    say("ADDRESS  ORGANISATION  STATE  ON  LABELS")?;
    accounts.iter().filter(|account| account.matches(matching)).try_for_each(|account| say(&line(account)))
}

async fn show(config: &Config, address: &str) -> Result<(), Failure> {
    let register = store::register(config).await?;
    let account = register.account(address).await.map_err(told)?.ok_or_else(|| nobody(address))?;
    say("ADDRESS  ORGANISATION  STATE  ON  LABELS")?;
    say(&line(&account))?;
    say("")?;
    say(crate::device::HEAD)?;
    for device in register.devices(Some(address)).await.map_err(told)? {
        say(&crate::device::line(&device))?;
    }
    say("")?;
    say("PROGRAM  PROTOCOL  DEVICE  FROM  FIRST SEEN  LAST SEEN")?;
    for seen in register.sightings(Some(address)).await.map_err(told)? {
        let device = seen.device.map_or("-".to_owned(), |device| device.to_string());
        let (first, last) = seen.seen;
        say(&format!("{}  {}  {device}  {}  {first}  {last}", seen.program, seen.protocol.as_str(), seen.from))?;
    }
    Ok(())
}

async fn set_state(config: &Config, addresses: Vec<String>, state: AccountState, done: &str) -> Result<(), Failure> {
    let register = store::register(config).await?;
    let changes = addresses.iter().map(|address| Change::SetState { address: address.clone(), state }).collect();
    register.commit(&actor(), Timestamp::now(), changes).await.map_err(told)?;
    addresses.iter().try_for_each(|address| say(&format!("{address} {done}")))
}

/// What was released before stays so.
async fn release(config: &Config, program: &str, addresses: &[String]) -> Result<(), Failure> {
    let register = store::register(config).await?;
    let mut changes = Vec::new();
    for address in addresses {
        let account = register.account(address).await.map_err(told)?.ok_or_else(|| nobody(address))?;
        let others = account.releases().filter(|other| !other.eq_ignore_ascii_case(program));
        let value = Some(others.chain([program]).collect::<Vec<&str>>().join("; "));
        changes.push(Change::Label { address: address.clone(), name: RELEASED.to_owned(), value });
    }
    register.commit(&actor(), Timestamp::now(), changes).await.map_err(told)?;
    addresses.iter().try_for_each(|address| say(&format!("{program} is released for {address}")))
}

async fn set(settings: &AccountSettings) -> Result<(), Failure> {
    let register = store::register(&Config::read(&settings.config)?).await?;
    let all = register.accounts().await.map_err(told)?;
    let meant = meant(&all, settings)?;
    let changes: Vec<Change> = meant.iter().flat_map(|account| changes(account, settings)).collect();
    if changes.is_empty() {
        return Err(Failure::mistake("nothing is to be changed; give --on, --off, --label or --access"));
    }
    register.commit(&actor(), Timestamp::now(), changes).await.map_err(told)?;
    say(&format!("{} accounts are changed", meant.len()))
}

/// Whom the command line speaks of.
fn meant<'a>(all: &'a [Known], settings: &AccountSettings) -> Result<Vec<&'a Known>, Failure> {
    if settings.addresses.is_empty() == settings.matching.is_empty() {
        return Err(Failure::mistake("say whose accounts: by their addresses, or by --match, and not by both"));
    }
    if settings.addresses.is_empty() {
        let meant: Vec<&Known> = all.iter().filter(|account| account.matches(&settings.matching)).collect();
        return match meant.is_empty() {
            true => Err(Failure::mistake("no account matches; `exgate account list` shows those there are")),
            false => Ok(meant),
        };
    }
    let find = |address: &String| {
        all.iter().find(|account| account.address == address.to_lowercase()).ok_or_else(|| nobody(address))
    };
    settings.addresses.iter().map(find).collect()
}

fn changes(account: &Known, settings: &AccountSettings) -> Vec<Change> {
    let address = &account.address;
    let mut changes = Vec::new();
    if !(settings.on.is_empty() && settings.off.is_empty()) {
        let scopes = settings.on.iter().fold(account.scopes, |scopes, scope| scopes.with(*scope, true));
        let scopes = settings.off.iter().fold(scopes, |scopes, scope| scopes.with(*scope, false));
        changes.push(Change::SetScopes { address: address.clone(), scopes });
    }
    for (name, value) in &settings.label {
        let value = Some(value.clone()).filter(|value| !value.is_empty());
        changes.push(Change::Label { address: address.clone(), name: name.clone(), value });
    }
    if let Some(access) = settings.access {
        let state = if access == Switch::Open { AccountState::Open } else { AccountState::Blocked };
        changes.push(Change::SetState { address: address.clone(), state });
    }
    changes
}

async fn remove(config: &Config, address: &str, purge: bool) -> Result<(), Failure> {
    let register = store::register(config).await?;
    let account = register.account(address).await.map_err(told)?.ok_or_else(|| nobody(address))?;
    if !purge {
        return Err(Failure::mistake(format!(
            "this would remove {address} with all devices, feeds and sign-ins for good; say so with --purge"
        )));
    }
    let feeds = self::purge(&config.safe(), &register, &actor(), &account).await?;
    say(&format!("{address} is removed, with {feeds} feeds"))?;
    eprintln!(
        "Who is removed may come again as somebody new; `exgate account block` keeps people out. What the gateway knows of \
         the mailbox's messages stays, so that no client downloads them again."
    );
    Ok(())
}

/// Everything of somebody's that opens anything is gone afterwards, and how many feeds that were. Done again, it goes on where it
/// was cut off.
pub(crate) async fn purge(safe: &Safe, register: &Register, actor: &str, account: &Known) -> Result<usize, Failure> {
    let (safe, one) = (safe.clone(), account.clone());
    let forgotten = tokio::task::spawn_blocking(move || forget(&safe, &one)).await;
    let feeds = forgotten.unwrap_or_else(|error| Err(Failure::new(error.to_string())))?;
    let change = Change::Remove { address: account.address.clone() };
    register.commit(actor, Timestamp::now(), vec![change]).await.map_err(told)?;
    register.fold().await.map_err(told)?;
    Ok(feeds)
}

/// What is kept beside the register. Blocks.
fn forget(safe: &Safe, account: &Known) -> Result<usize, Failure> {
    let feeds = revoke_feeds(&feed::open(safe)?, account)?;
    let grants = grants::open(safe)?;
    let broken = |error: accounts::Error| Failure::new(error.to_string());
    grants.delete(&account.organisation, &account.address).map_err(broken)?;
    for note in [grants::Note::UnderWay, grants::Note::Claims] {
        note.forget(&grants, &account.organisation, &account.address).map_err(Failure::new)?;
    }
    Ok(feeds)
}

fn revoke_feeds(feeds: &Feeds, account: &Known) -> Result<usize, Failure> {
    let broken = |error: accounts::Error| Failure::new(error.to_string());
    let names = [Some(&account.address), account.mailbox.as_ref()];
    let is_theirs = |user: &str| names.iter().flatten().any(|name| name.eq_ignore_ascii_case(user));
    let theirs: Vec<_> = feeds.list(None).map_err(broken)?.into_iter().filter(|feed| is_theirs(&feed.user)).collect();
    for feed in &theirs {
        feeds.revoke(feed.id).map_err(broken)?;
    }
    Ok(theirs.len())
}

fn line(account: &Known) -> String {
    let labels: Vec<String> = account.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let on = account.scopes.to_string().replace(' ', ",");
    format!("{}  {}  {}  {on}  {}", account.address, account.organisation, account.state, labels.join(" "))
}

fn nobody(address: &str) -> Failure {
    Failure::mistake(format!("there is no account {address}; `exgate account list` shows those there are"))
}
