//! What waits to be sent: without its owner, and in the operator's hands.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use exgate_tests::{Broken, Gateway, Options, PASSWORD, Site, Smtp, USER, eventually, program};
use serde_json::json;

const BOB: &str = "bob@demo.test";

/// Without its owner the gateway sends what waits only where it can open the mailbox by itself.
#[tokio::test]
async fn a_service_account_sends_what_waits_at_once() {
    let simulator = Options::preset("empty")
        .user(BOB)
        .with("--account", "svc@demo.test:service")
        .with("--impersonator", "svc@demo.test")
        .start()
        .await;
    let lines = "mode = \"impersonation\"\nservice = { user = \"svc@demo.test\", password = \"service\" }\n\
                 domains = [\"demo.test\"]\n";
    let site = Site::with(&simulator, lines);
    let gateway = site.start().await;
    simulator.fault(json!({"what": "unavailable", "operation": "CreateItem", "times": "forever"})).await;
    assert_eq!(send(gateway.submission, &message(1), &[BOB]).await.unwrap(), 250);
    gateway.kill().await;
    simulator.clear_faults().await;
    let gateway = site.start().await;
    site.until_nothing_waits().await;
    assert_eq!(arrived(&gateway).await, 1);
}

/// The operator sees what waits, tries it again, and takes it back.
#[tokio::test]
async fn what_waits_is_listed_tried_again_and_taken_back() {
    let simulator = Options::preset("empty").user(BOB).start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    simulator.fault(json!({"what": "busy", "operation": "CreateItem", "back_off": 200, "times": "forever"})).await;
    for number in [1, 2] {
        assert_eq!(send(gateway.submission, &message(number), &[BOB]).await.unwrap(), 250);
    }
    let run = |arguments: &[&str]| {
        let config = site.path().join("exgate.toml");
        let out =
            Command::new(program("exgate")).arg("spool").args(arguments).arg("--config").arg(config).output().unwrap();
        (out.status.code(), String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr))
    };
    let (code, list) = run(&["list"]);
    assert_eq!((code, list.matches("handed over").count()), (Some(0), 2), "{list}");
    assert!(list.contains(BOB) && list.contains(&format!("needs {USER} to be signed in")), "{list}");
    assert_eq!(run(&["drop", "zz"]).0, Some(2));
    let ids: Vec<&str> =
        list.lines().filter(|line| !line.starts_with(' ')).filter_map(|line| line.split(' ').next()).collect();
    eventually("one of them waits, and is taken back", Duration::from_secs(60), async || {
        // One that is being tried just now stays.
        ids.iter().map(|id| run(&["drop", id])).find(|(code, said)| {
            assert!(said.contains(if *code == Some(0) { "nobody gets it" } else { "is being sent" }), "{said}");
            *code == Some(0)
        })
    })
    .await;
    // While Exchange is busy still, or it would be sent without being told to.
    assert!(run(&["retry"]).1.contains("1 message is to be tried again"));
    simulator.clear_faults().await;
    let _signed_in = gateway.login().await;
    site.until_nothing_waits().await;
    assert_eq!(arrived(&gateway).await, 1);
    assert_eq!(run(&["list"]), (Some(0), "nothing waits\n".to_owned()));
}

fn message(number: usize) -> String {
    format!(
        "From: {USER}\r\nTo: {BOB}\r\nSubject: number {number}\r\nDate: Mon, 20 Nov 2023 10:00:00 +0000\r\n\
         Message-ID: <{number}@client.demo.test>\r\n\r\nHello {number}\r\n"
    )
}

/// One try; the code of the first refusal, or of the end.
async fn send(place: SocketAddr, message: &str, recipients: &[&str]) -> Result<u16, Broken> {
    let mut smtp = Smtp::sign_in(place).await?;
    Ok(smtp.send("", message.as_bytes(), recipients).await?.code)
}

/// How many messages bob has, once there is one.
async fn arrived(gateway: &Gateway) -> usize {
    let mut imap = gateway.connect().await;
    imap.ok(&format!("LOGIN {BOB} {PASSWORD}")).await;
    loop {
        imap.select("INBOX").await;
        match imap.message_ids().await.len() {
            0 => tokio::time::sleep(Duration::from_millis(100)).await,
            found => return found,
        }
    }
}
