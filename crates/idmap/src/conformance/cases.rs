//! Single stories.

mod changes;
mod folders;
mod identity;
mod resync;

pub use changes::*;
pub use folders::*;
pub use identity::*;
pub use resync::*;
