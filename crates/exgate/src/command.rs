//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// A gateway from standard mail clients to Exchange.
#[derive(Debug, Parser)]
#[command(name = "exgate", version, about, propagate_version = true)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Try it: a simulated Exchange with three users, and the gateway in front of it, on this machine only.
    Demo(Demo),
    /// Run the gateway.
    Serve {
        /// The configuration file; `exgate config example` prints one.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Help with the configuration file.
    #[command(subcommand)]
    Config(Config),
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Where mail clients connect.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1143")]
    pub(crate) imap: SocketAddr,
    /// Keep the gateway's state here; otherwise it goes when the demo ends.
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    /// Also offer the simulator's control interface: delivering mail, statistics, faults.
    #[arg(long, value_name = "ADDR")]
    pub(crate) control: Option<SocketAddr>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Print a configuration file with every key explained.
    Example,
    /// Say whether a configuration file is right.
    Check {
        /// The file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}
