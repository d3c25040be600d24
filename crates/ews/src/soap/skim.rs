use super::{Document, Event, Unreadable};

/// What an answer holds, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skimmed {
    /// Response messages.
    pub messages: usize,
    /// Those that are errors, by their codes.
    pub errors: Vec<String>,
    /// Elements handed out: items, folders, changes, single values.
    pub elements: usize,
    /// Bytes of MIME, as far as it was base64 to its end.
    pub mime: u64,
    /// SOAP faults, by their codes.
    pub faults: Vec<String>,
    /// Envelopes.
    pub documents: usize,
}

/// Reads a whole answer, given in pieces, and tells what is in it: for tools, tests and fuzzing.
///
/// Fails if any of it cannot be read, or if it stops before its end.
pub fn skim<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Skimmed, Unreadable> {
    let mut document = Document::streaming_mime();
    let mut skimmed = Skimmed::default();
    let mut mime = 0;
    for piece in pieces {
        document.push(piece);
        while let Some(event) = document.next()? {
            skimmed.take(event, &mut mime);
        }
    }
    document.finish()?;
    Ok(skimmed)
}

impl Skimmed {
    fn take(&mut self, event: Event, mime: &mut u64) {
        match event {
            Event::Element(..) => self.elements += 1,
            Event::MimeStart => *mime = 0,
            Event::Mime(bytes) => *mime += bytes.len() as u64,
            Event::MimeEnd(true) => self.mime += *mime,
            Event::Fault(fault) => self.faults.push(fault.code),
            Event::End => self.documents += 1,
            Event::Message(outcome) => {
                self.messages += 1;
                if outcome.class == "Error" {
                    self.errors.push(outcome.code);
                }
            }
            Event::Version(_) | Event::MimeEnd(false) => {}
        }
    }
}
