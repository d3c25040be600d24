//! Waking. A wake-up says "look", never what happened: whoever is woken asks `delta`, so none can be lost.

use tokio::sync::watch;

/// Rings for everyone who watches.
#[derive(Clone, Debug)]
pub struct Bell(watch::Sender<()>);

impl Bell {
    /// A bell nobody listens to yet.
    #[must_use]
    pub fn new() -> Self {
        Self(watch::Sender::new(()))
    }

    /// Wakes every watch of this bell.
    pub fn ring(&self) {
        self.0.send_replace(());
    }

    /// A watch that hears the next ring.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch(self.0.subscribe())
    }

    /// How many watches there are.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.0.receiver_count()
    }
}

impl Default for Bell {
    fn default() -> Self {
        Self::new()
    }
}

/// Hears a [`Bell`].
#[derive(Clone, Debug)]
pub struct Watch(watch::Receiver<()>);

impl Watch {
    /// Returns when the bell has rung since this watch was made or last woke; at once if it already has.
    /// Never returns after the bell is gone. Cancel-safe.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
