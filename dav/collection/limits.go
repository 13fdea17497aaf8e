package collection

import "time"

// Limits of the DAV domain. Each is answered with the fault kind named here.
const (
	// MaxNameBytes bounds one name (fault.Invalid): what file systems have.
	MaxNameBytes = 255
	// MaxDepth bounds how deep a tree is, in names (fault.Limit). Longer paths than 4,096 bytes break clients' file systems.
	MaxDepth = 64
	// MaxTree bounds how many entries one COPY makes, or one MOVE between owners changes (fault.Limit): they are one transaction.
	MaxTree = 20_000
	// MaxChildren bounds the members of one collection (fault.Limit).
	MaxChildren = 200_000
	// MaxObjectSize bounds a calendar object or a card (fault.TooLarge, max-resource-size). RFC 4791 §5.2.5.
	MaxObjectSize = 1 << 20
	// DefaultMaxFileSize bounds a file (fault.TooLarge).
	DefaultMaxFileSize = 10 << 30
	// MaxContentType bounds what a client says of a file's type (it is cut off).
	MaxContentType = 255
	// PageSize is how many entries one snapshot reads; callers' limits are cut to it.
	PageSize = 1000
	// DefaultGroupQuota is what a group may keep unless set otherwise.
	DefaultGroupQuota = 5 << 30
	// SyncRetention is how long removed names are remembered: sync tokens are valid for that long at least.
	SyncRetention = 100 * 24 * time.Hour
)
