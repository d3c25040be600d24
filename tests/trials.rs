//! `exgate account test`: what the running gateway finds when it tries mailboxes, also if it is killed on the way.

use std::process::{Command, Stdio};
use std::time::Duration;

use exgate_tests::{Options, PASSWORD, Simulator, Site, eventually, program};
use serde_json::json;

/// Known to the gateway, and not to Exchange.
const STRANGER: &str = "person3@demo.test";

/// An Exchange with so many people but the stranger, and a gateway that opens their mailboxes alone.
async fn world(people: usize) -> (Simulator, Site, Vec<String>) {
    let names: Vec<String> = (0..people).map(|number| format!("person{number}@demo.test")).collect();
    let options = Options::preset("empty").user("svc@demo.test").with("--impersonator", "svc@demo.test");
    let simulator = names.iter().filter(|name| *name != STRANGER).fold(options, |options, name| options.user(name));
    let simulator = simulator.start().await;
    let tables = format!(
        "[exchange.main]\nurl = \"{}\"\nauth = \"basic\"\nallow_http = true\ndomains = [\"demo.test\"]\nmode = \"impersonation\"\n\
         [exchange.main.service]\nuser = \"svc@demo.test\"\npassword = \"{PASSWORD}\"\n",
        simulator.ews
    );
    let site = Site::listening("admin = \"127.0.0.1:0\"\n", &tables);
    let list = format!("address,state\n{}", names.iter().map(|name| format!("{name},pending\n")).collect::<String>());
    std::fs::write(site.path().join("people.csv"), list).unwrap();
    let _ = site.fine(&["account", "import", &site.path().join("people.csv").to_string_lossy()]);
    (simulator, site, names)
}

#[tokio::test]
async fn each_mailbox_is_told_with_what_fails_and_the_others_are_let_in() {
    let (_simulator, site, names) = world(6).await;
    let refused = site.exgate(&["account", "test", "--all"], "");
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("the gateway has not run with this state"),
        "{refused:?}"
    );
    let gateway = site.start().await;
    let output = site.exgate(&["account", "test", "--all", "--send", "--approve"], "");
    let (told, why) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(1), "{told}{why}");
    assert_eq!(why.trim(), "exgate: 6 of 6 mailboxes were tried, 1 failed");
    for name in &names {
        let line = told.lines().find(|line| line.starts_with(name)).unwrap();
        match name == STRANGER {
            true => assert!(line.contains("incoming FAILED"), "{told}"),
            false => assert_eq!(line, format!("{name}  incoming ok  outgoing ok  calendar ok  contacts ok")),
        }
    }
    assert!(told.lines().any(|line| line.starts_with("    incoming: ")), "{told}");
    let states = site.fine(&["account", "list"]);
    assert_eq!((states.matches("  open  ").count(), states.matches("  pending  ").count()), (5, 1), "{states}");
    let log = site.fine(&["audit", "show"]);
    assert!(log.lines().any(|line| line.contains("(command line)") && line.contains("trial.begin")), "{log}");

    let one = site.fine(&["account", "test", &names[0]]);
    assert!(one.contains("outgoing skipped") && one.ends_with("1 of 1 mailboxes were tried, 0 failed"), "{one}");
    assert_eq!(site.fine(&["account", "test"]), one, "it is remembered");
    let nobody = site.exgate(&["account", "test", "nobody@demo.test"], "");
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("There is no account nobody@demo.test"), "{nobody:?}");
    gateway.stop().await;
}

/// What is wrong with which mailbox, by which code, and what is told of it. The stranger is another one.
const SEEDED: [(usize, &str, &str, &str); 6] = [
    (20, "html", "", "incoming: the mailbox cannot be opened now: there is no EWS where the gateway looks for it"),
    (51, "empty", "", "incoming: the mailbox cannot be opened now: "),
    (77, "html", "", "incoming: the mailbox cannot be opened now: "),
    (98, "refused", "ErrorSendAsDenied", "outgoing: Exchange does not let you send as "),
    (130, "html", "", "calendar: it could not be found out who is busy: "),
    (199, "truncated", "", "incoming: the mailbox cannot be opened now: "),
];

#[tokio::test]
#[ignore = "opens 200 mailboxes; .ci/run does it with the optimised programs"]
async fn of_two_hundred_mailboxes_the_seven_that_fail_are_found_and_the_others_let_in() {
    let (simulator, site, names) = world(200).await;
    for (number, what, code, told) in SEEDED {
        let mut fault = json!({ "what": what, "user": names[number], "times": "forever" });
        if !code.is_empty() {
            fault["code"] = json!(code);
        }
        match told.split_once(':') {
            Some(("outgoing", _)) => fault["sends"] = json!(true),
            Some(("calendar", _)) => fault["operation"] = json!("GetUserAvailabilityRequest"),
            _ => {}
        }
        simulator.fault(fault).await;
    }
    let gateway = site.start().await;
    let output = site.exgate(&["account", "test", "--all", "--send", "--approve"], "");
    let (told, why) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(why.trim(), "exgate: 200 of 200 mailboxes were tried, 7 failed", "{told}");
    let lines: Vec<&str> = told.lines().collect();
    let failed = |name: &str| {
        let at = lines.iter().position(|line| line.starts_with(&format!("{name} ")) && line.contains("FAILED"));
        at.and_then(|at| lines.get(at + 1)).unwrap_or_else(|| panic!("{name}: {told}")).trim()
    };
    for (number, _, _, expected) in SEEDED {
        assert!(failed(&names[number]).starts_with(expected), "{}: {told}", names[number]);
    }
    assert!(failed(STRANGER).contains("Exchange has no mailbox of this name"), "{told}");
    let states = site.fine(&["account", "list"]);
    assert_eq!((states.matches("  open  ").count(), states.matches("  pending  ").count()), (193, 7), "{states}");
    gateway.stop().await;
}

#[tokio::test]
async fn a_gateway_that_is_killed_goes_on_where_it_was_and_so_does_the_command() {
    let (simulator, site, names) = world(12).await;
    let gateway = site.start().await;
    // Nothing is heard of this mailbox for now.
    simulator.fault(json!({ "what": "hang", "user": names[7], "times": "forever" })).await;
    let out = site.path().join("told");
    let child = Command::new(program("exgate"))
        .args(["account", "test", "--all", "--config"])
        .arg(site.path().join("exgate.toml"))
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(&out).unwrap())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = || std::fs::read_to_string(&out).unwrap().lines().filter(|line| !line.starts_with(' ')).count();
    eventually("some are tried", Duration::from_secs(30), async || (lines() >= 4).then_some(())).await;
    let busy = site.exgate(&["account", "test", &names[0]], "");
    assert!(String::from_utf8_lossy(&busy.stderr).contains("Trial 1 is not done"), "{busy:?}");
    gateway.kill().await;
    simulator.clear_faults().await;
    let gateway = site.start().await;
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    let told = std::fs::read_to_string(&out).unwrap();
    let why = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(why.trim(), "exgate: 12 of 12 mailboxes were tried, 1 failed", "{told}");
    assert!(told.contains(&format!("{}  incoming ok", names[7])), "it was tried again: {told}");
    for name in &names {
        assert_eq!(told.lines().filter(|line| line.starts_with(&format!("{name} "))).count(), 1, "{told}");
    }
    gateway.stop().await;
}
