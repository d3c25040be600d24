//! A simulated Exchange server, written from the documentation.
