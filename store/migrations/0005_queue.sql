-- +goose Up
-- Mail that leaves, or waits: messages, what of each goes where, recipients. Tables of room: smtpd/queue.

-- One accepted message. It owns one reference to its blob.
CREATE TABLE queue_message (
    id       {{id}},
    owner_id BIGINT NOT NULL,    -- the account that sent it, 0: the server itself
    blob_id  BIGINT NOT NULL,
    prefix   {{bytes}} NOT NULL, -- fields that go before the body: signatures
    kind     {{text}} NOT NULL,  -- whose it is: '' a person's, 'list', 'redirect' …
    tag      {{text}} NOT NULL,  -- for the room that kind names
    trace    {{text}} NOT NULL,  -- the id that follows a message through the log
    sender   {{text}} NOT NULL,  -- MAIL FROM, '' for <>
    size     BIGINT NOT NULL,    -- bytes
    flags    BIGINT NOT NULL,    -- 1: 8BITMIME, 2: SMTPUTF8, 4: REQUIRETLS
    ret      {{text}} NOT NULL,  -- RFC 3461 §4.3
    env_id   {{text}} NOT NULL,  -- RFC 3461 §4.4, decoded
    arrived  BIGINT NOT NULL     -- unix seconds
);
CREATE INDEX queue_message_owner ON queue_message (owner_id);
CREATE INDEX queue_message_trace ON queue_message (trace);

-- What of a message goes to one destination, in one transaction of SMTP.
CREATE TABLE queue_delivery (
    id          {{id}},
    message_id  BIGINT NOT NULL,
    owner_id    BIGINT NOT NULL,
    destination {{text}} NOT NULL, -- a domain, or host:port of a smart host
    phase       BIGINT NOT NULL,   -- 0 never tried, 1 to be tried again, 2 held
    due         BIGINT NOT NULL,   -- unix seconds of the next try
    not_before  BIGINT NOT NULL,   -- when its sender wants it sent, 0: at once
    began       BIGINT NOT NULL,   -- when its lifetime began
    deadline    BIGINT,            -- when the sender is told of the delay, or its lifetime ends; NULL while held
    told        BIGINT NOT NULL,   -- 1: the sender knows of the delay
    attempts    BIGINT NOT NULL,
    attempting  BIGINT NOT NULL,   -- 1: the last dot may have been sent; a crash now may deliver it twice
    tried       BIGINT NOT NULL,   -- unix seconds of the last try, 0: none
    held        {{text}} NOT NULL  -- why it is held
);
CREATE INDEX queue_delivery_due ON queue_delivery (destination, phase, due);
CREATE INDEX queue_delivery_message ON queue_delivery (message_id);
CREATE INDEX queue_delivery_deadline ON queue_delivery (deadline) WHERE deadline IS NOT NULL;
CREATE INDEX queue_delivery_attempting ON queue_delivery (id) WHERE attempting = 1;

-- Recipients that are still to be served, each with the last answer about it.
CREATE TABLE queue_recipient (
    id          {{id}},
    delivery_id BIGINT NOT NULL,
    owner_id    BIGINT NOT NULL,
    address     {{text}} NOT NULL,
    notify      BIGINT NOT NULL,  -- RFC 3461 §4.1: 1 never, 2 success, 4 failure, 8 delay; 0: not said
    orcpt       {{text}} NOT NULL, -- RFC 3461 §4.2: type;address, decoded
    code        BIGINT NOT NULL,  -- the last reply, 0: none
    enhanced    {{text}} NOT NULL,
    text        {{text}} NOT NULL,
    host        {{text}} NOT NULL -- who said so
);
CREATE INDEX queue_recipient_delivery ON queue_recipient (delivery_id);

-- Destinations for which something waits. They take turns in the order of wake.
CREATE TABLE queue_destination (
    name     {{text}} NOT NULL PRIMARY KEY,
    failing  BIGINT NOT NULL, -- 1: the last try to reach it failed
    wake     BIGINT NOT NULL, -- unix seconds from when there may be something to do
    until    BIGINT NOT NULL, -- nothing is tried before, 0: no such time
    failures BIGINT NOT NULL, -- tries in a row that did not reach it
    text     {{text}} NOT NULL -- why the last one failed
) {{without_rowid}};
CREATE INDEX queue_destination_wake ON queue_destination (failing, wake);

-- Who is yet to be told that a message is held.
CREATE TABLE queue_tell (
    message_id BIGINT NOT NULL,
    owner_id   BIGINT NOT NULL,
    PRIMARY KEY (message_id, owner_id)
) {{without_rowid}};

-- How long an account can take back what it sent, where it is not the default.
CREATE TABLE queue_undo (
    owner_id BIGINT NOT NULL PRIMARY KEY,
    seconds  BIGINT NOT NULL
) {{without_rowid}};

-- The time that the queue saw last; one row. A clock that is set must not end the lifetime of mail.
CREATE TABLE queue_clock (
    id   BIGINT NOT NULL PRIMARY KEY,
    seen BIGINT NOT NULL
) {{without_rowid}};

-- Smart hosts: mail for a domain goes to this host instead of its MX. They belong to the server, not to an owner.
CREATE TABLE route (
    domain   {{text}} NOT NULL PRIMARY KEY, -- '*': every other one
    host     {{text}} NOT NULL,
    port     BIGINT NOT NULL,
    tls      {{text}} NOT NULL,
    login    {{text}} NOT NULL,
    password {{bytes}} NOT NULL
) {{without_rowid}};
