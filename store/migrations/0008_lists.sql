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
