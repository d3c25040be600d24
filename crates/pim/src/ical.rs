//! iCalendar (RFC 5545): what the lines of a VCALENDAR mean.

mod observances;
pub mod occurrences;
mod recur;
pub mod value;
pub mod windows;
mod zone;

pub use observances::{Observances, vtimezone};
pub use occurrences::Occurrences;
pub use recur::{ByDay, Freq, Recur, weekday_name};
pub use value::{DateOrTime, Duration, Moment, Period, PeriodEnd};
pub use zone::{Zone, Zones, iana_name};
