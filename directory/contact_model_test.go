package directory

import (
	"context"
	"slices"
	"testing"
	"time"

	"schulhof/store/fault"
	"schulhof/store/storetest"

	"pgregory.net/rapid"
)

// naiveRule is a rule in words; quiet: now.
type naiveRule struct {
	from, to string
	decision Decision
	quiet    bool
}

// naivePolicy decides by the words of the manual: by who writes, from the account down to anyone, then likewise by to whom.
type naivePolicy []naiveRule

// naiveParties are the parties of the model by how much they say; naiveAre is who is what.
var (
	naiveParties = [][]string{ //nolint:gochecknoglobals // a constant table
		{"anna", "ben", "tina", "paul"}, {"7b", "chor"}, {"student", "teacher", "parent"}, {"internal", "external"}, {"anyone"}}
	naiveAre = map[string][]string{ //nolint:gochecknoglobals // a constant table
		"anna": {"anna", "7b", "student", "internal", "anyone"}, "ben": {"ben", "chor", "student", "internal", "anyone"},
		"tina": {"tina", "7b", "chor", "teacher", "internal", "anyone"}, "paul": {"paul", "parent", "internal", "anyone"}, "": {"external", "anyone"}}
)

func (p naivePolicy) one(from, to string) string {
	if from == to && from != "" {
		return "allow"
	}
	quiet := false
	for _, fromWords := range naiveParties {
		for _, toWords := range naiveParties {
			allowed := false
			for _, r := range p {
				if !slices.Contains(fromWords, r.from) || !slices.Contains(toWords, r.to) || !slices.Contains(naiveAre[from], r.from) || !slices.Contains(naiveAre[to], r.to) {
					continue
				}
				if r.decision == Refuse {
					return "refuse"
				}
				quiet = quiet || r.quiet
				allowed = allowed || r.decision == Allow
			}
			if allowed {
				return map[bool]string{true: "quiet", false: "allow"}[quiet]
			}
		}
	}
	return map[bool]string{true: "quiet", false: "allow"}[quiet]
}

// all is the answer for several: for good if one of them is refused for good, later if one of them only has quiet hours.
func (p naivePolicy) all(from string, to []string) string {
	answer := "allow"
	for _, one := range to {
		switch got := p.one(from, one); {
		case got == "refuse":
			return got
		case got == "quiet":
			answer = got
		}
	}
	return answer
}

// TestThePolicyAgainstAModel: whatever the rules, who writes and to whom, the answer is that of the manual's words; and who is told to come
// back after the quiet hours is let through then.
func TestThePolicyAgainstAModel(t *testing.T) {
	t.Parallel()
	w := newPolicySchool(t, storetest.Open(t))
	now, err := ParseQuiet("wed 10:00-12:00") // it is 11:00
	must(t, err)
	later, err := ParseQuiet("wed 12:00-14:00")
	must(t, err)
	everybody := []string{"anna", "ben", "tina", "paul", ""}
	words := func(who string) *rapid.Generator[string] { // most of them fit
		return rapid.SampledFrom(append(slices.Clone(naiveAre[who]), "chor", "parent"))
	}
	rapid.Check(t, func(rt *rapid.T) {
		from := rapid.SampledFrom(everybody).Draw(rt, "who writes")
		to := rapid.SliceOfNDistinct(rapid.SampledFrom(everybody), 1, 3, rapid.ID).Draw(rt, "to whom")
		drawRule := rapid.Custom(func(rt *rapid.T) naiveRule {
			r := naiveRule{from: words(from).Draw(rt, "from"), to: words(to[0]).Draw(rt, "to"), quiet: rapid.Bool().Draw(rt, "quiet")}
			r.decision = rapid.SampledFrom([]Decision{Allow, Refuse, ""}).Draw(rt, "decision")
			return r
		})
		policy := naivePolicy(rapid.SliceOfNDistinct(drawRule, 0, 8, func(r naiveRule) [2]string { return [2]string{r.from, r.to} }).Draw(rt, "rules"))
		w.view.rules = nil
		for _, r := range policy {
			from, to := w.parties(r.from, r.to)
			rule := Rule{From: from, To: to, Decision: r.decision, Quiet: later, PerHour: NoLimit}
			if r.quiet {
				rule.Quiet = now
			}
			w.view.putRules(rule)
		}
		approach := Approach{From: w.ids[from]}
		for _, one := range to {
			if one == "" {
				approach.Outside = true
			} else {
				approach.To = append(approach.To, w.ids[one])
			}
		}
		if from == "" && approach.Outside { // not ours to judge: that is relaying
			return
		}
		want := policy.all(from, to)
		got := "allow"
		switch err := w.MayContact(approach); {
		case fault.Is(err, fault.Throttled):
			got = "quiet"
		case fault.Is(err, fault.Refused):
			got = "refuse"
		case err != nil:
			rt.Fatal(err)
		}
		if got != want {
			rt.Fatalf("%q to %q: %s, want %s", from, to, got, want)
		}
		approach.At = w.clock.Add(6 * time.Hour)
		if verdict := w.Judge(approach); verdict.Quiet || verdict.Allowed != (want != "refuse") {
			rt.Fatalf("%q to %q after all quiet hours: %+v, and before them %s", from, to, verdict, want)
		}
	})
}

// TestQuietIsNotARefusalForGood: of two rules that say as much, a refusal counts before quiet hours, whatever their names; and a refusal
// that would come after the quiet hours comes at once.
func TestQuietIsNotARefusalForGood(t *testing.T) {
	t.Parallel()
	w := newPolicySchool(t, storetest.Open(t))
	tests := []struct {
		name  string
		rules []string
		want  fault.Kind
	}{
		{"quiet hours alone", []string{"7b paul quiet wed 10:00-12:00"}, fault.Throttled},
		{"a refusal behind them", []string{"7b paul quiet wed 10:00-12:00", "chor paul refuse"}, fault.Refused},
		{"a refusal before them", []string{"7b paul refuse", "chor paul quiet wed 10:00-12:00"}, fault.Refused},
		{"a refusal of a rule that says less", []string{"teacher paul quiet wed 10:00-12:00", "internal anyone refuse"}, fault.Refused},
		{"which a rule between lifts", []string{"tina paul quiet wed 10:00-12:00", "teacher paul allow", "internal anyone refuse"}, fault.Throttled},
		{"an allowance of the same weight does not end quiet hours", []string{"7b paul allow", "chor paul quiet wed 10:00-12:00"}, fault.Throttled},
	}
	for _, tt := range tests {
		w.set(tt.rules...)
		if err := w.ask("tina", "paul@school.test"); !fault.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		w.clear()
	}
}

// TestQuietHoursAreTheSchools: the policy reads the time that it is given by the school's clock, in winter, in summer and in the nights
// between.
func TestQuietHoursAreTheSchools(t *testing.T) {
	t.Parallel()
	w := newPolicySchool(t, storetest.Open(t))
	w.set("student teacher quiet mon-fri 21:00-06:30")
	for at, quiet := range map[string]bool{
		"2026-11-25T19:59:59Z": false, "2026-11-25T20:00:00Z": true, // winter: 21:00 is 20:00 UTC
		"2027-07-05T18:59:59Z": false, "2027-07-05T19:00:00Z": true, // summer
		"2027-03-27T05:29:59Z": true, "2027-03-27T05:30:00Z": false, // Saturday morning, Friday's night
		"2027-03-29T04:29:59Z": false,                               // Monday morning, after the change: Sunday has no quiet night
		"2027-03-30T04:29:59Z": true, "2027-03-30T04:30:00Z": false, // Tuesday morning, summer time
		"2026-11-25T21:00:00+02:00": false, "2026-11-25T22:00:00+02:00": true, // a time with another zone
	} {
		when, err := time.Parse(time.RFC3339, at)
		must(t, err)
		verdict := w.Judge(Approach{From: w.ids["anna"], To: []ID{w.ids["tina"]}, At: when})
		if verdict.Quiet != quiet || verdict.Allowed == quiet {
			t.Errorf("at %s: %+v, want quiet %t", at, verdict, quiet)
		}
	}
}

// TestWhoIsGoneMayNotWrite: an account that was purged while its message was on the way, and recipients that were.
func TestWhoIsGoneMayNotWrite(t *testing.T) {
	t.Parallel()
	w := newPolicySchool(t, storetest.Open(t))
	if verdict := w.Judge(Approach{From: 4711, To: []ID{w.ids["anna"]}}); verdict.Allowed || verdict.Quiet {
		t.Errorf("from nobody: %+v", verdict)
	}
	if err := w.MayContact(Approach{From: 4711}); !fault.Is(err, fault.Refused) {
		t.Errorf("from nobody: %v", err)
	}
	w.set("student anyone refuse")
	if err := w.MayContact(Approach{From: w.ids["anna"], To: []ID{4711}}); err != nil {
		t.Errorf("to somebody who is gone: %v", err)
	}
}

// TestTheHourSlides compares the limit with a list of what was sent: each minute counts for sixty more.
func TestTheHourSlides(t *testing.T) {
	storetest.ShortRun(t, 12)
	w := newPolicySchool(t, storetest.Open(t))
	w.limit("anna", "anyone", 10)
	type sent struct{ minute, n int64 }
	rapid.Check(t, func(rt *rapid.T) {
		w.clock = w.clock.Add(3 * time.Hour).Truncate(time.Minute)
		var list []sent
		for range rapid.IntRange(1, 12).Draw(rt, "messages") {
			w.clock = w.clock.Add(time.Duration(rapid.IntRange(0, 40*60).Draw(rt, "seconds later")) * time.Second)
			n := rapid.Int64Range(1, 6).Draw(rt, "recipients")
			minute, used := w.clock.Unix()/60, int64(0)
			for _, s := range list {
				if s.minute >= minute-60 {
					used += s.n
				}
			}
			want := ""
			if used+n > 10 {
				want = "anyone"
			} else {
				list = append(list, sent{minute, n})
			}
			if got := w.send("anna", int(n), 0); got != want {
				rt.Fatalf("%d after %d: limit %q, want %q", n, used, got, want)
			}
		}
	})
}

// TestDefaultLimits: what a school begins with, by role.
func TestDefaultLimits(t *testing.T) {
	t.Parallel()
	w := newPolicySchool(t, storetest.Open(t))
	for _, tt := range []struct {
		who              string
		inside, outside  int
		wantIn, wantMore string
	}{
		{"anna", 50, 0, "", "anyone"}, {"ben", 0, 20, "", "external"}, {"tina", 500, 0, "", "anyone"},
	} {
		if got := w.send(tt.who, tt.inside, tt.outside); got != tt.wantIn {
			t.Errorf("%s: %d and %d: limit %q", tt.who, tt.inside, tt.outside, got)
		}
		if got := w.send(tt.who, min(tt.inside, 1), min(tt.outside, 1)); got != tt.wantMore {
			t.Errorf("%s: one more: limit %q, want %q", tt.who, got, tt.wantMore)
		}
	}
	for _, r := range w.Rules() { // without the rules there are no limits
		must(t, w.RemoveRule(context.Background(), r.From, r.To))
	}
	if got := w.send("anna", 100_000, 100_000); got != "" {
		t.Errorf("without a rule: limit %q", got)
	}
}
