-- +goose Up
-- Mail filters: scripts, and what they must remember. Tables of room: mailbox/filter.

CREATE TABLE sieve_script (
    id         {{id}},
    owner_id   BIGINT NOT NULL,   -- 0: for all to include
    name       {{text}} NOT NULL, -- UTF-8, NFC
    active     BIGINT NOT NULL,   -- one of an owner at most
    changed_at BIGINT NOT NULL,   -- unix seconds
    body       {{bytes}} NOT NULL
);
CREATE UNIQUE INDEX sieve_script_name ON sieve_script (owner_id, name);

-- What was seen (RFC 7352), who was answered (RFC 5230), which fault the owner was told of; by a hash, for a time.
CREATE TABLE sieve_memory (
    owner_id BIGINT NOT NULL,
    kind     BIGINT NOT NULL, -- 1 seen, 2 answered, 3 told
    hash     {{bytes}} NOT NULL,
    until    BIGINT NOT NULL, -- unix seconds
    PRIMARY KEY (owner_id, kind, hash)
) {{without_rowid}};
CREATE INDEX sieve_memory_until ON sieve_memory (until);

-- What an owner's scripts sent today.
CREATE TABLE sieve_sent (
    owner_id  BIGINT NOT NULL PRIMARY KEY,
    day       BIGINT NOT NULL, -- days since 1970
    redirects BIGINT NOT NULL,
    answers   BIGINT NOT NULL
) {{without_rowid}};
