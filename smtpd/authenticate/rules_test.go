package authenticate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestOrganisations: what was registered, as the public suffix list has it. RFC 7489 §3.2.
func TestOrganisations(t *testing.T) {
	t.Parallel()
	for domain, want := range map[string]string{
		"example.org": "example.org", "a.b.c.example.org": "example.org", "org": "org", "school.co.uk": "school.co.uk", "mx.school.co.uk": "school.co.uk", "co.uk": "co.uk",
		"a.city.kawasaki.jp": "city.kawasaki.jp", "a.b.kawasaki.jp": "a.b.kawasaki.jp", "x.a.b.kawasaki.jp": "a.b.kawasaki.jp", // an exception, and a wildcard
		"anna.github.io": "anna.github.io", "www.anna.github.io": "anna.github.io", "a.school.test": "school.test", "xn--mller-kva.de": "xn--mller-kva.de", "_dmarc.example.org": "example.org",
	} {
		if got := organisation(domain); got != want {
			t.Errorf("organisation(%q) = %q, want %q", domain, got, want)
		}
		if !SameOrganization(domain, want) || SameOrganization(domain, "other.example") || SameOrganization("a"+want, want) {
			t.Errorf("%q is of the same organisation as %q, and of no other", domain, want)
		}
	}
}

// TestWhereThePolicyIs: at the domain, then at its organisation, and nowhere between. RFC 7489 §6.6.3.
func TestWhereThePolicyIs(t *testing.T) {
	t.Parallel()
	z := &zone{
		txt: map[string][]string{
			"_dmarc.x.test": {"v=DMARC1; p=reject; sp=none; np=quarantine"}, "_dmarc.b.x.test": {"v=DMARC1; p=quarantine"}, "_dmarc.test": {"v=DMARC1; p=reject"},
			"_dmarc.own.x.test": {"v=DMARC1; p=quarantine; sp=reject; np=reject"}, "_dmarc.bad.x.test": {"v=DMARC1; p=nonsense"}, "_dmarc.two.x.test": {"v=DMARC1; p=none", "v=DMARC1; p=none"},
			"_dmarc.other.x.test": {"v=spf1 -all", "hello", ""}, "_dmarc.kept.x.test": {"v=DMARC1;rua=mailto:a@x.test"},
		},
		ip: map[string][]string{"here.x.test": {"192.0.2.1"}, "a.b.x.test": {"192.0.2.1"}}, mx: map[string][]string{"mail.x.test": {"here.x.test"}},
		broken: map[string]bool{"_dmarc.down.x.test": true, "_dmarc.lost.test": true, "shaky.x.test": true},
	}
	for _, tt := range []struct {
		domain, record string
		policy         Policy
		asked          string // the texts, in their order
	}{
		{"x.test", "x.test", PolicyReject, "_dmarc.x.test"},
		{"here.x.test", "x.test", PolicyNone, "_dmarc.here.x.test _dmarc.x.test"},
		{"mail.x.test", "x.test", PolicyNone, "_dmarc.mail.x.test _dmarc.x.test"},
		{"gone.x.test", "x.test", PolicyQuarantine, "_dmarc.gone.x.test _dmarc.x.test"},
		{"a.b.x.test", "x.test", PolicyNone, "_dmarc.a.b.x.test _dmarc.x.test"},
		{"own.x.test", "own.x.test", PolicyQuarantine, "_dmarc.own.x.test"},
		{"other.x.test", "x.test", PolicyQuarantine, "_dmarc.other.x.test _dmarc.x.test"},
		{"kept.x.test", "kept.x.test", PolicyNone, "_dmarc.kept.x.test"},
		{"bad.x.test", "", "", "_dmarc.bad.x.test"}, // a record that does not hold is no reason to look further
		{"two.x.test", "", "", "_dmarc.two.x.test"},
		{"gone.test", "", "", "_dmarc.gone.test"},
		{"test", "test", PolicyReject, "_dmarc.test"},
		{"down.x.test", "error", "", "_dmarc.down.x.test"},
		{"a.lost.test", "error", "", "_dmarc.a.lost.test _dmarc.lost.test"},
		{"shaky.x.test", "error", "", "_dmarc.shaky.x.test _dmarc.x.test"}, // whether it exists decides, and is not known now
	} {
		z.asked = nil
		f := findPolicy(context.Background(), newBudget(z), tt.domain)
		record := f.record.domain
		switch {
		case f.err != nil:
			record = "error"
		case !f.exists:
			record = ""
		}
		if record != tt.record || f.exists && f.err == nil && f.policy != tt.policy {
			t.Errorf("%s: the record of %q, %q, %v; want that of %q, %q", tt.domain, record, f.policy, f.err, tt.record, tt.policy)
		}
		var texts []string
		for _, q := range z.asked {
			if name, ok := strings.CutPrefix(q, "TXT "); ok {
				texts = append(texts, name)
			}
		}
		if got := strings.Join(texts, " "); got != tt.asked {
			t.Errorf("%s: asked %q, want %q", tt.domain, got, tt.asked)
		}
	}
	p, ok, err := AskPublished(context.Background(), z, "own.x.test")
	if err != nil || !ok || p.Policy != PolicyQuarantine || p.Subdomain != PolicyReject || p.Percent != 100 || p.StrictDKIM || p.StrictSPF || len(p.Reports) != 0 {
		t.Errorf("what own.x.test has published: %+v, %v, %v", p, ok, err)
	}
	if p, ok, err := AskPublished(context.Background(), z, "kept.x.test"); err != nil || !ok || !slices.Equal(p.Reports, []string{"mailto:a@x.test"}) {
		t.Errorf("what kept.x.test has published: %+v, %v, %v", p, ok, err)
	}
	for domain, fails := range map[string]bool{"here.x.test": false, "bad.x.test": false, "gone.test": false, "down.x.test": true} {
		if p, ok, err := AskPublished(context.Background(), z, domain); ok || (err != nil) != fails {
			t.Errorf("%s has published nothing: %+v, %v, %v", domain, p, ok, err)
		}
	}
}

// TestAlignmentModes: adkim and aspf are strict each on its own. RFC 7489 §3.1 and §6.3.
func TestAlignmentModes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		tags, spf, dkim string // domains that pass
		bySPF, byDKIM   bool
	}{
		{"", "m.x.test", "n.x.test", true, true}, {"adkim=r; aspf=r", "m.x.test", "n.x.test", true, true}, {"adkim=s", "m.x.test", "n.x.test", true, false},
		{"aspf=s", "m.x.test", "n.x.test", false, true}, {"adkim=s; aspf=s", "m.x.test", "n.x.test", false, false}, {"adkim=s; aspf=s", "x.test", "x.test", true, true},
		{"adkim=S; ASPF=S", "m.x.test", "n.x.test", false, false}, {"adkim=strict; aspf=1", "m.x.test", "n.x.test", true, true}, {"", "test", "x.test.evil.test", false, false},
		{"", "", "x.test", false, true}, {"", "x.test", "", true, false}, {"", "evilx.test", "evil-x.test", false, false},
	} {
		record, ok := parsePolicy("v=DMARC1; p=reject; " + tt.tags)
		if !ok {
			t.Fatalf("%q is no record", tt.tags)
		}
		d := evaluate(found{from: "x.test", record: record, exists: true, policy: record.policy}, SPF{Result: Pass, Domain: tt.spf}, []DKIM{{Result: Pass, Domain: tt.dkim}}, func(int) bool { return true })
		if d.SPF != tt.bySPF || d.DKIM != tt.byDKIM || (d.Result == Pass) != (tt.bySPF || tt.byDKIM) || (d.Applies == PolicyNone) != (d.Result == Pass) {
			t.Errorf("%q with SPF of %q and DKIM of %q: %+v", tt.tags, tt.spf, tt.dkim, d)
		}
	}
}

// TestPercent: the dice decide between a policy and the next below, at pct exactly; they are thrown for failures only. RFC 7489 §6.6.4.
func TestPercent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		record, sender string
		roll           int
		want           Action
		thrown         int
	}{
		{"p=reject; pct=30", "x@evil.test", 29, Reject, 1}, {"p=reject; pct=30", "x@evil.test", 30, Junk, 1}, {"p=quarantine; pct=1", "x@evil.test", 0, Junk, 1}, {"p=quarantine; pct=1", "x@evil.test", 1, Accept, 1},
		{"p=reject; pct=100", "x@evil.test", 99, Reject, 1}, {"p=reject; pct=0", "x@evil.test", 0, Junk, 1}, {"p=none; pct=30", "x@evil.test", 0, Accept, 0}, {"p=reject; pct=30", "x@example.org", 99, Accept, 0},
		{"p=reject; pct=-1", "x@evil.test", 99, Reject, 1}, {"p=reject; pct=", "x@evil.test", 99, Reject, 1}, {"p=reject; pct=30%", "x@evil.test", 99, Reject, 1},
	} {
		z := newZone()
		z.txt["_dmarc.example.org"] = []string{"v=DMARC1; " + tt.record}
		thrown := 0
		c := newTestChecker(t, z, func(o *Options) {
			o.Roll = func(n int) int {
				if thrown++; n != 100 {
					t.Errorf("dice of %d", n)
				}
				return tt.roll
			}
		})
		v := check(t, c, input("192.0.2.1", "x.test", tt.sender, from("lena@example.org")))
		if v.Action != tt.want || thrown != tt.thrown {
			t.Errorf("%s from %s at %d: %s, thrown %d times; want %s, %d", tt.record, tt.sender, tt.roll, v.Action, thrown, tt.want, tt.thrown)
		}
	}
}

// TestWhatSealersSay: the first set counts, by what it says about the author's domain, and all who sealed must be trusted. RFC 8617 §5.2, §7.2.
func TestWhatSealersSay(t *testing.T) {
	t.Parallel()
	trusted := []string{"List.test", "other.test"}
	set := func(n int, text string) field {
		return field{"arc-authentication-results", fmt.Appendf(nil, "ARC-Authentication-Results: i=%d; mx.list.test; %s\r\n", n, text)}
	}
	const good = "dmarc=pass header.from=x.test"
	for _, tt := range []struct {
		name, first string
		sealers     []string
		result      Result
		want        bool
	}{
		{"a pass", good, []string{"list.test"}, Pass, true},
		{"in capitals", "DMARC=PASS Header.From=X.TEST.", []string{"list.test"}, Pass, true},
		{"with comments and quotes", "spf=fail (x; y); dmarc=pass (p=reject) header.from=\"x.test\"", []string{"list.test"}, Pass, true},
		{"with a version", "dmarc/1=pass header.from=x.test", []string{"list.test"}, Pass, true},
		{"one of several", "dmarc=fail header.from=y.test;\r\n\t" + good, []string{"list.test"}, Pass, true},
		{"a sealer beneath a trusted one", good, []string{"a.list.test"}, Pass, true},
		{"two trusted ones", good, []string{"list.test", "other.test"}, Pass, true},
		{"a sealer whose name ends alike", good, []string{"evillist.test"}, Pass, false},
		{"a sealer above a trusted one", good, []string{"test"}, Pass, false},
		{"one who is not trusted", good, []string{"list.test", "evil.test"}, Pass, false},
		{"no name", good, []string{""}, Pass, false},
		{"nobody", good, nil, Pass, false},
		{"a broken chain", good, []string{"list.test"}, Fail, false},
		{"a chain that is not known now", good, []string{"list.test"}, TempError, false},
		{"a failure", "dmarc=fail header.from=x.test", []string{"list.test"}, Pass, false},
		{"another domain", "dmarc=pass header.from=y.test", []string{"list.test"}, Pass, false},
		{"a domain beneath", "dmarc=pass header.from=a.x.test", []string{"list.test"}, Pass, false},
		{"no domain", "dmarc=pass", []string{"list.test"}, Pass, false},
		{"another method", "spf=pass header.from=x.test", []string{"list.test"}, Pass, false},
		{"within a comment", "dmarc=fail (; " + good + ")", []string{"list.test"}, Pass, false},
		{"within quotes", "dmarc=fail reason=\"; " + good + "\"", []string{"list.test"}, Pass, false},
		{"after a quote that does not end", "dmarc=fail reason=\"; " + good, []string{"list.test"}, Pass, false},
		{"nothing", "none", []string{"list.test"}, Pass, false},
	} {
		a := ARC{Result: tt.result, Sealers: tt.sealers, results: []field{set(1, tt.first), set(2, "dmarc=fail header.from=x.test")}}
		if got := a.vouches("x.test", trusted); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
		a.results = []field{set(1, "dmarc=fail header.from=x.test"), set(2, tt.first)}
		if a.vouches("x.test", trusted) {
			t.Errorf("%s: believed though it came second", tt.name)
		}
	}
	a := ARC{Result: Pass, Sealers: []string{"list.test"}, results: []field{set(1, good)}}
	if a.vouches("x.test", nil) || a.vouches("", trusted) {
		t.Error("vouches where nobody is trusted, or for no domain")
	}
}

// TestSets: which fields make a chain, in whatever order they stand. RFC 8617 §4.2.1 and §5.2.
func TestSets(t *testing.T) {
	t.Parallel()
	three := func(n string) []string {
		return []string{"ARC-Seal: i=" + n + "; cv=none", "ARC-Message-Signature: i=" + n + "; a=x", "ARC-Authentication-Results: i=" + n + "; mx.test; none"}
	}
	join := func(lists ...[]string) string { return strings.Join(slices.Concat(lists...), "\r\n") + "\r\n" }
	var all []string
	for n := range maxSets {
		all = append(all, three(fmt.Sprint(n+1))...)
	}
	backwards := slices.Clone(all)
	slices.Reverse(backwards)
	for _, tt := range []struct {
		name, header string
		sets         int
		broken       string
	}{
		{"none", "From: a@x.test\r\n", 0, ""},
		{"one", join(three("1")), 1, ""},
		{"two, the newest first", join(three("2"), three("1")), 2, ""},
		{"two, mixed", join(three("1")[:1], three("2")[1:], []string{"From: a@x.test"}, three("1")[1:], three("2")[:1]), 2, ""},
		{"as many as there may be", join(all), maxSets, ""},
		{"the same, backwards", join(backwards), maxSets, ""},
		{"one more", join(all, three("51")), 0, "without a valid i="},
		{"a gap", join(three("1"), three("3")), 0, "set 2 is not complete"},
		{"without the first", join(three("2")), 0, "set 1 is not complete"},
		{"without a seal", join(three("1")[1:]), 0, "set 1 is not complete"},
		{"without a message signature", join(three("1")[:1], three("1")[2:]), 0, "set 1 is not complete"},
		{"without results", join(three("1")[:2]), 0, "set 1 is not complete"},
		{"one of them twice", join(three("1"), three("1")[2:]), 0, "set 1 is not complete"},
		{"all of them twice", join(three("1"), three("1")), 0, "set 1 is not complete"},
		{"a zero in front", join(three("01")), 1, ""},
		{"three digits", join(three("001")), 0, "without a valid i="},
		{"a sign", join(three("+1")), 0, "without a valid i="},
		{"a negative number", join(three("-1")), 0, "without a valid i="},
		{"zero", join(three("0")), 0, "without a valid i="},
		{"a fraction", join(three("1.0")), 0, "without a valid i="},
		{"no number", join(three("")), 0, "without a valid i="},
		{"results without one", join(three("1")[:2], []string{"ARC-Authentication-Results: mx.test; none"}), 0, "without a valid i="},
		{"twice in one field", join(three("1")[1:], []string{"ARC-Seal: i=1; cv=none; i=2"}), 0, "without a valid i="},
	} {
		sets, broken := readSets(parseHeader([]byte(tt.header)))
		if len(sets) != tt.sets || !strings.Contains(broken, tt.broken) || (broken != "") != (tt.broken != "") {
			t.Errorf("%s: %d sets, %q; want %d, %q", tt.name, len(sets), broken, tt.sets, tt.broken)
		}
		for i, s := range sets {
			if n := strings.TrimLeft(s.tags["i"], "0"); n != fmt.Sprint(i+1) {
				t.Errorf("%s: set %d has i=%s", tt.name, i+1, n)
			}
		}
	}
}

// TestOrderOfASealedMessage: where the fields of a chain stand does not matter, whose set they are does.
func TestOrderOfASealedMessage(t *testing.T) {
	t.Parallel()
	at := now
	k := ring(t, &at)
	z := published(t, k, "example.org", "list.test")
	message := sealed(t, k, "list.test", "example.org", "list.test")
	block, body, _ := strings.Cut(message, "\r\n\r\n")
	var chain, rest []string
	for _, f := range parseHeader([]byte(block + "\r\n")).fields {
		if strings.HasPrefix(f.name, "arc-") {
			chain = append(chain, string(f.raw))
		} else {
			rest = append(rest, string(f.raw))
		}
	}
	if len(chain) != 9 {
		t.Fatalf("%d fields of the chain, want 9", len(chain))
	}
	build := func() string { return strings.Join(rest, "") + strings.Join(chain, "") + "\r\n" + body }
	if got := chainOf(t, z, build()); got.Result != Pass || strings.Join(got.Sealers, " ") != "list.test example.org list.test" {
		t.Errorf("below the other fields: %+v", got)
	}
	slices.Reverse(chain)
	if got := chainOf(t, z, build()); got.Result != Pass {
		t.Errorf("backwards: %+v", got)
	}
	for i, f := range chain {
		chain[i] = strings.NewReplacer(": i=1;", ": i=2;", ": i=2;", ": i=1;").Replace(f)
	}
	if got := chainOf(t, z, build()); got.Result != Fail {
		t.Errorf("two sets changed places: %+v", got)
	}
}

// TestOwnResultsAreFound: in every spelling of our name, and nobody else's. RFC 8601 §2.2 and §2.5.
func TestOwnResultsAreFound(t *testing.T) {
	t.Parallel()
	const ours = "mx.school.test"
	for value, want := range map[string]chainState{
		" mx.school.test; arc=pass": chainPass, " MX.School.TEST ; ARC=Pass": chainPass, "mx.school.test 1;arc=fail": chainFail, " (x) \"mx.school.test\" (y) 1; arc = none": chainNone,
		"\r\n\tmx.school.test;\r\n\tspf=pass;\r\n\tarc=pass (i=2)": chainPass, "mx.school.test; spf=pass": "", "mx.school.test; none": "",
		" mx.school.test.evil.test; arc=pass": "", " xmx.school.test; arc=pass": "", " evil.test (mx.school.test); arc=pass": "", " evil.test mx.school.test; arc=pass": "", "; mx.school.test; arc=pass": "", "": "",
	} {
		if _, got := ownResults(parseHeader([]byte("Authentication-Results:"+value+"\r\n")), ours); got != want {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
	h := parseHeader([]byte("authentication-results: evil.test; arc=fail\r\nAuthentication-Results: mx.school.test; arc=pass; spf=none\r\nAuthentication-Results: mx.school.test; arc=fail\r\n"))
	if found, chain := ownResults(h, ours); chain != chainPass || found != " arc=pass; spf=none" {
		t.Errorf("the topmost of ours: %q, %q", found, chain)
	}
}

// TestValuesInTheField: what others chose stands there as one value, and reads back as such. RFC 8601 §2.2, RFC 5322 §3.2.4.
func TestValuesInTheField(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"mail.x.test": "mail.x.test", "a+b_c-d@x.test": "a+b_c-d@x.test", "a b": `"a b"`, "a;b": `"a?b"`, "(a)": `"(a)"`, "a=b": `"a=b"`, `a"b`: `"a\"b"`, `a\b`: `"a\\b"`,
		"a\r\nX: b": `"a??X: b"`, "a\x00\x7fb": `"a??b"`, "j\u00fcrgen@x.test": `"j?rgen@x.test"`, "\xff": `"?"`, strings.Repeat("a", 300): strings.Repeat("a", maxProperty),
		strings.Repeat(";", 300): `"` + strings.Repeat("?", maxReasonText) + `"`,
	} {
		if got := string(appendProperty(nil, "x.y", in)); got != " x.y="+want {
			t.Errorf("%.40q is written as %.60q, want %.60q", in, got, want)
		}
	}
	for local, want := range map[string]string{"lena": "lena@x.test", "": "@x.test", "a b": "a b@x.test", "j\u00fcrgen": "x.test", "a\tb": "x.test", strings.Repeat("a", 64): strings.Repeat("a", 64) + "@x.test", strings.Repeat("a", 65): "x.test"} {
		if got := addressText(local, "x.test"); got != want {
			t.Errorf("addressText(%q) = %q, want %q", local, got, want)
		}
	}
}

// TestLinesOfTheField: no sender makes a line of it longer than RFC 5322 §2.1.1 allows.
func TestLinesOfTheField(t *testing.T) {
	t.Parallel()
	long := strings.Repeat(`"`, 400)
	v := Verdict{SPF: SPF{Result: Fail, Reason: long, Domain: long}, IPRev: IPRev{Result: Pass, Name: long}, DMARC: DMARC{Result: Fail, From: long, Record: long, Policy: PolicyNone}}
	for range maxSignatures {
		v.DKIM = append(v.DKIM, DKIM{Result: PermError, Reason: long, Domain: long, Identity: long, Selector: long, Signature: long, Algorithm: "ed25519", Bits: 256})
	}
	field := string(v.appendField(nil, "mx.school.test"))
	for line := range strings.SplitSeq(strings.TrimSuffix(field, "\r\n"), "\r\n") {
		if len(line) > 998 {
			t.Errorf("a line of %d octets: %.60s…", len(line), line)
		}
	}
	if h := parseHeader([]byte(field)); len(h.fields) != 1 || strings.Count(field, "header.s=") != maxSignatures {
		t.Errorf("%d fields, %d selectors", len(h.fields), strings.Count(field, "header.s="))
	}
}

// TestTheFieldReadsBack: whatever printable text a sender gets into it, the field says what we found and no more, also to who knows no quotes.
func TestTheFieldReadsBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[ -~]{0,60}`)
		reason, identity, selector, hello := text.Draw(t, "reason"), text.Draw(t, "identity"), text.Draw(t, "selector"), text.Draw(t, "hello")
		v := Verdict{
			SPF: SPF{Result: None, Reason: reason, Domain: hello, Hello: true}, DKIM: []DKIM{{Result: Fail, Reason: reason, Identity: identity, Selector: selector, Algorithm: "rsa", Bits: 2048}},
			ARC: ARC{Result: None}, DMARC: DMARC{Result: Fail, From: "x.test", Record: "x.test", Policy: PolicyNone}, IPRev: IPRev{Result: PermError},
		}
		h := parseHeader(v.appendField(nil, "mx.school.test"))
		if len(h.fields) != 1 {
			t.Fatalf("%d fields", len(h.fields))
		}
		id, list, ok := parseResults(string(h.fields[0].value()))
		var results []string
		for _, f := range list {
			results = append(results, f.method+"="+f.value)
		}
		if got := strings.Join(results, " "); !ok || id != "mx.school.test" || got != "spf=none dkim=fail arc=none dmarc=fail iprev=permerror" {
			t.Fatalf("%q says %s: %s, %v", h.fields[0].raw, id, got, ok)
		}
		if n := strings.Count(string(h.fields[0].value()), ";"); n != len(list) {
			t.Fatalf("%q: who splits at semicolons finds %d results, want %d", h.fields[0].raw, n, len(list))
		}
		for at, want := range map[int]map[string]string{0: {"reason": reason, "smtp.helo": hello}, 1: {"reason": reason, "header.i": identity, "header.s": selector, "header.a": "rsa-sha256"}, 3: {"header.from": "x.test"}} {
			for name, text := range want {
				text = strings.ReplaceAll(text, ";", "?")
				if got := list[at].properties[name]; got != text {
					t.Fatalf("%s of %s is %q, want %q; %q", name, list[at].method, got, text, h.fields[0].raw)
				}
			}
		}
	})
}
