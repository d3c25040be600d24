//! The one table from what can go wrong to what a client reads: a status, the element RFC 4918 section 16 asks for,
//! and a sentence for the person in front of the client.

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use mailbox::ErrorKind;
use mailbox::objects::{ObjectError, Precondition};
use tracing::info;

use crate::Body;
use crate::place::{Astray, Family, Place};
use crate::xml;

/// An answer that says why not.
#[derive(Clone, Debug)]
pub(crate) struct Error {
    /// Its status.
    pub(crate) status: StatusCode,
    /// The precondition or postcondition that does not hold, as it stands in `DAV:error`: `<C:valid-calendar-data/>`.
    pub(crate) condition: Option<String>,
    /// What happened, to what, and what to do.
    pub(crate) sentence: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What handlers answer.
pub(crate) type Answer = Result<Response<Body>, Error>;

impl Error {
    /// A status and a sentence.
    pub(crate) fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self { status, condition: None, sentence: sentence.into(), headers: Vec::new() }
    }

    /// A condition that does not hold. `element` has a prefix: `D:valid-sync-token`.
    pub(crate) fn condition(status: StatusCode, element: &str, sentence: impl Into<String>) -> Self {
        Self { condition: Some(format!("<{element}/>")), ..Self::new(status, sentence) }
    }

    /// 403 with a condition.
    pub(crate) fn forbidden(element: &str, sentence: impl Into<String>) -> Self {
        Self::condition(StatusCode::FORBIDDEN, element, sentence)
    }

    /// 400: the client's doing.
    pub(crate) fn bad(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, sentence)
    }

    /// 404.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "There is nothing here")
    }

    /// 412: what the client made its request depend on does not hold.
    pub(crate) fn precondition(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, sentence)
    }

    /// The same with another sentence.
    pub(crate) fn saying(self, sentence: &str) -> Self {
        Self { sentence: sentence.to_owned(), ..self }
    }

    /// The same with a header.
    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Why, for a log. The sentence beside a condition may quote what somebody wrote, and stays out of it.
    pub(crate) fn reason(&self) -> &str {
        let element = self.condition.as_deref().and_then(|condition| condition.strip_prefix('<'));
        element.and_then(|element| element.split(['/', '>']).next()).unwrap_or(&self.sentence)
    }

    /// What stands in a `DAV:response` or `DAV:propstat` behind the status.
    pub(crate) fn xml(&self) -> String {
        let condition = self.condition.as_ref().map(|element| format!("<D:error>{element}</D:error>"));
        let text = xml::escape(&self.sentence);
        format!("{}<D:responsedescription>{text}</D:responsedescription>", condition.unwrap_or_default())
    }

    /// The whole answer.
    pub(crate) fn response(&self) -> Response<Body> {
        let (kind, body) = match &self.condition {
            Some(condition) => ("application/xml; charset=utf-8", self.document(condition)),
            None => ("text/plain; charset=utf-8", format!("{}\r\n", self.sentence)),
        };
        let mut response = Response::new(Body::whole(body));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        response.headers_mut().extend(self.headers.iter().cloned());
        response
    }

    /// RFC 4918 section 14.5: clients pass over elements they do not know, people read them.
    fn document(&self, condition: &str) -> String {
        let (namespaces, sentence) = (xml::namespaces(), xml::escape(&self.sentence));
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:error{namespaces}>{condition}\
             <D:responsedescription>{sentence}</D:responsedescription></D:error>\n"
        )
    }
}

/// Whose move it is, by kind.
impl From<mailbox::Error> for Error {
    fn from(error: mailbox::Error) -> Self {
        if let Some(trace) = &error.trace {
            info!(trace, kind = ?error.kind, "refused");
        }
        let sentence = error.to_string();
        let status = match error.kind {
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            // RFC 3744 section 7.1.1 lets the element stand without naming each privilege that lacks.
            ErrorKind::Denied => return Self::forbidden("D:need-privileges", sentence),
            ErrorKind::Exists => StatusCode::CONFLICT,
            ErrorKind::SignIn => StatusCode::UNAUTHORIZED,
            // Nothing is wrong with the request: a client is to come again when it is mended.
            ErrorKind::Busy { .. } | ErrorKind::Unavailable | ErrorKind::Administrator => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            // RFC 4331 section 6
            ErrorKind::OverQuota => {
                return Self::condition(StatusCode::INSUFFICIENT_STORAGE, "D:quota-not-exceeded", sentence);
            }
            ErrorKind::TooBig => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorKind::Conflict => StatusCode::PRECONDITION_FAILED,
            ErrorKind::Cannot | ErrorKind::NotAdmitted => StatusCode::FORBIDDEN,
            ErrorKind::Corrupt | ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let answer = Self::new(status, sentence);
        let seconds = match error.kind {
            ErrorKind::Busy { retry_after } => retry_after.map_or(PAUSE, |pause| pause.as_secs().max(1)),
            ErrorKind::Unavailable => PAUSE,
            ErrorKind::Administrator => LONG_PAUSE,
            _ => return answer,
        };
        answer.with(RETRY_AFTER, HeaderValue::from(seconds))
    }
}

impl Error {
    /// What an object was refused for. `collection` is where it should have gone: the elements of RFC 4791 section
    /// 5.3.2.1 and of RFC 6352 section 6.3.2.1 differ, and a conflict of UIDs names the other object there.
    pub(crate) fn of_object(error: ObjectError, collection: &Place) -> Self {
        let (which, text) = match error {
            ObjectError::Mailbox(error) => return error.into(),
            ObjectError::Precondition(which, text) => (which, text),
        };
        let family = match collection {
            Place::Collection { family, .. } => *family,
            _ => Family::Calendars,
        };
        let Some((_, calendars, cards)) = PRECONDITIONS.iter().find(|(known, ..)| *known == which) else {
            return Self::precondition(text);
        };
        let element = if family == Family::Calendars { calendars } else { cards };
        if which != Precondition::NoUidConflict {
            return Self::forbidden(element, text);
        }
        let other = collection.object(&text).map(|place| place.href()).unwrap_or_default();
        let sentence = format!("Another object of this collection has this UID: {other}");
        let href = format!("<{element}><D:href>{}</D:href></{element}>", xml::escape(&other));
        Self { condition: Some(href), ..Self::new(StatusCode::FORBIDDEN, sentence) }
    }
}

/// Each with its element for calendars and for address books. What is not here is a 412 without an element.
const PRECONDITIONS: [(Precondition, &str, &str); 13] = [
    (Precondition::ValidData, "C:valid-calendar-data", "CR:valid-address-data"),
    (Precondition::ValidObject, "C:valid-calendar-object-resource", "CR:valid-address-data"),
    (Precondition::Unrepresentable, "C:valid-calendar-object-resource", "CR:valid-address-data"),
    (Precondition::Supported, "C:supported-calendar-component", "CR:supported-address-data"),
    (Precondition::NoUidConflict, "C:no-uid-conflict", "CR:no-uid-conflict"),
    (Precondition::MaxResourceSize, "C:max-resource-size", "CR:max-resource-size"),
    (Precondition::MaxInstances, "C:max-instances", "C:max-instances"),
    (Precondition::MaxAttendees, "C:max-attendees-per-instance", "C:max-attendees-per-instance"),
    (Precondition::MinDate, "C:min-date-time", "C:min-date-time"),
    (Precondition::MaxDate, "C:max-date-time", "C:max-date-time"),
    (Precondition::ValidSyncToken, "D:valid-sync-token", "D:valid-sync-token"),
    (
        Precondition::AttendeeChange,
        "C:allowed-attendee-scheduling-object-change",
        "C:allowed-attendee-scheduling-object-change",
    ),
    (
        Precondition::OrganizerChange,
        "C:allowed-organizer-scheduling-object-change",
        "C:allowed-organizer-scheduling-object-change",
    ),
];

impl From<Astray> for Error {
    fn from(astray: Astray) -> Self {
        match astray {
            Astray::Malformed => Self::bad("The path cannot be read"),
            Astray::TooLong => Self::new(StatusCode::URI_TOO_LONG, "A name in the path is too long"),
            Astray::Nowhere => Self::not_found(),
        }
    }
}

impl From<xml::Malformed> for Error {
    fn from(malformed: xml::Malformed) -> Self {
        Self::bad(malformed.0)
    }
}

/// Seconds after which to come again, where Exchange does not say.
const PAUSE: u64 = 30;
/// The same, in seconds, where somebody has to do something first.
const LONG_PAUSE: u64 = 600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_is_kept_out_of_logs() {
        let above = Place::of_path("/dav/calendars/anna/c/").unwrap();
        for which in [Precondition::NoUidConflict, Precondition::ValidData] {
            let error = Error::of_object(ObjectError::precondition(which, "“Merger” has no colon"), &above);
            assert!(error.sentence.contains("Merger") && !error.reason().contains("Merger"), "{}", error.reason());
        }
        assert_eq!(Error::forbidden("C:valid-filter", "x").reason(), "C:valid-filter");
        assert_eq!(Error::bad("Depth must be 0").reason(), "Depth must be 0");
    }

    #[test]
    fn row_44_what_an_attendee_may_not_change_is_refused_by_name() {
        let above = Place::of_path("/dav/calendars/anna/c/").unwrap();
        for (which, status, element) in [
            (Precondition::AttendeeChange, 403, Some("<C:allowed-attendee-scheduling-object-change/>")),
            (Precondition::OrganizerChange, 403, Some("<C:allowed-organizer-scheduling-object-change/>")),
            (Precondition::IfMatch, 412, None),
            (Precondition::ScheduleTag, 412, None),
        ] {
            let error = Error::of_object(ObjectError::precondition(which, "x"), &above);
            assert_eq!((error.status.as_u16(), error.condition.as_deref()), (status, element));
        }
    }
}
