package directory

import (
	"context"
	"strings"
	"testing"
	"time"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"

	"pgregory.net/rapid"
)

// policySchool has anna and ben (pupils), tina (teacher), paul (parent), otto (staff); the groups 7b (anna, tina) and chor (ben, tina); an
// alias eltern for paul.
type policySchool struct {
	*Directory
	t     testing.TB
	ids   map[string]ID
	clock time.Time
}

func newPolicySchool(t testing.TB, s *store.Store) *policySchool {
	t.Helper()
	ctx := context.Background()
	w := &policySchool{t: t, ids: map[string]ID{}, clock: time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)}
	w.Directory = open(t, s, Options{Zone: zone(t, "Europe/Berlin"), Now: func() time.Time { return w.clock }})
	for name, role := range map[string]Role{"anna": Student, "ben": Student, "tina": Teacher, "paul": Parent, "otto": Staff} {
		w.ids[name] = add(t, w.Directory, name+"@school.test", role).ID
	}
	for name, members := range map[string][]string{"7b": {"anna", "tina"}, "chor": {"ben", "tina"}} {
		g, err := w.AddGroup(ctx, Group{Name: name, Kind: Class, ToSender: true})
		must(t, err)
		for _, m := range members {
			must(t, w.AddMembers(ctx, g.ID, []ID{w.ids[m]}, false))
		}
	}
	must(t, w.AddAlias(ctx, Alias{"eltern@school.test", []string{"paul"}}))
	return w
}

// set adds rules such as "student external refuse", "student teacher quiet daily 21:00-06:00" or "anna anyone limit 7".
func (w *policySchool) set(rules ...string) {
	w.t.Helper()
	for _, rule := range rules {
		words := strings.SplitN(rule, " ", 4)
		from, to := w.parties(words[0], words[1])
		var c RuleChange
		switch words[2] {
		case "allow", "refuse":
			c.Decision = new(Decision(words[2]))
		case "quiet":
			q, err := ParseQuiet(words[3])
			must(w.t, err)
			c.Quiet = &q
		}
		_, err := w.SetRule(context.Background(), from, to, c)
		must(w.t, err)
	}
}

// clear removes all rules.
func (w *policySchool) clear() {
	w.t.Helper()
	for _, r := range w.Rules() {
		must(w.t, w.RemoveRule(context.Background(), r.From, r.To))
	}
}

func (w *policySchool) parties(from, to string) (Party, Party) {
	w.t.Helper()
	f, err := w.Party(from)
	must(w.t, err)
	t, err := w.Party(to)
	must(w.t, err)
	return f, t
}

// ask resolves to as mail does and asks the policy; from "" is somebody elsewhere.
func (w *policySchool) ask(from, to string) error {
	w.t.Helper()
	c := Approach{From: w.ids[from]}
	list, err := w.Resolve(context.Background(), to, "")
	switch {
	case fault.Is(err, fault.Forbidden):
		c.Outside = true
	default:
		must(w.t, err)
	}
	for _, one := range list {
		c.To = append(c.To, one.Account)
	}
	return w.MayContact(c)
}

func TestContactPolicy(t *testing.T) {
	tests := []struct {
		name     string
		rules    []string
		from, to string
		refused  string // what the sentence names; "": allowed
	}{
		{"what no rule decides", nil, "anna", "tina@school.test", ""},
		{"a pupil to elsewhere, without a rule", nil, "anna", "lena@example.org", ""},
		{"a role to elsewhere", []string{"student external refuse"}, "anna", "lena@example.org", `"student to external"`},
		{"another role to elsewhere", []string{"student external refuse"}, "tina", "lena@example.org", ""},
		{"a role to a role", []string{"student parent refuse"}, "anna", "paul@school.test", `"student to parent"`},
		{"by an alias", []string{"student parent refuse"}, "anna", "eltern@school.test", `"student to parent"`},
		{"with a detail", []string{"student parent refuse"}, "anna", "paul+x@school.test", `"student to parent"`},
		{"by a group with such a member", []string{"student teacher refuse"}, "anna", "7b@school.test", `"student to teacher"`},
		{"by a group without", []string{"student parent refuse"}, "anna", "7b@school.test", ""},
		{"oneself", []string{"student student refuse"}, "anna", "anna@school.test", ""},
		{"a group with oneself in it", []string{"student student refuse"}, "anna", "7b@school.test", ""},
		{"from elsewhere", []string{"external student refuse"}, "", "anna@school.test", `"external to student"`},
		{"from elsewhere to a teacher", []string{"external student refuse"}, "", "tina@school.test", ""},
		{"from elsewhere by a group", []string{"external student refuse"}, "", "chor@school.test", `"external to student"`},
		{"inside only", []string{"student anyone refuse", "student internal allow"}, "anna", "ben@school.test", ""},
		{"inside only, elsewhere", []string{"student anyone refuse", "student internal allow"}, "anna", "lena@example.org", `"student to anyone"`},
		{"a role says more than internal", []string{"internal external refuse", "teacher external allow"}, "tina", "lena@example.org", ""},
		{"a group says more than a role", []string{"student external refuse", "7b external allow"}, "anna", "lena@example.org", ""},
		{"not those outside the group", []string{"student external refuse", "7b external allow"}, "ben", "lena@example.org", `"student to external"`},
		{"an account says more than a group", []string{"7b external allow", "anna external refuse"}, "anna", "lena@example.org", `"anna@school.test to external"`},
		{"who writes counts before to whom", []string{"student anyone allow", "anyone tina refuse"}, "anna", "tina@school.test", ""},
		{"then to whom", []string{"student anyone allow", "student tina refuse"}, "anna", "tina@school.test", `"student to tina@school.test"`},
		{"members of a group", []string{"student 7b refuse"}, "ben", "tina@school.test", `"student to 7b@school.test"`},
		{"members of a group, by another group", []string{"student 7b refuse"}, "ben", "chor@school.test", `"student to 7b@school.test"`},
		{"among equals a refusal wins", []string{"7b paul allow", "chor paul refuse"}, "tina", "paul@school.test", `"chor@school.test to paul@school.test"`},
		{"whatever their order", []string{"7b paul refuse", "chor paul allow"}, "tina", "paul@school.test", `"7b@school.test to paul@school.test"`},
		{"quiet hours now", []string{"student teacher quiet wed 10:00-12:00"}, "anna", "tina@school.test", "wed 10:00-12:00"},
		{"quiet hours, not now", []string{"student teacher quiet wed 12:00-14:00"}, "anna", "tina@school.test", ""},
		{"quiet hours of another day", []string{"student teacher quiet thu 10:00-12:00"}, "anna", "tina@school.test", ""},
		{"quiet hours bind one direction", []string{"student teacher quiet wed 10:00-12:00"}, "tina", "anna@school.test", ""},
		{"quiet hours do not allow", []string{"student anyone refuse", "student teacher quiet wed 12:00-14:00"}, "anna", "tina@school.test", `"student to anyone"`},
		{"a rule that says more lifts quiet hours", []string{"student teacher quiet wed 10:00-12:00", "anna teacher allow"}, "anna", "tina@school.test", ""},
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newPolicySchool(t, s)
		for _, tt := range tests {
			w.set(tt.rules...)
			err := w.ask(tt.from, tt.to)
			kind := fault.Refused
			if strings.Contains(tt.refused, ":") {
				kind = fault.Throttled
			}
			switch {
			case tt.refused == "" && err != nil:
				t.Errorf("%s: %v, want no refusal", tt.name, err)
			case tt.refused != "" && (!fault.Is(err, kind) || !strings.Contains(err.Error(), tt.refused)):
				t.Errorf("%s: %v, want %s with %s", tt.name, err, kind, tt.refused)
			}
			w.clear()
		}
	})
}

// Whoever an address reaches, and however: the answer is that of asking about each person alone.
func TestTheWayToSomebodyDoesNotMatter(t *testing.T) {
	storetest.ShortRun(t, 50)
	w := newPolicySchool(t, storetest.Open(t))
	parties := []string{"anyone", "internal", "external", "student", "teacher", "parent", "7b", "chor", "anna", "tina"}
	rapid.Check(t, func(rt *rapid.T) {
		w.clear()
		for range rapid.IntRange(0, 6).Draw(rt, "rules") {
			what := rapid.SampledFrom([]string{"allow", "refuse", "quiet wed 10:00-12:00", "quiet wed 12:00-14:00"}).Draw(rt, "what")
			w.set(rapid.SampledFrom(parties).Draw(rt, "from") + " " + rapid.SampledFrom(parties).Draw(rt, "to") + " " + what)
		}
		from := rapid.SampledFrom([]string{"", "anna", "ben", "tina", "paul"}).Draw(rt, "who")
		for group, members := range map[string][]string{"7b": {"anna", "tina"}, "chor": {"ben", "tina"}} {
			want := true
			for _, m := range members {
				if w.ask(from, m+"@school.test") != nil {
					want = false
				}
			}
			if got := w.ask(from, group+"@school.test"); (got == nil) != want {
				rt.Fatalf("%s to %s: %v, want allowed %t", from, group, got, want)
			}
		}
		if direct, alias := w.ask(from, "paul@school.test"), w.ask(from, "eltern+x@school.test"); (direct == nil) != (alias == nil) {
			rt.Fatalf("paul: %v, by an alias %v", direct, alias)
		}
	})
}

// Rules outlive a restart, and go with the group or account they are about.
func TestRulesAreKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		w := newPolicySchool(t, s)
		w.set("student external refuse", "7b tina allow", "anna 7b quiet daily 20:00-07:00")
		must(t, w.Close())
		again := open(t, s, Options{})
		list := func() (texts []string) {
			for _, r := range again.Rules() {
				if r.Decision != "" || len(r.Quiet.windows) > 0 {
					texts = append(texts, again.PartyName(r.From)+" "+again.PartyName(r.To)+" "+string(r.Decision)+r.Quiet.String())
				}
			}
			return texts
		}
		want := "anna@school.test 7b@school.test daily 20:00-07:00|7b@school.test tina@school.test allow|student external refuse"
		if got := strings.Join(list(), "|"); got != want {
			t.Errorf("after a restart: %s, want %s", got, want)
		}
		g, err := again.Group(ctx, "7b")
		must(t, err)
		must(t, again.DeleteGroup(ctx, g.ID))
		if got := strings.Join(list(), "|"); got != "student external refuse" {
			t.Errorf("without the group: %s", got)
		}
		must(t, again.Close())
		if n := len(open(t, s, Options{}).Rules()); n != 6 { // the limits that every school begins with
			t.Errorf("%d rules after a second restart, want 6", n)
		}
	})
}

func TestRulesThatMayNotBe(t *testing.T) {
	w := newPolicySchool(t, storetest.Open(t))
	ctx := context.Background()
	limit := func(n int64) RuleChange { return RuleChange{PerHour: &n} }
	tests := []struct {
		name, from, to string
		change         RuleChange
	}{
		{"nothing", "student", "teacher", RuleChange{}},
		{"another word", "student", "teacher", RuleChange{Decision: new(Decision("perhaps"))}},
		{"a limit about a role", "student", "teacher", limit(7)},
		{"a limit for those elsewhere", "external", "anyone", limit(7)},
		{"a limit for anyone", "anyone", "anyone", limit(7)},
		{"less than none", "student", "anyone", limit(-2)},
		{"too much", "student", "anyone", limit(maxPerHour + 1)},
	}
	for _, tt := range tests {
		from, to := w.parties(tt.from, tt.to)
		if _, err := w.SetRule(ctx, from, to, tt.change); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want a refusal", tt.name, err)
		}
	}
	if _, err := w.Party("nobody"); !fault.Is(err, fault.NotFound) {
		t.Errorf("party nobody: %v", err)
	}
	from, to := w.parties("student", "teacher")
	if err := w.RemoveRule(ctx, from, to); !fault.Is(err, fault.NotFound) {
		t.Errorf("remove what is not there: %v", err)
	}
	if _, err := w.SetRule(ctx, Party{id: 4711}, to, RuleChange{Decision: new(Refuse)}); !fault.Is(err, fault.NotFound) {
		t.Errorf("a rule about nobody: %v", err)
	}
}
