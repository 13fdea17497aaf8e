package directory

import "time"

// Limits of addresses. RFC 5321 §4.5.3.1 counts octets.
const (
	MaxLocalPart = 64  // octets before the @, RFC 5321 §4.5.3.1.1
	MaxDomain    = 255 // octets after the @, RFC 5321 §4.5.3.1.2
	MaxAddress   = 512 // octets of an address as it arrives, quoting included
	MaxNameBytes = 200 // octets of a display name or title: one header line
	MaxTargets   = 500 // targets of one alias
	MaxMembers   = 20000
	// MaxExpansion is how many recipients one address may lead to: a school's largest "all" group and some room.
	MaxExpansion = 20000
)

// Limits of secrets. The lower bound is NIST SP 800-63B's; the upper one keeps the work per try bounded.
const (
	MinPassword     = 8    // characters
	MaxPassword     = 128  // characters
	MaxSecretBytes  = 1024 // octets of what a client offers; longer is wrong without looking
	MaxLoginBytes   = 512  // octets of a login that a client offers
	MaxAppPasswords = 50   // per account
	MaxAppName      = 100  // octets
)

// Bounds on parameters of hashes that were imported, so that a hostile export cannot make a login cost minutes.
const (
	maxArgonMemoryKiB = 256 << 10
	maxArgonTime      = 16
	maxArgonThreads   = 16
	maxBcryptCost     = 14
	maxCryptRounds    = 1_000_000
	maxHashBytes      = 512
)

// The hash gate: as many at once as there are cores and 64 MiB pieces of memory.
const (
	hashWait       = 3 * time.Second // then fault.Throttled
	maxHashWaiters = 512             // in all queues; more are throttled at once
	memoryPerHash  = 64 << 20
)

// The credential caches.
const (
	cacheEntries  = 20000
	cacheIdle     = 15 * time.Minute // sliding
	cacheAge      = 8 * time.Hour    // at most, however often used
	refusedCount  = 10000
	refusedExpiry = time.Hour
)

// Limits against guessing.
const (
	wrongWindow     = 10 * time.Minute
	wrongPerLogin   = 10 // different wrong passwords per (account, network) in a window, then delays
	delayFirst      = time.Second
	delayMost       = 30 * time.Second
	wrongPerAddress = 30 // different wrong logins per address in a window, then a block
	blockFor        = 15 * time.Minute
	schoolFactor    = 20  // addresses that stand for a whole school
	wrongPerAccount = 100 // per account from all networks in an hour, then only networks known to it
	accountWindow   = time.Hour
	longestDelay    = accountWindow // of all delays and blocks
	limiterEntries  = 50000         // of each kind; the oldest go first
	limiterSave     = 10 * time.Second
	knownNetworks   = 8 // per account
	knownFor        = 90 * 24 * time.Hour
	knownRefresh    = 24 * time.Hour // a network's last use is written at most this often
	usedRefresh     = time.Hour      // an app password's too
)

// Limits of the contact policy.
const (
	MaxRules      = 1000
	maxQuietBytes = 500       // of quiet hours as they are written
	maxPerHour    = 1_000_000 // recipients: more is no limit
)

// Limits of groups as lists.
const (
	MaxExternals = 2000 // members of one group who have no account here
	MaxBounces   = 5    // days in a row on which mail came back, then nothing more is sent
	bounceDay    = 20 * time.Hour
	bounceForget = 7 * 24 * time.Hour
)

// LogRetention is how long the directory can tell what changed: clients' sync tokens of the school's address book are valid for 90 days at
// least.
const LogRetention = 100 * 24 * time.Hour
