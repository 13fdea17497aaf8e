package store

import "time"

const (
	// SmallBlob is the size up to which a blob or a spool is held in memory whole. Source: the design of the store.
	SmallBlob = 256 << 10

	// spoolStep is how many bytes of a large body are read, hashed and written at a time, and spoolSteps how many such pieces one body may have
	// in memory. Measured at 1 GiB: 64 KiB and 1 MiB are a tenth to a fifth slower, half and twice the size are not; four pieces are 7 % slower.
	spoolStep  = 256 << 10
	spoolSteps = 8

	// DefaultGrace is how long an unreferenced blob stays. Source: the design of the store.
	DefaultGrace = 24 * time.Hour

	// DefaultCompact is how often Compact runs by itself. A round that finds nothing costs one scan of the table of blobs.
	DefaultCompact = time.Hour

	// DefaultFreeFloor is the free disk space in bytes below which Put refuses, so that the database can still
	// record reads, deletions and its own upkeep. A choice: some 60 commits of the largest transactions seen in tests.
	DefaultFreeFloor = 64 << 20

	// freeSpaceEvery is how often the file system is asked for its free space.
	freeSpaceEvery = 100 * time.Millisecond

	// retireDelay is how long a pack without live blobs stays, for readers that learned a Location before.
	// Twice the longest time a command is given to answer.
	retireDelay = 10 * time.Minute

	// compactSlice is how many rows one transaction of compaction touches; compactAtOnce how many blobs it copies at once
	// (8 MiB each at most), so that they share an fsync.
	compactSlice  = 500
	compactAtOnce = 4

	// referencesAtOnce is how many blobs one statement refers to: five parameters each, and few texts to keep prepared.
	referencesAtOnce = 32

	// hashFilterBits is how many bits of the filter of known hashes a blob gets, hashFilterSpare for how many blobs there is room beyond those of
	// the start, hashFilterMost the bytes that it may take, and hashFilterPage how many rows one snapshot reads for it.
	hashFilterBits  = 16
	hashFilterSpare = 500_000
	hashFilterMost  = 64 << 20
	hashFilterPage  = 5000

	// groupJobs and groupTime bound one group commit, so that the first closure of a group does not wait for long.
	groupJobs = 256
	groupTime = 20 * time.Millisecond

	// bulkStarved is how many groups in a row may pass a waiting WriteBulk.
	bulkStarved = 8

	// queueLength is how many closures wait without blocking their callers in the queue itself.
	queueLength = 1024

	// serializationTries is how often a group runs again after PostgreSQL's serialization failures.
	serializationTries = 10

	// readConns is how many snapshots can be open at once: reads are short, so a few per core do.
	readConns = 8

	// cachedStatements is how many prepared statements a connection keeps.
	cachedStatements = 512

	// writerCacheKiB and readerCacheKiB are SQLite's page caches per connection.
	writerCacheKiB = 32 << 10
	readerCacheKiB = 8 << 10

	// The checkpointer works after checkpointEvery, or when the log has grown by walPassive bytes, or checkpointIdle after
	// the last commit. Above walRestart the writer itself starts the log anew, and waits restartPatience for readers.
	checkpointEvery = time.Second
	checkpointIdle  = 2 * time.Second
	checkpointLook  = 50 * time.Millisecond // between two looks at the log's size
	walPassive      = 8 << 20
	walRestart      = 64 << 20
	restartPatience = 200 * time.Millisecond

	// minSQLite is the first SQLite without the WAL-reset bug. https://sqlite.org/releaselog/3_51_3.html
	minSQLite = 3051003

	// advisoryLock is the key of the lock on a PostgreSQL database: "schulhof" in ASCII.
	advisoryLock int64 = 0x736368756c686f66
	unlockWait         = 2 * time.Second // for a server that does not answer

	// spoolPrefix is the prefix of files in tmp/.
	spoolPrefix = "spool-"
)
