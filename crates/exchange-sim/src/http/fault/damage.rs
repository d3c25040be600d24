//! Changing an answer after the fact.

use memchr::memmem;

use super::{Kind, Order};

/// The answer with its damage, or `None` when there is nothing in it to damage.
pub(in crate::http) fn apply(order: &Order, operation: &str, document: &[u8]) -> Option<Vec<u8>> {
    let kept = order.bytes.unwrap_or(document.len() / 2).min(document.len());
    let half = document.get(..kept)?;
    match order.what {
        Kind::NulChar => into_texts(document, order.text.as_deref().unwrap_or("&#x0;")),
        Kind::Truncated => Some(half.to_vec()),
        Kind::TruncatedMarker => Some([half, b"=== Truncated Data ==="].concat()),
        Kind::CorruptItem => {
            one_item(order, operation, document, "ErrorItemCorrupt", "The item was found to be corrupt.")
        }
        Kind::MimeFailed => {
            one_item(order, operation, document, "ErrorMimeContentConversionFailed", "MIME content conversion failed.")
        }
        _ => None,
    }
}

/// `text` at the end of every subject; in answers without one, of other texts a user may have written.
fn into_texts(document: &[u8], text: &str) -> Option<Vec<u8>> {
    ["</t:Subject>", "</t:DisplayName>", "</t:DisplayTo>", "</t:Name>", "</t:Body>"]
        .into_iter()
        .map(|end| (end, memmem::find_iter(document, end).collect::<Vec<usize>>()))
        .find(|(_, places)| !places.is_empty())
        .map(|(_, places)| {
            let mut out = Vec::with_capacity(document.len() + places.len() * text.len());
            let mut start = 0;
            for place in places {
                out.extend_from_slice(document.get(start..place).unwrap_or_default());
                out.extend_from_slice(text.as_bytes());
                start = place;
            }
            out.extend_from_slice(document.get(start..).unwrap_or_default());
            out
        })
}

/// The response message of one item replaced by an error, as per-item errors look.
fn one_item(order: &Order, operation: &str, document: &[u8], code: &str, text: &str) -> Option<Vec<u8>> {
    let opening = format!("<m:{operation}ResponseMessage ");
    let closing = format!("</m:{operation}ResponseMessage>");
    let messages: Vec<(usize, usize)> = memmem::find_iter(document, opening.as_bytes())
        .filter_map(|start| {
            let length = memmem::find(document.get(start..)?, closing.as_bytes())?;
            Some((start, start + length + closing.len()))
        })
        .collect();
    let named = order.item.as_ref().and_then(|item| {
        messages.iter().find(|(start, end)| {
            document.get(*start..*end).is_some_and(|message| memmem::find(message, item.as_bytes()).is_some())
        })
    });
    let place = order.index.unwrap_or(messages.len() / 2).min(messages.len().saturating_sub(1));
    let (start, end) = *named.or_else(|| messages.get(place))?;
    let error = format!(
        "{opening}ResponseClass=\"Error\"><m:MessageText>{text}</m:MessageText><m:ResponseCode>{code}</m:ResponseCode>\
         <m:DescriptiveLinkKey>0</m:DescriptiveLinkKey><m:Items/>{closing}"
    );
    Some([document.get(..start)?, error.as_bytes(), document.get(end..)?].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn damaged(order: &str, document: &str) -> Option<String> {
        let order = serde_json::from_str(order).unwrap();
        apply(&order, "GetItem", document.as_bytes()).map(|out| String::from_utf8(out).unwrap())
    }

    const BATCH: &str = "<r><m:GetItemResponseMessage ResponseClass=\"Success\">Id=\"a\"</m:GetItemResponseMessage>\
        <m:GetItemResponseMessage ResponseClass=\"Success\">Id=\"b\"</m:GetItemResponseMessage></r>";

    #[test]
    fn one_item_of_a_batch_fails() {
        let out = damaged(r#"{"what":"corrupt_item"}"#, BATCH).unwrap();
        assert!(out.contains("Id=\"a\"") && !out.contains("Id=\"b\""));
        assert!(out.contains("<m:ResponseCode>ErrorItemCorrupt</m:ResponseCode>") && out.ends_with("</r>"));
        let out = damaged(r#"{"what":"mime_failed","item":"Id=\"a\""}"#, BATCH).unwrap();
        assert!(out.contains("Id=\"b\"") && out.contains("ErrorMimeContentConversionFailed"));
        assert_eq!(damaged(r#"{"what":"corrupt_item"}"#, "<r/>"), None);
    }

    #[test]
    fn texts_get_what_xml_forbids() {
        assert_eq!(
            damaged(r#"{"what":"nul_char"}"#, "<t:Subject>x</t:Subject>").as_deref(),
            Some("<t:Subject>x&#x0;</t:Subject>")
        );
        assert_eq!(damaged(r#"{"what":"nul_char"}"#, "<r/>"), None);
    }

    #[test]
    fn answers_end_early() {
        assert_eq!(damaged(r#"{"what":"truncated"}"#, "12345678").as_deref(), Some("1234"));
        assert_eq!(
            damaged(r#"{"what":"truncated_marker","bytes":2}"#, "12345678").as_deref(),
            Some("12=== Truncated Data ===")
        );
    }
}
