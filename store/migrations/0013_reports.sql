-- +goose Up
-- What others report to us about mail in our name and connections to us, and what we are to report to others. Tables of room: smtpd/reports.

-- Reports that came in (RFC 7489 §7.2, RFC 8460 §4), shortened. The oldest go first.
CREATE TABLE report (
    id           {{id}},
    kind         {{text}} NOT NULL,  -- 'dmarc' or 'tls'
    domain       {{text}} NOT NULL,  -- of ours, that it is about
    organization {{text}} NOT NULL,  -- who reports, as they say
    report_id    {{text}} NOT NULL,  -- theirs
    contact      {{text}} NOT NULL,
    begins       BIGINT NOT NULL,    -- unix seconds
    ends         BIGINT NOT NULL,
    passed       BIGINT NOT NULL,    -- messages or connections
    failed       BIGINT NOT NULL,
    verified     BIGINT NOT NULL,    -- 1: DMARC speaks for who sent it
    received     BIGINT NOT NULL,
    details      {{bytes}} NOT NULL  -- JSON, the most frequent lines
);
CREATE UNIQUE INDEX report_once ON report (kind, domain, organization, report_id);
CREATE INDEX report_received ON report (received);

-- What was found about mail that claims to come from a domain in a day, for the report to its owner. Removed once reported.
CREATE TABLE dmarc_count (
    day      BIGINT NOT NULL,    -- days since 1970-01-01, UTC
    domain   {{text}} NOT NULL,  -- whose policy it is
    line     {{bytes}} NOT NULL, -- JSON: what was found
    messages BIGINT NOT NULL,
    PRIMARY KEY (day, domain, line)
) {{without_rowid}};
