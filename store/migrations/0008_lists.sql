-- +goose Up
-- Who may write to whom, when and how much. Tables of room: directory.

-- The contact policy: one row for each pair that has a rule. What no row decides is allowed.
CREATE TABLE contact_rule (
    from_    {{text}} NOT NULL, -- anyone, internal, external, a role, group:ID or account:ID
    to_      {{text}} NOT NULL, -- likewise
    from_id  BIGINT REFERENCES principal (id) ON DELETE CASCADE, -- the ID of group:ID and account:ID
    to_id    BIGINT REFERENCES principal (id) ON DELETE CASCADE,
    decision {{text}} NOT NULL, -- allow, refuse, or empty: the row says only when not, or how much
    quiet    {{text}} NOT NULL, -- when nobody may write, such as "mon-fri 21:00-06:30", by the school's clock; empty: never
    per_hour BIGINT,            -- recipients; NULL: this row limits nothing
    PRIMARY KEY (from_, to_)
);
CREATE INDEX contact_rule_from ON contact_rule (from_id);
CREATE INDEX contact_rule_to ON contact_rule (to_id);

INSERT INTO contact_rule (from_, to_, decision, quiet, per_hour) VALUES
    ('student', 'anyone', '', '', 50), ('student', 'external', '', '', 20), ('parent', 'anyone', '', '', 200),
    ('teacher', 'anyone', '', '', 500), ('staff', 'anyone', '', '', 500), ('admin', 'anyone', '', '', 500);

-- What an account has sent within the last hour, for the limits above.
CREATE TABLE sent (
    account_id BIGINT NOT NULL REFERENCES principal (id) ON DELETE CASCADE,
    to_        {{text}} NOT NULL, -- as in contact_rule: anyone, internal or external
    minute     BIGINT NOT NULL,   -- unix time in minutes
    recipients BIGINT NOT NULL,
    PRIMARY KEY (account_id, to_, minute)
) {{without_rowid}};

-- A group as a mailing list. A group without a row is as its kind is by default.
CREATE TABLE group_list (
    group_id BIGINT NOT NULL PRIMARY KEY REFERENCES principal (id) ON DELETE CASCADE,
    post     {{text}} NOT NULL, -- who may write to it: members, staff, anyone, moderated; empty: as its kind
    archive  BIGINT NOT NULL    -- 1: the group's own mailbox keeps what is sent to it
);

-- Members of a group who have no account here.
CREATE TABLE group_external (
    id         {{id}},
    group_id   BIGINT NOT NULL REFERENCES principal (id) ON DELETE CASCADE,
    address    {{text}} NOT NULL,        -- canonical
    token      {{text}} NOT NULL UNIQUE, -- names the member in the sender of what is sent there
    bounces    BIGINT NOT NULL,          -- days in a row on which mail came back
    bounced    BIGINT NOT NULL,          -- when the last did, unix seconds; 0: never
    paused     BIGINT NOT NULL,          -- 1: nothing is sent there until somebody resumes it
    UNIQUE (group_id, address)
);

-- Messages that wait for a person's decision. Table of room: smtpd/lists.
CREATE TABLE held_mail (
    id         {{id}},
    token      {{text}} NOT NULL UNIQUE, -- in the address that takes the decision
    reason     {{text}} NOT NULL,        -- moderation, or limit
    group_id   BIGINT REFERENCES principal (id),  -- the moderated group
    account_id BIGINT REFERENCES principal (id),  -- who wrote; NULL: somebody elsewhere
    sender     {{text}} NOT NULL,        -- MAIL FROM
    recipients {{bytes}} NOT NULL,       -- RCPT TO, one a line
    author     {{bytes}} NOT NULL,       -- From and Subject, for people
    subject    {{bytes}} NOT NULL,
    rule       {{text}} NOT NULL,        -- why, for people
    size       BIGINT NOT NULL,
    blob_id    BIGINT,                   -- NULL: decided
    trace_id   {{text}} NOT NULL,
    received   BIGINT NOT NULL,
    expires    BIGINT NOT NULL,
    state      {{text}} NOT NULL,        -- waiting, approved, rejected, expired
    decided    BIGINT NOT NULL,          -- when, 0 while waiting
    decided_by {{text}} NOT NULL
);
CREATE INDEX held_mail_state ON held_mail (state, expires);
CREATE INDEX held_mail_group ON held_mail (group_id);
CREATE INDEX held_mail_account ON held_mail (account_id);

-- When the administrators were last told that an account passed its limit.
CREATE TABLE limit_told (
    account_id BIGINT NOT NULL PRIMARY KEY REFERENCES principal (id) ON DELETE CASCADE,
    at         BIGINT NOT NULL
);
