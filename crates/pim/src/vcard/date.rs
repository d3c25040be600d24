//! Dates of people, of which a part may be unknown: BDAY, ANNIVERSARY (RFC 6350 section 4.3.1, RFC 2426 section 3.1.5).

use std::fmt::Write;

use jiff::civil::Date;

use crate::Property;

/// A date of which any part may be missing, perhaps with a time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PartialDate {
    /// The year, four digits.
    pub year: Option<i16>,
    /// The month, 1 to 12.
    pub month: Option<i8>,
    /// The day of the month.
    pub day: Option<i8>,
    /// What follows the T: the time in the basic form, with its offset, such as `231000Z`.
    pub time: Option<String>,
}

impl PartialDate {
    /// A whole date.
    #[must_use]
    pub fn of(date: Date) -> Self {
        Self { year: Some(date.year()), month: Some(date.month()), day: Some(date.day()), time: None }
    }

    /// The date in BDAY, ANNIVERSARY or X-ABDATE of any version. A year that Apple's X-APPLE-OMIT-YEAR names is none.
    #[must_use]
    pub fn of_property(property: &Property) -> Option<Self> {
        if property.has_parameter("VALUE", "text") {
            return None;
        }
        let mut date = Self::parse(&property.value)?;
        let omitted = property.parameter(OMIT_YEAR).and_then(|year| year.trim().parse::<i16>().ok());
        if omitted.is_some() && omitted == date.year {
            date.year = None;
        }
        Some(date)
    }

    /// Reads `19960415`, `1996-04-15`, `--0415`, `--04-15`, `1996-04`, `1996`, `--04`, `---15`, each perhaps with `T` and
    /// a time.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (date, time) = match text.split_once(['T', 't', ' ']) {
            Some((date, time)) => (date, Some(basic_time(time)?)),
            None => (text, None),
        };
        let mut found = Self { time, ..Self::default() };
        if let Some(day) = date.strip_prefix("---") {
            found.day = Some(number(day, 2)?);
        } else if let Some(rest) = date.strip_prefix("--") {
            (found.month, found.day) = month_and_day(rest)?;
        } else {
            let (year, rest) = date.split_at_checked(4)?;
            found.year = Some(number(year, 4)?);
            if !rest.is_empty() {
                (found.month, found.day) = month_and_day(rest.strip_prefix('-').unwrap_or(rest))?;
            }
        }
        found.is_possible().then_some(found)
    }

    /// The whole date, if no part is missing.
    #[must_use]
    pub fn date(&self) -> Option<Date> {
        Date::new(self.year?, self.month?, self.day?).ok()
    }

    /// As a value of vCard 4.0: `19960415`, `--0415`, `1996-04`, `---15`.
    #[must_use]
    pub fn to_v4(&self) -> String {
        let mut text = match (self.year, self.month, self.day) {
            (Some(year), Some(month), Some(day)) => format!("{year:04}{month:02}{day:02}"),
            (Some(year), Some(month), None) => format!("{year:04}-{month:02}"),
            (Some(year), None, _) => format!("{year:04}"),
            (None, Some(month), Some(day)) => format!("--{month:02}{day:02}"),
            (None, Some(month), None) => format!("--{month:02}"),
            (None, None, Some(day)) => format!("---{day:02}"),
            (None, None, None) => String::new(),
        };
        if let Some(time) = &self.time {
            let _ = write!(text, "T{time}");
        }
        text
    }

    /// As a property of vCard 3.0, which knows whole dates only: without a year it has the one Apple has for that, and
    /// what is less than month and day stands as in 4.0.
    #[must_use]
    pub fn to_v3(&self, name: &str) -> Property {
        match (self.year, self.month, self.day) {
            (Some(year), Some(month), Some(day)) => {
                let date = format!("{year:04}-{month:02}-{day:02}");
                match &self.time {
                    Some(time) => {
                        Property::new(name, format!("{date}T{}", extended_time(time))).with("VALUE", "date-time")
                    }
                    None => Property::new(name, date),
                }
            }
            (None, Some(month), Some(day)) if self.time.is_none() => {
                Property::new(name, format!("{NO_YEAR}-{month:02}-{day:02}")).with(OMIT_YEAR, NO_YEAR)
            }
            _ => Property::new(name, self.to_v4()),
        }
    }

    fn is_possible(&self) -> bool {
        // 1604 is a leap year: 29 February may be a birthday without a year.
        let (year, month) = (self.year.unwrap_or(1604), self.month.unwrap_or(1));
        Date::new(year, month, self.day.unwrap_or(1)).is_ok()
            && (self.month.is_some() || self.year.is_none() || self.day.is_none())
    }
}

fn month_and_day(text: &str) -> Option<(Option<i8>, Option<i8>)> {
    let text = text.replace('-', "");
    let (month, day) = text.split_at_checked(2)?;
    let day = if day.is_empty() { None } else { Some(number(day, 2)?) };
    Some((Some(number(month, 2)?), day))
}

fn number<T: std::str::FromStr>(text: &str, digits: usize) -> Option<T> {
    let fine = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| fine)
}

/// A time without its colons; fractions of a second go.
fn basic_time(text: &str) -> Option<String> {
    let zone = text.find(['Z', 'z', '+', '-']).unwrap_or(text.len());
    let (time, zone) = text.split_at(zone);
    let time = time.split('.').next().unwrap_or_default().replace(':', "");
    let zone = zone.replace(':', "").to_ascii_uppercase();
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let fine = matches!(time.len(), 2 | 4 | 6) && digits(&time);
    let zone_fine = zone.is_empty() || zone == "Z" || (zone.len() >= 3 && zone.get(1..).is_some_and(digits));
    (fine && zone_fine).then(|| format!("{time}{zone}"))
}

/// `231000Z` as `23:10:00Z`.
fn extended_time(time: &str) -> String {
    let zone = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (time, zone) = time.split_at(zone);
    let pairs = |text: &str| {
        let pairs: Vec<String> =
            text.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).into_owned()).collect();
        pairs.join(":")
    };
    match zone.split_at_checked(1) {
        Some((sign, offset)) => format!("{}{sign}{}", pairs(time), pairs(offset)),
        None => pairs(time),
    }
}

/// Apple's parameter for a date whose year is not known: the year that stands for none.
pub(crate) const OMIT_YEAR: &str = "X-APPLE-OMIT-YEAR";
const NO_YEAR: &str = "1604";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms() {
        for (text, v4, v3) in [
            ("1996-04-15", "19960415", "BDAY:1996-04-15"),
            ("19960415", "19960415", "BDAY:1996-04-15"),
            ("--0415", "--0415", "BDAY;X-APPLE-OMIT-YEAR=1604:1604-04-15"),
            ("--02-29", "--0229", "BDAY;X-APPLE-OMIT-YEAR=1604:1604-02-29"),
            ("1996-04", "1996-04", "BDAY:1996-04"),
            ("1996", "1996", "BDAY:1996"),
            ("--04", "--04", "BDAY:--04"),
            ("---15", "---15", "BDAY:---15"),
            ("1953-10-15T23:10:00Z", "19531015T231000Z", "BDAY;VALUE=date-time:1953-10-15T23:10:00Z"),
            ("1953-10-15T23:10:00.5-06:00", "19531015T231000-0600", "BDAY;VALUE=date-time:1953-10-15T23:10:00-06:00"),
        ] {
            let date = PartialDate::parse(text).unwrap();
            assert_eq!(date.to_v4(), v4);
            assert_eq!(date.to_v3("BDAY").write_line(), v3);
            assert_eq!(PartialDate::parse(&date.to_v4()).unwrap(), date);
            assert_eq!(PartialDate::of_property(&date.to_v3("BDAY")).unwrap(), date);
        }
        for text in ["", "circa 1800", "1996-13-01", "19960230", "199", "1996041", "--", "1996-04-15T", "é996-01-01"] {
            assert_eq!(PartialDate::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_year_apple_omits() {
        let property = Property::new("BDAY", "1604-04-15").with("X-APPLE-OMIT-YEAR", "1604");
        assert_eq!(PartialDate::of_property(&property).unwrap().to_v4(), "--0415");
        let whole = Property::new("BDAY", "1990-04-15").with("X-APPLE-OMIT-YEAR", "1604");
        assert_eq!(PartialDate::of_property(&whole).unwrap().year, Some(1990));
        assert_eq!(PartialDate::of_property(&Property::new("BDAY", "1996").with("VALUE", "text")), None);
    }
}
