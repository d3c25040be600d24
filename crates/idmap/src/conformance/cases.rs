//! Single stories.

mod changes;
mod folders;
mod identity;
mod objects;
mod resync;

pub use changes::*;
pub use folders::*;
pub use identity::*;
pub use objects::*;
pub use resync::*;
