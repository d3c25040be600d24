//! Leases: which node synchronises a mailbox. All times are those of the server's clock.

use std::time::Duration;

use tokio_postgres::Row;

use super::Server;
use crate::Result;

/// Counts how often a mailbox's lease was taken. Who has an older one writes nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeaseEpoch(pub u64);

/// Who has a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The node.
    pub node: String,
    /// Its lease.
    pub epoch: LeaseEpoch,
    /// For how long, if it is not renewed.
    pub left: Duration,
}

/// # Errors
/// `Away`, `Store`.
#[allow(clippy::missing_errors_doc, reason = "said once for all, above")]
impl Server {
    /// Takes the lease of a mailbox that nobody has, or had until now, or that this node has: `None` if another node
    /// has it. Each lease that is taken ends those before it.
    pub async fn lease(&self, mailbox: &str, ttl: Duration) -> Result<Option<LeaseEpoch>> {
        self.0.number(mailbox).await?;
        let take = "UPDATE idmap.mailbox
                    SET lease_epoch = lease_epoch + 1, lease_node = $2,
                        lease_until = clock_timestamp() + $3 * interval '1 millisecond'
                    WHERE name = $1 AND (lease_node IS NULL OR lease_node = $2 OR lease_until <= clock_timestamp())
                    RETURNING lease_epoch";
        let taken = self.0.rows(take, &[&mailbox, &self.0.node, &milliseconds(ttl)]).await?;
        taken.first().map(|row| self.epoch(row)).transpose()
    }

    /// Holds a lease for longer. False if it is over, because it was released or another node has taken it.
    pub async fn renew(&self, mailbox: &str, epoch: LeaseEpoch, ttl: Duration) -> Result<bool> {
        let renew = "UPDATE idmap.mailbox SET lease_until = clock_timestamp() + $4 * interval '1 millisecond'
                     WHERE name = $1 AND lease_node = $2 AND lease_epoch = $3 RETURNING lease_epoch";
        let values = (number(epoch), milliseconds(ttl));
        Ok(!self.0.rows(renew, &[&mailbox, &self.0.node, &values.0, &values.1]).await?.is_empty())
    }

    /// Gives a lease back. One that is over stays as it is.
    pub async fn release(&self, mailbox: &str, epoch: LeaseEpoch) -> Result<()> {
        let release = "UPDATE idmap.mailbox SET lease_node = NULL, lease_until = NULL
                       WHERE name = $1 AND lease_node = $2 AND lease_epoch = $3";
        self.0.rows(release, &[&mailbox, &self.0.node, &number(epoch)]).await?;
        Ok(())
    }

    /// Who has the lease of a mailbox at this moment.
    pub async fn holder(&self, mailbox: &str) -> Result<Option<Holder>> {
        let find = "SELECT lease_epoch, lease_node,
                           (1000 * extract(epoch FROM lease_until - clock_timestamp()))::bigint
                    FROM idmap.mailbox WHERE name = $1 AND lease_node IS NOT NULL AND lease_until > clock_timestamp()";
        let found = self.0.rows(find, &[&mailbox]).await?;
        let Some(row) = found.first() else { return Ok(None) };
        let node = row.try_get(1).map_err(|error| self.0.error(error))?;
        let left: i64 = row.try_get(2).map_err(|error| self.0.error(error))?;
        let left = Duration::from_millis(u64::try_from(left).unwrap_or_default());
        Ok(Some(Holder { node, epoch: self.epoch(row)?, left }))
    }

    fn epoch(&self, row: &Row) -> Result<LeaseEpoch> {
        let epoch: i64 = row.try_get(0).map_err(|error| self.0.error(error))?;
        Ok(LeaseEpoch(epoch.unsigned_abs()))
    }
}

fn number(epoch: LeaseEpoch) -> i64 {
    i64::try_from(epoch.0).unwrap_or(i64::MAX)
}

fn milliseconds(ttl: Duration) -> f64 {
    ttl.as_secs_f64() * 1000.0
}
