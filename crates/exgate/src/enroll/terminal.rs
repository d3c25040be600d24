//! `exgate setup`: somebody shows once that a mailbox is theirs, and gets a device password and all that a program needs.

use std::path::Path;

use admin::Wanted;
use mailbox::Scopes;

use crate::account::{actor, told};
use crate::command::Setup;
use crate::config::Config;
use crate::gateway::say;
use crate::setup::{self, Client, Place, Signing, Step, code};
use crate::{Failure, device, issue, store};

/// Does what the command line says.
pub(crate) async fn run(options: Setup) -> Result<(), Failure> {
    let config = Config::read(&options.config)?;
    let place = setup::place(&config).ok_or_else(setup::no_place)?;
    let signing = Signing::load(&config)?;
    let register = store::register(&config).await?;
    let owner = device::prove(&config, &options.address).await?;
    let address = owner.address.clone();
    eprintln!("Exchange let {address} in.");
    let name = options.name.clone();
    let wanted = Wanted { name, scopes: Scopes::ALL, read_only: false, networks: Vec::new(), expires: None };
    let (number, password) = issue::issue(&register, &actor(), owner, wanted).await.map_err(told)?;
    say(&format!("user name: {address}"))?;
    say(&format!("password: {}", password.expose()))?;
    place.settings().iter().try_for_each(|(name, value)| say(&format!("{name}: {value}")))?;
    if let Some(file) = &options.profile {
        write_profile(&place, &address, signing.as_ref(), file)?;
    }
    if options.qr {
        for (title, text) in code::all(&place, &address, Some(password.expose())) {
            say(&format!("\n{title}"))?;
            code::lines(&text).iter().try_for_each(|line| say(line))?;
        }
    }
    options.client.iter().try_for_each(|client| show(*client, &place, &address))?;
    eprintln!(
        "This is device {0}, {1}; its password is not shown again. `exgate device revoke {0}` ends it.",
        number, options.name
    );
    Ok(())
}

/// It holds no password: whoever installs it is asked.
fn write_profile(place: &Place, address: &str, signing: Option<&Signing>, file: &Path) -> Result<(), Failure> {
    let unwritten =
        |why: &dyn std::fmt::Display| Failure::new(format!("the profile {} cannot be written: {why}", file.display()));
    let profile = setup::profile(place, Some(address), signing).map_err(|why| unwritten(&why))?;
    std::fs::write(file, profile).map_err(|error| unwritten(&error))?;
    say(&format!("profile: {}", file.display()))
}

fn show(client: Client, place: &Place, address: &str) -> Result<(), Failure> {
    say(&format!("\n{}", client.title()))?;
    client.steps(place, address).iter().try_for_each(|step| match step {
        Step::Do(text) => say(&format!("- {text}")),
        Step::Open(text, url) => say(&format!("- {text}: {url}")),
        Step::Write(file, text) => say(&format!("- in {file}:\n{text}")),
    })
}
