//! A register in a directory of its own, a gateway that is made up, and administrators of each role.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use accounts::sqlite::{self, Register};
use accounts::{Account, AccountState, Administrator, Change, DevicePassword, Role, Store};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use jiff::Timestamp;
use mailbox::Secret;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Semaphore;

use crate::{
    Admin, Answer, Asked, Event, Extent, From, House, Listed, Made, Mailbox, MailboxState, Organisation, Outcome,
    Point, Problem, Session, Severity, Status, Step, StepState, Trials, Unreadable, Upstream, Wanted,
};

pub(super) const ANNA: &str = "anna@one.example";
/// A name that a page must not take for markup.
pub(super) const HOSTILE: &str = "<script>alert('x')</script>\"&'";

pub(super) struct World {
    home: TempDir,
    pub(super) register: Register,
    pub(super) house: Arc<Pretend>,
    pub(super) admin: Admin<Register, Pretend>,
    passwords: Vec<(Role, String)>,
}

/// What came back.
pub(super) struct Said {
    pub(super) status: StatusCode,
    pub(super) headers: http::HeaderMap,
    pub(super) text: String,
}

/// A gateway with one session in it, whose mailboxes work but for those whose address has `broken` in it.
pub(super) struct Pretend {
    register: Register,
    pub(super) ended: Mutex<Vec<u64>>,
    pub(super) tried: Mutex<Vec<String>>,
    /// As many mailboxes are tried as there are permits.
    pub(super) patience: Semaphore,
}

impl World {
    pub(super) async fn new() -> Self {
        Self::at(TempDir::new().unwrap(), usize::MAX >> 4).await
    }

    /// One whose gateway tries so many mailboxes only.
    pub(super) async fn at(home: TempDir, patience: usize) -> Self {
        let register = sqlite::open(home.path()).unwrap();
        let known = |address: &str, state| Change::Know {
            address: address.to_owned(),
            organisation: "main".to_owned(),
            mailbox: None,
            state,
        };
        let label =
            Change::Label { address: ANNA.to_owned(), name: "dept".to_owned(), value: Some(HOSTILE.to_owned()) };
        let changes = vec![known(ANNA, AccountState::Open), known("bert@one.example", AccountState::Pending), label];
        register.commit("test", Timestamp::now(), changes).await.unwrap();
        let mut passwords = Vec::new();
        for role in Role::ALL {
            let password = DevicePassword::generate().unwrap();
            let one = Administrator {
                name: role.as_str().to_owned(),
                role,
                selector: password.selector().to_owned(),
                password: password.hashed().unwrap(),
                created: Timestamp::now(),
            };
            let added = register.commit("test", Timestamp::now(), vec![Change::AddAdministrator(one)]).await;
            if added.is_ok() {
                passwords.push((role, password.expose().to_owned()));
            }
        }
        let (house, admin) = start(home.path(), &register, patience);
        Self { home, register, house, admin, passwords }
    }

    /// The same after a restart.
    pub(super) fn again(self, patience: usize) -> Self {
        let (house, admin) = start(self.home.path(), &self.register, patience);
        Self { house, admin, ..self }
    }

    pub(super) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(super) fn password(&self, role: Role) -> &str {
        &self.passwords.iter().find(|(known, _)| *known == role).unwrap().1
    }

    /// A request as it stands.
    pub(super) async fn send(&self, request: Request<Bytes>) -> Said {
        self.send_from(request, IpAddr::from(Ipv4Addr::LOCALHOST), false).await
    }

    pub(super) async fn send_from(&self, request: Request<Bytes>, peer: IpAddr, is_tls: bool) -> Said {
        let (head, body) = request.into_parts();
        let answer: Answer = self.admin.answer(Asked::new(head, body, From { peer, is_tls, is_draining: true })).await;
        let (head, body) = answer.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Said { status: head.status, headers: head.headers, text }
    }

    /// A program's request.
    pub(super) async fn call(&self, role: Role, method: Method, path: &str, body: Option<Value>) -> Said {
        let bearer = format!("Bearer {}", self.password(role));
        let mut request = Request::builder().method(method).uri(path).header(header::AUTHORIZATION, bearer);
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        self.send(request.body(body.map_or(Bytes::new(), |body| body.to_string().into())).unwrap()).await
    }

    /// Signs somebody in as a browser does: what it keeps.
    pub(super) async fn sign_in(&self, role: Role) -> String {
        let said = self.post("", "/sign-in", &format!("name={role}&password={}", self.password(role))).await;
        assert_eq!(said.status, 303, "{}", said.text);
        let cookie = said.headers[header::SET_COOKIE].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    /// A page, as a browser asks for it.
    pub(super) async fn get(&self, cookie: &str, path: &str) -> Said {
        self.send(Request::get(path).header(header::COOKIE, cookie).body(Bytes::new()).unwrap()).await
    }

    /// A form, as a browser sends it from one of our pages.
    pub(super) async fn post(&self, cookie: &str, path: &str, form: &str) -> Said {
        let request = Request::post(path)
            .header(header::COOKIE, cookie)
            .header(header::HOST, "127.0.0.1:9143")
            .header(header::ORIGIN, "http://127.0.0.1:9143")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Bytes::copy_from_slice(form.as_bytes())).unwrap()).await
    }

    /// What the audit log says was done, and by whom, after what the world began with.
    pub(super) async fn done(&self) -> Vec<(String, String)> {
        let log = self.register.audit(0, 1000).await.unwrap();
        let ours = log.into_iter().filter(|entry| entry.actor != "test");
        ours.map(|entry| (entry.actor, entry.happening.action)).collect()
    }
}

fn start(home: &Path, register: &Register, patience: usize) -> (Arc<Pretend>, Admin<Register, Pretend>) {
    let house = Arc::new(Pretend {
        register: register.clone(),
        ended: Mutex::default(),
        tried: Mutex::default(),
        patience: Semaphore::new(patience),
    });
    let trials = Trials::open(&home.join("trials"), register.clone(), Arc::clone(&house)).unwrap();
    let admin = Admin::new(register.clone(), Arc::clone(&house), trials, Duration::from_secs(10)).unwrap();
    (house, admin)
}

impl Said {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {}", self.text))
    }
}

impl House for Pretend {
    async fn status(&self) -> Result<Status, Problem> {
        let main =
            Organisation { name: HOSTILE.to_owned(), mailboxes: 3, streaming: 1, away: 1, ..Organisation::default() };
        Ok(Status { version: "1".to_owned(), organisations: vec![main], ..Status::default() })
    }

    fn history(&self) -> Vec<Point> {
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        (0..3)
            .map(|n| Point { at: at(n), connections: 5, mailboxes: 2, away: 1, calls: 40, failed: n as u64 })
            .collect()
    }

    fn upstreams(&self) -> Vec<Upstream> {
        vec![Upstream {
            name: "main".to_owned(),
            description: Some(HOSTILE.to_owned()),
            urls: vec![format!("https://mail.one.example/{HOSTILE}")],
            domains: Vec::new(),
            opened_by: "password",
        }]
    }

    async fn mailboxes(&self) -> Vec<Mailbox> {
        vec![Mailbox {
            organisation: "main".to_owned(),
            mailbox: HOSTILE.to_owned(),
            state: MailboxState::Streaming,
            sessions: 1,
            synchronised: Timestamp::now(),
        }]
    }

    async fn unreadable(&self, of: Option<&Account>) -> Result<Vec<Unreadable>, Problem> {
        let one = Unreadable {
            organisation: "main".to_owned(),
            mailbox: ANNA.to_owned(),
            folder: HOSTILE.to_owned(),
            uid: 7,
            message_id: None,
            received: Timestamp::UNIX_EPOCH,
            reason: "ErrorCorruptData".to_owned(),
            since: Timestamp::UNIX_EPOCH,
            tried: Timestamp::now(),
        };
        Ok(if of.is_none_or(|of| of.address == ANNA) { vec![one] } else { Vec::new() })
    }

    fn sessions(&self) -> Vec<Session> {
        vec![Session {
            number: 7,
            address: ANNA.to_owned(),
            device: None,
            protocol: "imap",
            from: "192.0.2.7".to_owned(),
            program: Some(HOSTILE.to_owned()),
            since: Timestamp::now(),
        }]
    }

    fn end_session(&self, number: u64) -> Option<String> {
        self.ended.lock().unwrap().push(number);
        (number == 7).then(|| ANNA.to_owned())
    }

    fn events(&self, names: &[&str], most: usize) -> Vec<Event> {
        let event = Event {
            number: 1,
            at: Timestamp::now(),
            severity: Severity::Warning,
            account: HOSTILE.to_owned(),
            what: format!("Not signed in: {HOSTILE}"),
        };
        if names.is_empty() || names.contains(&ANNA) {
            vec![event].into_iter().take(most).collect()
        } else {
            Vec::new()
        }
    }

    async fn make_device(
        &self,
        actor: &str,
        address: &str,
        wanted: Wanted,
        password: Option<Secret<String>>,
    ) -> Result<Made, Problem> {
        if password.is_none_or(|password| password.expose() != "right") {
            return Err(Problem::new(StatusCode::CONFLICT, "Exchange did not let them in"));
        }
        let password = DevicePassword::generate().unwrap();
        let device = accounts::NewDevice {
            address: address.to_owned(),
            name: wanted.name,
            selector: password.selector().to_owned(),
            verifier: password.verifier(b"salt of somebody").unwrap(),
            login: address.to_owned(),
            remembered: None,
            top: None,
            scopes: wanted.scopes,
            read_only: wanted.read_only,
            networks: wanted.networks,
            expires: wanted.expires,
        };
        let made = self.register.commit(actor, Timestamp::now(), vec![Change::AddDevice(Box::new(device))]).await?;
        Ok(Made { id: made.devices[0], password: Secret::new(password.expose().to_owned()) })
    }

    async fn remove(&self, actor: &str, account: &Account) -> Result<(), Problem> {
        let change = Change::Remove { address: account.address.clone() };
        self.register.commit(actor, Timestamp::now(), vec![change]).await?;
        Ok(())
    }

    async fn look_again(&self, account: &Account) -> bool {
        account.address == ANNA
    }

    async fn list(
        &self,
        account: &Account,
        extent: Extent,
        told: impl Fn(Listed) + Send + Sync,
    ) -> Result<(), Problem> {
        if account.address != ANNA {
            return Err(Problem::new(StatusCode::CONFLICT, "nobody is in"));
        }
        told(Listed::Tree { folders: 2 });
        self.patience.acquire().await.unwrap().forget();
        told(Listed::Folder { entries: 7, changed: usize::from(extent == Extent::Full) });
        told(Listed::Failed { folder: "Notes".to_owned(), told: "Exchange refused access".to_owned() });
        Ok(())
    }

    async fn try_mailbox(&self, account: &Account, outgoing: bool) -> Outcome {
        self.patience.acquire().await.unwrap().forget();
        self.tried.lock().unwrap().push(account.address.clone());
        let step = |state| Step::new(state, "told");
        let incoming = if account.address.contains("broken") { StepState::Failed } else { StepState::Ok };
        let outgoing = if outgoing { StepState::Ok } else { StepState::Skipped };
        Outcome {
            incoming: step(incoming),
            outgoing: step(outgoing),
            calendar: step(StepState::Ok),
            contacts: step(StepState::Ok),
        }
    }
}
