package spam

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"schulhof/mailbox/message"
	"schulhof/smtpd/authenticate"
)

// Symbol is one reason of a score, by the name that administrators look for.
type Symbol struct {
	Name  string
	Score float64
}

// facts is what the built-in score is made of.
type facts struct {
	message  *Message
	origin   *authenticate.Verdict
	head     head
	listed   int // blocklists that list the client
	now      time.Time
	hostname string
	local    func(domain string) bool
}

// rule is one row of the built-in score.
type rule struct {
	name  string
	score float64
	holds func(*facts) bool
}

// rules are the built-in score: docs/decisions/0043-built-in-spam-score.md says where the weights come from. What the DNS had no answer to
// counts as nothing, and so does a signature that fails (RFC 6376 §6.1): lists break them.
var rules = []rule{ //nolint:gochecknoglobals // a constant table
	{"SPF_FAIL", 2, func(f *facts) bool { return f.origin.SPF.Result == authenticate.Fail && !f.believed() }},
	{"SPF_SOFTFAIL", 1, func(f *facts) bool { return f.origin.SPF.Result == authenticate.SoftFail && !f.believed() }},
	{"NO_ORIGIN", 1, (*facts).noOrigin},
	{"DMARC_FAIL", 0.5, func(f *facts) bool { return f.origin.DMARC.Result == authenticate.Fail && !f.believed() }},
	{"DMARC_PASS", -0.5, func(f *facts) bool { return f.origin.DMARC.Result == authenticate.Pass }},
	{"TRUSTED_SEAL", -1, func(f *facts) bool { return f.origin.DMARC.Sealed }},
	{"NO_REVERSE", 1.5, func(f *facts) bool {
		return f.origin.IPRev.Result == authenticate.PermError && public(f.message.Client)
	}},
	{"REVERSE_DIFFERS", 1, func(f *facts) bool { return f.origin.IPRev.Result == authenticate.Fail && public(f.message.Client) }},
	{"HELO_NO_NAME", 1.5, func(f *facts) bool { return !isHostName(f.message.Hello) }},
	{"HELO_OURS", 4, (*facts).helloOurs},
	{"FROM_OURS", 3, (*facts).fromOurs},
	{"NAME_IS_ADDRESS", 2.5, (*facts).nameIsAddress},
	{"NO_DATE", 1, func(f *facts) bool { return !f.head.hasDate }},
	{"DATE_WRONG", 1.5, (*facts).dateWrong},
	{"NO_MESSAGE_ID", 1, func(f *facts) bool { return !f.head.hasID }},
	{"LISTED", 4.5, func(f *facts) bool { return f.listed > 0 }},
	{"LISTED_AGAIN", 2, func(f *facts) bool { return f.listed > 1 }},
}

// score looks up every rule.
func (f *facts) score() (list []Symbol, sum float64) {
	for i := range rules {
		if r := &rules[i]; r.holds(f) {
			list = append(list, Symbol{r.name, r.score})
			sum += r.score
		}
	}
	return list, sum
}

// heaviest sorts by what weighs most.
func heaviest(list []Symbol) []Symbol {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b Symbol) int { return cmp.Compare(b.Score, a.Score) })
	return list
}

// believed reports that the author's domain answers for the message in another way.
func (f *facts) believed() bool {
	return f.origin.DMARC.Result == authenticate.Pass || f.origin.DMARC.Sealed
}

// noOrigin: neither SPF nor a signature speaks for anybody, and that is certain.
func (f *facts) noOrigin() bool {
	if f.origin.SPF.Result == authenticate.Pass || f.origin.SPF.Result == authenticate.TempError || f.believed() {
		return false
	}
	for _, d := range f.origin.DKIM {
		if d.Result == authenticate.Pass || d.Result == authenticate.TempError {
			return false
		}
	}
	return true
}

// helloOurs: somebody else says our name.
func (f *facts) helloOurs() bool {
	hello := strings.TrimSuffix(f.message.Hello, ".")
	return !f.message.Client.IsLoopback() && (strings.EqualFold(hello, f.hostname) || f.local(hello))
}

// fromOurs: From has an address of ours, though our own people log in, and nothing of ours speaks for it. Where the DNS had no answer on a
// name of ours, something might; whoever writes in our name chooses the others.
func (f *facts) fromOurs() bool {
	if f.believed() || !slices.ContainsFunc(f.head.from, func(a message.Address) bool { return f.local(a.Domain) }) {
		return false
	}
	speaks := func(r authenticate.Result, domain string) bool {
		return (r == authenticate.Pass || r == authenticate.TempError) && f.local(domain)
	}
	return !speaks(f.origin.SPF.Result, f.origin.SPF.Domain) &&
		!slices.ContainsFunc(f.origin.DKIM, func(d authenticate.DKIM) bool { return speaks(d.Result, d.Domain) })
}

// nameIsAddress: the name that people see is the address of somebody else.
func (f *facts) nameIsAddress() bool {
	for _, a := range f.head.from {
		_, shown, ok := message.CutAddress(a.Name)
		if !ok {
			continue
		}
		shown = strings.ToLower(strings.TrimRight(firstWord(shown), `.,;:'")>]`))
		if isHostName(shown) && !authenticate.SameOrganization(shown, strings.ToLower(a.Domain)) {
			return true
		}
	}
	return false
}

// dateWrong: the Date field cannot be read, lies ahead, or is from long ago.
func (f *facts) dateWrong() bool {
	if !f.head.hasDate {
		return false
	}
	d := f.head.date
	return d.IsZero() || d.Sub(f.now) > dateLate || f.now.Sub(d) > dateEarly
}

// public reports an address of the internet: others have no names in the DNS that mean anything to us.
func public(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !a.IsPrivate()
}

// isHostName reports whether s is the full name of a host: neither an address nor one word. RFC 5321 §4.1.1.1 lets a client without a
// name say its address, but whoever brings mail has a name.
func isHostName(s string) bool {
	s = strings.TrimSuffix(s, ".")
	if !strings.Contains(s, ".") || strings.ContainsAny(s, "[]: ") {
		return false
	}
	_, err := netip.ParseAddr(s)
	return err != nil
}

func firstWord(s string) string {
	if i := strings.IndexAny(s, " \t"); i >= 0 {
		return s[:i]
	}
	return s
}
