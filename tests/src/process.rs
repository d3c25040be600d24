//! The programs of this workspace, built as the test itself was built, run as processes that die with the test.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// A running program that has said `ready`. It is killed, and gone, when this goes out of scope.
pub struct Program {
    name: String,
    child: Child,
    errors: PathBuf,
    lines: Vec<String>,
}

impl Program {
    /// Starts `name` with `arguments`, keeps what it writes to standard error in `errors`, and waits for the line
    /// `ready`.
    ///
    /// # Panics
    /// If the program cannot be started, ends, or is not ready in a minute.
    pub async fn start(name: &str, arguments: &[String], errors: &Path) -> Self {
        Self::try_start(name, arguments, errors).await.unwrap_or_else(|report| panic!("{report}"))
    }

    /// As [`Program::start`].
    ///
    /// # Errors
    /// What the program wrote, if it ended before it was ready.
    pub async fn try_start(name: &str, arguments: &[String], errors: &Path) -> Result<Self, String> {
        let log = File::options().create(true).append(true).open(errors).expect("a file for standard error");
        let mut child = Command::new(program(name))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let mut output = BufReader::new(child.stdout.take().expect("standard output is piped")).lines();
        let mut lines = Vec::new();
        match timeout(START, until_ready(&mut output, &mut lines)).await {
            Ok(true) => {}
            Ok(false) => {
                let status = child.wait().await.expect("the program has ended");
                return Err(format!("{name} ended ({status}) before it was ready:\n{lines:#?}\n{}", tail(errors)));
            }
            Err(_) => panic!("{name} was not ready in {START:?}: {lines:#?}\n{}", tail(errors)),
        }
        // Somebody must go on reading, or the program's next line finds the pipe full or closed.
        tokio::spawn(async move { while let Ok(Some(_)) = output.next_line().await {} });
        Ok(Self { name: name.to_owned(), child, errors: errors.to_owned(), lines })
    }

    /// The rest of the first line that begins with `word`: an address, mostly.
    ///
    /// # Panics
    /// If the program printed no such line before `ready`.
    #[must_use]
    pub fn announced(&self, word: &str) -> String {
        self.announced_all(word)
            .next()
            .unwrap_or_else(|| panic!("{} printed no {word} line: {:#?}", self.name, self.lines))
    }

    /// Everything printed before `ready`.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Process id.
    ///
    /// # Panics
    /// If the program has ended.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id().unwrap_or_else(|| panic!("{} has ended:\n{}", self.name, tail(&self.errors)))
    }

    /// `kill -9`, and waits until it is gone.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("the program can be killed");
    }

    /// SIGTERM, and waits for the end.
    ///
    /// # Panics
    /// If it takes long, or the program does not end well.
    pub async fn stop(mut self) {
        let killed = Command::new("kill").arg("-TERM").arg(self.id().to_string()).status().await;
        assert!(killed.expect("kill runs").success());
        let status = timeout(STOP, self.child.wait())
            .await
            .unwrap_or_else(|_| panic!("{} did not end within {STOP:?} of SIGTERM:\n{}", self.name, tail(&self.errors)))
            .expect("the program can be waited for");
        assert!(status.success(), "{} ended with {status}:\n{}", self.name, tail(&self.errors));
    }

    /// Resident memory now, in bytes.
    #[must_use]
    pub fn resident(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// Resident memory now, in bytes, without pages of its program file: the kernel maps more or fewer of those as it
    /// happens to have them.
    #[must_use]
    pub fn resident_data(&self) -> u64 {
        self.memory("RssAnon:") + self.memory("RssShmem:")
    }

    /// The most memory that was resident since the start or since [`Program::forget_peak`], in bytes.
    #[must_use]
    pub fn peak(&self) -> u64 {
        self.memory("VmHWM:")
    }

    /// Sets the high-water mark back to what is resident now (proc(5), clear_refs).
    ///
    /// # Panics
    /// If the kernel refuses.
    pub fn forget_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.id()), "5").expect("the high-water mark can be reset");
    }

    /// Of the pages of its program and libraries, in bytes, those that were used since the start or since [`Program::forget_use`]. The
    /// others need not be resident, though the kernel may have mapped them along.
    ///
    /// # Panics
    /// If the kernel does not tell.
    #[must_use]
    pub fn used_program(&self) -> u64 {
        let maps = fs::read_to_string(format!("/proc/{}/smaps", self.id())).expect("the process has maps");
        let (mut is_file, mut kb) = (false, 0);
        for line in maps.lines() {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            match words[..] {
                [range, _, _, _, inode, ..] if range.contains('-') => is_file = inode != "0",
                ["Referenced:", used, "kB"] if is_file => kb += used.parse::<u64>().expect("a number of kB"),
                _ => {}
            }
        }
        kb * 1024
    }

    /// Forgets which pages were used (proc(5), clear_refs).
    ///
    /// # Panics
    /// If the kernel refuses.
    pub fn forget_use(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.id()), "1").expect("what was used can be forgotten");
    }

    fn announced_all(&self, word: &str) -> impl Iterator<Item = String> {
        self.lines
            .iter()
            .filter_map(move |line| line.strip_prefix(word)?.strip_prefix(' ').map(|rest| rest.trim().to_owned()))
    }

    fn memory(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).expect("the process has a status");
        let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("the status has the field");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number of kB") * 1024
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- {} said at last:\n{}", self.name, tail(&self.errors));
        }
        // The next one may want its port or its state at once.
        let _ = self.child.start_kill();
        while let Ok(None) = self.child.try_wait() {
            std::thread::yield_now();
        }
    }
}

/// The path of a program of this workspace, built if need be: with the profile and in the target directory of the
/// running test. `EXGATE_BIN` names a directory with programs to take instead.
///
/// # Panics
/// If it cannot be built.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    let directory = DIRECTORY.get_or_init(|| match std::env::var_os("EXGATE_BIN") {
        Some(directory) => directory.into(),
        None => build(),
    });
    directory.join(name)
}

/// The test lies in `<target>/<profile>/deps`, so the programs go to `<target>/<profile>`.
///
/// Cargo builds a package's programs along with its integration tests. Asking for these, of the whole workspace, means
/// the same features as in `cargo test --workspace`: after that there is nothing left to build.
fn build() -> PathBuf {
    let test = std::env::current_exe().expect("the test has a path");
    let profile = test.parent().and_then(Path::parent).expect("the test lies in <target>/<profile>/deps");
    let target = profile.parent().expect("the profile lies in the target directory");
    let mut cargo = std::process::Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["test", "--quiet", "--workspace", "--no-run", "--test", "*", "--target-dir"]).arg(target);
    cargo.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    // A test run sets these for the test's own package; the programs are to be built as on the command line.
    for (name, _) in
        std::env::vars().filter(|(name, _)| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
    {
        cargo.env_remove(name);
    }
    assert!(cargo.status().expect("cargo runs").success(), "the programs do not build");
    profile.to_owned()
}

async fn until_ready(output: &mut Lines<BufReader<ChildStdout>>, lines: &mut Vec<String>) -> bool {
    while let Ok(Some(line)) = output.next_line().await {
        if line.trim() == "ready" {
            return true;
        }
        lines.push(line);
    }
    false
}

fn tail(errors: &Path) -> String {
    let text = fs::read(errors).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(45);

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use crate::Options;

    #[tokio::test]
    async fn what_goes_out_of_scope_is_gone() {
        let simulator = Options::preset("empty").start().await;
        let process = PathBuf::from(format!("/proc/{}", simulator.program.id()));
        assert!(process.exists());
        drop(simulator);
        assert!(!process.exists());
    }
}
