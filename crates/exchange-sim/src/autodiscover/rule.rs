//! Where a service is missing or misbehaves, as the control interface orders it.

use std::fmt;

use crate::{Version, form::Form, reply::Reply};

/// A service that can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// `GET /autodiscover/autodiscover.json`
    V2,
    /// `POST /autodiscover/autodiscover.svc`
    Soap,
    /// `POST /autodiscover/autodiscover.xml`
    Pox,
    /// `GET http://HOST/autodiscover/autodiscover.xml`, which leads to one of the others.
    Redirect,
}

impl Step {
    /// The service at a path; IIS does not look at case.
    pub(super) fn of(path: &str) -> Option<Self> {
        let path = path.to_ascii_lowercase();
        let service = path.strip_prefix("/autodiscover/autodiscover.")?;
        match service {
            "svc" => Some(Self::Soap),
            "xml" => Some(Self::Pox),
            "json" => Some(Self::V2),
            _ => service.starts_with("json/").then_some(Self::V2),
        }
    }

    /// The first version that has it.
    pub(super) fn since(self) -> Version {
        match self {
            Self::Pox | Self::Redirect => Version::Exchange2007Sp1,
            Self::Soap => Version::Exchange2010,
            Self::V2 => Version::Exchange2016,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        STEPS.iter().find(|(step, _)| *step == self).map_or("", |(_, name)| name)
    }

    fn named(name: &str) -> Option<Self> {
        STEPS.iter().find(|(_, known)| *known == name).map(|(step, _)| *step)
    }
}

const STEPS: &[(Step, &str)] =
    &[(Step::V2, "v2"), (Step::Soap, "soap"), (Step::Pox, "pox"), (Step::Redirect, "redirect")];

/// What a service does instead of answering well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The service is not there: 404.
    Off,
    /// A page of that status, as a web server without Exchange sends it.
    Page(u16),
    /// 401 whatever is shown.
    Unauthorized,
    /// 200 with nothing.
    Empty,
    /// No answer at all.
    Hang,
    /// 302 to the very same URL.
    RedirectLoop,
    /// 302 to the same place without TLS.
    RedirectHttp,
    /// 302 to that URL.
    Redirect(String),
    /// The namespaces of the documentation's examples, which begin with https.
    WrongNamespace,
    /// A document that ends in the middle.
    BrokenXml,
    /// The document leads to another address, and that one back to the first.
    AddressLoop,
    /// The document leads to that address; with `@` at its beginning, to the same name in another domain.
    Address(String),
    /// The document leads to that URL.
    Url(String),
    /// The document tells of no such user.
    InvalidUser,
    /// The document tells of a user without a mailbox.
    NoMailbox,
    /// The document asks to come back later.
    ServerBusy,
    /// The document tells of a failure inside.
    InternalError,
    /// The document has everything but the place of EWS.
    NoSetting,
}

impl Fault {
    /// The answer of a service that never comes to look at the document; `None` when it does.
    pub(crate) fn early(&self, url: &Here<'_>) -> Option<Reply> {
        Some(match self {
            Self::Off => Reply::html(404, "<html><body>404 - File or directory not found.</body></html>"),
            Self::Page(status) => {
                Reply::html(*status, format!("<html><head><title>Welcome</title></head><body>{status}</body></html>"))
            }
            Self::Empty => Reply::page(200, "text/xml; charset=utf-8", ""),
            Self::RedirectLoop => {
                let scheme = if url.tls { "https" } else { "http" };
                Reply::found(format!("{scheme}://{}{}", url.authority, url.target))
            }
            Self::RedirectHttp => Reply::found(format!("http://{}{}", url.authority, url.target)),
            Self::Redirect(to) => Reply::found(to),
            _ => return None,
        })
    }

    /// Reads a fault; `to` is the place some lead to.
    fn named(name: &str, to: Option<&str>) -> Result<Option<Self>, String> {
        let to = || to.map(str::to_owned).ok_or_else(|| format!("the fault {name} needs the parameter to"));
        Ok(Some(match name {
            "none" => return Ok(None),
            "off" => Self::Off,
            "html" => Self::Page(200),
            "bad-request" => Self::Page(400),
            "forbidden" => Self::Page(403),
            "not-found" => Self::Page(404),
            "server-error" => Self::Page(500),
            "unavailable" => Self::Page(503),
            "unauthorized" => Self::Unauthorized,
            "empty" => Self::Empty,
            "hang" => Self::Hang,
            "redirect-loop" => Self::RedirectLoop,
            "redirect-http" => Self::RedirectHttp,
            "redirect" => Self::Redirect(to()?),
            "wrong-namespace" => Self::WrongNamespace,
            "broken-xml" => Self::BrokenXml,
            "address-loop" => Self::AddressLoop,
            "address" => Self::Address(to()?),
            "cloud" => Self::Address("@demo.mail.onmicrosoft.com".to_owned()),
            "url" => Self::Url(to()?),
            "invalid-user" => Self::InvalidUser,
            "no-mailbox" => Self::NoMailbox,
            "server-busy" => Self::ServerBusy,
            "internal-error" => Self::InternalError,
            "no-setting" => Self::NoSetting,
            _ => return Err(format!("no such fault: {name}")),
        }))
    }
}

/// The URL a request came to.
pub(crate) struct Here<'a> {
    pub(crate) tls: bool,
    /// Host and port as the client wrote them.
    pub(crate) authority: &'a str,
    /// Path and query.
    pub(crate) target: &'a str,
}

/// A fault, or good behaviour, at some hosts and steps.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// In lower case; `None` for every host.
    host: Option<String>,
    /// `None` for every step.
    step: Option<Step>,
    /// The address asked about, in lower case; `None` for every one.
    user: Option<String>,
    pub(super) fault: Option<Fault>,
}

impl Rule {
    pub(super) fn fits(&self, host: &str, step: Step, user: &str) -> bool {
        self.host.as_deref().is_none_or(|own| own == host)
            && self.step.is_none_or(|own| own == step)
            && self.user.as_deref().is_none_or(|own| own.eq_ignore_ascii_case(user))
    }

    /// `only=STEP` switches everything else off; `step=STEP|all` with `fault=…` is a rule of its own. Both may be
    /// narrowed by `host` and `user`.
    pub(super) fn read(form: &Form) -> Result<Vec<Self>, String> {
        let host = form.get("host").map(str::to_ascii_lowercase);
        let user = form.get("user").map(str::to_ascii_lowercase);
        let step =
            |name: &str| Step::named(name).ok_or_else(|| format!("no such step: {name} (v2, soap, pox, redirect)"));
        if let Some(name) = form.get("only") {
            let off = Self { host: None, step: None, user: None, fault: Some(Fault::Off) };
            return Ok(vec![off, Self { host, step: Some(step(name)?), user, fault: None }]);
        }
        let Some(name) = form.get("fault") else { return Ok(Vec::new()) };
        let step = match form.need("step")? {
            "all" => None,
            name => Some(step(name)?),
        };
        Ok(vec![Self { host, step, user, fault: Fault::named(name, form.get("to"))? }])
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, step) = (self.host.as_deref().unwrap_or("*"), self.step.map_or("all", Step::name));
        let user = self.user.as_deref().unwrap_or("everybody");
        match &self.fault {
            Some(fault) => write!(f, "{step} at {host} for {user}: {fault:?}"),
            None => write!(f, "{step} at {host} for {user}: answers"),
        }
    }
}
