-- Version 7: when a message came into its folder, and how it begins.

ALTER TABLE item ADD COLUMN saved INTEGER;  -- null: it was in the folder before we were

-- What PREVIEW shows, by EMAILID; it goes when the header block does.
CREATE TABLE preview (email_id BLOB PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
