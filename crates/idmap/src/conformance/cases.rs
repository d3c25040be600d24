//! Single stories.

mod changes;
mod first_listing;
mod folders;
mod identity;
mod objects;
mod resync;

pub use changes::*;
pub use first_listing::*;
pub use folders::*;
pub use identity::*;
pub use objects::*;
pub use resync::*;
