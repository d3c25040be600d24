//! A server to ask, and small tools to look at answers.

use std::{
    cell::RefCell,
    fs,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use exchange_sim::{Answer, Exchange, MimeMode, Options};

/// An organisation with the mailboxes anna@example.org and bob@example.org.
pub(crate) struct Server {
    pub(crate) exchange: Exchange,
    version: String,
    documents: Documents,
}

impl Drop for Server {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.documents.check("exchange-se");
        }
    }
}

impl Server {
    pub(crate) fn new(version: &str) -> Server {
        let exchange = Exchange::new(Options { version: version.parse().unwrap(), mime: MimeMode::Render });
        exchange.add_mailbox("anna@example.org", "Anna Berg");
        exchange.add_mailbox("bob@example.org", "Bob Cook");
        let version = if version == "se" { "Exchange2013_SP1".to_owned() } else { format!("Exchange{version}") };
        Server { exchange, version, documents: Documents::default() }
    }

    /// Asks as Anna; the answer must be valid.
    pub(crate) fn ask(&self, request: &str) -> String {
        let (status, answer) = self.document("anna@example.org", &self.envelope(request));
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Asks what must be refused with a fault.
    pub(crate) fn refused(&self, request: &str) -> String {
        let (status, answer) = self.document("anna@example.org", &self.envelope(request));
        assert_eq!(status, 500, "{answer}");
        answer
    }

    pub(crate) fn envelope(&self, request: &str) -> String {
        format!(
            r#"<?xml version="1.0" encoding="utf-8"?>
<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages">
<soap:Header><t:RequestServerVersion Version="{}"/></soap:Header><soap:Body>{request}</soap:Body></soap:Envelope>"#,
            self.version
        )
    }

    pub(crate) fn document(&self, user: &str, request: &str) -> (u16, String) {
        match self.exchange.answer(user, request.as_bytes()) {
            Answer::Document { status, body, .. } => {
                self.documents.keep(&body);
                (status, String::from_utf8(body).unwrap())
            }
            Answer::Stream { .. } => panic!("a stream"),
        }
    }

    /// Asks for something that is done for one thing, and gives the response code.
    pub(crate) fn code(&self, request: &str) -> String {
        texts(&self.ask(request), "ResponseCode").remove(0)
    }

    /// The ids of the items in a folder, newest first.
    pub(crate) fn items(&self, folder: &str) -> Vec<String> {
        attributes(&self.sync(folder, ""), "ItemId", "Id")
    }

    /// Gets an item in a shape.
    pub(crate) fn item(&self, id: &str, shape: &str) -> String {
        self.ask(&format!(
            r#"<m:GetItem><m:ItemShape>{shape}</m:ItemShape><m:ItemIds><t:ItemId Id="{id}"/></m:ItemIds></m:GetItem>"#
        ))
    }

    pub(crate) fn deliver(&self, message: &str) {
        self.exchange.deliver("anna@example.org", "inbox", message.as_bytes().to_vec()).unwrap();
    }

    pub(crate) fn sync(&self, folder: &str, state: &str) -> String {
        self.ask(&format!(
            r#"<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>
            <m:SyncFolderId><t:DistinguishedFolderId Id="{folder}"/></m:SyncFolderId><m:SyncState>{state}</m:SyncState>
            <m:MaxChangesReturned>512</m:MaxChangesReturned></m:SyncFolderItems>"#
        ))
    }

    pub(crate) fn subject(&self, id: &str) -> String {
        let answer = self.ask(&format!(
            r#"<m:GetItem><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape>
            <m:ItemIds><t:ItemId Id="{id}"/></m:ItemIds></m:GetItem>"#
        ));
        texts(&answer, "Subject").remove(0)
    }
}

/// The material shared by all of the workspace, where it is there.
pub(crate) fn shared() -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let place = std::env::var_os("EXGATE_SHARED").map_or(beside, PathBuf::from);
    place.join("ews-schema").is_dir().then_some(place)
}

/// Documents to be held against Microsoft's schema, all together: reading the schema takes longer than using it.
#[derive(Default)]
pub(crate) struct Documents {
    all: RefCell<Vec<Vec<u8>>>,
}

impl Documents {
    pub(crate) fn keep(&self, document: &[u8]) {
        self.all.borrow_mut().push(document.to_vec());
    }

    /// Holds all documents kept against a schema, where that and xmllint are there.
    pub(crate) fn check(&self, schema: &str) {
        let Some(shared) = shared() else {
            eprintln!("skipped: no schema to hold answers against");
            return;
        };
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("exchange-sim-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).unwrap();
        let mut files = Vec::new();
        for (number, document) in self.all.borrow().iter().enumerate() {
            let file = directory.join(format!("{number}.xml"));
            fs::write(&file, document).unwrap();
            files.push(file);
        }
        let schema = shared.join("ews-schema").join(schema).join("soap.xsd");
        let run = Command::new("xmllint")
            .args(["--nonet", "--noout", "--huge", "--schema"])
            .arg(schema)
            .args(&files)
            .output();
        let _ = fs::remove_dir_all(&directory);
        let Ok(run) = run else {
            eprintln!("skipped: no xmllint to hold answers against the schema");
            return;
        };
        let said = String::from_utf8_lossy(&run.stderr);
        let wrong: Vec<&str> = said.lines().filter(|line| !line.ends_with(" validates")).take(5).collect();
        let shown = self.all.borrow().iter().enumerate().find_map(|(number, document)| {
            let mark = format!("/{number}.xml fails");
            said.contains(&mark).then(|| String::from_utf8_lossy(document).chars().take(4000).collect::<String>())
        });
        assert!(run.status.success(), "{}\n{}", wrong.join("\n"), shown.unwrap_or_default());
    }
}

/// The texts of all elements of that name, as they are written.
pub(crate) fn texts(document: &str, element: &str) -> Vec<String> {
    starts(document, element)
        .map(
            |(tag, rest)| {
                if tag.ends_with('/') { String::new() } else { rest.split('<').next().unwrap_or_default().to_owned() }
            },
        )
        .collect()
}

/// An attribute of all elements of that name.
pub(crate) fn attributes(document: &str, element: &str, attribute: &str) -> Vec<String> {
    let mark = format!(" {attribute}=\"");
    starts(document, element)
        .filter_map(|(tag, _)| Some(tag.split_once(&mark)?.1.split('"').next()?.to_owned()))
        .collect()
}

/// An attribute of the first element of that name.
pub(crate) fn attribute(document: &str, element: &str, attribute: &str) -> String {
    attributes(document, element, attribute).into_iter().next().unwrap_or_else(|| panic!("no {element} in {document}"))
}

/// The bytes in the first element of that name.
pub(crate) fn decoded(document: &str, element: &str) -> String {
    String::from_utf8(STANDARD.decode(&texts(document, element)[0]).unwrap()).unwrap()
}

fn starts<'a>(document: &'a str, element: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    document.split('<').filter_map(move |piece| {
        let (tag, _) = piece.split_once('>')?;
        let name = tag.split([' ', '/']).find(|part| !part.is_empty())?;
        let local = name.rsplit(':').next()?;
        let at = piece.as_ptr() as usize - document.as_ptr() as usize;
        (local == element && !tag.starts_with('/')).then(|| (tag, &document[at + tag.len() + 1..]))
    })
}
