//! Several clients of each kind at a mailbox, Outlook behind it, faults, and a gateway that is killed: every line is held
//! against what the standards allow, and what was answered with OK against what Exchange has in the end.
//!
//! `MODEL_STEPS` and `MODEL_SEEDS` make it longer: `MODEL_STEPS=5000 MODEL_SEEDS=40 cargo test --test e2e -- --ignored model::`.
//! `EXGATE_SEED` repeats a run, as far as clocks allow.

#[path = "model/client.rs"]
mod client;
#[path = "model/ledger.rs"]
mod ledger;
#[path = "model/line.rs"]
mod line;
#[path = "model/outlook.rs"]
mod outlook;
#[path = "model/session.rs"]
mod session;
#[path = "model/truth.rs"]
mod truth;
#[path = "model/world.rs"]
mod world;

use exgate_tests::Dice;
use world::World;

#[tokio::test]
async fn nothing_is_told_or_done_against_the_standards() {
    let seed = number("EXGATE_SEED").unwrap_or(21);
    println!("EXGATE_SEED={seed}");
    run(steps(220), Dice::seeded(seed)).await;
}

#[tokio::test]
#[ignore = "takes hours: MODEL_STEPS for each of MODEL_SEEDS"]
async fn nothing_in_the_long_run() {
    let seeds = number("MODEL_SEEDS").unwrap_or(20);
    let first = number("EXGATE_SEED").unwrap_or(1);
    for seed in first..first + seeds {
        println!("EXGATE_SEED={seed}");
        run(steps(2_000), Dice::seeded(seed)).await;
    }
}

async fn run(steps: u64, dice: Dice) {
    let mut world = World::new(dice).await;
    for step in 1..=steps {
        world.step().await;
        if step % 40 == 0 || step == steps {
            world.calm().await;
        }
    }
    world.end();
}

fn steps(otherwise: u64) -> u64 {
    number("MODEL_STEPS").unwrap_or(otherwise)
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().expect("a number"))
}
