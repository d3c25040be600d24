use crate::{Error, ErrorKind, Identity};

/// Whose Exchange is looked for, and how far the search may go.
#[derive(Clone, Debug)]
pub struct Request {
    /// The mail address.
    pub address: String,
    /// Who signs in where that is asked for. Without, only what needs no sign-in is found.
    pub identity: Option<Identity>,
    /// Take the URL for the inside of the organisation's network.
    pub prefer_internal: bool,
    /// Hosts the search may be led to beside `DOMAIN` and `autodiscover.DOMAIN`: `mail.hoster.example`, or `*.hoster.example`
    /// for every name below it. [`super::WELL_KNOWN_HOSTS`] are allowed anyway.
    pub redirect_hosts: Vec<String>,
    /// Take an EWS URL that begins with `http://`, and follow redirects to such. Credentials go by https all the same.
    pub allow_http: bool,
    /// Ask for more than the URL: supported versions, public folders, grouping. It takes a sign-in, and what is told
    /// without one is then used only if that fails.
    pub settings: bool,
}

impl Request {
    /// For an address; the rest as it is safe.
    pub fn new(address: impl Into<String>) -> Request {
        Request {
            address: address.into(),
            identity: None,
            prefer_internal: false,
            redirect_hosts: Vec::new(),
            allow_http: false,
            settings: false,
        }
    }
}

/// What stands behind the `@`, in lower case, if it can be a host's name.
pub(super) fn domain(address: &str) -> Result<String, Error> {
    let domain = address.rsplit_once('@').map(|(_, domain)| domain.trim_end_matches('.').to_ascii_lowercase());
    let label = |label: &str| {
        !label.is_empty() && label.len() <= 63 && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    domain.filter(|domain| domain.len() <= 253 && domain.split('.').all(label)).ok_or_else(|| {
        let told = format!("{address} is no mail address whose server can be found: it must be user@domain, in ASCII");
        Error::new(ErrorKind::Local, told)
    })
}
