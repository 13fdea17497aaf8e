-- +goose Up
-- Mailboxes that several people use: who may do what, and what each of them has read. Tables of room: mailbox.

CREATE TABLE mailbox_right (
    mailbox_id   BIGINT NOT NULL,
    principal_id BIGINT NOT NULL, -- an account or group; 0: anyone with an account
    rights       BIGINT NOT NULL, -- bits in the order lrswipkxtea, RFC 4314
    PRIMARY KEY (mailbox_id, principal_id)
) {{without_rowid}};
CREATE INDEX mailbox_right_principal ON mailbox_right (principal_id);

-- \Seen of people who are not the mailbox's owner; message.flags has the owner's.
CREATE TABLE message_seen (
    mailbox_id BIGINT NOT NULL,
    account_id BIGINT NOT NULL,
    uid        BIGINT NOT NULL,
    seen       BIGINT NOT NULL, -- 0: it was taken away again
    modseq     BIGINT NOT NULL, -- when, in the mailbox's own count
    PRIMARY KEY (mailbox_id, account_id, uid)
) {{without_rowid}};

-- Groups that keep what is sent to them: their members read it.
INSERT INTO mailbox_right (mailbox_id, principal_id, rights)
    SELECT b.id, b.owner_id, 7 FROM mailbox b JOIN school_group g ON g.principal_id = b.owner_id;
