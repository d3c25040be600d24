//! What the tables hold, and what happens in them: the same for every store.

pub(crate) mod annotation;
pub(crate) mod coded;
pub(crate) mod collections;
pub(crate) mod content;
pub(crate) mod edit;
pub(crate) mod fault;
mod foresight;
pub(crate) mod hierarchy;
pub(crate) mod names;
pub(crate) mod object;
pub(crate) mod ours;
pub(crate) mod problem;
pub(crate) mod sync;
pub(crate) mod view;
