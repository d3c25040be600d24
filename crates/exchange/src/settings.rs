//! What the operator decides.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ews::oauth::TokenStore;
use ews::{ChannelBinding, EgressConfig, Failover, Limits, Schemes, Secret, Trace, Trust};

use crate::maps::Shared;

/// How the backend is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The directory for ID maps and cached messages. It is made if it is not there.
    pub state: PathBuf,
    /// The Exchange servers. At least one.
    pub organisations: Vec<Organisation>,
    /// How RFC822.SIZE is answered.
    pub sizes: SizePolicy,
    /// What Exchange's own index is asked when messages are searched.
    pub index: SearchIndex,
    /// How many bytes of messages are kept on disk, over all mailboxes.
    pub cache_bytes: u64,
    /// Which messages are fetched before anybody asks for them.
    pub prefetch: Prefetch,
    /// How often changes are looked for where Exchange cannot notify.
    pub poll: Duration,
    /// How long a mailbox stays live after its last session ended.
    pub linger: Duration,
    /// How messages are sent.
    pub sending: Sending,
    /// What is shared with other gateways that serve the same mailboxes; else the maps are files below `state`.
    pub shared: Option<Shared>,
}

impl Settings {
    /// The defaults for a state directory and these organisations.
    #[must_use]
    pub fn new(state: impl Into<PathBuf>, organisations: Vec<Organisation>) -> Self {
        Self {
            state: state.into(),
            organisations,
            sizes: SizePolicy::Auto,
            index: SearchIndex::Off,
            cache_bytes: 2 << 30,
            prefetch: Prefetch::None,
            poll: Duration::from_secs(30),
            linger: Duration::from_secs(300),
            sending: Sending::default(),
            shared: None,
        }
    }
}

/// How messages are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sending {
    /// When a message is kept on disk, and sent in the background.
    pub spool: SpoolPolicy,
    /// Exchange keeps a copy in Sent Items.
    pub save_to_sent: bool,
    /// How long a message is tried that Exchange does not take; then its sender is told.
    pub give_up: Duration,
    /// For how long Exchange may be at work on a message after the connection was lost on which it was given it, or an
    /// error came that leaves open whether it took it; a second more for each MiB. Only then it is looked for, and given to
    /// Exchange again if it is not there.
    pub lost_answer: Duration,
    /// Octets of the largest message that is taken.
    pub largest_message: u64,
    /// Recipients of a message.
    pub most_recipients: usize,
}

impl Default for Sending {
    fn default() -> Self {
        Self {
            spool: SpoolPolicy::WhenAway,
            save_to_sent: true,
            give_up: Duration::from_secs(2 * 24 * 60 * 60),
            lost_answer: Duration::from_secs(5 * 60),
            largest_message: 150 << 20,
            most_recipients: 5000,
        }
    }
}

/// When a message is kept on disk, and sent in the background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpoolPolicy {
    /// While Exchange is away or busy.
    WhenAway,
    /// Only while it is not known whether Exchange took it.
    Never,
    /// Always: the client is answered once it is on disk.
    Always,
}

/// One Exchange organisation, who belongs to it, and how it is spoken to.
#[derive(Clone, Debug)]
pub struct Organisation {
    /// Its name in logs and in the state directory. State is found by it, so it must not change.
    pub name: String,
    /// What it is, for people.
    pub description: Option<String>,
    /// Where its servers are.
    pub way: Way,
    /// Where Autodiscover is asked about public folders when the servers are set: its POX document. Without, on the first
    /// of the servers, which has it in every Exchange.
    pub autodiscover: Option<String>,
    /// What is done about a server that fails.
    pub failover: Failover,
    /// Domains of its users, without regard to case. Empty for everyone no other organisation claims.
    pub domains: Vec<String>,
    /// It takes everyone no other organisation claims, whatever its domains.
    pub is_default: bool,
    /// The Windows domain put before user names that have none, such as `CORP`.
    pub default_domain: Option<String>,
    /// Which servers are believed to be who they say.
    pub trust: Trust,
    /// Allow `http://` URLs, credentials and mail in clear.
    pub allow_http: bool,
    /// The way out.
    pub egress: EgressConfig,
    /// How users, or the service account, show who they are.
    pub proof: Proof,
    /// Where sign-ins at the identity provider are kept.
    pub store: Option<Arc<dyn TokenStore>>,
    /// Whether sign-ins are bound to their TLS connections.
    pub channel_binding: ChannelBinding,
    /// The account that acts for every user; without, each user acts for themselves.
    pub service: Option<Service>,
    /// Take access tokens (RFC 6750) from clients, and pass them on.
    pub tokens: bool,
    /// Speak to Exchange Online, although it ends.
    pub allow_exchange_online: bool,
    /// How much at once, and how long.
    pub limits: Limits,
    /// How often changes are looked for where Exchange cannot notify.
    pub poll: Option<Duration>,
    /// Where dialogs with its servers are written down, without secrets and without mail.
    pub trace: Option<Arc<Trace>>,
}

impl Organisation {
    /// The defaults for an organisation of this name with its servers at these addresses.
    #[must_use]
    pub fn at(name: impl Into<String>, urls: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::found(name, Way::Urls(urls.into_iter().map(Into::into).collect()))
    }

    /// The same, with its servers found in this way.
    #[must_use]
    pub fn found(name: impl Into<String>, way: Way) -> Self {
        Self {
            name: name.into(),
            description: None,
            way,
            autodiscover: None,
            failover: Failover::default(),
            domains: Vec::new(),
            is_default: false,
            default_domain: None,
            trust: Trust::default(),
            allow_http: false,
            egress: EgressConfig::default(),
            proof: Proof::Password(Schemes::auto()),
            store: None,
            channel_binding: ChannelBinding::default(),
            service: None,
            tokens: false,
            allow_exchange_online: false,
            limits: Limits::default(),
            poll: None,
            trace: None,
        }
    }
}

/// Where the servers of an organisation are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Here, the most wanted first; such as `https://mail.example.org/EWS/Exchange.asmx`.
    Urls(Vec<String>),
    /// Where Autodiscover says.
    Discover(Discover),
}

/// How Autodiscover is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discover {
    /// The address for clients inside the organisation's network is wanted.
    pub prefer_internal: bool,
    /// Hosts it may lead to beside those of the user's own domain.
    pub hosts: Vec<String>,
    /// Ask `http://` too where that shows a password, and believe an `http://` address it tells: for tests.
    pub allow_http: bool,
}

/// How somebody shows who they are.
#[derive(Clone, Debug)]
pub enum Proof {
    /// By user name and password, in one of these schemes.
    Password(Schemes),
    /// By a token of an identity provider.
    OAuth(Box<OAuth>),
}

/// An identity provider, and what we are there.
#[derive(Clone, Debug)]
pub struct OAuth {
    /// Such as `https://login.microsoftonline.com`.
    pub authority: String,
    /// The organisation there; none for AD FS.
    pub tenant: Option<String>,
    /// The application's id there.
    pub client_id: String,
    /// How the application shows that it is the one of that id.
    pub client: Option<ClientProof>,
    /// Whose tokens are wanted; by default the Exchange server's own.
    pub resource: Option<String>,
    /// What is asked for; by default what mail needs.
    pub scope: Option<String>,
    /// Who consents, and how.
    pub flow: Flow,
    /// Where the browser comes back to; by default a free port of this machine.
    pub redirect: Option<String>,
    /// How long a sign-in may take.
    pub timeout: Duration,
    /// Hosts of identity providers Exchange may name.
    pub allow_authorities: Vec<String>,
}

/// How an application shows who it is.
#[derive(Clone, Debug)]
pub enum ClientProof {
    /// By a secret.
    Secret(Secret),
    /// By a certificate and its private key, PEM files (RFC 7523).
    Certificate {
        /// The certificate.
        certificate: PathBuf,
        /// The private key.
        key: PathBuf,
    },
}

/// How a token is come by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// A browser on the same machine (RFC 6749 section 4.1, RFC 7636).
    #[default]
    Code,
    /// A browser anywhere (RFC 8628).
    Device,
    /// The application by itself (RFC 6749 section 4.4).
    ClientCredentials,
}

/// An account that may act for others (the role ApplicationImpersonation).
#[derive(Clone, Debug)]
pub struct Service {
    /// `DOMAIN\user` or `user@domain`; what it is called in logs if it signs in by a token.
    pub user: String,
    /// None if it signs in by a token.
    pub password: Option<Secret>,
}

/// What Exchange's own index of words is asked when SEARCH looks for text in messages that are not here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SearchIndex {
    /// Nothing: they are fetched and looked at.
    #[default]
    Off,
    /// Which messages hold the inner words of texts of three words and more. What stands nowhere but in the markup of
    /// HTML or in the header fields of parts is not found then.
    Phrases,
    /// Which messages hold the words of the text: it is found only where it begins with a word (RFC 9051 section 6.4.4
    /// allows flexible searching).
    Words,
}

/// Which messages are fetched before anybody asks for them, of folders somebody uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prefetch {
    /// None; those that will be wanted next all the same.
    #[default]
    None,
    /// The newest 200 of each folder.
    Recent,
    /// As many as there is room for.
    All,
}

/// How RFC822.SIZE is answered for a message whose rendering is not known yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SizePolicy {
    /// By an estimate that is never below the real size.
    #[default]
    Auto,
    /// Exactly, at the price of fetching the message.
    Exact,
}
