//! `exgate check` finds what is wrong: each mistake made on purpose has the line that names its cause and its remedy.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;

use exgate_tests::{Options, PASSWORD, Port, Simulator, USER, certificates, program};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// A directory with certificates, where configurations are tried.
struct Scene {
    dir: TempDir,
}

/// What `exgate check` said.
struct Said {
    code: Option<i32>,
    out: String,
    errors: String,
}

impl Scene {
    async fn new() -> Self {
        let dir = TempDir::new().unwrap();
        certificates(dir.path(), &["demo.test", "autodiscover.demo.test"]).await;
        Self { dir }
    }

    fn path(&self, file: &str) -> String {
        self.dir.path().join(file).to_string_lossy().into_owned()
    }

    fn simulator(&self) -> Options {
        Options::preset("empty").unrecorded()
    }

    /// Over TLS, with a certificate of that name.
    fn secure(&self, certificate: &str) -> Options {
        self.simulator().tls(self.dir.path(), certificate)
    }

    /// Runs a check with these lines in `[exchange.main]`.
    async fn check(&self, lines: &str, arguments: &[&str], password: &str) -> Said {
        let file = self.dir.path().join("exgate.toml");
        let state = self.path("state");
        let text = format!(
            "state = \"{state}\"\n[listen]\nimap = \"127.0.0.1:0\"\n[exchange.main]\ndomains = [\"demo.test\"]\n{lines}\n"
        );
        std::fs::write(&file, text).unwrap();
        run(&file, arguments, password).await
    }

    /// The first line that failed, where the mailbox of [`USER`] is looked at; times, ports and ids are left out.
    async fn first_failure(&self, lines: &str) -> String {
        let said = self.check(lines, &[USER], PASSWORD).await;
        assert_eq!(said.code, Some(1), "{lines}\n{}\n{}", said.out, said.errors);
        let line = said.out.lines().find(|line| line.starts_with("failed")).expect("a failed step").to_owned();
        plain(&line)
    }
}

async fn run(file: &Path, arguments: &[&str], password: &str) -> Said {
    let mut command = Command::new(program("exgate"));
    command.arg("check").args(arguments).arg("--config").arg(file);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    // It may not want one.
    let _ = child.stdin.take().unwrap().write_all(format!("{password}\n").as_bytes()).await;
    let output = child.wait_with_output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), out: text(output.stdout), errors: text(output.stderr) }
}

/// A line without what differs from run to run.
fn plain(line: &str) -> String {
    let line = line.rsplit_once(" (").filter(|(_, end)| end.ends_with(" ms)")).map_or(line, |(line, _)| line);
    let line = line.split_once(" (request ").map_or(line, |(line, _)| line);
    // Both are asked at once.
    let line = line.replace("autodiscover.demo.test", "demo.test");
    let mut words = Vec::new();
    for word in line.split_whitespace() {
        if word.len() > 5 && word.chars().all(|c| c.is_ascii_digit()) {
            words.push("MANY".to_owned());
            continue;
        }
        let port = word.rsplit_once(':').filter(|(host, _)| host.contains("127.0.0.1"));
        words.push(match port {
            Some((host, rest)) => {
                let path = rest.trim_start_matches(|c: char| c.is_ascii_digit());
                format!("{host}:PORT{path}")
            }
            None => word.to_owned(),
        });
    }
    words.join(" ")
}

/// A server that reads something and answers this, whoever comes, until the test ends.
fn fake(answer: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || reply(stream, &answer));
        }
    });
    port
}

/// Answers each request; an empty answer is silence.
fn reply(mut stream: TcpStream, answer: &[u8]) {
    let mut buffer = [0; 4096];
    while let Ok(read) = stream.read(&mut buffer) {
        if read == 0 || (!answer.is_empty() && stream.write_all(answer).is_err()) {
            return;
        }
    }
}

fn http(head: &str) -> Vec<u8> {
    format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n").into_bytes()
}

fn local(port: u16) -> String {
    format!("url = \"http://127.0.0.1:{port}/EWS/Exchange.asmx\"")
}

fn at(simulator: &Simulator) -> String {
    format!("url = \"{}\"", simulator.ews)
}

fn at_tls(scene: &Scene, simulator: &Simulator) -> String {
    format!("url = \"{}\"\nca_file = \"{}\"", simulator.ews_tls(), scene.path("ca.pem"))
}

#[tokio::test]
async fn all_is_well_with_every_way_to_sign_in_by_password() {
    let scene = Scene::new().await;
    let simulator = scene.secure("valid").with("--auth", "negotiate,ntlm,basic").start().await;
    for auth in ["auto", "basic", "ntlm", "negotiate"] {
        let lines = format!("{}\nauth = \"{auth}\"", at_tls(&scene, &simulator));
        let said = scene.check(&lines, &[USER, "--send"], PASSWORD).await;
        assert_eq!(said.code, Some(0), "{auth}\n{}\n{}", said.out, said.errors);
        for step in ["dns", "tcp", "tls", "offered", "sign-in", "mailbox", "push", "calendar", "free/busy", "send"] {
            assert!(
                said.out.lines().any(|line| line.starts_with(&format!("ok       {step} "))),
                "{step}\n{}",
                said.out
            );
        }
    }
    let said = scene.check(&at_tls(&scene, &simulator), &[USER, "--json"], PASSWORD).await;
    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(told["ok"], json!(true), "{told:#}");
    assert!(told["steps"].as_array().unwrap().len() >= 18, "{told:#}");
    assert!(!said.out.contains(PASSWORD));
    let said = scene.check(&at_tls(&scene, &simulator), &[], "").await;
    assert_eq!(said.code, Some(0), "without an address\n{}\n{}", said.out, said.errors);
}

#[tokio::test]
async fn what_the_configuration_forbids_ends_with_code_2() {
    let scene = Scene::new().await;
    let said = scene.check("url = \"https://outlook.office365.com/EWS/Exchange.asmx\"", &[USER], PASSWORD).await;
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""));
    assert!(said.errors.contains("2027-04-01") && said.errors.contains("allow_exchange_online"), "{}", said.errors);
    let said = scene.check(&local(9), &["zoe@elsewhere.test"], PASSWORD).await;
    assert_eq!(said.code, Some(2));
    assert!(said.errors.contains("domains"), "{}", said.errors);
}

#[tokio::test]
async fn the_way_to_the_server() {
    let scene = Scene::new().await;
    let services = scene.simulator().services().start().await;
    let dns = services.place("dns");
    let refused = Port::free();
    let closed = fake(http("403 Forbidden"));
    let locked = fake(http("407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\""));
    let through =
        |port: u16, more: &str| format!("{}\negress = {{ proxy = \"http://127.0.0.1:{port}\"{more} }}", at(&services));
    let credentials = ", proxy_user = \"svc\", proxy_password = \"wrong\"";
    let cases = [
        (
            "no such name",
            format!("url = \"https://mail.demo.test/EWS/Exchange.asmx\"\negress = {{ dns = \"{dns}\" }}"),
            "failed dns ",
        ),
        ("refused port", local(refused.number()), "failed tcp "),
        ("silent host", local(fake(Vec::new())), "failed offered "),
        ("proxy refuses the port", through(closed, ""), "failed proxy "),
        ("proxy wants a sign-in", through(locked, ""), "failed proxy "),
        ("proxy refuses the password", through(locked, credentials), "failed proxy "),
        (
            "host is not allowed",
            format!("{}\negress = {{ allow_hosts = [\"mail.demo.test\"] }}", at(&services)),
            "failed dns ",
        ),
        ("autodiscover finds nothing", format!("egress = {{ dns = \"{dns}\" }}"), "failed autodiscover "),
    ];
    golden(&scene, &cases).await;
}

#[tokio::test]
async fn tls() {
    let scene = Scene::new().await;
    let plain = scene.simulator().start().await;
    let too_old = fake(vec![0x15, 3, 1, 0, 2, 2, 70]);
    let mut cases = vec![
        ("plain http on the port of https", at(&plain).replace("http://", "https://"), "failed tls "),
        ("tls is too old", local(too_old).replace("http://", "https://"), "failed tls "),
    ];
    let mut simulators = Vec::new();
    for (case, certificate) in
        [("expired certificate", "expired"), ("wrong name", "wrong-name"), ("unknown issuer", "unknown-issuer")]
    {
        let simulator = scene.secure(certificate).start().await;
        cases.push((case, at_tls(&scene, &simulator), "failed tls "));
        simulators.push(simulator);
    }
    let strict = scene.secure("valid").with("--tls-client-ca", &scene.path("ca.pem")).start().await;
    cases.push(("a certificate of ours is wanted", at_tls(&scene, &strict), "failed "));
    golden(&scene, &cases).await;
}

#[tokio::test]
async fn the_sign_in() {
    let scene = Scene::new().await;
    let simulator = scene.simulator().start().await;
    let ntlm = scene.simulator().with("--auth", "ntlm").start().await;
    let off = scene.simulator().with("--ews-off", "403").start().await;
    let bound = scene
        .secure("sha384")
        .with("--auth", "ntlm")
        .with("--extended-protection", "require")
        .with("--bound-to", &scene.path("valid.pem"))
        .start()
        .await;
    let bearer = fake(http("401 Unauthorized\r\nWWW-Authenticate: Bearer client_id=\"x\""));
    let late =
        fake(http("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT"));
    let cases = [
        ("wrong path", at(&simulator).replace("/EWS/Exchange.asmx", "/mail"), "failed offered "),
        ("ews is off", at(&off), "failed sign-in "),
        ("only bearer is offered", local(bearer), "failed offered "),
        ("only ntlm is offered", format!("{}\nauth = \"basic\"", at(&ntlm)), "failed offered "),
        ("clock skew", local(late), "failed clock "),
        ("tls is intercepted", at_tls(&scene, &bound), "failed sign-in "),
    ];
    golden(&scene, &cases).await;
    let said = scene.check(&at(&simulator), &[USER], "wrong").await;
    let line = said.out.lines().find(|line| line.starts_with("failed")).unwrap();
    same("wrong password", &plain(line));
}

#[tokio::test]
async fn the_mailbox() {
    let scene = Scene::new().await;
    let simulator = scene.simulator().user("svc@demo.test").start().await;
    let service =
        format!("mode = \"impersonation\"\nservice = {{ user = \"svc@demo.test\", password = \"{PASSWORD}\" }}");
    let denied = format!("{}\n{service}", at(&simulator));
    let acting = scene.simulator().user("svc@demo.test").with("--impersonator", "svc@demo.test").start().await;
    let busy = scene.simulator().start().await;
    busy.fault(json!({ "what": "busy", "operation": "GetFolder", "times": "forever" })).await;
    let old = scene.simulator().with("--version", "2007_SP1").start().await;
    let cases = [
        ("impersonation denied", denied, "failed impersonation "),
        ("throttled", at(&busy), "failed sign-in "),
        ("too old for push", at(&old), "failed push "),
    ];
    golden(&scene, &cases).await;
    let said = scene.check(&format!("{}\n{service}", at(&acting)), &["nobody@demo.test"], "").await;
    let line = said.out.lines().find(|line| line.starts_with("failed")).unwrap_or_else(|| panic!("{}", said.out));
    same("mailbox missing", &plain(line));
    let said = scene.check(&format!("{}\n{service}", at(&acting)), &[USER], "").await;
    assert_eq!(said.code, Some(0), "{}", said.out);
}

/// What is asked of whom, and what comes of it, where Autodiscover is broken in one way or another.
#[tokio::test]
async fn autodiscover() {
    let scene = Scene::new().await;
    let faults = [
        "off",
        "html",
        "server-error",
        "unauthorized",
        "redirect-http",
        "redirect&to=https://other.test/x",
        "no-setting",
        "invalid-user",
        "server-busy",
    ];
    let simulator = discoverable(&scene, "valid").await;
    for fault in faults {
        simulator.post("/autodiscover/clear", Vec::new()).await;
        simulator.post(&format!("/autodiscover?step=all&fault={fault}"), Vec::new()).await;
        let name = fault.split('&').next().unwrap();
        same(&format!("autodiscover {name}"), &discovery(&scene, &simulator).await);
    }
    let simulator = discoverable(&scene, "expired").await;
    same("autodiscover expired", &discovery(&scene, &simulator).await);
}

/// A simulator whose domain is looked for through its proxy, and whose Autodiscover shows that certificate.
async fn discoverable(scene: &Scene, certificate: &str) -> Simulator {
    let simulator = scene
        .secure("valid")
        .services()
        .with("--autodiscover-cert", &scene.path(&format!("{certificate}.pem")))
        .with("--autodiscover-key", &scene.path(&format!("{certificate}.key")))
        .with("--ews-url", "https://demo.test/EWS/Exchange.asmx")
        .with("--proxy", "127.0.0.1:0")
        .start()
        .await;
    for (service, port) in [("autodiscover", 443), ("autodiscover-http", 80)] {
        let at = simulator.place(service);
        let at = at.split("://").nth(1).unwrap().split('/').next().unwrap();
        for host in ["demo.test", "autodiscover.demo.test"] {
            simulator.order("/proxy/map", &[("name", &format!("{host}:{port}")), ("to", at)]).await;
        }
    }
    simulator
}

/// What `exgate check --autodiscover` says of Autodiscover, each question once.
async fn discovery(scene: &Scene, simulator: &Simulator) -> String {
    let lines = format!(
        "{}\negress = {{ proxy = {:?}, dns = {:?} }}",
        at_tls(scene, simulator),
        simulator.place("proxy-1"),
        simulator.place("dns")
    );
    let said = scene.check(&lines, &[USER, "--autodiscover"], PASSWORD).await;
    assert_eq!(said.code, Some(1), "{}\n{}", said.out, said.errors);
    let of_it = |outcome: &str| {
        let start = format!("{outcome:<8} autodiscover ");
        let lines = said.out.lines().filter(|line| line.starts_with(&start)).map(plain);
        lines.collect::<BTreeSet<String>>().into_iter()
    };
    let all: Vec<String> = of_it("tried").chain(of_it("failed")).collect();
    all.join("\n")
}

async fn golden(scene: &Scene, cases: &[(&str, String, &str)]) {
    for (case, lines, step) in cases {
        let line = scene.first_failure(lines).await;
        assert!(line.starts_with(step), "{case}: {line}");
        same(case, &line);
    }
}

/// Compares with what is known to be right. `EXGATE_GOLDEN=write` takes what is said instead, to be read before it is kept.
fn same(case: &str, line: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/check").join(case.replace(' ', "-") + ".txt");
    if std::env::var_os("EXGATE_GOLDEN").is_some_and(|wish| wish == "write") {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, format!("{line}\n")).unwrap();
        return;
    }
    let known = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    assert_eq!(line, known.trim_end(), "{case}");
    assert!(line.contains(" -> "), "{case}: no remedy in {line}");
}
