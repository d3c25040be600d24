//! The backend: Exchange behind the mailbox traits.
