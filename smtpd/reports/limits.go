package reports

import "time"

// Every limit of the room. Strangers choose what reports say, and which domains mail claims to come from.
const (
	// DefaultKeep is how long reports of others are kept.
	DefaultKeep = 90 * 24 * time.Hour

	maxExpanded = 10 << 20 // bytes of a report of others, expanded
	maxLines    = 10_000   // lines in it
	maxDetails  = 100      // of them that are kept, the most frequent
	maxKept     = 5_000    // reports
	forgetRows  = 200      // of them that are removed in one turn of the writer
	maxADay     = 500      // reports taken within a day
	maxText     = 200      // bytes of each text that is kept
	maxMessages = 1 << 40  // in one line: sums of them never run over

	giveUp     = 3 // days after which a report is dropped whose addressees cannot be asked for
	daySeconds = 86400

	maxCounts     = 20_000  // lines that wait in memory, and lines of one day in the database
	maxRecords    = 2_000   // lines of one report
	maxAddressees = 5       // of one report
	maxDomains    = 2_000   // reports of one day
	maxSent       = 1 << 20 // bytes of a report, packed
	maxSignatures = 3       // DKIM results of one message that are reported
)
