use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{Cause, Error, ErrorKind, Server};

/// Looks after something that waits for Exchange: if that takes long, it is found out whether Exchange is there at all,
/// and if it is not, nobody waits on.
#[derive(Debug)]
pub(crate) struct Vigil {
    server: Server,
    /// A silence that raises doubt.
    silence: Duration,
    /// Which of the server's endpoints is waited for, once one is.
    endpoint: Option<usize>,
}

impl Vigil {
    pub(crate) fn new(server: &Server, silence: Duration) -> Vigil {
        Vigil { server: server.clone(), silence, endpoint: None }
    }

    /// The same, over one of the server's endpoints: if that one is silent, and others are not, nobody waits for it.
    pub(crate) fn over(self, endpoint: usize) -> Vigil {
        Vigil { endpoint: Some(endpoint), ..self }
    }

    /// Does it, unless Exchange turns out to be away.
    pub(crate) async fn keep<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
        let breaker = &self.server.inner.breaker;
        let doubtful = async {
            loop {
                let since = Instant::now();
                sleep(self.silence).await;
                self.server.is_silent(since);
                if let Some(endpoint) = self.endpoint
                    && self.server.is_gone(endpoint).await
                {
                    return;
                }
            }
        };
        tokio::select! {
            biased;
            done = breaker.unless_gone(work) => done,
            () = doubtful => Err(Error::unavailable("this Exchange server is silent").because(Cause::BrokeOff)),
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
