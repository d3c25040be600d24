//! Forward proxies for tests of the way out: HTTP CONNECT (RFC 9110 section 9.3.6) and SOCKS5 (RFC 1928).
//!
//! A proxy knows names that no DNS knows, may ask who is there, may leave by an address of its own, and keeps a record of
//! what it carried and refused. It can be stopped and started.

mod connect;
mod socks5;

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    str::FromStr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket, TcpStream, lookup_host},
    sync::watch,
    task::JoinSet,
};

use crate::vacant;

/// One proxy.
#[derive(Clone)]
pub struct Settings {
    /// Its address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What it speaks.
    pub kind: Kind,
    /// How people sign in, where there are [`Settings::users`].
    pub auth: Auth,
    /// Names, which may be `DOMAIN\name`, and passwords. Without any, everyone is welcome.
    pub users: Vec<(String, String)>,
    /// Where `host:port` really is; what is not named here is looked up.
    pub map: Vec<(String, SocketAddr)>,
    /// The address its own connections come from.
    pub bind: Option<IpAddr>,
}

impl Settings {
    /// A proxy on a free port of the loopback interface, for everyone.
    pub fn loopback(kind: Kind) -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { listen, kind, auth: Auth::Basic, users: Vec::new(), map: Vec::new(), bind: None }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({} {} {} <secret>)", self.kind.name(), self.listen, self.users.len())
    }
}

/// What a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// HTTP CONNECT.
    Connect,
    /// SOCKS, version 5.
    Socks5,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Socks5 => "socks5",
        }
    }

    fn url_scheme(self) -> &'static str {
        match self {
            Self::Connect => "http",
            Self::Socks5 => "socks5",
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "connect" => Ok(Self::Connect),
            "socks5" => Ok(Self::Socks5),
            _ => Err(format!("no such proxy: {text} (connect or socks5)")),
        }
    }
}

/// How people sign in at a proxy; with SOCKS5 that is by RFC 1929 in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// RFC 7617.
    Basic,
    /// NTLM, on the connection.
    Ntlm,
}

impl FromStr for Auth {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "basic" => Ok(Self::Basic),
            "ntlm" => Ok(Self::Ntlm),
            _ => Err(format!("a proxy knows no scheme {text} (basic or ntlm)")),
        }
    }
}

/// A proxy and its record.
pub(crate) struct Proxy {
    settings: Settings,
    /// Where it listens, or did.
    pub(crate) address: SocketAddr,
    map: RwLock<Vec<(String, SocketAddr)>>,
    life: Mutex<Option<Life>>,
    /// Its address while it is down.
    kept: Mutex<Option<TcpSocket>>,
    record: Mutex<Vec<Entry>>,
    count: AtomicU64,
}

/// What runs while a proxy is up. Dropping `stop` ends it.
struct Life {
    stop: watch::Sender<()>,
    tasks: JoinSet<()>,
}

impl Proxy {
    /// Binds the address and serves.
    pub(crate) async fn open(settings: Settings) -> Result<Arc<Self>, String> {
        let listener = bind(settings.listen).await?;
        let address = listener.local_addr().map_err(|error| format!("proxy: {error}"))?;
        let map = RwLock::new(settings.map.clone());
        let proxy = Arc::new(Self {
            settings,
            address,
            map,
            life: Mutex::default(),
            kept: Mutex::default(),
            record: Mutex::default(),
            count: AtomicU64::new(0),
        });
        proxy.serve(listener);
        Ok(proxy)
    }

    /// Serves again where it was; nothing happens if it is up.
    pub(crate) async fn start(self: &Arc<Self>) -> Result<(), String> {
        if self.life().is_none() {
            self.serve(bind(self.address).await?);
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
        Ok(())
    }

    /// Drops all connections and refuses new ones, and is done when that is so.
    pub(crate) async fn stop(&self) {
        let life = self.life().take();
        if let Some(Life { stop, mut tasks }) = life {
            drop(stop);
            while tasks.join_next().await.is_some() {}
            *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = vacant::keep(self.address);
        }
    }

    /// The same without waiting for it.
    pub(crate) fn abort(&self) {
        self.life().take();
    }

    /// `host:port` leads there from now on.
    pub(crate) fn map(&self, name: &str, to: SocketAddr) {
        self.map.write().unwrap_or_else(PoisonError::into_inner).insert(0, (name.to_owned(), to));
    }

    /// As `http://ADDR` or `socks5://ADDR`.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.settings.kind.url_scheme(), self.address)
    }

    pub(crate) fn json(&self) -> Value {
        let record = self.record();
        let carried = record.iter().filter(|entry| entry.refused.is_none() && entry.to.is_some()).count();
        json!({
            "kind": self.settings.kind.name(),
            "address": self.address.to_string(),
            "up": self.life().is_some(),
            "carried": carried,
            "refused": record.iter().filter(|entry| entry.refused.is_some()).count(),
            "connections": record.iter().map(Entry::json).collect::<Vec<_>>(),
        })
    }

    pub(crate) fn forget(&self) {
        self.record().retain(|entry| entry.open);
    }

    fn serve(self: &Arc<Self>, listener: TcpListener) {
        let (stop, stopped) = watch::channel(());
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, self.clone(), stopped));
        *self.life() = Some(Life { stop, tasks });
    }

    /// Opens the way to what a client asked for.
    async fn dial(&self, target: &Target) -> io::Result<TcpStream> {
        let addresses: Vec<SocketAddr> = match (self.mapped(&target.to_string()), &target.host) {
            (Some(address), _) => vec![address],
            (None, Host::Address(address)) => vec![SocketAddr::new(*address, target.port)],
            (None, Host::Name(name)) => lookup_host((name.as_str(), target.port)).await?.collect(),
        };
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in addresses {
            match self.connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn mapped(&self, asked: &str) -> Option<SocketAddr> {
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
        map.iter().find(|(name, _)| name.eq_ignore_ascii_case(asked)).map(|(_, address)| *address)
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(local) = self.settings.bind {
            socket.bind(SocketAddr::new(local, 0))?;
        }
        socket.connect(address).await
    }

    /// Whether a password is right for a name; a domain counts where one was given to the proxy.
    fn knows(&self, name: &str, password: &str) -> bool {
        self.password(name).is_some_and(|known| known == password)
    }

    fn password(&self, name: &str) -> Option<&str> {
        let bare = name.rsplit('\\').next().unwrap_or(name);
        let fits = |known: &str| {
            let given = if known.contains('\\') { name } else { bare };
            known.eq_ignore_ascii_case(given)
        };
        self.settings.users.iter().find(|(known, _)| fits(known)).map(|(_, password)| password.as_str())
    }

    fn life(&self) -> MutexGuard<'_, Option<Life>> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| format!("proxy: cannot listen on {address}: {error}"))
}

async fn accept(listener: TcpListener, proxy: Arc<Proxy>, mut stopped: watch::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // Nobody sends: it ends when the sender is dropped.
            _ = stopped.changed() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let note = Note::new(&proxy, peer);
                    let proxy = proxy.clone();
                    connections.spawn(async move {
                        let _ = stream.set_nodelay(true);
                        let outcome = match proxy.settings.kind {
                            Kind::Connect => connect::serve(stream, &proxy, &note).await,
                            Kind::Socks5 => socks5::serve(stream, &proxy, &note).await,
                        };
                        if let Err(error) = outcome {
                            note.write(|entry| entry.error = Some(error.to_string()));
                        }
                    });
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    connections.shutdown().await;
}

/// Carries bytes both ways until both sides have ended.
async fn carry(mut client: impl AsyncRead + AsyncWrite + Unpin, mut server: TcpStream, note: &Note) -> io::Result<()> {
    let _ = server.set_nodelay(true);
    let (sent, received) = tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    note.write(|entry| (entry.sent, entry.received) = (sent, received));
    Ok(())
}

/// Where a client wants to go.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    host: Host,
    port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Name(String),
    Address(IpAddr),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Name(name) => write!(f, "{name}:{}", self.port),
            Host::Address(address) => SocketAddr::new(*address, self.port).fmt(f),
        }
    }
}

impl FromStr for Target {
    type Err = ();

    /// `authority-form` (RFC 9112 section 3.2.3).
    fn from_str(text: &str) -> Result<Self, ()> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self { host: Host::Address(address.ip()), port: address.port() });
        }
        let (host, port) = text.rsplit_once(':').ok_or(())?;
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "-._".contains(letter);
        match port.parse() {
            Ok(port) if !host.is_empty() && host.chars().all(plain) => {
                Ok(Self { host: Host::Name(host.to_owned()), port })
            }
            _ => Err(()),
        }
    }
}

/// What became of one connection to the proxy.
struct Entry {
    number: u64,
    peer: SocketAddr,
    open: bool,
    user: Option<String>,
    target: Option<Target>,
    /// The outgoing connection: where it comes from and goes to.
    to: Option<(SocketAddr, SocketAddr)>,
    refused: Option<&'static str>,
    error: Option<String>,
    sent: u64,
    received: u64,
}

impl Entry {
    fn json(&self) -> Value {
        let form = self.target.as_ref().map(|target| match target.host {
            Host::Name(_) => "name",
            Host::Address(IpAddr::V4(_)) => "ipv4",
            Host::Address(IpAddr::V6(_)) => "ipv6",
        });
        json!({
            "peer": self.peer.to_string(),
            "open": self.open,
            "user": self.user,
            "target": self.target.as_ref().map(Target::to_string),
            "asked_by": form,
            "from": self.to.map(|(from, _)| from.to_string()),
            "to": self.to.map(|(_, to)| to.to_string()),
            "refused": self.refused,
            "error": self.error,
            "sent": self.sent,
            "received": self.received,
        })
    }
}

/// The hand that writes an entry; it says that the connection is closed when it is dropped.
struct Note {
    proxy: Arc<Proxy>,
    number: u64,
}

impl Note {
    fn new(proxy: &Arc<Proxy>, peer: SocketAddr) -> Self {
        let number = proxy.count.fetch_add(1, Relaxed);
        proxy.record().push(Entry {
            number,
            peer,
            open: true,
            user: None,
            target: None,
            to: None,
            refused: None,
            error: None,
            sent: 0,
            received: 0,
        });
        Self { proxy: proxy.clone(), number }
    }

    fn write(&self, change: impl FnOnce(&mut Entry)) {
        let mut record = self.proxy.record();
        if let Some(entry) = record.iter_mut().rev().find(|entry| entry.number == self.number) {
            change(entry);
        }
    }

    /// The way is open.
    fn opened(&self, server: &TcpStream) -> io::Result<()> {
        let ends = (server.local_addr()?, server.peer_addr()?);
        self.write(|entry| (entry.to, entry.refused) = (Some(ends), None));
        Ok(())
    }

    fn refused(&self, reason: &'static str) {
        self.write(|entry| entry.refused = Some(reason));
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        self.write(|entry| entry.open = false);
    }
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_have_a_host_and_a_port() {
        for (text, form) in [("mail.corp.test:443", "name"), ("10.0.0.1:80", "v4"), ("[::1]:443", "v6")] {
            let target: Target = text.parse().unwrap();
            assert_eq!(target.to_string(), text);
            let found = match target.host {
                Host::Name(_) => "name",
                Host::Address(IpAddr::V4(_)) => "v4",
                Host::Address(IpAddr::V6(_)) => "v6",
            };
            assert_eq!(found, form);
        }
        for text in ["mail.corp.test", "mail.corp.test:", ":443", "mail corp:443", "a:b:443", "a:99999", "http://a:1"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}
