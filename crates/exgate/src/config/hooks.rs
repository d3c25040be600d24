//! `[[hooks]]`: who is told of what happens.

use std::path::Path;

use serde::Deserialize;

use super::mistake::Mistake;
use super::text::Text;
use crate::hook;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HookSettings {
    pub(crate) url: String,
    secret: Option<Text>,
    events: Vec<Event>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Event {
    Mail,
}

impl HookSettings {
    pub(super) fn check(&self, file: &Path, number: usize) -> Result<(), Mistake> {
        let wrong = |key, sentence: String| Err(Mistake::new(file, format!("hooks[{number}].{key}"), sentence));
        if !hook::is_safe(&self.url) {
            return wrong("url", format!("`{}` is no address of a web hook; write https://HOST/PATH", self.url));
        }
        match self.events.contains(&Event::Mail) {
            true => Ok(()),
            false => wrong("events", "it would be told of nothing; write [\"mail\"]".to_owned()),
        }
    }

    pub(crate) fn secret(&self) -> Option<ews::Secret> {
        self.secret.as_ref().map(Text::to_secret)
    }
}
