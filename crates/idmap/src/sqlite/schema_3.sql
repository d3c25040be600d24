-- Version 3: what SORT and THREAD read of messages whose headers are not known, by EMAILID as header blocks are.

CREATE TABLE letterhead (email_id BLOB PRIMARY KEY, block BLOB NOT NULL) WITHOUT ROWID;
