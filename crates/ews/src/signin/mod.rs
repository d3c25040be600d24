//! Signing in: which scheme, what each says, and whom Exchange refused.

mod basic;
mod binding;
mod dialogue;
mod handshake;
mod kerberos;
mod ntlm;
mod scheme;
mod spnego;
mod standing;

pub(crate) use basic::{basic, bearer_value};
pub use binding::ChannelBinding;
pub(crate) use binding::server_end_point;
pub(crate) use dialogue::{Caller, Dialogue};
pub(crate) use handshake::{Outcome, Terms, by_dialogue, by_ticket, sign_in};
pub use kerberos::KERBEROS;
pub(crate) use kerberos::Principal;
pub use scheme::{Scheme, Schemes};
pub(crate) use standing::{Admission, Standing};
