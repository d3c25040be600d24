-- Version 4: large folders show their newest messages while the others are listed.

ALTER TABLE folder ADD COLUMN reserved INTEGER NOT NULL DEFAULT 0;  -- UIDs up to here wait for messages of the first listing
ALTER TABLE folder ADD COLUMN newest_article INTEGER;               -- of the first message of that listing: what is above is new
ALTER TABLE folder ADD COLUMN newest_received INTEGER;
