-- +goose Up
-- Which of our domains answer for a message as it leaves: with a signature (DKIM), with a seal (ARC). '' is none. Table of room: smtpd/queue.
ALTER TABLE queue_message ADD COLUMN signed {{text}} NOT NULL DEFAULT '';
ALTER TABLE queue_message ADD COLUMN sealed {{text}} NOT NULL DEFAULT '';
