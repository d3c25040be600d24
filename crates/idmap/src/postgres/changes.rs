//! What other nodes change, as this one hears of it.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{broadcast, mpsc};
use tokio::task::{AbortHandle, JoinSet};
use tokio_postgres::{AsyncMessage, Client};

use super::desk::{CHANNEL, Desk};
use super::pool::delay;
use super::{Address, Trouble};

/// Something that another node did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The map of this mailbox is another.
    Mailbox(String),
    /// Any map may be another: the server, or we, were away for some time.
    Everything,
}

/// Changes that other nodes make, in the order of their commits.
#[derive(Debug)]
pub struct Changes(pub(super) broadcast::Receiver<Change>);

impl Changes {
    /// The next one; `None` once the server's last handle is gone. What came too fast to be told one by one is told as
    /// `Everything`.
    pub async fn next(&mut self) -> Option<Change> {
        match self.0.recv().await {
            Ok(change) => Some(change),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(Change::Everything),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

/// Hears, for as long as it lives, what other nodes tell, and connects again whenever it was cut off.
pub(crate) struct Listener {
    ears: Arc<Ears>,
    task: Mutex<Option<AbortHandle>>,
}

struct Ears {
    address: Address,
    node: String,
    listening: AtomicBool,
    told: broadcast::Sender<Change>,
    /// Maps that are open in this node.
    desks: Mutex<HashMap<String, Weak<Desk>>>,
}

impl Listener {
    pub(crate) fn new(address: Address, node: &str) -> Self {
        let (told, _) = broadcast::channel(BACKLOG);
        let (listening, desks) = (AtomicBool::new(false), Mutex::default());
        let ears = Arc::new(Ears { address, node: node.to_owned(), listening, told, desks });
        Self { ears, task: Mutex::new(None) }
    }

    /// Begins to listen.
    pub(crate) fn start(&self) {
        let task = tokio::spawn(Arc::clone(&self.ears).listen());
        let before = locked(&self.task).replace(task.abort_handle());
        before.inspect(AbortHandle::abort);
    }

    pub(crate) fn subscribe(&self) -> Changes {
        Changes(self.ears.told.subscribe())
    }

    /// True while nothing is missed.
    pub(crate) fn listens(&self) -> bool {
        self.ears.listening.load(Ordering::SeqCst)
    }

    /// The map of a mailbox, if it is open.
    pub(crate) fn desk(&self, name: &str) -> Option<Arc<Desk>> {
        locked(&self.ears.desks).get(name)?.upgrade()
    }

    /// The map of a mailbox, opened by one caller only.
    pub(crate) fn desk_or(&self, name: &str, open: impl FnOnce() -> Desk) -> Arc<Desk> {
        let mut desks = locked(&self.ears.desks);
        if let Some(desk) = desks.get(name).and_then(Weak::upgrade) {
            return desk;
        }
        desks.retain(|_, desk| desk.strong_count() > 0);
        let desk = Arc::new(open());
        desks.insert(name.to_owned(), Arc::downgrade(&desk));
        desk
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        locked(&self.task).take().inspect(AbortHandle::abort);
    }
}

impl Ears {
    async fn listen(self: Arc<Self>) {
        let mut failures = 0;
        loop {
            let heard = self.hear().await;
            if self.listening.swap(false, Ordering::SeqCst) {
                failures = 0;
            }
            let reason = heard.map_or_else(|trouble| trouble.to_string(), |()| "it closed the connection".to_owned());
            tracing::warn!(server = self.address.name(), reason, "news of other nodes do not come; trying again");
            tokio::time::sleep(delay(failures)).await;
            failures = failures.saturating_add(1);
        }
    }

    /// Returns once the connection is gone.
    async fn hear(&self) -> Result<(), Trouble> {
        let slow = |_| Trouble::Away("no answer in time".to_owned());
        let connect = self.address.config.connect(self.address.tls.clone());
        let (client, mut connection) = tokio::time::timeout(ANSWER, connect).await.map_err(slow)??;
        let (tell, mut told) = mpsc::unbounded_channel();
        // It goes with this future.
        let mut pump = JoinSet::new();
        pump.spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notification(notification) = message {
                    drop(tell.send(notification.payload().to_owned()));
                }
            }
        });
        asked(&client, &format!("LISTEN {CHANNEL}")).await?;
        self.listening.store(true, Ordering::SeqCst);
        self.everything();
        loop {
            match tokio::time::timeout(QUIET, told.recv()).await {
                Ok(Some(payload)) => self.heard(&payload),
                Ok(None) => return Ok(()),
                // A server that is gone without a word is found out.
                Err(_) => asked(&client, "").await?,
            }
        }
    }

    fn heard(&self, payload: &str) {
        let Some((node, mailbox)) = payload.split_once('\n') else { return };
        if node == self.node {
            return;
        }
        if mailbox.is_empty() {
            return self.everything();
        }
        if let Some(desk) = locked(&self.desks).get(mailbox).and_then(Weak::upgrade) {
            desk.changed();
        }
        // Nobody may be listening.
        drop(self.told.send(Change::Mailbox(mailbox.to_owned())));
    }

    fn everything(&self) {
        let desks: Vec<_> = locked(&self.desks).values().filter_map(Weak::upgrade).collect();
        for desk in desks {
            desk.changed();
        }
        drop(self.told.send(Change::Everything));
    }
}

async fn asked(client: &Client, sql: &str) -> Result<(), Trouble> {
    let answer = tokio::time::timeout(ANSWER, client.batch_execute(sql)).await;
    Ok(answer.map_err(|_| Trouble::Away("no answer in time".to_owned()))??)
}

/// What a node tells of a mailbox; of one with a name longer than a notification, nothing in particular.
pub(super) fn news(node: &str, mailbox: &str) -> String {
    let mailbox = if node.len() + mailbox.len() < LONGEST { mailbox } else { "" };
    format!("{node}\n{mailbox}")
}

/// A text as SQL has it.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes; PostgreSQL takes less than 8000.
const LONGEST: usize = 7900;

/// Changes kept for whoever is slow.
const BACKLOG: usize = 4096;

const ANSWER: Duration = Duration::from_secs(10);
const QUIET: Duration = Duration::from_secs(15);
