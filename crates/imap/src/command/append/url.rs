//! URLs of messages (RFC 5092), as far as CATENATE needs them: those of the account itself.

use imap_proto::response::Code;
use imap_proto::{MailboxName, Names, Partial, Section};
use mailbox::{Content, ErrorKind, FolderId, Mail, SignIn, Uid};

use crate::command::fetch::section;
use crate::command::find;
use crate::connection::{Connection, Transport};
use crate::error::{Answer, Stop};
use crate::session::Session;
use crate::state::State;
use crate::structure;

/// The octets a URL names.
pub(super) async fn content<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    url: &str,
) -> Result<Content, Stop> {
    let bad = || Answer::no(Code::BadUrl(url.to_owned()), "This URL names nothing here");
    let Some(named) = MessageUrl::parse(url) else { return Err(bad().into()) };
    let account = session.state.account()?;
    let folder = match (&named.mailbox, &session.state) {
        (Some(name), _) => match find(account, connection, name).await {
            Ok(folder) => folder.id,
            Err(Stop::Answer(_)) => return Err(bad().into()),
            Err(other) => return Err(other),
        },
        (None, State::Selected { view, .. }) => view.folder,
        (None, _) => return Err(bad().into()),
    };
    if !is_numbered(account, connection, folder, named.uid_validity).await? {
        return Err(bad().into());
    }
    let found = connection.patiently(account.contents(folder, &[named.uid])).await??.pop();
    let content = match found {
        Some((_, Ok(content))) => content,
        Some((_, Err(error))) if error.kind != ErrorKind::NotFound => return Err(error.into()),
        _ => return Err(bad().into()),
    };
    let part = move || named.of(&content);
    let part = tokio::task::spawn_blocking(part).await.map_err(std::io::Error::other);
    part.and_then(|part| part).map_err(mailbox::Error::from)?.ok_or_else(|| bad().into())
}

/// Whether the folder has this UIDVALIDITY, if the URL names one.
async fn is_numbered<A: Mail, T: Transport>(
    account: &A,
    connection: &mut Connection<T>,
    folder: FolderId,
    uid_validity: Option<u32>,
) -> Result<bool, Stop> {
    let Some(wanted) = uid_validity else { return Ok(true) };
    let status = connection.patiently(account.status(folder)).await??;
    Ok(status.state.uid_validity.0.get() == wanted)
}

/// ```text
/// imessagepart = enc-mailbox [uidvalidity] iuid [isection] [ipartial]
/// uidvalidity  = ";UIDVALIDITY=" nz-number
/// iuid         = "/;UID=" nz-number
/// isection     = "/;SECTION=" enc-section
/// ipartial     = "/;PARTIAL=" number ["." nz-number]
/// ```
/// (RFC 5092 section 11), relative to the account: no scheme, no server, no user. Without a mailbox, the message is in
/// the selected one (RFC 4469 section 3).
#[derive(Debug, PartialEq)]
struct MessageUrl {
    mailbox: Option<MailboxName>,
    uid_validity: Option<u32>,
    uid: Uid,
    section: Section,
    partial: Option<Partial>,
}

impl MessageUrl {
    fn parse(url: &str) -> Option<Self> {
        // Lengths stay the same, so that places are the same too.
        let lower = url.to_ascii_lowercase();
        let at = lower.find(UID)?;
        let (before, after) = (url.get(..at)?, url.get(at + UID.len()..)?);
        if before.starts_with("//") {
            return None;
        }
        let before = before.strip_prefix('/').unwrap_or(before);
        let before = before.strip_suffix('/').unwrap_or(before);
        let (mailbox, uid_validity) = match before.to_ascii_lowercase().find(UID_VALIDITY) {
            Some(at) => (before.get(..at)?, Some(number(before.get(at + UID_VALIDITY.len()..)?)?)),
            None => (before, None),
        };
        let mailbox = match mailbox {
            "" => None,
            // A scheme, a search, or something that is not written so.
            encoded if encoded.contains([':', '?', ';']) => return None,
            encoded => Some(MailboxName::decode(&decoded(encoded)?, Names::Utf8)?),
        };
        let mut words = after.split("/;");
        let uid = Uid::new(number(words.next()?)?)?;
        let mut found = Self { mailbox, uid_validity, uid, section: Section::default(), partial: None };
        for word in words {
            match word.split_once('=') {
                Some((name, value)) if name.eq_ignore_ascii_case("section") => {
                    found.section = Section::parse(&decoded(value)?)?;
                }
                Some((name, value)) if name.eq_ignore_ascii_case("partial") => found.partial = Some(partial(value)?),
                _ => return None,
            }
        }
        Some(found)
    }

    /// The octets of that message which are meant; `None` if it has none such.
    fn of(&self, content: &Content) -> std::io::Result<Option<Content>> {
        let structure = match self.section.part.is_empty() {
            true => None,
            false => Some(structure::scan(content)?),
        };
        let octets = section::of_message(content, structure.as_ref(), &self.section)?;
        Ok(octets.map(|octets| match self.partial {
            Some(Partial { offset, length }) => octets.content().slice(offset, length),
            None => octets.content(),
        }))
    }
}

fn partial(value: &str) -> Option<Partial> {
    let (offset, length) = match value.split_once('.') {
        Some((offset, length)) => (offset, length.parse().ok().filter(|length| *length > 0)?),
        None => (value, u64::MAX),
    };
    Some(Partial { offset: offset.parse().ok()?, length })
}

fn number(digits: &str) -> Option<u32> {
    digits.parse().ok().filter(|number| *number > 0 && !digits.starts_with('+'))
}

/// `%` and two hexadecimal digits are an octet (RFC 3986 section 2.1).
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => return Some(octets),
            [b'%', high, low, rest @ ..] => {
                let digit = |digit: &u8| char::from(*digit).to_digit(16);
                octets.push(u8::try_from(digit(high)? << 4 | digit(low)?).ok()?);
                rest
            }
            [b'%', ..] => return None,
            [octet, rest @ ..] => {
                octets.push(*octet);
                rest
            }
        };
    }
}

const UID: &str = ";uid=";
const UID_VALIDITY: &str = ";uidvalidity=";

#[cfg(test)]
mod tests {
    use imap_proto::SectionText;

    use super::*;

    #[test]
    fn urls_of_messages() {
        let url = MessageUrl::parse("/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER").unwrap();
        assert_eq!(
            (url.mailbox.unwrap().0.as_str(), url.uid_validity, url.uid.get()),
            ("Drafts", Some(385_759_045), 20)
        );
        assert_eq!(url.section, Section { part: vec![], text: SectionText::Header });
        let url = MessageUrl::parse("/inbox/;uid=7/;SECTION=1.2.MIME/;PARTIAL=10.5").unwrap();
        assert!(url.mailbox.unwrap().is_inbox() && url.uid_validity.is_none());
        assert_eq!((url.section.part, url.partial), (vec![1, 2], Some(Partial { offset: 10, length: 5 })));
        let url = MessageUrl::parse("a%2Fb/gr%C3%BC%C3%9Fe/;UID=1/;PARTIAL=3").unwrap();
        assert_eq!((url.mailbox.unwrap().0.as_str(), url.partial.unwrap().length), ("a/b/grüße", u64::MAX));
        let url = MessageUrl::parse(";UID=9/;SECTION=HEADER.FIELDS%20(DATE%20FROM)").unwrap();
        assert_eq!(url.mailbox, None);
        assert_eq!(url.section.text, SectionText::HeaderFields(vec!["DATE".into(), "FROM".into()]));
        assert!(MessageUrl::parse("/;UID=9").unwrap().mailbox.is_none());
    }

    #[test]
    fn what_names_no_message_here() {
        for url in [
            "",
            "/INBOX",
            "/INBOX/;UID=",
            "/INBOX/;UID=0",
            "/INBOX/;UID=+1",
            "/INBOX/;UID=x",
            "/INBOX;UIDVALIDITY=0/;UID=1",
            "//host/INBOX/;UID=1",
            "imap://host/INBOX/;UID=1",
            "imap://anna@host/INBOX;UIDVALIDITY=1/;UID=1",
            "/INBOX/;UID=1/;SECTION=FOO",
            "/INBOX/;UID=1/;PARTIAL=1.0",
            "/INBOX/;UID=1/;EXPIRE=x;URLAUTH=anonymous",
            "/INBOX?SUBJECT/;UID=1",
            "/%zz/;UID=1",
            "/%FF/;UID=1",
        ] {
            assert_eq!(MessageUrl::parse(url), None, "{url}");
        }
    }
}
