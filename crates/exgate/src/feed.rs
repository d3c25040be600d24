//! Calendar feeds: `exgate feed` makes, lists and revokes them; the gateway opens them.

use std::sync::Arc;

use accounts::{FeedId, Feeds, NewFeed, Safe};
use exchange::Directory;
use jiff::Timestamp;
use mailbox::objects::{Collection, CollectionKind, Objects};
use mailbox::{Credentials, ErrorKind, Secret, SignIn};

use crate::command::{self, Detail, Feed};
use crate::config::Config;
use crate::gate::{Entered, Gate};
use crate::gateway::{self, say};
use crate::{Failure, password};

/// Does what the command line says.
pub(crate) async fn run(command: Feed) -> Result<(), Failure> {
    match command {
        Feed::Create(options) => create(options).await,
        Feed::List { config, user } => list(&Config::read(&config)?, user.as_deref()),
        Feed::Revoke { config, number } => revoke(&Config::read(&config)?, FeedId(number)),
    }
}

/// Opens feeds for whoever knows their address.
pub(crate) struct Opener {
    pub(crate) feeds: Arc<Feeds>,
    pub(crate) gate: Gate,
}

impl dav::Feeds<Entered> for Opener {
    async fn feed(&self, token: &str) -> mailbox::Result<Option<dav::Feed<Entered>>> {
        let (feeds, token) = (Arc::clone(&self.feeds), token.to_owned());
        let Some((feed, credentials)) = blocking(move || feeds.redeem(&token, Timestamp::now())).await? else {
            return Ok(None);
        };
        let account = self.gate.sign_in(&credentials).await?;
        let collections = account.collections().await?;
        let Some(calendar) = find(&collections, &feed.calendar) else {
            tracing::warn!(user = feed.user, feed = %feed.id, calendar = feed.calendar, "the calendar of a feed is gone");
            return Ok(None);
        };
        if calendar.name != feed.calendar {
            let (feeds, id, name) = (Arc::clone(&self.feeds), feed.id, calendar.name.clone());
            blocking(move || feeds.bind(id, &name)).await?;
        }
        Ok(Some(dav::Feed {
            account,
            collection: calendar.id,
            detail: match feed.detail {
                accounts::Detail::Full => dav::Detail::Full,
                accounts::Detail::Titles => dav::Detail::Titles,
                accounts::Detail::Busy => dav::Detail::Busy,
            },
            past_days: feed.past_days,
            future_days: feed.future_days,
        }))
    }
}

/// What waits for the disk waits on a thread for that; what goes wrong there is the operator's to read.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> accounts::Result<T> + Send + 'static,
) -> mailbox::Result<T> {
    let failed = |error: String| {
        tracing::error!(error, "feeds cannot be opened");
        mailbox::Error::new(ErrorKind::Internal, "the gateway cannot open its feeds; its log says why")
    };
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| failed(error.to_string()))?;
    done.map_err(|error| failed(error.to_string()))
}

/// The feeds of this gateway.
pub(crate) fn open(safe: &Safe) -> Result<Feeds, Failure> {
    gateway::make_private(safe.directory())?;
    Feeds::open(safe).map_err(|error| Failure::new(error.to_string()))
}

/// The calendar of that name: what it is called in URLs, or what a person sees.
pub(crate) fn find<'a>(collections: &'a [Collection], name: &str) -> Option<&'a Collection> {
    let calendars = || collections.iter().filter(|collection| collection.kind == CollectionKind::Calendar);
    calendars()
        .find(|collection| collection.name == name)
        .or_else(|| calendars().find(|collection| collection.display_name == name))
}

async fn create(options: command::NewFeed) -> Result<(), Failure> {
    let config = Config::read(&options.config)?;
    let feeds = open(&config.safe())?;
    let password = password::ask(&options.user)?;
    let credentials = Credentials { user: options.user, password: Secret::new(password) };
    check(&config, &credentials, &options.calendar).await?;
    let feed = NewFeed {
        credentials,
        calendar: options.calendar,
        detail: match options.detail {
            Detail::Full => accounts::Detail::Full,
            Detail::Titles => accounts::Detail::Titles,
            Detail::Busy => accounts::Detail::Busy,
        },
        past_days: options.past,
        future_days: options.future,
    };
    let (number, token) = feeds.create(&feed, Timestamp::now()).map_err(|error| Failure::new(error.to_string()))?;
    let url = config.dav.url.as_deref().unwrap_or("https://HOST").trim_end_matches('/');
    say(&format!("{url}/feed/{}/calendar.ics", token.expose()))?;
    eprintln!("This is feed {number}. Whoever has the address can read the calendar; `exgate feed revoke` ends that.");
    if config.dav.url.is_none() {
        eprintln!("HOST stands for the gateway; set dav.url in the configuration to have it written here.");
    }
    Ok(())
}

/// Signs in once, with a state of its own: a gateway that is running is not disturbed.
async fn check(config: &Config, credentials: &Credentials, calendar: &str) -> Result<(), Failure> {
    let home = tempfile::tempdir().map_err(|error| Failure::new(format!("no temporary directory: {error}")))?;
    let directory: Directory = gateway::backend_of(config, home.path(), &Safe::at(home.path()), None)?;
    let told = |error: mailbox::Error| Failure::new(error.to_string());
    let account = directory.sign_in(credentials).await.map_err(told)?;
    let collections = account.collections().await.map_err(told)?;
    if find(&collections, calendar).is_some() {
        return Ok(());
    }
    let calendars = collections.iter().filter(|collection| collection.kind == CollectionKind::Calendar);
    let names: Vec<&str> = calendars.map(|collection| collection.display_name.as_str()).collect();
    Err(Failure::mistake(format!("{} has no calendar {calendar:?}; there are: {}", credentials.user, names.join(", "))))
}

fn list(config: &Config, user: Option<&str>) -> Result<(), Failure> {
    let all = open(&config.safe())?.list(user).map_err(|error| Failure::new(error.to_string()))?;
    let days = |days: Option<u32>| days.map_or("all".to_owned(), |days| days.to_string());
    say("NUMBER  USER  CALENDAR  DETAIL  DAYS BACK  DAYS AHEAD  MADE  LAST READ")?;
    for feed in all {
        say(&format!(
            "{}  {}  {}  {}  {}  {}  {}  {}",
            feed.id,
            feed.user,
            feed.calendar,
            feed.detail.as_str(),
            days(feed.past_days),
            days(feed.future_days),
            feed.created,
            feed.used.map_or("never".to_owned(), |used| used.to_string())
        ))?;
    }
    Ok(())
}

fn revoke(config: &Config, number: FeedId) -> Result<(), Failure> {
    match open(&config.safe())?.revoke(number).map_err(|error| Failure::new(error.to_string()))? {
        true => say(&format!("feed {number} is revoked")),
        false => Err(Failure::mistake(format!("there is no feed {number}; `exgate feed list` shows those there are"))),
    }
}
