-- +goose Up
-- What people taught about unwanted mail, each for themselves. Tables of room: smtpd/spam.

CREATE TABLE bayes_person (
    owner_id BIGINT NOT NULL PRIMARY KEY,
    spam     BIGINT NOT NULL, -- messages that were learned
    ham      BIGINT NOT NULL,
    lessons  BIGINT NOT NULL  -- counts all; the age of the rows below
) {{without_rowid}};

-- In how many messages of each kind a word stood. Only hashes are kept, each person's own.
CREATE TABLE bayes_token (
    owner_id BIGINT NOT NULL,
    token    BIGINT NOT NULL,
    spam     BIGINT NOT NULL,
    ham      BIGINT NOT NULL,
    lesson   BIGINT NOT NULL, -- the last one
    PRIMARY KEY (owner_id, token)
) {{without_rowid}};

-- What a message was learned as, so that it counts once, and can be taken back.
CREATE TABLE bayes_message (
    owner_id   BIGINT NOT NULL,
    content_id BIGINT NOT NULL,
    spam       BIGINT NOT NULL,
    lesson     BIGINT NOT NULL,
    PRIMARY KEY (owner_id, content_id)
) {{without_rowid}};
