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
	hostPrefix     = "__Host-"   // RFC 6265bis §4.1.3.2: only this host, only over TLS
	maxCookie      = 64          // bytes of its value
	formTime       = time.Minute // until a form must have come whole
	maxSmallBody   = 8 << 10     // bytes of a form without a message
	maxUndoSeconds = int(queue.MaxUndo / time.Second)

	// Letters. smtpd has its own bounds, which are wider.
	maxLetterBody = 2 << 20 // bytes of the form
	maxRecipients = 500     // of one letter; whole classes and lists are one each
	maxSubject    = 900     // bytes; a header line has 998 (RFC 5322 §2.1.1), encoding makes more of them
	maxName       = 200     // bytes of a recipient's name
	maxToken      = 64      // bytes
	leastLater    = time.Minute
	mostLater     = 366 * 24 * time.Hour // who plans further ahead forgets it
	maxDraft      = 512 << 10            // bytes of a draft that is opened

	// The outbox.
	maxShown   = 100              // messages on the page
	maxHeader  = 64 << 10         // bytes of a message that are read for its subject
	countdown  = 60 * time.Second // a wait that is shown in seconds
	lastDrafts = 20               // among which the newest one is looked for

	maxLanguages = 200 // bytes of Accept-Language that are read
)
