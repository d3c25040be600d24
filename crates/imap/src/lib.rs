//! The IMAP front end over any mailbox.
