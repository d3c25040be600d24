//! What is written down of sign-ins: when a device was last used, which programs there are. Once a minute at most for
//! each, and nobody waits for it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use accounts::{Change, Device, DeviceId, Happening, Register, Sighting, Store};
use jiff::{SignedDuration, Timestamp};
use mailbox::{Caller, Protocol};
use tokio::sync::mpsc;

use super::standing::Judgement;
use super::stays::Stays;

/// Writes notes into a register. Clones share what they know.
#[derive(Clone)]
pub(super) struct Notes {
    register: Register,
    written: Arc<Mutex<HashMap<Program, Timestamp>>>,
    judged: Arc<Mutex<HashMap<Happening, Timestamp>>>,
}

/// A program of somebody's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Program {
    address: String,
    device: Option<DeviceId>,
    protocol: Protocol,
    from: IpAddr,
    name: Option<String>,
}

impl Program {
    pub(super) fn of(address: &str, device: Option<DeviceId>, caller: &Caller) -> Self {
        Self {
            address: address.to_owned(),
            device,
            protocol: caller.protocol,
            from: caller.address,
            name: caller.program.as_deref().and_then(plain),
        }
    }
}

impl Notes {
    pub(super) fn new(register: Register) -> Self {
        Self { register, written: Arc::default(), judged: Arc::default() }
    }

    /// A device has signed in.
    pub(super) fn used(&self, device: &Device, caller: &Caller) {
        let now = Timestamp::now();
        let is_fresh = device.used.is_some_and(|(used, _)| now.duration_since(used) < EACH);
        if !is_fresh {
            self.write(now, Change::Used { device: device.id, from: caller.address });
        }
    }

    /// A program was seen, if it has said what it is.
    pub(super) fn seen(&self, program: &Program) {
        let Some(name) = program.name.clone() else { return };
        let now = Timestamp::now();
        {
            let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            if written.get(program).is_some_and(|at| now.duration_since(*at) < EACH) {
                return;
            }
            written.retain(|_, at| now.duration_since(*at) < EACH);
            written.insert(program.clone(), now);
        }
        let sighting = Sighting {
            address: program.address.clone(),
            device: program.device,
            protocol: program.protocol,
            program: name,
            from: program.from,
            seen: (now, now),
        };
        self.write(now, Change::Seen(sighting));
    }

    /// A rule was applied to somebody: for the audit log, once in an hour at most for the same program from the same place.
    pub(super) fn judged(&self, address: &str, caller: &Caller, program: Option<&str>, judgement: &Judgement) {
        let (action, sentence) = match judgement {
            Judgement::In(true) => ("rule.allow", ""),
            Judgement::Held(sentence) => ("rule.quarantine", sentence.as_str()),
            Judgement::Out(sentence) => ("rule.block", sentence.as_str()),
            Judgement::In(false) | Judgement::Unsure => return,
        };
        let program = program.and_then(plain).map_or_else(|| "no name".to_owned(), |name| format!("\"{name}\""));
        let mut detail = format!("{}, {program}, from {}", caller.protocol.as_str(), caller.address);
        if !sentence.is_empty() {
            detail = format!("{detail}: {sentence}");
        }
        let happening = Happening { action: action.to_owned(), subject: address.to_lowercase(), detail };
        let now = Timestamp::now();
        {
            let mut judged = self.judged.lock().unwrap_or_else(PoisonError::into_inner);
            if judged.len() >= MOST {
                judged.retain(|_, at| now.duration_since(*at) < AGAIN);
            }
            // Whoever comes under ever new names fills neither the memory nor the log.
            if judged.len() >= MOST || judged.get(&happening).is_some_and(|at| now.duration_since(*at) < AGAIN) {
                return;
            }
            judged.insert(happening.clone(), now);
        }
        self.write(now, Change::Note(happening));
    }

    fn write(&self, now: Timestamp, change: Change) {
        let register = self.register.clone();
        tokio::spawn(async move {
            if let Err(fault) = register.commit("sign-in", now, vec![change]).await {
                tracing::warn!(%fault, "it cannot be written down who signed in");
            }
        });
    }
}

/// Writes down the programs that introduce themselves after they have signed in.
pub(super) async fn listen(mut introduced: mpsc::Receiver<(u64, String)>, stays: Weak<Stays>, notes: Notes) {
    while let Some((number, name)) = introduced.recv().await {
        let Some(guest) = stays.upgrade().and_then(|stays| stays.introduce(number, &name)) else { continue };
        let program = Program {
            address: guest.address,
            device: guest.device,
            protocol: guest.protocol,
            from: guest.from,
            name: plain(&name),
        };
        notes.seen(&program);
    }
}

/// What a program calls itself, as far as it can be shown.
fn plain(name: &str) -> Option<String> {
    let name: String = name.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    (!name.trim().is_empty()).then(|| name.trim().to_owned())
}

/// Each is written down so often at most.
const EACH: SignedDuration = SignedDuration::from_secs(60);
/// A judgement is written down again after that.
const AGAIN: SignedDuration = SignedDuration::from_hours(1);
/// Judgements that are remembered.
const MOST: usize = 10_000;
/// Characters of a program's name.
const LONGEST: usize = 200;
