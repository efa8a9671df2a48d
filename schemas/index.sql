-- The index of one set: what this site has of it. One SQLite file per set; docs/index.md explains it.
-- The build embeds this file (replicator/index/schema.h.in). A change needs a new kSchemaVersion.
-- Digests are blobs of 16 bytes; sequences and epochs are below 2^63; ids are 64-bit patterns.

CREATE TABLE identity (
  one             INTEGER PRIMARY KEY CHECK (one = 1),
  index_id        INTEGER NOT NULL CHECK (index_id <> 0),
  epoch           INTEGER NOT NULL DEFAULT 0,
  sequence        INTEGER NOT NULL DEFAULT 0,   -- the last one given out
  items           INTEGER NOT NULL DEFAULT 0,   -- in the sum
  sum             BLOB    NOT NULL,
  trimmed_to      INTEGER NOT NULL DEFAULT 0,   -- tombstones up to here may be gone
  signature_bytes INTEGER NOT NULL DEFAULT 0,
  signature_clock INTEGER NOT NULL DEFAULT 0,
  reconciled      INTEGER NOT NULL DEFAULT 0,   -- the last epoch whose holder has had all that is here
  digest_key      BLOB    NOT NULL DEFAULT x''
);

-- Holders' turns that entries come from; 0 in an entry is none of them.
CREATE TABLE sources (
  number   INTEGER PRIMARY KEY,
  index_id INTEGER NOT NULL,
  epoch    INTEGER NOT NULL,
  UNIQUE (index_id, epoch)
);

-- Where each epoch started: what its holder had of the one before.
CREATE TABLE lineage (
  epoch     INTEGER PRIMARY KEY,
  index_id  INTEGER NOT NULL,
  old_epoch INTEGER NOT NULL,
  sequence  INTEGER NOT NULL,
  sum       BLOB    NOT NULL
);

-- rank 3 is a tombstone; in the sum are ranks below 3 in the states 0 and 2. Long columns come last.
CREATE TABLE entries (
  key      BLOB    NOT NULL PRIMARY KEY,
  sequence INTEGER NOT NULL,
  rank     INTEGER NOT NULL,
  state    INTEGER NOT NULL,
  hash     BLOB    NOT NULL,
  content  BLOB    NOT NULL,
  size     INTEGER NOT NULL,
  source   INTEGER NOT NULL DEFAULT 0,
  version  INTEGER NOT NULL DEFAULT 0,   -- the sequence that the change had at its source
  was      BLOB    NOT NULL DEFAULT x'', -- the content before this one, if it had 4096 bytes or more
  meta     BLOB    NOT NULL,
  local    BLOB    NOT NULL
) WITHOUT ROWID;

CREATE INDEX entries_by_sequence ON entries (rank, sequence, state, size);
CREATE INDEX entries_of_nobody ON entries (key) WHERE source = 0;
-- Who has a content, and who had it: for what was moved or copied.
CREATE INDEX entries_by_content ON entries (content, sequence) WHERE size >= 4096;
CREATE INDEX entries_by_was ON entries (was, sequence) WHERE was <> x'';

-- version 0 is what the entry has now, 1 the last one before it that all peers had acknowledged.
CREATE TABLE chunks (
  key     BLOB    NOT NULL,
  version INTEGER NOT NULL,
  content BLOB    NOT NULL,
  list    BLOB    NOT NULL,
  PRIMARY KEY (key, version)
) WITHOUT ROWID;

-- With a rowid, so that the key alone tells whether there is one without reading what it says.
CREATE TABLE signatures (
  chunk     BLOB    NOT NULL PRIMARY KEY,
  used      INTEGER NOT NULL,
  size      INTEGER NOT NULL,
  signature BLOB    NOT NULL
);

CREATE INDEX signatures_by_use ON signatures (used, size);

-- side 0: what a peer has acknowledged of this index; 1: what this site has applied of an origin.
CREATE TABLE positions (
  side     INTEGER NOT NULL,
  site     TEXT    NOT NULL,
  index_id INTEGER NOT NULL,
  epoch    INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  sum      BLOB    NOT NULL,
  PRIMARY KEY (side, site)
) WITHOUT ROWID;

CREATE TABLE partials (
  key     BLOB    NOT NULL,
  content BLOB    NOT NULL,
  staged  BLOB    NOT NULL,
  ranges  BLOB    NOT NULL,
  bytes   INTEGER NOT NULL,
  PRIMARY KEY (key, content)
) WITHOUT ROWID;

CREATE TABLE staging (
  path BLOB NOT NULL PRIMARY KEY
) WITHOUT ROWID;

CREATE TABLE journal (
  number INTEGER PRIMARY KEY,
  key    BLOB    NOT NULL,
  staged BLOB    NOT NULL,
  op     INTEGER NOT NULL
);

CREATE TABLE failures (
  key      BLOB    NOT NULL PRIMARY KEY,
  reason   TEXT    NOT NULL,
  since_ns INTEGER NOT NULL,
  tries    INTEGER NOT NULL
) WITHOUT ROWID;
