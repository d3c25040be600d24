//! GetUserAvailability: when people are free, at the level of detail they grant. Suggestions are not made.

use super::{Call, FolderPlace, Reply, Trouble, frame, is_private};
use crate::{
    Version,
    calendar::{event::in_span, zone::Zone},
    directory::Entry,
    permission::{Rights, Sight},
    property::write_stored,
    soap::{Element, Fault, Ns, Writer},
    store::{Item, ids},
    time::Seconds,
};

mod serializable;

use serializable::Rules;

pub(super) fn get_user_availability(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let asked = Asked::read(call, request)?;
    let mut w = Writer::new();
    w.open("m:GetUserAvailabilityResponse", &[("xmlns:m", Ns::Messages.uri()), ("xmlns:t", Ns::Types.uri())]);
    if let Some(asked) = asked {
        w.open("m:FreeBusyResponseArray", &[]);
        for mailbox in request.list("MailboxDataArray") {
            w.open("m:FreeBusyResponse", &[]);
            let reply = one(call, &asked, mailbox);
            frame::message(&mut w, "m:ResponseMessage", reply.as_ref().err());
            if let Ok(view) = reply {
                w.append(&view);
            }
            w.close("m:FreeBusyResponse");
        }
        w.close("m:FreeBusyResponseArray");
    }
    w.close("m:GetUserAvailabilityResponse");
    Ok(w.finish())
}

/// What is to be told of each mailbox.
struct Asked {
    rules: Rules,
    zone: Option<Element>,
    from: Seconds,
    to: Seconds,
    /// Seconds of one digit of the merged view.
    interval: Seconds,
    merged: bool,
    events: bool,
    details: bool,
}

impl Asked {
    /// Reads the options; `None` if no free/busy view is asked for.
    fn read(call: &Call<'_>, request: &Element) -> Result<Option<Asked>, Fault> {
        let zone = request.child("TimeZone").cloned();
        let rules = match &zone {
            Some(zone) => {
                Rules::read(zone).ok_or_else(|| Fault::new("ErrorTimeZone", "The time zone is not valid."))?
            }
            None => Rules::of(call.zone.clone().unwrap_or_else(Zone::utc)),
        };
        let Some(options) = request.child("FreeBusyViewOptions") else {
            return match request.child("SuggestionsViewOptions") {
                Some(_) => Ok(None),
                None => {
                    Err(Fault::new("ErrorMissingArgument", "Neither a free/busy view nor suggestions are asked for."))
                }
            };
        };
        let point = |name: &str| {
            let text = options.child("TimeWindow").and_then(|window| window.child_text(name));
            text.and_then(|text| rules.read_time(text))
        };
        let interval_wrong = || Fault::new("ErrorInvalidTimeInterval", "The time window is not valid.");
        let (from, to) = point("StartTime").zip(point("EndTime")).ok_or_else(interval_wrong)?;
        if to <= from {
            return Err(interval_wrong());
        }
        if to - from > WINDOW {
            return Err(Fault::new("ErrorTimeIntervalTooBig", "The requested time duration is too long."));
        }
        let minutes = options.child_text("MergedFreeBusyIntervalInMinutes").map_or(Some(30), |text| text.parse().ok());
        let interval = 60 * minutes.unwrap_or(0);
        if !(300..=86_400).contains(&interval) || interval > to - from {
            return Err(Fault::new(
                "ErrorInvalidMergedFreeBusyInterval",
                "The interval of the merged view must be between 5 and 1440 minutes and fit the time window.",
            ));
        }
        let view = options.child_text("RequestedView").unwrap_or("FreeBusy");
        let (merged, events, details) = match view {
            "MergedOnly" => (true, false, false),
            "FreeBusy" => (false, true, false),
            "FreeBusyMerged" => (true, true, false),
            "Detailed" => (false, true, true),
            "DetailedMerged" => (true, true, true),
            _ => return Err(Fault::new("ErrorInvalidFreeBusyViewType", "The free/busy view type is not valid.")),
        };
        Ok(Some(Asked { rules, zone, from, to, interval, merged, events, details }))
    }
}

/// Something in a calendar, and how much of it may be told.
struct Busy {
    item: Item,
    sight: Sight,
    private: bool,
    guid: uuid::Uuid,
    folder: u64,
}

fn one(call: &Call<'_>, asked: &Asked, mailbox: &Element) -> Reply {
    let address = mailbox.child("Email").and_then(|email| email.child_text("Address")).unwrap_or_default();
    let directory = &call.organisation.directory;
    let entry = directory.find(address).filter(|_| !address.is_empty()).ok_or_else(|| {
        Trouble::new(
            "ErrorMailRecipientNotFound",
            format!("Unable to resolve e-mail address {address} to an Active Directory object."),
        )
    })?;
    let mut busy = Vec::new();
    let mut details = asked.details;
    let everybody: Vec<&Entry> = if entry.is_list() { directory.members(entry).collect() } else { vec![entry] };
    for one in everybody {
        // People and rooms without a mailbox here have nothing to do.
        let Some(index) = call.organisation.find(&one.address) else { continue };
        let (events, rights) = calendar(call, asked, index)?;
        details &= rights.read >= Sight::TimeAndSubjectAndLocation && !entry.is_list();
        busy.extend(events);
    }
    busy.sort_by_key(|busy| busy.item.event().map(|event| (event.start, event.end)));
    Ok(view(call, asked, &busy, details))
}

fn calendar(call: &Call<'_>, asked: &Asked, index: usize) -> Result<(Vec<Busy>, Rights), Trouble> {
    let mailbox = &call.organisation.mailboxes[index];
    let folder = mailbox.distinguished("calendar").ok_or_else(Trouble::not_found)?;
    let rights = call.rights(FolderPlace { mailbox: index, folder });
    if rights.read == Sight::None {
        return Err(Trouble::new(
            "ErrorNoFreeBusyAccess",
            "The requester does not have access to free/busy information.",
        ));
    }
    let items = mailbox.folders.get(&folder).map_or(Vec::new(), |folder| in_span(folder, asked.from, asked.to));
    let events = items.into_iter().map(|item| {
        let private = is_private(&item) && !rights.private;
        Busy { item, sight: rights.read, private, guid: mailbox.guid, folder }
    });
    Ok((events.collect(), rights))
}

fn view(call: &Call<'_>, asked: &Asked, busy: &[Busy], details: bool) -> String {
    let mut w = Writer::new();
    w.open("m:FreeBusyView", &[]);
    let kind = match (asked.events, details, asked.merged) {
        (false, _, _) => "MergedOnly",
        (true, false, false) => "FreeBusy",
        (true, false, true) => "FreeBusyMerged",
        (true, true, false) => "Detailed",
        (true, true, true) => "DetailedMerged",
    };
    w.text("t:FreeBusyViewType", kind);
    if asked.merged {
        w.text("t:MergedFreeBusy", &merged(call, asked, busy));
    }
    if asked.events && !busy.is_empty() {
        w.open("t:CalendarEventArray", &[]);
        for busy in busy {
            write_event(&mut w, asked, busy, details);
        }
        w.close("t:CalendarEventArray");
    }
    w.open("t:WorkingHours", &[]);
    match &asked.zone {
        Some(zone) => write_stored(&mut w, zone),
        None => write_stored(&mut w, &Rules::utc()),
    }
    w.open("t:WorkingPeriodArray", &[]);
    w.open("t:WorkingPeriod", &[]);
    w.text("t:DayOfWeek", "Monday Tuesday Wednesday Thursday Friday");
    w.number("t:StartTimeInMinutes", 8 * 60);
    w.number("t:EndTimeInMinutes", 17 * 60);
    w.close("t:WorkingPeriod");
    w.close("t:WorkingPeriodArray");
    w.close("t:WorkingHours");
    w.close("m:FreeBusyView");
    w.finish()
}

/// One digit for each interval: the busiest state in it.
fn merged(call: &Call<'_>, asked: &Asked, busy: &[Busy]) -> String {
    let modern = call.organisation.options.version >= Version::Exchange2013;
    let mut digits = String::new();
    let mut at = asked.from;
    while at < asked.to {
        let end = (at + asked.interval).min(asked.to);
        let states =
            busy.iter().filter_map(|busy| busy.item.event()).filter(|event| event.start < end && event.end > at);
        // Working elsewhere came with 2013 and ranks with free.
        let state = states.map(|event| match event.busy.as_str() {
            "OOF" => (4, '3'),
            "Busy" => (3, '2'),
            "Tentative" => (2, '1'),
            "WorkingElsewhere" if modern => (1, '4'),
            _ => (0, '0'),
        });
        digits.push(state.max().map_or('0', |(_, digit)| digit));
        at = end;
    }
    digits
}

fn write_event(w: &mut Writer, asked: &Asked, busy: &Busy, details: bool) {
    let Some(event) = busy.item.event() else { return };
    w.open("t:CalendarEvent", &[]);
    w.text("t:StartTime", &asked.rules.write_time(event.start));
    w.text("t:EndTime", &asked.rules.write_time(event.end));
    w.text("t:BusyType", &event.busy);
    if details {
        w.open("t:CalendarEventDetails", &[]);
        if !busy.private {
            if busy.sight == Sight::FullDetails {
                let entry = ids::entry_id(busy.guid, busy.item.target(busy.folder));
                let id: String = entry.iter().map(|byte| format!("{byte:02X}")).collect();
                w.text("t:ID", &id);
            }
            w.text("t:Subject", &busy.item.summary().subject);
            w.text("t:Location", crate::items::text(&busy.item, "Location").unwrap_or_default());
        }
        let reminder = crate::items::text(&busy.item, "ReminderIsSet").is_none_or(|set| matches!(set, "true" | "1"));
        w.flag("t:IsMeeting", event.is_meeting());
        w.flag("t:IsRecurring", event.instance.is_some());
        w.flag("t:IsException", event.instance.is_some_and(|instance| instance.exception));
        w.flag("t:IsReminderSet", reminder);
        w.flag("t:IsPrivate", is_private(&busy.item));
        w.close("t:CalendarEventDetails");
    }
    w.close("t:CalendarEvent");
}

/// The documentation's default for a free/busy query.
const WINDOW: Seconds = 42 * 86_400;
