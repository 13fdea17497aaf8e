package webmail

import (
	"time"

	"schulhof/smtpd/queue"
)

// Every limit of the room, with its source.
const (
	// Sessions. NIST SP 800-63B §5.2 (AAL1) allows 30 days; machines in schools are shared.
	sessionIdle    = 12 * time.Hour
	sessionLife    = 7 * 24 * time.Hour
	seenStep       = 5 * time.Minute // the last use is written at most this often
	maxSessions    = 20              // of one account; the oldest end
	tokenBytes     = 32              // of randomness
	cookieName     = "schulhof"
	hostPrefix     = "__Host-" // RFC 6265bis §4.1.3.2: only this host, only over TLS
	maxCookie      = 64        // bytes of its value
	maxSmallBody   = 8 << 10   // bytes of a form without a message
	maxUndoSeconds = int(queue.MaxUndo / time.Second)
	maxLanguages   = 200 // bytes of Accept-Language that are read
)
