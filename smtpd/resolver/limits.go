package resolver

import "time"

// Every limit of the room, with its source.
const (
	// DefaultTimeout is how long one server is waited for, unless Options says otherwise.
	DefaultTimeout = 3 * time.Second

	totalTime   = 20 * time.Second // one question with all its servers, rounds and CNAMEs
	rounds      = 2                // over the servers that did not answer at all
	maxServers  = 8
	rereadAfter = 5 * time.Second // how often a change of resolv.conf is looked for

	udpSize     = 1232 // of an answer over UDP, avoids fragments; RFC 9715 §3.2
	maxChain    = 10   // CNAMEs of one question
	maxRecords  = 256  // of one answer
	maxTXT      = 4 << 10
	maxText     = 200 // bytes of a server's explanation that go into an error
	maxPointers = 10  // names of one address; RFC 7208 §5.5 looks at no more

	maxEntries  = 20_000   // answers remembered,
	maxBytes    = 16 << 20 // and their size on the wire
	maxTTL      = 24 * time.Hour
	maxNegative = time.Hour // RFC 2308 §5 says 1 to 3 hours
)
