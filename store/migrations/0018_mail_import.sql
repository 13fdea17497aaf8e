-- +goose Up
-- How far mail was taken over from other servers. Table of room: mailbox.
CREATE TABLE mail_import (
    owner_id    BIGINT NOT NULL,
    source      {{text}} NOT NULL, -- login, server and where it goes
    folder      {{text}} NOT NULL, -- as the other server calls it
    uidvalidity BIGINT NOT NULL,
    uid         BIGINT NOT NULL,   -- the last one that was taken over
    PRIMARY KEY (owner_id, source, folder)
) {{without_rowid}};
