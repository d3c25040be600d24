//! How somebody stands with the rules. A program that has not said what it is when it signs in is judged when it first
//! looks at mail, so that it sees nothing that it turns out it may not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use accounts::{Account, AccountState, Decision, Facts, Rule};
use jiff::Timestamp;
use mailbox::{Caller, Protocol};

use super::inbox::Inbox;
use super::letter::Letter;
use super::notes::Notes;

/// What the operator has set of who may come in.
#[derive(Clone, Debug, Default)]
pub(super) struct Policy {
    /// By what, from where and when.
    pub(super) rules: Vec<Rule>,
    /// Accounts that wait to be let in are held, not refused.
    pub(super) holds_new: bool,
    /// Where a password for a device can be had.
    pub(super) enroll: Option<String>,
    /// Whom people can ask.
    pub(super) help: Option<String>,
}

/// What is to be done with somebody, and a sentence for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// They may come in; true if a rule says so.
    In(bool),
    /// It is not known yet.
    Unsure,
    /// They may come in and see why they see nothing else.
    Held(String),
    /// They may not.
    Out(String),
}

impl Policy {
    /// Accounts that are closed, or wait and are not held, are somebody else's affair.
    pub(super) fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let is_new = self.holds_new && facts.account.state == AccountState::Pending;
        match accounts::decide(&self.rules, facts) {
            Decision::Out(rule) => Judgement::Out(rule.sentence().to_owned()),
            _ if is_new => Judgement::Held(super::PENDING.to_owned()),
            Decision::Held(rule) => Judgement::Held(rule.sentence().to_owned()),
            Decision::Unsure => Judgement::Unsure,
            Decision::In(rule) => Judgement::In(rule.is_some()),
        }
    }

    /// The sentence with what to do, for those who have no inbox to read it in.
    pub(super) fn refusal(&self, sentence: &str) -> String {
        let enroll = self.enroll.as_ref().map(|enroll| format!("; a password for this device can be had at {enroll}"));
        let help = self.help.as_ref().map(|help| format!("; help: {help}"));
        format!("{sentence}{}{}", enroll.unwrap_or_default(), help.unwrap_or_default())
    }
}

/// Somebody who is in, before the rules.
pub(super) struct Standing {
    policy: Arc<Policy>,
    account: Account,
    has_device: bool,
    caller: Caller,
    /// What the program says that it is after it has signed in.
    name: Option<Arc<OnceLock<Box<str>>>>,
    notes: Notes,
    judged: OnceLock<Judged>,
    is_overruled: AtomicBool,
}

/// What was found about somebody, for as long as they stay.
pub(super) struct Judged {
    /// What their program said that it is until then.
    pub(super) program: Option<String>,
    /// What they find in place of their mailbox.
    pub(super) held: Option<Inbox>,
}

impl Standing {
    /// Somebody comes in with this.
    pub(super) fn new(
        (policy, notes): (Arc<Policy>, Notes),
        (account, has_device): (Account, bool),
        caller: &Caller,
        name: Option<Arc<OnceLock<Box<str>>>>,
    ) -> Self {
        let caller = caller.clone();
        Self {
            policy,
            account,
            has_device,
            caller,
            name,
            notes,
            judged: OnceLock::new(),
            is_overruled: AtomicBool::new(false),
        }
    }

    /// Whose account it is.
    pub(super) fn account(&self) -> &Account {
        &self.account
    }

    /// What the rules say at the door.
    pub(super) fn at_the_door(&self) -> Judgement {
        match self.judge(self.said()) {
            // What it says next is to be in the message, and in the log.
            Judgement::Held(_) if self.said().is_none() => Judgement::Unsure,
            judgement => judgement,
        }
    }

    /// Somebody else decided, and rules have no say any more.
    pub(super) fn overruled(&self, judgement: Judgement) -> Judgement {
        self.is_overruled.store(true, Ordering::Relaxed);
        judgement
    }

    /// True if rules that let them in now change nothing.
    pub(super) fn is_overruled(&self) -> bool {
        self.is_overruled.load(Ordering::Relaxed)
    }

    /// They come in so, or do not.
    pub(super) fn enters(&self, judgement: Judgement) -> Judgement {
        match judgement {
            Judgement::Unsure => Judgement::Unsure,
            Judgement::Held(why) if !self.has_inbox() => {
                let refused = Judgement::Out(self.policy.refusal(&why));
                self.settle(self.caller.program.clone(), &Judgement::Held(why));
                refused
            }
            judgement => {
                self.settle(self.caller.program.clone(), &judgement);
                judgement
            }
        }
    }

    /// What the program is, as far as it has said or can. Only IMAP has a way to say so later.
    fn said(&self) -> Option<&str> {
        let silent = (self.caller.protocol != Protocol::Imap).then_some("");
        self.caller.program.as_deref().or(silent)
    }

    /// What they find in place of their mailbox, if they are held. Now it counts what their program is.
    pub(super) fn held(&self) -> Option<&Inbox> {
        let judged = self.judged.get().unwrap_or_else(|| {
            let told = self.name.as_ref().and_then(|name| name.get()).map(|name| name.to_string());
            let program = self.caller.program.clone().or(told);
            let judgement = self.judge(program.as_deref().or(Some("")));
            self.settle(program, &judgement)
        });
        judged.held.as_ref()
    }

    /// What was found, if anybody has looked.
    pub(super) fn judged(&self) -> Option<&Judged> {
        self.judged.get()
    }

    fn judge(&self, program: Option<&str>) -> Judgement {
        let (from, protocol, has_device) = (self.caller.address, self.caller.protocol, self.has_device);
        let account = &self.account;
        self.policy.judge(&Facts { account, program, has_device, from, protocol, at: Timestamp::now() })
    }

    fn settle(&self, program: Option<String>, judgement: &Judgement) -> &Judged {
        self.judged.get_or_init(|| {
            self.notes.judged(&self.account.address, &self.caller, program.as_deref(), judgement);
            if matches!(judgement, Judgement::Held(_)) {
                let (address, from) = (&self.account.address, self.caller.address);
                tracing::warn!(address, program, %from, "somebody is held in quarantine");
            }
            let held = match judgement {
                Judgement::Held(why) => Some(Inbox::with(&Letter {
                    address: &self.account.address,
                    program: program.as_deref(),
                    why,
                    enroll: self.policy.enroll.as_deref(),
                    help: self.policy.help.as_deref(),
                    date: self.account.created,
                })),
                // Who turns out to be blocked is sent away by whoever reviews the stays.
                Judgement::In(_) | Judgement::Unsure | Judgement::Out(_) => None,
            };
            Judged { program, held }
        })
    }

    fn has_inbox(&self) -> bool {
        matches!(self.caller.protocol, Protocol::Imap | Protocol::Pop3)
    }
}
