-- +goose Up
-- Delivery to other servers: what their domains demand, and what is reported to them. Tables of room: smtpd/remote.

-- MTA-STS policies (RFC 8461). They outlive restarts: who can hide a policy must not be able to wait for one.
CREATE TABLE sts_policy (
    domain     {{text}} NOT NULL PRIMARY KEY,
    policy_id  {{text}} NOT NULL,  -- of the TXT record
    policy     {{bytes}} NOT NULL, -- as it was fetched
    fetched_at BIGINT NOT NULL,    -- unix seconds
    expires_at BIGINT NOT NULL
) {{without_rowid}};
CREATE INDEX sts_policy_expiry ON sts_policy (expires_at);

-- What happened on connections to a domain in a day, for the report to its owner (RFC 8460). Removed once reported.
CREATE TABLE tls_count (
    day         BIGINT NOT NULL,    -- days since 1970-01-01, UTC
    domain      {{text}} NOT NULL,
    policy_type {{text}} NOT NULL,  -- RFC 8460 §4.2
    policy      {{bytes}} NOT NULL, -- the policy's text, empty for none
    result_type {{text}} NOT NULL,  -- RFC 8460 §4.3, '' for success
    mx_host     {{text}} NOT NULL,
    sessions    BIGINT NOT NULL,
    PRIMARY KEY (day, domain, policy_type, policy, result_type, mx_host)
) {{without_rowid}};
