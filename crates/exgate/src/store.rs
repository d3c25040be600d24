//! Where accounts and ID maps are kept, opened as the configuration says; and `exgate store`.

use accounts::Register;
use exchange::Shared;
use idmap::postgres::Server;
use mailbox::Secret;
use nodes::Nodes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::account::told;
use crate::config::{Config, StoreKind, Text};
use crate::gateway::say;
use crate::{Failure, backup, gateway};

/// The register of accounts.
pub(crate) async fn register(config: &Config) -> Result<Register, Failure> {
    match server(config).await? {
        None => file(config),
        Some(server) => database(&server).await,
    }
}

/// The register in a file of this gateway.
pub(crate) fn file(config: &Config) -> Result<Register, Failure> {
    file_in(&config.state)
}

/// The register in that directory.
pub(crate) fn file_in(state: &std::path::Path) -> Result<Register, Failure> {
    gateway::make_private(state)?;
    accounts::sqlite::open(state).map(Register::File).map_err(|fault| Failure::new(fault.to_string()))
}

/// The register in a database.
pub(crate) async fn database(server: &Server) -> Result<Register, Failure> {
    let opened = accounts::postgres::open(connections(server)?).await;
    opened.map(Register::Database).map_err(|fault| Failure::new(format!("store.url: {fault}")))
}

/// The database, if one is configured; its tables are made, or brought up to date.
pub(crate) async fn server(config: &Config) -> Result<Option<Server>, Failure> {
    let (StoreKind::Postgres, Some(url), Some(node)) = (config.store.kind, &config.store.url, &config.store.node)
    else {
        return Ok(None);
    };
    let url = with_password(url.as_str(), config.store.password.as_ref().map(Text::as_str));
    Server::open(url.expose(), node.as_str()).await.map(Some).map_err(wrong)
}

/// Copies what is in files below the state directory into the database.
pub(crate) async fn migrate(config: &Config) -> Result<(), Failure> {
    let Some(shared) = shared(config).await? else {
        return Err(Failure::mistake(
            "store.kind: it is \"sqlite\"; set it to \"postgres\", and url and node to where to copy",
        ));
    };
    let _alone = backup::alone(&config.state)?;
    if config.state.is_dir() {
        let file = accounts::sqlite::open(&config.state).map_err(told)?;
        let database = accounts::postgres::open(connections(&shared.server)?).await.map_err(told)?;
        match accounts::copy(&file, &database).await.map_err(told)? {
            None => say("accounts: there already")?,
            Some(tables) => {
                let tables: Vec<String> = tables.iter().map(|(table, rows)| format!("{table} {rows}")).collect();
                say(&format!("accounts: copied ({})", tables.join(", ")))?;
            }
        }
    }
    for organisation in config.exchange.keys() {
        let tell = |name: &str, rows: Option<u64>| {
            let rows = rows.map_or_else(|| "there already".to_owned(), |rows| format!("copied, {rows} rows"));
            drop(say(&format!("map of {name} in {organisation}: {rows}")));
        };
        let copied = exchange::copy_maps(&config.state, organisation, &shared, tell).await;
        copied.map_err(|error| Failure::new(format!("{error}; say it again, and it goes on from there")))?;
    }
    say("all of it is in the database; the files are as they were")
}

/// What the database is, in a sentence, or what is wrong with it. It is left as it is.
pub(crate) async fn look(config: &Config) -> Result<String, String> {
    let Some(url) = &config.store.url else { return Err("store.url: missing".to_owned()) };
    let url = with_password(url.as_str(), config.store.password.as_ref().map(Text::as_str));
    let found = idmap::postgres::look(url.expose()).await.map_err(|error| error.to_string())?;
    let Some(maps) = found.version else { return Ok(format!("{} answers, and is empty", found.server)) };
    let accounts = accounts::postgres::version(&found.connections).await.map_err(|fault| fault.to_string())?;
    let accounts = accounts.map_or("none".to_owned(), |accounts| accounts.to_string());
    Ok(format!("{} answers; schema {maps} of maps, {accounts} of accounts", found.server))
}

/// What this gateway shares with others, if it does.
pub(crate) async fn shared(config: &Config) -> Result<Option<Shared>, Failure> {
    let (Some(server), Some(node)) = (server(config).await?, &config.store.node) else { return Ok(None) };
    let nodes = Nodes::open(connections(&server)?, node.as_str()).await;
    let nodes = nodes.map_err(|error| Failure::new(format!("store.url: {error}")))?;
    Ok(Some(Shared { server, nodes }))
}

/// A URL with a password in it.
fn with_password(url: &str, password: Option<&str>) -> Secret<String> {
    let Some(password) = password else { return Secret::new(url.to_owned()) };
    let before = if url.contains('?') { '&' } else { '?' };
    let escaped = utf8_percent_encode(password, NON_ALPHANUMERIC);
    Secret::new(format!("{url}{before}password={escaped}"))
}

/// Apart from those of the maps, so that nobody waits for these behind a large mailbox.
fn connections(server: &Server) -> Result<deadpool_postgres::Pool, Failure> {
    server.connections(CONNECTIONS).map_err(wrong)
}

fn wrong(error: idmap::Error) -> Failure {
    Failure::new(format!("store.url: {error}"))
}

const CONNECTIONS: usize = 4;
