//! What the operator reads when the configuration is wrong: one sentence that names the file and the key; exit code 2.

use std::fs;
use std::process::{Command, Output};

use exgate_tests::program;
use tempfile::TempDir;

const FINE: &str = "state = 'STATE'\n\n[listen]\nimap = '127.0.0.1:0'\n\n[exchange.main]\n\
                    url = 'http://127.0.0.1:9/EWS/Exchange.asmx'\ndomains = ['demo.test']\nallow_http = true\n";

/// What is put in place of what, and words the sentence must hold.
const MISTAKES: &[(&str, &str, &[&str])] = &[
    ("state =", "sate =", &["sate"]),
    ("imap =", "impa =", &["listen", "impa"]),
    ("domains =", "domain =", &["exchange.main", "domain"]),
    ("'127.0.0.1:0'", "'127.0.0.1'", &["listen.imap"]),
    ("'127.0.0.1:0'", "'0.0.0.0:0'", &["listen.imap", "plain text"]),
    ("'127.0.0.1:0'", "'[::]:0'", &["listen.imap", "plain text"]),
    ("'127.0.0.1:0'", "143", &["listen.imap"]),
    ("imap =", "imaps =", &["tls"]),
    (
        "[listen]",
        "[tls]\ncertificate = '/nowhere/imap.pem'\nkey = '/nowhere/imap.key'\n[listen]",
        &["tls.certificate", "/nowhere/imap.pem"],
    ),
    ("[listen]", "[tls]\nkey = '/dev/null'\n[listen]", &["tls.certificate", "missing beside tls.key"]),
    ("[listen]", "[tls]\n[listen]", &["tls.certificate", "[tls.acme]"]),
    (
        "[listen]",
        "[tls]\ncertificate = '/dev/null'\n[tls.acme]\naccept_terms = true\nnames = ['mail.corp.example']\n[listen]",
        &["tls.acme", "remove one or the other"],
    ),
    ("[listen]", "[tls.acme]\nnames = ['mail.corp.example']\n[listen]", &["tls.acme.accept_terms", "terms of service"]),
    ("[listen]", "[tls.acme]\naccept_terms = true\nnames = []\n[listen]", &["tls.acme.names", "empty"]),
    (
        "[listen]",
        "[tls.acme]\naccept_terms = true\nnames = ['*.corp.example']\n[listen]",
        &["tls.acme.names", "`*.corp.example`"],
    ),
    (
        "[listen]",
        "[tls.acme]\naccept_terms = true\nnames = ['mail.corp.example']\ndirectory = 'http://ca.corp.example'\n[listen]",
        &["tls.acme.directory", "HTTPS"],
    ),
    (
        "[listen]",
        "[tls.acme]\naccept_terms = true\nnames = ['mail.corp.example']\ncontact = 'mailto:x@corp.example'\n[listen]",
        &["tls.acme.contact", "mail address"],
    ),
    (
        "[listen]",
        "[tls.acme]\naccept_terms = true\nnames = ['mail.corp.example']\nbinding_id = 'kid-1'\n[listen]",
        &["tls.acme.binding_id", "binding_key"],
    ),
    (
        "[listen]",
        "[tls.acme]\naccept_terms = true\nnames = ['mail.corp.example']\nhttp01 = '0.0.0.0:80'\nca_file = '/nowhere/ca.pem'\n[listen]",
        &["tls.acme.ca_file", "/nowhere/ca.pem"],
    ),
    (
        "[listen]",
        "[tls.acme]\naccept_terms = true\nnames = ['mail.corp.example']\n[listen]",
        &["tls.acme", "listen.https"],
    ),
    (
        "[listen]",
        "[tls]\nclient_ca = '/dev/null'\nclient_certificates = 'required'\n[tls.acme]\naccept_terms = true\nnames = ['mail.corp.example']\n[listen]",
        &["tls.acme", "client_certificates", "http01"],
    ),
    ("http://127.0.0.1:9", "http://mail.example.com", &["exchange.main", "mail.example.com"]),
    ("http://127.0.0.1:9", "gopher://127.0.0.1:9", &["exchange.main.url"]),
    ("http://127.0.0.1:9/EWS/Exchange.asmx", "not an address", &["exchange.main.url"]),
    ("allow_http", "ca_file = '/nowhere/ca.pem'\nallow_http", &["exchange.main.ca_file", "/nowhere/ca.pem"]),
    ("allow_http", "auth = 'magic'\nallow_http", &["exchange.main.auth"]),
    ("[listen]", "[imap]\nsize = 'roughly'\n[listen]", &["imap.size"]),
    ("[listen]", "[accounts]\nkey = 'file:/nowhere/key'\n[listen]", &["accounts.key", "/nowhere/key"]),
    ("[listen]", "[accounts]\nkey = 'short'\n[listen]", &["accounts.key", "openssl rand -base64 32"]),
    ("[listen]", "[store]\nkind = 'mysql'\n[listen]", &["store.kind", "mysql"]),
    ("[listen]", "[store]\nurl = 'postgresql://db/exgate'\n[listen]", &["store.url", "store.kind"]),
    ("[listen]", "[store]\nkind = 'postgres'\nnode = 'one'\n[listen]", &["store.url", "missing"]),
    ("[listen]", "[store]\nkind = 'postgres'\nurl = 'http://db/exgate'\nnode = 'one'\n[listen]", &["store.url"]),
    (
        "[listen]",
        "[store]\nkind = 'postgres'\nurl = 'postgresql://db/exgate?sslmode=prefer'\nnode = 'one'\n[listen]",
        &["store.url", "sslmode=prefer"],
    ),
    ("[listen]", "[store]\nkind = 'postgres'\nurl = 'postgresql://db/exgate'\n[listen]", &["store.node", "missing"]),
    (
        "[listen]",
        "[store]\nkind = 'postgres'\nurl = 'postgresql://db/exgate'\nnode = 'one two'\n[listen]",
        &["store.node", "one two"],
    ),
    ("[listen]", "[listen", &["line"]),
    ("url = 'http://127.0.0.1:9/EWS/Exchange.asmx'\ndomains = ['demo.test']\n", "", &["exchange.main", "url"]),
    ("allow_http", "mode = 'impersonation'\nallow_http", &["exchange.main.service"]),
    ("allow_http", "auth = 'oauth'\nallow_http", &["exchange.main.oauth"]),
    ("allow_http", "egress = { proxy = 'proxy' }\nallow_http", &["exchange.main.egress.proxy"]),
    ("allow_http", "egress = { bind = 'eth0' }\nallow_http", &["exchange.main.egress.bind"]),
    (
        "allow_http",
        "mode = 'impersonation'\nservice = { user = 'x', password = 'file:/nowhere/p' }\nallow_http",
        &["exchange.main.service.password", "/nowhere/p"],
    ),
];

#[test]
fn each_mistake_is_one_sentence_with_file_and_key() {
    let dir = TempDir::new().unwrap();
    for (from, to, words) in MISTAKES {
        let mut text = FINE.replacen(from, to, 1);
        assert_ne!(text, FINE, "{from} is not there to be replaced");
        if to.contains("mail.example.com") {
            text = text.replace("allow_http = true\n", "");
        }
        for arguments in [&["serve", "--config"][..], &["config", "check", "--config"]] {
            let (output, file) = run(&dir, &text, arguments);
            let sentence = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{to}: {sentence}");
            assert_eq!(sentence.trim_end().lines().count(), 1, "{to}: {sentence}");
            for word in [&file.as_str()].into_iter().chain(words.iter()) {
                assert!(sentence.contains(word), "{to}: no {word} in: {sentence}");
            }
            assert!(output.stdout.is_empty(), "{to}: {}", String::from_utf8_lossy(&output.stdout));
        }
    }
}

#[test]
fn a_file_that_is_missing_or_unreadable_is_named() {
    let dir = TempDir::new().unwrap();
    let missing = dir.path().join("missing.toml");
    for file in [missing.as_path(), dir.path()] {
        let output = Command::new(program("exgate")).args(["serve", "--config"]).arg(file).output().unwrap();
        let sentence = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{sentence}");
        assert!(sentence.contains(&*file.to_string_lossy()), "{sentence}");
        assert_eq!(sentence.trim_end().lines().count(), 1, "{sentence}");
    }
}

#[test]
fn a_state_directory_that_cannot_be_used_is_named() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("a-file"), "not a directory").unwrap();
    let text = FINE.replace("STATE", &dir.path().join("a-file/below").to_string_lossy());
    let (output, _) = run(&dir, &text, &["serve", "--config"]);
    let sentence = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{sentence}");
    assert!(sentence.contains("state") && sentence.contains("a-file/below"), "{sentence}");
}

#[test]
fn a_right_file_is_right_and_the_example_explains_each_key() {
    let dir = TempDir::new().unwrap();
    let (output, _) = run(&dir, FINE, &["config", "check", "--config"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));

    let example = Command::new(program("exgate")).args(["config", "example"]).output().unwrap();
    assert!(example.status.success());
    let text = String::from_utf8(example.stdout).unwrap();
    for key in KEYS {
        assert!(
            text.lines().any(|line| line.trim_start_matches('#').trim_start().starts_with(&format!("{key} =")))
                || text.contains(&format!("[{key}]")),
            "{key} is not explained"
        );
    }
}

/// Every key there is.
const KEYS: [&str; 90] = [
    "clients.sign",
    "tls.acme",
    "directory",
    "names",
    "accept_terms",
    "contact",
    "http01",
    "binding_id",
    "store",
    "kind",
    "node",
    "clients",
    "host",
    "name",
    "submissions",
    "admin",
    "proxies",
    "http_proxies",
    "limits",
    "connections",
    "per_address",
    "per_network",
    "longest_refusal_seconds",
    "client_ca",
    "client_certificates",
    "tls.domain.\"mail.example.org\"",
    "submission",
    "state",
    "format",
    "level",
    "imap",
    "imaps",
    "http",
    "https",
    "allow_plaintext",
    "certificate",
    "key",
    "old_key",
    "size",
    "max_message_mib",
    "max_object_mib",
    "tokens",
    "bodies_mib",
    "description",
    "url",
    "failover",
    "failback",
    "autodiscover",
    "domains",
    "default",
    "default_domain",
    "auth",
    "channel_binding",
    "mode",
    "ca_file",
    "pin",
    "client_certificate",
    "client_key",
    "tls",
    "allow_http",
    "allow_exchange_online",
    "user",
    "password",
    "bind",
    "proxy",
    "proxy_user",
    "proxy_password",
    "allow_hosts",
    "dns",
    "authority",
    "tenant",
    "client_id",
    "client_secret",
    "resource",
    "scope",
    "flow",
    "redirect",
    "timeout",
    "allow_authorities",
    "per_mailbox",
    "per_organisation",
    "sync_calls",
    "streams",
    "poll_min",
    "exchange.main",
    "exchange.main.service",
    "exchange.main.egress",
    "exchange.main.oauth",
    "exchange.main.limits",
    "exchange.main.sync",
];

fn run(dir: &TempDir, text: &str, arguments: &[&str]) -> (Output, String) {
    let file = dir.path().join("exgate.toml");
    fs::write(&file, text.replace("STATE", &dir.path().join("state").to_string_lossy())).unwrap();
    let output = Command::new(program("exgate")).args(arguments).arg(&file).output().unwrap();
    (output, file.to_string_lossy().into_owned())
}
