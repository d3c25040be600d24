//! Answers that leave piece by piece: slow ones, those that are cut or hang on request, and streams.

use std::{io, time::Duration};

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use crate::EventStream;

use super::{
    fault::{Kind, Order},
    front_end::Presence,
    record::Entry,
};

/// An answer that leaves in pieces.
pub(super) struct Pieces {
    body: Bytes,
    piece: usize,
    pause: Duration,
    end: usize,
    ending: Ending,
}

/// How a body ends that does not end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It ends well.
    None,
    /// The connection is cut.
    Cut,
    /// Nothing more comes.
    Hang,
}

impl Pieces {
    pub(super) fn new(order: &Order, body: Vec<u8>) -> Self {
        let length = body.len();
        let ending = match order.what {
            Kind::Cut => Ending::Cut,
            Kind::HangBody => Ending::Hang,
            _ => Ending::None,
        };
        let whole = ending == Ending::None;
        let end = if whole { length } else { order.bytes.unwrap_or(length / 2).min(length) };
        Self {
            body: body.into(),
            piece: if whole { order.piece.unwrap_or(256).max(1) } else { end.max(1) },
            pause: if whole { Duration::from_millis(order.pause.unwrap_or(10)) } else { Duration::ZERO },
            end,
            ending,
        }
    }

    pub(super) async fn send(self, mut released: watch::Receiver<u64>, sender: mpsc::Sender<io::Result<Bytes>>) {
        let mut start = 0;
        while start < self.end {
            let end = (start + self.piece).min(self.end);
            if sender.send(Ok(self.body.slice(start..end))).await.is_err() {
                return;
            }
            start = end;
            if !self.pause.is_zero() {
                tokio::time::sleep(self.pause).await;
            }
        }
        if self.ending == Ending::Hang {
            tokio::select! {
                _ = released.changed() => {}
                () = sender.closed() => {}
            }
        }
        if self.ending != Ending::None {
            let _ = sender.send(Err(io::Error::other("the answer is cut off on request"))).await;
        }
    }
}

/// What else ends a streaming answer, or stops it.
pub(super) struct Until {
    pub(super) stop: watch::Receiver<u64>,
    pub(super) released: watch::Receiver<u64>,
    pub(super) presence: watch::Receiver<Presence>,
}

/// Passes the documents of a streaming answer on until they end, the client leaves, or a fault ends them. From then on it
/// serves nothing, even if its body stays open.
pub(super) async fn pump(
    mut events: EventStream,
    ending: Ending,
    entry: Option<Entry>,
    mut until: Until,
    sender: mpsc::Sender<io::Result<Bytes>>,
) {
    let over = || Err(io::Error::other("the stream ends on request"));
    let mut number = 0;
    loop {
        let next = tokio::select! {
            biased;
            Ok(()) = until.stop.changed() => {
                drop(events);
                let _ = sender.send(over()).await;
                return;
            }
            Ok(()) = until.presence.changed() => {
                drop(events);
                until.silence(&sender).await;
                let _ = sender.send(over()).await;
                return;
            }
            _ = sender.closed() => return,
            next = events.next() => next,
        };
        let Some(document) = next else { return };
        number += 1;
        if let Some(entry) = &entry {
            entry.streamed(number, &document);
        }
        if sender.send(Ok(document.into())).await.is_err() {
            return;
        }
        if ending == Ending::None {
            continue;
        }
        drop(events);
        if ending == Ending::Hang {
            tokio::select! {
                _ = until.released.changed() => {}
                () = sender.closed() => {}
            }
        }
        let _ = sender.send(over()).await;
        return;
    }
}

impl Until {
    /// Waits while Exchange hangs.
    async fn silence(&mut self, sender: &mpsc::Sender<io::Result<Bytes>>) {
        tokio::select! {
            _ = self.presence.wait_for(|presence| *presence != Presence::Hanging) => {}
            () = sender.closed() => {}
        }
    }
}
