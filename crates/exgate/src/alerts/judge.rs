//! What is worth an alert. Pure: looks go in, at whatever times, alerts come out. What has to last is told once it has lasted;
//! between the limits of what is wrong and what is right nothing changes, so that nothing is told to and fro.

use std::collections::BTreeMap;
use std::time::Duration;

/// How things are at some time.
#[derive(Clone, Debug, Default)]
pub(super) struct Look {
    /// Since the start.
    pub(super) at: Duration,
    /// By organisation: all there are, and those that fail.
    pub(super) mailboxes: Vec<(String, usize, usize)>,
    /// By name, with the seconds they are still valid.
    pub(super) certificates: Vec<(String, f64)>,
    /// By user, with the seconds since they were renewed.
    pub(super) grants: Vec<(String, f64)>,
    /// How often Exchange asked to be left alone since the start.
    pub(super) busy_waits: u64,
}

/// What is too much.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// More than this part of an organisation's mailboxes fails.
    pub(crate) mailbox_failure_ratio: f64,
    /// A certificate is valid for less than that.
    pub(crate) certificate: Duration,
    /// A sign-in at an identity provider was not renewed for that long.
    pub(crate) grant: Duration,
    /// What comes and goes has to last so long to be told, and to be over.
    pub(crate) lasting: Duration,
    /// The same for throttling.
    pub(crate) throttled: Duration,
}

/// Something to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Alert {
    /// `mailboxes`, `certificate`, `grant` or `throttling`.
    pub(super) kind: &'static str,
    /// Which organisation, certificate or user.
    pub(super) about: String,
    /// It was told before, and is over.
    pub(super) is_over: bool,
    /// What happened, to what, and what to do.
    pub(super) sentence: String,
}

/// Remembers what was told.
#[derive(Debug)]
pub(super) struct Judge {
    limits: Limits,
    matters: BTreeMap<(&'static str, String), Matter>,
    busy: Busy,
}

#[derive(Debug, Default)]
struct Matter {
    is_raised: bool,
    /// Since when it is the other way round.
    turning: Option<Duration>,
}

#[derive(Debug, Default)]
struct Busy {
    waits: u64,
    last: Option<Duration>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Wrong,
    Right,
    /// As it was.
    Between,
}

impl Judge {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, matters: BTreeMap::new(), busy: Busy::default() }
    }

    /// What is to be told now.
    pub(super) fn judge(&mut self, look: &Look) -> Vec<Alert> {
        let limits = self.limits;
        let mut alerts = Vec::new();
        for (name, all, failed) in &look.mailboxes {
            let ratio = if *all == 0 { 0.0 } else { *failed as f64 / *all as f64 };
            let verdict = verdict(ratio, limits.mailbox_failure_ratio, limits.mailbox_failure_ratio * EASED);
            let sentence = format!(
                "{failed} of {all} mailboxes of {name} do not reach Exchange: `exgate check` says what stands in the way"
            );
            let over = format!("{} of {all} mailboxes of {name} reach Exchange again", all - failed);
            alerts.extend(self.turn("mailboxes", name, (verdict, look.at, limits.lasting), (sentence, over)));
        }
        for (name, seconds) in &look.certificates {
            let verdict =
                verdict(-seconds, -limits.certificate.as_secs_f64(), -(limits.certificate.as_secs_f64() + DAY));
            let sentence = match *seconds > 0.0 {
                true => {
                    format!("the certificate `{name}` ends in {:.0} days: put a new one in its place", seconds / DAY)
                }
                false => format!("the certificate `{name}` has ended: put a new one in its place"),
            };
            let over = format!("the certificate `{name}` is valid for {:.0} days", seconds / DAY);
            alerts.extend(self.turn("certificate", name, (verdict, look.at, Duration::ZERO), (sentence, over)));
        }
        for (user, seconds) in &look.grants {
            let limit = limits.grant.as_secs_f64();
            let sentence = format!(
                "the sign-in of {user} at the identity provider was not renewed for {:.0} days and will end: run `exgate login`",
                seconds / DAY
            );
            let over = format!("the sign-in of {user} at the identity provider is renewed");
            let verdict = verdict(*seconds, limit, limit);
            alerts.extend(self.turn("grant", user, (verdict, look.at, Duration::ZERO), (sentence, over)));
        }
        let sentence =
            "Exchange keeps asking to be left alone: see its throttling policy, and [exchange.*.limits]".to_owned();
        let over = "Exchange does not ask to be left alone any more".to_owned();
        let verdict = self.throttling(look);
        alerts.extend(self.turn("throttling", "Exchange", (verdict, look.at, limits.throttled), (sentence, over)));
        alerts
    }

    /// How many alerts of a kind are raised.
    pub(super) fn raised(&self, kind: &str) -> usize {
        self.matters.iter().filter(|((named, _), matter)| *named == kind && matter.is_raised).count()
    }

    /// Waits now and then, no further apart than this, are one stretch of throttling.
    fn throttling(&mut self, look: &Look) -> Verdict {
        if look.busy_waits > self.busy.waits {
            self.busy = Busy { waits: look.busy_waits, last: Some(look.at) };
        }
        match self.busy.last {
            Some(last) if look.at.saturating_sub(last) < self.limits.throttled / 4 => Verdict::Wrong,
            _ => Verdict::Right,
        }
    }

    fn turn(
        &mut self,
        kind: &'static str,
        about: &str,
        (verdict, at, lasting): (Verdict, Duration, Duration),
        (sentence, over): (String, String),
    ) -> Option<Alert> {
        let matter = self.matters.entry((kind, about.to_owned())).or_default();
        let is_other = match verdict {
            Verdict::Wrong => !matter.is_raised,
            Verdict::Right => matter.is_raised,
            Verdict::Between => false,
        };
        if !is_other {
            matter.turning = None;
            return None;
        }
        let since = *matter.turning.get_or_insert(at);
        if at.saturating_sub(since) < lasting {
            return None;
        }
        *matter = Matter { is_raised: !matter.is_raised, turning: None };
        let (is_over, about) = (!matter.is_raised, about.to_owned());
        Some(Alert { kind, about, is_over, sentence: if is_over { over } else { sentence } })
    }
}

/// Above the one limit it is wrong, at or below the other it is right.
fn verdict(value: f64, wrong: f64, right: f64) -> Verdict {
    if value > wrong {
        Verdict::Wrong
    } else if value <= right {
        Verdict::Right
    } else {
        Verdict::Between
    }
}

/// So much of the limit is right again.
const EASED: f64 = 0.8;
const DAY: f64 = 24.0 * 60.0 * 60.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits {
            mailbox_failure_ratio: 0.5,
            certificate: Duration::from_secs(14 * 86400),
            grant: Duration::from_secs(80 * 86400),
            lasting: Duration::from_secs(60),
            throttled: Duration::from_secs(600),
        }
    }

    /// What is told at looks half a minute apart.
    fn told<T>(values: impl IntoIterator<Item = T>, look: impl Fn(T) -> Look) -> Vec<(usize, bool)> {
        let mut judge = Judge::new(limits());
        let mut told = Vec::new();
        for (number, value) in values.into_iter().enumerate() {
            let at = Duration::from_secs(30 * number as u64);
            let alerts = judge.judge(&Look { at, ..look(value) });
            told.extend(alerts.iter().map(|alert| (number, alert.is_over)));
        }
        told
    }

    fn failed(count: usize) -> Look {
        Look { mailboxes: vec![("main".to_owned(), 100, count)], ..Look::default() }
    }

    #[test]
    fn more_than_half_of_the_mailboxes_is_one_alert_and_one_end() {
        assert_eq!(told([0, 51, 51, 51, 51, 0, 0, 0, 0], failed), [(3, false), (7, true)]);
        assert_eq!(told([50; 10], failed), [], "half is not more than half");
        assert_eq!(told([51, 51, 0, 51, 51, 0, 51], failed), [], "it has to last");
        let around = [51, 51, 51, 49, 51, 45, 52, 50, 41, 60, 49, 51];
        assert_eq!(told(around, failed), [(2, false)], "no flapping around the limit");
        assert_eq!(told([51, 51, 51, 0, 51, 0, 51, 0, 51], failed), [(2, false)], "nor if it comes and goes");
        let mut judge = Judge::new(limits());
        for seconds in [0, 30, 60] {
            judge.judge(&Look { at: Duration::from_secs(seconds), ..failed(99) });
        }
        assert_eq!((judge.raised("mailboxes"), judge.raised("grant")), (1, 0));
    }

    #[test]
    fn nobody_there_is_nobody_who_fails() {
        assert_eq!(told([(); 5], |()| Look { mailboxes: vec![("main".to_owned(), 0, 0)], ..Look::default() }), []);
    }

    #[test]
    fn what_nears_its_end_is_told_at_once_and_once() {
        let certificate =
            |days: f64| Look { certificates: vec![("default".to_owned(), days * DAY)], ..Look::default() };
        assert_eq!(told([20.0, 13.9, 13.0, 14.5, -1.0, 90.0, 90.0], certificate), [(1, false), (5, true)]);
        let grant = |days: f64| Look { grants: vec![("anna".to_owned(), days * DAY)], ..Look::default() };
        assert_eq!(told([1.0, 81.0, 82.0, 0.0], grant), [(1, false), (3, true)]);
    }

    #[test]
    fn throttling_is_told_if_it_persists() {
        let busy = |waits: u64| Look { busy_waits: waits, ..Look::default() };
        assert_eq!(told([0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2], busy), []);
        let persisting = (0..30).chain([30; 30]);
        assert_eq!(told(persisting, busy), [(21, false), (55, true)]);
    }
}
