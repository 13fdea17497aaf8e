package mailbox

import "time"

// Limits of the mail domain. Each is answered with the fault kind named here; the doors translate it.
const (
	// DefaultMaxSize bounds one message (fault.TooLarge). Postfix's default is 10 MiB, large providers have 25 to 50.
	DefaultMaxSize = 50 << 20
	// DefaultMaxBoxes bounds the mailboxes of one owner (fault.Limit); clients list them all at each start.
	DefaultMaxBoxes = 5000
	// DefaultViewMemory bounds the views of mailboxes that nobody has open; 256 MiB hold about six million messages.
	DefaultViewMemory = 256 << 20

	// MaxNameBytes bounds a mailbox name (fault.Invalid); file systems and other servers have 255 per level.
	MaxNameBytes = 1000
	// MaxLevelBytes bounds one level of a name (fault.Invalid).
	MaxLevelBytes = 255
	// MaxNameLevels bounds the depth (fault.Invalid).
	MaxNameLevels = 32
	// MaxKeywordBytes bounds a keyword (fault.Invalid).
	MaxKeywordBytes = 255
	// MaxSubscriptions bounds subscribed names, which may outlive their mailboxes (fault.Limit).
	MaxSubscriptions = 2 * DefaultMaxBoxes

	// MaxGrants bounds the rights that one owner grants, on all mailboxes together (fault.Limit); all are kept in memory.
	MaxGrants = 2000

	// MaxMetadata bounds the entries that count for one owner: their private ones, and the shared ones of their mailboxes.
	MaxMetadata = 1000
	// MaxMetadataValue bounds one value in bytes; RFC 5464 §4.3 asks for 1,024 at least in its examples.
	MaxMetadataValue = 8 << 10
	// MaxMetadataName bounds an entry's name in bytes.
	MaxMetadataName = 255
	// maxMetadataLog is how many changes are remembered for sessions that have not been told yet.
	maxMetadataLog = 1024

	// maxKnownBoxes bounds the mailboxes whose names are remembered; when there are more, all are forgotten and asked for anew.
	maxKnownBoxes = 50_000

	// maxUID is the last UID that RFC 9051 §9 can express (fault.Limit).
	maxUID = 1<<32 - 1
	// pageSize is how many messages share a page of a view, and so how many a change of one message copies.
	pageSize = 512
	// expungeRuns is how many runs of expunged UIDs a mailbox remembers before it forgets the older half.
	expungeRuns = 4096
	// contentGrace is how long a content outlives its last message: sessions that have not yet been told may still read it.
	contentGrace = time.Hour
	// dedupeWindow is how long a delivery whose answer was lost is recognised.
	dedupeWindow = 10 * time.Minute
	// sliceRows is how many rows one transaction of background work touches.
	sliceRows = 1000
	// maxLessons is how many messages of one transfer are noted as lessons.
	maxLessons = 100
	// janitorEvery is how often background work looks for something to do without being called.
	janitorEvery = time.Minute
	// maxReferences is how many message ids of one message are looked up for its thread: the nearest ones.
	maxReferences = 32
)

// Limits of searching.
const (
	// maxSearchDepth bounds how deep a search may be nested (fault.Limit).
	maxSearchDepth = 50
	// maxSearchHead and maxSearchBody are how much folded text of one message is kept in search.db, in bytes; what lies beyond in the
	// body is looked for in the message itself. A header has at most message.MaxHeader bytes, which folding can make longer.
	maxSearchHead = 1 << 20
	maxSearchBody = 1 << 20
	// maxMainBytes bounds the header lines that are kept in memory for one message.
	maxMainBytes = 2 << 10
	// maxTermTrigrams bounds how much of a long term is used to filter; all of it is compared.
	maxTermTrigrams = 64
	// foldPiece is how much text is folded at once.
	foldPiece = 32 << 10
	// smallBody is how large a body is read at once instead of by pieces.
	smallBody = 256 << 10
	// searchChunk is how many messages of a mailbox a search looks at between two looks at its time limit.
	searchChunk = 2048
	// searchList is how many contents one statement of search.db asks for; searchConns how many connections it has.
	searchList  = 128
	searchConns = 4
	// searchReaders is how many goroutines of one search read texts at once, searchPart how many texts one should have at least.
	searchReaders = searchConns
	searchPart    = 128
	// outlineCacheBytes bounds the entries of search.db kept in memory: about 50,000 messages.
	outlineCacheBytes = 64 << 20
	// textCacheBytes bounds the texts that are kept in memory while people search, textCacheIdle for how long after the last search.
	textCacheBytes = 64 << 20
	textCacheIdle  = 5 * time.Minute
	// indexBatch and indexBatchBytes bound what the indexer writes in one transaction.
	indexBatch      = 64
	indexBatchBytes = 8 << 20
	// indexPause is how long the indexer rests after each batch, as a multiple of the time that the batch took; indexPauseBusy when the store has
	// made indexBusy commits since the last.
	indexPause     = 1
	indexPauseBusy = 9
	indexBusy      = 8
	// indexDelay lets mail that comes together be indexed together; indexRetry follows an error; gone contents are removed at indexSweepEvery.
	indexDelay      = 200 * time.Millisecond
	indexRetry      = 10 * time.Second
	indexSweepEvery = time.Hour
)
