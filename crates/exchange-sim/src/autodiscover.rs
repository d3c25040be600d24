//! Autodiscover: where the mailbox of an address is served (MS-OXDSCLI, MS-OXWSADISC).
//!
//! Three services tell it: the JSON one of version 2, SOAP and plain XML (POX); a web server without TLS leads to them.
//! Each answers for any host name, and [`Rules`] say where one is missing or misbehaves. Everything here is a function
//! of the request; signing in and waiting are the business of `http::autodiscover`.

mod pox;
mod rule;
mod soap;
mod v2;

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::{Version, form::Form, reply::Reply};

pub(crate) use rule::{Fault, Here, Step};

use rule::Rule;

/// What the services hand out, where they misbehave, and who asked.
pub(crate) struct Autodiscover {
    version: Version,
    state: Mutex<State>,
}

struct State {
    places: Places,
    rules: Vec<Rule>,
    seen: Vec<Value>,
}

/// What is told of every mailbox.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// `ExternalEwsUrl`
    pub(crate) external: String,
    /// `InternalEwsUrl`
    pub(crate) internal: String,
    /// `GroupingInformation`
    pub(crate) grouping: String,
    /// `PublicFolderInformation`: the address of the public folder mailbox; empty for none.
    pub(crate) public_folders: String,
    /// The mailboxes of public folders: `guid@domain`, which plain XML tells as `Server`, and the SMTP address.
    pub(crate) public_mailboxes: Vec<(String, String)>,
    /// `EwsSupportedSchemas`; empty for what the version supports.
    pub(crate) schemas: String,
    /// Where the web server without TLS leads; empty for the host that was asked, over TLS.
    pub(crate) redirect: String,
}

/// The owner of an address.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// The primary address.
    pub(crate) address: String,
    pub(crate) name: String,
}

/// What one service is asked.
pub(crate) struct Asked<'a> {
    /// The host name, in lower case and without the port.
    pub(crate) host: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) body: &'a str,
    /// Who has the mailbox of an address.
    pub(crate) person: &'a dyn Fn(&str) -> Option<Person>,
}

impl Autodiscover {
    /// Services of that version that tell of one place for everything.
    pub(crate) fn new(version: Version, ews: &str) -> Self {
        let places = Places {
            external: ews.to_owned(),
            internal: ews.to_owned(),
            grouping: "EX01".to_owned(),
            public_folders: String::new(),
            public_mailboxes: Vec::new(),
            schemas: String::new(),
            redirect: String::new(),
        };
        Self { version, state: Mutex::new(State { places, rules: Vec::new(), seen: Vec::new() }) }
    }

    /// Which service is meant, if this version has it.
    pub(crate) fn step(&self, path: &str) -> Option<Step> {
        Step::of(path).filter(|step| self.version >= step.since())
    }

    /// What holds for a step at a host, when it is asked about a user: the newest rule that fits.
    pub(crate) fn fault(&self, host: &str, step: Step, user: &str) -> Option<Fault> {
        let state = self.lock();
        let rule = state.rules.iter().rev().find(|rule| rule.fits(host, step, user));
        rule.and_then(|rule| rule.fault.clone())
    }

    /// The answer of a service.
    pub(crate) fn answer(&self, step: Step, asked: &Asked<'_>, fault: Option<&Fault>) -> Reply {
        let places = self.lock().places.clone();
        let reply = match step {
            Step::V2 => v2::answer(asked, &places, fault),
            Step::Soap => soap::answer(asked, &places, self.version, fault),
            Step::Pox => pox::answer(asked, &places, self.version, fault),
            Step::Redirect => {
                let here = || format!("https://{}/autodiscover/autodiscover.xml", asked.host);
                Reply::found(if places.redirect.is_empty() { here() } else { places.redirect })
            }
        };
        match fault {
            Some(Fault::BrokenXml) => Reply { body: broken(&reply.body), ..reply },
            _ => reply,
        }
    }

    /// Remembers a request for [`Autodiscover::json`].
    pub(crate) fn saw(&self, seen: Value) {
        self.lock().seen.push(seen);
    }

    /// Every request since the start or the last [`Autodiscover::clear`], and the rules.
    pub(crate) fn json(&self) -> Value {
        let state = self.lock();
        let rules: Vec<String> = state.rules.iter().map(ToString::to_string).collect();
        json!({ "requests": state.seen, "rules": rules })
    }

    /// Behaves well again and forgets who asked; what is handed out stays.
    pub(crate) fn clear(&self) {
        let mut state = self.lock();
        state.rules.clear();
        state.seen.clear();
    }

    /// Tells of these public folder mailboxes from now on; the first has the hierarchy.
    pub(crate) fn set_public_folders(&self, mailboxes: Vec<(String, String)>) {
        let places = &mut self.lock().places;
        places.public_folders = mailboxes.first().map(|(_, address)| address.clone()).unwrap_or_default();
        places.public_mailboxes = mailboxes;
    }

    /// Takes what the control interface orders; the table there tells what can be.
    pub(crate) fn order(&self, form: &Form) -> Result<(), String> {
        let rules = Rule::read(form)?;
        let mut state = self.lock();
        state.rules.extend(rules);
        let places = &mut state.places;
        for (name, place) in [
            ("ews", &mut places.external),
            ("internal", &mut places.internal),
            ("grouping", &mut places.grouping),
            ("public_folders", &mut places.public_folders),
            ("schemas", &mut places.schemas),
            ("redirect", &mut places.redirect),
        ] {
            if let Some(value) = form.get(name) {
                value.clone_into(place);
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The address a request asks about, without reading all of it; empty where it has none.
pub(crate) fn about(step: Step, path: &str, query: &str, body: &str) -> String {
    let between = |start: &str| {
        let rest = body.split_once(start).map_or("", |(_, rest)| rest);
        rest.split('<').next().unwrap_or_default().trim().to_owned()
    };
    match step {
        Step::V2 => v2::address(path, &Form::parse(query)).unwrap_or_default(),
        Step::Soap => between("Mailbox>"),
        Step::Pox => between("EMailAddress>"),
        Step::Redirect => String::new(),
    }
}

/// The two addresses of a ring of redirections.
fn other_of_ring(address: &str) -> String {
    match address.strip_prefix("loop-") {
        Some(first) => first.to_owned(),
        None => format!("loop-{address}"),
    }
}

/// Half of a document.
fn broken(document: &str) -> String {
    document.chars().take(document.chars().count() / 2).collect()
}

/// The names of a user and a server of an organisation as the directory stores them.
fn legacy_dn(alias: &str) -> String {
    format!("/o=Demo/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn={alias}")
}

/// `UserDeploymentId`: one for the whole organisation.
const DEPLOYMENT: &str = "5a1e4c0b-90d1-4a3f-8f2b-6d7c8e9fa0b1";

/// The name of the mailbox server.
const SERVER: &str = "ex01.demo.test";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_rule_that_fits_holds() {
        let services = Autodiscover::new(Version::ExchangeSe, "https://mail.a.test/EWS/Exchange.asmx");
        services.order(&Form::parse("step=all&fault=off")).unwrap();
        services.order(&Form::parse("step=soap&host=Autodiscover.A.test&fault=none")).unwrap();
        assert_eq!(services.fault("a.test", Step::Soap, ""), Some(Fault::Off));
        assert_eq!(services.fault("autodiscover.a.test", Step::Soap, ""), None);
        assert_eq!(services.fault("autodiscover.a.test", Step::Pox, ""), Some(Fault::Off));
        services.order(&Form::parse("only=pox")).unwrap();
        assert_eq!(services.fault("autodiscover.a.test", Step::Soap, ""), Some(Fault::Off));
        assert_eq!(services.fault("autodiscover.a.test", Step::Pox, ""), None);
        services.order(&Form::parse("step=pox&fault=empty&user=Anna@a.test")).unwrap();
        assert_eq!(services.fault("a.test", Step::Pox, "anna@A.test"), Some(Fault::Empty));
        assert_eq!(services.fault("a.test", Step::Pox, "ben@a.test"), None);
        services.clear();
        assert_eq!(services.fault("a.test", Step::V2, ""), None);
        for wrong in ["step=srv&fault=html", "step=soap&fault=sad", "fault=html", "step=soap&fault=redirect"] {
            assert!(services.order(&Form::parse(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_request_tells_whom_it_is_about() {
        let path = "/autodiscover/autodiscover.json/v1.0/anna%40a.test";
        for (step, path, query, body) in [
            (Step::V2, "", "Email=anna%40a.test", ""),
            (Step::V2, path, "", ""),
            (Step::Soap, "", "", "<a:User><a:Mailbox>anna@a.test</a:Mailbox></a:User>"),
            (Step::Pox, "", "", "<EMailAddress> anna@a.test </EMailAddress>"),
        ] {
            assert_eq!(about(step, path, query, body), "anna@a.test", "{step:?}");
        }
        assert_eq!(about(Step::Pox, "", "", "<x/>"), "");
    }

    #[test]
    fn old_servers_lack_the_newer_services() {
        let services = |version| Autodiscover::new(version, "");
        let (soap, json) = ("/Autodiscover/Autodiscover.svc", "/autodiscover/autodiscover.json/v1.0/a@a.test");
        assert_eq!(services(Version::Exchange2007Sp1).step(soap), None);
        assert_eq!(services(Version::Exchange2010).step(soap), Some(Step::Soap));
        assert_eq!(services(Version::Exchange2013).step(json), None);
        assert_eq!(services(Version::Exchange2016).step(json), Some(Step::V2));
        assert_eq!(services(Version::Exchange2007Sp1).step("/autodiscover/autodiscover.xml"), Some(Step::Pox));
        assert_eq!(services(Version::ExchangeSe).step("/owa/"), None);
    }

    #[test]
    fn the_web_server_without_tls_leads_elsewhere() {
        let services = Autodiscover::new(Version::ExchangeSe, "");
        let asked = Asked { host: "autodiscover.a.test", path: "", query: "", body: "", person: &|_| None };
        let to = |services: &Autodiscover| {
            services.answer(Step::Redirect, &asked, None).header("location").map(str::to_owned).unwrap()
        };
        assert_eq!(to(&services), "https://autodiscover.a.test/autodiscover/autodiscover.xml");
        services.order(&Form::parse("redirect=https%3A%2F%2Fb.test%2Fx")).unwrap();
        assert_eq!(to(&services), "https://b.test/x");
    }
}
