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
	// janitorEvery is how often background work looks for something to do without being called.
	janitorEvery = time.Minute
	// maxReferences is how many message ids of one message are looked up for its thread: the nearest ones.
	maxReferences = 32
)
