-- +goose Up
-- Who is who: domains, principals (accounts, groups, resources) in one name space, aliases, credentials,
-- limits against guessing. Tables of room: directory.

CREATE TABLE domain (
    name     {{text}} NOT NULL PRIMARY KEY, -- ASCII form (A-labels), lower case
    position BIGINT NOT NULL,               -- the lowest is the main one
    created  BIGINT NOT NULL                -- unix seconds, as all times here unless the name says otherwise
);

CREATE TABLE principal (
    id      {{id}},
    kind    BIGINT NOT NULL,          -- 1 account, 2 group, 3 resource
    login   {{text}} NOT NULL UNIQUE, -- the part before @ at creation, a number behind it after a clash; never changed
    address {{text}} NOT NULL UNIQUE, -- canonical
    name    {{text}} NOT NULL,        -- display name or title
    created BIGINT NOT NULL
);

-- Every address that leads somewhere, so that none can lead to two places. principal_id NULL: an alias.
CREATE TABLE address (
    address      {{text}} NOT NULL PRIMARY KEY,
    principal_id BIGINT REFERENCES principal (id) ON DELETE CASCADE
);
CREATE INDEX address_principal ON address (principal_id);

CREATE TABLE alias_target (
    address  {{text}} NOT NULL REFERENCES address (address) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    target   {{text}} NOT NULL, -- canonical; may itself be an alias
    PRIMARY KEY (address, position)
);

CREATE TABLE account (
    principal_id BIGINT NOT NULL PRIMARY KEY REFERENCES principal (id) ON DELETE CASCADE,
    given        {{text}} NOT NULL,
    family       {{text}} NOT NULL,
    role         {{text}} NOT NULL,
    state        {{text}} NOT NULL,
    state_since  BIGINT NOT NULL,
    quota_bytes  BIGINT,            -- NULL: the role's
    version      BIGINT NOT NULL,   -- counts changes of password, role and state
    password     {{text}} NOT NULL  -- a hash: PHC string or an imported kind
);

CREATE TABLE school_group (
    principal_id BIGINT NOT NULL PRIMARY KEY REFERENCES principal (id) ON DELETE CASCADE,
    kind         {{text}} NOT NULL,
    to_sender    BIGINT NOT NULL -- 1: mail to the group reaches its sender too
);

CREATE TABLE resource (
    principal_id BIGINT NOT NULL PRIMARY KEY REFERENCES principal (id) ON DELETE CASCADE,
    kind         {{text}} NOT NULL
);

CREATE TABLE membership (
    group_id   BIGINT NOT NULL REFERENCES principal (id) ON DELETE CASCADE,
    account_id BIGINT NOT NULL REFERENCES principal (id) ON DELETE CASCADE,
    owner      BIGINT NOT NULL, -- 1: may manage the group and write as it
    PRIMARY KEY (group_id, account_id)
) {{without_rowid}};
CREATE INDEX membership_account ON membership (account_id);

CREATE TABLE app_password (
    id         {{id}},
    account_id BIGINT NOT NULL REFERENCES principal (id) ON DELETE CASCADE,
    name       {{text}} NOT NULL,
    scope      BIGINT NOT NULL,
    prefix     {{text}} NOT NULL,  -- the first group of characters, to find it by
    sum        {{bytes}} NOT NULL, -- SHA-256: enough for 120 random bits
    created    BIGINT NOT NULL,
    last_used  BIGINT NOT NULL     -- 0: never; at most an hour behind
);
CREATE INDEX app_password_account ON app_password (account_id);

-- Wrong logins, so that a restart does not reset an attack.
CREATE TABLE login_limit (
    key_       {{text}} NOT NULL PRIMARY KEY,
    level      BIGINT NOT NULL, -- thousandths of a wrong try, at at_micros
    at_micros  BIGINT NOT NULL,
    until_micros BIGINT NOT NULL, -- no tries before
    strikes    BIGINT NOT NULL
);

-- Networks from which an account has logged in: they stay open while the account is under attack from everywhere.
CREATE TABLE login_network (
    account_id BIGINT NOT NULL REFERENCES principal (id) ON DELETE CASCADE,
    network    {{text}} NOT NULL,
    seen       BIGINT NOT NULL,
    PRIMARY KEY (account_id, network)
) {{without_rowid}};
