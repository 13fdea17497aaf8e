package sieve

import "time"

// Limits of a script's text. What exceeds them is refused when the script is checked.
const (
	MaxScript   = 1 << 20 // bytes
	maxString   = 256 << 10
	maxDepth    = 32     // blocks in blocks, tests in tests; RFC 5228 §2.10.5 and §2.10.6 ask for 15
	maxNodes    = 50_000 // commands and tests of one script
	maxList     = 10_000 // strings of one list
	maxErrors   = 20     // reported at once
	maxName     = 64     // characters of a variable's name; RFC 5229 §3 asks for 32
	maxHandle   = 512    // bytes of :handle and of what :uniqueid or :header yields
	maxPattern  = 2000   // bytes of a regular expression
	maxProgram  = 2000   // instructions that it may become
	maxIncludes = 10     // scripts within scripts; RFC 6609 §3.2 asks for 3
)

// Limits of one run. What exceeds them ends the script, and the message is kept.
const (
	MaxSteps     = 50_000 // commands, tests, comparisons, and pieces of text that they look at
	MaxRedirects = 5
	maxActions   = 32
	maxIncluded  = 64       // scripts that one run takes in
	maxVariables = 512      // RFC 5229 §3 asks for 128
	maxValue     = 16 << 10 // bytes of a variable; RFC 5229 §3 asks for 4,000. Longer values are cut
	maxMatches   = 32       // ${0} to ${31}; RFC 5229 §3.2 asks for ten
	maxFlags     = 64       // in one variable
	maxEdits     = 64       // header fields added
	maxField     = 4 << 10  // bytes of one of them
	maxBodyText  = 8 << 20  // decoded bytes of a body that a test looks at

	stepText  = 4 << 10 // bytes of a simple comparison that cost one more step
	stepGlob  = 256     // tries of a pattern with wildcards, likewise
	stepRegex = 1 << 10 // bytes times instructions of a regular expression, likewise: about 10 µs
)

// Times of RFC 5230 §4.1, RFC 6131 §2 and RFC 7352 §3.
const (
	DefaultVacation  = 7 * 24 * time.Hour
	MinVacation      = 24 * time.Hour // with :days; :seconds allows less
	MaxVacation      = 365 * 24 * time.Hour
	DefaultDuplicate = 7 * 24 * time.Hour
	MaxDuplicate     = 30 * 24 * time.Hour
)
