//! Learning of change in mailboxes that are not the user's own: a subscription to the folders somebody listens to, for as
//! long as somebody does. What Exchange does not tell of is looked at now and then.
//!
//! `SubscribeToAllFolders` means the mailbox of whoever signs in, so folders are named; public folders tell nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ews::op::subscribe::{Delivery, EventType, Subscribe};
use ews::op::unsubscribe::Unsubscribe;
use ews::{Client, ErrorKind, Heard, StreamingEvent};
use mailbox::FolderId;
use tokio::time::Instant;

use super::place::Root;
use crate::error::Tried;
use crate::folder_state::FolderState;
use crate::live::Live;
use crate::watch::{Watching, is_early};

/// Why a subscription ended.
enum Ending {
    /// Others are listened to now, or nobody is.
    Attention,
    /// Exchange does not tell whoever is not the owner, or nobody of this mailbox.
    Impossible,
    /// It cannot be had now, or broke.
    Trouble,
}

impl Ending {
    /// That of what could not be had.
    fn of(error: &ews::Error) -> Ending {
        match error.kind {
            ErrorKind::Unsupported | ErrorKind::Denied | ErrorKind::Refused => Ending::Impossible,
            _ => Ending::Trouble,
        }
    }
}

impl Live {
    /// Listens whenever somebody wants to be told.
    pub(crate) async fn watch_foreign(self: Arc<Self>) {
        // Each folder says for itself whether Exchange tells of it.
        self.watching.send_replace(Watching::Streaming);
        while !self.is_refused() {
            if self.listened().is_empty() {
                self.attention.notified().await;
                continue;
            }
            let ending = match self.root {
                Root::Public => Ending::Impossible,
                _ => self.subscribed_to_listened().await,
            };
            self.folders.iter().for_each(|state| state.foreign.store(true, Ordering::SeqCst));
            match ending {
                Ending::Attention => {}
                Ending::Impossible => self.poll_listened(TRY_ANYWAY).await,
                Ending::Trouble => self.poll_listened(STREAM_AGAIN).await,
            }
        }
    }

    /// The folders somebody listens to, by what Exchange calls them.
    fn listened(&self) -> Vec<Arc<FolderState>> {
        self.folders.iter().filter(|state| state.bell.listeners() > 0).map(|state| Arc::clone(&state)).collect()
    }

    async fn subscribed_to_listened(self: &Arc<Self>) -> Ending {
        let tried = Tried::new("changes could not be subscribed to");
        let (Ok(client), Ok(listing)) = (self.client(), self.known_listing().await) else { return Ending::Trouble };
        let mut covered: HashMap<FolderId, String> = HashMap::new();
        for state in self.listened() {
            if let Some(row) = listing.row(state.id) {
                covered.insert(state.id, row.folder.exchange_id.clone());
            }
        }
        if covered.is_empty() {
            return Ending::Trouble;
        }
        let folders = covered.values().map(|id| ews::FolderId::new(id).into()).collect();
        let ask = Subscribe { folders: Some(folders), events: EventType::MAIL.to_vec(), delivery: Delivery::Streaming };
        if client.is_acting() {
            return self.hear_listened(&client, ask, &covered, &tried).await;
        }
        let subscription = match client.call(&ask).await {
            Ok(subscription) => subscription.id,
            Err(error) => {
                tracing::info!(user = self.user, %error, "Exchange does not tell of this mailbox; it is looked at instead");
                self.failed(&tried, &error);
                return Ending::of(&error);
            }
        };
        self.is_told_of(&covered);
        let ending = self.listen_to(&client, &subscription, &covered).await;
        if let Ending::Attention = ending {
            // It would count against the owner's limit for half an hour more.
            let _ = client.call(&Unsubscribe { subscription: subscription.clone() }).await;
        }
        ending
    }

    /// Exchange tells of these from now on.
    fn is_told_of(self: &Arc<Self>, covered: &HashMap<FolderId, String>) {
        for folder in covered.keys() {
            let state = self.state(*folder);
            state.foreign.store(false, Ordering::SeqCst);
            // What came before the subscription was not told.
            self.changed_at_exchange(&state);
        }
    }

    /// Listens together with other mailboxes a service account acts for.
    async fn hear_listened(
        self: &Arc<Self>,
        client: &Client,
        ask: Subscribe,
        covered: &HashMap<FolderId, String>,
        tried: &Tried,
    ) -> Ending {
        let mut hearing = client.hear(ask);
        // Nothing else tells that nobody listens any more.
        let mut look = tokio::time::interval(STREAM_AGAIN);
        loop {
            let heard = tokio::select! {
                heard = hearing.next() => heard,
                () = self.attention.notified() => match self.is_covered(covered) {
                    true => continue,
                    false => return Ending::Attention,
                },
                _ = look.tick() => match self.listened().is_empty() {
                    true => return Ending::Attention,
                    false => continue,
                },
            };
            match heard {
                Heard::Listening => self.is_told_of(covered),
                Heard::Events(notifications) => self.told(&notifications).await,
                Heard::Failed(error) => {
                    tracing::info!(user = self.user, %error, "Exchange does not tell of this mailbox; it is looked at instead");
                    self.failed(tried, &error);
                    return Ending::of(&error);
                }
            }
        }
    }

    async fn listen_to(
        self: &Arc<Self>,
        client: &Client,
        subscription: &str,
        covered: &HashMap<FolderId, String>,
    ) -> Ending {
        let ids = [subscription.to_owned()];
        loop {
            let began = Instant::now();
            let mut stream = match client.stream(&ids, STREAM_MINUTES).await {
                Ok(stream) => stream,
                Err(error) => {
                    tracing::info!(user = self.user, %error, "no event stream");
                    return Ending::Trouble;
                }
            };
            loop {
                let mut next = std::pin::pin!(stream.next());
                let told = loop {
                    tokio::select! {
                        told = &mut next => break told,
                        () = self.attention.notified() => {}
                    }
                    if !self.is_covered(covered) {
                        return Ending::Attention;
                    }
                };
                match told {
                    Ok(StreamingEvent::Events(notifications)) => self.told(&notifications).await,
                    Ok(StreamingEvent::Heartbeat) if self.listened().is_empty() => return Ending::Attention,
                    Ok(StreamingEvent::Heartbeat) => {}
                    Ok(StreamingEvent::Closed) if is_early(began.elapsed(), STREAM_MINUTES) => return Ending::Trouble,
                    Ok(StreamingEvent::Closed) => break,
                    Ok(StreamingEvent::Refused { error, .. }) | Err(error) => {
                        tracing::info!(user = self.user, %error, "the event stream broke");
                        return Ending::Trouble;
                    }
                }
            }
        }
    }

    fn is_covered(&self, covered: &HashMap<FolderId, String>) -> bool {
        self.listened().iter().all(|state| covered.contains_key(&state.id))
    }

    /// Looks at what is listened to, every now and then, for that long.
    async fn poll_listened(self: &Arc<Self>, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end && !self.is_refused() {
            let listened = self.listened();
            if listened.is_empty() {
                return;
            }
            for state in listened.iter().filter(|state| state.is_older_than(self.poll.every)) {
                self.changed_at_exchange(state);
            }
            tokio::time::sleep(self.poll.every).await;
        }
    }
}

/// EWS "ConnectionTimeout": as long as there may be.
const STREAM_MINUTES: u8 = 30;
/// A stream that broke is tried again after this.
const STREAM_AGAIN: Duration = Duration::from_secs(60);
/// What Exchange refuses may be allowed later.
const TRY_ANYWAY: Duration = Duration::from_secs(30 * 60);
