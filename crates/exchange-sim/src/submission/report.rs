//! Reports of the system: what could not be delivered, and what was (RFC 3462, RFC 3464).

use super::{
    ledger::Outcome,
    new_message_id, server,
    transport::{Mail, carry_report},
};
use crate::{
    compose::{addresses, date, without_fields, words},
    exchange::Organisation,
    mime::parse::Person,
    time::Seconds,
};

/// Why a recipient could not be reached.
pub(super) struct Failure {
    /// Such as `5.1.10` (RFC 3463).
    pub(super) status: String,
    diagnostic: String,
}

impl Failure {
    pub(super) fn new(status: &str, text: &str) -> Failure {
        Failure { status: status.to_owned(), diagnostic: format!("smtp;550 {status} {text}") }
    }
}

/// Tells the sender whom a message did not reach. The original goes along, unless it is large.
pub(super) fn undeliverable(
    organisation: &mut Organisation,
    mail: &Mail,
    failed: &[(String, String, Failure)],
    now: Seconds,
) {
    if failed.is_empty() {
        return;
    }
    let groups: Vec<Group> = failed
        .iter()
        .map(|(address, name, failure)| Group {
            address: address.clone(),
            name: name.clone(),
            action: "failed",
            status: failure.status.clone(),
            diagnostic: Some(failure.diagnostic.clone()),
        })
        .collect();
    let mut said = String::from("Delivery has failed to these recipients or groups:\r\n");
    for group in &groups {
        let shown = if group.name.is_empty() { &group.address } else { &group.name };
        said.push_str(&format!("\r\n{shown} ({})\r\nThe message couldn't be delivered.\r\n", group.address));
    }
    said.push_str(&format!(
        "\r\nDiagnostic information for administrators:\r\n\r\nGenerating server: {}\r\n",
        server(&mail.return_to)
    ));
    for group in &groups {
        let diagnostic = group.diagnostic.as_deref().unwrap_or_default().trim_start_matches("smtp;");
        said.push_str(&format!("\r\n{}\r\nRemote Server returned '{diagnostic}'\r\n", group.address));
    }
    send(organisation, mail, "Undeliverable: ", &said, &groups, now);
}

/// Tells the sender, who asked for it, whom a message reached, or that it left the organisation.
pub(super) fn delivered(
    organisation: &mut Organisation,
    mail: &Mail,
    arrived: &[(String, String, Outcome)],
    now: Seconds,
) {
    for (prefix, action, outcome, said) in [
        (
            "Delivered: ",
            "delivered",
            Outcome::Delivered,
            "Your message has been delivered to the following recipients:",
        ),
        (
            "Relayed: ",
            "relayed",
            Outcome::Outside,
            "Delivery to these recipients or groups is complete, but no delivery notification was sent by the \
             destination server:",
        ),
    ] {
        let groups: Vec<Group> = arrived
            .iter()
            .filter(|(_, _, what)| *what == outcome)
            .map(|(address, name, _)| Group {
                address: address.clone(),
                name: name.clone(),
                action,
                status: if action == "relayed" { "2.1.9" } else { "2.1.5" }.to_owned(),
                diagnostic: None,
            })
            .collect();
        if groups.is_empty() {
            continue;
        }
        let names: String = groups
            .iter()
            .map(|group| {
                let shown = if group.name.is_empty() { &group.address } else { &group.name };
                format!("\r\n{shown} ({})\r\n", group.address)
            })
            .collect();
        let said = format!("{said}\r\n{names}\r\nSubject: {}\r\n", mail.subject);
        send(organisation, mail, prefix, &said, &groups, now);
    }
}

/// What a report says of one recipient (RFC 3464 section 2.3).
struct Group {
    address: String,
    name: String,
    action: &'static str,
    status: String,
    diagnostic: Option<String>,
}

fn send(organisation: &mut Organisation, mail: &Mail, prefix: &str, said: &str, groups: &[Group], now: Seconds) {
    let to = Person { name: String::new(), address: mail.return_to.clone() };
    let mut status = format!("Reporting-MTA: dns;{}\r\n", server(&mail.return_to));
    for group in groups {
        let shown = if group.name.is_empty() { &group.address } else { &group.name };
        status.push_str(&format!(
            "\r\nFinal-recipient: RFC822;{}\r\nAction: {}\r\nStatus: {}\r\n",
            group.address, group.action, group.status
        ));
        if let Some(diagnostic) = &group.diagnostic {
            status.push_str(&format!("Diagnostic-code: {diagnostic}\r\n"));
        }
        status.push_str(&format!("X-Display-Name: {}\r\n", words(shown)));
    }
    let failed = prefix.starts_with("Un");
    let subject = format!("{prefix}{}", mail.subject);
    let mut head = head(&system(&mail.return_to), &to, &subject, mail.message_id.as_deref(), now);
    if failed {
        head.push_str("X-MS-Exchange-Message-Is-Ndr:\r\n");
    }
    let whole = mail.message.len() <= LARGE;
    let original = without_fields(&mail.message, |name| name.eq_ignore_ascii_case("Bcc"));
    let original: &[u8] = if whole { &original } else { crate::mime::parse::header_block(&original) };
    let last = failed.then_some((if whole { "message/rfc822" } else { "text/rfc822-headers" }, original));
    let message = multipart(&head, "delivery-status", said, ("message/delivery-status", &status), last);
    carry_report(organisation, "report", None, &to, message, now);
}

/// Who reports on behalf of an organisation: the address is that of every Exchange organisation.
fn system(address: &str) -> Person {
    let domain = super::domain(address);
    Person {
        name: "Microsoft Outlook".to_owned(),
        address: format!("MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@{domain}"),
    }
}

/// The header of a report about a message.
pub(super) fn head(from: &Person, to: &Person, subject: &str, about: Option<&str>, now: Seconds) -> String {
    let one = |person: &Person| addresses(std::slice::from_ref(person));
    let mut out = super::trace(&server(&to.address), &server(&to.address), "Microsoft SMTP Server id 15.2.1544.4", now);
    for (name, value) in [
        ("From", one(from)),
        ("To", one(to)),
        ("Subject", words(subject)),
        ("Date", date(now)),
        ("Message-ID", new_message_id(&from.address)),
    ] {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some(id) = about {
        out.push_str(&format!("References: {id}\r\nIn-Reply-To: {id}\r\n"));
    }
    out.push_str("Auto-Submitted: auto-replied\r\nContent-Language: en-US\r\n");
    out
}

/// `multipart/report` (RFC 3462): for people, for programs, and the message it is about.
pub(super) fn multipart(
    head: &str,
    of: &str,
    said: &str,
    status: (&str, &str),
    original: Option<(&str, &[u8])>,
) -> Vec<u8> {
    let boundary = uuid::Uuid::new_v4().to_string();
    let inner = uuid::Uuid::new_v4().to_string();
    let escaped = said.replace('&', "&amp;").replace('<', "&lt;").replace("\r\n", "<br>\r\n");
    let (kind, text) = status;
    let mut out = format!(
        "{head}MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type={of};\r\n\tboundary=\"{boundary}\"\r\n\r\n\
         --{boundary}\r\nContent-Type: multipart/alternative; boundary=\"{inner}\"\r\n\r\n\
         --{inner}\r\nContent-Type: text/plain; charset=\"utf-8\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{said}\r\n\
         --{inner}\r\nContent-Type: text/html; charset=\"utf-8\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
         <html><body>{escaped}</body></html>\r\n\
         --{inner}--\r\n\r\n--{boundary}\r\nContent-Type: {kind}\r\n\r\n{text}\r\n"
    )
    .into_bytes();
    if let Some((kind, message)) = original {
        out.extend(format!("--{boundary}\r\nContent-Type: {kind}\r\n\r\n").into_bytes());
        out.extend(message);
        out.extend(b"\r\n");
    }
    out.extend(format!("--{boundary}--\r\n").into_bytes());
    out
}

/// InternalDsnMaxMessageAttachSize: beyond it only the header goes along.
const LARGE: usize = 10 << 20;
