//! What Exchange's refusals of a message mean: the one table, by Exchange's own codes.

use ews::{ErrorKind as Theirs, ResponseCode};
use mailbox::ErrorKind as Ours;
use mailbox::submit::{About, Address, Refused};

use super::Tried;

/// What a message was, as far as a refusal may be about it.
pub(crate) struct Sending<'a> {
    /// In whose name.
    pub(crate) sender: Option<&'a Address>,
    /// To whom.
    pub(crate) recipients: &'a [&'a Address],
}

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Message,
    Sender,
    Recipient,
    Rate,
}

/// Why a message was not sent.
pub(crate) fn refused(sending: &Sending<'_>, error: &ews::Error) -> Refused {
    let tried = Tried::new("the message could not be sent");
    let code = error.code.as_ref().map_or("", ResponseCode::as_str);
    let Some((_, which, kind, reason)) = TABLE.iter().find(|(known, ..)| *known == code) else {
        return tried.failed(error).into();
    };
    let about = match which {
        Which::Message => About::Message,
        Which::Rate => About::Rate,
        Which::Sender => match sending.sender {
            Some(sender) => {
                return traced(Refused::new(About::Sender(sender.clone()), *kind, send_as_denied(sender)), error);
            }
            None => About::Message,
        },
        Which::Recipient => named(sending, &error.message).map_or(About::Message, About::Recipient),
    };
    // Without a name it is the message that is wrong.
    let kind = if about == About::Message && *which == Which::Recipient { Ours::Cannot } else { *kind };
    let who = match &about {
        About::Recipient(address) => format!(" ({address})"),
        _ => String::new(),
    };
    traced(Refused::new(about, kind, format!("{}: {reason}{who} ({code})", tried.text())), error)
}

/// Exchange refuses to send in somebody's name.
pub(crate) fn send_as_denied(address: &Address) -> String {
    format!(
        "Exchange does not let you send as {address}: send in your own name, or have Exchange's administrator give you \
         the right to send as, or on behalf of, it"
    )
}

/// True if Exchange broke off in the middle of the work, or whoever speaks for it did not wait, so that it may be done.
pub(crate) fn broke_midway(error: &ews::Error) -> bool {
    error.clone().of_mail().sent == ews::Sent::MaybeDone
        || error.kind == Theirs::Protocol && error.code.is_none() && error.cause.is_none()
}

/// The recipient a sentence of Exchange names, or the only one there is.
fn named(sending: &Sending<'_>, sentence: &str) -> Option<Address> {
    let sentence = sentence.to_lowercase();
    let is_named = |address: &&&Address| sentence.contains(&address.to_string().to_lowercase());
    let only = || sending.recipients.first().filter(|_| sending.recipients.len() == 1);
    sending.recipients.iter().find(is_named).or_else(only).map(|address| (*address).clone())
}

fn traced(refused: Refused, error: &ews::Error) -> Refused {
    Refused { error: super::traced(refused.error, error), ..refused }
}

const BUSY: Ours = Ours::Busy { retry_after: None };

/// EWS "ResponseCode", those that mean something else of a message than of anything.
const TABLE: [(&str, Which, Ours, &str); 19] = [
    ("ErrorSendAsDenied", Which::Sender, Ours::Denied, "Exchange does not let you send in this name"),
    (
        "ErrorMessageSubmissionBlocked",
        Which::Message,
        Ours::Denied,
        "Exchange lets this mailbox send nothing; its administrator can",
    ),
    ("ErrorInvalidRecipients", Which::Recipient, Ours::NotFound, "Exchange does not take a recipient"),
    ("ErrorMailRecipientNotFound", Which::Recipient, Ours::NotFound, "Exchange knows nobody of this address"),
    ("ErrorRecipientNotFound", Which::Recipient, Ours::NotFound, "Exchange knows nobody of this address"),
    ("ErrorInvalidSmtpAddress", Which::Recipient, Ours::Cannot, "Exchange takes this for no address"),
    ("ErrorInvalidRoutingType", Which::Recipient, Ours::Cannot, "Exchange takes this for no address"),
    ("ErrorMissingRecipients", Which::Message, Ours::Cannot, "Exchange finds no recipient"),
    ("ErrorExceededMessageLimit", Which::Rate, BUSY, "you have sent very much lately; try again in a while"),
    ("ErrorSubmissionQuotaExceeded", Which::Rate, BUSY, "you have sent as much as Exchange allows; try again later"),
    ("ErrorMessageSizeExceeded", Which::Message, Ours::TooBig, "it is larger than Exchange takes; make it smaller"),
    (
        "ErrorAttachmentSizeLimitExceeded",
        Which::Message,
        Ours::TooBig,
        "it is larger than Exchange takes; make it smaller",
    ),
    ("ErrorRequestStreamTooBig", Which::Message, Ours::TooBig, "it is larger than Exchange takes; make it smaller"),
    ("ErrorQuotaExceeded", Which::Message, Ours::OverQuota, "the mailbox is full; delete something first"),
    ("ErrorMimeContentInvalid", Which::Message, Ours::Cannot, "Exchange cannot read it"),
    ("ErrorMimeContentInvalidBase64String", Which::Message, Ours::Cannot, "Exchange cannot read it"),
    ("ErrorMimeContentConversionFailed", Which::Message, Ours::Cannot, "Exchange cannot read it"),
    ("ErrorContentConversionFailed", Which::Message, Ours::Cannot, "Exchange cannot read it"),
    ("ErrorVirusDetected", Which::Message, Ours::Denied, "Exchange takes it for a virus"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn told(code: &str, sentence: &str) -> ews::Error {
        ews::Error { code: Some(ResponseCode::new(code)), ..ews::Error::told(Theirs::Refused, sentence) }
    }

    #[test]
    fn each_code_says_what_it_is_about() {
        let (anna, ben) = (Address::new("anna", "x").unwrap(), Address::new("ben", "x").unwrap());
        let of = |code: &str, sentence: &str, recipients: &[&Address]| {
            let refused = refused(&Sending { sender: Some(&anna), recipients }, &told(code, sentence));
            (refused.about, refused.error.kind)
        };
        assert_eq!(of("ErrorSendAsDenied", "no", &[&ben]), (About::Sender(anna.clone()), Ours::Denied));
        assert_eq!(of("ErrorInvalidRecipients", "no", &[&ben]), (About::Recipient(ben.clone()), Ours::NotFound));
        let named = of("ErrorInvalidRecipients", "not BEN@x", &[&anna, &ben]);
        assert_eq!(named, (About::Recipient(ben.clone()), Ours::NotFound));
        assert_eq!(of("ErrorInvalidRecipients", "no", &[&anna, &ben]), (About::Message, Ours::Cannot));
        assert_eq!(of("ErrorMessageSizeExceeded", "no", &[&ben]), (About::Message, Ours::TooBig));
        assert_eq!(of("ErrorSubmissionQuotaExceeded", "no", &[&ben]), (About::Rate, BUSY));
    }
}
