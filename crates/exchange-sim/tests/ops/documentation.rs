//! Every valid request in Microsoft's documentation gets a valid answer, from servers of all versions.

use std::{collections::HashSet, fs};

use exchange_sim::{Answer, Exchange, MimeMode, Options};

use crate::soap;

#[test]
fn documented_requests_are_answered() {
    let Some(shared) = soap::shared() else {
        eprintln!("skipped: the documentation's examples are not here");
        return;
    };
    let samples = shared.join("ews-samples/ms-docs");
    let index = fs::read_to_string(samples.join("INDEX.tsv")).unwrap();
    let documents = soap::Documents::default();
    let mut answered = 0;
    for line in index.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let (file, operation, kind, valid) = (columns[0], columns[3], columns[4], columns[6]);
        if kind != "request" || valid != "yes" || !OPERATIONS.contains(&operation) {
            continue;
        }
        let request = fs::read_to_string(samples.join(file)).unwrap();
        for version in ["2007_SP1", "2010", "2010_SP2", "2013", "2016"] {
            // Older servers may refuse what they do not know, in their words.
            let exchange = organisation(version);
            if let Answer::Document { body, .. } = exchange.answer("anna@example.org", request.as_bytes()) {
                documents.keep(&body);
            }
        }
        let exchange = organisation("se");
        match exchange.answer("anna@example.org", request.as_bytes()) {
            Answer::Document { status, body, operation: named } => {
                documents.keep(&body);
                let text = String::from_utf8(body).unwrap();
                assert!(!text.contains("ErrorSchemaValidation"), "{file}: {text}");
                // A fault may only say that the request names a version it does not fit, or another user.
                assert!(
                    status == 200
                        || text.contains("ErrorIncorrectSchemaVersion")
                        || text.contains("ErrorInvalidServerVersion")
                        || text.contains("ErrorImpersonateUserDenied"),
                    "{file}: {text}"
                );
                assert_eq!(named, operation, "{file}");
            }
            Answer::Stream { operation: named, .. } => assert_eq!(named, operation, "{file}"),
        }
        answered += 1;
    }
    documents.check("exchange-se-wire");
    assert!(answered > 100, "only {answered} examples were found");
}

#[test]
fn damaged_requests_are_refused_and_nothing_breaks() {
    let Some(shared) = soap::shared() else {
        eprintln!("skipped: the documentation's examples are not here");
        return;
    };
    let samples = shared.join("ews-samples/ms-docs");
    let exchange = organisation("se");
    let documents = soap::Documents::default();
    let mut seen = HashSet::new();
    let mut tried = 0;
    for operation in OPERATIONS {
        for entry in fs::read_dir(samples.join(operation)).unwrap() {
            let path = entry.unwrap().path();
            if !path.to_string_lossy().ends_with("request.xml") {
                continue;
            }
            let request = fs::read(&path).unwrap();
            for step in 1..12 {
                let at = request.len() * step / 12;
                let cut = request[..at].to_vec();
                let mut bent = request.clone();
                bent[at] ^= 0x11;
                let mut gone = request.clone();
                gone.drain(at..(at + step * 7).min(request.len()));
                for damaged in [cut, bent, gone] {
                    if let Answer::Document { body, status, .. } = exchange.answer("anna@example.org", &damaged) {
                        assert!(status == 200 || status == 500);
                        tried += 1;
                        if seen.insert(body.clone()) {
                            documents.keep(&body);
                        }
                    }
                }
            }
        }
    }
    documents.check("exchange-se-wire");
    assert!(tried > 1000, "only {tried}");
}

fn organisation(version: &str) -> Exchange {
    let exchange = Exchange::new(Options { version: version.parse().unwrap(), mime: MimeMode::Render });
    exchange.add_mailbox("anna@example.org", "Anna Berg");
    exchange.deliver("anna@example.org", "inbox", b"Subject: hello\r\n\r\nHi\r\n".to_vec()).unwrap();
    exchange
}

const OPERATIONS: &[&str] = &[
    "AddDelegate",
    "ConvertId",
    "CopyFolder",
    "CopyItem",
    "CreateAttachment",
    "CreateFolder",
    "CreateItem",
    "DeleteAttachment",
    "DeleteFolder",
    "DeleteItem",
    "EmptyFolder",
    "ExpandDL",
    "FindFolder",
    "FindItem",
    "FindPeople",
    "GetAttachment",
    "GetDelegate",
    "GetEvents",
    "GetFolder",
    "GetItem",
    "GetMailTips",
    "GetPersona",
    "GetRoomLists",
    "GetRooms",
    "GetServerTimeZones",
    "GetStreamingEvents",
    "GetUserAvailability",
    "GetUserConfiguration",
    "GetUserOofSettings",
    "GetUserPhoto",
    "MarkAllItemsAsRead",
    "MoveFolder",
    "MoveItem",
    "RemoveDelegate",
    "ResolveNames",
    "SendItem",
    "SetUserOofSettings",
    "Subscribe",
    "SyncFolderHierarchy",
    "SyncFolderItems",
    "Unsubscribe",
    "UpdateDelegate",
    "UpdateFolder",
    "UpdateItem",
];
