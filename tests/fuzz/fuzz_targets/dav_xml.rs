#![no_main]

#[path = "../entries/dav_xml.rs"]
mod entry;

libfuzzer_sys::fuzz_target!(|data: &[u8]| entry::run(data));
