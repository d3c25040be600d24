//! A map that is older than what clients have seen of it, since it comes from a backup.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior, params};

use super::file;
use crate::Result;
use crate::tables::fault::Outcome;

/// Makes a map safe to go on with that was restored: what was given out after the backup was made is never given to something
/// else. UIDs and MODSEQs go on far above; what is known of removals ends here, so that clients compare all there is; and
/// collections of objects are told to be others, with other ETags. Messages keep their UIDs. Blocks.
///
/// # Errors
/// `Unusable` if the file is damaged, foreign, or from a newer version; `Store` if it cannot be written.
pub fn restored(file: &Path) -> Result<()> {
    let mut connection = file::reopen(file)?;
    skip(&mut connection).map_err(|fault| fault.named(file))
}

fn skip(connection: &mut Connection) -> Outcome<()> {
    let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    change.execute(
        "UPDATE mailbox SET modseq = modseq + ?1, uid_validity = uid_validity + ?2",
        params![MODSEQS, VALIDITIES],
    )?;
    change.execute(
        "UPDATE folder SET highest_modseq = mailbox.modseq, forgotten = mailbox.modseq,
             uid_next = min(uid_next + ?1, 4294967295)
         FROM mailbox",
        params![UIDS],
    )?;
    // A token of objects is known by the folder's UIDVALIDITY, which is nothing to clients of calendars.
    let collections: Vec<i64> = {
        let mut find = change.prepare("SELECT DISTINCT key >> 32 FROM object ORDER BY 1")?;
        find.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?
    };
    for folder in collections {
        change.execute("UPDATE mailbox SET uid_validity = uid_validity + 1", [])?;
        change.execute(
            "UPDATE folder SET uid_validity = mailbox.uid_validity FROM mailbox WHERE folder.id = ?1",
            [folder],
        )?;
    }
    change.execute("UPDATE object SET version = version + ?1", [VERSIONS])?;
    change.execute("UPDATE annotation SET changed = changed + ?1", [MODSEQS])?;
    Ok(change.commit()?)
}

/// More than are given out between two backups.
const UIDS: i64 = 1 << 20;
const MODSEQS: i64 = 1 << 32;
const VALIDITIES: i64 = 1 << 12;
const VERSIONS: i64 = 1 << 20;
