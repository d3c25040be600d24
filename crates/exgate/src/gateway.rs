//! Builds the gateway from its configuration, once, from the bottom to the top, and takes it down in good order.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use accounts::{Feeds, Safe};
use acme::Acme;
use dav::Dav;
use exchange::Directory;
use imap::Imap;
use ldap::Ldap;
use pop3::Pop3;
use rustix::process::{Resource, Rlimit, setrlimit};
use sd_notify::NotifyState;
use serve::{Certificates, Drain, Limits, Security, Tls, TlsError};
use smtp::Smtp;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use crate::alerts::Watchman;
use crate::config::{Config, Prefetch, SearchIndex, SizePolicy};
use crate::gate::{self, Gate};
use crate::house::{self, Running};
use crate::listeners::HandedOver;
use crate::observe::{History, Observed, Page};
use crate::setup::Signing;
use crate::{Failure, desk, feed, grants, key, setup, store};

/// Runs the gateway until it is told to stop.
pub(crate) async fn serve(config: Config, observed: Observed, handed: HandedOver) -> Result<(), Failure> {
    leave_no_core();
    let started = Instant::now();
    let safe = key::take_over(&config)?;
    let acme = authority(&config).await?;
    let certificates = certificates(&config)?;
    let signing = Signing::load(&config)?;
    let shared = store::shared(&config).await?;
    let nodes = shared.as_ref().map(|shared| shared.nodes.clone());
    if let Some(nodes) = &nodes {
        // Before anything is begun that the others would take back.
        nodes.join().await.map_err(|error| Failure::new(error.to_string()))?;
        tokio::spawn(nodes.clone().stay());
    }
    let register = match &shared {
        None => store::file(&config)?,
        Some(shared) => store::database(&shared.server).await?,
    };
    let backend = backend_of(&config, &config.state, &safe, shared.clone())?;
    let gate = Gate::open(backend, register, gate::Rules::of(&config)?)?;
    let doors = doors(&config, certificates.as_ref())?;
    let signs = signing.as_ref().map(Signing::certificates);
    let observed = Observed { certificates: certificates.clone(), signs: signs.clone(), ..observed };
    let watchman = Watchman::new(&config, observed.clone(), gate.directory().clone())?;
    let limits = Limits::new(config.limits.settings(&config.listen));
    let settings = Settings {
        imap: imap_settings(&config)?,
        smtp: smtp_settings(&config)?,
        pop3: pop3_settings(&config),
        ldap: ldap_settings(&config)?,
        dav: dav_settings(&config, &limits, &gate, signing),
        limits,
        observed,
        admin: AdminSettings::of(&config, safe.clone()),
    };
    let mut gateway = Gateway::open(gate, feed::open(&safe)?, settings, handed.open(doors)?)?;
    gateway.keep_proven(certificates.as_ref(), acme);
    gateway.keep_fresh(certificates.into_iter().chain(signs).collect())?;
    if let Some(watchman) = watchman {
        tokio::spawn(watchman.watch(started));
    }
    let stop = Stop::heard()?;
    gateway.announce()?;
    say("ready")?;
    info!("ready");
    tell_manager(&[NotifyState::Ready]);
    stop.requested().await;
    tell_manager(&[NotifyState::Stopping]);
    gateway.close().await;
    if let Some(nodes) = nodes
        && let Err(error) = nodes.leave().await
    {
        warn!(%error, "the other gateways learn a little later that this one has gone");
    }
    Ok(())
}

/// What is in memory, passwords and mail, is not to be written to a file should the gateway crash.
fn leave_no_core() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        warn!(%error, "a crash may leave the gateway's memory in a file");
    }
}

/// Tells systemd, if it is the one that started us and wants to know.
fn tell_manager(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, states) {
        warn!(%error, "systemd cannot be told how far the gateway is");
    }
}

/// What `config check` checks beyond the words: that certificate and key belong together, and that the CA files are
/// certificates; and that the key of what is sealed can be had, where another one is named for it.
pub(crate) fn check(config: &Config) -> Result<(), Failure> {
    key::check(config)?;
    Signing::load(config)?;
    // What an authority makes out is not there before the first start.
    if config.tls.as_ref().is_some_and(|tls| tls.acme.is_some()) && !Acme::file(&config.state).exists() {
        return Ok(());
    }
    certificates(config).map(drop)
}

/// Settings of the front ends, and what all of them keep to.
pub(crate) struct Settings {
    pub(crate) imap: imap::Settings,
    pub(crate) smtp: smtp::Settings,
    pub(crate) pop3: pop3::Settings,
    pub(crate) ldap: ldap::Settings,
    pub(crate) dav: dav::Settings,
    pub(crate) limits: Limits,
    pub(crate) observed: Observed,
    pub(crate) admin: AdminSettings,
}

/// What administrators see of the configuration.
pub(crate) struct AdminSettings {
    pub(crate) upstreams: Vec<admin::Upstream>,
    pub(crate) safe: Safe,
    pub(crate) longest_refusal: Duration,
}

impl AdminSettings {
    pub(crate) fn of(config: &Config, safe: Safe) -> Self {
        Self {
            upstreams: house::upstreams(&config.organisations()),
            safe,
            longest_refusal: config.limits.longest_refusal(),
        }
    }
}

/// What a listener speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    Imap,
    Submission,
    Pop3,
    Ldap,
    Dav,
    Admin,
}

/// A listener to be: what it is called, what it speaks, where, and whether under TLS.
pub(crate) struct Door {
    pub(crate) name: &'static str,
    pub(crate) speaks: Speaks,
    pub(crate) address: SocketAddr,
    pub(crate) security: Security,
}

/// The running gateway.
pub(crate) struct Gateway {
    drain: Drain,
    addresses: Vec<(&'static str, SocketAddr)>,
}

impl Gateway {
    /// Takes what comes at these doors.
    pub(crate) fn open(
        gate: Gate,
        feeds: Feeds,
        settings: Settings,
        listeners: Vec<(Door, TcpListener)>,
    ) -> Result<Self, Failure> {
        let drain = Drain::new();
        let limits = settings.limits;
        let imap = Imap::new(gate.clone(), settings.imap);
        let smtp = Smtp::new(gate.clone(), settings.smtp);
        let pop3 = Pop3::new(gate.clone(), settings.pop3);
        let ldap = Ldap::new(gate.clone(), settings.ldap);
        let state = settings.admin.safe.directory().to_owned();
        let page = page(&gate, settings.observed, settings.admin)?;
        let opener = feed::Opener { feeds: Arc::new(feeds), gate: gate.clone() };
        let dav = Dav::with_feeds(gate, settings.dav, opener);
        let mut addresses = Vec::new();
        for (door, listener) in listeners {
            addresses.push((door.name, listener.local_addr().unwrap_or(door.address)));
            let (security, limits, shutdown) = (door.security, limits.clone(), drain.shutdown());
            match door.speaks {
                Speaks::Imap => tokio::spawn(serve::listen(listener, security, limits, shutdown, imap.clone())),
                Speaks::Submission => tokio::spawn(serve::listen(listener, security, limits, shutdown, smtp.clone())),
                Speaks::Pop3 => tokio::spawn(serve::listen(listener, security, limits, shutdown, pop3.clone())),
                Speaks::Ldap => tokio::spawn(serve::listen(listener, security, limits, shutdown, ldap.clone())),
                Speaks::Admin => {
                    // Asked directly, and answered also when there is no room for clients.
                    let limits = Limits::new(serve::Settings::default());
                    tokio::spawn(serve::listen(listener, security, limits, shutdown, page.clone()))
                }
                Speaks::Dav => tokio::spawn(serve::listen(listener, security, limits, shutdown, dav.clone())),
            };
        }
        let admin = addresses.iter().find(|(name, address)| *name == "admin" && address.ip().is_loopback());
        if let Some((_, address)) = admin {
            desk::open(&state, *address, page.ticket())?;
        }
        Ok(Self { drain, addresses })
    }

    /// Has the authority, if there is one, make out new certificates in time.
    fn keep_proven(&mut self, certificates: Option<&Certificates>, acme: Option<Acme>) {
        if let (Some(certificates), Some(acme)) = (certificates, acme) {
            self.addresses.extend(acme.address().map(|address| ("http01", address)));
            tokio::spawn(acme.keep(certificates.clone(), self.drain.shutdown()));
        }
    }

    /// Takes up new certificates, while the gateway runs: when their files change, and when told by SIGHUP. Without any, that
    /// signal changes nothing.
    fn keep_fresh(&self, certificates: Vec<Certificates>) -> Result<(), Failure> {
        for one in &certificates {
            tokio::spawn(one.clone().watch(self.drain.shutdown()));
        }
        let mut hangup = signal(SignalKind::hangup()).map_err(no_signals)?;
        let mut shutdown = self.drain.shutdown();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    told = hangup.recv() => if told.is_none() { return },
                    () = shutdown.requested() => return,
                }
                for certificates in certificates.clone() {
                    let _ = tokio::task::spawn_blocking(move || certificates.reload()).await;
                }
            }
        });
        Ok(())
    }

    /// Prints where the gateway listens: with port 0 nobody else knows.
    pub(crate) fn announce(&self) -> Result<(), Failure> {
        self.addresses.iter().try_for_each(|(name, address)| say(&format!("{name} {address}")))
    }

    /// Where the listener of this name listens, if there is one.
    pub(crate) fn address(&self, name: &str) -> Option<SocketAddr> {
        self.addresses.iter().find(|(named, _)| *named == name).map(|(_, address)| *address)
    }

    /// Tells the sessions, waits for them, and cuts off those that do not come to an end.
    pub(crate) async fn close(self) {
        info!("stopping: sessions finish what they are doing");
        match self.drain.finish(GRACE).await {
            0 => info!("stopped"),
            cut => warn!(cut, "stopped; some sessions had to be cut off"),
        }
    }
}

/// What is served at `listen.admin`. Minutes are kept from now on.
fn page(gate: &Gate, observed: Observed, settings: AdminSettings) -> Result<Page, Failure> {
    let AdminSettings { upstreams, safe, longest_refusal } = settings;
    let (history, started, directory) = (History::default(), Instant::now(), gate.directory().clone());
    tokio::spawn(history.clone().keep(Arc::downgrade(&observed.metrics), directory.clone()));
    let running = Running { gate: gate.clone(), observed: observed.clone(), history, upstreams, safe, started };
    Ok(Page::new(observed, directory, started, house::admin(running, longest_refusal)?))
}

/// The signals by which the operator or the system wants the program to end.
pub(crate) struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    /// From now on these signals do not end the program by themselves: before anybody is told that it runs, so that whoever stops
    /// it at once lets it finish, too.
    pub(crate) fn heard() -> Result<Self, Failure> {
        let heard = |kind| signal(kind).map_err(no_signals);
        Ok(Self { interrupt: heard(SignalKind::interrupt())?, terminate: heard(SignalKind::terminate())? })
    }

    /// Returns once one has come.
    pub(crate) async fn requested(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn no_signals(error: std::io::Error) -> Failure {
    Failure::new(format!("cannot wait for signals: {error}"))
}

/// A line for whoever started the program, at once.
pub(crate) fn say(line: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|error| Failure::new(format!("cannot write to standard output: {error}")))
}

/// A directory only its owner can look into.
pub(crate) fn make_private(directory: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| Failure::mistake(format!("state: directory {} cannot be made: {error}", directory.display())))
}

/// The way to Exchange, with its state in that directory, the sign-ins at identity providers that are kept in a safe,
/// and what is shared with other gateways.
pub(crate) fn backend_of(
    config: &Config,
    state: &Path,
    sign_ins: &Safe,
    shared: Option<exchange::Shared>,
) -> Result<Directory, Failure> {
    make_private(state)?;
    let settings = exchange::Settings {
        sizes: match config.imap.size {
            SizePolicy::Auto => exchange::SizePolicy::Auto,
            SizePolicy::Exact => exchange::SizePolicy::Exact,
        },
        index: match config.imap.search_index {
            SearchIndex::Off => exchange::SearchIndex::Off,
            SearchIndex::Phrases => exchange::SearchIndex::Phrases,
            SearchIndex::Words => exchange::SearchIndex::Words,
        },
        cache_bytes: config.cache.bodies_mib << 20,
        prefetch: match config.cache.prefetch {
            Prefetch::None => exchange::Prefetch::None,
            Prefetch::Recent => exchange::Prefetch::Recent,
            Prefetch::All => exchange::Prefetch::All,
        },
        sending: config.submit.sending(),
        shared,
        ..exchange::Settings::new(state, grants::organisations(config, sign_ins)?)
    };
    Directory::new(settings).map_err(|error| Failure::mistake(error.to_string()))
}

/// Where messages are kept while they come.
fn arrivals(config: &Config) -> Result<PathBuf, Failure> {
    let spool = config.state.join("spool");
    make_private(&spool)?;
    Ok(spool)
}

fn smtp_settings(config: &Config) -> Result<smtp::Settings, Failure> {
    Ok(smtp::Settings {
        plaintext_passwords: config.listen.allow_plaintext,
        largest_message: config.submit.max_message_mib << 20,
        most_recipients: config.submit.max_recipients,
        spool: arrivals(config)?,
        delivery_reports: true,
        ..smtp::Settings::default()
    })
}

fn imap_settings(config: &Config) -> Result<imap::Settings, Failure> {
    Ok(imap::Settings {
        plaintext_passwords: config.listen.allow_plaintext,
        largest_message: config.imap.max_message_mib << 20,
        capabilities_off: config.imap.off.clone(),
        withheld: config.imap.withheld(),
        spool: arrivals(config)?,
        ..imap::Settings::default()
    })
}

fn pop3_settings(config: &Config) -> pop3::Settings {
    pop3::Settings {
        plaintext_passwords: config.listen.allow_plaintext,
        sizes: match config.pop3.size {
            SizePolicy::Auto => pop3::SizePolicy::Auto,
            SizePolicy::Exact => pop3::SizePolicy::Exact,
        },
        ..pop3::Settings::default()
    }
}

fn ldap_settings(config: &Config) -> Result<ldap::Settings, Failure> {
    Ok(ldap::Settings {
        plaintext_passwords: config.listen.allow_plaintext,
        base: config.ldap.base().ok_or_else(|| Failure::mistake("ldap.base: no name of an entry"))?,
        most_people: config.ldap.max_people,
        ..ldap::Settings::default()
    })
}

fn dav_settings(config: &Config, limits: &Limits, gate: &Gate, signing: Option<Signing>) -> dav::Settings {
    dav::Settings {
        plaintext_passwords: config.listen.allow_plaintext,
        largest_object: config.dav.max_object_mib << 20,
        limits: limits.clone(),
        pages: setup::pages(config, gate, signing),
        ..dav::Settings::default()
    }
}

/// The authority that makes out certificates, if there is one.
async fn authority(config: &Config) -> Result<Option<Acme>, Failure> {
    let Some(acme) = config.tls.as_ref().and_then(|tls| tls.acme.as_ref()) else { return Ok(None) };
    make_private(&config.state)?;
    let opened = Acme::open(acme.settings(&config.state)).await;
    opened.map(Some).map_err(|error| Failure::new(format!("tls.acme: {error}")))
}

fn certificates(config: &Config) -> Result<Option<Certificates>, Failure> {
    config.tls.as_ref().map(|tls| Certificates::load(tls.files(&config.state))).transpose().map_err(unusable)
}

fn load_tls(certificates: Option<&Certificates>, protocols: &[&str]) -> Result<Option<Tls>, Failure> {
    certificates.map(|certificates| certificates.tls(protocols)).transpose().map_err(unusable)
}

fn unusable(error: TlsError) -> Failure {
    Failure::mistake(format!("tls: {error}"))
}

fn doors(config: &Config, certificates: Option<&Certificates>) -> Result<Vec<Door>, Failure> {
    let parse =
        |address: &String| address.parse().map_err(|_| Failure::mistake(format!("listen: `{address}` is no address")));
    let tls = load_tls(certificates, &["imap"])?;
    let http_tls = load_tls(certificates, &["http/1.1"])?;
    // RFC 7301: no name of submission is registered.
    let smtp_tls = load_tls(certificates, &[])?;
    let pop3_tls = load_tls(certificates, &["pop3"])?;
    // No name of LDAP is registered either.
    let ldap_tls = smtp_tls.clone();
    let start_tls = |tls: &Option<Tls>| tls.clone().map_or(Security::Plain, Security::StartTls);
    let under = |tls: Option<Tls>| tls.map(Security::Tls);
    let mut doors = Vec::new();
    for (name, speaks, addresses, security) in [
        ("imap", Speaks::Imap, &config.listen.imap, Some(start_tls(&tls))),
        ("submission", Speaks::Submission, &config.listen.submission, Some(start_tls(&smtp_tls))),
        ("submissions", Speaks::Submission, &config.listen.submissions, under(smtp_tls)),
        ("imaps", Speaks::Imap, &config.listen.imaps, under(tls)),
        ("pop3", Speaks::Pop3, &config.listen.pop3, Some(start_tls(&pop3_tls))),
        ("pop3s", Speaks::Pop3, &config.listen.pop3s, under(pop3_tls)),
        ("ldap", Speaks::Ldap, &config.listen.ldap, Some(start_tls(&ldap_tls))),
        ("ldaps", Speaks::Ldap, &config.listen.ldaps, under(ldap_tls)),
        ("http", Speaks::Dav, &config.listen.http, Some(Security::Plain)),
        ("https", Speaks::Dav, &config.listen.https, under(http_tls)),
    ] {
        for address in &addresses.0 {
            let security = security.clone().ok_or_else(|| Failure::mistake("tls: missing"))?;
            doors.push(Door { name, speaks, address: parse(address)?, security });
        }
    }
    for address in &config.listen.admin.0 {
        let address: SocketAddr = parse(address)?;
        let security = match certificates {
            Some(certificates) if !address.ip().is_loopback() => {
                Security::Tls(certificates.tls_for_known_clients(&["http/1.1"]).map_err(unusable)?)
            }
            _ => Security::Plain,
        };
        doors.push(Door { name: "admin", speaks: Speaks::Admin, address, security });
    }
    Ok(doors)
}

/// How long sessions may take to finish on the way down.
const GRACE: Duration = Duration::from_secs(30);
