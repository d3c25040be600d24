//! What clients' changes ask of Exchange.
