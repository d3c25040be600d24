//! Somebody else decides who may come in: a web server of the operator's is asked, once for the same sign-in in a while.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use accounts::{Account, DeviceId};
use jiff::Timestamp;
use mailbox::Caller;
use serde::Deserialize;
use serde_json::{Value, json};

use super::standing::Judgement;
use crate::Failure;
use crate::config::{Decide, OnFailure};
use crate::hook::Hook;

/// Whoever decides, and what they said lately.
#[derive(Debug)]
pub(super) struct Decider {
    hook: Hook,
    on_failure: OnFailure,
    known: Mutex<HashMap<String, (Instant, Judgement)>>,
}

/// The answer.
#[derive(Debug, Deserialize)]
struct Answer {
    decision: Word,
    say: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Allow,
    Block,
    Quarantine,
}

impl Decider {
    pub(super) fn new(settings: &Decide) -> Result<Self, Failure> {
        let hook = Hook::new(&settings.url, settings.secret(), settings.timeout())?;
        Ok(Self { hook, on_failure: settings.on_failure, known: Mutex::default() })
    }

    /// What they say of somebody whom the rules let in; `None` if they cannot be asked, and whoever cannot be decided about
    /// stays out.
    pub(super) async fn decide(
        &self,
        account: &Account,
        device: Option<DeviceId>,
        caller: &Caller,
    ) -> Option<Judgement> {
        let question = question(account, device, caller);
        let key = question.to_string();
        if let Some(known) = self.known(&key, Instant::now()) {
            return Some(known);
        }
        let at = Timestamp::now();
        let mut asked = question;
        asked["time"] = json!(at.to_string());
        let told = self.hook.send(&asked, at).await;
        let read = told.and_then(|told| match told.status {
            200 => read(&told.body),
            status => Err(format!("the web hook answered with {status}")),
        });
        match (read, self.on_failure) {
            (Ok(judgement), _) => {
                self.keep(key, &judgement, Instant::now());
                Some(judgement)
            }
            (Err(reason), on_failure) => {
                tracing::warn!(reason, address = account.address, ?on_failure, "accounts.decide gives no decision");
                (on_failure == OnFailure::Open).then_some(Judgement::In(false))
            }
        }
    }

    fn known(&self, key: &str, now: Instant) -> Option<Judgement> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, judgement) = known.get(key)?;
        (now.saturating_duration_since(*at) < KEPT).then(|| judgement.clone())
    }

    fn keep(&self, key: String, judgement: &Judgement, now: Instant) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.retain(|_, (at, _)| now.saturating_duration_since(*at) < KEPT);
        }
        if known.len() < MOST {
            known.insert(key, (now, judgement.clone()));
        }
    }
}

/// Nothing of it is a secret.
fn question(account: &Account, device: Option<DeviceId>, caller: &Caller) -> Value {
    json!({
        "event": "sign-in",
        "account": account.address,
        "organisation": account.organisation,
        "state": account.state.as_str(),
        "labels": account.labels,
        "protocol": caller.protocol.as_str(),
        "program": caller.program,
        "from": caller.address.to_string(),
        "device": device.map(|device| device.0),
    })
}

fn read(body: &[u8]) -> Result<Judgement, String> {
    let answer: Answer =
        serde_json::from_slice(body).map_err(|error| format!("its answer is not understood: {error}"))?;
    let say = |otherwise: &str| {
        let plain = answer.say.as_deref().unwrap_or(otherwise).chars().filter(|c| !c.is_control());
        plain.take(LONGEST).collect::<String>()
    };
    Ok(match answer.decision {
        Word::Allow => Judgement::In(true),
        Word::Block => Judgement::Out(say("Your organisation does not let this sign-in in")),
        Word::Quarantine => Judgement::Held(say("Your organisation has not released this device yet")),
    })
}

/// What was said counts so long.
const KEPT: Duration = Duration::from_secs(60);
/// Sign-ins that are remembered.
const MOST: usize = 10_000;
/// Characters of a sentence.
const LONGEST: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_words_with_a_sentence_or_none() {
        for (body, expected) in [
            (r#"{"decision":"allow"}"#, Some(Judgement::In(true))),
            (r#"{"decision":"block","say":"Not\r\nyou"}"#, Some(Judgement::Out("Notyou".to_owned()))),
            (r#"{"decision":"quarantine","say":"Wait","more":1}"#, Some(Judgement::Held("Wait".to_owned()))),
            (r#"{"decision":"perhaps"}"#, None),
            (r#"{"allow":true}"#, None),
            ("allow", None),
            ("", None),
        ] {
            assert_eq!(read(body.as_bytes()).ok(), expected, "{body}");
        }
    }
}
