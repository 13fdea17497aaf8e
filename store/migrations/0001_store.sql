-- +goose Up
-- Blobs: bodies of messages and contents of files, named by their SHA-256, each stored once. Table of room: store.
CREATE TABLE blob (
    id              {{id}},
    hash            {{bytes}} NOT NULL UNIQUE, -- SHA-256, 32 bytes
    pack            BIGINT NOT NULL,           -- which file below packs/
    offset_         BIGINT NOT NULL,           -- where its frame starts there
    length          BIGINT NOT NULL,           -- bytes of the frame
    size            BIGINT NOT NULL,           -- bytes of the blob
    refs            BIGINT NOT NULL,           -- how many rows of other rooms refer to it
    unreferenced_at BIGINT                     -- unix seconds since when refs is 0; NULL: it is not
);

-- Compaction and the start look at one pack at a time.
CREATE INDEX blob_pack ON blob (pack, offset_);

-- Few rows: only those whose grace time runs.
CREATE INDEX blob_unreferenced ON blob (unreferenced_at) WHERE unreferenced_at IS NOT NULL;
