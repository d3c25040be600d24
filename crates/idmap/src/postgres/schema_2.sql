-- Version 2: messages that Exchange cannot give; see sqlite/schema_9.sql.

CREATE TABLE problem (
    mailbox bigint NOT NULL DEFAULT idmap.here(),
    email_id bytea NOT NULL,
    reason text COLLATE "C" NOT NULL,
    since bigint NOT NULL,
    tried bigint NOT NULL,
    stand_in bytea NOT NULL,
    PRIMARY KEY (mailbox, email_id)
);
CREATE VIEW idmap_here.problem AS SELECT * FROM idmap.problem WHERE mailbox = idmap.here();
