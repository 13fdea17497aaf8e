-- +goose Up
-- Who is signed in to the web pages, and which forms were sent. Tables of room: webmail.

-- The token itself is only in the person's browser.
CREATE TABLE webmail_session (
    token    {{bytes}} NOT NULL PRIMARY KEY, -- SHA-256 of it
    owner_id BIGINT NOT NULL,
    version  BIGINT NOT NULL, -- of the account's credentials: another one ends the session
    created  BIGINT NOT NULL, -- unix seconds
    seen     BIGINT NOT NULL, -- the last use, to a few minutes
    expires  BIGINT NOT NULL  -- whatever happens
) {{without_rowid}};
CREATE INDEX webmail_session_owner ON webmail_session (owner_id, created);

-- A form that was sent is not sent a second time: people press a button twice, and browsers repeat.
CREATE TABLE webmail_form (
    owner_id BIGINT NOT NULL,
    token    {{text}} NOT NULL,
    sent     BIGINT NOT NULL, -- unix seconds
    PRIMARY KEY (owner_id, token)
) {{without_rowid}};
