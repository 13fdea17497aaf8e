package remote

import "time"

// Every limit of the room, with its source.
const (
	maxHosts     = 10              // mail servers tried for one message
	maxAddresses = 4               // of each of them, both kinds of address in turn
	maxKnocks    = 2               // of both, when only the way is looked at,
	knockTime    = 2 * time.Second // and how long each address has

	maxReplyLine  = 4 << 10 // bytes; RFC 5321 §4.5.3.1.5 says 512
	maxReplyLines = 128     // of one reply
	maxText       = 500     // bytes of a reply that are kept
	maxCommand    = 2 << 10 // bytes of a command line; RFC 5321 §4.5.3.1.4 with the parameters of RFC 3461
	batch         = 50      // RCPT commands that are sent before their replies are read; RFC 2920 §3.1

	writeBuffer = 32 << 10
	slowRate    = 1 << 10 // bytes per second that a server must take on average, beyond the first minutes

	policyPort        = 443
	maxPolicy         = 64 << 10        // bytes of an MTA-STS policy; RFC 8461 §3.3
	maxPolicyMX       = 100             // patterns in it
	policyTime        = time.Minute     // to fetch it; RFC 8461 §3.3
	policyRetry       = 5 * time.Minute // after it could not be fetched; RFC 8461 §3.3
	maxPolicyLife     = 31557600        // seconds; RFC 8461 §3.2
	policyRecheck     = 24 * time.Hour  // a policy is fetched again after this time even if its id is the same; RFC 8461 §3.3
	maxPolicies       = 10_000          // remembered in memory
	reportDays        = 3               // after which a report is dropped whose addressee cannot be asked for
	maxAddressees     = 5               // of one report
	maxURI            = 500             // bytes of an address that reports are posted to
	maxReport         = 10 << 20        // bytes of a report of others, expanded
	maxReportPolicies = 1000
	maxReportDetails  = 10_000
	maxReportCount    = 1 << 40 // connections in one line of it: sums never run over

	maxTLSA   = 32     // records looked at
	maxCounts = 50_000 // lines of reports that wait in memory
)

// Timeouts are how long each step may take. The defaults are those of RFC 5321 §4.5.3.2.
type Timeouts struct {
	Connect  time.Duration // to one address
	Greeting time.Duration // RFC 5321 §4.5.3.2.1
	TLS      time.Duration // a handshake
	Command  time.Duration // EHLO, MAIL, RCPT: §4.5.3.2.2, §4.5.3.2.3
	Data     time.Duration // the reply to DATA: §4.5.3.2.4
	Block    time.Duration // one piece of the message: §4.5.3.2.5
	Final    time.Duration // the reply to the final dot: §4.5.3.2.6
	Envelope time.Duration // all of MAIL and RCPT together
	Quit     time.Duration // the farewell
}

func (t Timeouts) withDefaults() Timeouts {
	for _, d := range []struct {
		at      *time.Duration
		minutes float64
	}{
		{&t.Connect, 0.5}, {&t.Greeting, 5}, {&t.TLS, 1}, {&t.Command, 5}, {&t.Data, 2}, {&t.Block, 3}, {&t.Final, 10}, {&t.Envelope, 30}, {&t.Quit, 0.05},
	} {
		if *d.at <= 0 {
			*d.at = time.Duration(d.minutes * float64(time.Minute))
		}
	}
	return t
}
