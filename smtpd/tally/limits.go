package tally

import "time"

// Every limit of the room.
const (
	saveEvery = time.Minute
	sendEvery = time.Hour // looking for days that are over, at some time within it
	maxErrors = 5         // of one round that are told

	daySeconds = 86400
	maxAddress = 254 // bytes of an address that reports are mailed to; RFC 5321 §4.5.3.1.3
	maxDomain  = 253 // bytes of its domain; RFC 1035 §2.3.4
	maxLabel   = 63  // bytes of each label of it
	flushLines = 500 // lines that are saved in one turn of the writer
	lineBytes  = 57  // in one line of base64, which has 76 characters; RFC 2045 §6.8
)
