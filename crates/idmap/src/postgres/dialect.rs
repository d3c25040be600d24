//! What SQLite understands, as PostgreSQL says it: one row for each difference.
//!
//! Tables are views of one mailbox's rows, and the mailbox is part of every key; see `schema_1.sql`.

/// The same statement for PostgreSQL.
pub(crate) fn translated(sql: &str) -> String {
    let mut sql = WORDS.iter().fold(sql.to_owned(), |sql, (ours, theirs)| sql.replace(ours, theirs));
    if let Some(rest) = sql.strip_prefix("INSERT OR IGNORE") {
        sql = format!("INSERT{rest} ON CONFLICT DO NOTHING");
    } else if let Some(rest) = sql.strip_prefix("INSERT OR REPLACE") {
        sql = format!("INSERT{rest}{}", replacing(rest));
    }
    // Nothing we say holds a question mark but where a value stands.
    sql.replace('?', "$")
}

/// What becomes of the row that is there, for `INTO table (columns) ...`.
fn replacing(insert: &str) -> String {
    let table = insert.split_whitespace().nth(1).unwrap_or_default();
    let columns = insert.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(columns, _)| columns);
    let key = KEYS.iter().find(|(name, _)| *name == table).map_or("", |(_, key)| *key);
    let is_key = |column: &&str| key.split(", ").any(|part| part == *column);
    let set: Vec<String> = columns
        .split(',')
        .map(str::trim)
        .filter(|column| !is_key(column))
        .map(|column| format!("{column} = excluded.{column}"))
        .collect();
    format!(" ON CONFLICT (mailbox, {key}) DO UPDATE SET {}", set.join(", "))
}

const WORDS: &[(&str, &str)] = &[
    // An integer is no condition.
    ("flags & 8 AND", "flags & 8 <> 0 AND"),
    (" IS ?", " IS NOT DISTINCT FROM ?"),
    (" IS NOT ?", " IS DISTINCT FROM ?"),
    // The index holds so much of them.
    (" >> 32 = ?1 AND name = ?2", " >> 32 = ?1 AND left(name, 200) = left(?2, 200) AND name = ?2"),
    (" >> 32 = ?1 AND uid = ?2", " >> 32 = ?1 AND left(uid, 200) = left(?2, 200) AND uid = ?2"),
    // 122 of these bits are random.
    ("randomblob(16)", "uuid_send(gen_random_uuid())"),
    ("max(messages,", "greatest(messages,"),
    ("max(uid_validity + 1,", "greatest(uid_validity + 1,"),
];

/// By what a row is known that takes the place of another.
const KEYS: &[(&str, &str)] = &[
    ("annotation", "folder, name"),
    ("aside", "folder"),
    ("dead_property", "folder, namespace, name"),
    ("exact_size", "email_id"),
    ("headers", "email_id"),
    ("letterhead", "email_id"),
    ("note", "name"),
    ("object_staged", "folder, hash"),
    ("object_text", "key"),
    ("object_tombstone", "key"),
    ("orphan", "email_id"),
    ("staged", "folder, hash"),
    ("staged_folder", "exchange_id"),
    ("subscription", "path"),
    ("tombstone", "folder, uid"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_translated() {
        for (ours, theirs) in [
            (
                "INSERT OR REPLACE INTO note (name, value) VALUES (?1, ?2)",
                "INSERT INTO note (name, value) VALUES ($1, $2) ON CONFLICT (mailbox, name) DO UPDATE SET \
                 value = excluded.value",
            ),
            (
                "INSERT OR IGNORE INTO ambiguous (email_id) VALUES (?1)",
                "INSERT INTO ambiguous (email_id) VALUES ($1) ON CONFLICT DO NOTHING",
            ),
            (
                "SELECT key FROM item WHERE flags & 8 AND keywords IS ?12 AND key IS NOT ?3",
                "SELECT key FROM item WHERE flags & 8 <> 0 AND keywords IS NOT DISTINCT FROM $12 AND key IS DISTINCT \
                 FROM $3",
            ),
        ] {
            assert_eq!(translated(ours), theirs);
        }
    }
}
