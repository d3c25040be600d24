//! Where `exgate` asks the gateway that runs here for what only that can do: at `listen.admin`, with a ticket that the gateway leaves
//! within its state, where only its owner can read.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use mailbox::Secret;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::TcpStream;

use crate::config::Config;
use crate::{Failure, account};

/// Leaves word where this gateway is asked, and the ticket.
pub(crate) fn open(state: &Path, address: SocketAddr, ticket: &Secret<String>) -> Result<(), Failure> {
    let file = state.join(FILE);
    let write = || {
        let partial = file.with_extension("new");
        let _ = std::fs::remove_file(&partial);
        let mut made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
        made.write_all(&serde_json::to_vec(&Note { address, ticket: ticket.expose().clone() })?)?;
        std::fs::rename(&partial, &file)
    };
    write().map_err(|error| Failure::new(format!("{} cannot be written: {error}", file.display())))
}

/// Asks the gateway that runs with this configuration.
pub(crate) struct Desk {
    file: PathBuf,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The gateway is not there, or is just starting.
    Away(Failure),
    /// It does not do that.
    Refused(StatusCode, String),
}

impl Desk {
    pub(crate) fn of(config: &Config) -> Self {
        Self { file: config.state.join(FILE) }
    }

    /// What the gateway answers at a path below `/api/v1`. Nothing is null.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Refusal> {
        let away = |sentence: String| Refusal::Away(Failure::new(sentence));
        let note = self.read().map_err(Refusal::Away)?;
        let request = note.request(method, path, body).map_err(|error| away(error.to_string()))?;
        let answered = ask(note.address, request).await;
        let (status, text) = answered.map_err(|reason| Refusal::Away(unanswered(note.address, &reason)))?;
        // A gateway that has just begun has another ticket.
        if status == StatusCode::UNAUTHORIZED {
            return Err(Refusal::Away(unanswered(note.address, "it is another one, or has just begun")));
        }
        let told: Value = serde_json::from_slice(&text).unwrap_or_default();
        match status.is_success() {
            true => Ok(told),
            false => Err(Refusal::Refused(status, told["detail"].as_str().unwrap_or(status.as_str()).to_owned())),
        }
    }

    fn read(&self) -> Result<Note, Failure> {
        let text = std::fs::read(&self.file).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Failure::mistake(
                "the gateway has not run with this state and an address on this machine in listen.admin, where it is asked; set that \
                 to 127.0.0.1:9143, and start it",
            ),
            _ => Failure::new(format!("{} cannot be read: {error}", self.file.display())),
        })?;
        let damaged = |error| Failure::new(format!("{} is damaged: {error}; restart the gateway", self.file.display()));
        serde_json::from_slice(&text).map_err(damaged)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Away(failure) => failure,
            Refusal::Refused(_, told) => Self::new(told),
        }
    }
}

/// One request, and its answer if that comes soon.
pub(crate) async fn ask(address: SocketAddr, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), String> {
    let asked = async {
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        let mut request = request;
        let host = HeaderValue::from_str(&address.to_string()).map_err(|error| error.to_string())?;
        request.headers_mut().insert(HOST, host);
        let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let text = answer.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
        Ok((status, text))
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err("it does not answer".to_owned()))
}

/// What is said where the gateway is not there.
pub(crate) fn unanswered(address: SocketAddr, reason: &str) -> Failure {
    Failure::new(format!("the gateway cannot be asked at {address}: {reason}; is it running, with this configuration?"))
}

#[derive(Serialize, Deserialize)]
struct Note {
    address: SocketAddr,
    ticket: String,
}

impl Note {
    fn request(&self, method: Method, path: &str, body: Option<&Value>) -> http::Result<Request<Full<Bytes>>> {
        let mut ticket = HeaderValue::from_str(&format!("Bearer {}", self.ticket))?;
        ticket.set_sensitive(true);
        let request = Request::builder().method(method).uri(format!("/api/v1{path}")).header(AUTHORIZATION, ticket);
        let request = request.header("exgate-user", account::user()).header(CONTENT_TYPE, "application/json");
        request.body(body.map_or_else(Full::default, |body| Full::new(Bytes::from(body.to_string()))))
    }
}

/// Begins with a dot, so that no backup has it.
const FILE: &str = ".desk";
const PATIENCE: Duration = Duration::from_secs(10);
