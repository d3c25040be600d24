//! Rules about who may come in, by what, from where and when. A pure decision: facts in, a verdict out.

use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;
use mailbox::Protocol;

use crate::account::{Account, fits};

/// One rule. What it does not name it does not look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it says of whoever it fits.
    pub verdict: Verdict,
    /// Pairs as in [`Account::matches`].
    pub account: Vec<(String, String)>,
    /// What the program calls itself; a `*` stands for any text. Case does not matter.
    pub program: Option<String>,
    /// Where they come from; empty for anywhere.
    pub networks: Vec<IpNet>,
    /// What they speak; empty for anything.
    pub protocols: Vec<Protocol>,
    /// Minutes of the day, UTC: from the first on, until before the second, over midnight if that is the smaller one.
    pub hours: Option<(u16, u16)>,
    /// Only those who have no device password, and whose program nobody has released.
    pub unknown_only: bool,
    /// A sentence for whoever is kept out or held.
    pub say: Option<String>,
}

/// What a rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They may come in, whatever later rules say.
    Allow,
    /// They may not.
    Block,
    /// They are held until their program is released for the account ([`Account::releases`]); of those that are, the next
    /// rules decide.
    Quarantine,
}

/// What is known of somebody.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Whose account.
    pub account: &'a Account,
    /// What the program calls itself, if it has said so.
    pub program: Option<&'a str>,
    /// They came with a device password.
    pub has_device: bool,
    /// Where it comes from.
    pub from: IpAddr,
    /// What it speaks.
    pub protocol: Protocol,
    /// When.
    pub at: Timestamp,
}

/// What is to be done with somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    /// They may come in: this rule says so, or none says anything else.
    In(Option<&'a Rule>),
    /// That depends on what their program is, and it has not said yet.
    Unsure,
    /// They may come in and find nothing but what this rule says.
    Held(&'a Rule),
    /// They may not, and hear what this rule says.
    Out(&'a Rule),
}

/// The first rule that fits decides; whoever none fits may come in.
#[must_use]
pub fn decide<'a>(rules: &'a [Rule], facts: &Facts<'_>) -> Decision<'a> {
    // What rules say that may turn out to fit, once the program says what it is.
    let mut possible: Vec<Verdict> = Vec::new();
    for rule in rules.iter().filter(|rule| rule.fits_but_for_program(facts)) {
        match rule.fits_program(facts) {
            Some(false) => {}
            None => possible.push(rule.verdict),
            Some(true) if possible.iter().any(|verdict| *verdict != rule.verdict) => return Decision::Unsure,
            Some(true) => {
                return match rule.verdict {
                    Verdict::Allow => Decision::In(Some(rule)),
                    Verdict::Quarantine => Decision::Held(rule),
                    Verdict::Block => Decision::Out(rule),
                };
            }
        }
    }
    match possible.iter().all(|verdict| *verdict == Verdict::Allow) {
        true => Decision::In(None),
        false => Decision::Unsure,
    }
}

impl Rule {
    /// What whoever it keeps out or holds is told.
    #[must_use]
    pub fn sentence(&self) -> &str {
        self.say.as_deref().unwrap_or(match self.verdict {
            Verdict::Quarantine => HELD,
            Verdict::Allow | Verdict::Block => KEPT_OUT,
        })
    }

    fn fits_but_for_program(&self, facts: &Facts<'_>) -> bool {
        facts.account.matches(&self.account)
            && !(self.unknown_only && facts.has_device)
            && (self.networks.is_empty() || self.networks.iter().any(|network| network.contains(&facts.from)))
            && (self.protocols.is_empty() || self.protocols.contains(&facts.protocol))
            && self.hours.is_none_or(|hours| is_within(hours, facts.at))
    }

    /// Whether it is about the program, as far as that can be said.
    fn fits_program(&self, facts: &Facts<'_>) -> Option<bool> {
        let named = |form: &str| match facts.program {
            Some(program) => Some(fits(&form.to_lowercase(), &program.to_lowercase())),
            None => (form == "*").then_some(true),
        };
        let is_meant = self.program.as_deref().map_or(Some(true), named);
        let spares = self.unknown_only || self.verdict == Verdict::Quarantine;
        let released: Vec<Option<bool>> = facts.account.releases().filter(|_| spares).map(named).collect();
        if is_meant == Some(false) || released.contains(&Some(true)) {
            return Some(false);
        }
        (is_meant.is_some() && !released.contains(&None)).then_some(true)
    }
}

fn is_within((from, until): (u16, u16), at: Timestamp) -> bool {
    let minute = u16::try_from(at.as_second().rem_euclid(24 * 60 * 60) / 60).unwrap_or_default();
    match from <= until {
        true => (from..until).contains(&minute),
        false => minute >= from || minute < until,
    }
}

const KEPT_OUT: &str = "A rule of the administrator keeps this program, network or time out";
const HELD: &str = "This program is not known yet: an administrator has to release it first";

#[cfg(test)]
mod tests {
    use super::Verdict::{Allow, Block, Quarantine};
    use super::*;
    use crate::account::{AccountState, RELEASED};
    use mailbox::Scopes;

    fn account(released: &str) -> Account {
        Account {
            address: "anna@one.example".to_owned(),
            organisation: "main".to_owned(),
            mailbox: None,
            state: AccountState::Open,
            scopes: Scopes::ALL,
            labels: [("dept", "sales"), (RELEASED, released)].map(|(name, text)| (name.into(), text.into())).into(),
            created: Timestamp::default(),
        }
    }

    fn rule(verdict: Verdict) -> Rule {
        Rule {
            verdict,
            account: Vec::new(),
            program: None,
            networks: Vec::new(),
            protocols: Vec::new(),
            hours: None,
            unknown_only: false,
            say: None,
        }
    }

    fn program(verdict: Verdict, name: &str) -> Rule {
        Rule { program: Some(name.to_owned()), ..rule(verdict) }
    }

    fn unknown(verdict: Verdict) -> Rule {
        Rule { unknown_only: true, ..rule(verdict) }
    }

    fn word(decision: Decision<'_>) -> &'static str {
        match decision {
            Decision::In(_) => "in",
            Decision::Unsure => "unsure",
            Decision::Held(_) => "held",
            Decision::Out(_) => "out",
        }
    }

    fn decided_of(rules: &[Rule], program: Option<&str>, released: &str, has_device: bool) -> &'static str {
        let account = account(released);
        let at = "2026-03-02T09:30:00Z".parse().unwrap();
        let from = [192, 0, 2, 7].into();
        word(decide(rules, &Facts { account: &account, program, has_device, from, protocol: Protocol::Imap, at }))
    }

    fn decided(rules: &[Rule], program: Option<&str>) -> &'static str {
        decided_of(rules, program, "", false)
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let label = |value: &str| Rule { account: vec![("dept".to_owned(), value.to_owned())], ..rule(Block) };
        let network = |text: &str| Rule { networks: vec![text.parse().unwrap()], ..rule(Block) };
        let protocol = |protocol| Rule { protocols: vec![protocol], ..rule(Block) };
        let hours = |from: u16, until: u16| Rule { hours: Some((from * 60, until * 60)), ..rule(Block) };
        for (rules, expected) in [
            (vec![], "in"),
            (vec![rule(Block)], "out"),
            (vec![rule(Quarantine)], "held"),
            (vec![rule(Allow), rule(Block)], "in"),
            (vec![rule(Quarantine), rule(Block)], "held"),
            (vec![label("sales")], "out"),
            (vec![label("finance")], "in"),
            (vec![network("192.0.2.0/24")], "out"),
            (vec![network("198.51.100.0/24")], "in"),
            (vec![protocol(Protocol::Imap)], "out"),
            (vec![protocol(Protocol::Dav)], "in"),
            (vec![hours(9, 17)], "out"),
            (vec![hours(10, 17)], "in"),
            (vec![hours(22, 10)], "out"),
            (vec![hours(22, 6)], "in"),
            (vec![Rule { networks: network("198.51.100.0/24").networks, ..label("sales") }], "in"),
        ] {
            assert_eq!(decided(&rules, Some("Mail")), expected, "{rules:?}");
        }
    }

    #[test]
    fn a_program_that_has_not_said_what_it_is_may_turn_out_right_or_wrong() {
        let only = [program(Allow, "Thunder*"), rule(Block)];
        let all_but = [program(Block, "*Outlook*")];
        let neither = [program(Block, "*Outlook*"), rule(Block)];
        let held = [program(Allow, "Thunder*"), rule(Quarantine)];
        let mixed = [program(Block, "*Outlook*"), rule(Quarantine)];
        for (rules, name, expected) in [
            (&only[..], Some("Thunderbird 140"), "in"),
            (&only, Some("Outlook"), "out"),
            (&only, None, "unsure"),
            (&all_but, Some("Microsoft Outlook 16"), "out"),
            (&all_but, Some("Mail"), "in"),
            (&all_but, None, "unsure"),
            (&neither, None, "out"),
            (&held, Some("Thunderbird 140"), "in"),
            (&held, Some(""), "held"),
            (&held, None, "unsure"),
            (&mixed, Some("Outlook"), "out"),
            (&mixed, Some("Mail"), "held"),
            (&mixed, None, "unsure"),
        ] {
            assert_eq!(decided(rules, name), expected, "{rules:?} {name:?}");
        }
    }

    #[test]
    fn what_is_released_is_not_held_and_what_has_a_password_of_its_own_is_not_unknown() {
        let asked = [rule(Quarantine)];
        let unknown_held = [unknown(Quarantine)];
        let unknown_blocked = [unknown(Block)];
        let then_blocked = [rule(Quarantine), program(Block, "Outlook*")];
        for (rules, name, released, has_device, expected) in [
            (&asked[..], Some("Mail 2"), "Thunder*; mail *", false, "in"),
            (&asked, Some("Mail 2"), "Thunder*", false, "held"),
            (&asked, Some("Mail 2"), "", true, "held"),
            (&asked, None, "*", false, "in"),
            (&asked, None, "Thunder*;*", false, "in"),
            (&asked, None, "Thunder*", false, "unsure"),
            (&unknown_held, Some("Mail"), "", false, "held"),
            (&unknown_held, Some("Mail"), "", true, "in"),
            (&unknown_held, None, "", true, "in"),
            (&unknown_held, Some("Mail"), "Mail", false, "in"),
            (&unknown_blocked, Some("Mail"), "Mail", false, "in"),
            (&unknown_blocked, Some("Mail"), "", false, "out"),
            (&then_blocked, Some("Outlook 16"), "*", false, "out"),
        ] {
            assert_eq!(decided_of(rules, name, released, has_device), expected, "{rules:?} {name:?} {released}");
        }
    }

    #[test]
    fn a_rule_says_its_own_sentence() {
        assert_eq!(Rule { say: Some("Not here".to_owned()), ..rule(Block) }.sentence(), "Not here");
        assert_eq!(rule(Block).sentence(), KEPT_OUT);
        assert_eq!(rule(Quarantine).sentence(), HELD);
    }
}
