//! The message class a message gets that comes in as MIME (MS-OXCMAIL, MS-OXOSMIME; REPORT classes MS-OXOMSG 2.2.2).

use super::parse::header_block;

/// The class, where it is not `IPM.Note`.
///
/// What is signed in the clear is one class whoever signed it: OpenPGP's `multipart/signed` becomes S/MIME's, as the
/// add-ins for Outlook count on.
pub(crate) fn of(message: &[u8]) -> Option<&'static str> {
    let head = String::from_utf8_lossy(header_block(message));
    let unfolded = head.replace("\r\n\t", " ").replace("\r\n ", " ").replace("\n\t", " ").replace("\n ", " ");
    let content_type = unfolded.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("Content-Type").then(|| value.trim().to_ascii_lowercase())
    })?;
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    match kind {
        "multipart/signed" => Some("IPM.Note.SMIME.MultipartSigned"),
        "application/pkcs7-mime" | "application/x-pkcs7-mime" => Some("IPM.Note.SMIME"),
        "multipart/report" if content_type.contains("delivery-status") => Some(match &*field(message, "action:") {
            "delivered" => "REPORT.IPM.Note.DR",
            "relayed" => "REPORT.IPM.Note.Relayed.DR",
            "expanded" => "REPORT.IPM.Note.Expanded.DR",
            "delayed" => "REPORT.IPM.Note.Delayed",
            _ => "REPORT.IPM.Note.NDR",
        }),
        "multipart/report" if content_type.contains("disposition-notification") => {
            match field(message, "disposition:").split(';').next_back().unwrap_or_default().trim() {
                "deleted" => Some("REPORT.IPM.Note.IPNNRN"),
                _ => Some("REPORT.IPM.Note.IPNRN"),
            }
        }
        _ => None,
    }
}

/// The value of the first line that begins so, whatever its case.
fn field(message: &[u8], name: &str) -> String {
    let lines = message.split(|&byte| byte == b'\n');
    let found = lines.filter_map(|line| std::str::from_utf8(line).ok()).find_map(|line| {
        line.get(..name.len()).filter(|start| start.eq_ignore_ascii_case(name)).and_then(|_| line.get(name.len()..))
    });
    found.unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_goes_with_what_a_message_is() {
        for (message, class) in [
            ("Subject: x\r\n\r\nContent-Type: multipart/signed\r\n", None),
            ("Content-Type: text/plain\r\n\r\nx", None),
            (
                "Content-Type: multipart/signed;\r\n protocol=\"application/pgp-signature\"; boundary=b\r\n\r\nx",
                Some("IPM.Note.SMIME.MultipartSigned"),
            ),
            ("content-type: Application/PKCS7-MIME; smime-type=enveloped-data\r\n\r\nx", Some("IPM.Note.SMIME")),
            (
                "Content-Type: multipart/report;\r\n\treport-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nx\r\nAction: failed\r\n",
                Some("REPORT.IPM.Note.NDR"),
            ),
            (
                "Content-Type: multipart/report; report-type=delivery-status\r\n\r\naction: Delivered",
                Some("REPORT.IPM.Note.DR"),
            ),
            (
                "Content-Type: multipart/report; report-type=disposition-notification\r\n\r\nDisposition: a/b; deleted\r\n",
                Some("REPORT.IPM.Note.IPNNRN"),
            ),
        ] {
            assert_eq!(of(message.as_bytes()), class, "{message}");
        }
    }
}
