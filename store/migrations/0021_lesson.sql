-- +goose Up
-- What people said about messages by moving them to or from Junk, until somebody has learned from it. Table of room: mailbox.
CREATE TABLE lesson (
    id         {{id}},
    owner_id   BIGINT NOT NULL,
    content_id BIGINT NOT NULL,
    spam       BIGINT NOT NULL -- 1: nobody wants it, 0: it is wanted
);
CREATE INDEX lesson_owner ON lesson (owner_id);
