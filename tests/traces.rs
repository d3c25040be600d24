//! One id from the client's answer to Exchange: who is told that something failed can be helped by what the answer ends with.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use exgate_tests::{Dav, Gateway, Options, PASSWORD, Simulator, Site, Smtp, USER, event, eventually, letter};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[tokio::test]
async fn what_a_client_is_told_is_found_in_the_log_and_at_exchange() {
    let simulator = Options::preset("empty").start().await;
    let wire = Wire::to(&simulator).await;
    let site = Site::reaching(&[&wire.url], "domains = [\"demo.test\"]\n");
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    imap.ok("SELECT INBOX").await;
    imap.ok("CREATE First").await;
    let told = Told { simulator: &simulator, site: &site, wire: &wire };

    told.refuse("CreateFolder").await;
    let answer = imap.command("CREATE Plans").await;
    told.is_found(&answer.text, "imap.command", "CreateFolder").await;

    told.refuse("CreateItem").await;
    let answer = imap.try_append("INBOX", "", &letter("one")).await.unwrap();
    told.is_found(&answer.text, "imap.command", "CreateItem").await;

    told.refuse("CreateItem").await;
    let mut smtp = Smtp::sign_in(gateway.submission).await.unwrap();
    let reply = smtp.send("", &letter("two"), &["bob@demo.test"]).await.unwrap();
    told.is_found(&reply.text, "submission.command", "CreateItem").await;

    let dav = gateway.dav();
    let meeting = event("one", "DTSTART:20270301T090000Z\nDTEND:20270301T100000Z\nSUMMARY:One");
    dav.list(&Dav::collection("calendar")).await;
    told.refuse("CreateItem").await;
    let answer = dav.put(&format!("{}one.ics", Dav::collection("calendar")), &meeting).await;
    let sentence = answer.text.split_once("</D:responsedescription>").unwrap().0;
    told.is_found(sentence, "dav.request", "CreateItem").await;

    told.nothing_more_is_wrong().await;
    refused_sign_in(&gateway, &told).await;
    gateway.stop().await;
}

/// A wrong password is Exchange's to refuse, so that its log has the id of LOGIN.
async fn refused_sign_in(gateway: &Gateway, told: &Told<'_>) {
    let mut stranger = gateway.connect().await;
    let answer = stranger.command(&format!("LOGIN {USER} not-{PASSWORD}")).await;
    told.is_found(&answer.text, "imap.command", "GetFolder").await;
}

/// What is asked of Exchange while one command is done has one id; what another asks has another.
#[tokio::test]
async fn each_command_has_an_id_of_its_own() {
    let simulator = Options::preset("empty").start().await;
    let wire = Wire::to(&simulator).await;
    let site = Site::reaching(&[&wire.url], "domains = [\"demo.test\"]\n");
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    imap.ok("SELECT INBOX").await;
    simulator.settle().await;
    let mut ids = BTreeSet::new();
    for command in ["CREATE One", "CREATE Two", "DELETE One"] {
        let before = wire.ids().len();
        imap.ok(command).await;
        let firsts: BTreeSet<String> = wire.ids().split_off(before).iter().map(|id| first(id)).collect();
        assert!(!firsts.is_empty(), "{command} asked nothing");
        ids.extend(firsts);
    }
    let all = wire.ids();
    assert!(ids.len() >= 3, "{all:?}");
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "a request's id came again: {all:?}");
    gateway.stop().await;
}

struct Told<'a> {
    simulator: &'a Simulator,
    site: &'a Site,
    wire: &'a Wire,
}

impl Told<'_> {
    async fn refuse(&self, operation: &str) {
        self.simulator.clear_faults().await;
        self.simulator.fault(json!({ "what": "refused", "operation": operation, "code": "ErrorAccessDenied" })).await;
    }

    async fn nothing_more_is_wrong(&self) {
        self.simulator.clear_faults().await;
    }

    /// The id at the end of what a client was told is that of requests to Exchange, of the line that tells of the command,
    /// and of the line that tells of the call.
    async fn is_found(&self, told: &str, span: &str, operation: &str) {
        let id = told.trim_end().strip_suffix(']').and_then(|told| told.rsplit_once('[')).map(|(_, id)| id.to_owned());
        let id = id.unwrap_or_else(|| panic!("{told:?} has no id"));
        assert!(id.len() == 8 && id.bytes().all(|octet| octet.is_ascii_hexdigit()), "{told}");
        let asked = self.wire.ids();
        assert!(asked.iter().any(|one| first(one) == id), "{id} was not asked with: {asked:?}");
        let log = self.site.path().join("stderr");
        eventually("the log tells of both", Duration::from_secs(10), async || {
            let log = std::fs::read_to_string(&log).unwrap();
            let lines: Vec<&str> = log.lines().filter(|line| line.contains(&id)).collect();
            let command = lines.iter().any(|line| line.contains(span) && line.contains("refused"));
            let said = ["Exchange did not do it", "Exchange refused some of it"];
            let call = lines.iter().any(|line| line.contains(operation) && said.iter().any(|said| line.contains(said)));
            (command && call).then_some(())
        })
        .await;
    }
}

fn first(id: &str) -> String {
    id.split('-').next().unwrap_or_default().to_owned()
}

/// The way to the simulator, and the ids of the requests that went over it.
struct Wire {
    url: String,
    ids: Arc<Mutex<Vec<String>>>,
}

impl Wire {
    async fn to(simulator: &Simulator) -> Self {
        let (host, path) = simulator.ews.strip_prefix("http://").and_then(|rest| rest.split_once('/')).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/{path}", listener.local_addr().unwrap());
        let (host, ids) = (host.to_owned(), Arc::<Mutex<Vec<String>>>::default());
        let kept = Arc::clone(&ids);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&host).await else { continue };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(carry(from_client, to_server, Some(Arc::clone(&kept))));
                tokio::spawn(carry(from_server, to_client, None));
            }
        });
        Self { url, ids }
    }

    fn ids(&self) -> Vec<String> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    kept: Option<Arc<Mutex<Vec<String>>>>,
) {
    let (mut piece, mut rest) = (vec![0; 64 << 10], String::new());
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        if let Some(kept) = &kept {
            rest.push_str(&String::from_utf8_lossy(&piece[..length]));
            while let Some((line, after)) = rest.split_once("\r\n") {
                if let Some(id) = line.strip_prefix("client-request-id: ") {
                    kept.lock().unwrap_or_else(PoisonError::into_inner).push(id.to_owned());
                }
                rest = after.to_owned();
            }
        }
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
