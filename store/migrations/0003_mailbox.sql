-- +goose Up
-- Mail: owners with their counters, mailboxes, messages, contents. Tables of room: mailbox.

-- One row per principal that has mail: quota in use, and where its UIDVALIDITYs stand.
CREATE TABLE mail_owner (
    owner_id      BIGINT NOT NULL PRIMARY KEY,
    modseq        BIGINT NOT NULL, -- counts changes of the list of mailboxes
    uidvalidity   BIGINT NOT NULL, -- the last one given out, never given again
    used_bytes    BIGINT NOT NULL,
    used_messages BIGINT NOT NULL
) {{without_rowid}};

CREATE TABLE mailbox (
    id            {{id}},
    owner_id      BIGINT NOT NULL,
    name          {{text}} NOT NULL,  -- UTF-8, NFC, "/" between levels
    special_use   {{text}} NOT NULL,  -- RFC 6154, '' for none
    uidvalidity   BIGINT NOT NULL,
    uidnext       BIGINT NOT NULL,
    modseq        BIGINT NOT NULL,    -- RFC 7162: of the last change
    messages      BIGINT NOT NULL,
    unseen        BIGINT NOT NULL,
    deleted       BIGINT NOT NULL,
    deleted_size  BIGINT NOT NULL,
    size          BIGINT NOT NULL,
    expunged_from BIGINT NOT NULL,    -- the log of expunged messages is complete after this modseq
    expunged_rows BIGINT NOT NULL
);
CREATE UNIQUE INDEX mailbox_name ON mailbox (owner_id, name);

CREATE TABLE subscription (
    owner_id BIGINT NOT NULL,
    name     {{text}} NOT NULL, -- also of mailboxes that are no longer there
    PRIMARY KEY (owner_id, name)
) {{without_rowid}};

-- The owner's keywords: bit is their place in message.flags.
CREATE TABLE keyword (
    owner_id BIGINT NOT NULL,
    bit      BIGINT NOT NULL,
    name     {{text}} NOT NULL,
    PRIMARY KEY (owner_id, bit)
) {{without_rowid}};

-- What is known of one stored body, once however many messages have it. It owns one reference to its blob.
CREATE TABLE content (
    id             {{id}},
    blob_id        BIGINT NOT NULL,
    format         BIGINT NOT NULL, -- message.FormatVersion of the indexed columns
    size           BIGINT NOT NULL,
    thread_id      BIGINT NOT NULL,
    message_hash   BIGINT,          -- of the Message-ID, for threads
    sent_date      BIGINT,          -- unix seconds of the Date field
    message_ref    {{bytes}},       -- the Message-ID without <>
    references_    {{bytes}},       -- oldest first, separated by LF
    base_subject   {{bytes}} NOT NULL, -- sort keys, RFC 5256 and RFC 5051
    is_reply       BIGINT NOT NULL,
    from_key       {{bytes}} NOT NULL,
    to_key         {{bytes}} NOT NULL,
    cc_key         {{bytes}} NOT NULL,
    preview        {{bytes}} NOT NULL,
    layout         {{bytes}} NOT NULL,
    envelope       {{bytes}} NOT NULL,
    envelope_utf8  {{bytes}},       -- NULL: the same
    structure      {{bytes}} NOT NULL,
    structure_utf8 {{bytes}}
);
CREATE UNIQUE INDEX content_blob ON content (blob_id);
CREATE INDEX content_thread ON content (message_hash, thread_id);

CREATE TABLE message (
    mailbox_id    BIGINT NOT NULL,
    uid           BIGINT NOT NULL,
    modseq        BIGINT NOT NULL,
    flags         BIGINT NOT NULL,
    internal_date BIGINT NOT NULL, -- unix seconds
    size          BIGINT NOT NULL,
    content_id    BIGINT NOT NULL,
    save_date     BIGINT NOT NULL, -- unix seconds, RFC 8514
    via           {{text}} NOT NULL, -- the alias or group address that led here
    PRIMARY KEY (mailbox_id, uid)
) {{without_rowid}};
CREATE INDEX message_content ON message (content_id);

-- What was removed, for clients that were away: runs of UIDs. RFC 7162 §3.2.10.
CREATE TABLE expunged (
    mailbox_id BIGINT NOT NULL,
    modseq     BIGINT NOT NULL,
    first_uid  BIGINT NOT NULL,
    last_uid   BIGINT NOT NULL,
    PRIMARY KEY (mailbox_id, modseq, first_uid)
) {{without_rowid}};

-- Runs of contents that may have lost their last message; swept after the grace time.
CREATE TABLE content_idle (
    id            {{id}},
    first_content BIGINT NOT NULL,
    last_content  BIGINT NOT NULL,
    since         BIGINT NOT NULL -- unix seconds
);

-- Deleted mailboxes whose rows are being removed slice by slice.
CREATE TABLE mailbox_gone (
    mailbox_id BIGINT NOT NULL PRIMARY KEY
) {{without_rowid}};

-- Transactions of the last minutes, so that one whose answer was lost is not delivered twice.
CREATE TABLE delivery_seen (
    id       {{id}},
    at       BIGINT NOT NULL, -- unix seconds
    key      {{bytes}} NOT NULL,
    failed   {{bytes}} NOT NULL -- one byte for each recipient that failed: its fault kind, else 0; empty: none did
);
