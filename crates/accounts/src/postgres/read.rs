//! What stands in the tables.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use deadpool_postgres::{GenericClient, Object};
use tokio_postgres::{Error, Row};

use crate::account::{Account, AccountState};
use crate::administrator::Administrator;
use crate::audit::{Chain, Entry, Happening};
use crate::device::{Device, DeviceId, Kept, Sighting};
use crate::password::{Hashed, Verifier};
use crate::stored::{networks, protocol, role, scopes, time};

pub(super) async fn account(client: Object, address: &str) -> Result<Option<Account>, Error> {
    let one = client.prepare_cached(&format!("{ACCOUNT} WHERE address = $1")).await?;
    match client.query_opt(&one, &[&address]).await? {
        Some(row) => Ok(Some(labelled(&client, read_account(&row)?).await?)),
        None => Ok(None),
    }
}

pub(super) async fn account_of(client: Object, organisation: &str, mailbox: &str) -> Result<Option<Account>, Error> {
    let one = client.prepare_cached(&format!("{ACCOUNT} WHERE organisation = $1 AND mailbox = $2")).await?;
    match client.query_opt(&one, &[&organisation, &mailbox]).await? {
        Some(row) => Ok(Some(labelled(&client, read_account(&row)?).await?)),
        None => Ok(None),
    }
}

pub(super) async fn accounts(client: Object) -> Result<Vec<Account>, Error> {
    let mut labels: HashMap<String, BTreeMap<String, String>> = HashMap::new();
    for row in client.query("SELECT address, name, value FROM accounts.label", &[]).await? {
        labels.entry(row.try_get(0)?).or_default().insert(row.try_get(1)?, row.try_get(2)?);
    }
    // As SQLite sorts them, whatever the database's own language.
    let rows = client.query(&format!("{ACCOUNT} ORDER BY address COLLATE \"C\""), &[]).await?;
    let read = |row: &Row| {
        let account = read_account(row)?;
        Ok(Account { labels: labels.remove(&account.address).unwrap_or_default(), ..account })
    };
    rows.iter().map(read).collect()
}

pub(super) async fn kept(client: Object, selector: &str) -> Result<Option<Kept>, Error> {
    let one = client.prepare_cached("SELECT * FROM accounts.device WHERE selector = $1").await?;
    let Some(row) = client.query_opt(&one, &[&selector]).await? else { return Ok(None) };
    let device = read_device(&row)?;
    let verifier = Verifier {
        salt: row.try_get("salt")?,
        cost: (count(&row, "memory")?, count(&row, "passes")?, count(&row, "lanes")?),
        hash: row.try_get("hash")?,
        scram_salt: row.try_get("scram_salt")?,
        iterations: count(&row, "iterations")?,
        stored_key: key(&row, "stored_key")?,
        server_key: key(&row, "server_key")?,
    };
    let (login, remembered, top) = (row.try_get("login")?, row.try_get("remembered")?, row.try_get("top")?);
    let account = account(client, &device.address).await?;
    Ok(account.map(|account| Kept { device, account, verifier, login, remembered, top }))
}

pub(super) async fn devices(client: Object, address: Option<&str>) -> Result<Vec<Device>, Error> {
    let all = "SELECT * FROM accounts.device WHERE $1::TEXT IS NULL OR address = $1 ORDER BY id";
    let all = client.prepare_cached(all).await?;
    client.query(&all, &[&address]).await?.iter().map(read_device).collect()
}

pub(super) async fn sightings(client: Object, address: Option<&str>) -> Result<Vec<Sighting>, Error> {
    let all = "SELECT * FROM accounts.sighting WHERE $1::TEXT IS NULL OR address = $1
               ORDER BY last DESC, address, protocol, program";
    let read = |row: &Row| {
        let device: i64 = row.try_get("device")?;
        let from: String = row.try_get("came_from")?;
        Ok(Sighting {
            address: row.try_get("address")?,
            device: (device != 0).then_some(DeviceId(device)),
            protocol: protocol(row.try_get("protocol")?),
            program: row.try_get("program")?,
            from: from.parse().unwrap_or(IpAddr::from([0; 16])),
            seen: (time(row.try_get("first")?), time(row.try_get("last")?)),
        })
    };
    client.query(all, &[&address]).await?.iter().map(read).collect()
}

pub(super) async fn administrators(client: Object) -> Result<Vec<Administrator>, Error> {
    let read = |row: &Row| {
        let cost = (count(row, "memory")?, count(row, "passes")?, count(row, "lanes")?);
        Ok(Administrator {
            name: row.try_get("name")?,
            role: role(row.try_get("role")?),
            selector: row.try_get("selector")?,
            password: Hashed { salt: row.try_get("salt")?, cost, hash: row.try_get("hash")? },
            created: time(row.try_get("created")?),
        })
    };
    let all = "SELECT * FROM accounts.administrator ORDER BY name COLLATE \"C\"";
    client.query(all, &[]).await?.iter().map(read).collect()
}

pub(super) async fn audit(client: Object, after: u64, most: u32) -> Result<Vec<Entry>, Error> {
    let some = "SELECT * FROM accounts.audit WHERE number > $1 ORDER BY number LIMIT $2";
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    client.query(some, &[&after, &i64::from(most)]).await?.iter().map(read_entry).collect()
}

pub(super) async fn generation(client: Object) -> Result<u64, Error> {
    let one = client.prepare_cached("SELECT generation FROM accounts.register").await?;
    client.query_one(&one, &[]).await?.try_get::<_, i64>(0).map(i64::unsigned_abs)
}

pub(super) async fn pepper(client: Object) -> Result<[u8; 32], Error> {
    key(&client.query_one("SELECT pepper FROM accounts.register", &[]).await?, "pepper")
}

/// Where the audit log stands.
pub(super) async fn chain(client: &impl GenericClient) -> Result<Chain, Error> {
    let last = client.query_opt("SELECT number, hash FROM accounts.audit ORDER BY number DESC LIMIT 1", &[]).await?;
    let Some(row) = last else { return Ok(Chain::EMPTY) };
    Ok(Chain { length: number(&row, "number")?, head: key(&row, "hash")? })
}

async fn labelled(client: &Object, account: Account) -> Result<Account, Error> {
    let all = client.prepare_cached("SELECT name, value FROM accounts.label WHERE address = $1").await?;
    let rows = client.query(&all, &[&account.address]).await?;
    let labels = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, Error>>()?;
    Ok(Account { labels, ..account })
}

fn read_account(row: &Row) -> Result<Account, Error> {
    Ok(Account {
        address: row.try_get("address")?,
        organisation: row.try_get("organisation")?,
        mailbox: row.try_get("mailbox")?,
        state: AccountState::read(row.try_get("state")?),
        scopes: scopes(row.try_get("scopes")?),
        labels: BTreeMap::new(),
        created: time(row.try_get("created")?),
    })
}

fn read_device(row: &Row) -> Result<Device, Error> {
    let used: Option<i64> = row.try_get("used")?;
    let used_from: Option<String> = row.try_get("used_from")?;
    Ok(Device {
        id: DeviceId(row.try_get("id")?),
        address: row.try_get("address")?,
        name: row.try_get("name")?,
        selector: row.try_get("selector")?,
        scopes: scopes(row.try_get("scopes")?),
        read_only: row.try_get("read_only")?,
        networks: networks(row.try_get("networks")?),
        expires: row.try_get::<_, Option<i64>>("expires")?.map(time),
        created: time(row.try_get("created")?),
        used: used.map(|used| (time(used), used_from.and_then(|from| from.parse().ok()))),
        revoked: row.try_get::<_, Option<i64>>("revoked")?.map(time),
    })
}

fn read_entry(row: &Row) -> Result<Entry, Error> {
    let happening =
        Happening { action: row.try_get("action")?, subject: row.try_get("subject")?, detail: row.try_get("detail")? };
    let (at, actor) = (time(row.try_get("at")?), row.try_get("actor")?);
    Ok(Entry { number: number(row, "number")?, at, actor, happening, hash: key(row, "hash")? })
}

/// PostgreSQL knows signed numbers only.
fn number(row: &Row, column: &str) -> Result<u64, Error> {
    row.try_get::<_, i64>(column).map(i64::unsigned_abs)
}

fn count(row: &Row, column: &str) -> Result<u32, Error> {
    Ok(u32::try_from(row.try_get::<_, i64>(column)?).unwrap_or_default())
}

/// 32 bytes; of another length it is nobody's key, and no entry's hash.
fn key(row: &Row, column: &str) -> Result<[u8; 32], Error> {
    Ok(row.try_get::<_, &[u8]>(column)?.try_into().unwrap_or_default())
}

const ACCOUNT: &str = "SELECT * FROM accounts.account";
