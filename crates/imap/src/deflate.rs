//! Raw deflate (RFC 1951) both ways, between the commands and the line (RFC 4978).
//!
//! What rests holds next to nothing: at the end of a flush our side begins anew, and of the client's side only what it
//! may refer back to is kept, which is as much as it ever sent, 32 KiB at most. What is inflated comes in small pieces,
//! each measured by the framer before the next is made, so that a few octets that stand for many cost time and no
//! memory.

use std::ops::Range;

use miniz_oxide::DataFormat;
use miniz_oxide::deflate::core::{CompressionStrategy, CompressorOxide, TDEFLFlush, compress_to_output};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{BlockBoundaryState, DecompressorOxide, decompress, inflate_flags as flags};

/// Both directions of a connection.
#[derive(Default)]
pub(crate) struct Deflate {
    /// There while much is sent.
    compressor: Option<Box<CompressorOxide>>,
    /// What was sent last hardly became shorter.
    is_dense: bool,
    inflater: Inflater,
}

/// What the client sent is no deflate stream, or it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damaged {
    /// It cannot be read.
    Unreadable,
    /// The client wrote its end.
    Ended,
}

impl Deflate {
    /// What goes over the line for `out`, to its last octet.
    pub(crate) fn deflate(&mut self, out: &[u8]) -> Vec<u8> {
        if self.compressor.is_none() && out.len() <= NOT_WORTH_IT {
            return stored(out);
        }
        let level = if self.is_dense { QUICK } else { LEVEL };
        let compressor = self.compressor.get_or_insert_with(|| {
            Box::new(CompressorOxide::with_params(DataFormat::Raw, level, CompressionStrategy::Default, WINDOW_BITS))
        });
        let mut line = Vec::with_capacity(out.len() / 2);
        compress_to_output(compressor, out, TDEFLFlush::Sync, |piece| {
            line.extend_from_slice(piece);
            true
        });
        let is_dense = line.len() > out.len() / 2;
        if out.len() >= TELLING && is_dense != self.is_dense {
            self.is_dense = is_dense;
            self.compressor = None;
        }
        line
    }

    /// Takes what came over the line.
    pub(crate) fn take(&mut self, line: &[u8]) {
        let inflater = &mut self.inflater;
        inflater.line.drain(..inflater.used);
        inflater.used = 0;
        inflater.line.extend_from_slice(line);
    }

    /// The next piece of what came; empty if more must come first. It ends where the client flushed, at the latest.
    ///
    /// # Errors
    /// The stream is of no use any more.
    pub(crate) fn inflate(&mut self) -> Result<&[u8], Damaged> {
        let piece = self.inflater.inflate()?;
        Ok(self.inflater.window.get(piece).unwrap_or_default())
    }

    /// Nothing is sent or awaited for a while: what can be made anew goes.
    pub(crate) fn rest(&mut self) {
        // A flush ends at an octet, and what begins there refers to nothing before it.
        self.compressor = None;
        self.inflater.rest();
    }

    /// The client has flushed for the last time, and goes on without compression: what came behind that. `None` if it
    /// did not, or wrote more.
    pub(crate) fn end(mut self) -> Option<Vec<u8>> {
        let inflater = &mut self.inflater;
        while !(inflater.ended || inflater.is_flushed()) {
            let before = inflater.window.len();
            if inflater.is_idle() || inflater.step(PIECE).is_err() || inflater.window.len() > before {
                return None;
            }
        }
        Some(inflater.line.split_off(inflater.used))
    }
}

/// The client's side.
#[derive(Default)]
struct Inflater {
    /// What came, as far as it is not inflated; the octets before `used` are.
    line: Vec<u8>,
    used: usize,
    /// The last of what was inflated: the client may refer back to it.
    window: Vec<u8>,
    progress: Progress,
    /// What was used stands for more than there was room for.
    more: bool,
    /// The stream is over.
    ended: bool,
    /// The octets used last.
    last: [u8; 4],
}

/// Where in the stream it stands.
enum Progress {
    /// Between two blocks.
    Between(BlockBoundaryState),
    Within(Box<DecompressorOxide>),
}

impl Default for Progress {
    fn default() -> Self {
        Self::Between(BlockBoundaryState::default())
    }
}

impl Inflater {
    /// Inflates to the end of a flush, of a piece, or of what came; the new octets are at the end of the window.
    fn inflate(&mut self) -> Result<Range<usize>, Damaged> {
        if self.window.len() > 2 * WINDOW {
            self.window.drain(..self.window.len() - WINDOW);
        }
        let start = self.window.len();
        loop {
            let made = self.window.len() - start;
            if self.is_idle() || made >= PIECE || (made > 0 && (self.ended || self.is_flushed())) {
                return Ok(start..self.window.len());
            }
            if self.ended {
                return Err(Damaged::Ended);
            }
            self.step(PIECE - made)?;
        }
    }

    /// True if nothing can be made of what came so far.
    fn is_idle(&self) -> bool {
        self.used == self.line.len() && !self.more && !self.ended
    }

    /// Inflates to the end of a block, of `room` octets, or of what came.
    fn step(&mut self, room: usize) -> Result<(), Damaged> {
        if let Progress::Between(boundary) = &self.progress {
            self.progress = Progress::Within(Box::new(DecompressorOxide::from_block_boundary_state(boundary)));
        }
        let Progress::Within(inflater) = &mut self.progress else { return Err(Damaged::Unreadable) };
        let rest = self.line.get(self.used..).unwrap_or_default();
        let from = self.window.len();
        self.window.resize(from + room.min(rest.len().saturating_mul(EXPECTED).max(LITTLE)), 0);
        let (status, used, made) = decompress(inflater, rest, &mut self.window, from, FLAGS);
        self.window.truncate(from + made);
        for &octet in rest.get(..used).unwrap_or_default().iter().rev().take(self.last.len()).rev() {
            let [_, second, third, fourth] = self.last;
            self.last = [second, third, fourth, octet];
        }
        self.used += used;
        self.more = status == TINFLStatus::HasMoreOutput;
        self.ended = status == TINFLStatus::Done;
        match status {
            TINFLStatus::BlockBoundary
            | TINFLStatus::HasMoreOutput
            | TINFLStatus::NeedsMoreInput
            | TINFLStatus::Done => Ok(()),
            _ => Err(Damaged::Unreadable),
        }
    }

    /// True behind the mark of a flush: an empty block that is not compressed (RFC 1951 section 3.2.4).
    fn is_flushed(&self) -> bool {
        let between = match &self.progress {
            Progress::Between(boundary) => boundary.num_bits == 0,
            Progress::Within(inflater) => inflater.block_boundary_state().is_some_and(|state| state.num_bits == 0),
        };
        between && self.last == FLUSHED
    }

    fn rest(&mut self) {
        if self.used == self.line.len() {
            (self.line, self.used) = (Vec::new(), 0);
        }
        if let Progress::Within(inflater) = &self.progress
            && let Some(boundary) = inflater.block_boundary_state()
        {
            self.progress = Progress::Between(boundary);
        }
        self.window.drain(..self.window.len().saturating_sub(WINDOW));
        self.window.shrink_to_fit();
    }
}

/// A block that is not compressed (RFC 1951 section 3.2.4): of few octets, and shorter than 64 KiB.
fn stored(out: &[u8]) -> Vec<u8> {
    let [low, high] = u16::try_from(out.len()).unwrap_or(u16::MAX).to_le_bytes();
    let mut line = vec![0, low, high, !low, !high];
    line.extend_from_slice(out);
    line
}

/// Octets for which no compressor is made.
const NOT_WORTH_IT: usize = 200;
const LEVEL: u8 = 3;
/// Base64, which most of what is large is, becomes no shorter by more effort, and takes seven times as long.
const QUICK: u8 = 1;
/// Octets that tell what the next ones are like.
const TELLING: usize = 4 << 10;
const WINDOW_BITS: u8 = 15;
/// As far back as a client may refer (RFC 1951 section 3.2.5).
const WINDOW: usize = 32 << 10;
/// Octets that are inflated at once.
const PIECE: usize = 32 << 10;
/// What an octet of a command mostly becomes, at most.
const EXPECTED: usize = 16;
const LITTLE: usize = 1 << 10;
const FLUSHED: [u8; 4] = [0, 0, 0xff, 0xff];
const FLAGS: u32 = flags::TINFL_FLAG_HAS_MORE_INPUT
    | flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF
    | flags::TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY;

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

    /// Another implementation's compressor: what a client sends for `text`.
    fn sent(client: &mut Compress, text: &[u8], flush: FlushCompress) -> Vec<u8> {
        let mut line = Vec::with_capacity(text.len() + 1000);
        client.compress_vec(text, &mut line, flush).unwrap();
        line
    }

    fn inflated(deflate: &mut Deflate) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let piece = deflate.inflate().unwrap();
            if piece.is_empty() {
                return all;
            }
            all.extend_from_slice(piece);
        }
    }

    #[test]
    fn what_is_sent_can_be_read_across_rests() {
        let mut deflate = Deflate::default();
        let mut client = Decompress::new(false);
        let long = b"* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n".repeat(5000);
        for (round, text) in [b"* OK".as_slice(), &long, b"a", &long, &long, b"* BYE\r\n"].into_iter().enumerate() {
            let line = deflate.deflate(text);
            assert!(text.len() < 1000 || line.len() * 20 < text.len(), "{} of {}", line.len(), text.len());
            let mut got = Vec::with_capacity(text.len() + 10);
            client.decompress_vec(&line, &mut got, FlushDecompress::Sync).unwrap();
            assert!(got == text, "round {round}");
            if round % 2 == 1 {
                deflate.rest();
            }
        }
    }

    /// Attachments take little effort, the text behind them is small again, and all of it is one stream.
    #[test]
    fn effort_is_made_where_it_helps() {
        let text = (0..600).map(|n| format!("* {n} FETCH (UID {n} FLAGS (\\Seen))\r\n")).collect::<String>();
        let alphabet: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['+', '/']).collect();
        let mut noise = 1_u32;
        let attachment = (0..16_000).map(|_| {
            noise =
                [(13, 0), (0, 17), (5, 0)].iter().fold(noise, |noise, (left, right)| noise ^ (noise << left >> right));
            alphabet[noise as usize % alphabet.len()]
        });
        let attachment: String = attachment.collect();
        let mut deflate = Deflate::default();
        let mut client = Decompress::new(false);
        for (piece, dense) in [(&text, false), (&attachment, true), (&attachment, true), (&text, false), (&text, false)]
        {
            let line = deflate.deflate(piece.as_bytes());
            assert_eq!(deflate.is_dense, dense);
            assert!(line.len() * 100 < piece.len() * if dense { 80 } else { 30 }, "{} of {}", line.len(), piece.len());
            let mut got = Vec::with_capacity(piece.len() + 10);
            client.decompress_vec(&line, &mut got, FlushDecompress::Sync).unwrap();
            assert!(got == piece.as_bytes());
        }
    }

    #[test]
    fn what_came_is_read_however_it_is_cut_and_rested() {
        let text: Vec<u8> =
            (0..3000u32).flat_map(|n| format!("a{n} UID FETCH {} (FLAGS)\r\n", n * 7919).into_bytes()).collect();
        for cut in [1, 7, 1000, 100_000] {
            let mut client = Compress::new(Compression::default(), false);
            let mut deflate = Deflate::default();
            let mut all = Vec::new();
            for piece in text.chunks(8000) {
                for part in sent(&mut client, piece, FlushCompress::Sync).chunks(cut) {
                    deflate.take(part);
                    all.extend(inflated(&mut deflate));
                    deflate.rest();
                }
                assert!(matches!(deflate.inflater.progress, Progress::Between(_)));
            }
            assert!(all == text, "in pieces of {cut}");
            assert!(deflate.inflater.window.capacity() <= WINDOW && deflate.inflater.line.capacity() == 0);
        }
    }

    #[test]
    fn a_rest_keeps_what_was_sent_and_no_more() {
        let mut client = Compress::new(Compression::default(), false);
        let mut deflate = Deflate::default();
        deflate.take(&sent(&mut client, b"a NOOP\r\n", FlushCompress::Sync));
        assert_eq!(inflated(&mut deflate), b"a NOOP\r\n");
        deflate.deflate(&[b'x'; 1000]);
        deflate.rest();
        assert!(deflate.inflater.window.capacity() < 100 && deflate.compressor.is_none());
        deflate.take(&sent(&mut client, b"a NOOP\r\n", FlushCompress::Sync));
        assert_eq!(inflated(&mut deflate), b"a NOOP\r\n");
    }

    #[test]
    fn few_octets_for_many_come_in_pieces() {
        let mut client = Compress::new(Compression::best(), false);
        let line = sent(&mut client, &vec![b'x'; 10 << 20], FlushCompress::Sync);
        assert!(line.len() < 20 << 10);
        let mut deflate = Deflate::default();
        deflate.take(&line);
        let mut all = 0;
        loop {
            let piece = deflate.inflate().unwrap().len();
            assert!(piece <= PIECE);
            assert!(deflate.inflater.window.capacity() <= 4 * (WINDOW + PIECE));
            all += piece;
            if piece == 0 {
                break;
            }
        }
        assert_eq!(all, 10 << 20);
    }

    #[test]
    fn noise_is_refused() {
        let mut deflate = Deflate::default();
        deflate.take(b"a NOOP\r\n");
        assert!((0..10).any(|_| deflate.inflate().is_err()));
        let mut client = Compress::new(Compression::default(), false);
        let mut deflate = Deflate::default();
        deflate.take(&sent(&mut client, b"", FlushCompress::Finish));
        assert_eq!(deflate.inflate().unwrap_err(), Damaged::Ended);
    }

    #[test]
    fn behind_the_end_nothing_is_compressed() {
        for after in [b"".as_slice(), b"b LOGIN x y\r\n"] {
            let mut client = Compress::new(Compression::default(), false);
            let mut deflate = Deflate::default();
            let line = sent(&mut client, b"a UNAUTHENTICATE\r\n", FlushCompress::Sync);
            deflate.take(&[&line, after].concat());
            assert_eq!(deflate.inflate().unwrap(), b"a UNAUTHENTICATE\r\n");
            assert_eq!(deflate.end().as_deref(), Some(after));
        }
        let mut client = Compress::new(Compression::default(), false);
        let mut deflate = Deflate::default();
        deflate.take(&sent(&mut client, b"a UNAUTHENTICATE\r\nb NOOP\r\n", FlushCompress::Sync));
        deflate.inflate().unwrap();
        deflate.take(&sent(&mut client, b"c NOOP\r\n", FlushCompress::Sync));
        assert!(deflate.end().is_some(), "what follows the flush is another layer's");
        let mut deflate = Deflate::default();
        let mut client = Compress::new(Compression::default(), false);
        deflate.take(&sent(&mut client, b"a UNAUTHENTICATE\r\n", FlushCompress::Partial));
        deflate.inflate().unwrap();
        assert_eq!(deflate.end(), None);
    }
}
