-- +goose Up
-- A message that is held keeps the demand that it travels over proven TLS only (RFC 8689). Table of room: smtpd/lists.
ALTER TABLE held_mail ADD COLUMN require_tls BIGINT NOT NULL DEFAULT 0;
