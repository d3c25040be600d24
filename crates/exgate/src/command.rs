//! The command line.

mod accounts;

use std::net::SocketAddr;
use std::path::PathBuf;

pub(crate) use self::accounts::{Account, Admin, Audit, Device, NewDevice, Settings as AccountSettings, Switch, Test};

use clap::{Args, Parser, Subcommand};

use crate::setup::Client;

/// A gateway from standard mail, calendar and address-book clients to Exchange.
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
        /// Write dialogs with Exchange down in this directory, without secrets and without what anybody wrote.
        #[arg(long, value_name = "DIR")]
        trace_ews: Option<PathBuf>,
    },
    /// How the gateway does that runs with this configuration; asked at listen.admin.
    Status {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Look at everything between here and Exchange, step by step: what fails, why, and what to do. Asks for the password
    /// (or reads a line of standard input). The exit code is 0 if all is well, 1 if something failed, 2 if the
    /// configuration is wrong.
    Check(Check),
    /// Get a device password for a mailbox, and all that mail, calendar and address-book programs need. Asks for the Exchange
    /// password (or reads a line of standard input).
    Setup(Setup),
    /// Sign somebody in at the identity provider, where auth is "oauth".
    Login(Login),
    /// Forget a sign-in.
    Logout(Login),
    /// Calendars to be subscribed to by a secret address.
    #[command(subcommand)]
    Feed(Feed),
    /// Messages that wait to be sent.
    #[command(subcommand)]
    Spool(Spool),
    /// Who may use the gateway.
    #[command(subcommand)]
    Account(Account),
    /// Passwords of single devices.
    #[command(subcommand)]
    Device(Device),
    /// Who may use the pages at listen.admin, and the interface behind them.
    #[command(subcommand)]
    Admin(Admin),
    /// What was done to accounts and devices, by whom, and when.
    #[command(subcommand)]
    Audit(Audit),
    /// Copy what must survive into a new directory, while the gateway runs: accounts, the ID map, messages that wait to be sent,
    /// and the key of what is sealed. Not the cached bodies; and not a database (see store.url), which has backups of its own.
    Backup {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Where to. It is made, and must not be there.
        directory: PathBuf,
    },
    /// Bring back what `exgate backup` copied, while no gateway runs with this configuration.
    Restore {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Where from.
        directory: PathBuf,
        /// Also where there is state already, which is moved aside.
        #[arg(long)]
        force: bool,
    },
    /// Have the running gateway look at a whole mailbox now.
    #[command(subcommand)]
    Sync(Sync),
    /// Messages that Exchange has and cannot give: where they are, since when, and what Exchange says. Their clients are shown a message
    /// with what else is known of them. `exgate sync full` asks for them again at once.
    Problems(Problems),
    /// The key under which the passwords of feeds and the sign-ins at identity providers are kept.
    #[command(subcommand)]
    Key(Key),
    /// Where accounts and ID maps are kept.
    #[command(subcommand)]
    Store(Store),
    /// Print the records by which clients find the gateway from an address alone, for a zone file.
    Dns {
        /// The domain of the addresses.
        domain: String,
        /// The configuration file; clients.host there names the gateway.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Write what a package brings along.
    #[command(subcommand, hide = true)]
    Generate(Generate),
    /// Help with the configuration file.
    #[command(subcommand)]
    Config(Config),
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Whose mailbox: the name to sign in with. Without it, only the servers are looked at.
    pub(crate) address: Option<String>,
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Tell it as JSON, for machines.
    #[arg(long)]
    pub(crate) json: bool,
    /// Also send a message from the mailbox to itself.
    #[arg(long)]
    pub(crate) send: bool,
    /// Also ask Autodiscover, where url is set.
    #[arg(long)]
    pub(crate) autodiscover: bool,
    /// Write every dialog with Exchange into this directory, without passwords, tokens and mail.
    #[arg(long, value_name = "DIR")]
    pub(crate) trace_ews: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Setup {
    /// Whose mailbox: the name to sign in with.
    pub(crate) address: String,
    /// The configuration file; clients.host there names the gateway.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// What the device is called.
    #[arg(long, value_name = "NAME", default_value = "First device")]
    pub(crate) name: String,
    /// Also write a profile for macOS and iOS there.
    #[arg(long, value_name = "FILE")]
    pub(crate) profile: Option<PathBuf>,
    /// Also show QR codes. Whoever reads them can use the mailbox.
    #[arg(long)]
    pub(crate) qr: bool,
    /// Also say what to do in this program. May be given several times.
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) client: Vec<Client>,
}

#[derive(Debug, Args)]
pub(crate) struct Login {
    /// Who: the name to sign in with.
    pub(crate) address: String,
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Where mail clients connect.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1143")]
    pub(crate) imap: SocketAddr,
    /// Where mail clients send.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1587")]
    pub(crate) submission: SocketAddr,
    /// Where mail clients that speak POP3 connect.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1110")]
    pub(crate) pop3: SocketAddr,
    /// Where address books look people up.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1389")]
    pub(crate) ldap: SocketAddr,
    /// Where calendar and address-book clients connect.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1080")]
    pub(crate) http: SocketAddr,
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

#[derive(Debug, Subcommand)]
pub(crate) enum Generate {
    /// Manual pages: one for each command.
    Man {
        /// Where to.
        directory: PathBuf,
    },
    /// Completions for bash, zsh and fish.
    Completions {
        /// Where to.
        directory: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Sync {
    /// Ask Exchange what has changed in all folders that were ever opened.
    Quick(Whose),
    /// Have Exchange list these folders anew, and put right what the gateway knows of them otherwise. Messages keep their UIDs, events
    /// and cards their names; clients go on meanwhile.
    Full(Whose),
}

#[derive(Debug, Args)]
pub(crate) struct Problems {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Tell it as JSON, for machines.
    #[arg(long)]
    pub(crate) json: bool,
    /// Whose mailbox, and what is opened from there; all by default.
    pub(crate) address: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Whose {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Whose mailbox.
    pub(crate) address: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make a new key, seal everything under it, and take the old one away, also while the gateway runs. Of several gateways each
    /// has its own. Cut off at any point it has lost nothing, and can be said again.
    Rotate {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Store {
    /// Copy accounts and ID maps from the files below `state` into the database of `store.url`, while no gateway runs: UIDs and
    /// device passwords stay. What is there already is left alone, so that it can be said again after a failure. The files
    /// stay as they are.
    Migrate {
        /// The configuration file, which says already where to.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Spool {
    /// List them: whose they are, to whom, since when, and what stands in their way.
    List {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Try one again at once, or all of them.
    Retry {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Its id, as `exgate spool list` shows it, or the beginning of it.
        id: Option<String>,
    },
    /// Take one back that is not sent: nobody gets it, and nobody is told.
    Drop {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Its id, as `exgate spool list` shows it, or the beginning of it.
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Feed {
    /// Make a feed and print its address, which is not to be had again. Asks for the Exchange password (or reads a line
    /// of standard input), and keeps it sealed until the feed is revoked.
    Create(NewFeed),
    /// List the feeds.
    List {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Only those of this user.
        #[arg(long, value_name = "USER")]
        user: Option<String>,
    },
    /// Revoke a feed: its address is dead at once.
    Revoke {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Its number, as `exgate feed list` shows it.
        number: i64,
    },
}

#[derive(Debug, Args)]
pub(crate) struct NewFeed {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Whose calendar: the name to sign in with.
    pub(crate) user: String,
    /// The calendar's name; the user's own one by default.
    #[arg(default_value = "calendar")]
    pub(crate) calendar: String,
    /// How much of each event the feed shows.
    #[arg(long, value_enum, default_value_t = Detail::Full)]
    pub(crate) detail: Detail,
    /// How many days back; all by default.
    #[arg(long, value_name = "DAYS")]
    pub(crate) past: Option<u32>,
    /// How many days ahead; all by default.
    #[arg(long, value_name = "DAYS")]
    pub(crate) future: Option<u32>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Detail {
    /// Everything.
    Full,
    /// Titles, places and times.
    Titles,
    /// Busy times only.
    Busy,
}
