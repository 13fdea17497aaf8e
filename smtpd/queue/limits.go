package queue

import "time"

// Every limit of the room, with its source. What administrators set is in Options.
const (
	// Bounds and defaults of Options.
	DefaultLifetime    = 5 * 24 * time.Hour // RFC 5321 §4.5.4.1: at least 4-5 days
	DefaultDelayNotice = 4 * time.Hour
	DefaultConnections = 100
	DefaultPerHost     = 20
	MaxUndo            = 30 * time.Second

	MaxReason = 500 // bytes of why something is held

	maxRecipientsAtOnce = 100  // of one transaction; RFC 5321 §4.5.3.1.8: what every server takes
	maxAddress          = 1024 // bytes, as smtpd reads
	maxPrefix           = 64 << 10
	maxReply            = 500 // bytes of a reply's text that are kept
	maxTell             = 20  // accounts that are told of one held message
	maxWhole            = 200 // submissions of one account that wait as a whole

	// Of one delivery: 3, 6, 12 … minutes, at most 2 hours, each 20 % more or less.
	firstRetry = 3 * time.Minute
	lastRetry  = 2 * time.Hour
	jitter     = 0.2

	// Of a destination that cannot be reached: 1, 2, 4 … minutes, at most 1 hour, likewise.
	firstPause = time.Minute
	lastPause  = time.Hour

	firstWindow  = 5   // connections to a destination that nothing is known of
	barrenLimit  = 20  // deliveries in a row without one that was taken: then the destination pauses
	brokenLimit  = 3   // connections in a row that broke: then, too
	turn         = 100 // deliveries until another destination that waits has its turn
	loadAtOnce   = 64  // deliveries of a destination in memory, those under way not counted
	sweepAtOnce  = 100 // deliveries whose deadline has come, in one pass
	sessionIdle  = 5 * time.Second
	sessionMails = 100 // messages over one connection

	leastTries   = 3                // a message whose lifetime is over was tried so often, or its destination was
	oneMoreTry   = time.Hour        // what it gets otherwise
	stepWorth    = time.Minute      // a difference of the clocks that counts as one that was set
	downWorth    = 10 * time.Minute // a time without a server that does not count towards a lifetime
	maxSleep     = 10 * time.Minute // while something waits: the clock may have been set
	storePause   = time.Second      // after the store did not answer
	longestPause = time.Minute      // between tries to write down what became of a message, while the disk is full
	writeTries   = 5
	drainGrace   = 7 * time.Second // deliveries under way when the server stops; SIGTERM has 10 s
	maxReturned  = 64 << 10        // bytes of a message that a notice returns whole
	maxHeader    = 32 << 10        // bytes of a header that it returns

	// PageSize is how many messages List returns at once.
	PageSize = 500
)
