//! An Exchange Web Services client.
