//! GetServerTimeZones.

use super::{Call, respond};
use crate::{
    Version,
    soap::{Element, Fault, Writer},
};

pub(super) fn get_server_time_zones(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let full = !matches!(request.attribute("ReturnFullTimeZoneData"), Some("false" | "0"));
    let ids: Vec<&str> = request.list("Ids").iter().map(|id| id.text.trim()).collect();
    let mut w = Writer::new();
    w.open("m:TimeZoneDefinitions", &[]);
    for zone in ZONES.iter().filter(|zone| ids.is_empty() || ids.contains(&zone.id)) {
        write(&mut w, zone, full, call.organisation.options.version);
    }
    w.close("m:TimeZoneDefinitions");
    Ok(respond("GetServerTimeZones", "<m:TimeZoneDefinitions/>", vec![Ok(w.finish())]))
}

/// A zone: its rules are those of today.
struct Zone {
    id: &'static str,
    name: &'static str,
    /// What to add to local standard time to get UTC.
    bias: &'static str,
    daylight: Option<Daylight>,
}

struct Daylight {
    bias: &'static str,
    /// Month, week (-1 last) and time of day at which it starts and ends, on Sunday.
    start: (u8, i8, &'static str),
    end: (u8, i8, &'static str),
}

fn write(w: &mut Writer, zone: &Zone, full: bool, server: Version) {
    w.open("t:TimeZoneDefinition", &[("Id", zone.id), ("Name", zone.name)]);
    let standard = format!("trule:Microsoft/Registry/{}/1-Standard", zone.id);
    let daylight = format!("trule:Microsoft/Registry/{}/1-Daylight", zone.id);
    if full {
        w.open("t:Periods", &[]);
        w.empty("t:Period", &[("Bias", zone.bias), ("Name", "Standard"), ("Id", &standard)]);
        if let Some(rule) = &zone.daylight {
            w.empty("t:Period", &[("Bias", rule.bias), ("Name", "Daylight"), ("Id", &daylight)]);
        }
        w.close("t:Periods");
        w.open("t:TransitionsGroups", &[]);
        w.open("t:TransitionsGroup", &[("Id", "0")]);
        match &zone.daylight {
            None => {
                w.open("t:Transition", &[]);
                w.text_with("t:To", &[("Kind", "Period")], &standard);
                w.close("t:Transition");
            }
            Some(rule) => {
                for (to, (month, week, at)) in [(&standard, rule.end), (&daylight, rule.start)] {
                    w.open("t:RecurringDayTransition", &[]);
                    w.text_with("t:To", &[("Kind", "Period")], to);
                    w.text("t:TimeOffset", at);
                    w.number("t:Month", month);
                    w.text("t:DayOfWeek", "Sunday");
                    w.number("t:Occurrence", week);
                    w.close("t:RecurringDayTransition");
                }
            }
        }
        w.close("t:TransitionsGroup");
        w.close("t:TransitionsGroups");
        w.open("t:Transitions", &[]);
        w.open("t:Transition", &[]);
        w.text_with("t:To", &[("Kind", "Group")], "0");
        w.close("t:Transition");
        w.close("t:Transitions");
    } else if server >= Version::Exchange2013 {
        // Recorded from 15.20, though the schema wants at least one period.
        w.empty("t:Periods", &[]);
        w.empty("t:TransitionsGroups", &[]);
    }
    w.close("t:TimeZoneDefinition");
}

const fn zone(id: &'static str, name: &'static str, bias: &'static str, daylight: Option<Daylight>) -> Zone {
    Zone { id, name, bias, daylight }
}

const fn america(bias: &'static str) -> Option<Daylight> {
    Some(Daylight { bias, start: (3, 2, "PT2H"), end: (11, 1, "PT2H") })
}

const fn europe(bias: &'static str, start: &'static str, end: &'static str) -> Option<Daylight> {
    Some(Daylight { bias, start: (3, -1, start), end: (10, -1, end) })
}

/// Windows zone ids.
const ZONES: &[Zone] = &[
    zone("Pacific Standard Time", "(UTC-08:00) Pacific Time (US & Canada)", "PT8H", america("PT7H")),
    zone("Mountain Standard Time", "(UTC-07:00) Mountain Time (US & Canada)", "PT7H", america("PT6H")),
    zone("Central Standard Time", "(UTC-06:00) Central Time (US & Canada)", "PT6H", america("PT5H")),
    zone("Eastern Standard Time", "(UTC-05:00) Eastern Time (US & Canada)", "PT5H", america("PT4H")),
    zone("UTC", "(UTC) Coordinated Universal Time", "PT0S", None),
    zone("GMT Standard Time", "(UTC) Dublin, Edinburgh, Lisbon, London", "PT0S", europe("-PT1H", "PT1H", "PT2H")),
    zone(
        "W. Europe Standard Time",
        "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna",
        "-PT1H",
        europe("-PT2H", "PT2H", "PT3H"),
    ),
    zone(
        "Romance Standard Time",
        "(UTC+01:00) Brussels, Copenhagen, Madrid, Paris",
        "-PT1H",
        europe("-PT2H", "PT2H", "PT3H"),
    ),
    zone(
        "FLE Standard Time",
        "(UTC+02:00) Helsinki, Kyiv, Riga, Sofia, Tallinn, Vilnius",
        "-PT2H",
        europe("-PT3H", "PT3H", "PT4H"),
    ),
    zone("India Standard Time", "(UTC+05:30) Chennai, Kolkata, Mumbai, New Delhi", "-PT5H30M", None),
    zone("China Standard Time", "(UTC+08:00) Beijing, Chongqing, Hong Kong, Urumqi", "-PT8H", None),
    zone("Tokyo Standard Time", "(UTC+09:00) Osaka, Sapporo, Tokyo", "-PT9H", None),
];
