//! A tiny HTTP server that does what a script says, whatever it is asked.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use ews::{Client, Identity, Limits, Secret, Server, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

/// What is done with one request.
#[derive(Clone)]
pub(crate) enum Step {
    /// These bytes are sent, and the connection is kept.
    Send(Vec<u8>),
    /// These bytes are sent, and the connection is closed.
    SendAndClose(Vec<u8>),
    /// These bytes are sent one by one.
    Drip(Vec<u8>),
    /// These bytes are sent, and then nothing more.
    Hang(Vec<u8>),
    /// These bytes are sent, and then the server is gone: it takes no connections, and those it has are cut.
    Die(Vec<u8>),
    /// These bytes are sent, and then the server takes no connections, and says nothing on those it has.
    Vanish(Vec<u8>),
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Which connection it came by, from 0.
    pub(crate) connection: usize,
    /// Request line and headers.
    pub(crate) head: String,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    open: Arc<AtomicBool>,
    /// Rings for every request that has come whole.
    pub(crate) bell: mpsc::UnboundedReceiver<()>,
}

#[derive(Clone)]
struct Shared {
    script: Arc<Mutex<Vec<Step>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    bell: mpsc::UnboundedSender<()>,
    open: Arc<AtomicBool>,
    death: Arc<Notify>,
    end: Arc<Notify>,
}

impl Fake {
    /// Serves; the last step is repeated for ever.
    pub(crate) async fn start(script: impl IntoIterator<Item = Step>) -> Fake {
        Fake::start_with(script, None).await
    }

    pub(crate) async fn start_with(
        script: impl IntoIterator<Item = Step>,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> Fake {
        Fake::start_at("127.0.0.1:0".parse().unwrap(), script, tls).await
    }

    pub(crate) async fn start_at(
        address: SocketAddr,
        script: impl IntoIterator<Item = Step>,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> Fake {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (ring, bell) = mpsc::unbounded_channel();
        let script = Arc::new(Mutex::new(script.into_iter().collect()));
        let (death, end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let shared = Shared {
            script,
            seen: Arc::default(),
            bell: ring,
            open: Arc::default(),
            death: death.clone(),
            end: end.clone(),
        };
        let open = shared.open.clone();
        let seen = shared.seen.clone();
        tokio::spawn(async move {
            let mut connections = JoinSet::new();
            for connection in 0.. {
                let (socket, _) = tokio::select! {
                    accepted = listener.accept() => accepted.unwrap(),
                    () = death.notified() => return,
                    () = end.notified() => {
                        drop(listener);
                        return std::future::pending().await;
                    }
                };
                let (shared, tls) = (shared.clone(), tls.clone());
                connections.spawn(async move {
                    match tls {
                        None => shared.serve(connection, socket).await,
                        Some(tls) => match tokio_rustls::TlsAcceptor::from(tls).accept(socket).await {
                            Ok(socket) => shared.serve(connection, socket).await,
                            Err(_) => None,
                        },
                    }
                });
            }
        });
        Fake { address, seen, open, bell }
    }

    /// From now on (or not any more) the page is shown to whoever looks whether anybody is there, beside the script.
    pub(crate) fn open(&self, open: bool) {
        self.open.store(open, Ordering::SeqCst);
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn server(&self, change: impl FnOnce(&mut Limits)) -> Server {
        let mut config = ServerConfig::new(format!("http://{}/EWS/Exchange.asmx", self.address));
        config.allow_http = true;
        change(&mut config.limits);
        Server::new(config).unwrap()
    }

    pub(crate) fn client(&self) -> Client {
        self.server(|_| {}).client(anna("secret"))
    }
}

impl Shared {
    async fn serve(self, connection: usize, mut socket: impl AsyncRead + AsyncWrite + Unpin) -> Option<()> {
        loop {
            let seen = read_request(connection, &mut socket).await?;
            if seen.head.starts_with("GET ") && self.open.load(Ordering::SeqCst) {
                socket.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n").await.ok()?;
                continue;
            }
            self.seen.lock().unwrap().push(seen);
            let _ = self.bell.send(());
            let step = {
                let mut script = self.script.lock().unwrap();
                if script.len() > 1 { script.remove(0) } else { script[0].clone() }
            };
            match step {
                Step::Send(bytes) => socket.write_all(&bytes).await.ok()?,
                Step::SendAndClose(bytes) => {
                    socket.write_all(&bytes).await.ok()?;
                    socket.shutdown().await.ok()?;
                    return None;
                }
                Step::Drip(bytes) => {
                    for byte in bytes {
                        socket.write_all(&[byte]).await.ok()?;
                        socket.flush().await.ok()?;
                        tokio::task::yield_now().await;
                    }
                }
                Step::Hang(bytes) => {
                    socket.write_all(&bytes).await.ok()?;
                    socket.flush().await.ok()?;
                    std::future::pending::<()>().await;
                }
                Step::Vanish(bytes) => {
                    socket.write_all(&bytes).await.ok()?;
                    socket.flush().await.ok()?;
                    self.end.notify_one();
                    std::future::pending::<()>().await;
                }
                Step::Die(bytes) => {
                    socket.write_all(&bytes).await.ok()?;
                    socket.flush().await.ok()?;
                    self.death.notify_one();
                    std::future::pending::<()>().await;
                }
            }
            socket.flush().await.ok()?;
        }
    }
}

async fn read_request(connection: usize, socket: &mut (impl AsyncRead + Unpin)) -> Option<Seen> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let body = bytes.split_off(end);
    let mut seen = Seen { connection, head: String::from_utf8(bytes).unwrap(), body };
    let length: usize = seen.header("content-length").unwrap_or("0").parse().unwrap();
    while seen.body.len() < length {
        if socket.read_buf(&mut seen.body).await.ok()? == 0 {
            return None;
        }
    }
    Some(seen)
}

pub(crate) fn anna(password: &str) -> Identity {
    Identity::basic("EXAMPLE\\anna", Secret::new(password))
}

/// A whole HTTP answer.
pub(crate) fn http(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

pub(crate) fn xml(body: &str) -> Vec<u8> {
    http("200 OK", "Content-Type: text/xml; charset=utf-8\r\n", body)
}

pub(crate) fn soap(server: &str, body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\">\
         <s:Header>{server}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
}

pub(crate) const V2016: &str =
    "<h:ServerVersionInfo MajorVersion=\"15\" MinorVersion=\"1\" MajorBuildNumber=\"2507\" MinorBuildNumber=\"6\"/>";
pub(crate) const V2007: &str =
    "<t:ServerVersionInfo MajorVersion=\"8\" MinorVersion=\"1\" MajorBuildNumber=\"436\" MinorBuildNumber=\"0\"/>";

/// The answer of an operation with these response messages.
pub(crate) fn answer(operation: &str, messages: &[&str]) -> String {
    let messages: String =
        messages.iter().map(|message| message.replace("MESSAGE", &format!("m:{operation}ResponseMessage"))).collect();
    let body =
        format!("<m:{operation}Response><m:ResponseMessages>{messages}</m:ResponseMessages></m:{operation}Response>");
    soap(V2016, &body)
}

pub(crate) const FOLDER: &str = "<MESSAGE ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode><m:Folders>\
    <t:Folder><t:FolderId Id=\"AAMk\" ChangeKey=\"AQ\"/><t:DisplayName>Inbox</t:DisplayName></t:Folder></m:Folders></MESSAGE>";

pub(crate) fn failed(code: &str, more: &str) -> String {
    format!(
        "<MESSAGE ResponseClass=\"Error\"><m:MessageText>No.</m:MessageText><m:ResponseCode>{code}</m:ResponseCode>\
         <m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>{more}</MESSAGE>"
    )
}

pub(crate) fn fault(code: &str, back_off: Option<u64>) -> Vec<u8> {
    let hint =
        back_off.map(|ms| format!("<t:MessageXml><t:Value Name=\"BackOffMilliseconds\">{ms}</t:Value></t:MessageXml>"));
    let body = format!(
        "<s:Fault><faultcode>a:{code}</faultcode><faultstring>No.</faultstring><detail><e:ResponseCode>{code}\
         </e:ResponseCode><e:Message>No.</e:Message>{}</detail></s:Fault>",
        hint.unwrap_or_default()
    );
    let body = format!("<s:Envelope><s:Body>{body}</s:Body></s:Envelope>");
    http("500 Internal Server Error", "Content-Type: text/xml\r\n", &body)
}

pub(crate) fn ok() -> Vec<u8> {
    xml(&answer("GetFolder", &[FOLDER]))
}

pub(crate) fn unauthorized() -> Vec<u8> {
    http("401 Unauthorized", "WWW-Authenticate: Negotiate\r\nWWW-Authenticate: Basic realm=\"x\"\r\n", "no")
}
