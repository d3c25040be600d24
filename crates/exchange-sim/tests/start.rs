//! How long the program takes to start: tests and demonstrations start it again and again.
//!
//! Measured as the operator would, from the command to the line `ready`, and in release only:
//! `cargo test --release -p exchange-sim --test start -- --nocapture`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

#[test]
#[cfg_attr(debug_assertions, ignore = "measured in release")]
fn the_demonstration_starts_within_a_second() {
    within("demo", Duration::from_secs(1));
}

#[test]
#[cfg_attr(debug_assertions, ignore = "measured in release")]
fn ten_thousand_events_are_there_within_two_seconds() {
    within("calendar:10000", Duration::from_secs(2));
}

/// The best of three counts: others may want the processor too.
fn within(preset: &str, limit: Duration) {
    let best = (0..3).map(|_| start(preset)).min().unwrap();
    eprintln!("{preset}: {} ms", best.as_millis());
    assert!(best < limit, "{preset}: {best:?}");
}

fn start(preset: &str) -> Duration {
    let begin = Instant::now();
    let mut server = Command::new(env!("CARGO_BIN_EXE_exchange-sim"))
        .args(["--listen", "127.0.0.1:0", "--preset", preset])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let ready = lines.map_while(Result::ok).any(|line| line == "ready");
    let took = begin.elapsed();
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(ready, "{preset} did not start");
    took
}
