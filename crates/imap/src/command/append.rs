//! APPEND (RFC 3501 section 6.3.11): the message goes to disk as it comes.

use std::io::{self, Write};

use imap_proto::Step;
use imap_proto::command::append::Append;
use imap_proto::response::Code;
use mailbox::{Mail, NewMessage, SignIn, Spool};

use crate::command::find_target;
use crate::connection::{Awaited, Connection, Transport};
use crate::error::{Answer, End, Stop};
use crate::flags;
use crate::session::{Session, refused};

/// Whether the message is wanted is decided before the client is told to send it.
pub(crate) async fn run<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    append: Append,
) -> Result<Answer, Stop> {
    let account = session.state.account()?;
    let folder = find_target(account, connection, &append.mailbox).await?;
    let message = append.message;
    if message.utf8 {
        return Err(Answer::bad("UTF8 is not offered").into());
    }
    let mut lines = Lines::into(Spool::new(&session.settings.spool, IN_MEMORY));
    loop {
        match connection.next(Awaited::Rest).await? {
            Step::Literal(piece) => lines.write(&piece).map_err(mailbox::Error::from)?,
            Step::AppendEnd(rest) if rest.bytes().trim_ascii().is_empty() => break,
            Step::AppendEnd(_) => return Err(Answer::bad("Something follows the message").into()),
            Step::AppendNext(_) => return Err(Answer::bad("One message at a time").into()),
            Step::Refused(refusal) => return Err(refused(&refusal).into()),
            Step::Fatal(fatal) => return Err(End::Bye(Some(Code::TooBig), fatal.to_string().into()).into()),
            _ => return Err(End::Gone.into()),
        }
    }
    let content = lines.out.finish().map_err(mailbox::Error::from)?;
    let flags = flags::read(&message.flags);
    let received = message.date.map(|date| date.at);
    let appended = connection.patiently(account.append(folder.id, NewMessage { content, flags, received })).await??;
    let (uid_validity, uids) = (appended.uid_validity.0.get(), vec![appended.uid.get()]);
    Ok(Answer::ok("Appended").with(Code::AppendUid { uid_validity, uids }))
}

/// Lines end in CRLF (RFC 5322 section 2.3). Scripts append files as they lie on disk, with bare line feeds; what is
/// fetched again must be mail all the same.
struct Lines<W> {
    out: W,
    after_return: bool,
}

impl<W: Write> Lines<W> {
    fn into(out: W) -> Self {
        Self { out, after_return: false }
    }

    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        for line in piece.split_inclusive(|octet| *octet == b'\n') {
            match line.strip_suffix(b"\n") {
                Some(text) if text.last().map_or(!self.after_return, |last| *last != b'\r') => {
                    self.out.write_all(text)?;
                    self.out.write_all(b"\r\n")?;
                }
                _ => self.out.write_all(line)?,
            }
            self.after_return = line.ends_with(b"\r");
        }
        Ok(())
    }
}

/// Octets of a message that are held in memory before it goes to disk.
const IN_MEMORY: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_in_crlf_however_the_message_comes() {
        let message = b"\nA: b\nC: d\r\n\r\n\n\rx\r\n\ny";
        for size in 1..=message.len() {
            let mut lines = Lines::into(Vec::new());
            message.chunks(size).for_each(|piece| lines.write(piece).unwrap());
            assert_eq!(lines.out, b"\r\nA: b\r\nC: d\r\n\r\n\r\n\rx\r\n\r\ny", "in pieces of {size}");
        }
    }
}
