-- +goose Up
-- Files, calendars and contacts: owners with what they use, a tree of entries with one counter for each collection, what was
-- removed, properties, locks, old versions, the trash. Tables of room: dav/collection.

-- One row per account or group: its three roots and what it uses.
CREATE TABLE dav_owner (
    owner_id      BIGINT NOT NULL PRIMARY KEY,
    calendars     BIGINT NOT NULL, -- entries without a parent
    contacts      BIGINT NOT NULL,
    files         BIGINT NOT NULL,
    used_bytes    BIGINT NOT NULL, -- of all objects in the three trees
    kept_bytes    BIGINT NOT NULL, -- of old versions and the trash
    quota_bytes   BIGINT,          -- groups: NULL is the default, 0 unlimited; accounts: NULL, the directory says
    members_write BIGINT NOT NULL  -- groups: 1 when every member writes in the folder
) {{without_rowid}};

-- Everything that has a name: collections and the objects in them.
CREATE TABLE dav_entry (
    id           {{id}},
    owner_id     BIGINT NOT NULL,
    parent_id    BIGINT,            -- NULL: a root, or the top of a tree in the trash
    name         {{text}} NOT NULL, -- UTF-8, NFC
    kind         BIGINT NOT NULL,   -- collection.Kind
    modseq       BIGINT NOT NULL,   -- of its last change, in the parent's count
    created      BIGINT NOT NULL,   -- unix seconds, as all times here
    modified     BIGINT NOT NULL,
    properties   BIGINT NOT NULL,   -- how many rows of dav_property it has
    -- of objects
    blob_id      BIGINT,
    etag         {{bytes}},         -- the first 16 bytes of the content's SHA-256
    size         BIGINT NOT NULL,
    content_type {{text}} NOT NULL, -- as the client named it; '' for none
    uid          {{bytes}},         -- of calendar objects and cards
    component    {{text}},          -- of calendar objects
    first_       BIGINT,            -- when the first instance starts and the last ends
    last_        BIGINT,
    recurring    BIGINT NOT NULL,
    -- of collections
    counter      BIGINT NOT NULL,   -- the last modseq given out
    members      BIGINT NOT NULL,   -- how many entries are in it
    log_from     BIGINT NOT NULL,   -- dav_removed is complete after this modseq
    components   {{text}} NOT NULL  -- of calendars: what they hold, separated by commas
);
CREATE UNIQUE INDEX dav_entry_name ON dav_entry (parent_id, name);
CREATE INDEX dav_entry_modseq ON dav_entry (parent_id, modseq);
CREATE UNIQUE INDEX dav_entry_uid ON dav_entry (parent_id, uid) WHERE uid IS NOT NULL;
CREATE INDEX dav_entry_time ON dav_entry (parent_id, component, last_, id, first_) WHERE component IS NOT NULL;
CREATE INDEX dav_entry_collections ON dav_entry (parent_id) WHERE kind <> 0; -- few beside the objects
CREATE INDEX dav_entry_owner ON dav_entry (owner_id);

-- What was removed from a collection, for clients that were away. RFC 6578 §3.5.2.
CREATE TABLE dav_removed (
    collection_id BIGINT NOT NULL,
    name          {{text}} NOT NULL,
    modseq        BIGINT NOT NULL,
    at            BIGINT NOT NULL,
    PRIMARY KEY (collection_id, name)
) {{without_rowid}};
CREATE INDEX dav_removed_modseq ON dav_removed (collection_id, modseq);
CREATE INDEX dav_removed_at ON dav_removed (at);

-- Properties as clients set them: the XML of the value.
CREATE TABLE dav_property (
    entry_id BIGINT NOT NULL,
    space    {{text}} NOT NULL, -- name space
    name     {{text}} NOT NULL,
    value    {{bytes}} NOT NULL,
    PRIMARY KEY (entry_id, space, name)
) {{without_rowid}};

-- Locks in force, and expired ones until they are swept. RFC 4918 §6.
CREATE TABLE dav_lock (
    token    {{text}} NOT NULL PRIMARY KEY,
    entry_id BIGINT NOT NULL,
    owner_id BIGINT NOT NULL, -- of the entry
    holder   BIGINT NOT NULL, -- who asked for it
    shared   BIGINT NOT NULL,
    infinite BIGINT NOT NULL, -- depth infinity
    note     {{bytes}} NOT NULL, -- the owner element as given
    expires  BIGINT NOT NULL
);
CREATE INDEX dav_lock_owner ON dav_lock (owner_id);
CREATE INDEX dav_lock_entry ON dav_lock (entry_id);
CREATE INDEX dav_lock_holder ON dav_lock (holder);
CREATE INDEX dav_lock_expires ON dav_lock (expires);

-- Earlier contents of files.
CREATE TABLE dav_version (
    id           {{id}},
    entry_id     BIGINT NOT NULL,
    owner_id     BIGINT NOT NULL,
    blob_id      BIGINT NOT NULL,
    etag         {{bytes}} NOT NULL,
    size         BIGINT NOT NULL,
    content_type {{text}} NOT NULL,
    modified     BIGINT NOT NULL, -- of this content
    replaced     BIGINT NOT NULL, -- when the next one came
    replaced_by  BIGINT NOT NULL  -- whose
);
CREATE INDEX dav_version_entry ON dav_version (entry_id, id);
CREATE INDEX dav_version_owner ON dav_version (owner_id, replaced);
CREATE INDEX dav_version_replaced ON dav_version (replaced);

-- Deleted files, folders and collections that can be restored: each row is an entry without a parent.
CREATE TABLE dav_trash (
    entry_id   BIGINT NOT NULL PRIMARY KEY,
    owner_id   BIGINT NOT NULL,
    root_id    BIGINT NOT NULL,   -- the root it was below
    path       {{text}} NOT NULL, -- below the root, names separated by /
    size       BIGINT NOT NULL,   -- bytes of the whole tree
    deleted    BIGINT NOT NULL,
    deleted_by BIGINT NOT NULL
) {{without_rowid}};
CREATE INDEX dav_trash_owner ON dav_trash (owner_id, deleted);
CREATE INDEX dav_trash_deleted ON dav_trash (deleted);

-- Tops of trees without a parent whose rows are being removed slice by slice.
CREATE TABLE dav_gone (
    entry_id BIGINT NOT NULL PRIMARY KEY
) {{without_rowid}};

-- Who is who, and when it changed: what a view of the directory needs to tell what entered, left or changed since a token.
-- Tables of room: directory.
CREATE TABLE directory_counter (
    one      BIGINT NOT NULL PRIMARY KEY, -- 1: there is one row
    seq      BIGINT NOT NULL,             -- of the last change
    log_from BIGINT NOT NULL              -- directory_log is complete after this change
) {{without_rowid}};
INSERT INTO directory_counter (one, seq, log_from) VALUES (1, 1, 1);

CREATE TABLE directory_log (
    id           {{id}},
    seq          BIGINT NOT NULL,   -- one for all rows of a transaction
    at           BIGINT NOT NULL,
    kind         BIGINT NOT NULL,   -- 1 account, 2 group, 3 membership
    principal_id BIGINT NOT NULL,   -- the account or group
    member_id    BIGINT NOT NULL,   -- the account of a membership, else 0
    login        {{text}} NOT NULL, -- of the account or group; '' for a membership
    was          {{text}} NOT NULL  -- before: "role state" of an account, the kind of a group, "member"; '' when it was not there
);
CREATE INDEX directory_log_seq ON directory_log (seq);
CREATE INDEX directory_log_at ON directory_log (at);
