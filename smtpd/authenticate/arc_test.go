package authenticate

import (
	"context"
	"strings"
	"testing"
)

// sealed is a message of example.org that went through lists, each of which changed it, and sealed what it had found.
func sealed(t testing.TB, k *Keyring, hops ...string) string {
	t.Helper()
	message := sign(t, k, "example.org", letter)
	for i, hop := range hops {
		chain := "none"
		if i > 0 {
			chain = "pass"
		}
		message = "Authentication-Results: mx." + hop + "; arc=" + chain + ";\r\n\tdmarc=pass (p=reject) header.from=example.org\r\n" + message
		message = strings.Replace(message, "Subject: ", "Subject: ["+hop+"] ", 1)
		fields, err := k.Seal(context.Background(), hop, "mx."+hop, strings.NewReader(message))
		if err != nil {
			t.Fatal(err)
		}
		message = string(fields) + message
	}
	return message
}

func chainOf(t testing.TB, r Resolver, message string) ARC {
	t.Helper()
	h, body, err := splitMessage(strings.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	_, arc, err := newTestChecker(t, r).signatures(context.Background(), r, h, body)
	if err != nil {
		t.Fatal(err)
	}
	return arc
}

func TestChains(t *testing.T) {
	at := now
	k := ring(t, &at)
	z := published(t, k, "example.org", "list.test")
	one, two := sealed(t, k, "list.test"), sealed(t, k, "list.test", "example.org")
	change := func(message, old, new string) string {
		t.Helper()
		changed := strings.Replace(message, old, new, 1)
		if changed == message {
			t.Fatalf("%q is not in the message", old)
		}
		return changed
	}
	tests := []struct {
		name, message string
		want          Result
		reason        string
	}{
		{"no chain", letter, None, ""},
		{"one set", one, Pass, ""},
		{"two sets", two, Pass, ""},
		{"the body changed", change(two, "Museum", "Kino"), Fail, "body"},
		{"the subject changed", change(two, "Ausflug", "Umzug"), Fail, "did not verify"},
		{"results changed", change(two, "i=1; mx.list.test; arc=none;\r\n\tdmarc=pass", "i=1; mx.list.test; arc=none;\r\n\tdmarc=fail"), Fail, "seal 2: did not verify"},
		{"the chain says fail", change(two, "cv=pass", "cv=fail"), Fail, "does not vouch"},
		{"the first says pass", change(one, "cv=none", "cv=pass"), Fail, "does not vouch"},
		{"a set is missing", change(two, "ARC-Seal: i=1", "X-Seal: i=1"), Fail, "set 1 is not complete"},
		{"a set twice", change(two, "ARC-Seal: i=2", "ARC-Seal: i=1"), Fail, "not complete"},
		{"a gap", change(one, "ARC-Seal: i=1", "ARC-Seal: i=3"), Fail, "not complete"},
		{"no number", change(one, "ARC-Seal: i=1", "ARC-Seal: i=one"), Fail, "without a valid i="},
		{"number 0", change(one, "ARC-Seal: i=1", "ARC-Seal: i=0"), Fail, "without a valid i="},
		{"a number with a sign", change(one, "ARC-Seal: i=1", "ARC-Seal: i=+1"), Fail, "without a valid i="},
		{"number 51", change(one, "ARC-Seal: i=1", "ARC-Seal: i=51"), Fail, "without a valid i="},
		{"a seal with h=", change(one, "ARC-Seal: i=1;", "ARC-Seal: i=1; h=from;"), Fail, "has h="},
		{"a seal that cannot be read", change(one, "ARC-Seal: i=1; a=rsa-sha256", "ARC-Seal: i=1; a=rsa-sha512"), Fail, "cannot be read"},
		{"seals are signed", change(one, "\th=From", "\th=ARC-Seal:From"), Fail, "covers seals"},
		{"seal taken off", change(one, "ARC-Seal:", "X:"), Fail, "not complete"},
	}
	for _, tt := range tests {
		if got := chainOf(t, z, tt.message); got.Result != tt.want || !strings.Contains(got.Reason, tt.reason) {
			t.Errorf("%s: %s %q, want %s %q", tt.name, got.Result, got.Reason, tt.want, tt.reason)
		}
	}
	for name := range z.txt {
		if strings.HasSuffix(name, "._domainkey.list.test") {
			z.broken[name] = true
		}
	}
	if got := chainOf(t, z, two); got.Result != TempError {
		t.Errorf("no answer for a key: %+v, want temperror", got)
	}
}

// A list breaks the author's signature; whoever trusts the list still gets the mail.
func TestTrustedSealersAreBelieved(t *testing.T) {
	at := now
	k := ring(t, &at)
	z := published(t, k, "example.org", "list.test")
	one := sealed(t, k, "list.test")
	lied := strings.Replace(letter, "lena@example.org", "head@example.org", 1)
	forged, err := k.Seal(context.Background(), "list.test", "mx.list.test", strings.NewReader("Authentication-Results: mx.list.test; dmarc=fail header.from=example.org\r\n"+lied))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, message string
		trusted       []string
		want          Action
	}{
		{"nobody is trusted", one, nil, Reject},
		{"another is trusted", one, []string{"other.test"}, Reject},
		{"the list is trusted", one, []string{"List.test"}, Accept},
		{"all of two are trusted", sealed(t, k, "list.test", "example.org"), []string{"list.test", "example.org"}, Accept},
		{"one of two is trusted", sealed(t, k, "list.test", "example.org"), []string{"list.test"}, Reject},
		{"the list saw it fail", string(forged) + lied, []string{"list.test"}, Reject},
		{"another From", strings.Replace(one, "From: Lena <lena@example.org>", "From: <a@sub.example.org>", 1), []string{"list.test"}, Junk},
	}
	for _, tt := range tests {
		c := newTestChecker(t, z, func(o *Options) { o.Trusted = tt.trusted })
		v := check(t, c, input("192.0.2.77", "mx.list.test", "bounce@list.test", tt.message))
		if v.Action != tt.want || v.DMARC.Sealed != (tt.want == Accept) {
			t.Errorf("%s: %s (%s), ARC %s %s; want %s", tt.name, v.Action, v.Reason, v.ARC.Result, v.ARC.Reason, tt.want)
		}
	}
	for name := range z.txt {
		if strings.HasSuffix(name, "._domainkey.list.test") {
			z.broken[name] = true
		}
	}
	c := newTestChecker(t, z, func(o *Options) { o.Trusted = []string{"list.test"} })
	if v := check(t, c, input("192.0.2.77", "mx.list.test", "bounce@list.test", one)); v.Action != Defer {
		t.Errorf("no answer for the list's key: %s, want defer", v.Action)
	}
}

func TestSealOfBrokenChains(t *testing.T) {
	at := now
	k := ring(t, &at)
	z := published(t, k, "example.org", "list.test")
	seal := func(message string) string {
		t.Helper()
		fields, err := k.Seal(context.Background(), "list.test", "mx.list.test", strings.NewReader(message))
		if err != nil {
			t.Fatal(err)
		}
		return string(fields)
	}
	one := sealed(t, k, "example.org")
	failed := "Authentication-Results: mx.list.test; arc=fail\r\n" + one
	fields := seal(failed)
	if !strings.Contains(fields, "i=2;") || !strings.Contains(fields, "cv=fail") {
		t.Errorf("a chain that was broken on its way: %q", fields)
	}
	if got := chainOf(t, z, fields+failed); got.Result != Fail {
		t.Errorf("sealed as broken: %s", got.Result)
	}
	if again := seal(fields + failed); again != "" {
		t.Errorf("broken for good, sealed again: %q", again)
	}
	if odd := seal(strings.Replace(one, "ARC-Seal: i=1", "ARC-Seal: i=x", 1)); odd != "" {
		t.Errorf("unreadable, sealed: %q", odd)
	}
	if fields := seal(letter); !strings.Contains(fields, "ARC-Authentication-Results: i=1; mx.list.test; none") || !strings.Contains(fields, "cv=none") {
		t.Errorf("what began here: %q", fields)
	}
	if fields, err := k.Seal(context.Background(), "unknown.test", "x", strings.NewReader(letter)); err != nil || fields != nil {
		t.Errorf("without keys: %q, %v", fields, err)
	}
}

func TestParseResults(t *testing.T) {
	for _, tt := range []struct{ in, id, want string }{
		{" mx.example.org 1; none", "mx.example.org", ""},
		{"mx.example.org;\r\n\tspf=pass (a;b) smtp.mailfrom=x@y.test; DKIM=Fail reason=\"bad; dmarc=pass\" header.d=x.test", "mx.example.org", "spf=pass smtp.mailfrom:x@y.test dkim=fail header.d:x.test reason:bad; dmarc=pass"},
		{"(comment (nested \\) ;)) mx.example.org; dmarc/1 = pass header.from = example.org", "mx.example.org", "dmarc=pass header.from:example.org"},
		{"mx; dmarc=fail reason=\"p=\" header.from=x.test; spf= pass reason = \"=\"  smtp.mailfrom=a@b", "mx", "dmarc=fail header.from:x.test reason:p= spf=pass reason:= smtp.mailfrom:a@b"},
		{"\"mx example\"; arc=pass", "mx example", "arc=pass"},
		{"", "", ""},
		{";spf=pass", "", ""},
		{"mx; spf", "mx", ""},
	} {
		id, list, _ := parseResults(tt.in)
		var words []string
		for _, f := range list {
			words = append(words, f.method+"="+f.value)
			for _, name := range []string{"header.d", "header.from", "reason", "smtp.mailfrom"} {
				if text, ok := f.properties[name]; ok {
					words = append(words, name+":"+text)
				}
			}
		}
		if got := strings.Join(words, " "); id != tt.id || got != tt.want {
			t.Errorf("parseResults(%q) = %q, %q; want %q, %q", tt.in, id, got, tt.id, tt.want)
		}
	}
}

// FuzzParseResults: what is read from a field ends, and says nothing that the field does not.
func FuzzParseResults(f *testing.F) {
	f.Add("mx.example.org; spf=pass (x) smtp.mailfrom=a@b; dkim=fail reason=\"x\\\"y\"")
	f.Add("((((\\")
	f.Add("a;=;b=;\"")
	f.Add("0;=\xd4\xd4\xd4\xd4\xd4\xd4\xd4\xd4\xd4\xd4\xd4\xd4\xd4\xd4\xd4")
	f.Fuzz(func(t *testing.T, value string) {
		_, list, _ := parseResults(value)
		for _, one := range list {
			if len(one.method)+len(one.value) > 2*len(value)+8 {
				t.Errorf("%q gives %+v", value, one)
			}
		}
	})
}

// FuzzRecords: no record of a stranger's DNS upsets us.
func FuzzRecords(f *testing.F) {
	f.Add("v=DMARC1; p=reject; pct=1; rua=mailto:a@b")
	f.Add("v=DKIM1; k=rsa; p=MIIB")
	f.Add(rfc6376Key)
	f.Add("v=spf1 include:%{d}.x exists:%{i}._spf.%{h} redirect=a")
	f.Fuzz(func(t *testing.T, text string) {
		if p, ok := parsePolicy(text); ok && (p.percent < 0 || p.percent > 100 || p.policy == "" || p.subdomain == "") {
			t.Errorf("policy of %q: %+v", text, p)
		}
		if k, err := parseKey(text); err == nil && (k.bits < minKeyBits && k.algorithm == "rsa" || k.key == nil) {
			t.Errorf("key of %q: %+v", text, k)
		}
		z := newZone()
		z.txt["example.org"] = []string{text}
		z.txt["_dmarc.example.org"] = []string{text}
		check(t, newTestChecker(t, z), input("192.0.2.1", "x.test", "a@example.org", from("a@example.org")))
	})
}
