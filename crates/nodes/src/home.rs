//! Which state belongs to which mailbox, however its owner names it, on whichever node.

use crate::{Nodes, Result};

impl Nodes {
    /// The name by which the state of a mailbox is found. `top` is what Exchange calls it; `has_state` is true if there
    /// is state under the name its owner came by, which is never moved.
    ///
    /// # Errors
    /// If the database cannot be asked.
    pub async fn home(&self, organisation: &str, user: &str, top: &str, has_state: bool) -> Result<String> {
        let mut client = self.0.pool.get().await?;
        let one = client.prepare_cached("SELECT name FROM nodes.home WHERE organisation = $1 AND top = $2").await?;
        let known: Option<String> = match client.query_opt(&one, &[&organisation, &top]).await? {
            Some(row) => Some(row.try_get(0)?),
            None => None,
        };
        match known {
            Some(_) if has_state => return Ok(user.to_owned()),
            Some(name) => return Ok(name),
            None => {}
        }
        let transaction = client.transaction().await?;
        // Of two nodes that a new mailbox comes to by two names, one decides.
        transaction.execute("LOCK TABLE nodes.home IN SHARE ROW EXCLUSIVE MODE", &[]).await?;
        // After a migration the old id is nobody's.
        let forget = "DELETE FROM nodes.home WHERE organisation = $1 AND name = $2
                      AND NOT EXISTS (SELECT FROM nodes.home WHERE organisation = $1 AND top = $3)";
        transaction.execute(forget, &[&organisation, &user, &top]).await?;
        let keep = "INSERT INTO nodes.home (organisation, top, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        transaction.execute(keep, &[&organisation, &top, &user]).await?;
        let name = transaction.query_one(&one, &[&organisation, &top]).await?.try_get(0)?;
        transaction.commit().await?;
        Ok(if has_state { user.to_owned() } else { name })
    }
}
