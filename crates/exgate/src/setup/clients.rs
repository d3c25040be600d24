//! What to do in which program, with the right values filled in.

use super::Place;

/// A program, or several that are set up alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Client {
    Thunderbird,
    Apple,
    Outlook,
    Android,
    Davx5,
    Unix,
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// In words.
    Do(String),
    /// An address to be opened: what for, and which.
    Open(String, String),
    /// Lines for a file: its name, and what belongs there.
    Write(String, String),
}

impl Client {
    pub(crate) const ALL: [Client; 6] =
        [Self::Thunderbird, Self::Apple, Self::Outlook, Self::Android, Self::Davx5, Self::Unix];

    /// What it is called in addresses and on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Thunderbird => "thunderbird",
            Self::Apple => "apple",
            Self::Outlook => "outlook",
            Self::Android => "android",
            Self::Davx5 => "davx5",
            Self::Unix => "unix",
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Thunderbird => "Thunderbird",
            Self::Apple => "Apple Mail, Calendar and Contacts (macOS, iOS)",
            Self::Outlook => "Outlook, by IMAP",
            Self::Android => "Thunderbird for Android, K-9 Mail, FairEmail",
            Self::Davx5 => "DAVx⁵ (calendars and contacts on Android)",
            Self::Unix => "mbsync, msmtp and vdirsyncer",
        }
    }

    /// What somebody does there. The password is the one of the device, or of Exchange where there is none.
    pub(crate) fn steps(self, place: &Place, user: &str) -> Vec<Step> {
        match self {
            Self::Thunderbird => thunderbird(place, user),
            Self::Apple => apple(place, user),
            Self::Outlook => outlook(place, user),
            Self::Android => android(place, user),
            Self::Davx5 => davx5(place, user),
            Self::Unix => unix(place, user),
        }
    }
}

fn thunderbird(place: &Place, user: &str) -> Vec<Step> {
    let mut steps = vec![say(format!("New account: enter your name, {user} and the password, then Continue."))];
    steps.extend(by_hand(place, user));
    if let Some(url) = place.url() {
        steps.push(say(format!("Calendars: New Calendar, On the Network, user name {user}, location {url}")));
        steps.push(say(format!("Contacts: New Address Book, Add CardDAV Address Book, the same name and {url}")));
    }
    steps
}

fn apple(place: &Place, user: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    if let Some(url) = place.url() {
        let profile = format!("{url}exgate.mobileconfig");
        steps.push(Step::Open(
            "On the device, open the profile and install it (Settings, Profile Downloaded)".into(),
            profile,
        ));
    }
    steps.push(say(format!("It asks for the address, which is the user name, too ({user}), and for the password.")));
    steps.extend(by_hand(place, user));
    steps
}

fn outlook(place: &Place, user: &str) -> Vec<Step> {
    let first =
        format!("Add an account: enter {user}, choose Advanced options, Let me set up my account manually, IMAP.");
    let mut steps = vec![say(first)];
    steps.extend(by_hand(place, user));
    if let Some(url) = place.url() {
        steps.push(say(format!(
            "Calendars and contacts: the add-in CalDav Synchronizer, Generic CalDAV/CardDAV, DAV URL {url}"
        )));
    }
    steps
}

fn android(place: &Place, user: &str) -> Vec<Step> {
    let mut steps =
        vec![say("Thunderbird for Android: Import settings, Scan QR code, where you were shown one.".to_owned())];
    steps
        .push(say(format!("Otherwise add an account: {user} and the password; what is asked for is found by itself.")));
    steps.extend(by_hand(place, user));
    steps
}

fn davx5(place: &Place, user: &str) -> Vec<Step> {
    match place.url() {
        Some(url) => vec![
            say(format!("Add account, Login with URL and user name: {url}, {user}, and the password.")),
            say("Choose the calendars and address books to be kept on the device.".to_owned()),
        ],
        None => vec![say(format!("Calendars and contacts are not offered at {}.", place.host))],
    }
}

fn unix(place: &Place, user: &str) -> Vec<Step> {
    let (host, mut steps) = (&place.host, Vec::new());
    if let Some(port) = place.imaps {
        let text = format!(
            "IMAPAccount exgate\nHost {host}\nPort {port}\nTLSType IMAPS\nUser \"{user}\"\nPassCmd \"pass exgate\"\n\n\
             IMAPStore exgate-remote\nAccount exgate\n\nMaildirStore exgate-local\nSubFolders Verbatim\nPath ~/Mail/\n\
             Inbox ~/Mail/INBOX\n\nChannel exgate\nFar :exgate-remote:\nNear :exgate-local:\nPatterns *\nCreate Near\n\
             SyncState *"
        );
        steps.push(Step::Write("~/.mbsyncrc".to_owned(), text));
    }
    if let Some(port) = place.submissions {
        let text = format!(
            "account exgate\nhost {host}\nport {port}\ntls on\ntls_starttls off\nauth on\nuser {user}\nfrom {user}\n\
             passwordeval \"pass exgate\"\n\naccount default : exgate"
        );
        steps.push(Step::Write("~/.msmtprc".to_owned(), text));
    }
    if let Some(url) = place.url() {
        let storage = |kind: &str| {
            format!(
                "[storage exgate_{kind}]\ntype = \"{kind}\"\nurl = \"{url}\"\nusername = \"{user}\"\n\
                 password.fetch = [\"command\", \"pass\", \"exgate\"]"
            )
        };
        let text = format!("{}\n\n{}", storage("caldav"), storage("carddav"));
        steps.push(Step::Write("~/.config/vdirsyncer/config".to_owned(), text));
    }
    steps
}

/// For programs that ask for more than the address.
fn by_hand(place: &Place, user: &str) -> Option<Step> {
    let way = |what, port: Option<u16>| port.map(|port| format!("{what} {}, port {port}, SSL/TLS", place.host));
    let ways: Vec<String> = [way("incoming (IMAP)", place.imaps), way("outgoing (SMTP)", place.submissions)]
        .into_iter()
        .flatten()
        .collect();
    let text = format!("If it asks: {}; user name {user}; normal password.", ways.join("; "));
    (!ways.is_empty()).then(|| say(text))
}

fn say(text: String) -> Step {
    Step::Do(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_offered_is_named_and_nothing_else() {
        let place = super::super::example();
        for client in Client::ALL {
            let text = format!("{:?}", client.steps(&place, "anna@corp.example"));
            assert!(text.contains("anna@corp.example") && text.contains("mail.corp.example"), "{text}");
            assert_eq!(<Client as clap::ValueEnum>::from_str(client.name(), false), Ok(client));
        }
        let bare = Place { imaps: None, submissions: None, https: None, ..place };
        assert!(Client::Unix.steps(&bare, "anna").is_empty());
        assert_eq!(Client::Outlook.steps(&bare, "anna").len(), 1);
    }
}
