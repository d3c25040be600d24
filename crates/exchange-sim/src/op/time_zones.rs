//! GetServerTimeZones.

use super::{Call, respond};
use crate::{
    Version,
    calendar::{
        xml::write_zone,
        zone::{Zone, zones},
    },
    soap::{Element, Fault, Writer},
};

pub(super) fn get_server_time_zones(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let full = !matches!(request.attribute("ReturnFullTimeZoneData"), Some("false" | "0"));
    let ids: Vec<&str> = request.list("Ids").iter().map(|id| id.text.trim()).collect();
    let mut w = Writer::new();
    w.open("m:TimeZoneDefinitions", &[]);
    for zone in zones().iter().filter(|zone| ids.is_empty() || ids.contains(&zone.id.as_str())) {
        write(&mut w, zone, full, call.organisation.options.version);
    }
    w.close("m:TimeZoneDefinitions");
    Ok(respond("GetServerTimeZones", "<m:TimeZoneDefinitions/>", vec![Ok(w.finish())]))
}

fn write(w: &mut Writer, zone: &Zone, full: bool, server: Version) {
    if full || server < Version::Exchange2013 {
        write_zone(w, "t:TimeZoneDefinition", zone, full);
        return;
    }
    // Recorded from 15.20, though the schema wants at least one period.
    w.open("t:TimeZoneDefinition", &[("Id", &zone.id), ("Name", &zone.name)]);
    w.empty("t:Periods", &[]);
    w.empty("t:TransitionsGroups", &[]);
    w.close("t:TimeZoneDefinition");
}
