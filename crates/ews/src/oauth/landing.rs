//! Where the browser comes back to: a listener on this machine (RFC 8252 section 7.3).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use http::Uri;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::{Error, ErrorKind};

/// Takes the browsers that come back. Closed when dropped.
#[derive(Debug)]
pub(super) struct Landing {
    /// The redirect URI with the port that listens.
    pub(super) redirect: String,
    arrived: mpsc::Receiver<Arrival>,
    _listeners: JoinSet<()>,
}

/// A browser that waits to be told how it went.
#[derive(Debug)]
pub(super) struct Arrival {
    /// Of the address it came to.
    pub(super) query: String,
    socket: TcpStream,
}

/// Whether a redirect URI leads to this machine.
pub(super) fn is_loopback(redirect: &str) -> bool {
    let Ok(uri) = redirect.parse::<Uri>() else { return false };
    uri.scheme_str() == Some("http") && matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

impl Landing {
    /// Listens where a redirect URI says: at its port, or at any if it names none.
    pub(super) async fn open(redirect: &str) -> Result<Landing, Error> {
        let bad =
            |error: &dyn std::fmt::Display| Error::new(ErrorKind::Local, format!("oauth.redirect {redirect}: {error}"));
        let uri: Uri = redirect.parse().map_err(|error| bad(&error))?;
        let (host, port) = (uri.host().unwrap_or("localhost").to_owned(), uri.port_u16());
        let v4 = async |port| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await;
        let v6 = async |port| TcpListener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, port))).await;
        let mut listeners = Vec::new();
        if host != "[::1]" {
            listeners.push(v4(port.unwrap_or(0)).await.map_err(|error| bad(&error))?);
        }
        let taken = listeners.first().map_or(Ok(port.unwrap_or(0)), port_of).map_err(|error| bad(&error))?;
        match v6(taken).await {
            Ok(listener) if host != "127.0.0.1" => listeners.push(listener),
            Err(error) if host == "[::1]" => return Err(bad(&error)),
            // Not every machine has IPv6, and a browser that finds nobody there goes to the other address.
            _ => {}
        }
        let port = listeners.first().map_or(Ok(0), port_of).map_err(|error| bad(&error))?;
        let path = uri.path().to_owned();
        let rest = match uri.path_and_query().map(|path| path.as_str()) {
            Some("/") if !redirect.ends_with('/') => "",
            Some(rest) => rest,
            None => "",
        };
        let (tell, arrived) = mpsc::channel(4);
        let mut tasks = JoinSet::new();
        for listener in listeners {
            tasks.spawn(listen(listener, path.clone(), tell.clone()));
        }
        Ok(Landing { redirect: format!("http://{host}:{port}{rest}"), arrived, _listeners: tasks })
    }

    /// The next browser that comes.
    pub(super) async fn next(&mut self) -> Option<Arrival> {
        self.arrived.recv().await
    }
}

impl Arrival {
    /// Tells the person in front of it.
    pub(super) async fn tell(mut self, heading: &str, text: &str) {
        let page = format!(
            "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>{heading}</title><body><h1>{heading}</h1><p>{}</p></body></html>",
            text.replace('&', "&amp;").replace('<', "&lt;")
        );
        let _ = timeout(PATIENCE, answer(&mut self.socket, "200 OK", &page)).await;
    }
}

fn port_of(listener: &TcpListener) -> std::io::Result<u16> {
    listener.local_addr().map(|address| address.port())
}

async fn listen(listener: TcpListener, path: String, tell: mpsc::Sender<Arrival>) {
    let mut guests = JoinSet::new();
    loop {
        let Ok((socket, _)) = listener.accept().await else { return };
        while guests.try_join_next().is_some() {}
        if guests.len() < MOST_GUESTS {
            let (path, tell) = (path.clone(), tell.clone());
            guests.spawn(async move {
                let _ = timeout(PATIENCE, receive(socket, &path, tell)).await;
            });
        }
    }
}

/// Reads one request. What is not the redirect is sent away.
async fn receive(mut socket: TcpStream, path: &str, tell: mpsc::Sender<Arrival>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        if head.len() > LONGEST_HEAD || socket.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let line = head.split(|byte| *byte == b'\r').next().and_then(|line| std::str::from_utf8(line).ok());
    let target = line.and_then(|line| line.strip_prefix("GET ")).and_then(|rest| rest.split(' ').next());
    let Some((asked, query)) = target.and_then(|target| target.split_once('?')) else {
        return answer(&mut socket, "404 Not Found", "").await;
    };
    if asked != path {
        return answer(&mut socket, "404 Not Found", "").await;
    }
    let _ = tell.send(Arrival { query: query.to_owned(), socket }).await;
    Ok(())
}

async fn answer(socket: &mut TcpStream, status: &str, page: &str) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        page.len()
    );
    socket.write_all(head.as_bytes()).await?;
    socket.write_all(page.as_bytes()).await?;
    socket.shutdown().await
}

const PATIENCE: Duration = Duration::from_secs(10);
const LONGEST_HEAD: usize = 32 * 1024;
const MOST_GUESTS: usize = 16;
