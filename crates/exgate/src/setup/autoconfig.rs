//! The document by which Thunderbird, K-9 Mail, Evolution and others set themselves up (Mozilla's autoconfiguration, version
//! 1.1; draft-ietf-mailmaint-autoconfig).

use super::{Place, escaped};

/// `%EMAILADDRESS%` and `%EMAILDOMAIN%` are the client's to fill in.
pub(super) fn document(place: &Place) -> String {
    let (host, name) = (escaped(&place.host), escaped(&place.name));
    let server = |kind: &str, element: &str, port: Option<u16>| {
        port.map_or(String::new(), |port| {
            format!(
                "    <{element} type=\"{kind}\">\n      <hostname>{host}</hostname>\n      <port>{port}</port>\n      \
                 <socketType>SSL</socketType>\n      <authentication>password-cleartext</authentication>\n      \
                 <username>%EMAILADDRESS%</username>\n    </{element}>\n"
            )
        })
    };
    let collections = |kind: &str, element: &str| {
        place.url().map_or(String::new(), |url| {
            format!(
                "  <{element} type=\"{kind}\">\n    <username>%EMAILADDRESS%</username>\n    \
                 <authentication>http-basic</authentication>\n    <serverURL>{}</serverURL>\n  </{element}>\n",
                escaped(&url)
            )
        })
    };
    [
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<clientConfig version=\"1.1\">\n",
        &format!("  <emailProvider id=\"{host}\">\n    <domain>%EMAILDOMAIN%</domain>\n"),
        &format!("    <displayName>{name}</displayName>\n    <displayShortName>{name}</displayShortName>\n"),
        &server("imap", "incomingServer", place.imaps),
        &server("smtp", "outgoingServer", place.submissions),
        "  </emailProvider>\n",
        &collections("carddav", "addressBook"),
        &collections("caldav", "calendar"),
        "</clientConfig>\n",
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_served_stands_in_it() {
        let text = document(&super::super::example());
        for part in [
            "<incomingServer type=\"imap\">\n      <hostname>mail.corp.example</hostname>\n      <port>993</port>",
            "<outgoingServer type=\"smtp\">\n      <hostname>mail.corp.example</hostname>\n      <port>465</port>",
            "<displayName>Corp &amp; Sons</displayName>",
            "<calendar type=\"caldav\">",
            "<serverURL>https://mail.corp.example:8443/</serverURL>",
        ] {
            assert!(text.contains(part), "no {part} in:\n{text}");
        }
        let mail_only = Place { https: None, ..super::super::example() };
        assert!(!document(&mail_only).contains("serverURL"));
    }
}
