//! Scheduling (RFC 6638): what stands in front of a backend that sends invitations and answers itself.
//!
//! Most of it happens on the way of a PUT or DELETE, and there the front end only passes on what was said:
//!
//! - `Schedule-Reply: F` on a DELETE is [`Calendaring::Silent`]: the backend removes without a word to anybody.
//! - `If-Schedule-Tag-Match` is [`Condition::if_schedule_tag`]; the tag itself is the backend's
//!   [`ObjectEntry::schedule_tag`], which changes with everything but the attendees' answers (section 3.2.10).
//! - What is in the text is the backend's to honour, since only it knows what was there before:
//!   - `SCHEDULE-AGENT=CLIENT` or `NONE` on an ATTENDEE (section 7.1): that attendee is written to by nobody but the
//!     client. On ORGANIZER: no answer is sent.
//!   - `SCHEDULE-FORCE-SEND=REQUEST` on an ATTENDEE, `=REPLY` on ORGANIZER (section 7.2): a message is sent although
//!     nothing changed. It is not kept: what is served afterwards is without it.
//!   - `SCHEDULE-STATUS` (section 7.3) is the server's to write; what a client writes is dropped. After sending it is
//!     `1.1` (sent, outcome unknown) or `1.2` (delivered) on each ATTENDEE or on ORGANIZER.
//! - The inbox (section 2.2) is a collection of the backend: each object one message with its METHOD, which a client
//!   fetches and deletes. Deleting one is no answer.
//!
//! The outbox holds nothing (section 2.1 allows that). What is posted to it is answered here.
//!
//! [`Calendaring::Silent`]: mailbox::objects::Calendaring::Silent
//! [`Condition::if_schedule_tag`]: mailbox::objects::Condition::if_schedule_tag
//! [`ObjectEntry::schedule_tag`]: mailbox::objects::ObjectEntry::schedule_tag

pub(crate) mod free_busy;
mod outbox;

pub(crate) use outbox::post;
