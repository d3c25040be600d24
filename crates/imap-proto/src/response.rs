//! Answers, written into a `Vec<u8>`.
