package lists

import "time"

// Every limit of the room.
const (
	// HoldFor is how long a held message waits for a decision.
	HoldFor = 7 * 24 * time.Hour
	// KeepDecided is how long it is known what was decided, so that a late answer learns it.
	KeepDecided = 30 * 24 * time.Hour
	// MaxHeld is how many messages may wait for one group, or of one account; more are refused.
	MaxHeld = 200

	maxHead       = 512 << 10 // bytes of a header with our fields, as smtpd lets it in
	maxReport     = 256 << 10 // bytes of a returned message that are looked at
	maxAnswer     = 64 << 10  // bytes of an answer's text that are looked at
	maxShown      = 200       // characters of From and Subject that are kept for people
	maxRecipients = 1000      // of one held message, as smtpd lets in
	tellEvery     = time.Hour // how often administrators are told of one account's limit
	expireAtOnce  = 100       // held messages that one pass takes
)
