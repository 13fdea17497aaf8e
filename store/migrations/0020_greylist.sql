-- +goose Up
-- Unwanted mail: networks that are known, messages that were asked to come again. Tables of room: smtpd/spam.

CREATE TABLE known_network (
    network  {{text}} NOT NULL PRIMARY KEY, -- 192.0.2.0/24, 2001:db8::/64
    last_day BIGINT NOT NULL                -- days since 1970: when mail from there was taken last
) {{without_rowid}};
CREATE INDEX known_network_age ON known_network (last_day);

CREATE TABLE greylist (
    attempt {{bytes}} NOT NULL PRIMARY KEY, -- hash of the network, the sender's domain and the recipients'
    network {{text}} NOT NULL,
    since   BIGINT NOT NULL                 -- unix seconds
) {{without_rowid}};
CREATE INDEX greylist_network ON greylist (network, since);
CREATE INDEX greylist_age ON greylist (since);
