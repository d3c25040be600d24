//! `exgate device`: passwords of single devices.

use accounts::{Change, Device as Known, DeviceId, DevicePassword, Store};
use admin::Wanted;
use exchange::{Account, Directory, Person};
use jiff::Timestamp;
use mailbox::{Credentials, Scopes, Secret, SignIn};

use crate::account::{actor, told};
use crate::command::{self, Device};
use crate::config::Config;
use crate::gateway::{self, say};
use crate::issue::{self, Shown};
use crate::{Failure, password, store};

/// Does what the command line says.
pub(crate) async fn run(command: Device) -> Result<(), Failure> {
    match command {
        Device::Add(options) => add(options).await,
        Device::List { config, address } => list(&Config::read(&config)?, address.as_deref()).await,
        Device::Revoke { config, numbers } => revoke(&Config::read(&config)?, numbers).await,
    }
}

/// A device as it is listed.
pub(crate) fn line(device: &Known) -> String {
    let now = Timestamp::now();
    let state = match (device.revoked, device.expires) {
        (Some(revoked), _) => format!("revoked {revoked}"),
        (None, Some(expires)) if expires <= now => format!("expired {expires}"),
        (None, Some(expires)) => format!("until {expires}"),
        (None, None) => "good".to_owned(),
    };
    let rights = if device.read_only { "read" } else { "all" };
    let networks: Vec<String> = device.networks.iter().map(ToString::to_string).collect();
    let networks = if networks.is_empty() { "anywhere".to_owned() } else { networks.join(",") };
    let used = match device.used {
        Some((used, Some(from))) => format!("{used} from {from}"),
        Some((used, None)) => used.to_string(),
        None => "never".to_owned(),
    };
    let scopes = device.scopes.to_string().replace(' ', ",");
    format!(
        "{}  {}  {}  {}…  {scopes}  {rights}  {networks}  {state}  {used}",
        device.id, device.address, device.name, device.selector
    )
}

/// Over the lines of [`line()`].
pub(crate) const HEAD: &str = "NUMBER  ADDRESS  NAME  BEGINS  FOR  MAY  FROM  STATE  LAST USED";

async fn add(options: command::NewDevice) -> Result<(), Failure> {
    let config = Config::read(&options.config)?;
    let register = store::register(&config).await?;
    let shown = prove(&config, &options.address).await?;
    let address = shown.address.clone();
    eprintln!("Exchange let {address} in.");
    let wanted = Wanted {
        name: options.name.clone(),
        scopes: if options.scope.is_empty() { Scopes::ALL } else { Scopes::of(&options.scope) },
        read_only: options.read_only,
        networks: options.network,
        expires: options.expires,
    };
    let (number, password) = issue::issue(&register, &actor(), shown, wanted).await.map_err(told)?;
    say(password.expose())?;
    eprintln!(
        "This is device {number}, {}: sign in as {address} with the password above, which is not shown again. \
         `exgate device revoke {number}` ends it.",
        options.name
    );
    Ok(())
}

/// Has somebody sign in once, with a state of its own: a gateway that is running is not disturbed.
pub(crate) async fn prove(config: &Config, user: &str) -> Result<Shown, Failure> {
    let home = tempfile::tempdir().map_err(|error| Failure::new(format!("no temporary directory: {error}")))?;
    let directory = gateway::backend_of(config, home.path(), &config.safe(), None)?;
    let person = directory.person(user).ok_or_else(|| {
        Failure::mistake(format!("no Exchange server is set up for {user}; write the mail address to sign in with"))
    })?;
    let (account, typed) = enter(&directory, &person, user).await?;
    Ok(Shown::new(&directory, &person, &account, typed))
}

/// By their password, or by the sign-in that `exgate login` has made.
async fn enter(
    directory: &Directory,
    person: &Person,
    user: &str,
) -> Result<(Account, Option<Secret<String>>), Failure> {
    let failed = |error: mailbox::Error| Failure::new(format!("{user}: {error}"));
    if !directory.takes_passwords(person) {
        if !directory.opens_alone(person) {
            return Err(Failure::mistake(format!(
                "sign {user} in at the identity provider first, with `exgate login`"
            )));
        }
        return Ok((directory.sign_in_known(user, None).await.map_err(failed)?, None));
    }
    let password = Secret::new(password::ask(user)?);
    if DevicePassword::read(password.expose()).is_some() {
        return Err(Failure::mistake("this is a device password; the one of Exchange is needed here"));
    }
    eprintln!("Trying it at Exchange…");
    let credentials = Credentials { user: user.to_owned(), password };
    let account = directory.sign_in(&credentials).await.map_err(failed)?;
    Ok((account, Some(credentials.password)))
}

async fn list(config: &Config, address: Option<&str>) -> Result<(), Failure> {
    let devices = store::register(config).await?.devices(address).await.map_err(told)?;
    say(HEAD)?;
    devices.iter().try_for_each(|device| say(&line(device)))
}

async fn revoke(config: &Config, numbers: Vec<i64>) -> Result<(), Failure> {
    let register = store::register(config).await?;
    let changes = numbers.iter().map(|number| Change::Revoke(DeviceId(*number))).collect();
    register.commit(&actor(), Timestamp::now(), changes).await.map_err(told)?;
    numbers.iter().try_for_each(|number| say(&format!("device {number} is revoked")))
}
