-- +goose Up
-- What mail programs note about mailboxes and the server (RFC 5464). Table of room: mailbox.
CREATE TABLE mailbox_metadata (
    mailbox_id BIGINT NOT NULL,   -- 0: the server
    account_id BIGINT NOT NULL,   -- whose /private entry it is; 0: /shared
    name       {{text}} NOT NULL, -- lower case
    value      {{bytes}} NOT NULL,
    owner_id   BIGINT NOT NULL,   -- whom it counts for: the account, or the mailbox's owner; 0: the server
    PRIMARY KEY (mailbox_id, account_id, name)
);
CREATE INDEX mailbox_metadata_owner ON mailbox_metadata (owner_id);
CREATE INDEX mailbox_metadata_account ON mailbox_metadata (account_id);
