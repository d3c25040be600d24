//! Changes, within one transaction.

use jiff::Timestamp;
use mailbox::Scopes;
use rusqlite::{Connection, params};

use super::{Trouble, read};
use crate::account::AccountState;
use crate::administrator::Administrator;
use crate::audit::Happening;
use crate::device::{DeviceId, NewDevice, Sighting};
use crate::happening;
use crate::store::{Change, Committed};

/// Makes the changes, and writes down what counts.
pub(super) fn make(
    connection: &Connection,
    actor: &str,
    at: Timestamp,
    changes: &[Change],
) -> Result<Committed, Trouble> {
    let mut committed = Committed::default();
    let mut chain = read::chain(connection)?;
    for change in changes {
        let Some(happening) = change_one(connection, at, change, &mut committed)? else { continue };
        // To the second, as it is kept and hashed.
        let entry = chain.next(Timestamp::from_second(at.as_second()).unwrap_or(at), actor, happening);
        let mut insert = connection.prepare_cached(
            "INSERT INTO audit (number, at, actor, action, subject, detail, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        let Happening { action, subject, detail } = &entry.happening;
        insert.execute(params![entry.number as i64, at.as_second(), actor, action, subject, detail, entry.hash])?;
        chain = chain.with(&entry);
    }
    Ok(committed)
}

fn change_one(
    connection: &Connection,
    at: Timestamp,
    change: &Change,
    committed: &mut Committed,
) -> Result<Option<Happening>, Trouble> {
    match change {
        Change::Know { address, organisation, mailbox, state } => {
            know(connection, at, (address, organisation, mailbox.as_deref()), *state)
        }
        Change::SetState { address, state } => {
            let changed = execute(
                connection,
                "UPDATE account SET state = ?2 WHERE address = ?1",
                params![address.to_lowercase(), state.as_str()],
            )?;
            of_account(changed, "account.state", address, state.as_str())
        }
        Change::SetScopes { address, scopes } => {
            let changed = execute(
                connection,
                "UPDATE account SET scopes = ?2 WHERE address = ?1",
                params![address.to_lowercase(), scopes.to_string()],
            )?;
            of_account(changed, "account.protocols", address, &scopes.to_string())
        }
        Change::Label { address, name, value } => label(connection, address, name, value.as_deref()),
        Change::Remove { address } => {
            let removed =
                execute(connection, "DELETE FROM account WHERE address = ?1", params![address.to_lowercase()])?;
            of_account(removed, "account.remove", address, "")
        }
        Change::AddDevice(device) => {
            let (id, happening) = add_device(connection, at, device)?;
            committed.devices.push(id);
            Ok(Some(happening))
        }
        Change::Revoke(device) => revoke(connection, at, *device).map(Some),
        Change::AddAdministrator(one) => add_administrator(connection, one).map(Some),
        Change::RemoveAdministrator { name } => remove_administrator(connection, name).map(Some),
        Change::Note(happening) => Ok(Some(happening.clone())),
        Change::Used { device, from } => {
            let used = params![device.0, at.as_second(), from.to_string()];
            execute(connection, "UPDATE device SET used = ?2, used_from = ?3 WHERE id = ?1", used)?;
            Ok(None)
        }
        Change::Seen(sighting) => seen(connection, sighting).map(|()| None),
    }
}

fn know(
    connection: &Connection,
    at: Timestamp,
    (address, organisation, mailbox): (&str, &str, Option<&str>),
    state: AccountState,
) -> Result<Option<Happening>, Trouble> {
    let address = address.to_lowercase();
    if read::account(connection, &address)?.is_some() {
        if let Some(mailbox) = mailbox {
            execute(
                connection,
                "UPDATE OR IGNORE account SET mailbox = ?2 WHERE address = ?1 AND mailbox IS NOT ?2",
                params![address, mailbox],
            )?;
        }
        return Ok(None);
    }
    let row = params![address, organisation, mailbox, state.as_str(), Scopes::ALL.to_string(), at.as_second()];
    execute(
        connection,
        "INSERT INTO account (address, organisation, mailbox, state, scopes, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        row,
    )?;
    of_account(1, "account.new", &address, state.as_str())
}

fn label(
    connection: &Connection,
    address: &str,
    name: &str,
    value: Option<&str>,
) -> Result<Option<Happening>, Trouble> {
    let address = address.to_lowercase();
    if read::account(connection, &address)?.is_none() {
        return of_account(0, "account.label", &address, name);
    }
    match value {
        Some(value) => execute(
            connection,
            "INSERT INTO label (address, name, value) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET value = ?3",
            params![address, name, value],
        )?,
        None => execute(connection, "DELETE FROM label WHERE address = ?1 AND name = ?2", params![address, name])?,
    };
    of_account(1, "account.label", &address, &format!("{name}={}", value.unwrap_or_default()))
}

fn add_device(connection: &Connection, at: Timestamp, new: &NewDevice) -> Result<(DeviceId, Happening), Trouble> {
    let address = new.address.to_lowercase();
    if read::account(connection, &address)?.is_none() {
        return Err(nobody(&address));
    }
    new.check().map_err(Trouble::Refused)?;
    let networks = new.networks_text();
    let (memory, passes, lanes) = new.verifier.cost;
    execute(
        connection,
        "INSERT INTO device (address, name, selector, salt, memory, passes, lanes, hash, scram_salt, iterations,
             stored_key, server_key, login, remembered, top, scopes, read_only, networks, expires, created)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
        params![
            address,
            new.name,
            new.selector,
            new.verifier.salt,
            memory,
            passes,
            lanes,
            new.verifier.hash,
            new.verifier.scram_salt,
            new.verifier.iterations,
            new.verifier.stored_key,
            new.verifier.server_key,
            new.login,
            new.remembered,
            new.top,
            new.scopes.to_string(),
            new.read_only,
            networks,
            new.expires.map(Timestamp::as_second),
            at.as_second()
        ],
    )?;
    let id = DeviceId(connection.last_insert_rowid());
    Ok((id, Happening::device_added(id, new)))
}

fn revoke(connection: &Connection, at: Timestamp, id: DeviceId) -> Result<Happening, Trouble> {
    let mut one = connection.prepare_cached(
        "UPDATE device SET revoked = ?2, remembered = NULL WHERE id = ?1 AND revoked IS NULL RETURNING address, name",
    )?;
    let mut rows = one.query(params![id.0, at.as_second()])?;
    let Some(row) = rows.next()? else {
        return Err(Trouble::Refused(happening::no_device(id)));
    };
    Ok(Happening::device_revoked(id, row.get("address")?, row.get("name")?))
}

fn add_administrator(connection: &Connection, new: &Administrator) -> Result<Happening, Trouble> {
    let Administrator { name, role, selector, password, created } = new;
    let (memory, passes, lanes) = password.cost;
    let added = execute(
        connection,
        "INSERT INTO administrator (name, role, selector, salt, memory, passes, lanes, hash, created)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (name) DO NOTHING",
        params![
            name,
            role.as_str(),
            selector,
            password.salt,
            memory,
            passes,
            lanes,
            password.hash,
            created.as_second()
        ],
    )?;
    if added == 0 {
        return Err(Trouble::Refused(happening::is_administrator(name)));
    }
    Ok(Happening::administrator_added(new))
}

fn remove_administrator(connection: &Connection, name: &str) -> Result<Happening, Trouble> {
    if execute(connection, "DELETE FROM administrator WHERE name = ?1", params![name])? == 0 {
        return Err(Trouble::Refused(happening::no_administrator(name)));
    }
    Ok(Happening::administrator_removed(name))
}

fn seen(connection: &Connection, sighting: &Sighting) -> Result<(), Trouble> {
    let Sighting { address, device, protocol, program, from, seen } = sighting;
    // Whoever was removed meanwhile is not seen.
    execute(
        connection,
        "INSERT INTO sighting (address, device, protocol, program, came_from, first, last)
         SELECT address, ?2, ?3, ?4, ?5, ?6, ?7 FROM account WHERE address = ?1
         ON CONFLICT DO UPDATE SET came_from = ?5, last = ?7",
        params![
            address.to_lowercase(),
            device.map_or(0, |device| device.0),
            protocol.as_str(),
            program,
            from.to_string(),
            seen.0.as_second(),
            seen.1.as_second()
        ],
    )?;
    Ok(())
}

fn of_account(changed: usize, action: &str, address: &str, detail: &str) -> Result<Option<Happening>, Trouble> {
    if changed == 0 {
        return Err(nobody(address));
    }
    Ok(Some(Happening::of_account(action, address, detail)))
}

fn nobody(address: &str) -> Trouble {
    Trouble::Refused(happening::nobody(address))
}

fn execute(connection: &Connection, sql: &str, params: impl rusqlite::Params) -> rusqlite::Result<usize> {
    connection.prepare_cached(sql)?.execute(params)
}
