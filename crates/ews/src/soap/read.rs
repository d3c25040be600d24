use super::{Answer, Document, Unreadable};
use crate::{Error, Operation, refusal};

/// Reads an operation's answer from bytes in hand, given in pieces; what the client does with bytes from a lane.
///
/// Fails as a call would; a SOAP fault is a failure.
pub fn read<'a, O: Operation>(operation: &O, pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<O::Answer, Error> {
    let unreadable = |error: Unreadable| Error::protocol(error.to_string());
    let mut document = Document::default();
    let mut answer = Answer::<O::Payload>::new();
    for piece in pieces {
        document.push(piece);
        while let Some(event) = document.next().map_err(unreadable)? {
            answer.take(event);
        }
    }
    document.finish().map_err(unreadable)?;
    match answer.fault {
        Some(fault) => Err(refusal::fault(fault)),
        None => operation.answer(answer.messages),
    }
}
