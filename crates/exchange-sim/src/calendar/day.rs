//! Calendar days as numbers, and what is written with them.

/// Days since 1970-01-01.
pub(crate) type Day = i64;

/// Seconds since 1970-01-01T00:00 on some clock on a wall, whichever zone that hangs in.
pub(crate) type Local = i64;

/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;

/// The day of a date; the month may be out of range and carries into the year.
pub(crate) fn day(year: i64, month: i64, of_month: i64) -> Day {
    let (year, month) = (year + (month - 1).div_euclid(12), (month - 1).rem_euclid(12) + 1);
    // Years begin in March here, so that the leap day is the last one.
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, month) = (shifted.div_euclid(400), (month + 9) % 12);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * month + 2) / 5 + of_month - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month and day of the month.
pub(crate) fn date(day: Day) -> (i64, i64, i64) {
    let day = day + 719_468;
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, of_year - (153 * shifted + 2) / 5 + 1)
}

/// 0 for Sunday.
pub(crate) fn weekday(day: Day) -> i64 {
    (day + 4).rem_euclid(7)
}

/// Days of a month.
pub(crate) fn month_length(year: i64, month: i64) -> i64 {
    day(year, month + 1, 1) - day(year, month, 1)
}

/// The nth (1 to 4; -1 last) of the days of a month that are in `days`, a mask with bit 0 for Sunday.
pub(crate) fn nth(year: i64, month: i64, days: u8, nth: i64) -> Option<Day> {
    let first = day(year, month, 1);
    let fits = |of_month: &i64| days & (1 << weekday(first + of_month)) != 0;
    let length = month_length(year, month);
    let of_month = match nth {
        -1 => (0..length).rev().find(fits),
        _ => (0..length).filter(fits).nth(usize::try_from(nth - 1).ok()?),
    };
    of_month.map(|of_month| first + of_month)
}

/// `yyyy-MM-dd`
pub(crate) fn write_date(day: Day) -> String {
    let (year, month, of_month) = date(day);
    format!("{year:04}-{month:02}-{of_month:02}")
}

/// `yyyy-MM-ddTHH:mm:ss`
pub(crate) fn write_local(local: Local) -> String {
    let second = local.rem_euclid(DAY);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{}T{hour:02}:{minute:02}:{second:02}", write_date(local.div_euclid(DAY)))
}

/// Reads `yyyy-MM-dd`, whatever zone stands behind it.
pub(crate) fn read_date(text: &str) -> Option<Day> {
    let text = text.trim();
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, of_month) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let whole = text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
    (whole && (1..=12).contains(&month) && (1..=month_length(year, month)).contains(&of_month))
        .then(|| day(year, month, of_month))
}

/// Reads `yyyy-MM-ddTHH:mm[:ss[.fff]]` and what follows it: a zone, or nothing.
pub(crate) fn read_local(text: &str) -> Option<(Local, &str)> {
    let text = text.trim();
    let days = read_date(text)?;
    let Some(time) = text.get(10..).and_then(|rest| rest.strip_prefix('T')) else {
        return Some((days * DAY, text.get(10..).unwrap_or_default()));
    };
    let end = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (time, rest) = time.split_at(end);
    let mut parts = time.split('.').next().unwrap_or_default().split(':');
    let mut number = |most: i64| parts.next().map_or(Some(0), |part| part.parse().ok().filter(|part| *part <= most));
    let (hour, minute, second): (i64, i64, i64) = (number(24)?, number(59)?, number(60)?);
    Some((days * DAY + hour * 3600 + minute * 60 + second, rest))
}

/// Reads `Z` or `+HH:mm`: seconds east of Greenwich; `None` for nothing.
pub(crate) fn read_offset(text: &str) -> Option<i64> {
    match text {
        "Z" => Some(0),
        _ => {
            let sign = match text.get(..1)? {
                "+" => 1,
                "-" => -1,
                _ => return None,
            };
            let (hours, minutes) = text.get(1..)?.split_once(':')?;
            Some(sign * (hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60))
        }
    }
}

/// `+HH:mm`, or `Z`.
pub(crate) fn write_offset(seconds: i64) -> String {
    match seconds {
        0 => "Z".to_owned(),
        _ => {
            let sign = if seconds < 0 { '-' } else { '+' };
            format!("{sign}{:02}:{:02}", seconds.abs() / 3600, seconds.abs() / 60 % 60)
        }
    }
}

/// Reads an xs:duration of days and less: seconds.
pub(crate) fn read_duration(text: &str) -> Option<i64> {
    let text = text.trim();
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let mut total = 0;
    let mut number = String::new();
    for character in rest.strip_prefix('P')?.chars() {
        let unit = match character {
            '0'..='9' | '.' => {
                number.push(character);
                continue;
            }
            'T' => continue,
            'W' => 7 * DAY,
            'D' => DAY,
            'H' => 3600,
            'M' => 60,
            'S' => 1,
            _ => return None,
        };
        // Windows writes PT23H59M59.999S for midnight.
        let count: f64 = std::mem::take(&mut number).parse().ok()?;
        total += (count * unit as f64).round() as i64;
    }
    number.is_empty().then_some(sign * total)
}

/// An xs:duration, as .NET writes it.
pub(crate) fn write_duration(seconds: i64) -> String {
    let mut out = String::from(if seconds < 0 { "-P" } else { "P" });
    let (days, rest) = (seconds.abs() / DAY, seconds.abs() % DAY);
    if days > 0 {
        out.push_str(&format!("{days}D"));
    }
    if rest > 0 || days == 0 {
        out.push('T');
    }
    for (count, unit) in [(rest / 3600, 'H'), (rest / 60 % 60, 'M'), (rest % 60, 'S')] {
        if count > 0 {
            out.push_str(&format!("{count}{unit}"));
        }
    }
    if days == 0 && rest == 0 {
        out.push_str("0S");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_dates() {
        for (number, of, on) in [
            (0, (1970, 1, 1), 4),
            (-1, (1969, 12, 31), 3),
            (11_016, (2000, 2, 29), 2),
            (20_000, (2024, 10, 4), 5),
            (-135_140, (1600, 1, 1), 6),
        ] {
            assert_eq!((date(number), day(of.0, of.1, of.2), weekday(number)), (of, number, on));
        }
        assert_eq!(day(2024, 14, 1), day(2025, 2, 1));
        assert_eq!(write_date(nth(2024, 2, 0b0010_0000, -1).unwrap()), "2024-02-23");
        assert_eq!(nth(2024, 2, 1, 5), None);
    }

    #[test]
    fn times_and_durations_are_read() {
        let noon = day(2024, 10, 4) * DAY + 12 * 3600;
        assert_eq!(read_local("2024-10-04T12:00:00.123Z"), Some((noon, "Z")));
        assert_eq!(read_local("2024-10-04T12:00-05:00"), Some((noon, "-05:00")));
        assert_eq!(read_local("2024-10-04+01:00"), Some((noon - 12 * 3600, "+01:00")));
        assert_eq!(read_local("2024-13-04T12:00"), None);
        assert_eq!((read_offset("-05:30"), write_offset(-19_800)), (Some(-19_800), "-05:30".to_owned()));
        for (text, seconds) in [("PT44M49S", 2689), ("P1D", DAY), ("-PT1H", -3600), ("PT0S", 0), ("P1DT2H", DAY + 7200)]
        {
            assert_eq!((read_duration(text), write_duration(seconds).as_str()), (Some(seconds), text));
        }
        assert_eq!(read_duration("PT23H59M59.999S"), Some(DAY));
        assert_eq!(read_duration("1 hour"), None);
    }
}
