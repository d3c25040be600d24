//! What a directory is asked, so that everybody whom a filter can be about is among those who come.

use std::collections::BTreeSet;

use crate::attribute::{Kind, Syntax};
use crate::matching::normal;
use crate::proto::Filter;

/// Words, of which everybody who is meant has one; `None` if nothing narrows them down.
pub(crate) fn words(filter: &Filter) -> Option<BTreeSet<String>> {
    match filter {
        // One is enough for all: that with the fewest questions, and of those the longest words.
        Filter::And(all) => all.iter().filter_map(words).min_by_key(|words| {
            let shortest = words.iter().map(|word| word.chars().count()).min().unwrap_or_default();
            (words.len(), usize::MAX - shortest)
        }),
        Filter::Or(all) => all.iter().map(words).try_fold(BTreeSet::new(), |mut sum, words| {
            sum.extend(words?);
            Some(sum)
        }),
        Filter::Equal(name, value) | Filter::Like(name, value) => of_value(name, value),
        Filter::Rule { attribute: Some(name), value, .. } => of_value(name, value),
        Filter::Substrings(name, parts) => {
            let longest = parts.iter().max_by_key(|part| part.text().chars().count())?;
            of_value(name, longest.text())
        }
        Filter::Not(_) | Filter::AtLeast(..) | Filter::AtMost(..) | Filter::Present(_) | Filter::Rule { .. } => None,
    }
}

/// What nobody knows is nobody's: no question has to be asked for it.
fn of_value(name: &str, value: &str) -> Option<BTreeSet<String>> {
    let Some(kind) = Kind::named(name) else { return Some(BTreeSet::new()) };
    if !kind.is_searched {
        return None;
    }
    let word = normal(Syntax::Text, value);
    let word = word.strip_prefix("smtp:").unwrap_or(&word);
    (!word.is_empty()).then(|| BTreeSet::from([word.to_owned()]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::Part;

    fn has(name: &str, text: &str) -> Filter {
        Filter::Substrings(name.into(), vec![Part::Any(text.into())])
    }

    fn asked(filter: &Filter) -> Option<Vec<String>> {
        words(filter).map(|words| words.into_iter().collect())
    }

    #[test]
    fn what_programs_look_for_is_one_question() {
        // Thunderbird, for one word and for two.
        let one = |text: &str| {
            Filter::Or(["mail", "cn", "givenName", "sn", "displayName"].map(|name| has(name, text)).into())
        };
        assert_eq!(asked(&one("Ann")), Some(vec!["ann".to_owned()]));
        assert_eq!(asked(&Filter::And(vec![one("an"), one("berg")])), Some(vec!["berg".to_owned()]));
        // Outlook: who has an address, and is called so.
        let outlook = Filter::And(vec![
            Filter::Present("mail".into()),
            Filter::Or(vec![has("mail", "ann"), has("cn", "ann"), has("sn", "ann"), has("mozillaNickname", "ann")]),
        ]);
        assert_eq!(asked(&outlook), Some(vec!["ann".to_owned()]));
        let proxy = Filter::Equal("proxyAddresses".into(), "smtp:a@x".into());
        assert_eq!(asked(&proxy), Some(vec!["a@x".to_owned()]));
    }

    #[test]
    fn what_narrows_nothing_down_is_not_asked() {
        for filter in [
            Filter::Present("objectClass".into()),
            Filter::Not(Box::new(has("cn", "a"))),
            Filter::Or(vec![has("cn", "a"), Filter::Present("mail".into())]),
            has("telephoneNumber", "49"),
            has("cn", ""),
            Filter::And(Vec::new()),
        ] {
            assert_eq!(asked(&filter), None, "{filter:?}");
        }
        assert_eq!(asked(&has("shoeSize", "40")), Some(Vec::new()));
    }
}
