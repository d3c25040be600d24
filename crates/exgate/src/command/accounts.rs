//! `exgate account`, `exgate device`, `exgate admin`, `exgate audit`.

use std::path::PathBuf;

use accounts::{IpNet, Role};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use mailbox::Scope;

#[derive(Debug, Subcommand)]
pub(crate) enum Account {
    /// List the accounts.
    List {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Only those of which this is true: address, organisation, state or a label, and what it is, such as dept=sales; a *
        /// stands for any text. May be given several times.
        #[arg(long = "match", value_name = "FIELD=TEXT", value_parser = pair)]
        matching: Vec<(String, String)>,
    },
    /// Show an account with its devices and programs.
    Show {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Whose.
        address: String,
    },
    /// Let people in who wait for it or were blocked.
    Approve {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Whom.
        #[arg(required = true)]
        addresses: Vec<String>,
    },
    /// Release programs that are held in quarantine: they find their mail when they next sign in.
    Release {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// What the program calls itself, as `exgate account show` and `exgate audit` tell it; a * stands for any text.
        #[arg(long, value_name = "NAME", default_value = "*", value_parser = form)]
        program: String,
        /// Whose.
        #[arg(required = true)]
        addresses: Vec<String>,
    },
    /// Let people in no more; their sessions end within a second.
    Block {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Whom.
        #[arg(required = true)]
        addresses: Vec<String>,
    },
    /// Make and change accounts from a CSV file, all of them or none. Its first line names the columns: address, and as wanted
    /// organisation, state (open, pending, blocked) and on (what is switched on, such as "mail submit"); every other column is a
    /// label. Fields that are empty change nothing.
    Import {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The CSV file.
        #[arg(value_name = "CSV")]
        file: PathBuf,
        /// Only say what would be done.
        #[arg(long)]
        dry_run: bool,
    },
    /// Try mailboxes: does mail come in, does it go out, do calendars and address books open? The running gateway does, in the
    /// background, and goes on with it if this command or the gateway ends. Without any address, tells of the last trial. The exit
    /// code is 1 if something failed.
    Test(Test),
    /// Change accounts, all that are meant or none.
    Set(Settings),
    /// Forget somebody: the account, its devices and programs, their feeds and their sign-in at the identity provider.
    Remove {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Whom.
        address: String,
        /// Yes, remove it for good.
        #[arg(long)]
        purge: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Test {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Whose.
    pub(crate) addresses: Vec<String>,
    /// All whose accounts are not blocked.
    #[arg(long, conflicts_with = "addresses")]
    pub(crate) all: bool,
    /// Also send a message from each mailbox to itself, and delete it there.
    #[arg(long)]
    pub(crate) send: bool,
    /// Let those in who wait for it, where all that is tried works.
    #[arg(long)]
    pub(crate) approve: bool,
    /// Stop the trial that is under way.
    #[arg(long, conflicts_with_all = ["addresses", "all", "send", "approve"])]
    pub(crate) stop: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Whose.
    pub(crate) addresses: Vec<String>,
    /// All of whom this is true: address, organisation, state or a label, and what it is, such as dept=sales; a * stands for
    /// any text. May be given several times.
    #[arg(long = "match", value_name = "FIELD=TEXT", value_parser = pair)]
    pub(crate) matching: Vec<(String, String)>,
    /// Switches mail, submit, calendar, contacts or directory on.
    #[arg(long, value_name = "SCOPE", value_parser = scope, value_delimiter = ',')]
    pub(crate) on: Vec<Scope>,
    /// Switches them off.
    #[arg(long, value_name = "SCOPE", value_parser = scope, value_delimiter = ',')]
    pub(crate) off: Vec<Scope>,
    /// Writes a label on them; NAME= takes it off.
    #[arg(long, value_name = "NAME=TEXT", value_parser = pair)]
    pub(crate) label: Vec<(String, String)>,
    /// Lets them in, or not.
    #[arg(long, value_enum)]
    pub(crate) access: Option<Switch>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Switch {
    /// They are let in.
    Open,
    /// They are not.
    Blocked,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Device {
    /// Make a device password and print it, which is not to be had again. Asks for the Exchange password (or reads a line of
    /// standard input) and tries it.
    Add(NewDevice),
    /// List the devices.
    List {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Only those of this account.
        address: Option<String>,
    },
    /// Revoke device passwords; their sessions end within a second.
    Revoke {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Their numbers, as `exgate device list` shows them.
        #[arg(required = true)]
        numbers: Vec<i64>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct NewDevice {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Whose: the name to sign in with.
    pub(crate) address: String,
    /// What to call it.
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: String,
    /// What it is for: mail, submit, calendar, contacts, directory. All by default.
    #[arg(long, value_name = "SCOPE", value_parser = scope, value_delimiter = ',')]
    pub(crate) scope: Vec<Scope>,
    /// It may change and send nothing.
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Where it may come from, such as 192.0.2.0/24. Anywhere by default.
    #[arg(long, value_name = "NETWORK", value_parser = network, value_delimiter = ',')]
    pub(crate) network: Vec<IpNet>,
    /// Until when: a day such as 2027-01-31 (its end, UTC), a time such as 2027-01-31T12:00:00Z, or days from now such as
    /// 90d. For good by default.
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    pub(crate) expires: Option<Timestamp>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Admin {
    /// Make an administrator and print their password, which is not to be had again.
    Add {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// What to call them; the audit log does so, too.
        name: String,
        /// How far they may go: auditor (sees everything), operator (lets people in and keeps them out, ends sessions and devices,
        /// tries mailboxes), admin (everything).
        #[arg(long, value_parser = role)]
        role: Role,
    },
    /// List the administrators.
    List {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Let somebody be administrator no more; they are signed out at once.
    Remove {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Whom.
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Show the log.
    Show {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Only what was done to this account.
        #[arg(long, value_name = "ADDRESS")]
        account: Option<String>,
        /// Only what comes after the entry of this number.
        #[arg(long, value_name = "NUMBER", default_value_t = 0)]
        after: u64,
    },
    /// Say whether every entry is as it was written, and print the last one's number and hash. Who keeps these elsewhere sees
    /// later whether the log still holds that entry.
    Verify {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// A number and hash printed before, as NUMBER:HASH: fails if that entry is another one now.
        #[arg(long, value_name = "NUMBER:HASH", value_parser = head)]
        head: Option<(u64, String)>,
    },
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.trim().to_owned())),
        _ => Err("write NAME=TEXT, such as dept=sales".to_owned()),
    }
}

fn form(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("write the program's name, or * for any".to_owned()),
        text if text.contains(';') => Err("write a * in place of the semicolon".to_owned()),
        text => Ok(text.to_owned()),
    }
}

fn scope(text: &str) -> Result<Scope, String> {
    let all = Scope::ALL.map(Scope::as_str).join(", ");
    Scope::named(text.trim()).ok_or_else(|| format!("write one of {all}"))
}

fn role(text: &str) -> Result<Role, String> {
    Role::named(text.trim()).ok_or_else(|| "write auditor, operator or admin".to_owned())
}

/// A single address is a network of its own.
fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let network = text.parse().or_else(|_| text.parse().map(|address: std::net::IpAddr| address.into()));
    network.map_err(|_| "write an address or a network, such as 192.0.2.0/24 or 2001:db8::/32".to_owned())
}

fn moment(text: &str) -> Result<Timestamp, String> {
    let wrong =
        || "write a day such as 2027-01-31, a time such as 2027-01-31T12:00:00Z, or days such as 90d".to_owned();
    let moment = match text.strip_suffix('d').map(str::parse::<i64>) {
        Some(days) => {
            let span = jiff::SignedDuration::from_hours(days.map_err(|_| wrong())?.checked_mul(24).ok_or_else(wrong)?);
            Timestamp::now().checked_add(span).map_err(|_| wrong())?
        }
        None => text.parse().or_else(|_| format!("{text}T23:59:59Z").parse()).map_err(|_| wrong())?,
    };
    if moment <= Timestamp::now() { Err("that is over already".to_owned()) } else { Ok(moment) }
}

fn head(text: &str) -> Result<(u64, String), String> {
    let read = text.split_once(':').and_then(|(number, hash)| Some((number.parse().ok()?, hash.to_lowercase())));
    read.ok_or_else(|| "write NUMBER:HASH, as `exgate audit verify` prints it".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_read() {
        assert_eq!(pair("dept=sales").unwrap(), ("dept".to_owned(), "sales".to_owned()));
        assert_eq!(pair("dept=").unwrap(), ("dept".to_owned(), String::new()));
        assert!(pair("dept").is_err() && pair("=x").is_err());
        assert_eq!(network("192.0.2.7").unwrap().to_string(), "192.0.2.7/32");
        assert_eq!(network("2001:db8::/32").unwrap().to_string(), "2001:db8::/32");
        assert_eq!(form(" Mail* ").unwrap(), "Mail*");
        assert!(form(" ").is_err() && form("a;b").is_err());
        assert!(network("here").is_err() && scope("post").is_err());
        assert_eq!(moment("2999-01-31").unwrap().to_string(), "2999-01-31T23:59:59Z");
        assert_eq!(moment("2999-01-31T12:00:00Z").unwrap().to_string(), "2999-01-31T12:00:00Z");
        assert!(moment("90d").unwrap() > Timestamp::now());
        assert!(moment("2001-01-31").is_err() && moment("soon").is_err() && moment("-1d").is_err());
        assert!(moment("99999999999999d").is_err());
        assert_eq!(head("3:AB").unwrap(), (3, "ab".to_owned()));
        assert!(head("x").is_err());
    }
}
