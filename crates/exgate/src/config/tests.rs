//! Each mistake an operator can make has its sentence.

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
            "[exchange.main]",
            "[accounts]\napproval = 'maybe'\n[exchange.main]",
            "exgate.toml: accounts.approval: unknown variant `maybe`, expected one of `automatic`, `manual`, `quarantine` (line 5)",
        ),
        (
            "url = ",
            "device_passwords = 'never'\nurl = ",
            "exgate.toml: exchange.main.device_passwords: unknown variant `never`, expected `allowed` or `required` (line 5)",
        ),
        (
            "[exchange.main]",
            "[accounts]\nkey = 'open sesame'\n[exchange.main]",
            "exgate.toml: accounts.key: it is no key; make one with `openssl rand -base64 32` (line 5)",
        ),
        (
            "[exchange.main]",
            "[accounts]\nold_key = 'file:/none/key'\n[exchange.main]",
            "exgate.toml: accounts.old_key: file /none/key cannot be read: No such file or directory (os error 2) (line 5)",
        ),
        (
            "[exchange.main]",
            "[accounts]\nkey = 'cred:accounts.key'\n[exchange.main]",
            "exgate.toml: accounts.key: cred:accounts.key needs systemd's $CREDENTIALS_DIRECTORY, which is not set; see LoadCredential= in systemd.exec(5) (line 5)",
        ),
        (
            "[exchange.main]",
            "[accounts]\nkey = 'MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY='\nold_key = 'MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY='\n[exchange.main]",
            "exgate.toml: accounts.old_key: it is the same as accounts.key; take it out",
        ),
        (
            "[exchange.main]",
            "[[accounts.rules]]\nverdict = 'block'\nnetwork = ['here']\n[exchange.main]",
            "exgate.toml: accounts.rules[0].network: `here` is no network; write it such as 192.0.2.0/24",
        ),
        (
            "[exchange.main]",
            "[[accounts.rules]]\nverdict = 'block'\nhours = '25:00-26:00'\n[exchange.main]",
            "exgate.toml: accounts.rules[0].hours: `25:00-26:00` are no hours; write HH:MM-HH:MM, UTC",
        ),
        (
            "[exchange.main]",
            "[[accounts.rules]]\nverdict = 'block'\nlabel = 'sales'\n[exchange.main]",
            "exgate.toml: accounts.rules[0].label: `sales` is no label; write NAME=TEXT, such as dept=sales",
        ),
        (
            "[listen]",
            "[listen]\nimapz = 'x'",
            "exgate.toml: listen.imapz: unknown key `imapz`, expected one of `imap`, `imaps`, `submission`, `submissions`, `pop3`, `pop3s`, `ldap`, `ldaps`, `http`, `https`, `admin`, `allow_plaintext`, `proxies`, `http_proxies` (line 3)",
        ),
        (
            "state",
            "stat",
            "exgate.toml: stat: unknown key `stat`, expected one of `state`, `store`, `log`, `listen`, `tls`, `limits`, `clients`, `imap`, `submit`, `pop3`, `ldap`, `dav`, `cache`, `accounts`, `alerts`, `hooks`, `exchange` (line 1)",
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
            "[listen]",
            "[tls]\ncertificate = '/dev/null'\nkey = '/dev/null'\n[tls.domain.'mail.b.example']\ncertificate = '/none/b.pem'\nkey = '/dev/null'\n[listen]",
            "exgate.toml: tls.domain.\"mail.b.example\".certificate: file /none/b.pem not found",
        ),
        (
            "[listen]",
            "[tls]\ncertificate = '/dev/null'\nkey = '/dev/null'\n[tls.domain.'b/c']\ncertificate = '/dev/null'\nkey = '/dev/null'\n[listen]",
            "exgate.toml: tls.domain: `b/c` is no name of a server; write mail.corp.example, or *.corp.example",
        ),
        (
            "[listen]",
            "[tls]\ncertificate = '/dev/null'\nkey = '/dev/null'\nclient_certificates = 'required'\n[listen]",
            "exgate.toml: tls.client_ca: missing; client_certificates needs the authority whose certificates are believed",
        ),
        (
            "[listen]",
            "[clients]\nhost = 'https://mail.corp.example'\n[listen]",
            "exgate.toml: clients.host: `https://mail.corp.example` is no name of a server; write it such as mail.corp.example",
        ),
        (
            "[exchange.main]",
            "[[hooks]]\nurl = 'http://hook.corp.example/'\nevents = ['mail']\n[exchange.main]",
            "exgate.toml: hooks[0].url: `http://hook.corp.example/` is no address of a web hook; write https://HOST/PATH",
        ),
        (
            "[exchange.main]",
            "[[hooks]]\nurl = 'https://hook.corp.example/'\nevents = []\n[exchange.main]",
            "exgate.toml: hooks[0].events: it would be told of nothing; write [\"mail\"]",
        ),
        (
            "[exchange.main]",
            "[alerts]\n[exchange.main]",
            "exgate.toml: alerts.webhook: missing; set it or mail_to, or leave [alerts] out",
        ),
        (
            "[exchange.main]",
            "[alerts]\nmail_to = ['ops@corp.example']\n[exchange.main]",
            "exgate.toml: alerts.from_account: missing; name the mailbox that alerts are sent from",
        ),
        (
            "[exchange.main]",
            "[alerts]\nwebhook = 'https://hook.corp.example/'\nmailbox_failure_ratio = 2.0\n[exchange.main]",
            "exgate.toml: alerts.mailbox_failure_ratio: write a part of 1, such as 0.5",
        ),
        (
            "[exchange.main]",
            "[accounts.decide]\nurl = 'http://hook.corp.example/'\n[exchange.main]",
            "exgate.toml: accounts.decide.url: `http://hook.corp.example/` is no address of a web hook; write https://HOST/PATH",
        ),
        (
            "[exchange.main]",
            "[accounts.decide]\nurl = 'https://hook.corp.example/'\ntimeout_ms = 0\n[exchange.main]",
            "exgate.toml: accounts.decide.timeout_ms: 0 is not within 1 to 30000",
        ),
        (
            "[listen]",
            "[clients]\nenroll = true\n[listen]",
            "exgate.toml: clients.host: missing; people who enroll are told where the gateway is",
        ),
        (
            "[listen]",
            "[clients.sign]\ncertificate = '/dev/null'\nkey = '/dev/null'\n[listen]",
            "exgate.toml: clients.host: missing; the profile that clients.sign signs says where the gateway is",
        ),
        (
            "[listen]",
            "[clients]\nhost = 'mail.corp.example'\nsign = { certificate = '/none/sign.pem', key = '/dev/null' }\n[listen]",
            "exgate.toml: clients.sign.certificate: file /none/sign.pem not found",
        ),
        (
            "[listen]",
            "[clients]\nhost = 'mail.corp.example'\nsign = { certificate = '/dev/null', key = '/none/sign.key' }\n[listen]",
            "exgate.toml: clients.sign.key: file /none/sign.key not found",
        ),
        (
            "[listen]",
            "[clients]\nhost = 'mail.corp.example'\nsign = { certificate = '/dev/null' }\n[listen]",
            "exgate.toml: clients.sign: missing key `key` (line 4)",
        ),
        (
            "[listen]",
            "[limits]\nper_network = 0\n[listen]",
            "exgate.toml: limits.per_network: 0 would let nobody in; set at least 1",
        ),
        (
            "[listen]",
            "[listen]\nproxies = ['10.0.0.0/33']",
            "exgate.toml: listen.proxies: `10.0.0.0/33` is no network; write 10.0.0.0/8, or a single address",
        ),
        (
            "[listen]",
            "[listen]\nhttp_proxies = 'haproxy'",
            "exgate.toml: listen.http_proxies: `haproxy` is no network; write 10.0.0.0/8, or a single address",
        ),
        (
            "[listen]",
            "[listen]\nadmin = '0.0.0.0:9143'",
            "exgate.toml: listen.admin: 0.0.0.0:9143 would tell other machines how the gateway does; use 127.0.0.1, or set tls.client_ca, whose certificates clients then need there",
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
            "exgate.toml: listen: no address to listen on; set imap, imaps, submission, submissions, pop3, pop3s, ldap, ldaps, http or https",
        ),
        (
            "imap = '127.0.0.1:1143'",
            "http = '0.0.0.0:1080'",
            "exgate.toml: listen.http: 0.0.0.0:1080 would take passwords in plain text from other machines; use https, or set listen.allow_plaintext = true",
        ),
        (
            "imap = ",
            "submissions = ",
            "exgate.toml: tls: missing; listen.submissions needs tls.certificate and tls.key",
        ),
        (
            "imap = '127.0.0.1:1143'",
            "submission = '0.0.0.0:587'",
            "exgate.toml: listen.submission: 0.0.0.0:587 would take passwords in plain text from other machines; use submissions or [tls], or set listen.allow_plaintext = true",
        ),
        ("imap = ", "pop3s = ", "exgate.toml: tls: missing; listen.pop3s needs tls.certificate and tls.key"),
        (
            "imap = '127.0.0.1:1143'",
            "pop3 = '0.0.0.0:110'",
            "exgate.toml: listen.pop3: 0.0.0.0:110 would take passwords in plain text from other machines; use pop3s or [tls], or set listen.allow_plaintext = true",
        ),
        ("imap = ", "ldaps = ", "exgate.toml: tls: missing; listen.ldaps needs tls.certificate and tls.key"),
        (
            "imap = '127.0.0.1:1143'",
            "ldap = '0.0.0.0:389'",
            "exgate.toml: listen.ldap: 0.0.0.0:389 would take passwords in plain text from other machines; use ldaps or [tls], or set listen.allow_plaintext = true",
        ),
        (
            "[listen]",
            "[ldap]\nbase = 'people'\n[listen]",
            "exgate.toml: ldap.base: `people` is no name of an entry; write one such as ou=people,dc=corp,dc=example",
        ),
        (
            "[listen]",
            "[ldap]\nmax_people = 0\n[listen]",
            "exgate.toml: ldap.max_people: 0 would find nobody; set 1 to 1000",
        ),
        (
            "[listen]",
            "[pop3]\nsize = 'guess'\n[listen]",
            "exgate.toml: pop3.size: unknown variant `guess`, expected `auto` or `exact` (line 3)",
        ),
        (
            "[listen]",
            "[submit]\nmax_message_mib = 0\n[listen]",
            "exgate.toml: submit.max_message_mib: 0 would refuse every message; set at least 1",
        ),
        (
            "[listen]",
            "[submit]\nmax_recipients = 0\n[listen]",
            "exgate.toml: submit.max_recipients: 0 would refuse every recipient; set at least 1",
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
            "[listen]",
            "[imap]\noff = ['MOVES']\n[listen]",
            "exgate.toml: imap.off: no capability `MOVES` can be switched off; write it as CAPABILITY tells it, such as IDLE",
        ),
        (
            "[listen]",
            "[imap]\noff = ['IMAP4rev1']\n[listen]",
            "exgate.toml: imap.off: no capability `IMAP4rev1` can be switched off; write it as CAPABILITY tells it, such as IDLE",
        ),
        (
            "[listen]",
            "[[imap.off_for]]\nclient = 'Mutt'\noff = ['IDEL']\n[listen]",
            "exgate.toml: imap.off_for: no capability `IDEL` can be switched off; write it as CAPABILITY tells it, such as IDLE",
        ),
        (
            "[listen]",
            "[[imap.off_for]]\noff = ['IDLE']\n[listen]",
            "exgate.toml: imap.off_for: neither client nor user; for everybody there is imap.off",
        ),
        (
            "[listen]",
            "[submit]\nspool = 'sometimes'\n[listen]",
            "exgate.toml: submit.spool: unknown variant `sometimes`, expected one of `when-away`, `never`, `always` (line 3)",
        ),
        (
            "[listen]",
            "[submit]\ngive_up_hours = 0\n[listen]",
            "exgate.toml: submit.give_up_hours: 0 would give every message up at once; set at least 1",
        ),
        (
            "[listen]",
            "[submit]\nlost_answer_seconds = 0\n[listen]",
            "exgate.toml: submit.lost_answer_seconds: 0 would send messages twice that Exchange is at work on; set at least 1",
        ),
        (
            "[exchange.main]",
            "[exchange.second]\nurl = 'https://b.example/EWS/Exchange.asmx'\n[exchange.main]",
            "exgate.toml: exchange.main.domains: missing; with several servers each names the domains of its users",
        ),
        (
            "url = ",
            "auth = 'ntlmv1'\nurl = ",
            "exgate.toml: exchange.main.auth: unknown variant `ntlmv1`, expected one of `auto`, `basic`, `ntlm`, `negotiate`, `kerberos`, `oauth` (line 5)",
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
        (
            "url = ",
            "default = true\nurl = 'https://a.example/'\n[exchange.other]\ndefault = true\nurl = ",
            "exgate.toml: exchange.other.default: exchange.main is the default already; there can be one",
        ),
        (
            "url = 'https://mail.corp.example/EWS/Exchange.asmx'",
            "auth = 'basic'",
            "exgate.toml: exchange.main.url: missing; set it, or set domains, whose servers Autodiscover then looks for",
        ),
        (
            "mail.corp.example",
            "outlook.office365.com",
            "exgate.toml: exchange.main.url: this is Exchange Online; its EWS has been switched off tenant by tenant since 2026-10-01 and ends for good on 2027-04-01; if yours is still on, have its administrator put this application on the allow list (EWSAllowedAppIDs), and set allow_exchange_online = true",
        ),
        (
            "url = ",
            "mode = 'impersonation'\nurl = ",
            "exgate.toml: exchange.main.service: missing; mode = \"impersonation\" needs user and password there",
        ),
        (
            "url = ",
            "service = { user = 'CORP\\svc', password = 'x' }\nurl = ",
            "exgate.toml: exchange.main.service: not used; set mode = \"impersonation\", or leave the table out",
        ),
        (
            "url = ",
            "mode = 'impersonation'\nservice = { user = 'svc' }\nurl = ",
            "exgate.toml: exchange.main.service.password: missing",
        ),
        (
            "url = ",
            "mode = 'impersonation'\nservice = { user = 'svc', password = 'env:EXGATE_NONE' }\nurl = ",
            "exgate.toml: exchange.main.service.password: environment variable EXGATE_NONE is not set (line 6)",
        ),
        (
            "url = ",
            "auth = 'oauth'\nurl = ",
            "exgate.toml: exchange.main.oauth: missing; auth = \"oauth\" needs tenant and client_id there",
        ),
        (
            "url = ",
            "auth = 'oauth'\noauth = { tenant = 't' }\nurl = ",
            "exgate.toml: exchange.main.oauth: missing key `client_id` (line 6)",
        ),
        (
            "url = ",
            "auth = 'oauth'\noauth = { client_id = 'c' }\nurl = ",
            "exgate.toml: exchange.main.oauth.tenant: missing; Entra ID shows it as the directory (tenant) ID",
        ),
        (
            "url = ",
            "oauth = { client_id = 'c' }\nurl = ",
            "exgate.toml: exchange.main.oauth: not used; set auth = \"oauth\", or leave the table out",
        ),
        (
            "url = ",
            "auth = 'oauth'\noauth = { client_id = 'c', tenant = 't', flow = 'client_credentials', client_secret = 's' }\nurl = ",
            "exgate.toml: exchange.main.oauth.flow: \"client_credentials\" signs in nobody by name; set mode = \"impersonation\"",
        ),
        (
            "url = ",
            "auth = 'oauth'\nmode = 'impersonation'\noauth = { client_id = 'c', tenant = 't', flow = 'client_credentials' }\nurl = ",
            "exgate.toml: exchange.main.oauth.client_secret: missing; flow = \"client_credentials\" needs it, or certificate and key",
        ),
        (
            "url = ",
            "auth = 'oauth'\noauth = { client_id = 'c', authority = 'http://login.example' }\nurl = ",
            "exgate.toml: exchange.main.oauth.authority: `http://login.example` is no identity provider; write https://HOST, such as https://login.microsoftonline.com",
        ),
        (
            "url = ",
            "auth = 'oauth'\noauth = { client_id = 'c', tenant = 't', redirect = 'https://corp.example/' }\nurl = ",
            "exgate.toml: exchange.main.oauth.redirect: `https://corp.example/` does not lead back to this machine; write http://127.0.0.1:PORT/, as it is registered",
        ),
        (
            "url = ",
            "auth = 'oauth'\noauth = { client_id = 'c', tenant = 't', timeout = '2' }\nurl = ",
            "exgate.toml: exchange.main.oauth.timeout: `2` is no length of time; write it such as \"30s\" or \"2m\" (line 6)",
        ),
        (
            "url = ",
            "egress = { proxy = 'proxy:3128' }\nurl = ",
            "exgate.toml: exchange.main.egress.proxy: `proxy:3128` is no proxy; write http://HOST:PORT or socks5://HOST:PORT",
        ),
        (
            "url = ",
            "egress = { proxy = 'http://a:b@proxy:3128' }\nurl = ",
            "exgate.toml: exchange.main.egress.proxy: no name or password in it; write them in proxy_user and proxy_password",
        ),
        (
            "url = ",
            "egress = { proxy = 'socks5://proxy:1080', proxy_user = 'CORP\\svc' }\nurl = ",
            "exgate.toml: exchange.main.egress.proxy_password: missing beside proxy_user",
        ),
        (
            "url = ",
            "egress = { allow_hosts = ['https://a'] }\nurl = ",
            "exgate.toml: exchange.main.egress.allow_hosts: `https://a` is no host; write mail.corp.example, or *.corp.example for all below",
        ),
        (
            "url = ",
            "limits = { per_mailbox = 28 }\nurl = ",
            "exgate.toml: exchange.main.limits.per_mailbox: 28 is not within 1 to 27; Exchange allows 27 at most",
        ),
        (
            "url = ",
            "pin = 'sha256:12'\nurl = ",
            "exgate.toml: exchange.main.pin: `sha256:12` is no pin; write \"sha256:\" and the 64 hexadecimal digits of the certificate's fingerprint",
        ),
        (
            "url = ",
            "client_key = '/dev/null'\nurl = ",
            "exgate.toml: exchange.main.client_certificate: missing beside client_key",
        ),
        (
            "url = ",
            "tls = { legacy = 'tls10' }\nurl = ",
            "exgate.toml: exchange.main.tls.legacy: this build speaks no old TLS; use one with the feature tls-openssl",
        ),
        (
            "url = ",
            "tls = { min = '1.1' }\nurl = ",
            "exgate.toml: exchange.main.tls.min: unknown variant `1.1`, expected `1.2` or `1.3` (line 5)",
        ),
        (
            "url = ",
            "default_domain = 'CORP\\'\nurl = ",
            "exgate.toml: exchange.main.default_domain: `CORP\\` is no Windows domain; write it such as \"CORP\"",
        ),
    ] {
        let text = FINE.replacen(from, to, 1);
        assert_ne!(text, FINE, "{from} is not in the text");
        if ews::Legacy::is_built_in() && sentence.ends_with("tls-openssl") {
            continue;
        }
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
