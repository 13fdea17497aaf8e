package smtpd

import "time"

// Every limit of the room, with its source.
const (
	// DefaultMaxSize is how large a message may be unless Options says otherwise, bytes.
	DefaultMaxSize = 50 << 20

	maxCommandLine = 8 << 10   // bytes with CRLF; RFC 5321 §4.5.3.1.4 asks for 512, extensions and AUTH need more
	maxHeader      = 256 << 10 // bytes of a message's header, as in mailbox/message
	maxHops        = 30        // Received fields before we call it a loop; RFC 5321 §6.3
	maxFromBytes   = 64 << 10  // bytes of an address header that submission reads
	maxHello       = 255       // bytes of the HELO argument; RFC 5321 §4.5.3.1.2
	maxLocalPart   = 64 * 4    // RFC 5321 §4.5.3.1.1 says 64 octets; UTF-8 names take up to four each
	maxDomain      = 255       // RFC 5321 §4.5.3.1.2
	maxPath        = 1024      // RFC 5321 §4.5.3.1.3 says 256; source routes and UTF-8 make it longer
	maxEnvID       = 100       // RFC 3461 §4.4, decoded
	maxORCPT       = 500       // RFC 3461 §4.2

	maxRecipients = 1000        // RCPT per transaction; RFC 5321 §4.5.3.1.8 asks for at least 100
	maxExpanded   = 50000       // mailboxes that these recipients may expand to
	undoWorth     = time.Minute // how long a message may wait so that what stands against it now will stand against it then

	// Budgets of one connection. They do not apply to loopback and allowlisted networks:
	// a whole school sits behind one address.
	maxAuthFailures  = 3
	maxRejectedRcpts = 20
	maxMessages      = 50
	maxBadCommands   = 10

	// Budgets of one address (an IPv6 /64 counts as one), likewise.
	maxConnectionsPerPeer = 20
	maxUnknownPerHour     = 100
	unknownWindow         = time.Hour
	maxPeers              = 100_000 // addresses remembered at once

	// ManageSieve: what a command may have. RFC 5804 §4; before the login no script is taken.
	maxSieveClear     = 8 << 10 // bytes of literals besides a script
	maxSieveQuoted    = 1024    // bytes of a quoted string
	maxSieveArguments = 8

	maxConnections = 1000 // of one server, all doors together

	idleTimeout  = 5 * time.Minute  // waiting for a command; RFC 5321 §4.5.3.2.7
	lineTimeout  = 30 * time.Second // from a command line's first byte to its end
	loginTimeout = 3 * time.Minute  // submission: from the greeting to a successful AUTH
	tlsTimeout   = 30 * time.Second // a handshake
	writeTimeout = time.Minute      // a reply that the peer does not read
	dataTimeout  = 5 * time.Minute  // one read inside DATA; RFC 5321 §4.5.3.2.5 asks for 3 minutes
	dataGrace    = time.Minute      // DATA may be slow for so long,
	dataRate     = 1 << 10          // then needs this many bytes per second on average,
	dataTotal    = 2 * time.Hour    // and ends after this in any case
	drainGrace   = 7 * time.Second  // a message under way when the server stops; SIGTERM has 10 s
	linger       = time.Second      // reading on after an early close, so that our last reply is not lost to a reset
	lingerBytes  = 4 << 20

	readBuffer = 32 << 10 // bytes read at once

	partialWindow = 6 * 24 * time.Hour // how long a peer may retry what failed for some recipients only; RFC 5321 §4.5.4.1 says 4-5 days
	maxPartial    = 10_000             // such transactions remembered
)
