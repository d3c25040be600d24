//! Whether a change may be made: If-Match, If-None-Match, If-Schedule-Tag-Match. Pure.

use mailbox::objects::{Condition, ETag, ObjectEntry, ObjectError, ObjectResult, Precondition};

/// Holds a condition against what is there.
///
/// # Errors
/// `IfMatch` or `ScheduleTag`.
pub(crate) fn check(condition: &Condition, entry: Option<&ObjectEntry>) -> ObjectResult<()> {
    let is_one = |tags: &[ETag]| entry.is_some_and(|entry| tags.is_empty() || tags.contains(&entry.etag));
    let refuse = |which, sentence: &str| Err(ObjectError::precondition(which, sentence));
    if condition.if_match.as_ref().is_some_and(|tags| !is_one(tags)) {
        let sentence = match entry {
            Some(_) => "the object was changed meanwhile; read it again",
            None => "there is no such object (any more)",
        };
        return refuse(Precondition::IfMatch, sentence);
    }
    if condition.if_none_match.as_ref().is_some_and(|tags| is_one(tags)) {
        return refuse(Precondition::IfMatch, "there is an object of that name already; read it first");
    }
    // RFC 6638 section 8.2: it fails too where there is no such tag.
    let tag = entry.and_then(|entry| entry.schedule_tag.as_ref());
    if condition.if_schedule_tag.as_ref().is_some_and(|wanted| tag != Some(wanted)) {
        return refuse(Precondition::ScheduleTag, "the meeting was changed meanwhile; read it again");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use mailbox::ModSeq;
    use mailbox::objects::{ObjectKind, ObjectName};

    use super::*;

    fn tags(tags: &[&str]) -> Option<Vec<ETag>> {
        Some(tags.iter().map(|tag| ETag((*tag).to_owned())).collect())
    }

    #[test]
    fn conditions_are_held_against_what_is_there() {
        let there = ObjectEntry {
            name: ObjectName("a.ics".to_owned()),
            kind: ObjectKind::Event,
            etag: ETag("1".to_owned()),
            schedule_tag: Some("s".to_owned()),
            uid: None,
            span: None,
            length: None,
            modseq: ModSeq(1),
            modified: None,
        };
        let match_of = |if_match| Condition { if_match, ..Condition::default() };
        let none_of = |if_none_match| Condition { if_none_match, ..Condition::default() };
        let schedule = |tag: &str| Condition { if_schedule_tag: Some(tag.to_owned()), ..Condition::default() };
        for (condition, with, without) in [
            (Condition::default(), true, true),
            (match_of(tags(&[])), true, false),
            (match_of(tags(&["2", "1"])), true, false),
            (match_of(tags(&["2"])), false, false),
            (none_of(tags(&[])), false, true),
            (none_of(tags(&["1"])), false, true),
            (none_of(tags(&["2"])), true, true),
            (schedule("s"), true, false),
            (schedule("t"), false, false),
        ] {
            assert_eq!(check(&condition, Some(&there)).is_ok(), with, "{condition:?}");
            assert_eq!(check(&condition, None).is_ok(), without, "{condition:?}");
        }
    }
}
