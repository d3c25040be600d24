//! A web server that takes what web hooks send, and answers as it is told.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// It.
pub struct Receiver {
    /// Where it listens.
    pub address: SocketAddr,
    told: Arc<Mutex<Vec<Received>>>,
    reply: watch::Sender<Says>,
    count: watch::Receiver<usize>,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its path.
    pub path: String,
    /// Its headers, their names in small letters.
    pub headers: HashMap<String, String>,
    /// Its body.
    pub body: String,
}

/// What is answered from now on.
#[derive(Clone, Debug)]
pub enum Says {
    /// This status, with this body.
    Status(u16, String),
    /// That it is elsewhere.
    Elsewhere(String),
    /// Nothing, for ever.
    Silence,
}

impl Receiver {
    /// Listens, and answers 200 with this body.
    ///
    /// # Panics
    /// If it cannot listen.
    pub async fn start(body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (reply, replies) = watch::channel(Says::Status(200, body.to_owned()));
        let (counted, count) = watch::channel(0);
        let told: Arc<Mutex<Vec<Received>>> = Arc::default();
        let keep = Arc::clone(&told);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (keep, counted, replies) = (Arc::clone(&keep), counted.clone(), replies.clone());
                tokio::spawn(async move {
                    let _ = serve(stream, &keep, &counted, &replies).await;
                });
            }
        });
        Self { address, told, reply, count }
    }

    /// Answers so from now on.
    pub fn reply(&self, reply: Says) {
        self.reply.send_replace(reply);
    }

    /// What has come so far.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until so many requests have come, and tells of all of them.
    ///
    /// # Panics
    /// If they do not come within half a minute.
    pub async fn until(&self, many: usize) -> Vec<Received> {
        let mut count = self.count.clone();
        let came = tokio::time::timeout(std::time::Duration::from_secs(30), count.wait_for(|count| *count >= many));
        assert!(came.await.is_ok(), "{many} requests did not come: {:?}", self.received());
        self.received()
    }
}

async fn serve(
    stream: TcpStream,
    keep: &Mutex<Vec<Received>>,
    counted: &watch::Sender<usize>,
    replies: &watch::Receiver<Says>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = HashMap::new();
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let body = String::from_utf8_lossy(&body).into_owned();
    let reply = replies.borrow().clone();
    keep.lock().unwrap_or_else(PoisonError::into_inner).push(Received { path, headers, body });
    counted.send_modify(|count| *count += 1);
    let answer = match reply {
        Says::Status(status, body) => {
            format!("HTTP/1.1 {status} Said\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
        }
        Says::Elsewhere(place) => {
            format!("HTTP/1.1 307 Elsewhere\r\nLocation: {place}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        }
        Says::Silence => return std::future::pending().await,
    };
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}
