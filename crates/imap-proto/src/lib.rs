//! IMAP as values: framing, grammar, encoding; no IO.
