package directory

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// anyAddress draws what people and programs write into address fields.
func anyAddress() *rapid.Generator[string] {
	local := rapid.OneOf(
		rapid.StringMatching(`[a-zA-Z0-9._+'-]{1,20}`),
		rapid.StringMatching(`"([a-z @.,]|\\"|\\\\){1,10}"`),
		rapid.StringMatching(`[äöüßÄÖÜéŁØ]{1,8}`),
		rapid.StringN(1, 12, -1),
	)
	domain := rapid.OneOf(rapid.StringMatching(`[a-zA-Z0-9-]{1,10}(\.[a-z]{2,5}){1,2}`), rapid.StringMatching(`[äöüß]{1,5}\.test`),
		rapid.StringMatching(`\[[0-9.]{7,15}\]`), rapid.StringN(1, 12, -1))
	return rapid.Custom(func(t *rapid.T) string { return local.Draw(t, "local") + "@" + domain.Draw(t, "domain") })
}

// TestAddressesHaveOneForm: what an address reads as is written in a form that reads as the same address, and stays so: two
// addresses of one mailbox can never differ in the tables.
func TestAddressesHaveOneForm(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		in := anyAddress().Draw(rt, "address")
		a, err := ParseAddress(in)
		if err != nil {
			return
		}
		text := a.String()
		again, err := ParseAddress(text)
		if err != nil || again.Local != a.Local || again.Domain != a.Domain || again.String() != text {
			rt.Fatalf("%q reads as %q, which reads as %q, %v", in, text, again.String(), err)
		}
		if len(a.Local) == 0 || strings.ContainsAny(text, "\r\n\x00") {
			rt.Fatalf("%q reads as %q", in, text)
		}
		if keyOf(text) != a.key() && isDotString(a.Local) {
			rt.Fatalf("the key of %q is %v, want %v", text, keyOf(text), a.key())
		}
		for _, other := range []string{strings.ToUpper(in), strings.ToLower(in)} {
			if b, err := ParseAddress(other); err == nil && isASCII(in) && b.key() != a.key() {
				rt.Fatalf("%q and %q are two addresses", in, other)
			}
		}
	})
}

// TestSplitAndBase: the base of an address with a detail has none, and what was cut off can be put back.
func TestSplitAndBase(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		in := rapid.StringMatching(`[a-z]{1,3}(\+[a-zA-Z]{0,3}){0,3}@x\.test`).Draw(rt, "address")
		a, err := ParseAddress(in)
		if err != nil {
			rt.Fatal(err)
		}
		base, detail, ok := a.Split()
		if ok != strings.Contains(in, "+") {
			rt.Fatalf("Split(%q) = %t", in, ok)
		}
		if !ok {
			return
		}
		if _, _, more := base.Split(); more {
			rt.Fatalf("the base of %q is %q, which has a detail", in, base)
		}
		if joined := base.Local + "+" + detail + "@x.test"; !strings.EqualFold(joined, in) || !strings.Contains(in, "+"+detail) {
			rt.Fatalf("%q was cut into %q and %q", in, base, detail)
		}
		if a.withDetail() != base.Local+"+"+detail+"@x.test" {
			rt.Fatalf("with its detail %q is %q", in, a.withDetail())
		}
	})
}

// TestFoldingIsDoneOnce: folding a folded name changes nothing, in any script, and upper and lower case fold alike.
func TestFoldingIsDoneOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-zäöüßÄÖÜẞıİσςΣ]{0,8}`)).Draw(rt, "name")
		once := FoldName(s)
		if twice := FoldName(once); twice != once {
			rt.Fatalf("%q folds to %q, and that to %q", s, once, twice)
		}
	})
	for a, b := range map[string]string{"ANNA": "anna", "JÜRGEN": "jürgen", "Ju\u0308rgen": "jürgen", "GROẞ": "groß", "ΣΊΣΥΦΟΣ": "σίσυφοσ"} {
		if FoldName(a) != FoldName(b) {
			t.Errorf("%q and %q are two names", a, b)
		}
	}
	for a, b := range map[string]string{"groß": "gross", "ı": "i", "a": "á"} {
		if FoldName(a) == FoldName(b) {
			t.Errorf("%q and %q are one name", a, b)
		}
	}
}

// TestDomainsHaveOneForm: the canonical form of a domain is ASCII, its own canonical form, and shown in letters it leads back.
func TestDomainsHaveOneForm(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		in := rapid.OneOf(rapid.StringMatching(`[a-zäöüßéA-Z0-9-]{1,8}(\.[a-zäö]{1,4}){0,2}`), rapid.StringMatching(`xn--[a-z0-9-]{1,10}\.test`),
			rapid.StringN(1, 10, -1)).Draw(rt, "domain")
		name, err := CanonicalDomain(in)
		if err != nil {
			return
		}
		if again, err := CanonicalDomain(name); err != nil || again != name || !isASCII(name) {
			rt.Fatalf("%q is %q, and that is %q, %v", in, name, again, err)
		}
		shown := DisplayDomain(name)
		if back, err := CanonicalDomain(shown); name[0] != '[' && (err != nil || back != name) {
			rt.Fatalf("%q is shown as %q, which is %q, %v", name, shown, back, err)
		}
	})
}

// TestPatientAttackers: whoever guesses as fast as he is let, all day, from one network, gets few tries. At these rates a
// password of eight random letters outlives the school.
func TestPatientAttackers(t *testing.T) {
	tests := []struct {
		name    string
		subject func(i int) subject
		most    int // per day
	}{
		{"one account", func(int) subject { return subject{id: 1} }, 2600}, // one in 30 seconds, with pauses of an hour
		{"many accounts from one address", func(i int) subject { return subject{id: ID(i + 1)} }, 3500},
	}
	for _, tt := range tests {
		c := newClock()
		l := newLimiter(nil, slog.New(slog.DiscardHandler))
		tries := 0
		for second := range 24 * 60 * 60 {
			if l.check(tt.subject(second), home, c.now()) == nil {
				l.wrong(tt.subject(second), home, c.now())
				tries++
			}
			c.advance(time.Second)
		}
		if tries > tt.most {
			t.Errorf("%s: %d tries in a day, want at most %d", tt.name, tries, tt.most)
		}
		if tries < 50 {
			t.Errorf("%s: %d tries in a day: a typo would lock people out", tt.name, tries)
		}
	}
}

// TestLimitKeysComeBack: what is stored of a bucket reads as the same bucket, for every kind, subject and network.
func TestLimitKeysComeBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		remote := rapid.SampledFrom([]string{"192.0.2.7", "10.0.0.1", "::1", "2001:db8:1:2:3::4", "::ffff:192.0.2.9", "127.0.0.1"}).Draw(rt, "remote")
		who := subjectOf(ID(rapid.Int64Range(0, 1<<40).Draw(rt, "id")), rapid.String().Draw(rt, "login"))
		for _, k := range []limitKey{
			{what: limitPair, subject: who, network: networkOf(address("%s", remote))},
			{what: limitAddress, network: hostOf(address("%s", remote))},
			{what: limitAccount, subject: who},
		} {
			if again, ok := parseLimitKey(k.String()); !ok || again != k {
				rt.Fatalf("%q reads as %v, %t, want %v", k.String(), again, ok, k)
			}
		}
	})
}

// TestParsingAllocatesLittle guards the path of every recipient of every mail.
func TestParsingAllocatesLittle(t *testing.T) {
	for in, most := range map[string]float64{"anna@school.test": 0, "anna+math@school.test": 0, "Anna@School.Test": 2} {
		if n := testing.AllocsPerRun(100, func() {
			if _, err := ParseAddress(in); err != nil {
				t.Fatal(err)
			}
		}); n > most {
			t.Errorf("ParseAddress(%q) allocates %.0f times, want at most %.0f", in, n, most)
		}
	}
}

// TestGeneratedPasswordsAreUsable: each passes our own rules, for everybody, and none comes twice.
func TestGeneratedPasswordsAreUsable(t *testing.T) {
	seen := map[string]bool{}
	for i := range 300 {
		p := GeneratePassword()
		if err := checkPassword(p, fmt.Sprint("user", i), "Anna Groß", "Anna", "Groß"); err != nil {
			t.Fatalf("%q: %v", p, err)
		}
		if seen[p] {
			t.Fatalf("%q came twice", p)
		}
		seen[p] = true
	}
}

// BenchmarkParseAddress is every recipient of every mail.
func BenchmarkParseAddress(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseAddress("anna.musterfrau+mathe@school.test"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLimiterCheck is every login of every program while an attack runs.
func BenchmarkLimiterCheck(b *testing.B) {
	c := newClock()
	l := newLimiter(nil, slog.New(slog.DiscardHandler))
	for i := range 20_000 {
		l.wrong(subject{id: ID(i)}, address("10.%d.%d.1", i/250%250, i%250), c.now())
	}
	b.ReportAllocs()
	for b.Loop() {
		_ = l.check(subject{id: 7}, home, c.now())
	}
}

// TestRolesAndStates: every role and kind that is listed is valid, has a quota, and nothing else is valid.
func TestRolesAndStates(t *testing.T) {
	quotas := DefaultRoleQuota()
	for _, r := range Roles() {
		if _, ok := quotas[r]; !r.valid() || !ok {
			t.Errorf("role %q: valid = %t, has a quota = %t", r, r.valid(), ok)
		}
	}
	for _, k := range Kinds() {
		if !k.valid() {
			t.Errorf("kind %q is not valid", k)
		}
	}
	for _, word := range []string{"", "Student", "pope", "active "} {
		if Role(word).valid() || State(word).valid() || Kind(word).valid() {
			t.Errorf("%q is a role, a state or a kind", word)
		}
	}
}
