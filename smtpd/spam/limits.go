package spam

import "time"

// Every limit of the room, with its source.
const (
	checkTimeout = 20 * time.Second // all that is asked about one message, authentication included

	// The thresholds unless Options say otherwise: those that rspamd comes with.
	defaultJunk     = 6
	defaultReject   = 15
	defaultGreylist = 4

	maxHeader   = 256 << 10 // bytes of a header that are looked at, as in mailbox/message
	maxLists    = 8         // blocklists that are asked
	maxReasons  = 6         // symbols that a refusal names
	maxSymbols  = 40        // symbols that the field names
	dateLate    = 24 * time.Hour
	dateEarly   = 14 * 24 * time.Hour // mail waits in a queue for five days, and in a moderator's list
	maxFromText = 64 << 10            // bytes of a From field

	// Other programs.
	scanTimeout     = 15 * time.Second // within the time for all
	clamdPiece      = 64 << 10         // bytes that are sent at once
	maxClamd        = 25 << 20         // bytes that clamd takes unless its StreamMaxLength says otherwise; clamd.conf(5)
	maxClamdAnswer  = 4 << 10
	maxVirusName    = 100
	maxRspamdAnswer = 1 << 20
	rspamdIdle      = 16 // connections that wait for the next message
	maxSymbolName   = 64

	// Greylisting. Postgrey's figures: five minutes, two days, 35 days.
	defaultGreylistDelay = 5 * time.Minute
	greylistWindow       = 2 * 24 * time.Hour
	knownFor             = 35 * 24 * time.Hour
	maxWaiting           = 100_000 // rows of messages that were asked to come again
	maxWaitingPerNetwork = 100
	maxKnown             = 200_000 // networks
	knownAtOnce          = 200     // networks that one statement writes
	flushEvery           = time.Minute

	// What people teach.
	minTaught         = 10        // messages of each kind before it counts
	maxTokens         = 500       // different words of one message
	minWordBytes      = 3         // of a word; shorter ones say nothing
	maxWordBytes      = 32        // of a word; longer ones are no words
	maxTokenText      = 128 << 10 // bytes of a message's text that are looked at, header included
	maxTokenLine      = 4 << 10   // bytes of a header line
	tokensAtOnce      = 100       // that one statement reads or writes
	minStrength       = 0.1       // how far from a half a word's probability is at least
	maxTelling        = 150       // words that count, those that say most
	leastProbability  = 0.005     // no word alone decides
	maxSorted         = 100       // people of one message who are asked what they taught
	maxPersonTokens   = 30_000    // of one person: about 2 MB
	maxPersonMessages = 2000      // which were learned, of one person
	pruneEvery        = 25        // lessons
	lessonsAtOnce     = 50
	trainRetry        = 10 * time.Second
	sweepEvery        = time.Hour
)
