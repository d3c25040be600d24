//! The shared ID map: stable UIDs and ids over Exchange's changing ones.
