use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{Error, ErrorKind, Server};

/// Looks after something that waits for Exchange: if that takes long, it is found out whether Exchange is there at all,
/// and if it is not, nobody waits on.
#[derive(Debug)]
pub(crate) struct Vigil {
    server: Server,
    /// A silence that raises doubt.
    silence: Duration,
}

impl Vigil {
    pub(crate) fn new(server: &Server, silence: Duration) -> Vigil {
        Vigil { server: server.clone(), silence }
    }

    /// Does it, unless Exchange turns out to be away.
    pub(crate) async fn keep<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
        let breaker = &self.server.inner.breaker;
        let doubtful = async {
            loop {
                let since = Instant::now();
                sleep(self.silence).await;
                self.server.is_silent(since);
            }
        };
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = breaker.gone() => Err(breaker.check().err().unwrap_or_else(|| Error::unavailable("Exchange went away"))),
            () = doubtful => Err(Error::unavailable("Exchange is silent")),
        }
    }

    /// It met with an error: those of the way to Exchange raise doubt.
    pub(crate) fn failed(&self, error: Error) -> Error {
        if error.kind == ErrorKind::Unavailable {
            self.server.failed();
        }
        error
    }
}
