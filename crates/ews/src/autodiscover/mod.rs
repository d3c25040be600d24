//! Autodiscover: from a mail address to the Exchange that has its mailbox (MS-OXDSCLI, MS-OXWSADISC).
//!
//! Guarantees: credentials leave over verified TLS only, after the server asked for them (401), and only for
//! `DOMAIN`, `autodiscover.DOMAIN` and the hosts an operator or [`WELL_KNOWN_HOSTS`] names; no label is ever stripped from
//! the domain; nothing follows from https to http; at most [`MOST_REFUSALS`] sign-ins are refused before it gives up.
//! `plan` decides all this and does no IO.

mod answer;
mod at;
mod hosts;
mod plan;
mod pox;
mod request;
mod soap;
mod v2;

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use http::Method;
use tokio::time::{Instant, timeout};

use crate::{Ask, Cause, Error, Identity, Service, Told, Web};
pub use at::{ask_at, beside};
pub use hosts::{WELL_KNOWN_HOSTS, is_exchange_online};
pub use plan::MOST_REFUSALS;
use plan::{Act, Answer, Plan};
pub use request::Request;

/// The Exchange of a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The EWS URL that was wanted: the external or the internal one.
    pub ews_url: String,
    /// The other of the two, if there is another.
    pub other_url: Option<String>,
    /// Whose server it is.
    pub kind: ServerKind,
    /// The versions it says it understands, such as `Exchange2013_SP1`; empty if it did not say.
    pub schemas: Vec<String>,
    /// Mailboxes with the same text may share a notification connection (`GroupingInformation`).
    pub grouping: Option<String>,
    /// The mailbox that holds the hierarchy of public folders: the anchor of requests for it.
    pub public_folder_mailbox: Option<String>,
    /// `InternalRpcClientServer`: what X-PublicFolderMailbox wants.
    pub rpc_server: Option<String>,
    /// The mailbox's own address, where it is not the one that was asked for.
    pub primary_address: Option<String>,
    /// Which way of asking told it.
    pub step: Step,
}

/// Whose server has a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerKind {
    /// The organisation's own, or a hoster's.
    OnPremises,
    /// The organisation has servers of its own, and they say that this mailbox is in Exchange Online.
    HybridRemote {
        /// Where it is.
        host: String,
    },
    /// Exchange Online, and nothing else.
    Online,
}

/// All that was tried, in the order in which it ended.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// One for each question.
    pub tried: Vec<Tried>,
}

/// One question and what came of it.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The way of asking.
    pub step: Step,
    /// What was asked: a URL, or the name of a DNS record.
    pub url: String,
    /// Whether it was asked with a sign-in.
    pub signed_in: bool,
    /// For how long.
    pub took: Duration,
    /// What came, in one sentence, and what could be done about it.
    pub outcome: String,
    /// What the question was for came.
    pub worked: bool,
}

/// A way of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// `autodiscover.json`, which needs no sign-in.
    V2,
    /// SOAP GetUserSettings (MS-OXWSADISC).
    Soap,
    /// POX, "plain old XML" (MS-OXDSCLI).
    Pox,
    /// Plain http, without sign-in, for the sake of its redirect (MS-OXDSCLI section 3.1.5.3).
    HttpRedirect,
    /// The DNS record `_autodiscover._tcp` (MS-OXDISCO section 3.1.5.4).
    Srv,
}

/// Finds the Exchange of a mailbox.
///
/// The error says what stands in the way of the most promising way of asking: `SignIn` if the identity was refused or one
/// is wanted, `Denied` if the way leads to a host nobody allowed, `NotFound` if nobody knows the mailbox or the domain,
/// else `Unavailable`. The report has every way that was tried.
pub async fn discover(web: &Web, request: &Request) -> (Result<Found, Error>, Report) {
    discover_over(web, request).await
}

/// A question of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The way of asking.
    pub step: Step,
    /// A URL, or the name of a DNS record.
    pub url: String,
    /// With the identity, if the server asks for one.
    pub signed_in: bool,
}

/// What a rehearsal answers.
#[derive(Clone, Debug)]
pub enum Rehearsed {
    /// Nobody is there.
    Silence,
    /// This comes back.
    Page(Told),
    /// These hosts are in the DNS.
    Services(Vec<Service>),
}

/// Goes through a search without a network: whom it would ask, and what it would make of the answers.
pub fn rehearse(request: &Request, mut answer: impl FnMut(&Question) -> Rehearsed) -> Result<Found, Error> {
    let mut plan = Plan::new(request)?;
    loop {
        let acts = plan.acts();
        if acts.is_empty() {
            return plan.verdict();
        }
        for act in acts {
            let question = Question { step: act.step, url: act.target.clone(), signed_in: act.signed_in };
            let silence = || Error::unavailable("nobody is there").because(Cause::NoSuchHost);
            let answer = match (answer(&question), act.step) {
                (Rehearsed::Services(services), Step::Srv) => Answer::Services(Ok(services)),
                (_, Step::Srv) => Answer::Services(Ok(Vec::new())),
                (Rehearsed::Page(page), _) => Answer::Page(Ok(page)),
                (_, _) => Answer::Page(Err(silence())),
            };
            plan.told(act, answer);
        }
    }
}

/// What the driver needs of the network.
pub(crate) trait Network: Sync {
    /// Asks a web server; see [`Web::ask`].
    fn ask(&self, ask: Ask<'_>) -> impl Future<Output = Result<Told, Error>> + Send;

    /// Asks for a domain's SRV records of Autodiscover, in the order in which they are to be tried.
    fn services(&self, domain: &str) -> impl Future<Output = Result<Vec<Service>, Error>> + Send;
}

impl Network for Web {
    async fn ask(&self, ask: Ask<'_>) -> Result<Told, Error> {
        Web::ask(self, ask).await
    }

    async fn services(&self, domain: &str) -> Result<Vec<Service>, Error> {
        self.egress().services(SERVICE, domain).await
    }
}

async fn discover_over<N: Network>(network: &N, request: &Request) -> (Result<Found, Error>, Report) {
    let mut report = Report::default();
    let mut plan = match Plan::new(request) {
        Ok(plan) => plan,
        Err(error) => return (Err(error), report),
    };
    let mut under_way = Vec::new();
    loop {
        under_way
            .extend(plan.acts().into_iter().map(|act| Box::pin(carry_out(network, request.identity.as_ref(), act))));
        if under_way.is_empty() {
            return (plan.verdict(), report);
        }
        let (act, took, answer) = first(&mut under_way).await;
        let (step, url, signed_in) = (act.step, act.target.clone(), act.signed_in);
        let (worked, outcome) = plan.told(act, answer);
        tracing::debug!(?step, url, signed_in, outcome, "autodiscover");
        report.tried.push(Tried { step, url, signed_in, took, outcome, worked });
        if plan.is_over() {
            return (plan.verdict(), report);
        }
    }
}

async fn carry_out<N: Network>(network: &N, identity: Option<&Identity>, act: Act) -> (Act, Duration, Answer) {
    let begun = Instant::now();
    let answer = match act.step {
        Step::Srv => {
            let domain = act.target.strip_prefix(SERVICE).unwrap_or_default().trim_start_matches('.');
            let asked = timeout(STEP_TIMEOUT, network.services(domain)).await;
            let late = |_| Err(Error::unavailable("no name server answers within 10 s").because(Cause::Unreachable));
            Answer::Services(asked.unwrap_or_else(late))
        }
        _ => {
            let ask = Ask {
                method: if act.body.is_some() { Method::POST } else { Method::GET },
                headers: act.headers.clone(),
                body: act.body.clone().map(|body| ("text/xml; charset=utf-8", body)),
                identity: identity.filter(|_| act.signed_in),
                timeout: STEP_TIMEOUT,
                ..Ask::get(&act.target)
            };
            Answer::Page(network.ask(ask).await)
        }
    };
    (act, begun.elapsed(), answer)
}

/// Waits for the first of several to end, and takes it out.
async fn first<F: Future>(under_way: &mut Vec<Pin<Box<F>>>) -> F::Output {
    poll_fn(|context| {
        for at in 0..under_way.len() {
            let polled = under_way.get_mut(at).map(|future| future.as_mut().poll(context));
            if let Some(Poll::Ready(output)) = polled {
                drop(under_way.remove(at));
                return Poll::Ready(output);
            }
        }
        Poll::Pending
    })
    .await
}

impl Step {
    /// As reports call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Step::V2 => "v2 JSON",
            Step::Soap => "SOAP",
            Step::Pox => "POX",
            Step::HttpRedirect => "http redirect",
            Step::Srv => "DNS SRV",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signed_in = if self.signed_in { " (signed in)" } else { "" };
        write!(out, "{} {}{signed_in}: {} [{} ms]", self.step, self.url, self.outcome, self.took.as_millis())
    }
}

/// What the record is called (MS-OXDISCO section 3.1.5.4).
const SERVICE: &str = "_autodiscover._tcp";
const STEP_TIMEOUT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
