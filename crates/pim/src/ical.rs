//! iCalendar (RFC 5545): what the lines of a VCALENDAR mean.

pub mod busy;
pub mod expand;
pub mod limited;
mod observances;
pub mod occurrences;
pub mod overlap;
mod recur;
mod timing;
mod validate;
pub mod value;
mod vtimezone;
pub mod windows;
mod zone;

pub use busy::{Busy, BusyKind, busy_times};
pub use expand::{Instance, Timeline, instances, repeats, span};
pub use limited::{expanded, limit_freebusy_set, limit_recurrence_set};
pub use observances::Observances;
pub use occurrences::Occurrences;
pub use overlap::{Alarm, Trigger, alarm_overlaps, any_overlaps, overlaps};
pub use recur::{ByDay, Freq, Recur, weekday_name};
pub use validate::{Kind, Valid, validate};
pub use value::{DateOrTime, Duration, Moment, Period, PeriodEnd};
pub use vtimezone::vtimezone;
pub use zone::{Zone, Zones, iana_name};
