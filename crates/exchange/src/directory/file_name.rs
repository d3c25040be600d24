//! Names of people and organisations as names of files.

use sha2::{Digest, Sha256};

/// A file name that tells one name from every other: letters, digits and `@._+-` stand for themselves.
pub(crate) fn file_name(name: &str) -> String {
    let mut safe = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'@' | b'_' | b'+' | b'-' => safe.push(byte as char),
            b'.' if !safe.is_empty() => safe.push('.'),
            other => safe.push_str(&format!("%{other:02x}")),
        }
    }
    if safe.len() > LONGEST_FILE_NAME {
        let hash: [u8; 32] = Sha256::digest(name).into();
        safe.truncate(LONGEST_FILE_NAME - 40);
        safe.push('%');
        hash.iter().take(16).for_each(|byte| safe.push_str(&format!("{byte:02x}")));
    }
    safe
}

const LONGEST_FILE_NAME: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_safe_and_different() {
        assert_eq!(file_name("anna@one.example"), "anna@one.example");
        assert_eq!(file_name("../x"), "%2e.%2fx");
        assert_ne!(file_name("a/b"), file_name("a%2fb"));
        let long = file_name(&"ä".repeat(300));
        assert!(long.len() <= LONGEST_FILE_NAME);
        assert_ne!(long, file_name(&"ä".repeat(301)));
    }
}
