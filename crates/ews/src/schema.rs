//! In which version of the schema a mailbox is asked, as far as is known: what the server says it is, and what was
//! refused. Mailboxes of one organisation may live on servers of different ages.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::types::ServerVersion;
use crate::{Error, ErrorKind, Version};

/// What is known of a mailbox's server.
#[derive(Debug, Default)]
pub(crate) struct Schema(Mutex<State>);

#[derive(Clone, Copy, Debug, Default)]
struct State {
    server: Option<ServerVersion>,
    /// Nothing newer is understood: told in an earlier run, or found out by being refused.
    understood: Option<Version>,
}

impl Schema {
    /// The version to ask in: what is wished, if the server is not older.
    pub(crate) fn version(&self, required: Version, wished: Version) -> Result<Version, Error> {
        let wished = wished.max(Version::Exchange2007Sp1);
        let newest = self.newest().unwrap_or(wished);
        if required > newest {
            let told = format!("this needs {}, the server is {}", required.as_str(), newest.as_str());
            return Err(Error::new(ErrorKind::Unsupported, told));
        }
        Ok(wished.min(newest))
    }

    /// The newest version that is known to be worth asking in.
    pub(crate) fn newest(&self) -> Option<Version> {
        let state = self.lock();
        let told = state.server.map(ServerVersion::newest_request);
        [told, state.understood].into_iter().flatten().min()
    }

    /// What the server says it is.
    pub(crate) fn server(&self) -> Option<ServerVersion> {
        self.lock().server
    }

    /// Takes what an earlier run found out. What this one knows already counts more.
    pub(crate) fn told(&self, newest: Version) {
        let mut state = self.lock();
        state.understood = state.understood.or(Some(newest).filter(|_| state.server.is_none()));
    }

    /// Takes what the server says it is. One of a newer make may understand what the one before did not, as after an
    /// update or a move; several servers that take turns do not undo what was refused.
    pub(crate) fn learn(&self, server: ServerVersion) {
        let mut state = self.lock();
        let known = state.server.map(ServerVersion::newest_request);
        let now = server.newest_request();
        if known.is_some_and(|known| known < now) || known.is_none() && state.understood.is_some_and(|old| old < now) {
            state.understood = None;
        }
        if known.is_none_or(|known| known <= now) {
            state.server = Some(server);
        }
    }

    /// Remembers that a version was refused: the next older one that servers are known by is tried.
    pub(crate) fn refused(&self, refused: Version) {
        let older = STEPS.into_iter().find(|step| *step < refused);
        let mut state = self.lock();
        if let Some(older) = older
            && state.understood.is_none_or(|understood| understood > older)
        {
            state.understood = Some(older);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is tried in turn with a server that refuses a version without saying which it knows.
const STEPS: [Version; 5] = [
    Version::Exchange2013Sp1,
    Version::Exchange2010Sp2,
    Version::Exchange2010Sp1,
    Version::Exchange2007Sp1,
    Version::Exchange2007,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn server(major: u16, minor: u16) -> ServerVersion {
        ServerVersion { major, minor, build: 900, revision: 0 }
    }

    #[test]
    fn the_servers_word_counts_until_it_refuses_more() {
        let schema = Schema::default();
        assert_eq!(schema.version(Version::Exchange2007, Version::Exchange2016).unwrap(), Version::Exchange2016);
        schema.learn(server(15, 1));
        assert_eq!(schema.newest(), Some(Version::Exchange2016));
        schema.refused(Version::Exchange2016);
        schema.learn(server(15, 1));
        assert_eq!(schema.newest(), Some(Version::Exchange2013Sp1), "a mailbox on an older server behind this one");
        schema.refused(Version::Exchange2016);
        assert_eq!(schema.newest(), Some(Version::Exchange2013Sp1), "refused twice at the same time counts once");
        schema.learn(server(14, 3));
        assert_eq!(schema.server(), Some(server(15, 1)), "servers take turns");
        assert_eq!(
            schema.version(Version::Exchange2016, Version::Exchange2016).unwrap_err().kind,
            ErrorKind::Unsupported
        );
    }

    #[test]
    fn a_server_that_says_nothing_is_found_out_step_by_step() {
        let schema = Schema::default();
        let mut asked = Vec::new();
        while let Ok(version) = schema.version(Version::Exchange2007, Version::Exchange2016) {
            if asked.last() == Some(&version) {
                break;
            }
            asked.push(version);
            schema.refused(version);
        }
        let names: Vec<_> = asked.iter().map(|version| version.as_str()).collect();
        let steps = ["Exchange2016", "Exchange2013_SP1", "Exchange2010_SP2", "Exchange2010_SP1", "Exchange2007_SP1"];
        assert_eq!(names, [steps.as_slice(), &["Exchange2007"]].concat());
    }

    #[test]
    fn what_an_earlier_run_found_out_is_believed_until_the_server_is_newer() {
        let schema = Schema::default();
        schema.told(Version::Exchange2010Sp2);
        assert_eq!(schema.newest(), Some(Version::Exchange2010Sp2));
        schema.learn(server(14, 3));
        assert_eq!(schema.newest(), Some(Version::Exchange2010Sp2));
        schema.learn(server(15, 1));
        assert_eq!(schema.newest(), Some(Version::Exchange2016));
        schema.told(Version::Exchange2007Sp1);
        assert_eq!(schema.newest(), Some(Version::Exchange2016), "this run knows better");
    }
}
