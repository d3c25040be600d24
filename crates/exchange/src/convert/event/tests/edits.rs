//! Edits made in Outlook to what a client put.
