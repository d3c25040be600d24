//! Dialogs with servers as they happen, in files: for finding out what goes wrong, without secrets and without mail.
//!
//! Each exchange is a pair of HTTP messages, `000001-request.http` and `000001-response.http`. Structure, numbers, dates
//! and words of the schema stay; whatever somebody wrote is cut and leaves a comment with its size, so that the answers
//! can still be read by whatever reads Exchange's.

mod kept;
mod redact;

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use jiff::Timestamp;
use tokio::time::Instant;

use self::redact::Redactor;
use crate::transport::RequestBody;
use crate::{Error, ErrorKind};

/// Writes dialogs into a directory, which holds the newest [`Trace::MOST`] of a run.
#[derive(Debug)]
pub struct Trace {
    directory: PathBuf,
    next: AtomicU64,
    written: Mutex<VecDeque<u64>>,
    /// The log has the complaint that nothing can be written.
    complained: AtomicBool,
}

impl Trace {
    /// So many exchanges of a run are kept.
    pub const MOST: usize = 2000;
    /// So many bytes of each message are kept, after redaction.
    pub const LARGEST: usize = 4 << 20;

    /// Makes the directory, if it is not there. Exchanges are numbered after those it has.
    ///
    /// The error is one sentence for the operator.
    pub fn to(directory: impl Into<PathBuf>) -> Result<Trace, Error> {
        let directory = directory.into();
        let wrong = |error: io::Error| Error::new(ErrorKind::Local, format!("{}: {error}", directory.display()));
        fs::create_dir_all(&directory).map_err(wrong)?;
        let mut last = 0;
        for entry in fs::read_dir(&directory).map_err(wrong)? {
            let name = entry.map_err(wrong)?.file_name();
            let number = name.to_str().and_then(|name| name.split('-').next()?.parse().ok());
            last = last.max(number.unwrap_or(0));
        }
        let (next, written) = (AtomicU64::new(last + 1), Mutex::default());
        Ok(Trace { directory, next, written, complained: AtomicBool::new(false) })
    }

    /// Where it writes.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Writes a request down that is about to be sent to a host.
    pub(crate) fn begin(self: &Arc<Trace>, request: &Request<RequestBody>) -> Dialog {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.forget_old(number);
        let path = request.uri().path();
        let mut head = format!("{} {path} HTTP/1.1\r\nx-trace-time: {}\r\n", request.method(), Timestamp::now());
        headers(request.headers(), &mut head);
        let mut message = Message::new(self.file(number, "request"), &head);
        request.body().pieces().for_each(|piece| message.body(piece));
        message.end(request.body().mime_length());
        Dialog(Arc::new(Mutex::new(Answer { trace: self.clone(), number, began: Instant::now(), message: None })))
    }

    fn file(&self, number: u64, what: &str) -> Option<File> {
        let path = self.directory.join(format!("{number:06}-{what}.http"));
        let mut options = OpenOptions::new();
        options.create(true).truncate(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path);
        if let Err(error) = &file
            && !self.complained.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(path = %path.display(), %error, "dialogs with Exchange cannot be written down");
        }
        file.ok()
    }

    fn forget_old(&self, number: u64) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.push_back(number);
        while written.len() > Trace::MOST {
            let Some(old) = written.pop_front() else { return };
            for what in ["request", "response"] {
                let _ = fs::remove_file(self.directory.join(format!("{old:06}-{what}.http")));
            }
        }
    }
}

/// One exchange, of which the request is written down.
#[derive(Clone, Debug)]
pub(crate) struct Dialog(Arc<Mutex<Answer>>);

#[derive(Debug)]
struct Answer {
    trace: Arc<Trace>,
    number: u64,
    began: Instant,
    message: Option<Message>,
}

impl Dialog {
    /// The head of the answer has come.
    pub(crate) fn answered<B>(&self, response: &Response<B>) {
        let took = self.with(|answer| answer.began.elapsed().as_millis());
        let mut head = format!("HTTP/1.1 {}\r\nx-trace-took-ms: {took}\r\n", response.status());
        headers(response.headers(), &mut head);
        self.with(|answer| answer.message = Some(Message::new(answer.trace.file(answer.number, "response"), &head)));
    }

    /// Some of its body.
    pub(crate) fn body(&self, bytes: &[u8]) {
        self.with(|answer| answer.message.iter_mut().for_each(|message| message.body(bytes)));
    }

    /// There is no answer, or no more of it.
    pub(crate) fn failed(&self, error: &Error) {
        let told = format!("<!-- {} -->", error.message.replace("--", "- -"));
        self.with(|answer| {
            let message = answer.message.take();
            let mut message = message.unwrap_or_else(|| Message::new(answer.trace.file(answer.number, "response"), ""));
            message.end(None);
            message.write(told.as_bytes());
        });
    }

    fn with<T>(&self, what: impl FnOnce(&mut Answer) -> T) -> T {
        what(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(message) = &mut self.message {
            message.end(None);
        }
    }
}

/// One HTTP message on its way into a file.
#[derive(Debug)]
struct Message {
    file: Option<File>,
    redactor: Redactor,
    room: usize,
}

impl Message {
    fn new(file: Option<File>, head: &str) -> Message {
        let mut message = Message { file, redactor: Redactor::default(), room: Trace::LARGEST };
        message.write(head.as_bytes());
        message.write(b"\r\n");
        message
    }

    fn body(&mut self, bytes: &[u8]) {
        let mut shown = Vec::with_capacity(bytes.len());
        self.redactor.push(bytes, &mut shown);
        self.write(&shown);
    }

    /// `mime` is the length of a message that was sent beside what was written here.
    fn end(&mut self, mime: Option<u64>) {
        let mut shown = Vec::new();
        self.redactor.finish(&mut shown);
        shown.extend(
            mime.into_iter()
                .flat_map(|length| format!("<!-- with a message of {length} bytes in base64 -->").into_bytes()),
        );
        self.write(&shown);
    }

    fn write(&mut self, bytes: &[u8]) {
        let Some(file) = &mut self.file else { return };
        let fits = bytes.get(..self.room.min(bytes.len())).unwrap_or_default();
        self.room -= fits.len();
        let mut written = file.write_all(fits);
        if fits.len() < bytes.len() {
            written = written.and(file.write_all(b"<!-- and so on -->"));
        }
        if written.is_err() || fits.len() < bytes.len() {
            self.file = None;
        }
    }
}

/// Headers, without what lets anybody in.
fn headers(headers: &HeaderMap, out: &mut String) {
    for (name, value) in headers {
        out.push_str(&format!("{name}: {}\r\n", shown(name, value)));
    }
}

fn shown(name: &HeaderName, value: &HeaderValue) -> String {
    let Ok(text) = value.to_str() else { return CUT.to_owned() };
    match name.as_str() {
        _ if value.is_sensitive() && !name.as_str().ends_with("authorization") => CUT.to_owned(),
        // What is offered says much; a token of NTLM or Negotiate is somebody's.
        "www-authenticate" | "proxy-authenticate" if is_offer(text) => text.to_owned(),
        "authorization" | "proxy-authorization" | "www-authenticate" | "proxy-authenticate" | "authentication-info" => {
            format!("{} {CUT}", text.split(' ').next().unwrap_or_default())
        }
        "cookie" | "set-cookie" => {
            let names = text.split(';').filter_map(|pair| pair.split_once('=')).map(|(name, _)| name.trim());
            names.map(|name| format!("{name}={CUT}")).collect::<Vec<_>>().join("; ")
        }
        "location" => text.split('?').next().unwrap_or_default().to_owned(),
        name if SECRET_WORDS.iter().any(|word| name.contains(word)) => CUT.to_owned(),
        _ => text.to_owned(),
    }
}

/// `Bearer` and `Basic` tell of the server only.
fn is_offer(text: &str) -> bool {
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    token.is_empty() || !["ntlm", "negotiate", "kerberos"].contains(&scheme.to_ascii_lowercase().as_str())
}

const CUT: &str = "<cut>";
const SECRET_WORDS: [&str; 4] = ["token", "secret", "password", "cookie"];
