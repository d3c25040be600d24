//! The gateway program: read the configuration, build the parts, listen, wait, drain.

#![recursion_limit = "256"]

mod account;
mod administrator;
mod alerts;
mod audit;
mod backup;
mod bar;
mod check;
mod command;
mod config;
mod demo;
mod desk;
mod device;
mod enroll;
mod feed;
mod gate;
mod gateway;
mod generate;
mod grants;
mod hook;
mod house;
mod issue;
mod key;
mod listeners;
mod log;
mod login;
mod news;
mod observe;
mod password;
mod problems;
mod setup;
mod spool;
mod status;
mod store;
mod sync;
mod trial;

use std::process::ExitCode;

use clap::Parser;

use crate::command::{Command, CommandLine};
use crate::config::Config;
use crate::listeners::HandedOver;
use crate::observe::Observed;

/// Hours of little to do follow a busy one: what the system's allocator would keep for itself then, for each thread,
/// this one gives back.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let outcome = match CommandLine::parse().command {
        Command::Config(command::Config::Example) => {
            print!("{}", config::EXAMPLE);
            Ok(())
        }
        Command::Config(command::Config::Check { config }) => Config::read(&config)
            .map_err(Failure::from)
            .and_then(|found| gateway::check(&found))
            .map(|()| println!("{} is fine", config.display())),
        Command::Serve { config, trace_ews } => {
            let config = Config::read(&config).map_err(Failure::from);
            config.and_then(|config| config.traced(trace_ews.as_deref())).and_then(|config| {
                let observed = Observed::default();
                log::start_observed(&config.log, &observed);
                let handed = HandedOver::take()?;
                run(gateway::serve(config, observed, handed))
            })
        }
        Command::Setup(options) => {
            log::start(&log::errors_only(false));
            run(enroll::run(options))
        }
        Command::Dns { domain, config } => setup::dns(&config, &domain),
        Command::Generate(what) => generate::run(&what),
        Command::Status { config } => run(status::run(&config)),
        Command::Check(options) => run(check::run(options)),
        Command::Login(options) => run(login::login(options)),
        Command::Logout(options) => login::logout(&options),
        Command::Feed(command) => {
            log::start(&log::errors_only(false));
            run(feed::run(command))
        }
        Command::Account(command) => {
            log::start(&log::errors_only(false));
            run(account::run(command))
        }
        Command::Device(command) => {
            log::start(&log::errors_only(false));
            run(device::run(command))
        }
        Command::Admin(command) => {
            log::start(&log::errors_only(false));
            run(administrator::run(command))
        }
        Command::Audit(command) => {
            log::start(&log::errors_only(false));
            run(audit::run(command))
        }
        Command::Backup { config, directory } => {
            log::start(&log::errors_only(false));
            Config::read(&config).map_err(Failure::from).and_then(|config| backup::back_up(&config, &directory))
        }
        Command::Restore { config, directory, force } => {
            log::start(&log::errors_only(false));
            Config::read(&config).map_err(Failure::from).and_then(|config| backup::restore(&config, &directory, force))
        }
        Command::Sync(command) => run(sync::run(&command)),
        Command::Problems(command) => {
            log::start(&log::errors_only(false));
            run(problems::run(&command))
        }
        Command::Key(command::Key::Rotate { config }) => {
            Config::read(&config).map_err(Failure::from).and_then(|c| key::rotate(&c))
        }
        Command::Store(command::Store::Migrate { config }) => {
            log::start(&log::errors_only(false));
            run(async { store::migrate(&Config::read(&config)?).await })
        }
        Command::Spool(command) => {
            log::start(&log::errors_only(false));
            spool::run(&command)
        }
        Command::Demo(options) => {
            log::start(&config::Log { level: config::LogLevel::Warn, ..config::Log::default() });
            run(demo::run(options))
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("exgate: {}", failure.sentence);
            ExitCode::from(failure.code)
        }
    }
}

/// Why the program ends: a sentence for the operator, and the exit code.
#[derive(Debug)]
struct Failure {
    sentence: String,
    code: u8,
}

impl Failure {
    /// Something on this machine is not as it must be.
    fn new(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), code: 1 }
    }

    /// Something in the configuration or on the command line is not as it must be.
    fn mistake(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), code: 2 }
    }
}

impl From<config::Mistake> for Failure {
    fn from(mistake: config::Mistake) -> Self {
        Self::mistake(mistake.to_string())
    }
}

fn run(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK)
        .build()
        .map_err(|error| Failure::new(format!("cannot start threads: {error}")))?
        .block_on(work)
}

/// What a thread may have on its stack. In a build that is not optimised a command of IMAP takes more than the usual two
/// mebibytes; what is not used takes no memory.
const STACK: usize = 8 << 20;
