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
	// MaxMembers bounds the members of one collection (fault.Limit): empty files cost no quota.
	MaxMembers = 100_000
	// MaxCollections bounds the calendars, and the address books, of one home (fault.Limit); clients list them all at each start.
	MaxCollections = 200
	// MaxObjectSize bounds a calendar object or a card (fault.TooLarge, max-resource-size). RFC 4791 §5.2.5.
	MaxObjectSize = 1 << 20
	// DefaultMaxFileSize bounds a file (fault.TooLarge).
	DefaultMaxFileSize = 10 << 30
	// MaxContentType bounds what a client says of a file's type (it is cut off).
	MaxContentType = 255
	// storedMeanwhile is how large a content may be that is stored while it is checked: what turns out to be wrong stays in a pack until that is compacted.
	storedMeanwhile = 16 << 10
	// PageSize is how many entries one snapshot reads; callers' limits are cut to it.
	PageSize = 1000
	// DefaultGroupQuota is what a group may keep unless set otherwise.
	DefaultGroupQuota = 5 << 30
	// maxCards bounds the composed cards of the school directory that are kept in memory, about half a kilobyte each.
	maxCards = 100_000
	// SyncRetention is how long removed names are remembered: sync tokens are valid for that long at least.
	SyncRetention = 100 * 24 * time.Hour
)

// Limits of locks and properties.
const (
	// MaxLockTime bounds a lock's life; clients refresh. A choice: an hour is longer than a pause, shorter than a forgotten laptop.
	MaxLockTime = time.Hour
	// MaxLocks bounds the locks of one person (fault.Limit).
	MaxLocks = 100
	// MaxLockNote bounds the owner element of a lock (fault.TooLarge).
	MaxLockNote = 4 << 10
	// MaxProperties bounds the stored properties of one entry (fault.Limit).
	MaxProperties = 200
	// MaxPropertyName bounds a property's name and its name space, each (fault.TooLarge).
	MaxPropertyName = 255
	// MaxPropertyValue bounds the value of a property (fault.TooLarge): time zones and default alarms are a few KB.
	MaxPropertyValue = 64 << 10
)

// Limits of what is kept beside the present state.
const (
	// MaxVersions bounds the earlier contents of one file; older ones go.
	MaxVersions = 50
	// DefaultKeep is how long earlier contents and deleted things can be restored.
	DefaultKeep = 30 * 24 * time.Hour
	// sliceRows is how many rows one transaction of background work touches.
	sliceRows = 1000
	// janitorEvery is how often background work looks for something to do without being called.
	janitorEvery = time.Minute
)
