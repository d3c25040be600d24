-- Version 9: messages that Exchange cannot give.

-- By EMAILID: what Exchange said last, since when and when last (seconds since 1970), and what is shown in their place. It goes
-- when the header block does.
CREATE TABLE problem (
    email_id BLOB PRIMARY KEY NOT NULL,
    reason TEXT NOT NULL,
    since INTEGER NOT NULL,
    tried INTEGER NOT NULL,
    stand_in BLOB NOT NULL
);
