//! What is wrong with a configuration, in a sentence.

use std::fmt;
use std::path::{Path, PathBuf};

/// A mistake in the configuration: one sentence that names the file, the key and what to do.
#[derive(Debug)]
pub(crate) struct Mistake {
    file: PathBuf,
    key: String,
    sentence: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" | "." => write!(f, "{}: {}", self.file.display(), self.sentence),
            key => write!(f, "{}: {key}: {}", self.file.display(), self.sentence),
        }
    }
}

impl Mistake {
    pub(super) fn new(file: &Path, key: impl Into<String>, sentence: String) -> Self {
        Self { file: file.to_owned(), key: key.into(), sentence }
    }
}

/// Fails if the file a key names cannot be read.
pub(super) fn readable(file: &Path, key: &str, path: &Path) -> Result<(), Mistake> {
    match std::fs::File::open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Mistake::new(file, key, format!("file {} not found", path.display())))
        }
        Err(error) => Err(Mistake::new(file, key, format!("file {} cannot be read: {error}", path.display()))),
    }
}

/// The parser's words, in one line, with the line they are about.
pub(super) fn at_line(text: &str, span: Option<std::ops::Range<usize>>, message: &str) -> String {
    let message = message.replace("unknown field", "unknown key").replace("missing field", "missing key");
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    match span.and_then(|span| text.get(..span.start)) {
        Some(before) => format!("{message} (line {})", before.matches('\n').count() + 1),
        None => message,
    }
}
