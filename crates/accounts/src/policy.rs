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
    /// A sentence for whoever is kept out.
    pub say: Option<String>,
}

/// What a rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They may come in, whatever later rules say.
    Allow,
    /// They may not.
    Block,
}

/// What is known of somebody.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Whose account.
    pub account: &'a Account,
    /// What the program calls itself, if it has said so.
    pub program: Option<&'a str>,
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
    /// They may come in.
    In,
    /// They may, if their program turns out to be one that may: it has not said yet what it is.
    Unsure,
    /// They may not, and hear this.
    Out(&'a str),
}

/// The first rule that fits decides; whoever none fits may come in.
#[must_use]
pub fn decide<'a>(rules: &'a [Rule], facts: &Facts<'_>) -> Decision<'a> {
    let mut is_sure = true;
    for rule in rules.iter().filter(|rule| rule.fits_but_for_program(facts)) {
        let is_right = match (&rule.program, facts.program) {
            (None, _) => true,
            (Some(wanted), Some(program)) => fits(&wanted.to_lowercase(), &program.to_lowercase()),
            (Some(_), None) => {
                // A rule about a program that is not known may fit later.
                is_sure = false;
                false
            }
        };
        match rule.verdict {
            _ if !is_right => {}
            Verdict::Allow if is_sure => return Decision::In,
            Verdict::Allow => return Decision::Unsure,
            // An earlier rule may still let them in.
            Verdict::Block if !is_sure && rules.iter().any(|rule| rule.may_let_in(facts)) => return Decision::Unsure,
            Verdict::Block => return Decision::Out(rule.say.as_deref().unwrap_or(KEPT_OUT)),
        }
    }
    if is_sure { Decision::In } else { Decision::Unsure }
}

impl Rule {
    fn fits_but_for_program(&self, facts: &Facts<'_>) -> bool {
        facts.account.matches(&self.account)
            && (self.networks.is_empty() || self.networks.iter().any(|network| network.contains(&facts.from)))
            && (self.protocols.is_empty() || self.protocols.contains(&facts.protocol))
            && self.hours.is_none_or(|hours| is_within(hours, facts.at))
    }

    fn may_let_in(&self, facts: &Facts<'_>) -> bool {
        self.verdict == Verdict::Allow && self.program.is_some() && self.fits_but_for_program(facts)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::AccountState;
    use mailbox::Scopes;

    fn account() -> Account {
        Account {
            address: "anna@one.example".to_owned(),
            organisation: "main".to_owned(),
            mailbox: None,
            state: AccountState::Open,
            scopes: Scopes::ALL,
            labels: [("dept".to_owned(), "sales".to_owned())].into(),
            created: Timestamp::default(),
        }
    }

    fn rule(verdict: Verdict) -> Rule {
        let (account, networks, protocols) = (Vec::new(), Vec::new(), Vec::new());
        Rule { verdict, account, program: None, networks, protocols, hours: None, say: None }
    }

    fn program(verdict: Verdict, name: &str) -> Rule {
        Rule { program: Some(name.to_owned()), ..rule(verdict) }
    }

    fn decided(rules: &[Rule], program: Option<&str>) -> &'static str {
        let account = account();
        let at = "2026-03-02T09:30:00Z".parse().unwrap();
        let from = [192, 0, 2, 7].into();
        let facts = Facts { account: &account, program, from, protocol: Protocol::Imap, at };
        match decide(rules, &facts) {
            Decision::In => "in",
            Decision::Unsure => "unsure",
            Decision::Out(_) => "out",
        }
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        use Verdict::{Allow, Block};
        let label = |value: &str| Rule { account: vec![("dept".to_owned(), value.to_owned())], ..rule(Block) };
        let network = |text: &str| Rule { networks: vec![text.parse().unwrap()], ..rule(Block) };
        let protocol = |protocol| Rule { protocols: vec![protocol], ..rule(Block) };
        let hours = |from: u16, until: u16| Rule { hours: Some((from * 60, until * 60)), ..rule(Block) };
        for (rules, expected) in [
            (vec![], "in"),
            (vec![rule(Block)], "out"),
            (vec![rule(Allow), rule(Block)], "in"),
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
        use Verdict::{Allow, Block};
        let only = [program(Allow, "Thunder*"), rule(Block)];
        let all_but = [program(Block, "*Outlook*")];
        let neither = [program(Block, "*Outlook*"), rule(Block)];
        for (rules, name, expected) in [
            (&only[..], Some("Thunderbird 140"), "in"),
            (&only, Some("Outlook"), "out"),
            (&only, None, "unsure"),
            (&all_but, Some("Microsoft Outlook 16"), "out"),
            (&all_but, Some("Mail"), "in"),
            (&all_but, None, "unsure"),
            (&neither, None, "out"),
        ] {
            assert_eq!(decided(rules, name), expected, "{rules:?} {name:?}");
        }
    }

    #[test]
    fn a_rule_says_its_own_sentence() {
        let account = account();
        let from = [192, 0, 2, 7].into();
        let at = Timestamp::default();
        let facts = Facts { account: &account, program: None, from, protocol: Protocol::Imap, at };
        let rules = [Rule { say: Some("Not here".to_owned()), ..rule(Verdict::Block) }];
        assert_eq!(decide(&rules, &facts), Decision::Out("Not here"));
    }
}
