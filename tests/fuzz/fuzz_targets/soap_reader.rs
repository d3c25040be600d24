#![no_main]

#[path = "../entries/soap_reader.rs"]
mod entry;

libfuzzer_sys::fuzz_target!(|data: &[u8]| entry::run(data));
