-- The map of one mailbox, version 1. Times are seconds since 1970, hashes 16 bytes.

CREATE TABLE mailbox (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    name TEXT NOT NULL,
    modseq INTEGER NOT NULL,               -- the latest change anywhere in the mailbox
    uid_validity INTEGER NOT NULL,         -- the highest given
    hierarchy_state TEXT,
    hierarchy_resync INTEGER NOT NULL      -- 1 between begin_hierarchy_resync and the last page after it
);

CREATE TABLE folder (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given again
    exchange_id TEXT NOT NULL UNIQUE,
    parent TEXT,
    name TEXT NOT NULL,
    class TEXT,
    role TEXT,
    special_use INTEGER,
    hidden INTEGER NOT NULL,
    total INTEGER,
    uid_validity INTEGER NOT NULL UNIQUE,
    uid_next INTEGER NOT NULL DEFAULT 1,
    highest_modseq INTEGER NOT NULL,
    recent_from INTEGER NOT NULL DEFAULT 1, -- UIDs below were recent in a session already
    epoch INTEGER NOT NULL DEFAULT 1,
    round INTEGER NOT NULL DEFAULT 1,       -- last pages applied
    sync_state TEXT,
    complete INTEGER NOT NULL DEFAULT 0,
    resyncing INTEGER NOT NULL DEFAULT 0,
    messages INTEGER NOT NULL DEFAULT 0,
    unseen INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0,
    recent INTEGER NOT NULL DEFAULT 0,
    size INTEGER NOT NULL DEFAULT 0
);

-- Folders listed in a resync of the hierarchy, until its last page.
CREATE TABLE staged_folder (
    exchange_id TEXT PRIMARY KEY,
    parent TEXT,
    name TEXT NOT NULL,
    class TEXT,
    role TEXT,
    special_use INTEGER,
    hidden INTEGER NOT NULL,
    total INTEGER
) WITHOUT ROWID;

-- Messages that have a UID. item_id and change_key are blobs if they are base64, else text.
CREATE TABLE item (
    key INTEGER PRIMARY KEY,               -- folder << 32 | uid
    modseq INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    keywords BLOB,
    received INTEGER NOT NULL,
    size INTEGER NOT NULL,
    exact_size INTEGER,
    email_id BLOB NOT NULL,
    thread_id BLOB,
    draft INTEGER NOT NULL,
    epoch INTEGER NOT NULL,                -- in which it was last listed
    unconfirmed INTEGER,                   -- the round in which we recorded it, until Exchange tells of it
    hash BLOB NOT NULL,                    -- of the ItemId
    bind BLOB,                             -- what it is found by after its ItemId changed
    stamp BLOB NOT NULL,
    superseded BLOB,                       -- short hashes of ChangeKeys that our own changes replaced
    change_key BLOB NOT NULL,
    item_id BLOB NOT NULL,
    message_id TEXT
);
CREATE INDEX item_hash ON item (hash);
CREATE INDEX item_email_id ON item (email_id);
CREATE INDEX item_modseq ON item (key >> 32, modseq);
CREATE INDEX item_unconfirmed ON item (key) WHERE unconfirmed IS NOT NULL;
CREATE INDEX item_deleted ON item (key) WHERE flags & 8;

-- Messages that wait for the last page to get their UIDs.
CREATE TABLE staged (
    arrival INTEGER PRIMARY KEY,
    folder INTEGER NOT NULL,
    article INTEGER,
    flags INTEGER NOT NULL,
    keywords BLOB,
    received INTEGER NOT NULL,
    size INTEGER NOT NULL,
    email_id BLOB NOT NULL,
    thread_id BLOB,
    draft INTEGER NOT NULL,
    hash BLOB NOT NULL,
    bind BLOB,                             -- null: new content, never to be matched with a message known
    stamp BLOB NOT NULL,
    change_key BLOB NOT NULL,
    item_id BLOB NOT NULL,
    message_id TEXT
);
CREATE UNIQUE INDEX staged_hash ON staged (folder, hash);
CREATE INDEX staged_bind ON staged (folder, bind);

CREATE TABLE tombstone (
    folder INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    email_id BLOB NOT NULL,
    stamp BLOB NOT NULL,
    hash BLOB,                             -- set if we removed it and Exchange has not said so yet
    PRIMARY KEY (folder, uid)
) WITHOUT ROWID;
CREATE INDEX tombstone_modseq ON tombstone (folder, modseq);
CREATE INDEX tombstone_hash ON tombstone (folder, hash) WHERE hash IS NOT NULL;

-- Derived EMAILIDs that may stand for more than one content and are therefore not given any more.
CREATE TABLE ambiguous (email_id BLOB PRIMARY KEY) WITHOUT ROWID;

-- Exchange counts flags and categories in item:Size, and the size is part of what an EMAILID is derived from. What would
-- be derived now from a message whose size changed without its content.
CREATE TABLE alias (derived BLOB PRIMARY KEY, email_id BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE exact_size (email_id BLOB PRIMARY KEY, size INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE headers (email_id BLOB PRIMARY KEY, block BLOB NOT NULL);

-- EMAILIDs that lost a message: candidates for forgetting exact_size and headers.
CREATE TABLE orphan (email_id BLOB PRIMARY KEY, since INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX orphan_since ON orphan (since);

CREATE TABLE keyword (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE category (category TEXT PRIMARY KEY, keyword TEXT NOT NULL UNIQUE COLLATE NOCASE) WITHOUT ROWID;
-- What the user said of paths; nothing is said of most.
CREATE TABLE subscription (path BLOB PRIMARY KEY, subscribed INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE note (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
