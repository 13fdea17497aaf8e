package pack

const (
	// ChunkSize is how much of a large blob is compressed at a time. Source: the design of the store.
	ChunkSize = 256 << 10

	// SingleSize is the size above which a blob gets a pack of its own, uncompressed. Source: the design of the store.
	SingleSize = 8 << 20

	// SealSize is the size from which on a pack takes no more frames. Source: the design of the store.
	SealSize = 256 << 20

	// batchKeep is the largest append buffer that is kept for the next batch.
	batchKeep = 4 << 20

	// batchLimit is how many bytes may wait for one fsync before Append waits for room.
	batchLimit = 32 << 20

	// chunkedAtOnce bounds how many blobs between 256 KiB and 8 MiB are in memory at once (8 MiB each).
	chunkedAtOnce = 4

	// syncEvery is how many new bytes of a draft are worth a sync while more are coming in.
	syncEvery = 32 << 20

	// openFiles is how many packs are kept open for reading. Source: the usual RLIMIT_NOFILE of 1024.
	openFiles = 256

	// writtenAhead is how many zeros are written behind a batch that made the pack longer. Measured: 256 KiB to 4 MiB
	// are equally good.
	writtenAhead = 512 << 10

	// zerosAtOnce is how many of them one write has: it divides writtenAhead, and is small, because each set has them in memory.
	zerosAtOnce = 64 << 10

	// recentSegments segments of recentSegmentSize bytes keep what was written or read lately: 16 MiB, a thirtieth of the memory that a small
	// machine has for the program. Only blobs of at most recentLargest bytes are kept: events, cards, most of the mail. A segment has at most
	// recentSegmentBlobs of them: each takes 100 bytes or more for its place, however small it is.
	recentSegments     = 64
	recentSegmentSize  = 256 << 10
	recentSegmentBlobs = 1024
	recentLargest      = 16 << 10

	// minCompress is the size below which compressing is not tried: a zstd frame has 10 bytes or more of its own.
	minCompress = 96
)
