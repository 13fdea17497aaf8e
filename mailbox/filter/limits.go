package filter

import "time"

// Limits of people's filters.
const (
	// MaxScripts bounds the scripts of one owner (fault.Limit).
	MaxScripts = 32
	// MaxBytes bounds them together (fault.OverQuota); one has at most sieve.MaxScript.
	MaxBytes = 4 << 20
	// MaxNameBytes bounds a script's name (fault.Invalid). RFC 5804 §1.6 asks for 512 octets.
	MaxNameBytes = 512
	// DefaultRedirects is how many messages an owner's scripts may send on in a day, DefaultAnswers how many they may answer.
	DefaultRedirects = 100
	DefaultAnswers   = 200

	maxDepth     = 10                  // scripts that one message reaches by redirects, one behind the other
	maxSent      = 50                  // redirects and answers that one message leads to in all
	cacheScripts = 5000                // checked scripts kept in memory
	cacheBytes   = 32 << 20            // their texts
	toldFor      = 30 * 24 * time.Hour // then the owner hears of a fault again
	maxMemory    = 10_000              // things remembered for one owner; the first to expire go first
	sweepEvery   = time.Hour
	maxAddresses = 200       // addresses of one message that vacation compares with the owner's
	answerBytes  = 256 << 10 // of an answer's text
)
