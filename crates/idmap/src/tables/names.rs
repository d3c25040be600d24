//! Small tables: subscriptions, keywords for categories, notes.

use crate::sql::{Connection, OptionalExtension, params};
use mailbox::{FolderPath, Keyword, Subscription};

use super::fault::Outcome;
use crate::key;

pub(crate) fn subscriptions(connection: &Connection) -> Outcome<Vec<(FolderPath, Subscription)>> {
    let mut all = connection.prepare_cached("SELECT path, subscribed FROM subscription")?;
    let rows = all.query_map([], |row| Ok((row.get::<Vec<u8>>(0)?, row.get(1)?)))?;
    let mut wishes = rows
        .map(|row| {
            let (bytes, subscribed) = row?;
            Ok((path(&bytes), if subscribed { Subscription::Subscribed } else { Subscription::Unsubscribed }))
        })
        .collect::<Outcome<Vec<_>>>()?;
    wishes.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(wishes)
}

pub(crate) fn subscribe(connection: &Connection, path: &FolderPath, wish: Subscription) -> Outcome<()> {
    connection.execute(
        "INSERT OR REPLACE INTO subscription (path, subscribed) VALUES (?1, ?2)",
        params![path_bytes(path), wish == Subscription::Subscribed],
    )?;
    Ok(())
}

/// A name may hold any character, so each comes with its length, in four bytes.
fn path_bytes(path: &FolderPath) -> Vec<u8> {
    let mut bytes = Vec::new();
    for name in &path.0 {
        bytes.extend(u32::try_from(name.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(name.as_bytes());
    }
    bytes
}

fn path(mut bytes: &[u8]) -> FolderPath {
    let mut names = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX).min(rest.len());
        let (name, rest) = rest.split_at(length);
        names.push(String::from_utf8_lossy(name).into_owned());
        bytes = rest;
    }
    FolderPath(names)
}

/// A keyword made for a category ends in a hash of it, so that it is no other category's own name.
pub(crate) fn keywords_for(connection: &Connection, categories: &[String]) -> Outcome<Vec<Keyword>> {
    let mut keywords = Vec::with_capacity(categories.len());
    for category in categories {
        if is_atom(category) {
            keywords.push(Keyword::new(category));
            continue;
        }
        let made = made_keyword(category);
        connection
            .prepare_cached("INSERT OR IGNORE INTO category (category, keyword) VALUES (?1, ?2)")?
            .execute(params![category, made])?;
        keywords.push(Keyword::new(&made));
    }
    Ok(keywords)
}

pub(crate) fn categories_for(connection: &Connection, keywords: &[Keyword]) -> Outcome<Vec<String>> {
    let mut find = connection.prepare_cached("SELECT category FROM category WHERE lower(keyword) = lower(?1)")?;
    let mut categories = Vec::with_capacity(keywords.len());
    for keyword in keywords {
        let category = find.query_row([keyword.as_str()], |row| row.get(0)).optional()?;
        categories.push(category.unwrap_or_else(|| keyword.as_str().to_owned()));
    }
    Ok(categories)
}

fn made_keyword(category: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '.' { c } else { '_' };
    let readable: String = category.chars().map(plain).take(40).collect();
    let [a, b, c, d, ..] = key::change_key(category.as_bytes());
    format!("{readable}.{a:02x}{b:02x}{c:02x}{d:02x}")
}

/// `atom = 1*ATOM-CHAR`; `atom-specials = "(" / ")" / "{" / SP / CTL / list-wildcards / quoted-specials /
/// resp-specials` (RFC 9051 section 9)
fn is_atom(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"(){%*\"\\]".contains(&byte))
}

pub(crate) fn note(connection: &Connection, name: &str) -> Outcome<Option<String>> {
    let mut find = connection.prepare_cached("SELECT value FROM note WHERE name = ?1")?;
    Ok(find.query_row([name], |row| row.get(0)).optional()?)
}

pub(crate) fn put_note(connection: &Connection, name: &str, value: &str) -> Outcome<()> {
    let mut put = connection.prepare_cached("INSERT OR REPLACE INTO note (name, value) VALUES (?1, ?2)")?;
    put.execute([name, value])?;
    Ok(())
}
