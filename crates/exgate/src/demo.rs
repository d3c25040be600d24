//! `exgate demo`: everything on this machine, to try in half a minute. A simulated Exchange with mail, calendars, tasks
//! and contacts that look real, the gateway in front of it, and new mail every 20 seconds.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use accounts::Safe;
use exchange::{Directory, Organisation};
use exchange_sim::http::{self, Running};
use exchange_sim::preset::{self, Preset};
use exchange_sim::{Exchange, MimeMode, Version};
use serve::Security;

use crate::command::Demo;
use crate::gate::{self, Gate};
use crate::gateway::{self, AdminSettings, Door, Gateway, Settings, Speaks, say};
use crate::listeners::HandedOver;
use crate::observe::Observed;
use crate::{Failure, feed, store};

/// Runs the demonstration until it is interrupted.
pub(crate) async fn run(options: Demo) -> Result<(), Failure> {
    let started = Instant::now();
    let doors = [
        Some(options.imap),
        Some(options.submission),
        Some(options.pop3),
        Some(options.ldap),
        Some(options.http),
        options.control,
    ];
    if !doors.iter().flatten().all(|door| door.ip().is_loopback()) {
        return Err(Failure::mistake(
            "the demo's passwords are public: --imap, --submission, --pop3, --ldap, --http and --control take loopback addresses only",
        ));
    }
    let home = Home::new(options.state)?;
    let users = preset::demo::users();
    let exchange = Exchange::new(exchange_sim::Options { version: Version::ExchangeSe, mime: MimeMode::Render });
    let simulated = http::Settings { control: options.control, ..http::Settings::loopback(users.clone()) };
    let simulator = http::serve(exchange.clone(), simulated).await.map_err(Failure::new)?;
    let messages = Preset::Demo.fill(&exchange, &users).map_err(Failure::new)?;
    let doors = [
        ("imap", Speaks::Imap, options.imap),
        ("submission", Speaks::Submission, options.submission),
        ("pop3", Speaks::Pop3, options.pop3),
        ("ldap", Speaks::Ldap, options.ldap),
        ("http", Speaks::Dav, options.http),
    ]
    .map(|(name, speaks, address)| Door { name, speaks, address, security: Security::Plain });
    let settings = settings(&home)?;
    let gate = Gate::open(backend(&home, &simulator)?, store::file_in(&home.path)?, gate::Rules::default())?;
    let gateway =
        Gateway::open(gate, feed::open(&Safe::at(&home.path))?, settings, HandedOver::default().open(doors.into())?)?;

    say(&format!(
        "A simulated Exchange with {} users and {messages} messages, and the gateway in front of it.",
        users.len()
    ))?;
    gateway.announce()?;
    say(&format!("ews {}", simulator.url()))?;
    if let Some(control) = simulator.control {
        say(&format!("control http://{control}"))?;
    }
    for user in &users {
        say(&format!("user {} password {}", user.address, user.password))?;
    }
    if let (Some(user), Some(address)) = (users.first(), gateway.address("imap")) {
        say(&format!(
            "try: curl -u {}:{} 'imap://{address}/INBOX' -X 'FETCH 1:5 (FLAGS ENVELOPE)'",
            user.address, user.password
        ))?;
    }
    if let ([user, other, ..], Some(address)) = (users.as_slice(), gateway.address("submission")) {
        say(&format!(
            "try: curl -u {}:{} smtp://{address} --mail-from {} --mail-rcpt {} -H 'Subject: Hello' -F '=How are you?'",
            user.address, user.password, user.address, other.address
        ))?;
    }
    if let (Some(user), Some(address)) = (users.first(), gateway.address("http")) {
        say(&format!("calendars, tasks and contacts: http://{address}/ (CalDAV and CardDAV)"))?;
        say(&format!(
            "try: curl -u {}:{} http://{address}/dav/calendars/{}/calendar/",
            user.address, user.password, user.address
        ))?;
    }
    say("New mail arrives every 20 seconds. Ctrl-C ends the demo.")?;
    let stop = gateway::Stop::heard()?;
    say(&format!("ready in {:.1} s", started.elapsed().as_secs_f32()))?;
    say("ready")?;

    tokio::select! {
        outcome = deliver(&exchange, &users) => outcome?,
        () = stop.requested() => {}
    }
    gateway.close().await;
    Ok(())
}

/// Where the gateway keeps its state: in a directory of the user's, or in one that goes with the demo.
struct Home {
    path: PathBuf,
    _temporary: Option<tempfile::TempDir>,
}

impl Home {
    fn new(asked: Option<PathBuf>) -> Result<Self, Failure> {
        if let Some(path) = asked {
            gateway::make_private(&path)?;
            return Ok(Self { path, _temporary: None });
        }
        let made = tempfile::Builder::new().prefix("exgate-demo-").tempdir();
        let temporary = made.map_err(|error| Failure::new(format!("cannot make a temporary directory: {error}")))?;
        Ok(Self { path: temporary.path().to_owned(), _temporary: Some(temporary) })
    }
}

fn backend(home: &Home, simulator: &Running) -> Result<Directory, Failure> {
    let organisation = Organisation { allow_http: true, ..Organisation::at("demo", [simulator.url()]) };
    Directory::new(exchange::Settings::new(&home.path, vec![organisation]))
        .map_err(|error| Failure::new(error.to_string()))
}

fn settings(home: &Home) -> Result<Settings, Failure> {
    let spool = home.path.join("spool");
    gateway::make_private(&spool)?;
    Ok(Settings {
        imap: imap::Settings { spool: spool.clone(), ..imap::Settings::default() },
        smtp: smtp::Settings { spool, ..smtp::Settings::default() },
        pop3: pop3::Settings::default(),
        ldap: ldap::Settings::default(),
        dav: dav::Settings::default(),
        observed: Observed::default(),
        admin: AdminSettings { upstreams: Vec::new(), safe: Safe::at(&home.path), longest_refusal: Duration::ZERO },
        limits: serve::Limits::new(serve::Settings::default()),
    })
}

/// A new message every 20 seconds, to one user after the other.
async fn deliver(exchange: &Exchange, users: &[http::User]) -> Result<(), Failure> {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.tick().await;
    for (number, user) in (0_u32..).zip(users.iter().cycle()) {
        ticks.tick().await;
        let message = preset::demo::next_mail(number, &user.address);
        exchange.deliver(&user.address, "inbox", message).map_err(Failure::new)?;
    }
    Ok(())
}

const EVERY: Duration = Duration::from_secs(20);
