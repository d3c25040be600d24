//! Names: addresses and services, asked of one name server, or of the system's.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::OnceLock;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use tokio::net::lookup_host;

use crate::{Cause, Error};

/// Who offers a service (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Service {
    /// Lower ones are to be tried first.
    pub priority: u16,
    /// Among those of one priority, higher ones are wanted more often.
    pub weight: u16,
    /// Its host, without a dot at the end.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// Looks names up. What was found is remembered for as long as its time to live says.
#[derive(Default)]
pub(crate) struct Names {
    /// The server to ask instead of the system's.
    server: Option<SocketAddr>,
    /// Where questions leave from.
    bind: Option<IpAddr>,
    resolver: OnceLock<Result<TokioResolver, String>>,
}

impl Names {
    pub(crate) fn new(server: Option<SocketAddr>, bind: Option<IpAddr>) -> Names {
        Names { server, bind, resolver: OnceLock::new() }
    }

    /// The addresses of a host, at least one; or itself, if it is an address.
    pub(crate) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, Error> {
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        if self.server.is_none() {
            return self.by_the_system(host).await;
        }
        match self.resolver()?.lookup_ip(absolute(host)).await {
            Ok(found) => Ok(found.iter().collect()),
            Err(error) => Err(self.failed(host, &error)),
        }
    }

    /// The SRV records of a name, in the order they are to be tried.
    pub(crate) async fn services(&self, name: &str) -> Result<Vec<Service>, Error> {
        let found = match self.resolver()?.lookup(absolute(name), RecordType::SRV).await {
            Ok(found) => found,
            Err(error) if error.is_no_records_found() => return Ok(Vec::new()),
            Err(error) => return Err(self.failed(name, &error)),
        };
        let mut services: Vec<Service> = found.answers().iter().filter_map(|record| service(&record.data)).collect();
        services.sort_by(|a, b| (a.priority, b.weight, &a.host).cmp(&(b.priority, a.weight, &b.host)));
        Ok(services)
    }

    /// As every program here does it, files and all.
    async fn by_the_system(&self, host: &str) -> Result<Vec<IpAddr>, Error> {
        match lookup_host((host, 0)).await {
            Ok(found) => Ok(found.map(|address| address.ip()).collect()),
            Err(error) if is_temporary(&error) => Err(self.silent(host, &error)),
            Err(_) => Err(self.unknown(host)),
        }
    }

    fn resolver(&self) -> Result<&TokioResolver, Error> {
        let made = self.resolver.get_or_init(|| self.make().map_err(|error| error.to_string()));
        made.as_ref().map_err(|error| {
            let told = format!("no name server is known here ({error}); set egress.dns");
            Error::unavailable(told).because(Cause::NameServer)
        })
    }

    fn make(&self) -> Result<TokioResolver, NetError> {
        let mut builder = match self.server {
            None => TokioResolver::builder_tokio()?,
            Some(server) => {
                let config = ResolverConfig::from_name_servers(vec![self.name_server(server)]);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
        };
        *builder.options_mut() = options(builder.options_mut().clone(), self.server.is_some());
        builder.build()
    }

    fn name_server(&self, server: SocketAddr) -> NameServerConfig {
        let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
        for connection in &mut connections {
            connection.port = server.port();
            let from = self.bind.filter(|from| from.is_ipv4() == server.is_ipv4() && !server.ip().is_loopback());
            connection.bind_addr = from.map(|from| SocketAddr::new(from, 0));
        }
        NameServerConfig::new(server.ip(), true, connections)
    }

    fn failed(&self, name: &str, error: &NetError) -> Error {
        if error.is_no_records_found() { self.unknown(name) } else { self.silent(name, error) }
    }

    fn unknown(&self, name: &str) -> Error {
        let told = match self.server {
            Some(server) => format!("the name server {server} (egress.dns) knows no host {name}; check the name"),
            None => format!(
                "the name servers of this machine know no host {name}; check the name, or set egress.dns to one that knows it"
            ),
        };
        Error::unavailable(told).because(Cause::NoSuchHost)
    }

    fn silent(&self, name: &str, error: &dyn fmt::Display) -> Error {
        let told = match self.server {
            Some(server) => format!(
                "the name server {server} (egress.dns) does not say where {name} is ({error}); check its address, and that \
                 it may be reached from here"
            ),
            None => format!(
                "the name servers of this machine do not say where {name} is ({error}); check them, or set egress.dns"
            ),
        };
        Error::unavailable(told).because(Cause::NameServer)
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Names").field("server", &self.server).finish_non_exhaustive()
    }
}

fn options(system: ResolverOpts, one_server: bool) -> ResolverOpts {
    let mut options = system;
    options.timeout = TIMEOUT;
    options.attempts = 1;
    options.use_hosts_file = if one_server { ResolveHosts::Never } else { ResolveHosts::Auto };
    options
}

/// Names are looked up as they are: no domain of this machine is put after them.
fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

/// A target of "." says that the service is not offered (RFC 2782).
fn service(data: &RData) -> Option<Service> {
    let RData::SRV(record) = data else { return None };
    let host = record.target.to_utf8().trim_end_matches('.').to_ascii_lowercase();
    let offered = !host.is_empty();
    offered.then_some(Service { priority: record.priority, weight: record.weight, host, port: record.port })
}

/// EAI_AGAIN, which the standard library tells by its text only.
fn is_temporary(error: &io::Error) -> bool {
    error.to_string().contains("Temporary failure")
}

/// For one try; there are two.
const TIMEOUT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::op::{Message, ResponseCode};
    use hickory_resolver::proto::rr::rdata::{A, SRV};
    use hickory_resolver::proto::rr::{Name, Record};
    use tokio::net::UdpSocket;
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::*;
    use crate::ErrorKind;

    /// A name server that knows a mail host and two autodiscover services. Tells whoever listens what it was asked.
    async fn name_server() -> (SocketAddr, UnboundedReceiver<String>) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let (tell, told) = unbounded_channel();
        tokio::spawn(async move {
            let mut bytes = [0; 1500];
            loop {
                let (length, from) = socket.recv_from(&mut bytes).await.unwrap();
                let answer = answer(Message::from_vec(&bytes[..length]).unwrap(), &tell);
                socket.send_to(&answer.to_vec().unwrap(), from).await.unwrap();
            }
        });
        (address, told)
    }

    fn answer(asked: Message, tell: &tokio::sync::mpsc::UnboundedSender<String>) -> Message {
        let query = asked.queries[0].clone();
        let (name, kind) = (query.name().to_lowercase().to_utf8(), query.query_type());
        let _ = tell.send(format!("{name} {kind}"));
        let srv =
            |priority, weight, host: &str| RData::SRV(SRV::new(priority, weight, 443, Name::from_utf8(host).unwrap()));
        let known = match (name.as_str(), kind) {
            ("mail.corp.example.", RecordType::A) => {
                ["192.0.2.1", "192.0.2.2"].map(|a| RData::A(A(a.parse().unwrap()))).to_vec()
            }
            ("mail.corp.example.", _) => vec![],
            ("_autodiscover._tcp.corp.example.", RecordType::SRV) => {
                vec![srv(10, 1, "c.corp.example."), srv(0, 1, "B.corp.example."), srv(0, 9, "a.corp.example.")]
            }
            ("_autodiscover._tcp.none.example.", RecordType::SRV) => vec![srv(0, 0, ".")],
            _ => {
                let mut answer = Message::response(asked.metadata.id, asked.metadata.op_code);
                answer.metadata.response_code = ResponseCode::NXDomain;
                answer.add_query(query);
                return answer;
            }
        };
        let mut answer = Message::response(asked.metadata.id, asked.metadata.op_code);
        answer.metadata.recursion_available = true;
        answer.add_query(query.clone());
        answer.add_answers(known.into_iter().map(|data| Record::from_rdata(query.name().clone(), 60, data)));
        answer
    }

    #[tokio::test]
    async fn one_name_server_is_asked_for_everything() {
        let (server, mut told) = name_server().await;
        let names = Names::new(Some(server), None);
        let mut addresses = names.addresses("mail.corp.example").await.unwrap();
        addresses.sort();
        assert_eq!(addresses, ["192.0.2.1".parse::<IpAddr>().unwrap(), "192.0.2.2".parse().unwrap()]);
        let mut asked = [told.recv().await.unwrap(), told.recv().await.unwrap()];
        asked.sort();
        assert_eq!(asked, ["mail.corp.example. A", "mail.corp.example. AAAA"]);
        assert_eq!(names.addresses("2001:db8::1").await.unwrap(), ["2001:db8::1".parse::<IpAddr>().unwrap()]);
        names.addresses("mail.corp.example").await.unwrap();
        // That there is no AAAA record is not remembered, for the server did not say for how long.
        let again = std::iter::from_fn(|| told.try_recv().ok()).find(|asked| asked != "mail.corp.example. AAAA");
        assert_eq!(again, None, "what was found is remembered, and an address is none to look up");
    }

    #[tokio::test]
    async fn services_come_in_the_order_they_are_to_be_tried() {
        let (server, _told) = name_server().await;
        let names = Names::new(Some(server), None);
        let found = names.services("_autodiscover._tcp.corp.example").await.unwrap();
        let found: Vec<_> = found.iter().map(|service| (service.host.as_str(), service.port)).collect();
        assert_eq!(found, [("a.corp.example", 443), ("b.corp.example", 443), ("c.corp.example", 443)]);
        for name in ["_autodiscover._tcp.none.example", "_autodiscover._tcp.elsewhere.example"] {
            assert_eq!(names.services(name).await.unwrap(), []);
        }
    }

    #[tokio::test]
    async fn errors_name_the_server_that_was_asked() {
        let (server, _told) = name_server().await;
        let error = Names::new(Some(server), None).addresses("nowhere.example").await.unwrap_err();
        assert_eq!((error.kind.clone(), error.cause), (ErrorKind::Unavailable, Some(Cause::NoSuchHost)), "{error}");
        assert!(error.message.contains("nowhere.example") && error.message.contains(&server.to_string()), "{error}");

        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let names = Names::new(Some(silent.local_addr().unwrap()), None);
        let asked = tokio::spawn(async move { names.addresses("mail.corp.example").await });
        let mut bytes = [0; 1500];
        silent.recv_from(&mut bytes).await.unwrap();
        tokio::time::pause();
        let error = asked.await.unwrap().unwrap_err();
        assert_eq!((error.kind.clone(), error.cause), (ErrorKind::Unavailable, Some(Cause::NameServer)), "{error}");
    }

    #[tokio::test]
    async fn the_system_knows_this_machine() {
        let names = Names::default();
        assert!(names.addresses("localhost").await.unwrap().iter().all(IpAddr::is_loopback));
        let error = names.addresses("no-such-name.invalid").await.unwrap_err();
        assert!([Some(Cause::NoSuchHost), Some(Cause::NameServer)].contains(&error.cause), "{error}");
    }
}
