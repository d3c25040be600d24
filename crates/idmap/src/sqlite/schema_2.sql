-- Version 2: objects (events, tasks, contacts) beside messages.

ALTER TABLE folder ADD COLUMN object_next INTEGER NOT NULL DEFAULT 1;

CREATE TABLE object (
    key INTEGER PRIMARY KEY,               -- folder << 32 | number
    name TEXT NOT NULL,
    modseq INTEGER NOT NULL,
    version INTEGER NOT NULL,              -- rises when the text that is served changes
    schedule INTEGER,                      -- the version its Schedule-Tag stands for; null: no meeting
    kind INTEGER NOT NULL,
    uid TEXT NOT NULL,
    start INTEGER,                         -- null: its span is not known or it has none
    finish INTEGER,                        -- null: for ever
    length INTEGER,
    modified INTEGER,                      -- LastModifiedTime
    settled INTEGER,                       -- the same, once a text was read long enough after it to be trusted
    text INTEGER NOT NULL,                 -- 0 unread, 1 fresh, 2 stale
    epoch INTEGER NOT NULL,                -- in which it was last listed
    unconfirmed INTEGER,                   -- the round in which we recorded it, until Exchange tells of it
    hash BLOB NOT NULL,                    -- of the ItemId
    bind BLOB,                             -- what it is found by after its ItemId changed
    superseded BLOB,                       -- short hashes of ChangeKeys that our own changes replaced
    change_key BLOB NOT NULL,
    item_id BLOB NOT NULL
);
CREATE UNIQUE INDEX object_name ON object (key >> 32, name);
CREATE INDEX object_uid ON object (key >> 32, uid);
CREATE INDEX object_hash ON object (hash);
CREATE INDEX object_modseq ON object (key >> 32, modseq);
CREATE INDEX object_stale ON object (key) WHERE text = 2;
CREATE INDEX object_unconfirmed ON object (key) WHERE unconfirmed IS NOT NULL;

-- Texts by themselves, so that the index is small.
CREATE TABLE object_text (
    key INTEGER PRIMARY KEY,
    schedule BLOB,                         -- digest of what changes the Schedule-Tag
    text BLOB NOT NULL
);

-- Objects listed in a resync under ids that are not known, until its last page.
CREATE TABLE object_staged (
    arrival INTEGER PRIMARY KEY,
    folder INTEGER NOT NULL,
    hash BLOB NOT NULL,
    bind BLOB,
    kind INTEGER NOT NULL,
    uid TEXT,
    name TEXT,
    start INTEGER,
    finish INTEGER,
    modified INTEGER,
    change_key BLOB NOT NULL,
    item_id BLOB NOT NULL
);
CREATE UNIQUE INDEX object_staged_hash ON object_staged (folder, hash);
CREATE INDEX object_staged_bind ON object_staged (folder, bind);

CREATE TABLE object_tombstone (
    key INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    modseq INTEGER NOT NULL,
    hash BLOB                              -- set if we removed it and Exchange has not said so yet
);
CREATE INDEX object_tombstone_modseq ON object_tombstone (key >> 32, modseq);
CREATE INDEX object_tombstone_name ON object_tombstone (key >> 32, name);
CREATE INDEX object_tombstone_hash ON object_tombstone (hash) WHERE hash IS NOT NULL;

-- A folder's segment of the URL.
CREATE TABLE collection (folder INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

CREATE TABLE dead_property (
    folder INTEGER NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    xml TEXT NOT NULL,
    PRIMARY KEY (folder, namespace, name)
) WITHOUT ROWID;

-- Folders outside the mailbox's own tree.
CREATE TABLE aside (folder INTEGER PRIMARY KEY, owner TEXT NOT NULL);
