//! What is asked next, and what an answer leads to. No IO: the whole of Autodiscover's caution is here.

use std::collections::{HashSet, VecDeque};

use bytes::Bytes;

use super::answer::{Said, Settings, quoted};
use super::hosts::{WELL_KNOWN_HOSTS, cloud_of, is_exchange_online, join, names, place, written_well};
use super::request::{Request, domain};
use super::{Found, SERVICE, ServerKind, Step, pox, soap, v2};
use crate::{Cause, Error, ErrorKind, Service, Told};

/// The search for one mailbox.
#[derive(Debug)]
pub(super) struct Plan {
    request: Request,
    /// Of the address the search began with. Its hosts may be signed in to, others' only if they are allowed by name.
    own_domain: String,
    /// The address asked for now, and its domain.
    address: String,
    domain: String,
    next: Phase,
    tracks: Vec<Track>,
    tracks_begun: u32,
    /// What was asked, so that nothing goes in a circle.
    asked: HashSet<(Step, String, bool)>,
    addresses: HashSet<String>,
    hops: u32,
    /// A sign-in is under way: the next one waits for what comes of it.
    signing_in: bool,
    refusals: u32,
    refused_by: HashSet<String>,
    /// A URL, while the settings beside it are asked for.
    partial: Option<Found>,
    found: Option<Found>,
    worst: Option<Trouble>,
}

/// Something to be asked.
#[derive(Clone, Debug)]
pub(super) struct Act {
    track: u32,
    pub(super) step: Step,
    /// A URL, or the name of a DNS record.
    pub(super) target: String,
    /// With the identity, should the server ask for one.
    pub(super) signed_in: bool,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<Bytes>,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Answer {
    Page(Result<Told, Error>),
    Services(Result<Vec<Service>, Error>),
}

/// Where candidates come from, in the order in which they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Hosts,
    Redirect,
    Records,
    Over,
}

/// Questions asked one after the other.
#[derive(Debug)]
struct Track {
    number: u32,
    origin: Phase,
    waiting: VecDeque<Probe>,
    busy: bool,
}

#[derive(Clone, Debug)]
struct Probe {
    step: Step,
    target: String,
    signed_in: bool,
}

/// What stands in the way, the least telling first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Silence,
    Noise,
    Unreachable,
    Tls,
    Busy,
    No,
    Blocked,
    SignIn,
}

#[derive(Debug)]
struct Trouble {
    rank: Rank,
    target: String,
    sentence: String,
    cause: Option<Cause>,
}

/// What came of a question, for the report.
type Outcome = (bool, String);

impl Plan {
    /// Fails if the address is none.
    pub(super) fn new(request: &Request) -> Result<Plan, Error> {
        let own_domain = domain(&request.address)?;
        Ok(Plan {
            request: request.clone(),
            address: request.address.clone(),
            domain: own_domain.clone(),
            own_domain,
            next: Phase::Hosts,
            tracks: Vec::new(),
            tracks_begun: 0,
            asked: HashSet::new(),
            addresses: HashSet::from([request.address.to_lowercase()]),
            hops: 0,
            signing_in: false,
            refusals: 0,
            refused_by: HashSet::new(),
            partial: None,
            found: None,
            worst: None,
        })
    }

    /// What to do now, beside what is under way. Nothing, and nothing under way, means that it is over.
    pub(super) fn acts(&mut self) -> Vec<Act> {
        while self.found.is_none() {
            let acts: Vec<Act> = (0..self.tracks.len()).filter_map(|at| self.act_of(at)).collect();
            if !acts.is_empty() || self.tracks.iter().any(|track| track.busy) {
                return acts;
            }
            if self.partial.is_some() {
                self.found = self.partial.take();
            } else if !self.begin_phase() {
                break;
            }
        }
        Vec::new()
    }

    /// Whether nothing more need be asked.
    pub(super) fn is_over(&self) -> bool {
        self.found.is_some()
    }

    /// Takes an answer. True if what the question was for came; and a sentence for the report.
    pub(super) fn told(&mut self, act: Act, answer: Answer) -> Outcome {
        if act.signed_in {
            self.signing_in = false;
        }
        let Some(at) = self.tracks.iter().position(|track| track.number == act.track) else {
            return (false, "answers too late to be of use".to_owned());
        };
        if let Some(track) = self.tracks.get_mut(at) {
            track.busy = false;
        }
        let probe = Probe { step: act.step, target: act.target, signed_in: act.signed_in };
        match answer {
            Answer::Services(services) => self.services(at, &probe, services),
            Answer::Page(Err(error)) => self.failed(at, &probe, error),
            Answer::Page(Ok(page)) => self.page(at, &probe, &page),
        }
    }

    /// What came of it all.
    pub(super) fn verdict(self) -> Result<Found, Error> {
        if let Some(found) = self.found {
            return Ok(found);
        }
        let begin = format!("Autodiscover found no Exchange for {}", self.request.address);
        let remedy = "; give the url of Exchange to do without Autodiscover";
        Err(match self.worst {
            None => Error::new(ErrorKind::NotFound, format!("{begin}{remedy}")),
            Some(Trouble { rank, target, sentence, cause }) => {
                let error = Error::new(rank.kind(), format!("{begin}: {target} {sentence}{remedy}"));
                Error { cause, ..error }
            }
        })
    }

    fn act_of(&mut self, at: usize) -> Option<Act> {
        loop {
            let track = self.tracks.get(at).filter(|track| !track.busy)?;
            let probe = track.waiting.front()?.clone();
            if probe.signed_in && self.signing_in {
                return None;
            }
            // Another track's sign-ins may have been refused since this one was decided on.
            let spent = probe.signed_in && self.refusals >= MOST_REFUSALS;
            let track = self.tracks.get_mut(at)?;
            track.waiting.pop_front();
            if spent || !self.asked.insert((probe.step, probe.target.clone(), probe.signed_in)) {
                continue;
            }
            track.busy = true;
            let number = track.number;
            self.signing_in |= probe.signed_in;
            return Some(self.act(number, probe));
        }
    }

    fn act(&self, track: u32, probe: Probe) -> Act {
        let Probe { step, target, signed_in } = probe;
        let body = match step {
            Step::Soap => Some(soap::request(&self.address, &target)),
            Step::Pox => Some(pox::request(&self.address)),
            Step::V2 | Step::HttpRedirect | Step::Srv => None,
        };
        let headers = match step {
            Step::Soap => {
                vec![("x-anchormailbox", self.address.clone()), ("soapaction", format!("\"{}\"", soap::ACTION))]
            }
            Step::Pox => vec![("x-anchormailbox", self.address.clone())],
            Step::V2 | Step::HttpRedirect | Step::Srv => Vec::new(),
        };
        Act { track, step, target, signed_in, headers, body }
    }

    /// Begins with the next source of candidates; false if there is none.
    fn begin_phase(&mut self) -> bool {
        let phase = self.next;
        match phase {
            Phase::Hosts => {
                for host in [self.domain.clone(), format!("autodiscover.{}", self.domain)] {
                    let probes = self.host_probes(&host, None);
                    self.begin(phase, probes);
                }
                self.next = Phase::Redirect;
            }
            Phase::Redirect => {
                let target = pox::url("http", &format!("autodiscover.{}", self.domain));
                self.begin(phase, vec![Probe { step: Step::HttpRedirect, target, signed_in: false }]);
                self.next = Phase::Records;
            }
            Phase::Records => {
                let target = format!("{SERVICE}.{}", self.domain);
                self.begin(phase, vec![Probe { step: Step::Srv, target, signed_in: false }]);
                self.next = Phase::Over;
            }
            Phase::Over => return false,
        }
        true
    }

    fn begin(&mut self, origin: Phase, probes: Vec<Probe>) {
        self.tracks_begun += 1;
        self.tracks.push(Track { number: self.tracks_begun, origin, waiting: probes.into(), busy: false });
    }

    /// All ways to ask a host; the one that needs no sign-in first. It knows no internal URLs.
    fn host_probes(&self, host: &str, pox_url: Option<String>) -> Vec<Probe> {
        let wants_internal = self.request.prefer_internal && self.request.identity.is_some();
        let probe = |step, target| Probe { step, target, signed_in: false };
        let v2 = (!wants_internal).then(|| probe(Step::V2, v2::url("https", host, &self.address)));
        let soap = probe(Step::Soap, soap::url("https", host));
        let pox = probe(Step::Pox, pox_url.unwrap_or_else(|| pox::url("https", host)));
        v2.into_iter().chain([soap, pox]).collect()
    }

    fn services(&mut self, at: usize, probe: &Probe, services: Result<Vec<Service>, Error>) -> Outcome {
        let mut services = match services {
            Ok(services) => services,
            Err(error) => return self.trouble(probe, Rank::Silence, error.message, error.cause),
        };
        services.retain(|service| !matches!(service.host.trim_end_matches('.'), ""));
        if services.is_empty() {
            return self.trouble(probe, Rank::Silence, "is no DNS record".to_owned(), None);
        }
        services.retain(|service| service.port == 443);
        let hosts: Vec<String> =
            services.iter().map(|service| service.host.trim_end_matches('.').to_ascii_lowercase()).collect();
        if hosts.is_empty() {
            let told = "names other ports than 443, the only one that is trusted".to_owned();
            return self.trouble(probe, Rank::Blocked, told, None);
        }
        let allowed = hosts.iter().filter(|host| self.may_be_led_to(host));
        let followed: Vec<String> = allowed.take(MOST_RECORDS).cloned().collect();
        if followed.is_empty() {
            let told = format!("names {}, {}", hosts.join(", "), not_listed());
            return self.trouble(probe, Rank::Blocked, told, Some(Cause::NotAllowed));
        }
        let probes: Vec<Probe> = followed.iter().flat_map(|host| self.host_probes(host, None)).collect();
        if let Some(track) = self.tracks.get_mut(at) {
            track.waiting.extend(probes);
        }
        (true, format!("names {}", followed.join(", ")))
    }

    /// The question brought no answer at all.
    fn failed(&mut self, at: usize, probe: &Probe, error: Error) -> Outcome {
        let Error { kind, message, cause, .. } = error;
        if probe.signed_in && kind == ErrorKind::SignIn {
            self.refusals += u32::from(cause != Some(Cause::NoScheme));
            self.leave_host(at, probe);
            self.refused_by.extend(place(&probe.target).map(|place| place.host));
            return self.trouble(probe, Rank::SignIn, format!("refuses the sign-in: {message}"), cause);
        }
        let rank = match cause {
            Some(Cause::NoSuchHost) => Rank::Silence,
            Some(Cause::NotAllowed) => Rank::Blocked,
            Some(Cause::Unreachable | Cause::Proxy | Cause::ProxySignIn) => Rank::Unreachable,
            Some(_) => Rank::Tls,
            None => Rank::Noise,
        };
        if cause.is_some() {
            self.leave_host(at, probe);
        }
        self.trouble(probe, rank, format!("cannot be asked: {message}"), cause)
    }

    fn page(&mut self, at: usize, probe: &Probe, page: &Told) -> Outcome {
        let status = page.status;
        let location = page.header("location").and_then(|location| join(&probe.target, location));
        match (status, probe.step) {
            (401, _) => self.challenged(at, probe, page),
            (300..=399, _) if location.is_some() => self.led(at, probe, &location.unwrap_or_default(), false),
            (_, Step::HttpRedirect) => {
                self.trouble(probe, Rank::Noise, format!("answers {status} and no redirect"), None)
            }
            (200..=299, step) => {
                let said = read(step, &page.body);
                self.said(at, probe, said)
            }
            (500, Step::Soap) => match soap::read(&page.body) {
                Said::Noise(_) => self.trouble(probe, Rank::Busy, format!("answers {status}"), None),
                said => self.said(at, probe, said),
            },
            (429 | 500..=599, _) => {
                self.trouble(probe, Rank::Busy, format!("answers {status}: it is in trouble"), None)
            }
            _ => self.trouble(probe, Rank::Noise, format!("answers {status}"), None),
        }
    }

    /// 401: whether the identity may be shown there.
    fn challenged(&mut self, at: usize, probe: &Probe, page: &Told) -> Outcome {
        let Some(there) = place(&probe.target) else { return (false, "is no web address".to_owned()) };
        let offers: Vec<String> =
            page.offers().iter().filter_map(|offer| offer.split([' ', ',']).next().map(quoted)).collect();
        let asks =
            format!("asks for a sign-in ({})", if offers.is_empty() { "401".to_owned() } else { offers.join(", ") });
        if matches!(probe.step, Step::V2 | Step::HttpRedirect) {
            return self.trouble(probe, Rank::Noise, format!("{asks}, which this question does without"), None);
        }
        if !there.secure {
            return self.trouble(probe, Rank::Blocked, format!("{asks} over plain http, where none is shown"), None);
        }
        if !self.may_sign_in_to(&there.host) {
            self.leave_host(at, probe);
            return self.trouble(probe, Rank::Blocked, format!("{asks}, {}", not_listed()), Some(Cause::NotAllowed));
        }
        if self.request.identity.is_none() {
            self.leave_host(at, probe);
            return self.trouble(probe, Rank::SignIn, format!("{asks}, and none is given"), None);
        }
        if probe.signed_in || self.refused_by.contains(&there.host) || self.refusals >= MOST_REFUSALS {
            self.leave_host(at, probe);
            return self.trouble(
                probe,
                Rank::SignIn,
                format!("{asks} although one was refused"),
                Some(Cause::Password),
            );
        }
        self.next_in(at, Probe { signed_in: true, ..probe.clone() });
        (true, asks)
    }

    /// A redirect, by HTTP or, if Autodiscover says so itself, in an answer.
    fn led(&mut self, at: usize, probe: &Probe, target: &str, by_autodiscover: bool) -> Outcome {
        let from = place(&probe.target).map(|place| place.host).unwrap_or_default();
        // What DOMAIN itself redirects is as a rule a web site that does so with every path.
        let rank = if by_autodiscover || from != self.domain { Rank::Blocked } else { Rank::Noise };
        let target = written_well(&quoted(target));
        let Some(there) = place(&target) else {
            return self.trouble(probe, Rank::Noise, format!("redirects to {target}, which is no web address"), None);
        };
        if !there.secure && (!self.request.allow_http || probe.step == Step::HttpRedirect) {
            return self.trouble(probe, rank, format!("redirects to {target}, which is not https"), None);
        }
        if !self.may_be_led_to(&there.host) {
            let told = format!("redirects to {}, {}", there.host, not_listed());
            return self.trouble(probe, rank, told, Some(Cause::NotAllowed));
        }
        if self.hops >= MOST_HOPS {
            return self.trouble(probe, rank, format!("redirects once more, after {MOST_HOPS} times"), None);
        }
        let probes = match probe.step {
            Step::HttpRedirect => self.host_probes(&there.host, Some(target.clone())),
            step => vec![Probe { step, target: target.clone(), signed_in: false }],
        };
        if probes.iter().all(|probe| self.asked.contains(&(probe.step, probe.target.clone(), false))) {
            return self.trouble(probe, rank, format!("redirects in a circle, to {target}"), None);
        }
        self.hops += 1;
        probes.into_iter().rev().for_each(|probe| self.next_in(at, probe));
        (true, format!("redirects to {target}"))
    }

    fn said(&mut self, at: usize, probe: &Probe, said: Said) -> Outcome {
        match said {
            Said::Settings(settings) => self.settings(at, probe, *settings),
            Said::Url(target) => self.led(at, probe, &target, true),
            Said::Address(address) => self.readdressed(probe, &address),
            Said::No(sentence) => self.trouble(probe, Rank::No, format!("answers {sentence}"), None),
            Said::Busy(sentence) => self.trouble(probe, Rank::Busy, format!("answers {sentence}"), None),
            Said::Noise(what) => self.trouble(probe, Rank::Noise, format!("answers with {what}"), None),
        }
    }

    /// The mailbox is known by another address: the search begins anew with that.
    fn readdressed(&mut self, probe: &Probe, address: &str) -> Outcome {
        let address = quoted(address);
        let Ok(domain) = domain(&address) else {
            return self.trouble(probe, Rank::No, format!("says to ask for {address}, which is no address"), None);
        };
        if let Some(host) = cloud_of(&domain) {
            self.found = Some(Found {
                ews_url: format!("https://{host}/EWS/Exchange.asmx"),
                other_url: None,
                kind: ServerKind::HybridRemote { host: host.to_owned() },
                schemas: Vec::new(),
                grouping: None,
                public_folder_mailbox: None,
                rpc_server: None,
                primary_address: Some(address.clone()),
                step: probe.step,
            });
            return (true, format!("says that the mailbox is {address}, in Exchange Online"));
        }
        if self.hops >= MOST_HOPS {
            return self.trouble(
                probe,
                Rank::No,
                format!("says to ask for {address}, after {MOST_HOPS} redirects"),
                None,
            );
        }
        if !self.addresses.insert(address.to_lowercase()) {
            return self.trouble(probe, Rank::No, format!("says to ask for {address}, which goes in a circle"), None);
        }
        self.hops += 1;
        self.tracks.clear();
        self.asked.clear();
        self.partial = None;
        self.next = Phase::Hosts;
        self.domain = domain;
        let told = format!("says to ask for {address}");
        self.address = address;
        (true, told)
    }

    fn settings(&mut self, at: usize, probe: &Probe, settings: Settings) -> Outcome {
        let usable = |url: &String| place(url).is_some_and(|place| place.secure || self.request.allow_http);
        let wanted = match self.request.prefer_internal {
            true => [settings.internal, settings.external],
            false => [settings.external, settings.internal],
        };
        let given = wanted.iter().flatten().next().map(|url| quoted(url));
        let mut urls = wanted.into_iter().flatten().map(|url| written_well(&url)).filter(usable);
        let Some(ews_url) = urls.next() else {
            return match given {
                None => self.trouble(probe, Rank::No, "knows the mailbox and names no EWS URL".to_owned(), None),
                Some(url) => self.trouble(probe, Rank::No, format!("names {url}, which is not https"), None),
            };
        };
        let kind = self.kind(at, &ews_url);
        let address = (self.address != self.request.address).then(|| self.address.clone());
        let found = Found {
            other_url: urls.find(|url| *url != ews_url),
            schemas: settings.schemas,
            grouping: settings.grouping,
            public_folder_mailbox: settings.public_folder_mailbox,
            rpc_server: settings.rpc_server,
            primary_address: settings.primary_address.or(address),
            step: probe.step,
            kind,
            ews_url,
        };
        let told = format!("names {}", found.ews_url);
        let more = self.request.settings && self.request.identity.is_some() && found.kind == ServerKind::OnPremises;
        if probe.step == Step::V2 && more {
            let track = self.tracks.remove(at);
            self.tracks = vec![track];
            self.partial = Some(found);
        } else {
            self.found = Some(found);
        }
        (true, told)
    }

    /// Whose server an EWS URL leads to. Who answers at a host of the domain, over TLS that was verified, is a server of its
    /// own; Exchange Online is reached by plain redirects and records only.
    fn kind(&self, at: usize, ews_url: &str) -> ServerKind {
        let host = place(ews_url).map(|place| place.host).unwrap_or_default();
        let at_own_host = self.tracks.get(at).is_some_and(|track| track.origin == Phase::Hosts);
        let has_own = self.address != self.request.address || at_own_host && !is_exchange_online(&self.domain);
        match (is_exchange_online(&host), has_own) {
            (false, _) => ServerKind::OnPremises,
            (true, true) => ServerKind::HybridRemote { host },
            (true, false) => ServerKind::Online,
        }
    }

    /// Whether a sign-in may be shown to a host.
    fn may_sign_in_to(&self, host: &str) -> bool {
        let listed = self.request.redirect_hosts.iter().any(|pattern| names(pattern, host));
        listed || is_of(&self.own_domain, host) || WELL_KNOWN_HOSTS.contains(&host)
    }

    /// Whether a redirect or record may lead to a host.
    fn may_be_led_to(&self, host: &str) -> bool {
        self.may_sign_in_to(host) || is_of(&self.domain, host)
    }

    fn next_in(&mut self, at: usize, probe: Probe) {
        if let Some(track) = self.tracks.get_mut(at) {
            track.waiting.push_front(probe);
        }
    }

    /// Asks a host no more in this track.
    fn leave_host(&mut self, at: usize, probe: &Probe) {
        let there = place(&probe.target);
        if let Some(track) = self.tracks.get_mut(at) {
            track.waiting.retain(|waiting| place(&waiting.target) != there);
        }
    }

    fn trouble(&mut self, probe: &Probe, rank: Rank, sentence: String, cause: Option<Cause>) -> Outcome {
        if self.worst.as_ref().is_none_or(|worst| worst.rank < rank) {
            let target = probe.target.split('?').next().unwrap_or_default().to_owned();
            self.worst = Some(Trouble { rank, target, sentence: sentence.clone(), cause });
        }
        (false, sentence)
    }
}

impl Rank {
    fn kind(self) -> ErrorKind {
        match self {
            Rank::Silence | Rank::Noise | Rank::No => ErrorKind::NotFound,
            Rank::Unreachable | Rank::Tls | Rank::Busy => ErrorKind::Unavailable,
            Rank::Blocked => ErrorKind::Denied,
            Rank::SignIn => ErrorKind::SignIn,
        }
    }
}

/// An answer with status 200.
pub(super) fn read(step: Step, body: &[u8]) -> Said {
    match step {
        Step::V2 => v2::read(body),
        Step::Soap => soap::read(body),
        Step::Pox => pox::read(body),
        Step::HttpRedirect | Step::Srv => Said::Noise("a page".to_owned()),
    }
}

fn is_of(domain: &str, host: &str) -> bool {
    host == domain || host.strip_prefix("autodiscover.") == Some(domain)
}

fn not_listed() -> &'static str {
    "which autodiscover.hosts does not name; name it there if it is yours"
}

/// So many sign-ins may be refused in one search: an account must not be locked by it.
pub const MOST_REFUSALS: u32 = 2;
/// MS-OXDSCLI section 3.1.5.4.
const MOST_HOPS: u32 = 10;
/// Of a DNS answer.
const MOST_RECORDS: usize = 3;
