//! `exchange-sim`: a simulated Exchange server for tests and demonstrations.

mod options;

use std::{io::Write, process::ExitCode};

use clap::Parser;
use exchange_sim::{Exchange, Options, certificates, http, import};
use tokio::signal::unix::{SignalKind, signal};

use options::Arguments;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("exchange-sim: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), String> {
    if let Some(directory) = &arguments.cert_preset {
        return certificates::write(directory, &arguments.cert_names);
    }
    let exchange = Exchange::new(Options { version: arguments.version, mime: arguments.mime.into() });
    let settings = arguments.settings()?;
    exchange.set_quota(arguments.quota.saturating_mul(1 << 20));
    for user in &settings.users {
        exchange.add_mailbox(&user.address, &user.name);
    }
    for (address, version) in &settings.mailbox_versions {
        exchange.set_mailbox_version(address, *version)?;
    }
    arguments.preset.fill(&exchange, &settings.users)?;
    if let (Some(path), Some(user)) = (&arguments.mail, settings.users.first()) {
        let count = import::into_inbox(&exchange, &user.address, path)?;
        say(&format!("imported {count} messages from {}", path.display()))?;
    }
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| format!("signals: {error}"))?;
    let running = http::serve(exchange, settings).await?;
    say(&format!("ews http://{}{}", running.ews, http::PATH))?;
    if let Some(address) = running.ews_tls {
        say(&format!("ews https://{address}{}", http::PATH))?;
    }
    for (number, (address, tls)) in running.front_ends.iter().enumerate() {
        let scheme = if *tls { "https" } else { "http" };
        say(&format!("front-end-{} {scheme}://{address}{}", number + 1, http::PATH))?;
    }
    for (name, place) in &running.services {
        say(&format!("{name} {place}"))?;
    }
    for (number, url) in running.proxies.iter().enumerate() {
        say(&format!("proxy-{} {url}", number + 1))?;
    }
    if let Some(address) = running.control {
        say(&format!("control http://{address}"))?;
    }
    say("ready")?;
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// A line for whoever started the program; it may wait for it.
fn say(line: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|error| format!("standard output: {error}"))
}
