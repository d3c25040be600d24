//! Changes, in one transaction.

use deadpool_postgres::{Object, Transaction};
use jiff::Timestamp;
use mailbox::Scopes;
use tokio_postgres::types::ToSql;

use super::{Trouble, read};
use crate::account::AccountState;
use crate::administrator::Administrator;
use crate::audit::Happening;
use crate::device::{DeviceId, NewDevice, Sighting};
use crate::happening;
use crate::store::{Change, Committed};

/// Makes the changes, and writes down what counts.
pub(super) async fn commit(
    mut client: Object,
    actor: &str,
    at: Timestamp,
    changes: &[Change],
) -> Result<Committed, Trouble> {
    let transaction = client.transaction().await?;
    // Others wait here, and then see where the log stands.
    execute(&transaction, "UPDATE accounts.register SET generation = generation + 1", &[]).await?;
    let mut committed = Committed::default();
    let mut chain = read::chain(&transaction).await?;
    for change in changes {
        let Some(happening) = change_one(&transaction, at, change, &mut committed).await? else { continue };
        // To the second, as it is kept and hashed.
        let entry = chain.next(Timestamp::from_second(at.as_second()).unwrap_or(at), actor, happening);
        let Happening { action, subject, detail } = &entry.happening;
        let (number, hash) = (entry.number as i64, entry.hash.as_slice());
        execute(
            &transaction,
            "INSERT INTO accounts.audit (number, at, actor, action, subject, detail, hash)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            &[&number, &at.as_second(), &actor, action, subject, detail, &hash],
        )
        .await?;
        chain = chain.with(&entry);
    }
    transaction.commit().await?;
    Ok(committed)
}

async fn change_one(
    transaction: &Transaction<'_>,
    at: Timestamp,
    change: &Change,
    committed: &mut Committed,
) -> Result<Option<Happening>, Trouble> {
    match change {
        Change::Know { address, organisation, mailbox, state } => {
            know(transaction, at, (address, organisation, mailbox.as_deref()), *state).await
        }
        Change::SetState { address, state } => {
            let set = "UPDATE accounts.account SET state = $2 WHERE address = $1";
            let changed = execute(transaction, set, &[&address.to_lowercase(), &state.as_str()]).await?;
            of_account(changed, "account.state", address, state.as_str())
        }
        Change::SetScopes { address, scopes } => {
            let set = "UPDATE accounts.account SET scopes = $2 WHERE address = $1";
            let changed = execute(transaction, set, &[&address.to_lowercase(), &scopes.to_string()]).await?;
            of_account(changed, "account.protocols", address, &scopes.to_string())
        }
        Change::Label { address, name, value } => label(transaction, address, name, value.as_deref()).await,
        Change::Remove { address } => {
            let delete = "DELETE FROM accounts.account WHERE address = $1";
            let removed = execute(transaction, delete, &[&address.to_lowercase()]).await?;
            of_account(removed, "account.remove", address, "")
        }
        Change::AddDevice(device) => {
            let id = add_device(transaction, at, device).await?;
            committed.devices.push(id);
            Ok(Some(Happening::device_added(id, device)))
        }
        Change::Revoke(device) => revoke(transaction, at, *device).await.map(Some),
        Change::Used { device, from } => {
            let used = "UPDATE accounts.device SET used = GREATEST(used, $2), used_from = $3 WHERE id = $1";
            execute(transaction, used, &[&device.0, &at.as_second(), &from.to_string()]).await?;
            Ok(None)
        }
        Change::Seen(sighting) => seen(transaction, sighting).await.map(|()| None),
        Change::AddAdministrator(one) => add_administrator(transaction, one).await.map(Some),
        Change::RemoveAdministrator { name } => {
            match execute(transaction, "DELETE FROM accounts.administrator WHERE name = $1", &[name]).await? {
                0 => Err(Trouble::Refused(happening::no_administrator(name))),
                _ => Ok(Some(Happening::administrator_removed(name))),
            }
        }
        Change::Note(happening) => Ok(Some(happening.clone())),
    }
}

async fn know(
    transaction: &Transaction<'_>,
    at: Timestamp,
    (address, organisation, mailbox): (&str, &str, Option<&str>),
    state: AccountState,
) -> Result<Option<Happening>, Trouble> {
    let address = address.to_lowercase();
    if is_known(transaction, &address).await? {
        if let Some(mailbox) = mailbox {
            // Unless somebody else has it.
            let learn = "UPDATE accounts.account AS one SET mailbox = $2 WHERE address = $1
                AND NOT EXISTS (SELECT FROM accounts.account WHERE organisation = one.organisation AND mailbox = $2)";
            execute(transaction, learn, &[&address, &mailbox]).await?;
        }
        return Ok(None);
    }
    let insert = "INSERT INTO accounts.account (address, organisation, mailbox, state, scopes, created)
                  VALUES ($1, $2, $3, $4, $5, $6)";
    let scopes = Scopes::ALL.to_string();
    let row: [&(dyn ToSql + Sync); 6] = [&address, &organisation, &mailbox, &state.as_str(), &scopes, &at.as_second()];
    execute(transaction, insert, &row).await?;
    of_account(1, "account.new", &address, state.as_str())
}

async fn label(
    transaction: &Transaction<'_>,
    address: &str,
    name: &str,
    value: Option<&str>,
) -> Result<Option<Happening>, Trouble> {
    let address = address.to_lowercase();
    if !is_known(transaction, &address).await? {
        return of_account(0, "account.label", &address, name);
    }
    match value {
        Some(value) => {
            let set = "INSERT INTO accounts.label (address, name, value) VALUES ($1, $2, $3)
                       ON CONFLICT (address, name) DO UPDATE SET value = $3";
            execute(transaction, set, &[&address, &name, &value]).await?
        }
        None => {
            let delete = "DELETE FROM accounts.label WHERE address = $1 AND name = $2";
            execute(transaction, delete, &[&address, &name]).await?
        }
    };
    of_account(1, "account.label", &address, &format!("{name}={}", value.unwrap_or_default()))
}

async fn add_device(transaction: &Transaction<'_>, at: Timestamp, new: &NewDevice) -> Result<DeviceId, Trouble> {
    let address = new.address.to_lowercase();
    if !is_known(transaction, &address).await? {
        return Err(nobody(&address));
    }
    new.check().map_err(Trouble::Refused)?;
    let (memory, passes, lanes) = new.verifier.cost;
    let [memory, passes, lanes, iterations] = [memory, passes, lanes, new.verifier.iterations].map(i64::from);
    let row = transaction
        .query_one(
            "INSERT INTO accounts.device (address, name, selector, salt, memory, passes, lanes, hash, scram_salt,
                 iterations, stored_key, server_key, login, remembered, top, scopes, read_only, networks, expires, created)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
             RETURNING id",
            &[
                &address,
                &new.name,
                &new.selector,
                &new.verifier.salt,
                &memory,
                &passes,
                &lanes,
                &new.verifier.hash,
                &new.verifier.scram_salt,
                &iterations,
                &new.verifier.stored_key.as_slice(),
                &new.verifier.server_key.as_slice(),
                &new.login,
                &new.remembered,
                &new.top,
                &new.scopes.to_string(),
                &new.read_only,
                &new.networks_text(),
                &new.expires.map(Timestamp::as_second),
                &at.as_second(),
            ],
        )
        .await?;
    Ok(DeviceId(row.try_get(0)?))
}

async fn revoke(transaction: &Transaction<'_>, at: Timestamp, id: DeviceId) -> Result<Happening, Trouble> {
    let one = "UPDATE accounts.device SET revoked = $2, remembered = NULL WHERE id = $1 AND revoked IS NULL
               RETURNING address, name";
    let Some(row) = transaction.query_opt(one, &[&id.0, &at.as_second()]).await? else {
        return Err(Trouble::Refused(happening::no_device(id)));
    };
    Ok(Happening::device_revoked(id, row.try_get(0)?, row.try_get(1)?))
}

async fn seen(transaction: &Transaction<'_>, sighting: &Sighting) -> Result<(), Trouble> {
    let Sighting { address, device, protocol, program, from, seen } = sighting;
    let device = device.map_or(0, |device| device.0);
    // Whoever was removed meanwhile is not seen.
    let note = "INSERT INTO accounts.sighting (address, device, protocol, program, came_from, first, last)
                SELECT address, $2, $3, $4, $5, $6, $7 FROM accounts.account WHERE address = $1
                ON CONFLICT (address, device, protocol, program)
                DO UPDATE SET came_from = $5, last = GREATEST(accounts.sighting.last, $7)";
    let (first, last) = (seen.0.as_second(), seen.1.as_second());
    let row: [&(dyn ToSql + Sync); 7] =
        [&address.to_lowercase(), &device, &protocol.as_str(), program, &from.to_string(), &first, &last];
    execute(transaction, note, &row).await?;
    Ok(())
}

async fn add_administrator(transaction: &Transaction<'_>, new: &Administrator) -> Result<Happening, Trouble> {
    let (memory, passes, lanes) = new.password.cost;
    let [memory, passes, lanes] = [memory, passes, lanes].map(i64::from);
    let insert = "INSERT INTO accounts.administrator (name, role, selector, salt, memory, passes, lanes, hash, created)
                  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (name) DO NOTHING";
    let Administrator { name, role, selector, password, created } = new;
    let (role, created) = (role.as_str(), created.as_second());
    let row: [&(dyn ToSql + Sync); 9] =
        [name, &role, selector, &password.salt, &memory, &passes, &lanes, &password.hash, &created];
    match execute(transaction, insert, &row).await? {
        0 => Err(Trouble::Refused(happening::is_administrator(name))),
        _ => Ok(Happening::administrator_added(new)),
    }
}

async fn is_known(transaction: &Transaction<'_>, address: &str) -> Result<bool, Trouble> {
    let one = transaction.prepare_cached("SELECT 1 FROM accounts.account WHERE address = $1").await?;
    Ok(transaction.query_opt(&one, &[&address]).await?.is_some())
}

fn of_account(changed: u64, action: &str, address: &str, detail: &str) -> Result<Option<Happening>, Trouble> {
    if changed == 0 {
        return Err(nobody(address));
    }
    Ok(Some(Happening::of_account(action, address, detail)))
}

fn nobody(address: &str) -> Trouble {
    Trouble::Refused(happening::nobody(address))
}

async fn execute(
    transaction: &Transaction<'_>,
    sql: &str,
    values: &[&(dyn ToSql + Sync)],
) -> Result<u64, tokio_postgres::Error> {
    let prepared = transaction.prepare_cached(sql).await?;
    transaction.execute(&prepared, values).await
}
