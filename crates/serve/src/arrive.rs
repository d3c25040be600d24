//! Octets that arrive, without room for each connection that waits for some.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

thread_local! {
    /// Where octets arrive: a connection that waits needs no room for what it waits for.
    static ARRIVALS: RefCell<Vec<u8>> = RefCell::new(vec![0; PIECE]);
}

/// Waits for octets and hands them on. Tells how many there were; none at the end.
///
/// # Errors
/// Those of the stream.
pub async fn arrive<S: AsyncRead + Unpin>(stream: &mut S, mut take: impl FnMut(&[u8])) -> io::Result<usize> {
    poll_fn(|context| {
        ARRIVALS.with_borrow_mut(|room| {
            let mut piece = ReadBuf::new(room);
            ready!(Pin::new(&mut *stream).poll_read(context, &mut piece))?;
            take(piece.filled());
            Poll::Ready(Ok(piece.filled().len()))
        })
    })
    .await
}

/// How many arrive at once.
const PIECE: usize = 64 << 10;
