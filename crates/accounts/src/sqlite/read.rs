//! What stands in the tables.

use std::str::FromStr;

use mailbox::Scopes;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::account::{Account, AccountState};
use crate::administrator::Administrator;
use crate::audit::{Chain, Entry, Happening};
use crate::device::{Device, DeviceId, Kept, Sighting};
use crate::password::{Hashed, Verifier};
use crate::stored::{self, protocol, time};

pub(super) fn account(connection: &Connection, address: &str) -> rusqlite::Result<Option<Account>> {
    let mut one = connection.prepare_cached(&format!("{ACCOUNT} WHERE address = ?1"))?;
    let found = one.query_row([address], read_account).optional()?;
    found.map(|account| labelled(connection, account)).transpose()
}

pub(super) fn account_of(
    connection: &Connection,
    organisation: &str,
    mailbox: &str,
) -> rusqlite::Result<Option<Account>> {
    let mut one = connection.prepare_cached(&format!("{ACCOUNT} WHERE organisation = ?1 AND mailbox = ?2"))?;
    let found = one.query_row([organisation, mailbox], read_account).optional()?;
    found.map(|account| labelled(connection, account)).transpose()
}

pub(super) fn accounts(connection: &Connection) -> rusqlite::Result<Vec<Account>> {
    let mut all = connection.prepare_cached(&format!("{ACCOUNT} ORDER BY address"))?;
    let found = all.query_map([], read_account)?.collect::<rusqlite::Result<Vec<Account>>>()?;
    found.into_iter().map(|account| labelled(connection, account)).collect()
}

pub(super) fn kept(connection: &Connection, selector: &str) -> rusqlite::Result<Option<Kept>> {
    let mut one = connection.prepare_cached("SELECT * FROM device WHERE selector = ?1")?;
    let read = |row: &Row<'_>| {
        let verifier = Verifier {
            salt: row.get("salt")?,
            cost: (row.get("memory")?, row.get("passes")?, row.get("lanes")?),
            hash: row.get("hash")?,
            scram_salt: row.get("scram_salt")?,
            iterations: row.get("iterations")?,
            stored_key: row.get("stored_key")?,
            server_key: row.get("server_key")?,
        };
        Ok((read_device(row)?, verifier, row.get("login")?, row.get("remembered")?, row.get("top")?))
    };
    let found = one.query_row([selector], read).optional()?;
    let Some((device, verifier, login, remembered, top)) = found else { return Ok(None) };
    let account = account(connection, &device.address)?;
    Ok(account.map(|account| Kept { device, account, verifier, login, remembered, top }))
}

pub(super) fn devices(connection: &Connection, address: Option<&str>) -> rusqlite::Result<Vec<Device>> {
    let mut all = connection.prepare_cached("SELECT * FROM device WHERE ?1 IS NULL OR address = ?1 ORDER BY id")?;
    all.query_map([address], read_device)?.collect()
}

pub(super) fn sightings(connection: &Connection, address: Option<&str>) -> rusqlite::Result<Vec<Sighting>> {
    let mut all = connection.prepare_cached(
        "SELECT * FROM sighting WHERE ?1 IS NULL OR address = ?1 ORDER BY last DESC, address, protocol, program",
    )?;
    let read = |row: &Row<'_>| {
        let device: i64 = row.get("device")?;
        Ok(Sighting {
            address: row.get("address")?,
            device: (device != 0).then_some(DeviceId(device)),
            protocol: protocol(&row.get::<_, String>("protocol")?),
            program: row.get("program")?,
            from: parsed(row, "came_from")?,
            seen: (time(row.get("first")?), time(row.get("last")?)),
        })
    };
    all.query_map([address], read)?.collect()
}

pub(super) fn administrators(connection: &Connection) -> rusqlite::Result<Vec<Administrator>> {
    let mut all = connection.prepare_cached("SELECT * FROM administrator ORDER BY name")?;
    let read = |row: &Row<'_>| {
        let cost = (row.get("memory")?, row.get("passes")?, row.get("lanes")?);
        Ok(Administrator {
            name: row.get("name")?,
            role: stored::role(&row.get::<_, String>("role")?),
            selector: row.get("selector")?,
            password: Hashed { salt: row.get("salt")?, cost, hash: row.get("hash")? },
            created: time(row.get("created")?),
        })
    };
    all.query_map([], read)?.collect()
}

pub(super) fn audit(connection: &Connection, after: u64, most: u32) -> rusqlite::Result<Vec<Entry>> {
    let mut some = connection.prepare_cached("SELECT * FROM audit WHERE number > ?1 ORDER BY number LIMIT ?2")?;
    some.query_map(params![after as i64, most], read_entry)?.collect()
}

/// Where the audit log stands.
pub(super) fn chain(connection: &Connection) -> rusqlite::Result<Chain> {
    let mut last = connection.prepare_cached("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1")?;
    let found = last.query_row([], |row| Ok(Chain { length: number(row, 0)?, head: row.get(1)? })).optional()?;
    Ok(found.unwrap_or(Chain::EMPTY))
}

fn labelled(connection: &Connection, mut account: Account) -> rusqlite::Result<Account> {
    let mut all = connection.prepare_cached("SELECT name, value FROM label WHERE address = ?1")?;
    let rows = all.query_map([&account.address], |row| Ok((row.get(0)?, row.get(1)?)))?;
    account.labels = rows.collect::<rusqlite::Result<_>>()?;
    Ok(account)
}

fn read_account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        address: row.get("address")?,
        organisation: row.get("organisation")?,
        mailbox: row.get("mailbox")?,
        state: AccountState::read(&row.get::<_, String>("state")?),
        scopes: scopes(row)?,
        labels: Default::default(),
        created: time(row.get("created")?),
    })
}

fn read_device(row: &Row<'_>) -> rusqlite::Result<Device> {
    let used: Option<i64> = row.get("used")?;
    let used_from: Option<String> = row.get("used_from")?;
    let networks: String = row.get("networks")?;
    Ok(Device {
        id: DeviceId(row.get("id")?),
        address: row.get("address")?,
        name: row.get("name")?,
        selector: row.get("selector")?,
        scopes: scopes(row)?,
        read_only: row.get("read_only")?,
        networks: stored::networks(&networks),
        expires: row.get::<_, Option<i64>>("expires")?.map(time),
        created: time(row.get("created")?),
        used: used.map(|used| (time(used), used_from.and_then(|from| from.parse().ok()))),
        revoked: row.get::<_, Option<i64>>("revoked")?.map(time),
    })
}

fn read_entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        number: number(row, "number")?,
        at: time(row.get("at")?),
        actor: row.get("actor")?,
        happening: Happening { action: row.get("action")?, subject: row.get("subject")?, detail: row.get("detail")? },
        hash: row.get("hash")?,
    })
}

fn scopes(row: &Row<'_>) -> rusqlite::Result<Scopes> {
    Ok(stored::scopes(&row.get::<_, String>("scopes")?))
}

fn parsed<T: FromStr>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    row.get::<_, String>(column)?.parse().map_err(|_| rusqlite::Error::InvalidColumnName(column.to_owned()))
}

/// SQLite knows signed numbers only.
fn number(row: &Row<'_>, column: impl rusqlite::RowIndex) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::unsigned_abs)
}

const ACCOUNT: &str = "SELECT * FROM account";
