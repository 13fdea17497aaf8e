package srs

import "time"

const (
	// life is how long an address leads back: a message is tried for five days, at each server on its way.
	life = 14 * 24 * time.Hour

	maxLocal   = 64   // octets before the @; RFC 5321 §4.5.3.1.1
	hashLength = 8    // characters of the hash: 40 bits
	dayLength  = 2    // characters of the day
	days       = 1024 // after which they come again
	minKey     = 16   // bytes
)
