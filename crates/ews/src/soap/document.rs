use std::time::Duration;

use quick_xml::events::BytesStart;

use super::base64::Decoder;
use super::text::{Text, resolved};
use super::tokens::{Token, Tokens};
use super::{Element, Unreadable};
use crate::types::ServerVersion;

/// Reads one SOAP document after another from a stream of bytes.
///
/// Containers that may be large (`Items`, `Changes`, ...) are gone through, and each element in them is handed out when
/// it ends; so what stands in memory is one item, not an answer. A document counts only when [`Event::End`] came.
#[derive(Debug, Default)]
pub(crate) struct Document {
    tokens: Tokens,
    state: State,
}

/// What happens in a document.
#[derive(Debug, PartialEq)]
pub(crate) enum Event {
    /// The server said which it is.
    Version(ServerVersion),
    /// A response message, or a container in it, has this element; see [`crate::Payload::take`].
    Element(&'static str, Element),
    /// A streamed `MimeContent` begins.
    MimeStart,
    /// Its next bytes, decoded.
    Mime(Vec<u8>),
    /// It ended; true if all of it was base64.
    MimeEnd(bool),
    /// A response message ended.
    Message(Outcome),
    /// The whole request was refused.
    Fault(Fault),
    /// The envelope ended.
    End,
}

/// How one response message turned out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    /// `Success`, `Warning` or `Error`.
    pub(crate) class: String,
    pub(crate) code: String,
    pub(crate) text: String,
    pub(crate) retry_after: Option<Duration>,
}

/// A SOAP fault.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fault {
    pub(crate) code: String,
    pub(crate) text: String,
    pub(crate) retry_after: Option<Duration>,
}

#[derive(Debug, Default)]
struct State {
    /// What is open and gone through, outermost first.
    path: Vec<Step>,
    /// What is open and being built, outermost first.
    building: Vec<(Element, Text)>,
    /// Bytes in `building`.
    built: usize,
    mime: MimeMode,
    outcome: Outcome,
    /// The response has elements of its own, rather than response messages.
    bare: bool,
    any: bool,
    ended: bool,
}

#[derive(Debug)]
struct Step {
    name: String,
    place: Place,
}

/// What an open element is to a SOAP document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Envelope,
    Header,
    Body,
    Response,
    Messages,
    Message,
    Container(&'static str),
}

#[derive(Debug, Default)]
enum MimeMode {
    /// Kept in the element like any text.
    #[default]
    Kept,
    /// Handed out as it comes.
    Streamed,
    /// Being handed out.
    Within(Text, Decoder),
}

impl Document {
    /// A reader that hands `MimeContent` out as it comes.
    pub(crate) fn streaming_mime() -> Document {
        Document { state: State { mime: MimeMode::Streamed, ..State::default() }, ..Document::default() }
    }

    /// Takes in more bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.tokens.push(bytes);
    }

    /// The next event; None if more bytes are needed for one.
    pub(crate) fn next(&mut self) -> Result<Option<Event>, Unreadable> {
        loop {
            // Before the first element it is no SOAP document gone wrong but a web page, document type and all.
            let any = self.state.any;
            let told = |error| if any { error } else { Unreadable::NotSoap };
            let Some(token) = self.tokens.next().map_err(told)? else { return Ok(None) };
            if let Some(event) = self.state.token(token)? {
                return Ok(Some(event));
            }
        }
    }

    /// The bytes have ended: was that the end of a document?
    pub(crate) fn finish(&self) -> Result<(), Unreadable> {
        match (self.tokens.is_between(), self.state.any) {
            (true, true) if self.state.ended => Ok(()),
            (true, false) => Err(Unreadable::Empty),
            _ => Err(Unreadable::Cut),
        }
    }
}

impl State {
    fn token(&mut self, token: Token<'_>) -> Result<Option<Event>, Unreadable> {
        match token {
            Token::Open(content) => self.open(content),
            Token::Close(name) => self.close(local(&String::from_utf8_lossy(name))),
            Token::Text(bytes) => self.text(bytes, Text::push),
            Token::Plain(bytes) => self.text(bytes, Text::push_plain),
            Token::Empty(content) => {
                let opened = self.open(content)?;
                let name = String::from_utf8_lossy(content);
                let closed = self.close(local(name_of(&name)))?;
                // Of the empty ones only RootFolder is told of when it opens, and nothing when it closes.
                Ok(opened.filter(|event| *event != Event::MimeStart).or(closed))
            }
        }
    }

    fn open(&mut self, content: &[u8]) -> Result<Option<Event>, Unreadable> {
        let content = String::from_utf8_lossy(content);
        let name_length = name_of(&content).len();
        let start = BytesStart::from_content(content.as_ref(), name_length);
        let name = local(&content[..name_length]).to_owned();
        if name.is_empty() {
            return Err(Unreadable::Malformed("a tag without a name"));
        }
        if let MimeMode::Within(..) = self.mime {
            return Err(Unreadable::Malformed("an element inside MimeContent"));
        }
        if self.path.len() + self.building.len() >= DEEPEST {
            return Err(Unreadable::TooBig("elements inside elements"));
        }
        self.any = true;
        if self.building.is_empty()
            && let Some(place) = self.place(&name)?
        {
            return Ok(self.enter(name, place, &start));
        }
        if name == "MimeContent" && matches!(self.mime, MimeMode::Streamed) {
            self.mime = MimeMode::Within(Text::default(), Decoder::default());
            return Ok(Some(Event::MimeStart));
        }
        self.grow(name.len() + content.len() + ELEMENT_COST)?;
        self.building.push((Element::new(&name, attributes(&start)), Text::default()));
        Ok(None)
    }

    /// The place of an element that is gone through; None for one that is built.
    fn place(&mut self, name: &str) -> Result<Option<Place>, Unreadable> {
        let Some(parent) = self.path.last() else {
            if name != "Envelope" {
                return Err(if self.ended { Unreadable::Malformed("more after the end") } else { Unreadable::NotSoap });
            }
            self.ended = false;
            return Ok(Some(Place::Envelope));
        };
        Ok(match (parent.place, name) {
            (Place::Envelope, "Header") => Some(Place::Header),
            (Place::Envelope, "Body") => Some(Place::Body),
            (Place::Body, "Fault") => None,
            (Place::Body, _) => Some(Place::Response),
            (Place::Response, "ResponseMessages") => Some(Place::Messages),
            (Place::Messages, _) => Some(Place::Message),
            (Place::Message | Place::Container("RootFolder"), name) => {
                CONTAINERS.iter().find(|known| **known == name).map(|known| Place::Container(known))
            }
            _ => None,
        })
    }

    fn enter(&mut self, name: String, place: Place, start: &BytesStart<'_>) -> Option<Event> {
        let class =
            || attributes(start).into_iter().find(|(name, _)| &**name == "ResponseClass").map(|(_, class)| class);
        // The answers of GetRoomLists, FindPeople and others are one response message themselves.
        let place = if place == Place::Response && class().is_some() { Place::Message } else { place };
        let event = match place {
            Place::Message => {
                self.outcome = Outcome { class: class().unwrap_or_default(), ..Outcome::default() };
                None
            }
            Place::Response => {
                self.bare = false;
                None
            }
            // Its attributes say where a page stands in the whole.
            Place::Container("RootFolder") => Some(Event::Element("", Element::new(&name, attributes(start)))),
            _ => None,
        };
        self.path.push(Step { name, place });
        event
    }

    fn close(&mut self, name: &str) -> Result<Option<Event>, Unreadable> {
        if let MimeMode::Within(..) = self.mime {
            return self.close_mime(name);
        }
        if let Some((mut element, text)) = self.building.pop() {
            if element.name() != name {
                return Err(Unreadable::Malformed("a closing tag that matches no opening one"));
            }
            if element.all().is_empty() {
                element.set_text(text.finish());
            }
            return Ok(match self.building.last_mut() {
                Some((parent, _)) => {
                    parent.push(element);
                    None
                }
                None => self.built_one(element),
            });
        }
        let step = self.path.pop().filter(|step| step.name == name);
        let step = step.ok_or(Unreadable::Malformed("a closing tag that matches no opening one"))?;
        Ok(match step.place {
            Place::Message => Some(Event::Message(std::mem::take(&mut self.outcome))),
            // GetUserAvailability and the Oof operations say inside how each part turned out.
            Place::Response if self.bare => {
                Some(Event::Message(Outcome { class: "Success".to_owned(), ..Outcome::default() }))
            }
            Place::Envelope => {
                self.ended = true;
                Some(Event::End)
            }
            _ => None,
        })
    }

    fn close_mime(&mut self, name: &str) -> Result<Option<Event>, Unreadable> {
        let MimeMode::Within(mut text, mut decoder) = std::mem::replace(&mut self.mime, MimeMode::Streamed) else {
            return Ok(None);
        };
        if name != "MimeContent" {
            return Err(Unreadable::Malformed("a closing tag that matches no opening one"));
        }
        let whole = decoder.push(&text.drain()).is_empty() && text.finish().is_empty();
        Ok(Some(Event::MimeEnd(whole && decoder.finish())))
    }

    /// A finished element that stood directly in something gone through.
    fn built_one(&mut self, element: Element) -> Option<Event> {
        self.built = 0;
        match self.path.last()?.place {
            Place::Header if element.name() == "ServerVersionInfo" => ServerVersion::read(&element).map(Event::Version),
            Place::Body => Some(Event::Fault(Fault::read(&element))),
            Place::Message if self.outcome.take(&element) => None,
            Place::Message => Some(Event::Element("", element)),
            Place::Response => {
                self.bare = true;
                Some(Event::Element("", element))
            }
            Place::Container(name) => Some(Event::Element(name, element)),
            _ => None,
        }
    }

    fn text(
        &mut self,
        bytes: &[u8],
        push: impl Fn(&mut Text, &[u8], usize) -> Result<(), Unreadable>,
    ) -> Result<Option<Event>, Unreadable> {
        if let MimeMode::Within(text, decoder) = &mut self.mime {
            push(text, bytes, usize::MAX)?;
            let bytes = decoder.push(&text.drain());
            return Ok(if bytes.is_empty() { None } else { Some(Event::Mime(bytes)) });
        }
        self.grow(bytes.len())?;
        match self.building.last_mut() {
            Some((_, text)) => push(text, bytes, LARGEST)?,
            None if self.path.is_empty() => self.outside(bytes)?,
            None => {}
        }
        Ok(None)
    }

    /// Outside the envelope there is room for white space and a byte-order mark. After it, Exchange has been seen to
    /// write `=== Truncated Data ===`, and means it.
    fn outside(&mut self, bytes: &[u8]) -> Result<(), Unreadable> {
        if bytes.iter().all(|byte| byte.is_ascii_whitespace() || BYTE_ORDER_MARK.contains(byte)) {
            return Ok(());
        }
        self.any = true;
        Err(if self.ended { Unreadable::Cut } else { Unreadable::NotSoap })
    }

    fn grow(&mut self, bytes: usize) -> Result<(), Unreadable> {
        if !self.building.is_empty() {
            self.built += bytes;
        }
        if self.built > LARGEST { Err(Unreadable::TooBig("an item")) } else { Ok(()) }
    }
}

impl Outcome {
    /// How a `ResponseMessage` that stands inside an answer turned out.
    pub(crate) fn read(message: &Element) -> Outcome {
        let mut outcome =
            Outcome { class: message.attribute("ResponseClass").unwrap_or_default().to_owned(), ..Outcome::default() };
        for child in message.all() {
            outcome.take(child);
        }
        outcome
    }

    /// Takes one of the elements every response message has (EWS "ResponseMessageType").
    fn take(&mut self, element: &Element) -> bool {
        match element.name() {
            "MessageText" => self.text = element.text().to_owned(),
            "ResponseCode" => self.code = element.text().trim().to_owned(),
            "DescriptiveLinkKey" => {}
            "MessageXml" => {
                self.retry_after = back_off(element);
                // Seen from Exchange (throttling while a proxied call runs): the real reason is inside.
                if let Some(inner) =
                    value(element, "InnerErrorResponseCode").filter(|_| self.code == "ErrorInternalServerError")
                {
                    self.code = inner.to_owned();
                }
            }
            _ => return false,
        }
        true
    }
}

impl Fault {
    /// 2010 and later name the error in `detail/ResponseCode` and `faultcode`; 2007 only in the detail, and its fault
    /// code says `Client`.
    fn read(fault: &Element) -> Fault {
        let detail = fault.child("detail");
        let in_detail = |name| detail.and_then(|detail| detail.child(name)).map(Element::text);
        let of_fault = |name| fault.child(name).map(Element::text);
        Fault {
            code: in_detail("ResponseCode").or(of_fault("faultcode").map(local)).unwrap_or_default().trim().to_owned(),
            text: of_fault("faultstring").or(in_detail("Message")).unwrap_or_default().trim().to_owned(),
            retry_after: detail.and_then(|detail| detail.child("MessageXml")).and_then(back_off),
        }
    }
}

/// `<t:Value Name="BackOffMilliseconds">297749</t:Value>`
fn back_off(message_xml: &Element) -> Option<Duration> {
    value(message_xml, "BackOffMilliseconds")?.parse().ok().map(Duration::from_millis)
}

fn value<'a>(message_xml: &'a Element, name: &str) -> Option<&'a str> {
    let found = message_xml.all().iter().find(|value| value.attribute("Name") == Some(name))?;
    Some(found.text().trim())
}

pub(super) fn attributes(start: &BytesStart<'_>) -> Vec<(Box<str>, String)> {
    let mut found = start.attributes();
    let known = found.with_checks(false).filter_map(Result::ok);
    known
        .filter(|attribute| !attribute.key.as_ref().starts_with("xmlns"))
        .map(|attribute| (local(attribute.key.as_ref()).into(), resolved(&attribute.value)))
        .collect()
}

/// The name at the beginning of a tag's content, prefix included.
pub(super) fn name_of(content: &str) -> &str {
    content.split([' ', '\t', '\r', '\n']).next().unwrap_or_default()
}

pub(super) fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or_default()
}

const CONTAINERS: [&str; 7] =
    ["Items", "Folders", "Changes", "RootFolder", "Attachments", "People", "TimeZoneDefinitions"];

/// Attachments nest up to 255 deep.
const DEEPEST: usize = 600;

/// One item without its MIME, or one attachment with its content.
const LARGEST: usize = 256 * 1024 * 1024;

/// Roughly what an element costs beside its text.
const ELEMENT_COST: usize = 128;

const BYTE_ORDER_MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];
