//! The profile by which macOS and iOS set themselves up: a property list with one payload for mail, calendars and contacts.
//! Who installs it is asked for what is not in it: the password always, the address where it is for anybody.

use sha2::{Digest, Sha256};

use super::{Place, escaped};

/// For this user, or for anybody.
pub(crate) fn profile(place: &Place, user: Option<&str>) -> String {
    let named = |key: &str| user.map_or(String::new(), |user| text(key, user));
    let mut payloads = String::new();
    if let (Some(imaps), Some(submissions)) = (place.imaps, place.submissions) {
        let mut mail = vec![
            text("EmailAccountType", "EmailTypeIMAP"),
            text("EmailAccountDescription", &place.name),
            truth("SMIMEEnabled", false),
            truth("OutgoingPasswordSameAsIncomingPassword", true),
            named("EmailAddress"),
        ];
        for (way, port) in [("Incoming", imaps), ("Outgoing", submissions)] {
            mail.push(text(&format!("{way}MailServerHostName"), &place.host));
            mail.push(number(&format!("{way}MailServerPortNumber"), port));
            mail.push(truth(&format!("{way}MailServerUseSSL"), true));
            mail.push(text(&format!("{way}MailServerAuthentication"), "EmailAuthPassword"));
            mail.push(named(&format!("{way}MailServerUsername")));
        }
        payloads += &payload(place, "com.apple.mail.managed", "mail", &mail);
    }
    if let Some(https) = place.https {
        for (kind, prefix) in [("com.apple.caldav.account", "CalDAV"), ("com.apple.carddav.account", "CardDAV")] {
            let account = [
                text(&format!("{prefix}AccountDescription"), &place.name),
                text(&format!("{prefix}HostName"), &place.host),
                number(&format!("{prefix}Port"), https),
                truth(&format!("{prefix}UseSSL"), true),
                named(&format!("{prefix}Username")),
            ];
            payloads += &payload(place, kind, &prefix.to_lowercase(), &account);
        }
    }
    let whole = [
        format!("  <key>PayloadContent</key>\n  <array>\n{payloads}  </array>\n"),
        text("PayloadDisplayName", &place.name),
        truth("PayloadRemovalDisallowed", false),
        about(place, "Configuration", "profile"),
    ];
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n<dict>\n{}</dict>\n</plist>\n",
        whole.concat()
    )
}

fn payload(place: &Place, kind: &str, what: &str, account: &[String]) -> String {
    format!("  <dict>\n{}{}  </dict>\n", account.concat(), about(place, kind, what))
}

/// What every payload says of itself. The same gateway has the same ids, so that a new profile takes the place of an old one.
fn about(place: &Place, kind: &str, what: &str) -> String {
    let digest = Sha256::digest(format!("{}/{what}", place.host));
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02X}")).collect();
    let [a, b, c, d, e] = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| hex.get(part).unwrap_or_default());
    let turned: Vec<&str> = place.host.rsplit('.').collect();
    [
        text("PayloadIdentifier", &format!("{}.exgate.{what}", turned.join("."))),
        text("PayloadType", kind),
        text("PayloadUUID", &format!("{a}-{b}-{c}-{d}-{e}")),
        number("PayloadVersion", 1),
    ]
    .concat()
}

fn text(key: &str, value: &str) -> String {
    format!("  <key>{key}</key>\n  <string>{}</string>\n", escaped(value))
}

fn number(key: &str, value: u16) -> String {
    format!("  <key>{key}</key>\n  <integer>{value}</integer>\n")
}

fn truth(key: &str, value: bool) -> String {
    format!("  <key>{key}</key>\n  <{value}/>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_account_is_a_payload() {
        let text = profile(&super::super::example(), None);
        for part in [
            "<string>com.apple.mail.managed</string>",
            "<string>com.apple.caldav.account</string>",
            "<string>com.apple.carddav.account</string>",
            "<key>CalDAVPort</key>\n  <integer>8443</integer>",
            "<string>example.corp.mail.exgate.profile</string>",
            "<string>Corp &amp; Sons</string>",
        ] {
            assert!(text.contains(part), "no {part} in:\n{text}");
        }
        assert_eq!(text, profile(&super::super::example(), None));
        let own = profile(&super::super::example(), Some("anna@corp.example"));
        assert_eq!(own.matches("<string>anna@corp.example</string>").count(), 5, "{own}");
        assert!(!text.contains("Username"), "{text}");
        assert_eq!(text.matches("<dict>").count(), text.matches("</dict>").count());
    }
}
