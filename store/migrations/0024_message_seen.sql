-- +goose Up
-- What people have read goes with the messages and with the people. Table of room: mailbox.
DELETE FROM message_seen WHERE NOT EXISTS (
    SELECT 1 FROM message m WHERE m.mailbox_id = message_seen.mailbox_id AND m.uid = message_seen.uid);
CREATE INDEX message_seen_account ON message_seen (account_id);
CREATE INDEX message_seen_message ON message_seen (mailbox_id, uid);
