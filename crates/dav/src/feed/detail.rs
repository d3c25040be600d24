//! What is left of an object at each level of detail.

use pim::ical::BusyKind;
use pim::ical::busy::kind_of;
use pim::{Component, Property};
use sha2::{Digest, Sha256};

use super::Detail;

/// A calendar object as a feed shows it; `None` if it shows nothing of it. `secret` keeps UIDs apart between feeds.
pub(super) fn shown(calendar: Component, detail: Detail, secret: &str) -> Option<Component> {
    let detail = if calendar.components.iter().any(is_private) { Detail::Busy } else { detail };
    let keep = |component: &Component| match detail {
        Detail::Full | Detail::Titles => true,
        Detail::Busy => component.is("VEVENT") || component.is("VTIMEZONE"),
    };
    let mut shown = calendar;
    shown.components.retain(keep);
    let mut events = shown.components.iter().filter(|component| !component.is("VTIMEZONE"));
    let any = match detail {
        Detail::Full | Detail::Titles => events.next().is_some(),
        Detail::Busy => events.any(|event| kind_of(event).is_some()),
    };
    for component in shown.components.iter_mut().filter(|component| !component.is("VTIMEZONE")) {
        match detail {
            Detail::Full => {}
            Detail::Titles => reduce(component, &[TIMES.as_slice(), &TITLES].concat()),
            Detail::Busy => {
                let title = title(component);
                reduce(component, &TIMES);
                component.set(Property::new("SUMMARY", title));
                veil(component, secret);
            }
        }
    }
    any.then_some(shown)
}

/// RFC 5545 section 3.8.1.3; a class that is not known is to be taken for private.
fn is_private(component: &Component) -> bool {
    component.value("CLASS").is_some_and(|class| !class.trim().eq_ignore_ascii_case("PUBLIC"))
}

/// One word for what somebody is at that time.
fn title(event: &Component) -> &'static str {
    match kind_of(event) {
        Some(BusyKind::Busy) => "Busy",
        Some(BusyKind::Tentative) => "Tentative",
        Some(BusyKind::Unavailable) => "Away",
        None => "Free",
    }
}

fn reduce(component: &mut Component, left: &[&str]) {
    component.properties.retain(|property| left.iter().any(|name| property.is(name)));
    component.components.clear();
}

/// UIDs can tell where an event comes from, and whether two calendars have the same one.
fn veil(component: &mut Component, secret: &str) {
    let Some(uid) = component.property_mut("UID") else { return };
    let digest = Sha256::digest(format!("{secret}\n{}", uid.value));
    uid.value = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    uid.parameters.clear();
}

/// When something is, and how it counts.
const TIMES: [&str; 16] = [
    "UID",
    "DTSTAMP",
    "DTSTART",
    "DTEND",
    "DUE",
    "DURATION",
    "RRULE",
    "RDATE",
    "EXDATE",
    "EXRULE",
    "RECURRENCE-ID",
    "SEQUENCE",
    "STATUS",
    "TRANSP",
    "COMPLETED",
    "X-MICROSOFT-CDO-BUSYSTATUS",
];

/// What it is called and where it is.
const TITLES: [&str; 2] = ["SUMMARY", "LOCATION"];

#[cfg(test)]
mod tests {
    use super::*;

    fn left(lines: &str, detail: Detail) -> Option<String> {
        let text = format!(
            "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:uid-1@corp\nDTSTAMP:20260101T000000Z\n\
             DTSTART:20260105T100000Z\nSUMMARY:Merger\nLOCATION:Vault\nDESCRIPTION:Secret\n\
             ATTENDEE:mailto:a@b.c\nX-OTHER:1\n{lines}\nBEGIN:VALARM\nACTION:AUDIO\nTRIGGER:-PT1M\nEND:VALARM\nEND:VEVENT\n\
             END:VCALENDAR\n"
        );
        shown(pim::parse(&text.replace("\n\n", "\n")).unwrap().remove(0), detail, "t").map(|shown| shown.write())
    }

    #[test]
    fn each_level_shows_what_it_says() {
        let full = left("", Detail::Full).unwrap();
        assert!(
            ["Merger", "Vault", "Secret", "a@b.c", "X-OTHER", "VALARM", "uid-1@corp"]
                .iter()
                .all(|word| full.contains(word))
        );
        let titles = left("", Detail::Titles).unwrap();
        assert!(["Merger", "Vault", "uid-1@corp", "DTSTART"].iter().all(|word| titles.contains(word)));
        assert!(!["Secret", "a@b.c", "X-OTHER", "VALARM"].iter().any(|word| titles.contains(word)));
        let busy = left("", Detail::Busy).unwrap();
        assert!(["SUMMARY:Busy", "DTSTART:20260105T100000Z"].iter().all(|word| busy.contains(word)));
        assert!(
            !["Merger", "Vault", "Secret", "a@b.c", "X-OTHER", "VALARM", "corp"].iter().any(|word| busy.contains(word))
        );
    }

    #[test]
    fn busy_shows_how_busy_and_nothing_that_is_free() {
        for (lines, title) in [
            ("STATUS:TENTATIVE", Some("SUMMARY:Tentative")),
            ("X-MICROSOFT-CDO-BUSYSTATUS:OOF", Some("SUMMARY:Away")),
            ("TRANSP:TRANSPARENT", None),
            ("STATUS:CANCELLED", None),
        ] {
            let left = left(lines, Detail::Busy);
            assert_eq!(left.is_some(), title.is_some(), "{lines}");
            assert!(left.is_none_or(|left| left.contains(title.unwrap())));
        }
    }

    #[test]
    fn what_is_private_is_never_more_than_busy() {
        for class in ["PRIVATE", "CONFIDENTIAL", "X-WHATEVER"] {
            let left = left(&format!("CLASS:{class}"), Detail::Full).unwrap();
            assert!(!left.contains("Merger") && left.contains("SUMMARY:Busy"), "{class}");
        }
        assert!(left("CLASS:PUBLIC", Detail::Full).unwrap().contains("Merger"));
    }
}
