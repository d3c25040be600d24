//! Who may use the file when: one writer at a time, which commits together what waits together, and readers that
//! see the last commit and wait for nobody. A mailbox in which nothing happens holds no file open, and no memory for it.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::file;
use crate::tables::fault::{Fault, Outcome};
use crate::{Error, Result, sql};

/// The connections to one file.
pub(crate) struct Pool {
    file: PathBuf,
    mailbox: String,
    // Dropped before the writer, so that the last connection to close may fold the journal into the file.
    readers: Mutex<Vec<Connection>>,
    writer: Mutex<Option<Connection>>,
    waiting: Mutex<Waiting>,
    commits: AtomicU64,
    usage: Mutex<Usage>,
}

/// When the file was used last, and whether somebody looks after its connections.
struct Usage {
    last: Instant,
    attended: bool,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Box<dyn Job>>,
    /// True while somebody is working the jobs off.
    attended: bool,
}

impl Pool {
    /// Opens or makes the file. Blocks.
    pub(crate) fn open(file: PathBuf, mailbox: &str) -> Result<Self> {
        let writer = Mutex::new(Some(file::open_writer(&file, mailbox)?));
        Ok(Self {
            file,
            mailbox: mailbox.to_owned(),
            writer,
            waiting: Mutex::default(),
            readers: Mutex::default(),
            commits: AtomicU64::new(0),
            usage: Mutex::new(Usage { last: Instant::now(), attended: false }),
        })
    }

    /// How many commits there were.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::SeqCst)
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Runs `work` in a transaction. When this returns, it is on disk; if it is dropped, it is done all the same.
    pub(crate) async fn write<T, F>(self: &Arc<Self>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&sql::Connection) -> Outcome<T> + Send + 'static,
    {
        self.used();
        let (reply, answer) = oneshot::channel();
        let attend = {
            let mut waiting = locked(&self.waiting);
            waiting.jobs.push_back(Box::new(Task { work: Some(work), outcome: None, reply }));
            !std::mem::replace(&mut waiting.attended, true)
        };
        if attend {
            let pool = Arc::clone(self);
            tokio::task::spawn_blocking(move || pool.work_off());
        }
        answer.await.map_err(|_| Error::Closed)?
    }

    /// Runs `work` on the state of the last commit.
    pub(crate) async fn read<T, F>(self: &Arc<Self>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&sql::Connection) -> Outcome<T> + Send + 'static,
    {
        self.used();
        let pool = Arc::clone(self);
        let read = move || {
            let idle = locked(&pool.readers).pop();
            let connection = idle.map_or_else(|| file::open_reader(&pool.file), Ok)?;
            let outcome = in_snapshot(&connection, work).map_err(|fault| fault.named(&pool.file));
            let mut readers = locked(&pool.readers);
            if readers.len() < IDLE_READERS {
                readers.push(connection);
            }
            outcome
        };
        tokio::task::spawn_blocking(read).await.map_err(|_| Error::Closed)?
    }

    fn work_off(&self) {
        // Should a job panic, the next caller attends to the rest.
        struct Leave<'a>(&'a Pool);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                locked(&self.0.waiting).attended = false;
            }
        }
        let leave = Leave(self);
        let mut writer = locked(&self.writer);
        loop {
            let mut jobs: Vec<Box<dyn Job>> = {
                let mut waiting = locked(&self.waiting);
                let some = waiting.jobs.len().min(JOBS_PER_COMMIT);
                if some == 0 {
                    waiting.attended = false;
                    std::mem::forget(leave);
                    return;
                }
                waiting.jobs.drain(..some).collect()
            };
            let committed = self
                .opened(&mut writer)
                .and_then(|connection| commit(connection, &mut jobs).map_err(|fault| fault.named(&self.file)));
            // Before anybody hears of it.
            self.commits.fetch_add(1, Ordering::SeqCst);
            jobs.into_iter().for_each(|job| job.finish(committed.clone(), &self.file));
        }
    }

    fn opened<'a>(&self, writer: &'a mut Option<Connection>) -> Result<&'a Connection> {
        Ok(match writer {
            Some(connection) => connection,
            None => writer.insert(file::reopen_writer(&self.file, &self.mailbox)?),
        })
    }

    /// Sees to it that connections are closed when nobody has used them for a while. What is on the way then uses others.
    fn used(self: &Arc<Self>) {
        let mut usage = locked(&self.usage);
        usage.last = Instant::now();
        if !std::mem::replace(&mut usage.attended, true) {
            tokio::spawn(attend(Arc::downgrade(self), Open::one_more()));
        }
    }

    /// True if nobody has used the file for a while; then nobody looks after it any more.
    fn rests(&self) -> bool {
        let mut usage = locked(&self.usage);
        let rest = if Open::count() > MANY { SHORT_REST } else { REST };
        usage.attended = usage.last.elapsed() < rest;
        !usage.attended
    }

    /// Blocks.
    fn close(&self) {
        drop(std::mem::take(&mut *locked(&self.readers)));
        // Whoever writes now closes it another time.
        if let Ok(mut writer) = self.writer.try_lock() {
            drop(writer.take());
        }
    }
}

/// A file that is open, counted among those of this process.
struct Open;

impl Open {
    fn one_more() -> Self {
        OPEN.fetch_add(1, Ordering::Relaxed);
        Self
    }

    fn count() -> usize {
        OPEN.load(Ordering::Relaxed)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

static OPEN: AtomicUsize = AtomicUsize::new(0);

async fn attend(pool: Weak<Pool>, _open: Open) {
    loop {
        tokio::time::sleep(SHORT_REST).await;
        let Some(pool) = pool.upgrade() else { return };
        if pool.rests() {
            // It lasts until all is closed or the process ends; nobody waits for it.
            drop(tokio::task::spawn_blocking(move || pool.close()));
            return;
        }
    }
}

/// One transaction for all jobs; a job that fails leaves no trace and does not disturb the others.
fn commit(connection: &Connection, jobs: &mut [Box<dyn Job>]) -> Outcome<()> {
    if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let all = || -> Outcome<()> {
        for job in jobs {
            connection.execute_batch("SAVEPOINT job")?;
            let undo = match job.run(&sql::Connection::File(connection)) {
                Done::Well => "RELEASE job",
                Done::Badly => "ROLLBACK TO job; RELEASE job",
            };
            // A full disk ends the transaction under our feet, and then this fails for everyone.
            connection.execute_batch(undo)?;
        }
        Ok(connection.execute_batch("COMMIT")?)
    };
    let outcome = { all }();
    if outcome.is_err() && !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    outcome
}

fn in_snapshot<T>(connection: &Connection, work: impl FnOnce(&sql::Connection) -> Outcome<T>) -> Outcome<T> {
    let transaction = connection.unchecked_transaction()?;
    let outcome = work(&sql::Connection::File(connection));
    transaction.rollback()?;
    outcome
}

enum Done {
    Well,
    Badly,
}

trait Job: Send {
    fn run(&mut self, connection: &sql::Connection) -> Done;
    fn finish(self: Box<Self>, committed: Result<()>, file: &Path);
}

struct Task<T, F> {
    work: Option<F>,
    outcome: Option<Outcome<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F> Job for Task<T, F>
where
    T: Send + 'static,
    F: FnOnce(&sql::Connection) -> Outcome<T> + Send + 'static,
{
    fn run(&mut self, connection: &sql::Connection) -> Done {
        self.outcome = self.work.take().map(|work| work(connection));
        match self.outcome {
            Some(Ok(_)) => Done::Well,
            _ => Done::Badly,
        }
    }

    /// A job's own error says more than that of the commit.
    fn finish(self: Box<Self>, committed: Result<()>, file: &Path) {
        let answer = match (self.outcome, committed) {
            (Some(Err(fault)), _) => Err(fault.named(file)),
            (_, Err(error)) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(Error::Closed),
        };
        // Nobody may be waiting any more.
        drop(self.reply.send(answer));
    }
}

/// What a panic left behind is put right by the next transaction, so poison says nothing here.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Commits cost a disk flush; what came meanwhile shares the next one.
const JOBS_PER_COMMIT: usize = 64;

/// How long connections stay open after they were used. They cost some hundreds of KiB and up to eight files for each mailbox,
/// and a millisecond to open again.
const REST: Duration = Duration::from_secs(20);
/// The same while many are open, as when everybody signs in after a start.
const SHORT_REST: Duration = Duration::from_secs(2);
const MANY: usize = 200;

/// Connections kept open for reading. More are opened while needed.
const IDLE_READERS: usize = 2;

// Faults cross threads inside their jobs.
const _: fn() = || {
    fn crosses<T: Send>() {}
    crosses::<Fault>();
};
