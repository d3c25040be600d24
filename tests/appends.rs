//! Messages that are added together, and drafts that are replaced, under `kill -9` at random moments: all of them or none,
//! and never no draft at all.

use std::time::Duration;

use exgate_tests::{Broken, Dice, Gateway, Imap, Options, Simulator, Site, Status, eventually, letter};
use tokio::time::timeout;

const KILLS: u32 = 12;
const TOGETHER: usize = 6;

#[tokio::test]
async fn killed_while_messages_are_added_together() {
    let mut dice = Dice::cast("killed_while_messages_are_added_together");
    let simulator = Options::preset("empty").latency(20).start().await;
    let site = Site::new(&simulator);
    let (mut whole, mut none) = (0, 0);
    for round in 0..KILLS {
        let gateway = site.start().await;
        let mut imap = gateway.login().await;
        imap.select("INBOX").await;
        let answered = timeout(dice.moment(Duration::from_millis(300)), append_all(&mut imap, round)).await;
        let promised = matches!(answered, Ok(Ok(())));
        gateway.kill().await;
        let gateway = site.start().await;
        // The mailbox comes to life with its owner, and what was begun is taken back.
        let mut imap = gateway.login().await;
        let left = eventually("all or none", Duration::from_secs(30), || async {
            let left = there(&simulator, round).await;
            (left == 0 || left == TOGETHER).then_some(left)
        })
        .await;
        assert!(!promised || left == TOGETHER, "round {round}: told that they are there, and {left} are");
        if promised {
            whole += 1;
            imap.select("INBOX").await;
            let ids = imap.message_ids().await;
            assert_eq!(ids.values().filter(|id| id.contains(&format!("<r{round}-"))).count(), TOGETHER);
        } else {
            none += 1;
        }
        gateway.stop().await;
    }
    println!("{whole} times all were added, {none} times the answer never came");
}

async fn append_all(imap: &mut Imap, round: u32) -> Result<(), Broken> {
    let mut rest: Vec<u8> = Vec::new();
    let mut first = String::new();
    for number in 0..TOGETHER {
        let message = letter(&format!("r{round}-{number}"));
        let announced = format!("(\\Seen) {{{}+}}", message.len());
        if number == 0 {
            first = format!("APPEND INBOX {announced}");
        } else {
            rest.extend_from_slice(format!(" {announced}\r\n").as_bytes());
        }
        rest.extend_from_slice(&message);
    }
    let tag = imap.begin(&first).await?;
    imap.send(&rest).await?;
    imap.send(b"\r\n").await?;
    let answer = imap.end(&tag).await?;
    assert!(answer.status == Status::Ok, "{}", answer.text);
    assert!(answer.code("APPENDUID").split(' ').nth(1).is_some_and(|uids| uids.contains(':')), "{}", answer.text);
    Ok(())
}

async fn there(simulator: &Simulator, round: u32) -> usize {
    let wanted = format!("<r{round}-");
    simulator.messages().await.iter().filter(|(_, id)| id.contains(&wanted)).count()
}

#[tokio::test]
async fn killed_while_a_draft_is_replaced() {
    let mut dice = Dice::cast("killed_while_a_draft_is_replaced");
    let simulator = Options::preset("empty").latency(20).start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    let mut last = imap.append("Drafts", "\\Draft", &letter("draft-0")).await;
    gateway.stop().await;
    for round in 1..=KILLS {
        let gateway = site.start().await;
        let replaced = timeout(dice.moment(Duration::from_millis(400)), replace(&gateway, last, round)).await;
        gateway.kill().await;
        let gateway = site.start().await;
        let mut imap = gateway.login().await;
        imap.select("Drafts").await;
        let drafts = imap.message_ids().await;
        let new = format!("<draft-{round}@letters.test>");
        assert!(!drafts.is_empty(), "round {round}: the draft is lost");
        assert!(drafts.len() <= 2, "round {round}: {drafts:?}");
        if matches!(replaced, Ok(Ok(()))) {
            assert_eq!(drafts.values().collect::<Vec<_>>(), [&new], "round {round}: told that it is replaced");
        }
        // Whoever comes back goes on with the newest, and clears up what it replaces.
        last = *drafts.keys().last().unwrap();
        for old in drafts.keys().filter(|uid| **uid != last) {
            imap.ok(&format!("UID STORE {old} +FLAGS.SILENT (\\Deleted)")).await;
            imap.ok(&format!("UID EXPUNGE {old}")).await;
        }
        gateway.stop().await;
    }
}

async fn replace(gateway: &Gateway, uid: u32, round: u32) -> Result<(), Broken> {
    let mut imap = gateway.try_connect().await?;
    let login = format!("LOGIN {} {}", exgate_tests::USER, exgate_tests::PASSWORD);
    for command in [login.as_str(), "SELECT Drafts"] {
        let answer = imap.try_command(command).await?;
        assert!(answer.status == Status::Ok, "{command}: {}", answer.text);
    }
    let message = letter(&format!("draft-{round}"));
    let tag = imap.begin(&format!("UID REPLACE {uid} Drafts (\\Draft) {{{}+}}", message.len())).await?;
    imap.send(&message).await?;
    imap.send(b"\r\n").await?;
    let answer = imap.end(&tag).await?;
    assert!(answer.status == Status::Ok, "{}", answer.text);
    Ok(())
}
