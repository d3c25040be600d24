//! Random deeds, ours and others', pages that come late or twice, migrations and kills, against a model of Exchange.
//!
//! After each deed: UIDs ascend and none comes back, `delta` explains the difference, counts are right. After each full
//! synchronisation: every message is there once with its flags, no UID ever named other content, and equal EMAILIDs
//! mean equal content. After a migration in peace, every UID is still there.

mod exchange;
mod world;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::Place;
use world::World;

/// Runs `cases` random stories, each on a place of its own.
pub fn run<P: Place>(cases: u32, fresh: impl Fn() -> P) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let stories = prop::collection::vec(deed(), 1..70);
    let outcome = runner.run(&stories, |story| {
        runtime.block_on(async {
            let mut world = World::new(fresh()).await;
            for deed in &story {
                world.perform(deed).await;
                world.look().await;
            }
            world.perform(&Deed::Settle).await;
        });
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

/// Something that happens. Numbers pick what it happens to.
#[derive(Clone, Debug)]
enum Deed {
    /// Mail comes, of one of several kinds.
    Deliver {
        folder: usize,
        kind: u8,
    },
    /// Somebody else copies, moves, deletes, flags or edits.
    Copy {
        pick: usize,
        to: usize,
    },
    Move {
        pick: usize,
        to: usize,
    },
    Delete {
        pick: usize,
    },
    Flag {
        pick: usize,
        flags: u8,
    },
    Edit {
        pick: usize,
    },
    /// A draft is edited so that only its ChangeKey tells.
    EditQuietly {
        pick: usize,
    },
    /// One page is fetched and applied.
    Page {
        folder: usize,
        size: usize,
    },
    /// The same, but its answer is lost and it is applied again.
    PageTwice {
        folder: usize,
        size: usize,
    },
    /// A page is fetched now and applied later.
    Hold {
        folder: usize,
    },
    Late,
    /// We add, move, copy, flag or remove.
    Append {
        folder: usize,
        kind: u8,
    },
    OurMove {
        folder: usize,
        pick: usize,
        to: usize,
    },
    OurCopy {
        folder: usize,
        pick: usize,
        to: usize,
    },
    OurFlag {
        folder: usize,
        pick: usize,
        flags: u8,
    },
    OurRemove {
        folder: usize,
        pick: usize,
    },
    /// Every id in the mailbox becomes another.
    Migrate,
    /// The same while nothing else happens.
    MigrateInPeace,
    /// A folder is listed anew, for no reason.
    Relist {
        folder: usize,
    },
    /// The process is killed and started again.
    Kill,
    /// Everything is synchronised and compared.
    Settle,
}

fn deed() -> impl Strategy<Value = Deed> {
    let (folder, to, pick) = (0..2usize, 0..2usize, 0..1000usize);
    let (kind, flags, size) = (0..7u8, 0..16u8, 1..4usize);
    prop_oneof![
        8 => (folder.clone(), kind.clone()).prop_map(|(folder, kind)| Deed::Deliver { folder, kind }),
        3 => (pick.clone(), to.clone()).prop_map(|(pick, to)| Deed::Copy { pick, to }),
        3 => (pick.clone(), to.clone()).prop_map(|(pick, to)| Deed::Move { pick, to }),
        2 => pick.clone().prop_map(|pick| Deed::Delete { pick }),
        3 => (pick.clone(), flags.clone()).prop_map(|(pick, flags)| Deed::Flag { pick, flags }),
        2 => pick.clone().prop_map(|pick| Deed::Edit { pick }),
        1 => pick.clone().prop_map(|pick| Deed::EditQuietly { pick }),
        8 => (folder.clone(), size.clone()).prop_map(|(folder, size)| Deed::Page { folder, size }),
        3 => (folder.clone(), size).prop_map(|(folder, size)| Deed::PageTwice { folder, size }),
        3 => folder.clone().prop_map(|folder| Deed::Hold { folder }),
        3 => Just(Deed::Late),
        2 => (folder.clone(), kind).prop_map(|(folder, kind)| Deed::Append { folder, kind }),
        3 => (folder.clone(), pick.clone(), to.clone()).prop_map(|(folder, pick, to)| Deed::OurMove { folder, pick, to }),
        2 => (folder.clone(), pick.clone(), to).prop_map(|(folder, pick, to)| Deed::OurCopy { folder, pick, to }),
        3 => (folder.clone(), pick.clone(), flags).prop_map(|(folder, pick, flags)| Deed::OurFlag { folder, pick, flags }),
        2 => (folder.clone(), pick).prop_map(|(folder, pick)| Deed::OurRemove { folder, pick }),
        1 => Just(Deed::Migrate),
        1 => Just(Deed::MigrateInPeace),
        1 => folder.prop_map(|folder| Deed::Relist { folder }),
        2 => Just(Deed::Kill),
        3 => Just(Deed::Settle),
    ]
}
