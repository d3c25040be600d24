//! The first text of a message, decoded.

use bytes::Bytes;

use super::message::{DEPTH, Encoding, Form, Kind, PARTS, Part};

/// The first text.
pub(crate) enum Beginning {
    /// Without markup.
    Plain(String),
    /// With markup: there is none without.
    Html(String),
}

/// The first plain text of a message that is no attachment, else its first HTML. The message may be cut off.
pub(crate) fn beginning(message: &Bytes) -> Option<Beginning> {
    let mut parts = vec![Part::new(message.clone(), 0)];
    let mut looked_at = 0;
    let mut html = None;
    while let Some(part) = parts.pop() {
        looked_at += 1;
        if part.depth > DEPTH || looked_at > PARTS {
            continue;
        }
        match part.kind() {
            Kind::Multipart(boundary) => parts.extend(part.below(&boundary).into_iter().rev()),
            Kind::Message(encoding) if html.is_none() => parts.push(part.enclosed(encoding)),
            Kind::Text(encoding, charset) => match part.form() {
                Form::Plain => return Some(Beginning::Plain(text(&part, encoding, charset.as_deref()))),
                Form::Html if html.is_none() => html = Some(text(&part, encoding, charset.as_deref())),
                Form::Html | Form::Attached => {}
            },
            Kind::Message(_) | Kind::Other => {}
        }
    }
    html.map(Beginning::Html)
}

fn text(part: &Part, encoding: Encoding, charset: Option<&str>) -> String {
    let body = part.body.get(..end(&part.body, encoding)).unwrap_or_default();
    let decoded = encoding.decoded(body);
    super::message::in_charset(decoded.as_deref().unwrap_or(body), charset)
}

/// Where a long text is cut: base64 between its groups of four.
fn end(body: &[u8], encoding: Encoding) -> usize {
    let Some(beginning) = body.get(..ENOUGH).filter(|_| encoding == Encoding::Base64) else {
        return body.len().min(ENOUGH);
    };
    memchr::memrchr(b'\n', beginning).unwrap_or(ENOUGH - ENOUGH % 4)
}

/// Octets of a text that surely hold a preview, markup and all.
const ENOUGH: usize = 64 << 10;
