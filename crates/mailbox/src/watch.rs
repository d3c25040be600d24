//! Waking. A wake-up says "look", never what happened: whoever is woken asks `delta`, so none can be lost.

use tokio::sync::watch;

/// Rings for everyone who watches.
#[derive(Clone, Debug)]
pub struct Bell {
    own: watch::Sender<()>,
    /// Rings along.
    above: Option<Box<Bell>>,
}

impl Bell {
    /// A bell nobody listens to yet.
    #[must_use]
    pub fn new() -> Self {
        Self { own: watch::Sender::new(()), above: None }
    }

    /// A bell with which this one rings, after it.
    #[must_use]
    pub fn below(&self) -> Self {
        Self { own: watch::Sender::new(()), above: Some(Box::new(self.clone())) }
    }

    /// Wakes every watch of this bell.
    pub fn ring(&self) {
        self.own.send_replace(());
        if let Some(above) = &self.above {
            above.ring();
        }
    }

    /// A watch that hears the next ring.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch(self.own.subscribe())
    }

    /// How many watches there are.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.own.receiver_count()
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

    /// True, once, if the bell has rung since this watch was made or last woke.
    pub fn take(&mut self) -> bool {
        let rung = self.0.has_changed().unwrap_or(false);
        if rung {
            self.0.mark_unchanged();
        }
        rung
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_bell_rings_along_with_those_below() {
        let above = Bell::new();
        let (one, other) = (above.below(), above.below());
        let (mut any, mut first, mut second) = (above.watch(), one.watch(), other.watch());
        one.ring();
        any.changed().await;
        assert!(first.take() && !first.take() && !second.take() && !any.take());
    }
}
