//! Events of the corpus over a simulated Exchange: they come back as they were put, with nothing left in the gateway, and
//! what Exchange has of them says the same without the text that was kept.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod lab;

use std::path::Path;

use lab::Lab;
use lab::calendar::{Follower, if_none};
use mailbox::FolderId;
use mailbox::objects::{ObjectError, Objects, Precondition};
use pim::Component;

async fn calendar(account: &exchange::Account) -> FolderId {
    let collections = account.collections().await.unwrap();
    collections.iter().find(|it| it.name == "calendar").unwrap().id
}

fn corpus() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/events");
    let files = std::fs::read_dir(path).unwrap().map(|file| file.unwrap().path());
    let texts = files.filter(|path| path.extension().is_some_and(|extension| extension == "ics"));
    let mut texts: Vec<_> = texts
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(path).unwrap()))
        .collect();
    texts.sort();
    texts
}

fn parsed(text: &str) -> Component {
    pim::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}")).remove(0)
}

#[tokio::test]
async fn the_corpus_comes_back_from_exchange_alone() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let mut client = Follower::new(&gate.account, calendar(&gate.account).await);
    client.sync().await;
    let (mut troubles, mut stored) = (Vec::new(), Vec::new());
    for (name, text) in corpus() {
        match client.put(&name, &text, if_none()).await {
            Ok(_) => stored.push((name, text)),
            Err(ObjectError::Precondition(Precondition::Unrepresentable, _)) => {}
            Err(error) => troubles.push(format!("{name}: {error}")),
        }
    }
    assert!(stored.len() > 200, "{}", stored.len());
    drop((gate, client));
    std::fs::remove_dir_all(lab.state.path().join("maps")).unwrap();
    let gate = lab.sign_in().await;
    let mut client = Follower::new(&gate.account, calendar(&gate.account).await);
    client.sync().await;
    for (name, text) in stored {
        let served = client.text(&name).await;
        let different = pim::semantic_difference(&parsed(&text), &parsed(&served));
        // What the server says of its sending is its own.
        let different: Vec<_> = different.into_iter().filter(|line| !line.contains("SCHEDULE-")).collect();
        if !different.is_empty() {
            troubles.push(format!("{name}: {different:#?}"));
        }
    }
    assert!(troubles.is_empty(), "{} troubles\n{}", troubles.len(), troubles.join("\n"));
}
