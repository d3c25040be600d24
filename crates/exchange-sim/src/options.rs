//! The command line.

mod proxies;
mod services;
mod submission;

use std::{net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use clap::{Parser, ValueEnum};
use exchange_sim::{
    MimeMode, Version,
    http::{
        ExtendedProtection, FullAccess, Impersonator, MAX_REQUEST, OverLength, Policy, PublicFolders, Scheme, Settings,
        SignIn, Tls, TlsRules, TlsVersion, Token, User, WayIn, title,
    },
    preset::{Preset, demo},
};

use proxies::Proxies;
use services::ServiceArguments;
use submission::SubmissionArguments;

/// A simulated Exchange server: Exchange Web Services over HTTP, with made-up mailboxes.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    /// Address for EWS over HTTP; port 0 takes a free one, and the real one is printed
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Address for EWS over HTTPS
    #[arg(long, value_name = "ADDR", requires_all = ["tls_cert", "tls_key"])]
    tls_listen: Option<SocketAddr>,
    /// PEM file of the certificate chain
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// PEM file of the private key
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Write a private authority and certificates, right and wrong ones, into a directory, and end
    #[arg(long, value_name = "DIR")]
    pub(crate) cert_preset: Option<PathBuf>,
    /// A further name in those certificates, beside localhost and 127.0.0.1
    #[arg(long = "cert-name", value_name = "NAME", requires = "cert_preset")]
    pub(crate) cert_names: Vec<String>,
    /// The oldest version of TLS spoken: 1.2 or 1.3
    #[arg(long, value_name = "VERSION", default_value = "1.2")]
    tls_min: TlsVersion,
    /// The newest version of TLS spoken
    #[arg(long, value_name = "VERSION", default_value = "1.3")]
    tls_max: TlsVersion,
    /// PEM file of the authorities that issue the certificates which clients must show
    #[arg(long, value_name = "FILE", requires = "tls_listen")]
    tls_client_ca: Option<PathBuf>,
    /// Address of one more front end to the same mailboxes; with https:// before it, it uses --tls-cert
    #[arg(long = "front-end", value_name = "ADDR", value_parser = way_in)]
    front_ends: Vec<WayIn>,
    #[command(flatten)]
    proxies: Proxies,
    /// Address of the control interface
    #[arg(long, value_name = "ADDR")]
    control: Option<SocketAddr>,
    /// Someone with a mailbox; without any, alice, bob and carol @demo.test with passwords like demo-alice
    #[arg(long = "user", value_name = "NAME@DOMAIN:PASSWORD", value_parser = user)]
    users: Vec<User>,
    /// Someone who may sign in and has no mailbox, such as a service account
    #[arg(long = "account", value_name = "NAME@DOMAIN:PASSWORD", value_parser = user)]
    accounts: Vec<User>,
    /// A mailbox nobody signs in for
    #[arg(long = "shared-mailbox", value_name = "NAME@DOMAIN")]
    shared: Vec<String>,
    /// An account that may act as others: everybody, those of a domain, the members of a list, or one address
    #[arg(long = "impersonator", value_name = "USER[:SCOPE]", value_parser = impersonator)]
    impersonators: Vec<Impersonator>,
    /// Answer 503, late, to requests that act as others and bring no X-AnchorMailbox
    #[arg(long)]
    require_anchor: bool,
    /// Know a subscription only on the server it was made on: clients must keep the affinity cookie
    #[arg(long)]
    affinity: bool,
    /// Throttling as that version does it: off, 2010, 2013 or 2016
    #[arg(long, value_name = "VERSION", default_value = "off")]
    throttle: Policy,
    /// Someone whose mailbox is on a server of an older version, such as anna@a.test=2010_SP2
    #[arg(long = "mailbox-version", value_name = "USER=VERSION", value_parser = mailbox_version)]
    pub(crate) mailbox_versions: Vec<(String, Version)>,
    /// Whether searches may use query strings: off refuses them, as without an index
    #[arg(long, value_enum, default_value = "on")]
    aqs: Switch,
    /// Switch EWS off: 403 or 404 to whoever signs in
    #[arg(long, value_name = "STATUS", value_parser = ["403", "404"])]
    ews_off: Option<String>,
    /// Someone whose mailbox has an archive
    #[arg(long = "archive", value_name = "USER")]
    archives: Vec<String>,
    /// Have a few public folders, owned by the first user
    #[arg(long)]
    public_folders: bool,
    /// Refuse requests for public folders that are not sent to the right mailbox, as of 2013
    #[arg(long, requires = "public_folders")]
    public_folder_routing: bool,
    /// Someone who may open another mailbox as if it were his own
    #[arg(long = "full-access", value_name = "USER:MAILBOX", value_parser = full_access)]
    full_access: Vec<FullAccess>,
    /// An access token that signs in as that user; with any, Bearer is offered beside Basic
    #[arg(long = "token", value_name = "NAME@DOMAIN:TOKEN", value_parser = token)]
    tokens: Vec<Token>,
    /// What a 401 offers: any of basic, ntlm, negotiate, bearer
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "basic")]
    auth: Vec<Scheme>,
    /// Offer Basic over plain HTTP even where there is HTTPS
    #[arg(long)]
    basic_over_http: bool,
    /// What is asked of the channel bindings of NTLM: off, allow (none or the right one) or require
    #[arg(long, value_name = "HOW", default_value = "off")]
    extended_protection: ExtendedProtection,
    /// PEM file of the certificate these are about, where something else ends TLS before this server
    #[arg(long, value_name = "FILE")]
    bound_to: Option<PathBuf>,
    /// Take NTLM without a message integrity code, as of clients that know none
    #[arg(long)]
    mic_optional: bool,
    /// Let an NTLM or Negotiate handshake count for one request only, and not for its connection
    #[arg(long)]
    single_request_auth: bool,
    /// NetBIOS name of the domain, as in CORP\anna; without, any name is taken
    #[arg(long, value_name = "NAME")]
    netbios: Option<String>,
    /// Lock an account after so many wrong passwords
    #[arg(long, value_name = "N")]
    lockout: Option<u32>,
    /// What is in the mailboxes: demo, empty, large:N for N small messages in the first inbox, or calendar:N for N events
    #[arg(long, default_value = "demo")]
    pub(crate) preset: Preset,
    /// A Maildir, an mbox, or a directory of .eml files for the first user's inbox
    #[arg(long, value_name = "PATH")]
    pub(crate) mail: Option<PathBuf>,
    /// Exchange version: 2007_SP1, 2010, 2010_SP1, 2010_SP2, 2013, 2013_SP1, 2016, 2019, se or workmail
    #[arg(long, default_value = "se")]
    pub(crate) version: Version,
    /// How message sources are given out
    #[arg(long, value_enum, default_value = "render")]
    pub(crate) mime: Mime,
    /// Waited before each answer, for instance 20ms
    #[arg(long, default_value = "0ms", value_parser = duration)]
    latency: Duration,
    /// Directory for the bodies of requests and answers
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// Megabytes a mailbox may hold
    #[arg(long, value_name = "MB", default_value_t = 2048)]
    pub(crate) quota: u64,
    /// Longest request in bytes
    #[arg(long, value_name = "BYTES", default_value_t = MAX_REQUEST)]
    max_request: usize,
    /// What a longer one is answered with: 413, 400 (ASP.NET) or 404 (request filtering)
    #[arg(long, value_name = "STATUS", default_value = "413", value_parser = over_length)]
    over_length: OverLength,
    #[command(flatten)]
    submission: SubmissionArguments,
    #[command(flatten)]
    services: ServiceArguments,
}

impl Arguments {
    /// What the HTTP side needs of them.
    pub(crate) fn settings(&self) -> Result<Settings, String> {
        let users = if self.users.is_empty() { demo::users() } else { self.users.clone() };
        let tls = match (self.tls_listen, &self.tls_cert, &self.tls_key) {
            (Some(listen), Some(certificate), Some(key)) => {
                Some(Tls { listen, certificate: certificate.clone(), key: key.clone() })
            }
            (None, ..) => None,
            _ => return Err("--tls-listen needs --tls-cert and --tls-key".to_owned()),
        };
        Ok(Settings {
            listen: self.listen,
            tls,
            tls_rules: TlsRules { min: self.tls_min, max: self.tls_max, client_ca: self.tls_client_ca.clone() },
            front_ends: self.front_ends.clone(),
            proxies: self.proxies.0.clone(),
            control: self.control,
            users,
            accounts: self.accounts.clone(),
            shared: self.shared.clone(),
            impersonators: self.impersonators.clone(),
            require_anchor: self.require_anchor,
            affinity: self.affinity,
            throttle: self.throttle,
            mailbox_versions: self.mailbox_versions.clone(),
            indexed: self.aqs == Switch::On,
            ews_off: self.ews_off.as_ref().and_then(|status| status.parse().ok()),
            archives: self.archives.clone(),
            public_folders: match (self.public_folders, self.public_folder_routing) {
                (false, _) => PublicFolders::None,
                (true, false) => PublicFolders::Anywhere,
                (true, true) => PublicFolders::Routed,
            },
            full_access: self.full_access.clone(),
            tokens: self.tokens.clone(),
            sign_in: SignIn {
                schemes: self.auth.clone(),
                basic_over_http: self.basic_over_http,
                extended_protection: self.extended_protection,
                bound_to: self.bound_to.clone(),
                require_mic: !self.mic_optional,
                single_request: self.single_request_auth,
                netbios: self.netbios.clone(),
                lockout: self.lockout,
            },
            latency: self.latency,
            record: self.record.clone(),
            max_request: self.max_request,
            over_length: self.over_length,
            submission: self.submission.limits(),
            aliases: self.submission.aliases.clone(),
            lists: self.submission.lists.clone(),
            send_as: self.submission.send_as.clone(),
            send_on_behalf: self.submission.send_on_behalf.clone(),
            services: self.services.services(self.tls_cert.clone().zip(self.tls_key.clone())),
        })
    }
}

/// How message sources are given out.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Mime {
    /// Written anew on each request, as Exchange does
    Render,
    /// The bytes that came in
    Verbatim,
}

impl From<Mime> for MimeMode {
    fn from(mime: Mime) -> Self {
        match mime {
            Mime::Render => Self::Render,
            Mime::Verbatim => Self::Verbatim,
        }
    }
}

/// `NAME@DOMAIN:PASSWORD`; the password may hold colons.
fn user(text: &str) -> Result<User, String> {
    let (address, password) = text.split_once(':').ok_or("the password is missing: NAME@DOMAIN:PASSWORD")?;
    match address.split_once('@') {
        Some((name, domain)) if !name.is_empty() && !domain.is_empty() => {
            Ok(User { address: address.to_owned(), name: title(name), password: password.to_owned() })
        }
        _ => Err("the address must look like NAME@DOMAIN".to_owned()),
    }
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Switch {
    /// It is there.
    On,
    /// It is not.
    Off,
}

/// A status.
fn over_length(status: &str) -> Result<OverLength, String> {
    match status {
        "413" => Ok(OverLength::PayloadTooLarge),
        "400" => Ok(OverLength::BadRequest),
        "404" => Ok(OverLength::NotFound),
        _ => Err(format!("no such answer: {status} (413, 400 or 404)")),
    }
}

/// `USER=VERSION`
fn mailbox_version(text: &str) -> Result<(String, Version), String> {
    let (user, version) = text.split_once('=').ok_or("the version of a mailbox looks like USER=VERSION")?;
    Ok((user.to_owned(), version.parse()?))
}

/// `USER` or `USER:SCOPE`
fn impersonator(text: &str) -> Result<Impersonator, String> {
    let (account, scope) = text.split_once(':').map_or((text, None), |(account, scope)| (account, Some(scope)));
    match account.is_empty() || scope == Some("") {
        true => Err("an impersonator looks like USER or USER:SCOPE".to_owned()),
        false => Ok(Impersonator { account: account.to_owned(), scope: scope.map(str::to_owned) }),
    }
}

/// `USER:MAILBOX`
fn full_access(text: &str) -> Result<FullAccess, String> {
    match text.split_once(':') {
        Some((user, mailbox)) if user.contains('@') && mailbox.contains('@') => {
            Ok(FullAccess { user: user.to_owned(), mailbox: mailbox.to_owned() })
        }
        _ => Err("full access looks like USER@DOMAIN:MAILBOX@DOMAIN".to_owned()),
    }
}

/// `ADDR`, `http://ADDR` or `https://ADDR`
fn way_in(text: &str) -> Result<WayIn, String> {
    let (tls, address) = match text.strip_prefix("https://") {
        Some(address) => (true, address),
        None => (false, text.strip_prefix("http://").unwrap_or(text)),
    };
    let listen = address.parse().map_err(|_| format!("no address: {text} (for instance 127.0.0.1:0)"))?;
    Ok(WayIn { listen, tls })
}

/// `NAME@DOMAIN:TOKEN`
fn token(text: &str) -> Result<Token, String> {
    match text.split_once(':') {
        Some((address, token)) if address.contains('@') && !token.is_empty() => {
            Ok(Token { address: address.to_owned(), token: token.to_owned() })
        }
        _ => Err("a token looks like NAME@DOMAIN:TOKEN".to_owned()),
    }
}

/// A number of `ms` (the default) or `s`.
fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|character: char| character.is_alphabetic()).unwrap_or(text.len()));
    let number = f64::from_str(number.trim()).map_err(|_| format!("no duration: {text} (for instance 20ms)"))?;
    let seconds = match unit {
        "" | "ms" => number / 1000.0,
        "s" => number,
        _ => return Err(format!("no unit of time: {unit} (ms or s)")),
    };
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use exchange_sim::proxy::{Auth, Kind};

    use super::*;

    #[test]
    fn the_command_line_is_read() {
        let line = "exchange-sim --listen 127.0.0.1:0 --control 127.0.0.1:0 --user anna.berg@a.test:a:b --preset large:7 \
                    --version 2010_SP1 --mime verbatim --latency 1.5s --token anna.berg@a.test:eyJ:x --quota 5 --front-end 127.0.0.1:0 --front-end https://127.0.0.1:1 --impersonator svc:b.test --full-access a@b.test:c@b.test";
        let arguments = Arguments::try_parse_from(line.split_whitespace()).unwrap();
        let settings = arguments.settings().unwrap();
        let [user] = &settings.users[..] else { panic!("one user") };
        assert_eq!((user.name.as_str(), user.password.as_str()), ("Anna Berg", "a:b"));
        assert_eq!((settings.tokens[0].token.as_str(), arguments.quota), ("eyJ:x", 5));
        assert_eq!(settings.front_ends.iter().map(|way_in| way_in.tls).collect::<Vec<_>>(), [false, true]);
        assert_eq!(settings.impersonators[0].scope.as_deref(), Some("b.test"));
        assert_eq!(settings.full_access[0].mailbox, "c@b.test");
        assert_eq!(settings.latency, Duration::from_millis(1500));
        assert_eq!(arguments.preset, Preset::Large(7));
        assert_eq!(arguments.version, Version::Exchange2010Sp1);
    }

    #[test]
    fn limits_of_submission_are_read() {
        let line = "exchange-sim --max-message 5 --message-rate 30 --waiting-in outbox --alias a@b.test=c@b.test \
                    --list all@b.test=a@b.test,x@y.example --send-as a@b.test:d@b.test --send-from-aliases";
        let settings = Arguments::try_parse_from(line.split_whitespace()).unwrap().settings().unwrap();
        let limits = &settings.submission;
        assert_eq!((limits.max_message, limits.message_rate, limits.recipients), (Some(5), Some(30), None));
        assert!(limits.send_from_aliases && limits.waiting_in == exchange_sim::Waiting::Outbox);
        assert_eq!(settings.aliases, [("a@b.test".to_owned(), "c@b.test".to_owned())]);
        assert_eq!(settings.lists[0].1, ["a@b.test", "x@y.example"]);
        assert_eq!(settings.send_as, [("a@b.test".to_owned(), "d@b.test".to_owned())]);
    }

    #[test]
    fn what_follows_a_proxy_is_for_that_one() {
        let line = "exchange-sim --proxy-user svc:a:b --proxy 127.0.0.1:1 --proxy-auth ntlm --proxy 127.0.0.1:2 --proxy-kind socks5 \
                    --proxy-bind 127.0.0.9 --proxy-map mail.corp.test:443=127.0.0.1:3";
        let settings = Arguments::try_parse_from(line.split_whitespace()).unwrap().settings().unwrap();
        let [first, second] = &settings.proxies[..] else { panic!("two proxies") };
        assert_eq!((first.kind, first.auth), (Kind::Connect, Auth::Ntlm));
        assert_eq!(first.users, [("svc".to_owned(), "a:b".to_owned())]);
        assert_eq!((second.kind, second.bind, second.users.len()), (Kind::Socks5, "127.0.0.9".parse().ok(), 0));
        assert_eq!((first.listen.port(), second.listen.port(), first.map == second.map), (1, 2, true));
        assert_eq!(first.map, [("mail.corp.test:443".to_owned(), SocketAddr::from(([127, 0, 0, 1], 3)))]);
    }

    #[test]
    fn mistakes_are_named() {
        for (line, sentence) in [
            ("--user anna", "password is missing"),
            ("--user anna:x", "must look like"),
            ("--token anna:x", "looks like NAME@DOMAIN:TOKEN"),
            ("--impersonator svc:", "looks like USER or USER:SCOPE"),
            ("--full-access a:b", "full access looks like"),
            ("--mailbox-version a@b.test", "looks like USER=VERSION"),
            ("--ews-off 500", "possible values: 403, 404"),
            ("--over-length 500", "no such answer"),
            ("--alias a@b.test", "looks like MAILBOX=ADDRESS"),
            ("--send-as a@b.test", "looks like USER:MAILBOX"),
            ("--list all@b.test", "looks like ADDRESS=MEMBER,MEMBER"),
            ("--waiting-in inbox", "no such folder to wait in"),
            ("--throttle much", "no such throttling policy"),
            ("--front-end mars", "no address: mars"),
            ("--latency soon", "no duration"),
            ("--latency 2h", "no unit of time"),
            ("--preset big", "no such preset"),
            ("--version 5.5", "no such Exchange version"),
            ("--tls-listen 127.0.0.1:0", "required arguments"),
            ("--auth digest", "no such scheme"),
            ("--extended-protection maybe", "no such protection"),
            ("--tls-min 1.0", "no such version of TLS"),
            ("--proxy-kind socks5", "required arguments"),
            ("--proxy 127.0.0.1:0 --proxy-kind socks4", "no such proxy"),
            ("--proxy 127.0.0.1:0 --proxy-map a=127.0.0.1:1", "the port is missing"),
        ] {
            let words = std::iter::once("exchange-sim").chain(line.split_whitespace());
            let error = Arguments::try_parse_from(words).unwrap_err().to_string();
            assert!(error.contains(sentence), "{line}: {error}");
        }
    }
}
