//! Access tokens for Exchange (RFC 6749): where they come from, how they are kept good, and what refusals mean.
//!
//! [`OAuth`] is one organisation's way to tokens. Somebody signs in once ([`OAuth::begin`]), the refresh token is kept in a
//! [`TokenStore`], and [`OAuth::tokens`] gives out access tokens from then on. Whoever gives tokens out is the operator's
//! choice: no server is believed that names another ([`Modern`]).

mod answer;
mod assertion;
mod attempt;
mod challenge;
mod client;
mod config;
mod diagnostics;
mod explain;
mod form;
mod landing;
mod modern;
mod provider;
mod random;
mod registration;
mod source;
mod store;
mod tokens;

pub use answer::{Grant, Refusal};
pub use assertion::SigningKey;
pub use attempt::{Attempt, Prompt, Waited};
pub use challenge::{Bearer, Challenge};
pub use client::OAuth;
pub use config::{Credential, Flow, OAuthConfig};
pub use diagnostics::Diagnostics;
pub use explain::{Class, Explained, admin_consent_url, explain};
pub use modern::{Modern, resource_of};
pub use provider::{Provider, WELL_KNOWN_AUTHORITIES};
use random::{code_challenge, random};
pub use registration::registration;
pub use source::{TokenFuture, TokenSource};
pub use store::TokenStore;
pub use tokens::Tokens;

#[cfg(test)]
mod tests;
