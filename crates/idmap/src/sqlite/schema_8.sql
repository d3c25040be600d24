-- Version 8: a draft that was edited is found again after a migration.

ALTER TABLE staged ADD COLUMN replaces INTEGER NOT NULL DEFAULT 0;  -- 1: new content, never to be matched with a message known
UPDATE staged SET replaces = 1 WHERE bind IS NULL;

-- Copies of a draft are alike though one of them was edited.
CREATE INDEX item_draft ON item (bind) WHERE draft;
