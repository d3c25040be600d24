//! Takes a message as it comes, onto disk if it is large, and no further than it can be taken.

use std::io::{self, Write};
use std::path::Path;

use mailbox::submit::{self, Body};
use mailbox::{Content, Spool};
use tracing::error;

use crate::error::{End, no_disk, too_big, wrong_lines};
use crate::proto::{LineEnds, LineFault, Reply};

/// What came of a message so far.
#[derive(Debug)]
pub(crate) struct Gathering {
    spool: Option<Spool>,
    /// Octets that came, taken or not.
    came: u64,
    most: u64,
    /// Watches the lines of chunks that are not binary.
    ends: Option<LineEnds>,
    refused: Option<Reply>,
}

impl Gathering {
    /// Of up to `most` octets.
    pub(crate) fn new(directory: &Path, most: u64) -> Self {
        Self { spool: Some(Spool::new(directory, IN_MEMORY)), came: 0, most, ends: None, refused: None }
    }

    /// The same of chunks, whose lines nobody has looked at.
    pub(crate) fn of_chunks(directory: &Path, most: u64, body: Body) -> Self {
        Self { ends: (body != Body::Binary).then(LineEnds::default), ..Self::new(directory, most) }
    }

    /// Octets that came.
    pub(crate) fn came(&self) -> u64 {
        self.came
    }

    /// Why the message is refused, if it is known already.
    pub(crate) fn refused(&self) -> Option<&Reply> {
        self.refused.as_ref()
    }

    /// So many octets are announced. What is too much by far is not even waited for.
    pub(crate) fn expect(&mut self, octets: u64) -> Result<(), End> {
        let sum = self.came.saturating_add(octets);
        if sum > self.most {
            self.refuse(too_big(self.most));
        }
        if sum > self.most.saturating_mul(2) { Err(End::Bye(too_big(self.most))) } else { Ok(()) }
    }

    /// Takes a piece. What follows a refusal is passed over, up to some point.
    pub(crate) fn take(&mut self, piece: &[u8]) -> Result<(), End> {
        self.came = self.came.saturating_add(piece.len() as u64);
        self.expect(0)?;
        if self.refused.is_some() {
            return Ok(());
        }
        if let Some(Err(fault)) = self.ends.as_mut().map(|ends| ends.look(piece)) {
            self.refuse(wrong_lines(fault));
            return Ok(());
        }
        if let Some(Err(reason)) = self.spool.as_mut().map(|spool| spool.write_all(piece)) {
            error!(%reason, "a message cannot be kept");
            self.refuse(no_disk());
        }
        Ok(())
    }

    /// All of it.
    ///
    /// # Errors
    /// Why it is refused.
    pub(crate) fn finish(mut self) -> Result<Content, Reply> {
        if let Some(Err(fault)) = self.ends.map(LineEnds::end) {
            self.refuse(wrong_lines(fault));
        }
        match (self.refused, self.spool.map(Spool::finish)) {
            (None, Some(Ok(content))) => Ok(content),
            (Some(refused), _) => Err(refused),
            (None, _) => Err(no_disk()),
        }
    }

    fn refuse(&mut self, reply: Reply) {
        self.spool = None;
        self.refused.get_or_insert(reply);
    }
}

/// The message with its binary parts in base64. Whatever else does not have lines is refused.
pub(crate) async fn without_binary(message: Content, directory: &Path) -> Result<Content, Reply> {
    let mut spool = Spool::new(directory, IN_MEMORY);
    let work = move || {
        submit::without_binary(&message, &mut spool)?;
        let content = spool.finish()?;
        Ok::<_, io::Error>(lines_of(&content)?.map(|()| content))
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(Ok(content))) => Ok(content),
        Ok(Ok(Err(fault))) => Err(wrong_lines(fault)),
        Ok(Err(reason)) => {
            error!(%reason, "a message cannot be kept");
            Err(no_disk())
        }
        Err(_) => Err(no_disk()),
    }
}

/// What is wrong with the lines of a message.
fn lines_of(content: &Content) -> io::Result<Result<(), LineFault>> {
    let mut ends = LineEnds::default();
    let mut at = 0;
    loop {
        let piece = content.read(at, IN_MEMORY)?;
        match ends.look(&piece) {
            Ok(()) if piece.is_empty() => return Ok(ends.end()),
            Ok(()) => at += piece.len() as u64,
            Err(fault) => return Ok(Err(fault)),
        }
    }
}

/// Octets of a message that are not worth a file.
const IN_MEMORY: usize = 64 << 10;
