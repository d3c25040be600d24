//! `exgate admin`: who may use the admin pages and their interface.

use accounts::{Administrator as Known, Change, DevicePassword, Role, Store};
use jiff::Timestamp;

use crate::account::{actor, told};
use crate::command::Admin;
use crate::config::Config;
use crate::gateway::say;
use crate::{Failure, store};

/// Does what the command line says.
pub(crate) async fn run(command: Admin) -> Result<(), Failure> {
    match command {
        Admin::Add { config, name, role } => add(&Config::read(&config)?, name, role).await,
        Admin::List { config } => list(&Config::read(&config)?).await,
        Admin::Remove { config, name } => remove(&Config::read(&config)?, name).await,
    }
}

async fn add(config: &Config, name: String, role: Role) -> Result<(), Failure> {
    if !Known::can_be_called(&name) {
        return Err(Failure::mistake(format!(
            "`{name}` is no name here; write small letters, digits, dots, dashes, underlines or @, 64 at most"
        )));
    }
    let no_numbers = || Failure::new("the system gives no random numbers");
    let password = DevicePassword::generate().ok_or_else(no_numbers)?;
    let new = Known {
        name: name.clone(),
        role,
        selector: password.selector().to_owned(),
        password: password.hashed().ok_or_else(no_numbers)?,
        created: Timestamp::now(),
    };
    let register = store::register(config).await?;
    register.commit(&actor(), Timestamp::now(), vec![Change::AddAdministrator(new)]).await.map_err(told)?;
    say(password.expose())?;
    eprintln!(
        "{name} may use the pages at listen.admin as {role}, with the password above, which is not shown again; programs send \
         it as `Authorization: Bearer`. `exgate admin remove {name}` ends it."
    );
    Ok(())
}

async fn list(config: &Config) -> Result<(), Failure> {
    say("NAME  ROLE  BEGINS  SINCE")?;
    let all = store::register(config).await?.administrators().await.map_err(told)?;
    all.iter().try_for_each(|one| say(&format!("{}  {}  {}…  {}", one.name, one.role, one.selector, one.created)))
}

async fn remove(config: &Config, name: String) -> Result<(), Failure> {
    let register = store::register(config).await?;
    let change = Change::RemoveAdministrator { name: name.clone() };
    register.commit(&actor(), Timestamp::now(), vec![change]).await.map_err(told)?;
    say(&format!("{name} may do nothing here any more"))
}
