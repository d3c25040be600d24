//! Restrictions: the conditions of FindItem and FindFolder.

use std::cmp::Ordering;

use crate::{op::Trouble, property::Path, soap::Element, store::Value};

/// A condition on properties.
#[derive(Clone, Debug)]
pub(crate) enum Restriction {
    And(Vec<Restriction>),
    Or(Vec<Restriction>),
    Not(Box<Restriction>),
    Exists(Path),
    /// The property has none of these bits.
    Excludes(Path, i64),
    Compare(Path, Comparison, Operand),
    Contains(Path, Mode, Folding, String),
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// What a property is compared with.
#[derive(Clone, Debug)]
pub(crate) enum Operand {
    Constant(String),
    Property(Path),
}

/// `ContainmentMode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    FullString,
    Prefixed,
    Substring,
    PrefixOnWords,
    ExactPhrase,
}

/// `ContainmentComparison`: what differences do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Folding {
    pub(crate) case: bool,
    pub(crate) marks: bool,
}

impl Restriction {
    /// Reads one search expression.
    pub(crate) fn read(element: &Element) -> Result<Restriction, Trouble> {
        let all = || element.children.iter().map(Restriction::read).collect::<Result<Vec<_>, _>>();
        if let Some((_, comparison)) = COMPARISONS.iter().find(|(name, _)| *name == element.name) {
            return Ok(Restriction::Compare(Path::within(element)?, *comparison, operand(element)?));
        }
        Ok(match element.name.as_str() {
            "And" => Restriction::And(all()?),
            "Or" => Restriction::Or(all()?),
            "Not" => Restriction::Not(Box::new(Restriction::And(all()?))),
            "Exists" => Restriction::Exists(Path::within(element)?),
            "Excludes" => {
                let mask = element.child("Bitmask").and_then(|mask| mask.attribute("Value")).unwrap_or_default();
                Restriction::Excludes(Path::within(element)?, bitmask(mask).ok_or_else(invalid)?)
            }
            "Contains" => contains(element)?,
            _ => return Err(invalid()),
        })
    }

    /// Whether the condition holds where properties have these values.
    pub(crate) fn holds(&self, value: &dyn Fn(&Path) -> Option<Value>) -> bool {
        match self {
            Restriction::And(all) => all.iter().all(|one| one.holds(value)),
            Restriction::Or(any) => any.iter().any(|one| one.holds(value)),
            Restriction::Not(one) => !one.holds(value),
            Restriction::Exists(path) => value(path).is_some(),
            Restriction::Excludes(path, mask) => match value(path) {
                Some(Value::Number(number)) => number & mask == 0,
                _ => true,
            },
            Restriction::Compare(path, comparison, operand) => compare(value, path, *comparison, operand),
            Restriction::Contains(path, mode, folding, constant) => {
                value(path).is_some_and(|found| each(&found, &|text| contained(text, *mode, *folding, constant)))
            }
        }
    }
}

fn contains(element: &Element) -> Result<Restriction, Trouble> {
    let mode = match element.attribute("ContainmentMode") {
        Some("Prefixed") => Mode::Prefixed,
        Some("Substring") => Mode::Substring,
        Some("PrefixOnWords") => Mode::PrefixOnWords,
        Some("ExactPhrase") => Mode::ExactPhrase,
        _ => Mode::FullString,
    };
    let comparison = element.attribute("ContainmentComparison").unwrap_or("Exact");
    let folding = Folding {
        case: comparison.contains("IgnoreCase") || comparison == "Loose" || comparison == "LooseAndIgnoreCase",
        marks: comparison.contains("NonSpacing") || comparison.starts_with("Loose"),
    };
    let constant = element.child("Constant").and_then(|constant| constant.attribute("Value")).unwrap_or_default();
    Ok(Restriction::Contains(Path::within(element)?, mode, folding, constant.to_owned()))
}

fn operand(element: &Element) -> Result<Operand, Trouble> {
    let holder = element.child("FieldURIOrConstant").and_then(|holder| holder.children.first()).ok_or_else(invalid)?;
    match holder.attribute("Value") {
        Some(value) if holder.name == "Constant" => Ok(Operand::Constant(value.to_owned())),
        _ => Path::read(holder).map(Operand::Property),
    }
}

fn compare(value: &dyn Fn(&Path) -> Option<Value>, path: &Path, comparison: Comparison, operand: &Operand) -> bool {
    // What is not there differs from everything, and is neither more nor less.
    let Some(found) = value(path) else { return comparison == Comparison::NotEqual };
    let fits = |found: &Value| {
        let order = match operand {
            Operand::Constant(constant) => found.compare_text(constant),
            Operand::Property(other) => value(other).map(|other| found.compare(&other)),
        };
        match (order, comparison) {
            (None, _) => comparison == Comparison::NotEqual,
            (Some(order), Comparison::Equal) => order == Ordering::Equal,
            (Some(order), Comparison::NotEqual) => order != Ordering::Equal,
            (Some(order), Comparison::Greater) => order == Ordering::Greater,
            (Some(order), Comparison::GreaterOrEqual) => order != Ordering::Less,
            (Some(order), Comparison::Less) => order == Ordering::Less,
            (Some(order), Comparison::LessOrEqual) => order != Ordering::Greater,
        }
    };
    match &found {
        Value::List(values) => values.iter().any(fits),
        one => fits(one),
    }
}

fn each(value: &Value, test: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::List(values) => values.iter().any(|value| each(value, test)),
        value => test(&value.write()),
    }
}

/// R/contains: how text is looked for in text.
pub(crate) fn contained(text: &str, mode: Mode, folding: Folding, constant: &str) -> bool {
    let (text, constant) = (fold(text, folding), fold(constant, folding));
    match mode {
        Mode::FullString => text == constant,
        Mode::Prefixed => text.starts_with(&constant),
        Mode::Substring => text.contains(&constant),
        Mode::PrefixOnWords => words(&text).any(|(at, _)| text[at..].starts_with(&constant)),
        Mode::ExactPhrase => {
            let whole = |end: usize| !text[end..].starts_with(char::is_alphanumeric);
            words(&text).any(|(at, _)| text[at..].starts_with(&constant) && whole(at + constant.len()))
        }
    }
}

fn words(text: &str) -> impl Iterator<Item = (usize, char)> + '_ {
    let mut inside = false;
    text.char_indices().filter(move |(_, character)| {
        let word = character.is_alphanumeric();
        let starts = word && !inside;
        inside = word;
        starts
    })
}

fn fold(text: &str, folding: Folding) -> String {
    let folded = if folding.case { text.to_lowercase() } else { text.to_owned() };
    match folding.marks {
        // Combining marks do not count; letters with marks in one character stay as they are.
        true => folded.chars().filter(|character| !('\u{300}'..='\u{36f}').contains(character)).collect(),
        false => folded,
    }
}

fn bitmask(text: &str) -> Option<i64> {
    match text.trim().strip_prefix("0x").or_else(|| text.trim().strip_prefix("0X")) {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => text.trim().parse().ok(),
    }
}

fn invalid() -> Trouble {
    Trouble::new("ErrorInvalidRestriction", "The restriction is invalid.")
}

const COMPARISONS: &[(&str, Comparison)] = &[
    ("IsEqualTo", Comparison::Equal),
    ("IsNotEqualTo", Comparison::NotEqual),
    ("IsGreaterThan", Comparison::Greater),
    ("IsGreaterThanOrEqualTo", Comparison::GreaterOrEqual),
    ("IsLessThan", Comparison::Less),
    ("IsLessThanOrEqualTo", Comparison::LessOrEqual),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containment_modes() {
        let (exact, loose) = (Folding { case: false, marks: false }, Folding { case: true, marks: true });
        for (text, mode, folding, constant, expected) in [
            ("Hello World", Mode::FullString, exact, "Hello World", true),
            ("Hello World", Mode::FullString, exact, "hello world", false),
            ("Hello World", Mode::FullString, loose, "hello world", true),
            ("Hello World", Mode::Prefixed, exact, "Hell", true),
            ("Hello World", Mode::Substring, loose, "O WO", true),
            ("Hello World", Mode::PrefixOnWords, loose, "wor", true),
            ("Hello World", Mode::PrefixOnWords, loose, "orld", false),
            ("Hello World", Mode::ExactPhrase, loose, "world", true),
            ("Hello World", Mode::ExactPhrase, loose, "wor", false),
            ("cafe\u{301}", Mode::FullString, loose, "cafe", true),
        ] {
            assert_eq!(contained(text, mode, folding, constant), expected, "{text} {mode:?} {constant}");
        }
    }

    #[test]
    fn missing_properties_are_not_equal_to_anything() {
        let path = Path::Field("item:Subject".to_owned());
        let of = |comparison| {
            Restriction::Compare(path.clone(), comparison, Operand::Constant("5".to_owned())).holds(&|_| None)
        };
        assert!(of(Comparison::NotEqual));
        assert!(!of(Comparison::Equal) && !of(Comparison::Less) && !of(Comparison::Greater));
        let five = |_: &Path| Some(Value::Number(5));
        assert!(Restriction::Excludes(path.clone(), 2).holds(&five));
        assert!(!Restriction::Excludes(path, 4).holds(&five));
    }
}
