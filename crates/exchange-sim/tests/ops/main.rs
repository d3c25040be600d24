//! Conversations with the simulator; each answer is held against Microsoft's schema.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod acting;
mod archive;
mod availability;
mod calendar;
mod contacts;
mod directory;
mod documentation;
mod folders;
mod mail;
mod meetings;
mod notifications;
mod public_folders;
mod quota;
mod rooms;
mod search;
mod sending;
mod servers;
mod sharing;
mod soap;
mod sync;
mod tasks;
mod versions;
