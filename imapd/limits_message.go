package imapd

// Limits of the commands that read and write messages.
const (
	// fetchPage is how many messages one read of the database gives; their answers are sent before the next one.
	fetchPage = 500
	// maxFetchItems bounds the items of one FETCH; each is answered for each message.
	maxFetchItems = 1000
	// maxSectionDepth bounds the numbers of a section; parts are indexed to a depth of 20.
	maxSectionDepth = 100
	// maxParts bounds a part's number; a message has at most 1,000 indexed parts.
	maxParts = 1 << 20
	// maxWholeBody is the largest message that is read whole; larger ones are read in ranges.
	maxWholeBody = 256 << 10
	// maxFilteredHeader bounds the header from which HEADER.FIELDS selects.
	maxFilteredHeader = 1 << 20
	// maxPooledBody is the largest memory for bodies that is kept for the next FETCH.
	maxPooledBody = 512 << 10
	// streamChunk is how much of a large message is in memory at once.
	streamChunk = 64 << 10
	// maxSearchDepth bounds nested search keys.
	maxSearchDepth = 50
	// maxSearchKeys bounds the keys of one search; each is tried on each message.
	maxSearchKeys = 1000
	// maxMetadataEntries bounds the entries of one GETMETADATA or SETMETADATA.
	maxMetadataEntries = 100
	// maxSortKeys bounds the criteria of SORT; there are seven, each in two directions.
	maxSortKeys = 14
	// maxPreparing bounds the messages of one MULTIAPPEND that are made durable at once; each is in memory up to 256 KiB.
	maxPreparing = 16
	// maxMultiAppend bounds the messages of one APPEND; they become visible in one commit.
	maxMultiAppend = 1000
	// chunkBytes is about how much one goroutine answers at once of a FETCH of many bodies.
	chunkBytes = 64 << 10
	// minChunks is from how many chunks on a page is worth several goroutines.
	minChunks = 3
	// maxHelpers bounds the goroutines of one FETCH; writing to the client is one after the other anyway.
	maxHelpers = 4
)
