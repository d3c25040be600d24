-- Version 6: only so many removals of a folder are remembered; sizes that are not exact are counted apart.

ALTER TABLE folder ADD COLUMN buried INTEGER NOT NULL DEFAULT 0;    -- how many removals are remembered
ALTER TABLE folder ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0; -- the latest that is not
UPDATE folder SET buried = (SELECT count(*) FROM tombstone WHERE tombstone.folder = folder.id);

ALTER TABLE folder ADD COLUMN estimated INTEGER NOT NULL DEFAULT 0;      -- messages without an exact size
ALTER TABLE folder ADD COLUMN estimated_size INTEGER NOT NULL DEFAULT 0; -- what they count in size
UPDATE folder SET (estimated, estimated_size) =
    (SELECT count(*), coalesce(sum(size), 0) FROM item
     WHERE key BETWEEN folder.id << 32 AND folder.id << 32 | 4294967295 AND exact_size IS NULL);
