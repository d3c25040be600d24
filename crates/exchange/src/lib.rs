//! The backend: Exchange behind the mailbox traits.
//!
//! [`Directory`] lets people in, an [`Account`] is what they then use. What is asked of the index costs no EWS
//! call: the ID map answers, and is kept fresh by one streaming subscription for each mailbox. What changes
//! something is done at Exchange first and recorded in the map afterwards; if it is not certain whether Exchange
//! did it, the folders concerned are looked at before anybody is told.

mod account;
mod append;
mod append_all;
mod batch;
mod begun;
mod bodies;
mod body_cache;
mod caller;
mod convert;
mod copy_all;
mod directory;
mod due;
mod error;
mod expunge;
mod flags;
mod folder_state;
mod folders;
mod foreign;
mod gather;
mod header_block;
mod headers;
mod hierarchy;
mod holdback;
mod item_pages;
mod keywords;
mod learnt;
mod listing;
mod live;
mod maps;
mod objects;
mod online;
mod permissions;
mod prefetch;
mod previews;
mod problems;
mod read_ahead;
mod rebuilt;
mod relisting;
mod rendering;
mod search;
mod settings;
mod sizes;
mod stamps;
mod status;
mod still;
mod store;
mod submit;
mod sync;
mod tokens;
mod transcode;
mod transfer;
mod unreadable;
mod watch;
mod word_index;

pub use account::Account;
pub use directory::{Directory, Person, explain_service, refuse_cloud};
pub use maps::{Shared, copy_maps};
pub use online::{EXCHANGE_ONLINE, is_exchange_online};
pub use relisting::Found;
pub use settings::{
    ClientProof, Discover, Flow, OAuth, Organisation, Prefetch, Proof, SearchIndex, Sending, Service, Settings,
    SizePolicy, SpoolPolicy, Way,
};
pub use status::{CacheStatus, MailboxState, MailboxStatus, Status};
pub use submit::SPOOL;
pub use tokens::oauth;
pub use unreadable::{Unreadable, unreadable};
