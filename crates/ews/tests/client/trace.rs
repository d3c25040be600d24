//! Dialogs that are written down hold neither secrets nor mail, and can still be read.

use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::fake::*;
use ews::op::create_item::{CreateItem, Disposition, NewMessage};
use ews::op::get_folder::GetFolder;
use ews::op::get_item::GetItem;
use ews::*;

/// Whatever holds this is secret or mail.
const CANARY: &str = "Kanarienvogel";

#[tokio::test]
async fn no_secret_and_no_mail_is_written_down() {
    let directory = tempfile::tempdir().unwrap();
    let message = format!(
        "<MESSAGE ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode><m:Items><t:Message><t:MimeContent \
         CharacterSet=\"UTF-8\">{}</t:MimeContent><t:ItemId Id=\"AAMk1\" ChangeKey=\"CQAA\"/><t:Subject>{CANARY}</t:Subject>\
         <t:Body BodyType=\"Text\"><![CDATA[{CANARY}]]></t:Body><t:Size>4711</t:Size><t:ExtendedProperty><t:ExtendedFieldURI \
         PropertyTag=\"0x7d\" PropertyType=\"String\"/><t:Value>Subject: {CANARY}</t:Value></t:ExtendedProperty><t:From>\
         <t:Mailbox><t:Name>{CANARY}</t:Name></t:Mailbox></t:From></t:Message></m:Items></MESSAGE>",
        STANDARD.encode(CANARY)
    );
    let cookie = format!("Set-Cookie: X-BackEndOverrideCookie={CANARY}; path=/\r\nX-Some-Token: {CANARY}\r\n");
    let challenge = format!("WWW-Authenticate: Negotiate {CANARY}\r\nWWW-Authenticate: Bearer realm=\"mail\"\r\n");
    let item = || http("200 OK", &cookie, &answer("GetItem", &[&message]));
    let page = format!("<html><title>Sign in</title><input type=hidden value={CANARY}>");
    let fake = Fake::start([
        Step::Send(item()),
        Step::Send(http("401 Unauthorized", &challenge, &page)),
        Step::Send(item()),
        Step::Send(http("404 Not Found", "", &page)),
        Step::SendAndClose(item()[..900].to_vec()),
    ])
    .await;
    let mut config = ServerConfig::new(format!("http://{}/EWS/Exchange.asmx?{CANARY}", fake.address));
    config.allow_http = true;
    config.trace = Some(Arc::new(Trace::to(directory.path().join("new")).unwrap()));
    let server = Server::new(config).unwrap();
    let client = server.client(Identity::basic("anna", Secret::new(CANARY))).with_patience(std::time::Duration::ZERO);
    let ask = || GetItem { items: vec![ItemId::new("AAMk1").into()], shape: ItemShape::default() };
    for _ in 0..2 {
        assert_eq!(client.call(&ask()).await.unwrap().len(), 1);
    }
    let mime = MimeSource::bytes(format!("Subject: {CANARY}\r\n\r\n{CANARY}"));
    let create = CreateItem {
        disposition: Disposition::SaveOnly,
        folder: None,
        message: NewMessage { mime: Some(mime), ..NewMessage::default() },
    };
    client.call(&create).await.unwrap_err();
    let bearer = server.client(Identity::Bearer { token: Secret::new(CANARY) });
    bearer.with_patience(std::time::Duration::ZERO).call(&ask()).await.unwrap_err();

    let files = files(&directory.path().join("new"));
    assert_eq!(files.len(), 2 * fake.seen().len());
    for (name, text) in &files {
        for secret in [CANARY.to_owned(), STANDARD.encode(CANARY), STANDARD.encode(format!("anna:{CANARY}"))] {
            assert!(!text.contains(&secret), "{name} tells {secret}: {text}");
        }
    }
    let text = |name: &str| files.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str()).unwrap();
    let (asked, told) = (text("000001-request.http"), text("000001-response.http"));
    assert!(
        asked.starts_with("POST /EWS/Exchange.asmx HTTP/1.1\r\n") && asked.contains("authorization: Basic <cut>"),
        "{asked}"
    );
    assert!(asked.contains("client-request-id: ") && asked.contains("Id=\"AAMk1\""), "{asked}");
    assert!(told.contains("<t:Size>4711</t:Size>") && told.contains("ChangeKey=\"CQAA\""), "{told}");
    assert!(
        told.contains("<t:Subject><!-- 13 bytes --></t:Subject>") && told.contains("X-BackEndOverrideCookie=<cut>")
            || told.contains("x-backend"),
        "{told}"
    );
    assert!(text("000002-response.http").contains("Negotiate <cut>"));
    assert!(files.iter().any(|(_, text)| text.contains("<!-- with a message of 52 bytes in base64 -->")));
    assert!(files.iter().any(|(_, text)| text.contains("broke off")), "what went wrong is there too");
}

#[tokio::test]
async fn what_was_written_down_can_be_played_again() {
    let directory = tempfile::tempdir().unwrap();
    let fake = Fake::start([Step::Send(ok())]).await;
    let mut config = ServerConfig::new(format!("http://{}/EWS/Exchange.asmx", fake.address));
    config.allow_http = true;
    config.trace = Some(Arc::new(Trace::to(directory.path()).unwrap()));
    let inbox = GetFolder { folders: vec![DistinguishedFolder::Inbox.into()], shape: FolderShape::default() };
    let first =
        Server::new(config.clone()).unwrap().client(anna("x")).call(&inbox).await.unwrap().pop().unwrap().unwrap();
    let (_, told) = files(directory.path()).pop().unwrap();
    let (_, body) = told.split_once("\r\n\r\n").unwrap();
    let fake = Fake::start([Step::Send(xml(body))]).await;
    let again = fake.client().call(&inbox).await.unwrap().pop().unwrap().unwrap();
    assert_eq!((again.id, again.name.unwrap_or_default().as_str()), (first.id, ""));
    assert_eq!(first.name.as_deref(), Some("Inbox"));

    // A second run goes on where the first ended.
    config.trace = Some(Arc::new(Trace::to(directory.path()).unwrap()));
    let _ = Server::new(config).unwrap().client(anna("x")).call(&inbox).await;
    assert_eq!(files(directory.path()).last().unwrap().0, "000002-response.http");
}

/// Names and contents, by name.
fn files(directory: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read_to_string(path).unwrap())
    };
    let mut files: Vec<_> = entries.map(read).collect();
    files.sort();
    files
}
