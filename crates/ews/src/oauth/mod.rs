//! Access tokens for Exchange (RFC 6749): where they come from, how they are kept good, and what refusals mean.

mod challenge;
mod diagnostics;
mod source;

pub use challenge::{Bearer, Challenge};
pub use diagnostics::Diagnostics;
pub use source::{TokenFuture, TokenSource};
