//! A server with Anna and Ben, and a client that speaks HTTP by hand.

use std::net::SocketAddr;

use base64::{Engine, engine::general_purpose::STANDARD};
use exchange_sim::{
    Exchange, MimeMode, Options, Version,
    http::{Running, Settings, User, serve},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

pub(crate) const ANNA: &str = "anna@a.test";
pub(crate) const BEN: &str = "ben@a.test";

/// Head and body of an answer.
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn status(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    /// The text of the first element of that name.
    pub(crate) fn text(&self, element: &str) -> &str {
        let rest = self.body.split_once(&format!(":{element}")).map_or("", |(_, rest)| rest);
        rest.split_once('>').map_or("", |(_, text)| text.split('<').next().unwrap_or_default())
    }
}

pub(crate) async fn start(change: impl FnOnce(&mut Settings)) -> Running {
    let exchange = Exchange::new(Options { version: Version::ExchangeSe, mime: MimeMode::Render });
    let user = |address: &str, name: &str| User {
        address: address.to_owned(),
        name: name.to_owned(),
        password: "secret".to_owned(),
    };
    let mut settings = Settings::loopback(vec![user(ANNA, "Anna"), user(BEN, "Ben")]);
    change(&mut settings);
    serve(exchange, settings).await.unwrap()
}

/// The head of a request of that user, without `Host` and the empty line.
pub(crate) fn head(user: &str, body: &str) -> String {
    format!(
        "POST /EWS/Exchange.asmx HTTP/1.1\r\nAuthorization: Basic {}\r\nContent-Type: text/xml; charset=utf-8\r\n\
         Content-Length: {}\r\n",
        STANDARD.encode(format!("{user}:secret")),
        body.len()
    )
}

/// Asks at an address, with more header fields if wanted.
pub(crate) async fn ask(address: SocketAddr, user: &str, fields: &str, body: &str) -> std::io::Result<Answer> {
    exchange(TcpStream::connect(address).await?, &format!("{}{fields}", head(user, body)), body).await
}

/// Sends a request and leaves the rest of the conversation to the caller.
pub(crate) async fn begin(address: SocketAddr, user: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{}Host: x\r\n\r\n{body}", head(user, body)).as_bytes()).await.unwrap();
    stream
}

/// Reads until the text was said.
pub(crate) async fn hear(stream: &mut TcpStream, text: &str) -> String {
    let (mut said, mut buffer) = (String::new(), [0; 4096]);
    while !said.contains(text) {
        let length = stream.read(&mut buffer).await.unwrap();
        assert_ne!(length, 0, "the connection ended before {text}: {said}");
        said.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    said
}

/// What comes until the connection ends.
pub(crate) async fn rest(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all).await;
    String::from_utf8(all).unwrap()
}

pub(crate) async fn control(server: &Running, method: &str, path: &str, body: &str) -> Value {
    let head = format!("{method} {path} HTTP/1.1\r\nContent-Length: {}\r\n", body.len());
    let stream = TcpStream::connect(server.control.unwrap()).await.unwrap();
    let answer = exchange(stream, &head, body).await.unwrap();
    assert_eq!(answer.status(), "200", "{path}: {}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

pub(crate) async fn exchange(stream: TcpStream, head: &str, body: &str) -> std::io::Result<Answer> {
    exchange_as(stream, &format!("{head}Host: localhost\r\nConnection: close\r\n"), body).await
}

/// The same with `Host` and `Connection` in the head already.
pub(crate) async fn exchange_as(mut stream: TcpStream, head: &str, body: &str) -> std::io::Result<Answer> {
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).await?;
    let all = rest(&mut stream).await;
    let (head, body) = all.split_once("\r\n\r\n").unwrap_or((&all, ""));
    let body = if head.contains("transfer-encoding: chunked") { unchunked(body) } else { body.to_owned() };
    Ok(Answer { head: format!("{head}\r\n"), body })
}

fn unchunked(mut body: &str) -> String {
    let mut out = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap_or(0);
        if size == 0 {
            break;
        }
        out.push_str(&rest[..size]);
        body = &rest[size + 2..];
    }
    out
}

/// An envelope with more header elements and a body, asking for 2013 SP1.
pub(crate) fn envelope(header: &str, body: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" \
         xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\"><s:Header>\
         <t:RequestServerVersion Version=\"Exchange2013_SP1\"/>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
}

pub(crate) fn get_folder(folder: &str) -> String {
    format!(
        "<m:GetFolder><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape><m:FolderIds>\
         <t:DistinguishedFolderId Id=\"{folder}\"/></m:FolderIds></m:GetFolder>"
    )
}

pub(crate) const SUBSCRIBE: &str = "<m:Subscribe><m:StreamingSubscriptionRequest SubscribeToAllFolders=\"true\"><t:EventTypes>\
    <t:EventType>NewMailEvent</t:EventType></t:EventTypes></m:StreamingSubscriptionRequest></m:Subscribe>";

pub(crate) fn stream_of(subscriptions: &[&str]) -> String {
    let ids: String = subscriptions.iter().map(|id| format!("<t:SubscriptionId>{id}</t:SubscriptionId>")).collect();
    format!(
        "<m:GetStreamingEvents><m:SubscriptionIds>{ids}</m:SubscriptionIds><m:ConnectionTimeout>30</m:ConnectionTimeout>\
         </m:GetStreamingEvents>"
    )
}
