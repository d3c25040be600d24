//! The client against a server that does what real ones do at their worst.

use std::sync::Arc;
use std::time::Duration;

use crate::fake::*;
use base64::Engine;
use ews::op::create_item::{CreateItem, Disposition, NewMessage};
use ews::op::get_folder::GetFolder;
use ews::op::sync_folder_items::SyncFolderItems;
use ews::*;
use tokio::task::JoinSet;

#[tokio::test]
async fn calls_reuse_one_connection_and_say_who_they_are() {
    let fake = Fake::start([Step::Send(ok())]).await;
    let client = fake.client().with_anchor("anna@example.org");
    for _ in 0..3 {
        let folder = client.call(&inbox()).await.unwrap().pop().unwrap().unwrap();
        assert_eq!(folder.name.as_deref(), Some("Inbox"));
    }
    let seen = fake.seen();
    assert_eq!(seen.iter().map(|request| request.connection).collect::<Vec<_>>(), [0, 0, 0]);
    for request in &seen {
        assert!(request.head.starts_with("POST /EWS/Exchange.asmx HTTP/1.1\r\n"), "{}", request.head);
        assert_eq!(request.header("authorization"), Some("Basic RVhBTVBMRVxhbm5hOnNlY3JldA=="));
        assert_eq!(request.header("transfer-encoding"), None);
        assert_eq!(request.header("content-type"), Some("text/xml; charset=utf-8"));
        assert_eq!(request.header("host"), Some(fake.address.to_string().as_str()));
        assert_eq!(request.header("x-anchormailbox"), Some("anna@example.org"));
        assert!(request.header("user-agent").unwrap().starts_with("Exgate/"));
        assert_eq!(request.header("return-client-request-id"), Some("true"));
    }
    let ids: std::collections::HashSet<_> = seen.iter().map(|request| request.header("client-request-id")).collect();
    assert_eq!(ids.len(), 3, "each request has an id of its own");
    assert_eq!(client.server_version(), Some(Version::Exchange2016));
}

#[tokio::test]
async fn nothing_is_asked_for_nothing() {
    let fake = Fake::start([Step::Send(ok())]).await;
    let nothing = GetFolder { folders: vec![], shape: FolderShape::default() };
    assert!(fake.client().call(&nothing).await.unwrap().is_empty());
    assert!(fake.seen().is_empty());
}

#[tokio::test]
async fn no_more_lanes_than_allowed() {
    let fake = Fake::start([Step::Send(ok())]).await;
    let client = fake.client();
    client.call(&inbox()).await.unwrap();
    let mut calls = JoinSet::new();
    for _ in 0..40 {
        let client = client.clone();
        calls.spawn(async move { client.call(&inbox()).await.unwrap().len() });
    }
    assert_eq!(calls.join_all().await, [1; 40]);
    let connections = fake.seen().iter().map(|request| request.connection).max().unwrap() + 1;
    assert!(connections <= 4, "{connections} connections");
}

#[tokio::test]
async fn a_wrong_password_is_tried_once() {
    let fake = Fake::start([Step::Send(unauthorized())]).await;
    let server = fake.server(|_| {});
    let client = server.client(anna("wrong"));
    let mut calls = JoinSet::new();
    for _ in 0..10 {
        let client = client.clone();
        calls.spawn(async move { client.call(&inbox()).await.unwrap_err().kind });
    }
    assert!(calls.join_all().await.iter().all(|kind| *kind == ErrorKind::SignIn));
    assert_eq!(fake.seen().len(), 1);
    assert!(client.refused_until().is_some());
    let again = server.client(anna("wrong"));
    let error = again.call(&inbox()).await.unwrap_err();
    assert_eq!((error.kind, error.sent), (ErrorKind::SignIn, Sent::NotSent));
    assert_eq!(fake.seen().len(), 1, "another client of the same identity knows");
    assert!(server.client(anna("other")).call(&inbox()).await.is_err());
    assert_eq!(fake.seen().len(), 2, "another password is another matter");
    assert!(!format!("{client:?}").contains("wrong"));
}

#[tokio::test]
async fn a_401_on_a_good_lane_is_tried_once_more_on_a_fresh_one() {
    let fake = Fake::start([Step::Send(ok()), Step::Send(unauthorized()), Step::Send(ok())]).await;
    let client = fake.client();
    client.call(&inbox()).await.unwrap();
    client.call(&inbox()).await.unwrap();
    assert_eq!(fake.seen().iter().map(|request| request.connection).collect::<Vec<_>>(), [0, 0, 1]);

    let fake = Fake::start([Step::Send(ok()), Step::Send(unauthorized())]).await;
    let client = fake.client();
    client.call(&inbox()).await.unwrap();
    assert_eq!(client.call(&inbox()).await.unwrap_err().kind, ErrorKind::SignIn);
    assert_eq!(client.call(&inbox()).await.unwrap_err().kind, ErrorKind::SignIn);
    assert_eq!(fake.seen().len(), 3, "two tries with the password that was changed, and no more");
}

#[tokio::test]
async fn a_busy_server_does_not_vouch_for_a_password() {
    let busy = http("503 Service Unavailable", "Retry-After: 0\r\n", "busy");
    let fake = Fake::start([Step::Send(busy), Step::Send(unauthorized())]).await;
    assert_eq!(fake.client().call(&inbox()).await.unwrap_err().kind, ErrorKind::SignIn);
    assert_eq!(fake.seen().len(), 2, "one that was not looked at, and one that was refused");
}

#[tokio::test]
async fn a_busy_server_is_waited_for() {
    let busy_inside = failed(
        "ErrorInternalServerError",
        "<m:MessageXml><t:Value Name=\"InnerErrorResponseCode\">ErrorServerBusy</t:Value><t:Value Name=\"BackOffMilliseconds\">20</t:Value></m:MessageXml>",
    );
    let fake = Fake::start([
        Step::Send(fault("ErrorServerBusy", Some(20))),
        Step::Send(xml(&answer("GetFolder", &[&busy_inside]))),
        Step::Send(http("503 Service Unavailable", "Retry-After: 0\r\n", "<html>")),
        Step::Send(ok()),
    ])
    .await;
    let client = fake.client();
    assert!(client.call(&inbox()).await.unwrap().pop().unwrap().is_ok());
    assert_eq!(fake.seen().len(), 4);
}

#[tokio::test]
async fn the_impatient_hear_how_long_a_server_is_busy() {
    let fake = Fake::start([Step::Send(fault("ErrorServerBusy", Some(297_749)))]).await;
    let client = fake.client();
    let error = client.call(&inbox()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Busy { retry_after: Some(Duration::from_millis(297_749)) });
    assert_eq!(error.sent, Sent::NotSent);
    assert!(error.request_id.is_some());
    let error = client.call(&create(MimeSource::bytes("x"))).await.unwrap_err();
    assert!(error.retry_after().unwrap() > Duration::from_secs(290));
    assert_eq!(fake.seen().len(), 1, "while it is busy, nobody asks");

    let fake = Fake::start([Step::Send(http("503 Service Unavailable", "Retry-After: 77\r\n", ""))]).await;
    let error = fake.client().call(&inbox()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Busy { retry_after: Some(Duration::from_secs(77)) });
}

#[tokio::test]
async fn a_throttled_sync_is_no_sync() {
    let hint = "<m:MessageXml><t:Value Name=\"BackOffMilliseconds\">500000</t:Value></m:MessageXml>\
                <m:SyncState/><m:IncludesLastItemInRange>true</m:IncludesLastItemInRange>";
    let busy = failed("ErrorServerBusy", hint);
    let empty = "<MESSAGE ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode><m:SyncState/>\
                 <m:IncludesLastItemInRange>true</m:IncludesLastItemInRange><m:Changes/></MESSAGE>";
    let sync = SyncFolderItems {
        folder: DistinguishedFolder::Inbox.into(),
        shape: ItemShape::default(),
        state: Some("H4sI".into()),
        max: 512,
    };
    let fake = Fake::start([
        Step::Send(xml(&answer("SyncFolderItems", &[empty]))),
        Step::Send(xml(&answer("SyncFolderItems", &[&busy]))),
    ])
    .await;
    let client = fake.client();
    assert_eq!(client.call(&sync).await.unwrap_err().kind, ErrorKind::Protocol);
    let error = client.call(&sync).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Busy { retry_after: Some(Duration::from_secs(500)) });
    assert!(error.request_id.is_some());
}

#[tokio::test]
async fn cut_answers_are_asked_for_again_if_that_is_safe() {
    let whole = ok();
    let half = whole[..whole.len() / 2].to_vec();
    let no_length = |body: &str| format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{body}").into_bytes();
    let body = answer("GetFolder", &[FOLDER]);
    let marker = format!("{}=== Truncated Data ===", &body[..body.len() / 2]);
    for broken in [
        Step::SendAndClose(half),
        Step::SendAndClose(Vec::new()),
        Step::SendAndClose(no_length(&body[..body.len() - 5])),
        Step::SendAndClose(no_length(&marker)),
        Step::SendAndClose(no_length(&format!("{body}=== Truncated Data ==="))),
        Step::Send(xml("")),
        Step::Send(xml("\r\n")),
        Step::Send(http("302 Found", "Location: /ews/genericerrorpage.htm\r\n", "")),
        Step::Send(http("502 Bad Gateway", "", "<html><title>Oops</title>")),
    ] {
        let fake = Fake::start([broken.clone(), Step::Send(ok())]).await;
        assert!(fake.client().call(&inbox()).await.unwrap().pop().unwrap().is_ok());
        assert_eq!(fake.seen().len(), 2);

        let fake = Fake::start([broken, Step::Send(ok())]).await;
        let error = fake.client().call(&create(MimeSource::bytes("x"))).await.unwrap_err();
        assert_eq!((error.kind.clone(), error.sent), (ErrorKind::Unavailable, Sent::MaybeDone), "{error}");
        assert_eq!(fake.seen().len(), 1);
    }
}

/// The answer is whole; what came after it does not matter, except that the connection cannot be used again.
#[tokio::test]
async fn a_length_that_lies_spoils_only_the_connection() {
    let body = answer("GetFolder", &[FOLDER]);
    let lying = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len() + 100).into_bytes();
    let fake = Fake::start([Step::SendAndClose(lying), Step::Send(ok())]).await;
    let client = fake.client();
    for connection in 0..2 {
        assert!(client.call(&inbox()).await.unwrap().pop().unwrap().is_ok());
        assert_eq!(fake.seen().last().unwrap().connection, connection);
    }
    assert_eq!(fake.seen().len(), 2);
}

#[tokio::test]
async fn a_lane_closed_while_idle_is_replaced_unseen() {
    let fake = Fake::start([Step::SendAndClose(ok())]).await;
    let client = fake.client();
    for _ in 0..5 {
        assert!(client.call(&inbox()).await.unwrap().pop().unwrap().is_ok());
    }
    let connections: std::collections::HashSet<_> = fake.seen().iter().map(|request| request.connection).collect();
    assert_eq!(connections.len(), 5);
}

#[tokio::test]
async fn web_pages_are_no_answers() {
    let page = "<!DOCTYPE html><html><head><title>Welcome to the Hotel</title>";
    let fake = Fake::start([Step::Send(http("200 OK", "Content-Type: text/html\r\n", page))]).await;
    let error = fake.client().call(&inbox()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Protocol);
    assert!(error.message.contains("Welcome to the Hotel") && error.message.contains("127.0.0.1"), "{error}");

    let fake = Fake::start([Step::Send(http("403 Forbidden", "", "<html>"))]).await;
    assert_eq!(fake.client().call(&inbox()).await.unwrap_err().kind, ErrorKind::Denied);
}

#[tokio::test]
async fn a_slow_drip_is_read_to_its_end() {
    let fake = Fake::start([Step::Drip(ok())]).await;
    assert!(fake.client().call(&inbox()).await.unwrap().pop().unwrap().is_ok());
}

#[tokio::test]
async fn silence_is_not_waited_out_for_ever() {
    let begun = ok()[..200].to_vec();
    for (silent, told) in [(Vec::new(), "no answer within 120 s"), (begun, "the answer stalled")] {
        let mut fake = Fake::start([Step::Hang(silent)]).await;
        fake.open(true);
        let client = fake.client();
        let call = tokio::spawn(async move { client.call(&inbox()).await });
        fake.bell.recv().await.unwrap();
        tokio::time::pause();
        let error = call.await.unwrap().unwrap_err();
        assert_eq!((error.kind, error.sent), (ErrorKind::Unavailable, Sent::MaybeDone));
        assert_eq!(error.message, told);
        tokio::time::resume();
    }
}

#[tokio::test]
async fn an_exchange_that_is_away_is_waited_for_once() {
    let mut fake = Fake::start([Step::Hang(Vec::new())]).await;
    let client = fake.client();
    let call = tokio::spawn({
        let client = client.clone();
        async move { client.call(&inbox()).await }
    });
    fake.bell.recv().await.unwrap();
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let error = call.await.unwrap().unwrap_err();
    assert_eq!((error.kind, error.sent), (ErrorKind::Unavailable, Sent::MaybeDone));
    assert!(began.elapsed() < Duration::from_secs(40), "waited {:?}", began.elapsed());
    assert!(client.is_away());
    let began = tokio::time::Instant::now();
    for _ in 0..100 {
        let error = client.call(&inbox()).await.unwrap_err();
        assert_eq!((error.kind, error.sent), (ErrorKind::Unavailable, Sent::NotSent));
        assert!(error.message.starts_with("Exchange is away: "), "{}", error.message);
    }
    assert!(began.elapsed() < Duration::from_millis(100), "calls are not tried while it is away");
    fake.open(true);
    client.back().await;
    assert!(!client.is_away());
    tokio::time::resume();
}

#[tokio::test]
async fn nobody_knocks_where_somebody_answers() {
    let busy = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n".to_vec();
    let fake = Fake::start([Step::Send(busy), Step::Send(ok())]).await;
    let client = fake.client();
    client.call(&inbox()).await.unwrap();
    assert!(fake.seen().iter().all(|seen| seen.head.starts_with("POST ")));
    assert!(!client.is_away());
}

#[tokio::test]
async fn clients_of_one_account_share_what_it_may_do_at_once() {
    let fake = Fake::start([Step::Send(ok())]).await;
    let server = fake.server(|limits| limits.calls = 2);
    let two = [server.client(anna("secret")), server.client(anna("secret"))];
    let mut calls = JoinSet::new();
    for n in 0..40 {
        let client = two[n % 2].clone();
        calls.spawn(async move {
            let _ = client.call(&inbox()).await.unwrap();
            client.level()
        });
    }
    for (limit, in_flight) in calls.join_all().await {
        assert!(limit == 2 && in_flight <= 2, "{in_flight} of {limit}");
    }
}

#[tokio::test]
async fn an_unreachable_server_is_told_from_a_refusing_one() {
    // Bound, so that nobody else has it, and not listened at.
    let kept = tokio::net::TcpSocket::new_v4().unwrap();
    kept.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let mut config = ServerConfig::new(format!("http://{}/", kept.local_addr().unwrap()));
    config.allow_http = true;
    let client = Server::new(config).unwrap().client(anna("x")).with_patience(Duration::ZERO);
    let error = client.call(&inbox()).await.unwrap_err();
    assert_eq!((error.kind, error.sent), (ErrorKind::Unavailable, Sent::NotSent));
    assert!(client.refused_until().is_none());
}

#[tokio::test]
async fn an_old_server_is_asked_in_its_own_version() {
    let refused = soap(
        V2007,
        "<s:Fault><faultcode>soap11:Client</faultcode><faultstring>No.</faultstring><detail>\
         <e:ResponseCode>ErrorInvalidServerVersion</e:ResponseCode></detail></s:Fault>",
    );
    let old = ok();
    let refused = http("500 Internal Server Error", "Content-Type: text/xml\r\n", &refused);
    let fake = Fake::start([Step::Send(refused), Step::Send(old)]).await;
    let client = fake.client();
    let shape = FolderShape::of([Field::FOLDER_DISTINGUISHED.into()]);
    client
        .call(&GetFolder { folders: vec![DistinguishedFolder::Inbox.into()], shape })
        .await
        .unwrap()
        .pop()
        .unwrap()
        .unwrap();
    let asked: Vec<_> = fake.seen().iter().map(|request| request.text()).collect();
    assert!(asked[0].contains("Version=\"Exchange2013\"") && asked[0].contains("DistinguishedFolderId\"/>"));
    assert!(
        asked[1].contains("Version=\"Exchange2007_SP1\"") && !asked[1].contains("AdditionalProperties"),
        "{}",
        asked[1]
    );
}

#[tokio::test]
async fn a_message_is_sent_with_its_length_and_in_base64() {
    let message: Vec<u8> = (0..5_000_001u32).map(|n| (n % 253) as u8).collect();
    let created = "<MESSAGE ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode><m:Items><t:Message>\
        <t:ItemId Id=\"AAMkNew\" ChangeKey=\"CQ\"/></t:Message></m:Items></MESSAGE>";
    let busy = Step::Send(fault("ErrorServerBusy", Some(10)));
    let fake = Fake::start([busy, Step::Send(xml(&answer("CreateItem", &[created])))]).await;
    let id = fake.client().call(&create(MimeSource::bytes(message.clone()))).await.unwrap().unwrap();
    assert_eq!(id, ItemId::with_change_key("AAMkNew", "CQ"));
    let seen = fake.seen();
    assert_eq!(seen.len(), 2, "a busy server did nothing, so it is asked again");
    for request in seen {
        assert_eq!(request.header("transfer-encoding"), None);
        let text = request.text();
        let (before, rest) = text.split_once("<t:MimeContent CharacterSet=\"UTF-8\">").unwrap();
        let (base64, after) = rest.split_once("</t:MimeContent>").unwrap();
        assert!(before.contains("MessageDisposition=\"SaveOnly\"") && after.ends_with("</s:Envelope>"));
        assert_eq!(base64::engine::general_purpose::STANDARD.decode(base64).unwrap(), message);
    }
}

#[tokio::test]
async fn a_message_shorter_than_said_is_never_whole() {
    let fake = Fake::start([Step::Send(ok())]).await;
    let error = fake.client().call(&create(MimeSource::reader(100_000, || Ok(&b"short"[..])))).await.unwrap_err();
    assert_eq!((error.kind, error.sent), (ErrorKind::Local, Sent::NotSent), "{}", error.message);
    assert_eq!(fake.seen().len(), 0);
}

#[tokio::test]
async fn tls_trusts_what_it_is_told_to_trust_and_speaks_http_1() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let ca_file = directory.path().join("ca.pem");
    std::fs::write(&ca_file, made.cert.pem()).unwrap();
    let key = rustls_pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let fake = Fake::start_with([Step::Send(ok())], Some(Arc::new(tls))).await;
    let mut config = ServerConfig::new(format!("https://localhost:{}/EWS/Exchange.asmx", fake.address.port()));
    let stranger = Server::new(config.clone()).unwrap().client(anna("x")).with_patience(Duration::ZERO);
    let error = stranger.call(&inbox()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert_eq!(error.cause, Some(ews::Cause::CertificateIssuer), "{error}");
    config.trust.ca_file = Some(ca_file);
    let client = Server::new(config).unwrap().client(anna("x"));
    assert!(client.call(&inbox()).await.unwrap().pop().unwrap().is_ok());
}

pub(crate) fn inbox() -> GetFolder {
    GetFolder { folders: vec![DistinguishedFolder::Inbox.into()], shape: FolderShape::default() }
}

fn create(mime: MimeSource) -> CreateItem {
    let message = NewMessage { mime: Some(mime), ..NewMessage::default() };
    CreateItem { disposition: Disposition::SaveOnly, folder: None, message }
}
