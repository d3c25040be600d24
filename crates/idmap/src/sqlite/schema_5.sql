-- Version 5: notes on folders and on the mailbox as a whole, for which the folder is 0.

CREATE TABLE annotation (
    folder INTEGER NOT NULL,
    name TEXT NOT NULL,
    value BLOB,                            -- null: it was removed
    changed INTEGER NOT NULL,              -- rises with every change of any of them
    PRIMARY KEY (folder, name)
) WITHOUT ROWID;
CREATE UNIQUE INDEX annotation_changed ON annotation (changed);
