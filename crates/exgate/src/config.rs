//! The configuration file: what may stand in it, what each key means, and one sentence for each mistake.

mod example;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub(crate) use example::EXAMPLE;

/// Everything `exgate serve` needs to know. `config example` explains each key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) state: PathBuf,
    #[serde(default)]
    pub(crate) log: Log,
    pub(crate) listen: Listen,
    pub(crate) tls: Option<Tls>,
    #[serde(default)]
    pub(crate) imap: Imap,
    #[serde(default)]
    pub(crate) dav: Dav,
    #[serde(default)]
    pub(crate) cache: Cache,
    pub(crate) exchange: BTreeMap<String, Exchange>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    pub(crate) level: LogLevel,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listen {
    #[serde(default)]
    pub(crate) imap: Addresses,
    #[serde(default)]
    pub(crate) imaps: Addresses,
    #[serde(default)]
    pub(crate) http: Addresses,
    #[serde(default)]
    pub(crate) https: Addresses,
    #[serde(default)]
    pub(crate) allow_plaintext: bool,
}

/// One address or a list of them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "OneOrMany")]
pub(crate) struct Addresses(pub(crate) Vec<String>);

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected an address such as \"127.0.0.1:1143\", or a list of addresses")]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl From<OneOrMany> for Addresses {
    fn from(value: OneOrMany) -> Self {
        match value {
            OneOrMany::One(address) => Self(vec![address]),
            OneOrMany::Many(addresses) => Self(addresses),
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Imap {
    pub(crate) size: SizePolicy,
    pub(crate) max_message_mib: u64,
}

impl Default for Imap {
    fn default() -> Self {
        Self { size: SizePolicy::default(), max_message_mib: 150 }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SizePolicy {
    #[default]
    Auto,
    Exact,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Dav {
    pub(crate) url: Option<String>,
    pub(crate) max_object_mib: u64,
    pub(crate) tokens: bool,
}

impl Default for Dav {
    fn default() -> Self {
        Self { url: None, max_object_mib: 20, tokens: false }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Cache {
    pub(crate) bodies_mib: u64,
}

impl Default for Cache {
    fn default() -> Self {
        Self { bodies_mib: 2048 }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exchange {
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) domains: Vec<String>,
    #[serde(default)]
    pub(crate) auth: Auth,
    pub(crate) ca_file: Option<PathBuf>,
    #[serde(default)]
    pub(crate) allow_http: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Auth {
    #[default]
    Basic,
}

/// A mistake in the configuration: one sentence that names the file, the key and what to do.
#[derive(Debug)]
pub(crate) struct Mistake {
    file: PathBuf,
    key: String,
    sentence: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" | "." => write!(f, "{}: {}", self.file.display(), self.sentence),
            key => write!(f, "{}: {key}: {}", self.file.display(), self.sentence),
        }
    }
}

impl Config {
    /// Reads and checks a file. Files it names must exist; nothing is opened for writing, nothing is contacted.
    pub(crate) fn read(file: &Path) -> Result<Self, Mistake> {
        let text = std::fs::read_to_string(file)
            .map_err(|error| Mistake::new(file, "", format!("cannot be read: {error}")))?;
        Self::parse(file, &text)
    }

    fn parse(file: &Path, text: &str) -> Result<Self, Mistake> {
        let deserializer = toml::Deserializer::parse(text)
            .map_err(|error| Mistake::new(file, "", at_line(text, error.span(), error.message())))?;
        let config: Self = serde_path_to_error::deserialize(deserializer).map_err(|error| {
            let key = error.path().to_string();
            let inner = error.inner();
            Mistake::new(file, key, at_line(text, inner.span(), inner.message()))
        })?;
        config.check(file)?;
        Ok(config)
    }

    fn check(&self, file: &Path) -> Result<(), Mistake> {
        let wrong = |key: &str, sentence: String| Err(Mistake::new(file, key, sentence));
        self.listen.check(file)?;
        match &self.tls {
            None => {
                for (key, addresses) in [("imaps", &self.listen.imaps), ("https", &self.listen.https)] {
                    if !addresses.0.is_empty() {
                        let sentence = format!("missing; listen.{key} needs tls.certificate and tls.key");
                        return wrong("tls", sentence);
                    }
                }
            }
            Some(tls) => {
                for (key, path) in [("tls.certificate", &tls.certificate), ("tls.key", &tls.key)] {
                    readable(file, key, path)?;
                }
            }
        }
        if self.imap.max_message_mib == 0 {
            return wrong("imap.max_message_mib", "0 would refuse every message; set at least 1".into());
        }
        if self.dav.max_object_mib == 0 {
            return wrong("dav.max_object_mib", "0 would refuse every object; set at least 1".into());
        }
        if let Some(url) = &self.dav.url
            && !url.parse::<http::Uri>().is_ok_and(|uri| uri.scheme().is_some() && uri.host().is_some())
        {
            let sentence = format!("`{url}` is no address; write https://HOST, as calendar clients reach the gateway");
            return wrong("dav.url", sentence);
        }
        if self.exchange.is_empty() {
            return wrong("exchange", "no Exchange server; add a table such as [exchange.main] with its url".into());
        }
        if self.exchange.len() > 1 {
            for (name, exchange) in &self.exchange {
                if exchange.domains.is_empty() {
                    return wrong(
                        &format!("exchange.{name}.domains"),
                        "missing; with several servers each names the domains of its users".into(),
                    );
                }
            }
        }
        self.exchange.iter().try_for_each(|(name, exchange)| exchange.check(file, name))
    }
}

impl Listen {
    fn check(&self, file: &Path) -> Result<(), Mistake> {
        let wrong = |key: &str, sentence: String| Err(Mistake::new(file, key, sentence));
        let doors = [
            ("listen.imap", &self.imap, Some("imaps")),
            ("listen.imaps", &self.imaps, None),
            ("listen.http", &self.http, Some("https")),
            ("listen.https", &self.https, None),
        ];
        if doors.iter().all(|(_, addresses, _)| addresses.0.is_empty()) {
            return wrong("listen", "no address to listen on; set imap, imaps, http or https".into());
        }
        for (key, addresses, safe) in doors {
            for address in &addresses.0 {
                let Ok(parsed) = address.parse::<SocketAddr>() else {
                    return wrong(key, format!("`{address}` is no address; write IP:PORT, such as 127.0.0.1:1143"));
                };
                if let Some(safe) = safe
                    && !parsed.ip().is_loopback()
                    && !self.allow_plaintext
                {
                    return wrong(
                        key,
                        format!(
                            "{address} would take passwords in plain text from other machines; use {safe}, or set listen.allow_plaintext = true"
                        ),
                    );
                }
            }
        }
        Ok(())
    }
}

impl Exchange {
    fn check(&self, file: &Path, name: &str) -> Result<(), Mistake> {
        let key = |key: &str| format!("exchange.{name}.{key}");
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
            return Err(Mistake::new(
                file,
                format!("exchange.{name}"),
                "a name holds letters, digits, - and _ only".into(),
            ));
        }
        let Ok(url) = self.url.parse::<http::Uri>() else {
            return Err(Mistake::new(file, key("url"), format!("`{}` is no URL", self.url)));
        };
        match (url.scheme_str(), url.host()) {
            (Some("https"), Some(_)) => {}
            (Some("http"), Some(host)) if self.allow_http || is_loopback(host) => {}
            (Some("http"), Some(host)) => {
                return Err(Mistake::new(
                    file,
                    key("url"),
                    format!(
                        "passwords would go to {host} in plain text; use https, or set exchange.{name}.allow_http = true"
                    ),
                ));
            }
            _ => {
                return Err(Mistake::new(
                    file,
                    key("url"),
                    format!("`{}` is no address of an Exchange server; write https://HOST/EWS/Exchange.asmx", self.url),
                ));
            }
        }
        for domain in &self.domains {
            if domain.is_empty() || domain.contains(['@', '/', ' ']) {
                return Err(Mistake::new(
                    file,
                    key("domains"),
                    format!("`{domain}` is no domain; write the part of an address after the @"),
                ));
            }
        }
        self.ca_file.as_ref().map_or(Ok(()), |path| readable(file, &key("ca_file"), path))
    }
}

impl Mistake {
    fn new(file: &Path, key: impl Into<String>, sentence: String) -> Self {
        Self { file: file.to_owned(), key: key.into(), sentence }
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn readable(file: &Path, key: &str, path: &Path) -> Result<(), Mistake> {
    match std::fs::File::open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Mistake::new(file, key, format!("file {} not found", path.display())))
        }
        Err(error) => Err(Mistake::new(file, key, format!("file {} cannot be read: {error}", path.display()))),
    }
}

/// The parser's words, in one line, with the line they are about.
fn at_line(text: &str, span: Option<std::ops::Range<usize>>, message: &str) -> String {
    let message = message.replace("unknown field", "unknown key").replace("missing field", "missing key");
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    match span.and_then(|span| text.get(..span.start)) {
        Some(before) => format!("{message} (line {})", before.matches('\n').count() + 1),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINE: &str = "state = '/tmp'\n[listen]\nimap = '127.0.0.1:1143'\n[exchange.main]\nurl = 'https://mail.corp.example/EWS/Exchange.asmx'\n";

    #[test]
    fn example_is_a_valid_configuration() {
        let text = EXAMPLE.replace("/etc/exgate/", concat!(env!("CARGO_MANIFEST_DIR"), "/"));
        // The files the example names are not here: any file serves to show that the rest is right.
        let text = text.replace("imap.pem", "Cargo.toml").replace("imap.key", "Cargo.toml");
        Config::parse(Path::new("exgate.toml"), &text).map_err(|mistake| mistake.to_string()).unwrap();
    }

    #[test]
    fn each_mistake_has_its_sentence() {
        for (from, to, sentence) in [
            (
                "[listen]",
                "[listen]\nimapz = 'x'",
                "exgate.toml: listen.imapz: unknown key `imapz`, expected one of `imap`, `imaps`, `http`, `https`, `allow_plaintext` (line 3)",
            ),
            (
                "state",
                "stat",
                "exgate.toml: stat: unknown key `stat`, expected one of `state`, `log`, `listen`, `tls`, `imap`, `dav`, `cache`, `exchange` (line 1)",
            ),
            (
                "127.0.0.1:1143",
                "localhost",
                "exgate.toml: listen.imap: `localhost` is no address; write IP:PORT, such as 127.0.0.1:1143",
            ),
            (
                "127.0.0.1:1143",
                "0.0.0.0:1143",
                "exgate.toml: listen.imap: 0.0.0.0:1143 would take passwords in plain text from other machines; use imaps, or set listen.allow_plaintext = true",
            ),
            ("imap = ", "imaps = ", "exgate.toml: tls: missing; listen.imaps needs tls.certificate and tls.key"),
            (
                "[listen]",
                "[tls]\ncertificate = '/none/imap.pem'\nkey = '/none/imap.key'\n[listen]",
                "exgate.toml: tls.certificate: file /none/imap.pem not found",
            ),
            (
                "https://",
                "http://",
                "exgate.toml: exchange.main.url: passwords would go to mail.corp.example in plain text; use https, or set exchange.main.allow_http = true",
            ),
            (
                "https://",
                "ftp://",
                "exgate.toml: exchange.main.url: `ftp://mail.corp.example/EWS/Exchange.asmx` is no address of an Exchange server; write https://HOST/EWS/Exchange.asmx",
            ),
            (
                "imap = '127.0.0.1:1143'",
                "",
                "exgate.toml: listen: no address to listen on; set imap, imaps, http or https",
            ),
            (
                "imap = '127.0.0.1:1143'",
                "http = '0.0.0.0:1080'",
                "exgate.toml: listen.http: 0.0.0.0:1080 would take passwords in plain text from other machines; use https, or set listen.allow_plaintext = true",
            ),
            ("imap = ", "https = ", "exgate.toml: tls: missing; listen.https needs tls.certificate and tls.key"),
            (
                "[listen]",
                "[dav]\nurl = 'dav.corp.example'\n[listen]",
                "exgate.toml: dav.url: `dav.corp.example` is no address; write https://HOST, as calendar clients reach the gateway",
            ),
            (
                "[listen]",
                "[dav]\nmax_object_mib = 0\n[listen]",
                "exgate.toml: dav.max_object_mib: 0 would refuse every object; set at least 1",
            ),
            (
                "imap = '127.0.0.1:1143'",
                "imap = 1143",
                "exgate.toml: listen.imap: expected an address such as \"127.0.0.1:1143\", or a list of addresses (line 3)",
            ),
            (
                "[listen]",
                "[imap]\nsize = 'rough'\n[listen]",
                "exgate.toml: imap.size: unknown variant `rough`, expected `auto` or `exact` (line 3)",
            ),
            (
                "[listen]",
                "[imap]\nmax_message_mib = 0\n[listen]",
                "exgate.toml: imap.max_message_mib: 0 would refuse every message; set at least 1",
            ),
            (
                "[exchange.main]",
                "[exchange.second]\nurl = 'https://b.example/EWS/Exchange.asmx'\n[exchange.main]",
                "exgate.toml: exchange.main.domains: missing; with several servers each names the domains of its users",
            ),
            (
                "url = ",
                "auth = 'ntlmv1'\nurl = ",
                "exgate.toml: exchange.main.auth: unknown variant `ntlmv1`, expected `basic` (line 5)",
            ),
            (
                "url = ",
                "ca_file = '/none/ca.pem'\nurl = ",
                "exgate.toml: exchange.main.ca_file: file /none/ca.pem not found",
            ),
            (
                "url = ",
                "domains = ['a@b']\nurl = ",
                "exgate.toml: exchange.main.domains: `a@b` is no domain; write the part of an address after the @",
            ),
        ] {
            let text = FINE.replacen(from, to, 1);
            assert_ne!(text, FINE, "{from} is not in the text");
            let mistake = Config::parse(Path::new("exgate.toml"), &text).expect_err(sentence);
            assert_eq!(mistake.to_string(), sentence);
        }
    }

    #[test]
    fn loopback_needs_no_permission() {
        let text = FINE.replace("https://mail.corp.example", "http://[::1]:8080").replace("127.0.0.1", "[::1]");
        Config::parse(Path::new("exgate.toml"), &text).map_err(|mistake| mistake.to_string()).unwrap();
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let mistake = Config::read(Path::new("/none/exgate.toml")).unwrap_err().to_string();
        assert_eq!(mistake, "/none/exgate.toml: cannot be read: No such file or directory (os error 2)");
    }
}
