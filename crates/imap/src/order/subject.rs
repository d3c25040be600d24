//! Base subjects (RFC 5256 section 2.1): what is left of a subject when nothing tells any more how often it was
//! answered and handed on.

/// A base subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Base {
    /// What is left.
    pub(crate) text: String,
    /// Something that marks an answer, or a message handed on, was taken off (section 3, REFERENCES).
    pub(crate) is_reply: bool,
}

/// The base subject of a subject that is decoded (RFC 2047) and on one line. The steps have the numbers they have in
/// RFC 5256 section 2.1.
pub(crate) fn base(subject: &str) -> Base {
    let text = one_space(subject);
    let mut rest = text.as_str();
    let mut is_reply = false;
    loop {
        rest = without_trailers(rest, &mut is_reply); // (2)
        rest = without_leaders(rest, &mut is_reply); // (3), (4), (5)
        match forwarded(rest) {
            // (6)
            Some(inside) => (rest, is_reply) = (inside, true),
            None => return Base { text: rest.to_owned(), is_reply },
        }
    }
}

/// (1) Tabs and continuations become spaces, and several spaces one.
fn one_space(subject: &str) -> String {
    let mut text = String::with_capacity(subject.len());
    for letter in subject.chars() {
        match letter {
            '\t' | '\r' | '\n' | ' ' if text.ends_with(' ') => {}
            '\t' | '\r' | '\n' => text.push(' '),
            letter => text.push(letter),
        }
    }
    text
}

/// `subj-trailer = "(fwd)" / WSP`
fn without_trailers<'a>(mut text: &'a str, is_reply: &mut bool) -> &'a str {
    loop {
        text = text.trim_end_matches(' ');
        match text.len().checked_sub("(fwd)".len()).and_then(|at| text.split_at_checked(at)) {
            Some((before, trailer)) if trailer.eq_ignore_ascii_case("(fwd)") => (text, *is_reply) = (before, true),
            _ => return text,
        }
    }
}

/// ```text
/// subj-leader = (*subj-blob subj-refwd) / WSP
/// ```
/// and blobs before something else.
fn without_leaders<'a>(mut text: &'a str, is_reply: &mut bool) -> &'a str {
    loop {
        text = text.trim_start_matches(' ');
        if let Some(after) = refwd_behind_blobs(text) {
            (text, *is_reply) = (after, true);
        } else if let Some(after) = blob(text).filter(|after| !after.is_empty()) {
            text = after;
        } else {
            return text;
        }
    }
}

fn refwd_behind_blobs(mut text: &str) -> Option<&str> {
    loop {
        match (refwd(text), blob(text)) {
            (Some(after), _) => return Some(after),
            (None, Some(after)) => text = after,
            (None, None) => return None,
        }
    }
}

/// `subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"`
fn refwd(text: &str) -> Option<&str> {
    let word = ["re", "fwd", "fw"].into_iter().find_map(|word| behind(text, word))?.trim_start_matches(' ');
    blob(word).unwrap_or(word).strip_prefix(':')
}

/// ```text
/// subj-blob = "[" *BLOBCHAR "]" *WSP
/// BLOBCHAR  = <any CHAR8 except "[" and "]">
/// ```
fn blob(text: &str) -> Option<&str> {
    let inside = text.strip_prefix('[')?;
    let (_, end) = inside.split_at_checked(inside.find(['[', ']'])?)?;
    Some(end.strip_prefix(']')?.trim_start_matches(' '))
}

/// `subj-fwd = "[fwd:" subject "]"`
fn forwarded(text: &str) -> Option<&str> {
    behind(text, "[fwd:")?.strip_suffix(']')
}

fn behind<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (start, after) = text.split_at_checked(word.len())?;
    start.eq_ignore_ascii_case(word).then_some(after)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_marks_answers_is_taken_off() {
        for (subject, text, is_reply) in [
            ("hello", "hello", false),
            ("Re: hello", "hello", true),
            ("RE:hello", "hello", true),
            ("re : hello", "hello", true),
            ("Fw: hello", "hello", true),
            ("Fwd: hello", "hello", true),
            ("fwdx: hello", "fwdx: hello", false),
            ("AW: hello", "AW: hello", false),
            ("Re: Re: Fwd: hello (fwd)  (FWD) ", "hello", true),
            ("hello (fwd)", "hello", true),
            ("(fwd)", "", true),
            ("Re[2]: hello", "hello", true),
            ("Re [list] : hello", "hello", true),
            ("Re [list]: hello", "hello", true),
            ("[list] hello", "hello", false),
            ("[list] Re: hello", "hello", true),
            ("[a] [b] Re: [c] hello", "hello", true),
            ("[list]", "[list]", false),
            ("[a][b]", "[b]", false),
            ("Re: [list]", "[list]", true),
            ("[a [b] c", "[a [b] c", false),
            ("[open hello", "[open hello", false),
            ("[Fwd: hello]", "hello", true),
            ("[fwd: Re: [list] hello (fwd)]", "hello", true),
            ("[Fwd: [Fwd: hello]]", "hello", true),
            ("[Fwd: hello] and more", "and more", false),
            ("Re: [Fwd: hello] (fwd)", "hello", true),
            ("[Fwd:]", "", true),
            ("", "", false),
            ("   ", "", false),
            ("Re:", "", true),
            ("a\tb\r\n  c", "a b c", false),
            ("re", "re", false),
            ("Grüße", "Grüße", false),
            ("é", "é", false),
            ("Re: é(fwd)", "é", true),
        ] {
            let found = base(subject);
            assert_eq!((found.text.as_str(), found.is_reply), (text, is_reply), "{subject:?}");
        }
    }

    proptest! {
        #[test]
        fn a_base_subject_is_its_own(words in prop::collection::vec(prop::sample::select(WORDS), 0..9)) {
            let found = base(&words.concat());
            let again = base(&found.text);
            prop_assert_eq!(again, Base { text: found.text.clone(), is_reply: false });
            let answered = base(&format!("Re: {}", words.concat()));
            prop_assert_eq!(answered, Base { text: found.text, is_reply: true });
        }
    }

    const WORDS: &[&str] =
        &["re", "RE:", "fw", "Fwd:", "fwd", "[", "]", "[fwd:", "(fwd)", " ", ":", "a", "é", "[x]", "(", "\t"];
}
