#![no_main]

#[path = "../entries/ldap_session.rs"]
mod entry;

libfuzzer_sys::fuzz_target!(|data: &[u8]| entry::run(data));
