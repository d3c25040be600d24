//! Events nobody thought of.
