//! The backend in front of a simulated Exchange, without a front end. `cargo test -p exchange --test backend submit::` runs
//! those of one file.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod copies;
mod drafts;
mod events;
mod faults;
mod interruptions;
mod lab;
mod lost_map;
mod mail;
mod many;
mod meetings;
mod object_faults;
mod objects;
mod passwords;
mod people;
mod renderings;
mod submit;
mod things;
mod together;
mod tokens;
mod versions;
