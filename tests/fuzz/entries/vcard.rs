//! A card as a client may send it: no panic; what is read is written so that it reads the same, and a card made into the
//! other version and back says what it said.

use pim::{Component, vcard};

pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(parsed) = pim::parse(&text) else { return };
    let written: String = parsed.iter().map(Component::write).collect();
    assert_eq!(pim::parse(&written).as_ref(), Ok(&parsed), "{written}");
    let _ = vcard::validate(&parsed);
    for card in &parsed {
        let (three, four) = (vcard::to_v3(card), vcard::to_v4(card));
        for made in [&three, &four] {
            assert!(pim::parse(&made.write()).is_ok());
        }
        // Once made, it stays.
        if three.properties("VERSION").count() == 1 {
            assert_eq!(vcard::to_v3(&three), three);
        }
        assert_eq!(vcard::to_v4(&four), four);
        assert!(pim::semantic_difference(&four, &four).is_empty());
    }
}
