//! Where Autodiscover found mailboxes: on disk, so that a restart does not depend on Autodiscover.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::file_name::file_name;

/// What is known of one organisation's mailboxes.
pub(super) struct Endpoints {
    file: PathBuf,
    known: Mutex<BTreeMap<String, Known>>,
    /// What Autodiscover called their servers in this run (`GroupingInformation`).
    groupings: Mutex<BTreeMap<String, String>>,
}

struct Known {
    url: String,
    /// When Autodiscover was last asked because that server failed; not in this run if None.
    asked: Option<Instant>,
}

impl Endpoints {
    /// Reads what an earlier run found. A file that cannot be read costs no more than asking again.
    pub(super) fn load(state: &Path, organisation: &str) -> Endpoints {
        let file = state.join("endpoints").join(format!("{}.json", file_name(organisation)));
        let read = fs::read(&file).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
        let read = read.as_ref().and_then(Value::as_object).into_iter().flatten();
        let known = read
            .filter_map(|(address, url)| Some((address.clone(), Known { url: url.as_str()?.to_owned(), asked: None })));
        Endpoints { known: Mutex::new(known.collect()), groupings: Mutex::default(), file }
    }

    /// The server of an address, if it was found before.
    pub(super) fn known(&self, address: &str) -> Option<String> {
        self.lock().get(address).map(|known| known.url.clone())
    }

    /// The server of an address, if Autodiscover may be asked about it again. It then counts as asked.
    pub(super) fn stale(&self, address: &str, age: Duration) -> Option<String> {
        let mut all = self.lock();
        let known = all.get_mut(address)?;
        if known.asked.is_some_and(|asked| asked.elapsed() < age) {
            return None;
        }
        known.asked = Some(Instant::now());
        Some(known.url.clone())
    }

    /// Autodiscover found a server.
    pub(super) fn keep(&self, address: &str, url: &str) {
        let mut all = self.lock();
        let asked = all.get(address).and_then(|known| known.asked);
        let before = all.insert(address.to_owned(), Known { url: url.to_owned(), asked });
        if before.is_some_and(|before| before.url == url) {
            return;
        }
        let told: BTreeMap<&str, Value> =
            all.iter().map(|(address, known)| (address.as_str(), json!(known.url))).collect();
        if let Err(error) = write(&self.file, &json!(told).to_string()) {
            tracing::warn!(file = %self.file.display(), %error, "what Autodiscover found cannot be kept");
        }
    }

    /// Autodiscover told what a mailbox's servers are called, or does not tell any more.
    pub(super) fn group(&self, address: &str, grouping: Option<String>) {
        let mut all = self.groupings.lock().unwrap_or_else(PoisonError::into_inner);
        match grouping {
            Some(grouping) => all.insert(address.to_owned(), grouping),
            None => all.remove(address),
        };
    }

    /// What a mailbox's servers are called, if Autodiscover told in this run.
    pub(super) fn grouping(&self, address: &str) -> Option<String> {
        self.groupings.lock().unwrap_or_else(PoisonError::into_inner).get(address).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All or nothing, also if the machine stops.
pub(super) fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let directory = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut temporary = tempfile::NamedTempFile::new_in(directory)?;
    temporary.write_all(text.as_bytes())?;
    temporary.as_file().sync_all()?;
    temporary.persist(file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_outlives_the_run() {
        let state = tempfile::tempdir().unwrap();
        let found = Endpoints::load(state.path(), "main");
        assert_eq!(found.known("a@x.example"), None);
        found.keep("a@x.example", "https://one.example/");
        found.keep("b@x.example", "https://two.example/");
        let again = Endpoints::load(state.path(), "main");
        assert_eq!(again.known("b@x.example").as_deref(), Some("https://two.example/"));
        assert_eq!(Endpoints::load(state.path(), "other").known("b@x.example"), None);
    }

    #[test]
    fn it_is_looked_at_again_at_once_and_then_once_an_hour() {
        let state = tempfile::tempdir().unwrap();
        let found = Endpoints::load(state.path(), "main");
        let hour = Duration::from_secs(3600);
        found.keep("a@x.example", "https://one.example/");
        let again = Endpoints::load(state.path(), "main");
        for known in [&found, &again] {
            assert_eq!(known.stale("a@x.example", hour).as_deref(), Some("https://one.example/"));
            known.keep("a@x.example", "https://two.example/");
            assert_eq!(known.stale("a@x.example", hour), None, "not twice within the hour");
            let long_ago = Instant::now().checked_sub(hour);
            known.lock().get_mut("a@x.example").unwrap().asked = long_ago;
            assert_eq!(known.stale("a@x.example", hour).as_deref(), Some("https://two.example/"));
            known.keep("a@x.example", "https://one.example/");
        }
    }
}
