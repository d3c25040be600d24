//! Calendar items recorded from real servers: what is made of them is iCalendar, and says what they say.

use std::path::{Path, PathBuf};

use ews::op::get_item::GetItem;
use ews::{Identity, ItemId, Secret, Server, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::convert::native::Native;

/// Where the recordings are, if they are there.
fn recordings() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("EXGATE_SHARED").map_or_else(beside, PathBuf::from);
    let found = shared.join("ews-samples/recorded/php-ews");
    if !found.is_dir() {
        println!("skipped: {} is not there", found.display());
        return None;
    }
    Some(found)
}

/// What a client of EWS makes of an answer.
async fn items(answer: Vec<u8>) -> Vec<ews::Item> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/EWS/Exchange.asmx", listener.local_addr().unwrap());
    let serve = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"Envelope>") {
                let mut some = [0; 4096];
                match stream.read(&mut some).await {
                    Ok(read) if read > 0 => asked.extend_from_slice(&some[..read]),
                    _ => break,
                }
            }
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
                answer.len()
            );
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(&answer).await;
        }
    });
    let config = ServerConfig { allow_http: true, ..ServerConfig::new(&url) };
    let identity = Identity::basic("anna", Secret::new("right"));
    let client = Server::new(config).unwrap().client(identity);
    let answer = client.call(&GetItem { items: vec![ItemId::new("AAMk=").into()], shape: super::super::shape() }).await;
    serve.abort();
    answer.map(|items| items.into_iter().flatten().collect()).unwrap_or_default()
}

#[tokio::test]
async fn recorded_items_are_shown() {
    let Some(folder) = recordings() else { return };
    let mut shown = 0;
    for version in std::fs::read_dir(folder).unwrap() {
        for test in std::fs::read_dir(version.unwrap().path()).unwrap().filter_map(Result::ok) {
            let name = test.file_name().to_string_lossy().into_owned();
            if !name.contains("alendar") {
                continue;
            }
            for file in std::fs::read_dir(test.path()).unwrap().map(|file| file.unwrap().path()) {
                if !file.to_string_lossy().ends_with("GetItemResponse.xml") {
                    continue;
                }
                for item in items(std::fs::read(&file).unwrap()).await {
                    let Some(calendar) = item.calendar.clone().filter(|calendar| calendar.start.is_some()) else {
                        continue;
                    };
                    let context = Context { uid: calendar.uid.clone().unwrap_or_default(), ..anna() };
                    let native = Native { item: item.clone(), ..Native::default() };
                    let text = render(&native, &context).text;
                    let valid = pim::ical::validate(&pim::parse(&text).unwrap());
                    assert!(valid.is_ok(), "{}: {valid:?}\n{text}", file.display());
                    let event = parsed(&text);
                    let event = event.component("VEVENT").unwrap();
                    assert_eq!(event.text("UID"), calendar.uid);
                    assert_eq!(event.text("SUMMARY"), item.subject);
                    let start = pim::ical::Moment::of(event.property("DTSTART").unwrap()).unwrap();
                    let zone = pim::ical::Zone::named(start.tzid.as_deref().unwrap_or("Europe/Berlin")).unwrap();
                    assert_eq!(Some(start.value.timestamp(&zone)), calendar.start.and_then(ews::Moment::instant));
                    let alarm = event.component("VALARM").and_then(|alarm| alarm.value("TRIGGER"));
                    assert_eq!(alarm, (item.reminder_is_set == Some(true)).then_some("-PT15M"), "{text}");
                    let again = plan(&text, Some(&native), &context).unwrap();
                    assert!(again.changes.is_empty() && again.occurrences.is_empty(), "{again:?}");
                    shown += 1;
                }
            }
        }
    }
    println!("{shown} recorded items shown");
    assert!(shown > 5, "{shown}");
}
