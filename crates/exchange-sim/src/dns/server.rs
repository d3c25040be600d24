//! The name server on the network: UDP, and TCP on the same port (RFC 7766).

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    task::JoinSet,
};

use super::{
    message::{Code, Question},
    record::Record,
};

/// The records, what was asked, and whether the server misbehaves.
#[derive(Default)]
pub(crate) struct Names {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    records: Vec<Record>,
    asked: Vec<Value>,
    trouble: Option<Trouble>,
}

/// How a name server can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// SERVFAIL.
    Fail,
    /// REFUSED.
    Refuse,
    /// No answer.
    Silence,
    /// Over UDP only the head of an answer: the client must ask again over TCP.
    Truncate,
}

impl Trouble {
    /// `None` for a word that names no trouble.
    pub(crate) fn named(word: &str) -> Option<Self> {
        match word {
            "servfail" => Some(Self::Fail),
            "refused" => Some(Self::Refuse),
            "silence" => Some(Self::Silence),
            "truncate" => Some(Self::Truncate),
            _ => None,
        }
    }
}

impl Names {
    pub(crate) fn new(records: &[Record]) -> Self {
        Self { state: Mutex::new(State { records: records.to_vec(), ..State::default() }) }
    }

    /// Adds a record.
    pub(crate) fn add(&self, record: Record) {
        self.lock().records.push(record);
    }

    /// Takes all records of a name away; gives how many.
    pub(crate) fn remove(&self, name: &str) -> usize {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let mut state = self.lock();
        let before = state.records.len();
        state.records.retain(|record| record.name != name);
        before - state.records.len()
    }

    /// Lets the server misbehave, or behave again.
    pub(crate) fn trouble(&self, trouble: Option<Trouble>) {
        self.lock().trouble = trouble;
    }

    /// Every question since the start: name, type and transport.
    pub(crate) fn asked(&self) -> Value {
        json!({ "questions": self.lock().asked })
    }

    /// What to send back; `None` for silence.
    fn answer(&self, message: &[u8], transport: &str) -> Option<Vec<u8>> {
        let question = Question::read(message)?;
        let mut state = self.lock();
        state.asked.push(json!({ "name": question.name, "type": question.kind, "transport": transport }));
        let limit = match (transport, state.trouble) {
            ("udp", Some(Trouble::Truncate)) => 0,
            ("udp", _) => 512,
            _ => usize::from(u16::MAX),
        };
        match state.trouble {
            Some(Trouble::Silence) => None,
            Some(Trouble::Fail) => Some(question.answer(Code::ServFail, &[], limit.max(512))),
            Some(Trouble::Refuse) => Some(question.answer(Code::Refused, &[], limit.max(512))),
            Some(Trouble::Truncate) | None => {
                let (code, found) = question.among(&state.records);
                Some(question.answer(code, &found, limit))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Binds UDP and TCP on one port and answers as a task of `tasks`. Gives the address; port 0 takes a free one.
pub(crate) async fn serve(
    address: SocketAddr,
    names: Arc<Names>,
    tasks: &mut JoinSet<()>,
) -> Result<SocketAddr, String> {
    let (udp, tcp) = bind(address).await.map_err(|error| format!("cannot listen on {address} for DNS: {error}"))?;
    let bound = udp.local_addr().map_err(|error| error.to_string())?;
    tasks.spawn(datagrams(udp, names.clone()));
    tasks.spawn(streams(tcp, names));
    Ok(bound)
}

/// A port that is free for UDP may be taken for TCP: then another is tried.
async fn bind(address: SocketAddr) -> io::Result<(UdpSocket, TcpListener)> {
    let mut last = None;
    for _ in 0..16 {
        let udp = UdpSocket::bind(address).await?;
        match TcpListener::bind(udp.local_addr()?).await {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
}

async fn datagrams(socket: UdpSocket, names: Arc<Names>) {
    let mut buffer = [0; 4096];
    loop {
        // An error belongs to a datagram sent earlier, whose port is closed by now.
        let Ok((length, peer)) = socket.recv_from(&mut buffer).await else { continue };
        if let Some(answer) = buffer.get(..length).and_then(|message| names.answer(message, "udp")) {
            let _ = socket.send_to(&answer, peer).await;
        }
    }
}

async fn streams(listener: TcpListener, names: Arc<Names>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(stream_of(stream, names.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Each message is preceded by its length in two bytes (RFC 1035 section 4.2.2).
async fn stream_of(mut stream: TcpStream, names: Arc<Names>) {
    while let Ok(length) = stream.read_u16().await {
        let mut message = vec![0; usize::from(length)];
        if stream.read_exact(&mut message).await.is_err() {
            return;
        }
        let Some(answer) = names.answer(&message, "tcp") else { continue };
        let mut out = u16::try_from(answer.len()).unwrap_or(u16::MAX).to_be_bytes().to_vec();
        out.extend_from_slice(&answer);
        if stream.write_all(&out).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: &[u8] = b"\x01\x02\x01\0\0\x01\0\0\0\0\0\0\x01a\x04test\0\0\x01\0\x01";

    async fn server() -> (Arc<Names>, SocketAddr, JoinSet<()>) {
        let names = Arc::new(Names::new(&["a.test A 192.0.2.9".parse().unwrap()]));
        let mut tasks = JoinSet::new();
        let address = serve(([127, 0, 0, 1], 0).into(), names.clone(), &mut tasks).await.unwrap();
        (names, address, tasks)
    }

    #[tokio::test]
    async fn both_transports_answer() {
        let (names, address, _tasks) = server().await;
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        udp.send_to(QUERY, address).await.unwrap();
        let mut buffer = [0; 512];
        let (length, _) = udp.recv_from(&mut buffer).await.unwrap();
        assert!(buffer[..length].ends_with(&[192, 0, 2, 9]));
        names.trouble(Trouble::named("truncate"));
        udp.send_to(QUERY, address).await.unwrap();
        let (length, _) = udp.recv_from(&mut buffer).await.unwrap();
        assert_eq!((length, buffer[2] & 2), (24, 2), "cut, and said so");
        let mut tcp = TcpStream::connect(address).await.unwrap();
        tcp.write_all(&[0, 24]).await.unwrap();
        tcp.write_all(QUERY).await.unwrap();
        let length = usize::from(tcp.read_u16().await.unwrap());
        let mut answer = vec![0; length];
        tcp.read_exact(&mut answer).await.unwrap();
        assert!(answer.ends_with(&[192, 0, 2, 9]), "over TCP nothing is cut");
        assert_eq!(names.asked()["questions"].as_array().map(Vec::len), Some(3));
    }

    #[test]
    fn a_server_can_fail_in_each_way() {
        let names = Names::new(&["a.test A 192.0.2.9".parse().unwrap()]);
        for (word, code) in [("servfail", Some(2)), ("refused", Some(5)), ("silence", None)] {
            names.trouble(Trouble::named(word));
            assert_eq!(names.answer(QUERY, "udp").map(|answer| answer[3] & 0xf), code, "{word}");
        }
        names.trouble(None);
        assert_eq!(names.remove("A.test."), 1);
        assert_eq!(names.answer(QUERY, "udp").map(|answer| answer[3] & 0xf), Some(3), "NXDOMAIN");
    }
}
