//! Faults on request: what goes wrong, for which requests, and how often.

pub(super) mod damage;
pub(super) mod document;

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use memchr::memmem;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// The faults that are ordered and not used up.
#[derive(Default)]
pub(super) struct Faults {
    orders: Mutex<Vec<Pending>>,
    tickets: AtomicU64,
    /// Counts the orders to end streams; open streams end when it changes.
    stream_ends: watch::Sender<u64>,
    /// Counts the orders to forget all faults; what hangs is let go when it changes.
    releases: watch::Sender<u64>,
    /// Operations that are to be carried out late, and are not done yet.
    late: watch::Sender<usize>,
}

/// What a test asks for with `POST /fault`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    /// What goes wrong.
    pub(super) what: Kind,
    /// How many times; `"forever"` until cleared.
    #[serde(default)]
    pub(super) times: Times,
    /// Only for this operation, such as `GetItem`; else for all where it makes sense.
    pub(super) operation: Option<String>,
    /// Only for this user (an address).
    pub(super) user: Option<String>,
    /// Only requests that send mail: SendItem, and CreateItem and UpdateItem with a disposition to send.
    #[serde(default)]
    pub(super) sends: bool,
    /// Only at this front end.
    pub(super) front_end: Option<usize>,
    /// Let this many fitting requests pass first.
    #[serde(default)]
    pub(super) skip: u64,
    /// Only each `every`-th fitting request.
    pub(super) every: Option<u64>,
    /// Only so many of a hundred requests that are due, chosen by chance, the same ones for the same `seed`.
    pub(super) chance: Option<u64>,
    /// See `chance`.
    #[serde(default)]
    pub(super) seed: u64,
    /// HTTP status of `html` (200) and `empty` (200).
    pub(super) status: Option<u16>,
    /// Seconds in the Retry-After of `unavailable`.
    pub(super) retry_after: Option<u64>,
    /// BackOffMilliseconds of `busy`, `busy_sync` and `busy_inside`.
    pub(super) back_off: Option<u64>,
    /// The response code of `refused`: ErrorMessageSubmissionBlocked, if nothing is said.
    pub(super) code: Option<String>,
    /// What `nul_char` puts into texts: `&#x0;`, or for instance `&#x1f;`.
    pub(super) text: Option<String>,
    /// Bytes that `truncated`, `truncated_marker`, `cut` and `hang_body` let through; else half of the answer.
    pub(super) bytes: Option<usize>,
    /// Bytes per piece of `drip`.
    pub(super) piece: Option<usize>,
    /// Milliseconds between the pieces of `drip`; how long `delay` and `cut_late` wait before they carry out.
    pub(super) pause: Option<u64>,
    /// Item id that `corrupt_item` and `mime_failed` hit, in requests that name it; else `index` counts.
    pub(super) item: Option<String>,
    /// Place in the batch that `corrupt_item` and `mime_failed` hit; else the middle.
    pub(super) index: Option<usize>,
    /// Whether `empty`, `html`, `unavailable`, `refused` and `hang` carry the operation out before they fail.
    #[serde(default)]
    pub(super) carried_out: bool,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// A character reference XML forbids, in each subject or display name.
    NulChar,
    /// The answer ends early, and HTTP does not tell.
    Truncated,
    /// The same with the mark that Microsoft documents: `=== Truncated Data ===`.
    TruncatedMarker,
    /// Status 200 and no body.
    Empty,
    /// A web page where XML is due.
    Html,
    /// 503 of the IIS queue.
    Unavailable,
    /// SOAP fault ErrorServerBusy with BackOffMilliseconds.
    Busy,
    /// ErrorServerBusy inside HTTP 200, with an empty SyncState and IncludesLastItemInRange true.
    BusySync,
    /// ErrorInternalServerError inside HTTP 200, with ErrorServerBusy and BackOffMilliseconds in its MessageXml.
    BusyInside,
    /// An error message for the one thing that was asked for, with `code`.
    Refused,
    /// The connection is cut in the middle of the answer.
    Cut,
    /// The operation is carried out, and the connection is cut before the first byte of the answer.
    CutAfter,
    /// The connection is cut, and nothing is carried out: the request was lost on its way.
    Lost,
    /// The operation is carried out `pause` milliseconds later, whether the client waits for it or not.
    Delay,
    /// The connection is cut at once, and the operation is carried out `pause` milliseconds later.
    CutLate,
    /// The answer comes in small pieces with pauses.
    Drip,
    /// One item of a batch answers ErrorItemCorrupt.
    CorruptItem,
    /// 401 though the password is right.
    Unauthorized,
    /// ErrorInvalidSyncStateData for a request that brings a SyncState.
    InvalidSyncState,
    /// Streaming connections end without a word.
    StreamEnd,
    /// One item of a batch answers ErrorMimeContentConversionFailed.
    MimeFailed,
    /// The request is taken, and nothing is sent: until the client leaves or the faults are cleared.
    Hang,
    /// The head and the first bytes of the answer (of a stream: its first document) are sent, and then nothing.
    HangBody,
}

/// An operation that is carried out late, until it is done and this is dropped.
pub(super) struct Late(watch::Sender<usize>);

impl Drop for Late {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Times {
    /// So many times.
    Count(u64),
    /// Until cleared.
    Forever(Forever),
}

/// The word `forever`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Forever {
    /// Until cleared.
    Forever,
}

impl Default for Times {
    fn default() -> Self {
        Self::Count(1)
    }
}

/// A fault that is due now.
pub(super) struct Due {
    pub(super) order: Order,
    ticket: u64,
}

struct Pending {
    order: Order,
    ticket: u64,
    fitting: u64,
    left: Option<u64>,
}

impl Faults {
    /// Adds an order. `stream_end` ends the streams that are open at once, which counts as one time if there are any.
    pub(super) fn order(&self, order: Order, open_streams: bool) {
        let mut left = match order.times {
            Times::Count(count) => Some(count),
            Times::Forever(_) => None,
        };
        if order.what == Kind::StreamEnd && open_streams {
            self.stream_ends.send_modify(|count| *count += 1);
            left = left.map(|left| left.saturating_sub(1));
        }
        if left != Some(0) {
            let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
            self.pending().push(Pending { order, ticket, fitting: 0, left });
        }
    }

    pub(super) fn clear(&self) {
        self.pending().clear();
        self.releases.send_modify(|count| *count += 1);
    }

    /// Changes when what hangs is to be let go.
    pub(super) fn releases(&self) -> watch::Receiver<u64> {
        self.releases.subscribe()
    }

    /// What is still to come.
    pub(super) fn waiting(&self) -> Vec<Order> {
        let order = |pending: &Pending| Order {
            times: pending.left.map_or(Times::Forever(Forever::Forever), Times::Count),
            ..pending.order.clone()
        };
        self.pending().iter().map(order).collect()
    }

    /// The fault for this request, if one is ordered: the first that fits.
    pub(super) fn pick(&self, operation: &str, user: &str, front_end: usize, request: &[u8]) -> Option<Due> {
        let mut pending = self.pending();
        let chosen = pending.iter_mut().position(|pending| {
            if !pending.order.fits(operation, user, front_end, request) {
                return false;
            }
            pending.fitting += 1;
            let due = pending.fitting.checked_sub(pending.order.skip + 1);
            let due = due.is_some_and(|turn| (turn + 1) % pending.order.every.unwrap_or(1).max(1) == 0)
                && pending.order.happens(pending.fitting);
            if due {
                pending.left = pending.left.map(|left| left.saturating_sub(1));
            }
            due
        })?;
        let due = pending.get(chosen).map(|pending| Due { order: pending.order.clone(), ticket: pending.ticket })?;
        pending.retain(|pending| pending.left != Some(0));
        Some(due)
    }

    /// The answer had nothing in it to damage: the fault is still to come.
    pub(super) fn give_back(&self, due: Due) {
        let mut pending = self.pending();
        match pending.iter_mut().find(|pending| pending.ticket == due.ticket) {
            Some(pending) => pending.left = pending.left.map(|left| left + 1),
            None => {
                let order = Order { skip: 0, every: None, ..due.order };
                pending.insert(0, Pending { order, ticket: due.ticket, fitting: 0, left: Some(1) });
            }
        }
    }

    /// Counts an operation that is to be carried out late.
    pub(super) fn late(&self) -> Late {
        self.late.send_modify(|count| *count += 1);
        Late(self.late.clone())
    }

    /// How many operations are still to be carried out.
    pub(super) fn count_late(&self) -> usize {
        *self.late.borrow()
    }

    /// Comes back when all of them are done.
    pub(super) async fn caught_up(&self) {
        // The sender is in `self`.
        let _ = self.late.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Changes when open streams are to end.
    pub(super) fn stream_ends(&self) -> watch::Receiver<u64> {
        self.stream_ends.subscribe()
    }

    fn pending(&self) -> std::sync::MutexGuard<'_, Vec<Pending>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Order {
    fn fits(&self, operation: &str, user: &str, front_end: usize, request: &[u8]) -> bool {
        self.operation.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(operation))
            && self.user.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(user))
            && self.front_end.is_none_or(|wanted| wanted == front_end)
            && (!self.sends || sends(operation, request))
            && self.item.as_deref().is_none_or(|item| memmem::find(request, item.as_bytes()).is_some())
            && self.what.makes_sense(operation, request)
    }
}

impl Order {
    /// Whether chance wants it for this request.
    fn happens(&self, request: u64) -> bool {
        // The finalizer of SplitMix64: neighbouring numbers give unlike ones.
        let mixed = |number: u64, shift: u32, factor: u64| (number ^ (number >> shift)).wrapping_mul(factor);
        let number = self.seed.wrapping_add(request).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let number = mixed(mixed(number, 30, 0xBF58_476D_1CE4_E5B9), 27, 0x94D0_49BB_1331_11EB);
        self.chance.is_none_or(|percent| (number ^ (number >> 31)) % 100 < percent)
    }
}

/// Whether a request sends mail.
fn sends(operation: &str, request: &[u8]) -> bool {
    let disposed = || {
        [&b"MessageDisposition=\"Send"[..], b"MessageDisposition='Send"]
            .into_iter()
            .any(|sign| memmem::find(request.get(..request.len().min(8192)).unwrap_or_default(), sign).is_some())
    };
    operation == "SendItem" || (["CreateItem", "UpdateItem"].contains(&operation) && disposed())
}

impl Kind {
    /// The name in JSON.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::NulChar => "nul_char",
            Self::Truncated => "truncated",
            Self::TruncatedMarker => "truncated_marker",
            Self::Empty => "empty",
            Self::Html => "html",
            Self::Unavailable => "unavailable",
            Self::Busy => "busy",
            Self::BusySync => "busy_sync",
            Self::BusyInside => "busy_inside",
            Self::Refused => "refused",
            Self::Cut => "cut",
            Self::CutAfter => "cut_after",
            Self::Lost => "lost",
            Self::Delay => "delay",
            Self::CutLate => "cut_late",
            Self::Drip => "drip",
            Self::CorruptItem => "corrupt_item",
            Self::Unauthorized => "unauthorized",
            Self::InvalidSyncState => "invalid_sync_state",
            Self::StreamEnd => "stream_end",
            Self::MimeFailed => "mime_failed",
            Self::Hang => "hang",
            Self::HangBody => "hang_body",
        }
    }

    fn makes_sense(self, operation: &str, request: &[u8]) -> bool {
        match self {
            Self::BusySync => operation == "SyncFolderItems",
            Self::BusyInside | Self::Refused => document::can_refuse(operation),
            Self::InvalidSyncState => operation.starts_with("SyncFolder") && brings_sync_state(request),
            Self::CorruptItem => operation == "GetItem",
            Self::MimeFailed => operation == "GetItem" && asks_for_mime(request),
            Self::StreamEnd => operation == "GetStreamingEvents",
            _ => true,
        }
    }
}

fn brings_sync_state(request: &[u8]) -> bool {
    memmem::find(request, b"SyncState>").and_then(|at| request.get(at + 10)).is_some_and(|&next| next != b'<')
}

fn asks_for_mime(request: &[u8]) -> bool {
    [&b"IncludeMimeContent>true"[..], b"IncludeMimeContent>1", b"item:MimeContent"]
        .into_iter()
        .any(|sign| memmem::find(request, sign).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(orders: &[&str]) -> Faults {
        let faults = Faults::default();
        for order in orders {
            faults.order(serde_json::from_str(order).unwrap(), false);
        }
        faults
    }

    fn picks(faults: &Faults, operation: &str, count: usize) -> Vec<bool> {
        (0..count).map(|_| faults.pick(operation, "a@a.test", 0, b"").is_some()).collect()
    }

    #[test]
    fn orders_are_used_up() {
        let faults = ordered(&[r#"{"what":"busy","times":2}"#]);
        assert_eq!(picks(&faults, "GetItem", 3), [true, true, false]);
        assert!(faults.waiting().is_empty());
    }

    #[test]
    fn what_could_not_be_done_is_still_to_come() {
        let faults = ordered(&[r#"{"what":"nul_char"}"#]);
        let due = faults.pick("GetItem", "", 0, b"").unwrap();
        assert!(faults.waiting().is_empty());
        faults.give_back(due);
        assert_eq!(picks(&faults, "GetItem", 2), [true, false]);
    }

    #[test]
    fn forever_lasts_until_cleared() {
        let faults = ordered(&[r#"{"what":"html","times":"forever","operation":"GetItem"}"#]);
        assert_eq!(picks(&faults, "GetItem", 4), [true; 4]);
        assert_eq!(picks(&faults, "GetFolder", 1), [false]);
        faults.clear();
        assert_eq!(picks(&faults, "GetItem", 1), [false]);
    }

    #[test]
    fn some_requests_are_let_through() {
        let faults = ordered(&[r#"{"what":"cut","times":2,"skip":1,"every":2}"#]);
        assert_eq!(picks(&faults, "GetItem", 6), [false, false, true, false, true, false]);
    }

    #[test]
    fn chance_is_the_same_for_the_same_seed() {
        let order = |seed: u64| format!(r#"{{"what":"lost","times":"forever","chance":20,"seed":{seed}}}"#);
        let first = picks(&ordered(&[&order(1)]), "GetItem", 1000);
        assert_eq!(picks(&ordered(&[&order(1)]), "GetItem", 1000), first);
        assert_ne!(picks(&ordered(&[&order(2)]), "GetItem", 1000), first);
        let hit = first.iter().filter(|hit| **hit).count();
        assert!((150..250).contains(&hit), "{hit}");
    }

    #[test]
    fn a_fault_may_be_for_what_sends() {
        let faults = ordered(&[r#"{"what":"lost","times":"forever","sends":true}"#]);
        let picks = |operation: &str, request: &str| faults.pick(operation, "", 0, request.as_bytes()).is_some();
        assert!(picks("SendItem", ""));
        assert!(picks("CreateItem", r#"<m:CreateItem MessageDisposition="SendAndSaveCopy">"#));
        assert!(!picks("CreateItem", r#"<m:CreateItem MessageDisposition="SaveOnly">"#));
        assert!(!picks("GetItem", r#"MessageDisposition="SendOnly""#));
    }

    #[test]
    fn a_fault_may_be_for_one_front_end() {
        let faults = ordered(&[r#"{"what":"html","front_end":1}"#]);
        assert!(faults.pick("GetItem", "", 0, b"").is_none());
        assert!(faults.pick("GetItem", "", 1, b"").is_some());
    }

    #[test]
    fn a_fault_waits_for_a_request_it_makes_sense_for() {
        let faults = ordered(&[r#"{"what":"invalid_sync_state"}"#, r#"{"what":"mime_failed"}"#]);
        assert!(faults.pick("SyncFolderItems", "", 0, b"<SyncState/>").is_none());
        assert!(faults.pick("SyncFolderItems", "", 0, b"<m:SyncState></m:SyncState>").is_none());
        let picked = faults.pick("SyncFolderItems", "", 0, b"<m:SyncState>x</m:SyncState>").unwrap();
        assert_eq!(picked.order.what, Kind::InvalidSyncState);
        assert!(faults.pick("GetItem", "", 0, b"").is_none());
        assert!(faults.pick("GetItem", "", 0, b"<t:IncludeMimeContent>true</t:IncludeMimeContent>").is_some());
    }

    #[test]
    fn a_mistaken_order_is_refused() {
        for order in [r#"{"what":"rain"}"#, r#"{"what":"busy","time":1}"#, r#"{"what":"busy","times":"often"}"#] {
            assert!(serde_json::from_str::<Order>(order).is_err(), "{order}");
        }
    }

    #[test]
    fn names_agree_with_json() {
        for kind in [
            Kind::NulChar,
            Kind::BusySync,
            Kind::BusyInside,
            Kind::Refused,
            Kind::StreamEnd,
            Kind::CutAfter,
            Kind::CutLate,
            Kind::MimeFailed,
            Kind::HangBody,
        ] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }
}
