//! The simulated server as an organisation: several front ends, those who act for others, limits, and bad days.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod client;
mod front_ends;
mod limits;
mod network;
mod outages;
mod services;
mod submission;
