package authenticate

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// Who speaks for whom: the same domain, or, unless the record is strict, one of the same organisation. RFC 7489 §3.1.
func TestAligned(t *testing.T) {
	t.Parallel()
	tests := []struct {
		domain, from    string
		relaxed, strict bool
	}{
		{"example.org", "example.org", true, true},
		{"mail.example.org", "example.org", true, false},
		{"example.org", "news.example.org", true, false},
		{"a.example.org", "b.example.org", true, false},
		{"example.org", "example.net", false, false},
		{"notexample.org", "example.org", false, false},
		{"example.org.evil.test", "example.org", false, false},
		{"a.co.uk", "b.co.uk", false, false}, // a public suffix is nobody's organisation
		{"a.school.co.uk", "school.co.uk", true, false},
		{"co.uk", "a.co.uk", false, false},
		{"", "example.org", false, false},
		{"", "", false, false},
	}
	for _, tt := range tests {
		if got := aligned(tt.domain, tt.from, false); got != tt.relaxed {
			t.Errorf("%q for %q: %v, want %v", tt.domain, tt.from, got, tt.relaxed)
		}
		if got := aligned(tt.domain, tt.from, true); got != tt.strict {
			t.Errorf("%q for %q, strict: %v, want %v", tt.domain, tt.from, got, tt.strict)
		}
	}
}

// The matrix of a forged message: the policy asked for, whether the name is the record's own, a subdomain's or one that does not exist, and
// whether the message is among pct percent. RFC 7489 §6.3 and §6.6.4, RFC 9091 §3.
func TestWhatAForgedMessageMeets(t *testing.T) {
	t.Parallel()
	const own, sub, missing = "example.org", "sub.example.org", "no.example.org"
	tests := []struct {
		record, from string
		lucky        bool // not among pct percent
		want         Action
	}{
		{"p=none", own, false, Accept}, {"p=quarantine", own, false, Junk}, {"p=reject", own, false, Reject},
		{"p=none", sub, false, Accept}, {"p=quarantine", sub, false, Junk}, {"p=reject", sub, false, Reject},
		{"p=none; sp=reject", own, false, Accept}, {"p=none; sp=reject", sub, false, Reject}, {"p=reject; sp=none", sub, false, Accept}, {"p=reject; sp=none", own, false, Reject},
		{"p=none; sp=none; np=reject", missing, false, Reject}, {"p=none; sp=none; np=reject", sub, false, Accept}, {"p=reject; np=none", missing, false, Accept},
		{"p=reject; sp=quarantine", missing, false, Junk}, {"p=reject; np=quarantine", own, false, Reject},
		{"p=reject; pct=50", own, false, Reject}, {"p=reject; pct=50", own, true, Junk}, {"p=quarantine; pct=50", own, true, Accept}, {"p=quarantine; pct=50", own, false, Junk},
		{"p=reject; pct=0", own, false, Junk}, {"p=reject; pct=100", own, true, Reject}, {"p=reject; pct=x", own, true, Reject}, {"p=reject; pct=101", own, true, Reject},
		{"P=REJECT", own, false, Reject}, {"p=refuse", own, false, Accept}, {"p=refuse; rua=mailto:a@example.org", own, false, Accept}, {"sp=reject", own, false, Accept},
		{"p=none; p=reject", own, false, Accept}, {" p = reject ; ", own, false, Reject}, {"p=reject;;;x", own, false, Reject},
	}
	for _, tt := range tests {
		z := newZone()
		z.txt["_dmarc.example.org"] = []string{"v=DMARC1; " + tt.record}
		c := newTestChecker(t, z, func(o *Options) {
			if tt.lucky {
				o.Roll = func(n int) int { return n - 1 }
			}
		})
		v := check(t, c, input("192.0.2.99", "x.test", "spammer@x.test", from("head@"+tt.from)))
		if v.Action != tt.want {
			t.Errorf("%q, from %s, lucky %v: %s (%s), want %s", tt.record, tt.from, tt.lucky, v.Action, v.Reason, tt.want)
		}
		if (v.Action == Accept) != (v.Reason == "") {
			t.Errorf("%q, from %s: %s with the reason %q", tt.record, tt.from, v.Action, v.Reason)
		}
	}
}

// Of several authors the one whose domain asks for the most decides, in whatever order they stand. RFC 7489 §6.6.1.
func TestTheStrictestAuthorDecides(t *testing.T) {
	t.Parallel()
	z := newZone()
	z.broken["_dmarc.down.test"] = true
	domains := map[string]Action{"nowhere.test": Accept, "lax.example": Accept, "quarantine.test": Junk, "example.org": Reject, "down.test": Defer}
	rank := map[Action]int{Accept: 0, Defer: 1, Junk: 2, Reject: 3}
	for one, a := range domains {
		for two, b := range domains {
			if one == two {
				continue
			}
			want := a
			if rank[b] > rank[a] {
				want = b
			}
			v := check(t, newTestChecker(t, z), input("192.0.2.99", "x.test", "x@x.test", from(fmt.Sprintf("a@%s, b@%s", one, two))))
			if v.Action != want {
				t.Errorf("from %s and %s: %s (%s), want %s", one, two, v.Action, v.Reason, want)
			}
		}
	}
}

// ReadPolicy is for those who look at their own record: one and only one must be there.
func TestReadPolicy(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		texts []string
		want  Policy
		ok    bool
	}{
		{"none", nil, "", false},
		{"others only", []string{"v=spf1 -all", "v=DMARC2; p=reject"}, "", false},
		{"one", []string{"v=spf1 -all", "v=DMARC1; p=quarantine"}, PolicyQuarantine, true},
		{"with blanks", []string{" v = DMARC1 ; p = reject"}, PolicyReject, true},
		{"one without a policy", []string{"v=DMARC1"}, "", false},
		{"two", []string{"v=DMARC1; p=reject", "v=DMARC1; p=reject"}, PolicyReject, false},
	}
	for _, tt := range tests {
		if got, ok := ReadPolicy(tt.texts); ok != tt.ok || ok && got != tt.want {
			t.Errorf("%s: %q, %v, want %q, %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
}

// SendsFor tells those who publish a record whether it lets their own address send.
func TestSendsFor(t *testing.T) {
	t.Parallel()
	z := newZone()
	z.broken["down.test"] = true
	for _, tt := range []struct {
		client, domain string
		want           Result
	}{
		{"192.0.2.1", "example.org", Pass}, {"192.0.2.2", "example.org", Fail}, {"192.0.2.7", "lax.example", Pass}, {"2001:db8::7", "lax.example", Pass},
		{"192.0.2.8", "lax.example", SoftFail}, {"192.0.2.1", "nowhere.test", None}, {"192.0.2.1", "down.test", TempError}, {"192.0.2.1", "localhost", None},
		{"::ffff:192.0.2.1", "EXAMPLE.org.", Pass},
	} {
		in := input(tt.client, "", "", "")
		if got := SendsFor(context.Background(), z, in.Client, tt.domain); got.Result != tt.want {
			t.Errorf("%s for %s: %s (%s), want %s", tt.client, tt.domain, got.Result, got.Reason, tt.want)
		}
	}
}

// TestActionsHaveNames: each is a word for the log.
func TestActionsHaveNames(t *testing.T) {
	t.Parallel()
	var names []string
	for a := Accept; a <= Reject; a++ {
		names = append(names, a.String())
	}
	if got := strings.Join(names, " "); got != "accept junk defer reject" {
		t.Errorf("the actions are %q", got)
	}
}
