//! An envelope as text, for the database.

use mailbox::submit::{Address, Body, Envelope, Notify, OriginalRecipient, Recipient, Returned};
use serde_json::{Value, json};

/// An envelope as JSON.
pub(crate) fn write(envelope: &Envelope) -> String {
    let recipients: Vec<Value> = envelope.recipients.iter().map(recipient).collect();
    json!({
        "sender": envelope.sender.as_ref().map(address),
        "recipients": recipients,
        "body": BODIES.iter().find(|(body, _)| *body == envelope.body).map(|(_, word)| word),
        "utf8": envelope.smtp_utf8,
        "returned": match envelope.returned {
            None => Value::Null,
            Some(Returned::Full) => json!("full"),
            Some(Returned::Headers) => json!("headers"),
        },
        "id": envelope.envelope_id,
    })
    .to_string()
}

/// The envelope that was written; `None` if it is damaged.
pub(crate) fn read(text: &str) -> Option<Envelope> {
    let value: Value = serde_json::from_str(text).ok()?;
    let recipients: Option<Vec<Recipient>> = value["recipients"].as_array()?.iter().map(read_recipient).collect();
    let body = value["body"].as_str().unwrap_or_default();
    Some(Envelope {
        sender: match &value["sender"] {
            Value::Null => None,
            sender => Some(read_address(sender)?),
        },
        recipients: recipients?,
        body: BODIES.iter().find(|(_, word)| *word == body).map(|(body, _)| *body).unwrap_or_default(),
        smtp_utf8: value["utf8"].as_bool().unwrap_or_default(),
        returned: match value["returned"].as_str() {
            Some("full") => Some(Returned::Full),
            Some("headers") => Some(Returned::Headers),
            _ => None,
        },
        envelope_id: value["id"].as_str().map(str::to_owned),
    })
}

fn recipient(recipient: &Recipient) -> Value {
    json!({
        "address": address(&recipient.address),
        "notify": recipient.notify.map(|notify| [notify.success, notify.failure, notify.delay]),
        "original": recipient.original.as_ref().map(|original| [&original.kind, &original.address]),
    })
}

fn read_recipient(value: &Value) -> Option<Recipient> {
    let flag = |at: usize| value["notify"][at].as_bool().unwrap_or_default();
    let text = |at: usize| value["original"][at].as_str().map(str::to_owned);
    Some(Recipient {
        address: read_address(&value["address"])?,
        notify: value["notify"].is_array().then(|| Notify { success: flag(0), failure: flag(1), delay: flag(2) }),
        original: text(0).zip(text(1)).map(|(kind, address)| OriginalRecipient { kind, address }),
    })
}

fn address(address: &Address) -> Value {
    json!([address.local(), address.domain()])
}

fn read_address(value: &Value) -> Option<Address> {
    Address::new(value[0].as_str()?, value[1].as_str()?)
}

const BODIES: [(Body, &str); 3] = [(Body::SevenBit, "7bit"), (Body::EightBit, "8bit"), (Body::Binary, "binary")];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn addresses() -> impl Strategy<Value = Address> {
        ("[^\\pC]{1,20}", "[^\\pC@<> ]{1,20}")
            .prop_filter_map("an address", |(local, domain)| Address::new(local, domain))
    }

    fn recipients() -> impl Strategy<Value = Recipient> {
        let notify = proptest::option::of(any::<(bool, bool, bool)>());
        let original = proptest::option::of(("[a-z0-9-]{1,9}", ".{0,20}"));
        (addresses(), notify, original).prop_map(|(address, notify, original)| Recipient {
            address,
            notify: notify.map(|(success, failure, delay)| Notify { success, failure, delay }),
            original: original.map(|(kind, address)| OriginalRecipient { kind, address }),
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            sender in proptest::option::of(addresses()),
            recipients in proptest::collection::vec(recipients(), 1..5),
            (body, utf8, returned) in (0..3_usize, any::<bool>(), 0..3_u8),
            id in proptest::option::of(".{0,20}"),
        ) {
            let returned = [None, Some(Returned::Full), Some(Returned::Headers)][usize::from(returned)];
            let envelope = Envelope {
                sender, recipients, body: BODIES[body].0, smtp_utf8: utf8, returned, envelope_id: id,
            };
            let again = read(&write(&envelope)).unwrap();
            prop_assert_eq!(format!("{:?}", again), format!("{:?}", envelope));
        }
    }

    #[test]
    fn what_is_damaged_is_not_guessed_at() {
        for text in ["", "{}", "[]", r#"{"recipients":[{"address":["a"]}]}"#, r#"{"sender":7,"recipients":[]}"#] {
            assert!(read(text).is_none(), "{text}");
        }
    }
}
