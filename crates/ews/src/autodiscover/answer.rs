//! What an answer says, whichever way was asked.

/// An answer, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Where the mailbox is.
    Settings(Box<Settings>),
    /// Ask for this address instead.
    Address(String),
    /// Ask there instead.
    Url(String),
    /// Autodiscover answers, and says no, in these words.
    No(String),
    /// It cannot say now.
    Busy(String),
    /// It is no answer of Autodiscover, but this.
    Noise(String),
}

/// What is known of a mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) external: Option<String>,
    pub(super) internal: Option<String>,
    pub(super) schemas: Vec<String>,
    pub(super) grouping: Option<String>,
    pub(super) public_folder_mailbox: Option<String>,
    pub(super) rpc_server: Option<String>,
    pub(super) primary_address: Option<String>,
}

/// What a server says in its own words, cut to a line's length and freed of what could break a line.
pub(super) fn quoted(words: &str) -> String {
    let plain: String = words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}
