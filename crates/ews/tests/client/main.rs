//! The whole client against a server that plays a script.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod failover;
mod fake;
mod lanes;
mod streams;
mod tls;
mod tokens;
mod trace;
mod transport;
mod web;
