//! The same mail from every version of Exchange, with what each can do.

use std::time::Duration;

use crate::lab::{ANNA, Lab, new_message, path};
use exchange_sim::{MimeMode, Version};
use idmap::IdMap;
use mailbox::{Flags, Keyword, Mail, SpecialUse, SystemFlags};

const VERSIONS: [Version; 8] = [
    Version::Exchange2007Sp1,
    Version::Exchange2010,
    Version::Exchange2010Sp1,
    Version::Exchange2010Sp2,
    Version::Exchange2013,
    Version::Exchange2013Sp1,
    Version::Exchange2016,
    Version::ExchangeSe,
];

#[tokio::test]
async fn every_version_serves_mail() {
    let mut runs = tokio::task::JoinSet::new();
    for version in VERSIONS {
        runs.spawn(async move {
            let mut lab = Lab::with(version, MimeMode::Render).await;
            lab.settings.poll = std::time::Duration::from_millis(200);
            lab.fill(20);
            lab.exchange.name_folder(ANNA, "deleteditems", "Papelera").unwrap();
            let gate = lab.sign_in().await;
            assert_eq!(gate.folder(&["Papelera"]).await.special_use, Some(SpecialUse::Trash), "{version:?}");
            let inbox = gate.inbox().await;
            let uids = gate.uids(inbox).await;
            assert_eq!(uids.len(), 20, "{version:?}");
            let details = gate.account.details(inbox, &uids).await.unwrap();
            assert!(details.is_sorted_by_key(|row| row.received), "{version:?}");
            let headers = gate.account.headers(inbox, &uids).await.unwrap();
            for ((_, content), (_, header)) in gate.all_contents(inbox, &uids).await.iter().zip(&headers) {
                assert!(content.starts_with(header.as_ref().unwrap()), "{version:?}");
            }
            gate.mark(inbox, &uids[..10], SystemFlags::SEEN.with(SystemFlags::FLAGGED)).await;
            let target = gate.account.create_folder(&path(&["A", "B"])).await.unwrap();
            let moved = gate.account.relocate(inbox, &uids[..5], target).await.unwrap();
            assert_eq!((moved.pairs.len(), moved.failed.len()), (5, 0), "{version:?}");
            let flags = Flags::new(SystemFlags::SEEN, [Keyword::new("Work")]);
            let uid =
                gate.account.append(target, new_message("Subject: a\r\n\r\nb\r\n", flags.clone())).await.unwrap().uid;
            let entries = gate.until(target, |entries| entries.len() == 6).await;
            assert_eq!(entries.iter().find(|entry| entry.uid == uid).unwrap().flags, flags, "{version:?}");
            gate.mark(inbox, &uids[5..6], SystemFlags::DELETED).await;
            assert_eq!(gate.account.expunge(inbox, None).await.unwrap().gone, uids[5..6], "{version:?}");
            lab.deliver("Subject: new\r\n\r\nx\r\n");
            let entries = gate.until(inbox, |entries| entries.len() == 15).await;
            let seen = entries.iter().filter(|entry| entry.flags.system.contains(SystemFlags::FLAGGED)).count();
            assert_eq!(seen, 4, "{version:?}");
            gate.account.delete_folder(&path(&["A", "B"])).await.unwrap();
            gate.account.delete_folder(&path(&["A"])).await.unwrap();
        });
    }
    while let Some(run) = runs.join_next().await {
        run.unwrap();
    }
}

/// What a server understands is kept for the next run, also where it has no streams.
#[tokio::test]
async fn the_version_is_kept() {
    let known = [(Version::Exchange2007Sp1, "Exchange2007_SP1"), (Version::Exchange2010Sp2, "Exchange2010_SP2")];
    for (version, word) in known {
        let lab = Lab::with(version, MimeMode::Render).await;
        let gate = lab.sign_in().await;
        gate.inbox().await;
        let map = idmap::sqlite::open(&lab.state.path().join("maps/test"), ANNA).await.unwrap();
        let kept = async {
            while map.note("version").await.unwrap().as_deref() != Some(word) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), kept).await.unwrap();
    }
}
