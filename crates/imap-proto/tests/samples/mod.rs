//! The sample commands.

/// Lines of a file, `⏎` made CRLF, comments left out.
pub(crate) fn lines(file: &str) -> Vec<Vec<u8>> {
    let lines = file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.replace('⏎', "\r\n").into_bytes()).collect()
}

/// Commands that are understood.
pub(crate) fn good() -> Vec<Vec<u8>> {
    lines(include_str!("good.txt"))
}

/// Beginnings of APPEND.
pub(crate) fn append() -> Vec<Vec<u8>> {
    lines(include_str!("append.txt"))
}
