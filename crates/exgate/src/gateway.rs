//! Builds the gateway from its configuration, once, from the bottom to the top, and takes it down in good order.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use exchange::{Directory, Organisation};
use imap::Imap;
use serve::{Drain, Limits, Security, Tls};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use crate::Failure;
use crate::config::{Auth, Config, SizePolicy};

/// Runs the gateway until it is told to stop.
pub(crate) async fn serve(config: Config) -> Result<(), Failure> {
    let tls = load_tls(&config)?;
    let backend = backend(&config)?;
    let doors = doors(&config, tls)?;
    let gateway = Gateway::open(backend, imap_settings(&config)?, doors).await?;
    gateway.announce()?;
    say("ready")?;
    info!("ready");
    stop_requested().await?;
    gateway.close().await;
    Ok(())
}

/// What `config check` checks beyond the words: that certificate and key belong together, and that the CA files are
/// certificates.
pub(crate) fn check(config: &Config) -> Result<(), Failure> {
    load_tls(config)?;
    Ok(())
}

/// A listener to be: what it is called, where, and whether under TLS.
pub(crate) struct Door {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) security: Security,
}

/// The running gateway.
pub(crate) struct Gateway {
    drain: Drain,
    addresses: Vec<(&'static str, SocketAddr)>,
}

impl Gateway {
    /// Opens every listener, or none.
    pub(crate) async fn open(backend: Directory, settings: imap::Settings, doors: Vec<Door>) -> Result<Self, Failure> {
        let mut listeners = Vec::new();
        for door in doors {
            let bound = TcpListener::bind(door.address).await;
            let listener = bound.map_err(|error| {
                Failure::new(format!("cannot listen on {} for {}: {error}", door.address, door.name))
            })?;
            listeners.push((door, listener));
        }
        let drain = Drain::new();
        let limits = Limits::new(serve::Settings::default());
        let imap = Imap::new(backend, settings);
        let mut addresses = Vec::new();
        for (door, listener) in listeners {
            addresses.push((door.name, listener.local_addr().unwrap_or(door.address)));
            tokio::spawn(serve::listen(listener, door.security, limits.clone(), drain.shutdown(), imap.clone()));
        }
        Ok(Self { drain, addresses })
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

/// Returns when the operator or the system wants the program to end.
pub(crate) async fn stop_requested() -> Result<(), Failure> {
    let mut terminate =
        signal(SignalKind::terminate()).map_err(|error| Failure::new(format!("cannot wait for signals: {error}")))?;
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
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

fn backend(config: &Config) -> Result<Directory, Failure> {
    let organisations = config.exchange.iter().map(|(name, exchange)| {
        // The only way to sign in so far; a new one must be thought of here.
        let Auth::Basic = exchange.auth;
        Organisation {
            name: name.clone(),
            url: exchange.url.clone(),
            domains: exchange.domains.clone(),
            ca_file: exchange.ca_file.clone(),
            allow_http: exchange.allow_http || exchange.url.starts_with("http://"),
        }
    });
    make_private(&config.state)?;
    let settings = exchange::Settings {
        sizes: match config.imap.size {
            SizePolicy::Auto => exchange::SizePolicy::Auto,
            SizePolicy::Exact => exchange::SizePolicy::Exact,
        },
        cache_bytes: config.cache.bodies_mib << 20,
        ..exchange::Settings::new(&config.state, organisations.collect())
    };
    Directory::new(settings).map_err(|error| Failure::mistake(error.to_string()))
}

fn imap_settings(config: &Config) -> Result<imap::Settings, Failure> {
    let spool = config.state.join("spool");
    make_private(&spool)?;
    Ok(imap::Settings {
        plaintext_passwords: config.listen.allow_plaintext,
        largest_message: config.imap.max_message_mib << 20,
        spool,
        ..imap::Settings::default()
    })
}

fn load_tls(config: &Config) -> Result<Option<Tls>, Failure> {
    let load = |tls: &crate::config::Tls| Tls::load(&tls.certificate, &tls.key, &["imap"]);
    config.tls.as_ref().map(load).transpose().map_err(|error| Failure::mistake(format!("tls: {error}")))
}

fn doors(config: &Config, tls: Option<Tls>) -> Result<Vec<Door>, Failure> {
    let parse =
        |address: &String| address.parse().map_err(|_| Failure::mistake(format!("listen: `{address}` is no address")));
    let mut doors = Vec::new();
    for address in &config.listen.imap.0 {
        let security = tls.clone().map_or(Security::Plain, Security::StartTls);
        doors.push(Door { name: "imap", address: parse(address)?, security });
    }
    for address in &config.listen.imaps.0 {
        let tls = tls.clone().ok_or_else(|| Failure::mistake("tls: missing"))?;
        doors.push(Door { name: "imaps", address: parse(address)?, security: Security::Tls(tls) });
    }
    Ok(doors)
}

/// How long sessions may take to finish on the way down.
const GRACE: Duration = Duration::from_secs(30);
