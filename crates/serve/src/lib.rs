//! Listeners, TLS, limits and drain for every front end.
