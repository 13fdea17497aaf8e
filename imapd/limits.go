package imapd

import "time"

// Limits of the protocol engine. What bounds a client before its login is small: anyone can connect.
const (
	// maxLineBefore bounds a command before login with its literals: a long login and password fit.
	maxLineBefore = 8 << 10
	// lineTimeBefore bounds the time from the first byte of a command to its last, before login.
	lineTimeBefore = 30 * time.Second
	// loginTime bounds the time until login; RFC 9051 §5.4 leaves it to the server.
	loginTime = 3 * time.Minute
	// maxLine bounds a command after login, without its literals. RFC 7162 §4 asks for 8,192 at least; clients send long sets.
	maxLine = 64 << 10
	// maxLiterals bounds the literals of one command that are kept in memory (names, search texts; not messages).
	maxLiterals = 64 << 10
	// maxSwallow bounds what is read and dropped of a refused non-synchronising literal; beyond it the connection ends (RFC 7888 §4).
	maxSwallow = 64 << 20
	// idleTime ends a connection that says nothing. RFC 9051 §5.4 and RFC 2177: at least 30 minutes.
	idleTime = 31 * time.Minute
	// stallTime bounds each wait for the rest of a command that has begun.
	stallTime = 5 * time.Minute
	// writeTime bounds each write to a client that does not read.
	writeTime = 5 * time.Minute
	// handshakeTime bounds a TLS handshake.
	handshakeTime = 30 * time.Second

	// maxSetRanges bounds the ranges of a sequence set.
	maxSetRanges = 10000
	// maxDepth bounds nested parentheses.
	maxDepth = 50
	// maxListPatterns bounds the patterns of one LIST; each is matched against every name.
	maxListPatterns = 100
	// maxListPattern bounds a pattern in bytes; matching takes its length times that of the names, 64 bytes at once.
	maxListPattern = 1000
	// maxListBytes bounds all patterns of one LIST together, each with the reference.
	maxListBytes = 8 << 10
	// maxEventGroups bounds the groups of one NOTIFY; each is tried on each mailbox.
	maxEventGroups = 32
	// maxWatchedNames bounds the names in one NOTIFY.
	maxWatchedNames = 1000
	// maxWatched bounds the mailboxes that one session's NOTIFY is about; each costs about a hundred bytes as long as the session lasts.
	maxWatched = 1000
	// maxNews bounds the new messages that NOTIFY fetches at once; who imports a mailbox shall not make every session read it.
	maxNews = 1000
	// maxTag bounds a tag in bytes.
	maxTag = 255
	// maxIDFields bounds ID (RFC 2971 §3.3).
	maxIDFields = 30

	// maxBadCommands is how many commands in a row may be wrong before the connection ends.
	maxBadCommands = 20
	// maxBadBefore is the same before login.
	maxBadBefore = 5
	// maxLoginTries is how many logins one connection may try.
	maxLoginTries = 5
	// maxConnections bounds the connections of one account from elsewhere than loopback: phones and mail programs use up to ten.
	maxConnections = 20
	// drainTime is how long a stopping server lets commands finish before it cuts connections.
	drainTime = 5 * time.Second

	// smallRead is the read buffer of a connection that waits.
	smallRead = 512
	// largeRead is the read buffer of one that is busy.
	largeRead = 16 << 10
	// flushAt is when the encoder writes to the network though the command goes on.
	flushAt = 32 << 10
	// keepBuffer is the largest buffer that goes back to the pool.
	keepBuffer = 128 << 10
)
