//! Inputs that fuzzing found worth keeping (`tests/fuzz/corpus`), each through the entry point of its target, as every
//! other test: no fuzzer is needed, and what once went wrong does not come back unseen.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking; the entry points are those of the fuzz targets"
)]

#[path = "fuzz/entries/dav_xml.rs"]
mod dav_xml;
#[path = "fuzz/entries/discovery.rs"]
mod discovery;
#[path = "fuzz/entries/icalendar.rs"]
mod icalendar;
#[path = "fuzz/entries/imap_command.rs"]
mod imap_command;
#[path = "fuzz/entries/imap_framer.rs"]
mod imap_framer;
#[path = "fuzz/entries/ldap_session.rs"]
mod ldap_session;
#[path = "fuzz/entries/pop3_session.rs"]
mod pop3_session;
#[path = "fuzz/entries/proxied.rs"]
mod proxied;
#[path = "fuzz/entries/smtp_header.rs"]
mod smtp_header;
#[path = "fuzz/entries/smtp_session.rs"]
mod smtp_session;
#[path = "fuzz/entries/soap_reader.rs"]
mod soap_reader;
#[path = "fuzz/entries/vcard.rs"]
mod vcard;

use std::collections::BTreeSet;
use std::path::PathBuf;

type Entry = fn(&[u8]);

const TARGETS: &[(&str, Entry)] = &[
    ("dav_xml", dav_xml::run),
    ("discovery", discovery::run),
    ("icalendar", icalendar::run),
    ("imap_command", imap_command::run),
    ("imap_framer", imap_framer::run),
    ("ldap_session", ldap_session::run),
    ("pop3_session", pop3_session::run),
    ("proxied", proxied::run),
    ("smtp_header", smtp_header::run),
    ("smtp_session", smtp_session::run),
    ("soap_reader", soap_reader::run),
    ("vcard", vcard::run),
];
/// All files together: a repository is no archive.
const MOST_OCTETS: u64 = 300 << 10;
/// As many as show that something is tested.
const FEWEST: usize = 20;

#[test]
fn what_was_kept_goes_through() {
    let mut octets = 0;
    for (target, run) in TARGETS {
        let files = files(&format!("corpus/{target}"));
        assert!(files.len() >= FEWEST, "{target}: {} files", files.len());
        for file in files {
            let input = std::fs::read(&file).unwrap();
            octets += input.len() as u64;
            // The name stands above the panic.
            println!("{}", file.display());
            run(&input);
        }
    }
    assert!(octets <= MOST_OCTETS, "{octets} octets are kept");
}

#[test]
fn every_target_is_here() {
    let named = |folder: &str| -> BTreeSet<String> {
        files(folder).iter().map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
    };
    let here: BTreeSet<String> = TARGETS.iter().map(|(target, _)| (*target).to_owned()).collect();
    assert_eq!(named("fuzz_targets"), here);
    assert_eq!(named("entries"), here);
    assert_eq!(named("corpus"), here);
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
