//! TOP (RFC 1939 section 7)

use std::num::NonZeroU32;

use mailbox::{Content, Error, Mail, SignIn};

use crate::connection::{Connection, Transport};
use crate::error::{End, Stop};
use crate::maildrop::Maildrop;
use crate::proto::{Reply, Stuffing};
use crate::session::Session;

use super::retr::{PIECE, content, gone};

/// The header, the empty line, and so many lines of the body. For the header alone no body is fetched.
pub(crate) async fn run<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    number: NonZeroU32,
    lines: u64,
) -> Result<Reply, Stop> {
    let maildrop = session.state.maildrop()?;
    let at = maildrop.find(number)?;
    let content = if lines == 0 { header(maildrop, at).await? } else { content(maildrop, at).await? };
    let mut piece = content.read(0, PIECE).map_err(Error::from)?;
    connection.say(&Reply::ok("The top of it"));
    let (mut stuffing, mut offset, mut top) = (Stuffing::default(), 0, Top::new(lines));
    while !piece.is_empty() {
        let length = top.take(&piece);
        let part = piece.get(..length).unwrap_or_default();
        connection.put(|out| stuffing.put(part, out)).await?;
        if top.is_over() {
            break;
        }
        offset += piece.len() as u64;
        piece = content.read(offset, PIECE).map_err(|_| End::Silent)?;
    }
    connection.put(|out| stuffing.end(out)).await?;
    Err(Stop::Answered)
}

async fn header<A: Mail>(maildrop: &Maildrop<A>, at: usize) -> Result<Content, Stop> {
    let Some(uid) = maildrop.uid(at) else { return Err(gone().into()) };
    let found = maildrop.account.headers(maildrop.folder, &[uid]).await?;
    let found = found.into_iter().find(|(one, _)| *one == uid);
    Ok(Content::memory(found.map_or_else(|| Err(gone()), |(_, header)| header)?))
}

/// Counts lines behind the first empty one.
struct Top {
    /// Lines of the body that are still wanted.
    left: u64,
    in_body: bool,
    /// The line has nothing but perhaps a CR so far.
    is_empty: bool,
}

impl Top {
    fn new(lines: u64) -> Self {
        Self { left: lines, in_body: false, is_empty: true }
    }

    /// How much of the next piece belongs to it.
    fn take(&mut self, piece: &[u8]) -> usize {
        let mut taken = 0;
        while !self.is_over() && taken < piece.len() {
            let rest = piece.get(taken..).unwrap_or_default();
            let end = memchr::memchr(b'\n', rest);
            let length = end.map_or(rest.len(), |at| at + 1);
            let text = rest.get(..length).unwrap_or_default();
            self.is_empty &= text.iter().all(|octet| b"\r\n".contains(octet));
            taken += length;
            if end.is_some() {
                match self.in_body {
                    true => self.left -= 1,
                    false => self.in_body = self.is_empty,
                }
                self.is_empty = true;
            }
        }
        taken
    }

    fn is_over(&self) -> bool {
        self.in_body && self.left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_wherever_the_pieces_end() {
        let message = b"A: b\r\nC: d\r\n\r\n1\r\n\r\n3\r\n";
        for (lines, wanted) in [(0, 14), (1, 17), (2, 19), (3, 22), (99, 22)] {
            for size in 1..message.len() {
                let mut top = Top::new(lines);
                let taken: usize = message.chunks(size).map(|piece| top.take(piece)).sum();
                assert_eq!(taken, wanted, "{lines} lines in pieces of {size}");
            }
        }
    }
}
