package authenticate

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-msgauth/authres"
	"github.com/google/go-cmp/cmp"
)

func TestCheck(t *testing.T) {
	z := newZone()
	z.broken["_dmarc.down.test"] = true
	tests := []struct {
		name   string
		in     Input
		action Action
		reason string
		dmarc  Result
	}{
		{"from where it claims", input("192.0.2.1", "mail.example.org", "lena@example.org", from("lena@example.org")), Accept, "", Pass},
		{"from elsewhere", input("192.0.2.2", "mail.example.org", "lena@example.org", from("lena@example.org")), Reject, "example.org asks to refuse", Fail},
		{"another's envelope", input("192.0.2.1", "x.test", "lena@hello.example", from("lena@example.org")), Reject, "refuse", Fail},
		{"of a subdomain that exists", input("192.0.2.2", "x.test", "lena@x.test", from("lena@sub.example.org")), Junk, "sub.example.org asks to distrust", Fail},
		{"of one that does not", input("192.0.2.2", "x.test", "lena@x.test", from("lena@no.example.org")), Reject, "refuse", Fail},
		{"a bounce of the domain", input("192.0.2.1", "m.example.org", "", from("MAILER-DAEMON@example.org")), Reject, "refuse", Fail},
		{"no policy", input("192.0.2.2", "x.test", "lena@lax.example", from("lena@lax.example")), Accept, "", Fail},
		{"no record", input("192.0.2.2", "x.test", "lena@nowhere.test", from("lena@nowhere.test")), Accept, "", None},
		{"no answer now", input("192.0.2.2", "x.test", "lena@down.test", from("lena@down.test")), Defer, "no answer now on mail from down.test", TempError},
		{"the strictest of two", input("192.0.2.2", "x.test", "l@lax.example", from("a@lax.example, b@quarantine.test")), Junk, "quarantine.test", Fail},
		{"no From", input("192.0.2.2", "x.test", "l@lax.example", "Subject: x\r\n\r\nx"), Reject, "no From", PermError},
		{"nothing at all", input("192.0.2.2", "x.test", "l@lax.example", ""), Reject, "no From", PermError},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := check(t, newTestChecker(t, z), tt.in)
			if v.Action != tt.action || !strings.Contains(v.Reason, tt.reason) || v.DMARC.Result != tt.dmarc {
				t.Errorf("%s %q, DMARC %s; want %s %q, %s", v.Action, v.Reason, v.DMARC.Result, tt.action, tt.reason, tt.dmarc)
			}
			if tt.action == Accept && v.Reason != "" {
				t.Errorf("a reason without need: %q", v.Reason)
			}
		})
	}
}

// An administrator may weaken what policies lead to; a faulty From stays refused.
func TestCheckAsStrictAsSet(t *testing.T) {
	spoofed := func() Input { return input("192.0.2.2", "x.test", "lena@example.org", from("lena@example.org")) }
	for _, tt := range []struct{ strict, want Action }{{Reject, Reject}, {Junk, Junk}, {Accept, Accept}} {
		c := newTestChecker(t, newZone(), func(o *Options) { o.Strict = tt.strict })
		if v := check(t, c, spoofed()); v.Action != tt.want {
			t.Errorf("strict %s: %s, want %s", tt.strict, v.Action, tt.want)
		}
		if v := check(t, c, input("192.0.2.2", "x.test", "lena@example.org", "Subject: x\r\n\r\n")); v.Action != Reject {
			t.Errorf("strict %s, no From: %s", tt.strict, v.Action)
		}
	}
}

func TestField(t *testing.T) {
	z := newZone()
	v := check(t, newTestChecker(t, z), input("192.0.2.1", "mail.example.org", "lena@example.org", from("lena@example.org")))
	want := "Authentication-Results: mail.school.test;\r\n\tspf=pass smtp.mailfrom=lena@example.org;\r\n\tdkim=none;\r\n" +
		"\tarc=none;\r\n\tdmarc=pass (p=reject) header.from=example.org;\r\n\tiprev=pass policy.iprev=mail.example.org\r\n"
	if diff := cmp.Diff(want, string(v.Field)); diff != "" {
		t.Errorf("field (-want +got):\n%s", diff)
	}
	v = check(t, newTestChecker(t, rfcZone()), input("192.0.2.8", "mail.example.net", "", vectors(t, "rfc8463.eml")))
	want = "Authentication-Results: mail.school.test;\r\n\tspf=none smtp.helo=mail.example.net;\r\n" +
		"\tdkim=pass header.d=football.example.com header.i=@football.example.com header.s=brisbane header.b=\"/gCrinpc\" header.a=ed25519-sha256;\r\n" +
		"\tdkim=pass reason=\"weak key\" (1024-bit key) header.d=football.example.com header.i=@football.example.com header.s=test header.b=F45dVWDf header.a=rsa-sha256;\r\n" +
		"\tarc=none;\r\n\tdmarc=none header.from=football.example.com;\r\n\tiprev=permerror\r\n"
	if diff := cmp.Diff(want, string(v.Field)); diff != "" {
		t.Errorf("field (-want +got):\n%s", diff)
	}
}

// silent is a DNS that never answers.
type silent struct{ zone }

func (s *silent) LookupTXT(ctx context.Context, name string) ([]string, error) {
	<-ctx.Done()
	return nil, &net.DNSError{Err: ctx.Err().Error(), Name: name, IsTimeout: true}
}

func (s *silent) LookupAddr(ctx context.Context, name string) ([]string, error) {
	<-ctx.Done()
	return nil, ctx.Err() // not even of the right kind
}

// RELIABILITY: whatever the DNS does, a message is answered within 20 s, and not refused for it.
func TestCheckOfASilentDNS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		v := check(t, newTestChecker(t, &silent{}), input("192.0.2.1", "x.test", "lena@example.org", from("lena@example.org")))
		if took := time.Since(start); took != checkTimeout {
			t.Errorf("took %s, want %s", took, checkTimeout)
		}
		if v.Action != Defer || v.SPF.Result != TempError || v.IPRev.Result != TempError {
			t.Errorf("%s, SPF %s, iprev %s; want defer and temporary errors", v.Action, v.SPF.Result, v.IPRev.Result)
		}
	})
}

// What is asked beside the check comes out of its budget, and is done when the check is.
func TestBesideSharesTheBudget(t *testing.T) {
	z := newZone()
	in := input("192.0.2.1", "x.test", "lena@example.org", from("lena@example.org"))
	answers, refused := 0, 0
	in.Beside = func(ctx context.Context, r Resolver) {
		for range 2 * maxLookups {
			if _, err := r.LookupNetIP(ctx, "ip4", "mail.example.org"); err == nil {
				answers++
			} else {
				refused++
			}
		}
	}
	check(t, newTestChecker(t, z), in)
	if answers == 0 || refused == 0 || len(z.asked) > maxLookups {
		t.Errorf("%d answers and %d refusals beside the check, %d questions in all, want at most %d", answers, refused, len(z.asked), maxLookups)
	}
}

func TestBudget(t *testing.T) {
	z := newZone()
	b := newBudget(z)
	ctx := context.Background()
	for range maxLookups {
		if _, err := b.LookupTXT(ctx, "example.org"); err != nil {
			t.Fatal(err)
		}
	}
	for name, ask := range map[string]func() error{
		"TXT": func() error { _, err := b.LookupTXT(ctx, "example.org"); return err },
		"MX":  func() error { _, err := b.LookupMX(ctx, "lax.example"); return err },
		"A":   func() error { _, err := b.LookupIPAddr(ctx, "mx.lax.example"); return err },
		"ip4": func() error { _, err := b.LookupNetIP(ctx, "ip4", "mx.lax.example"); return err },
		"PTR": func() error { _, err := b.LookupAddr(ctx, "192.0.2.1"); return err },
	} {
		var d *net.DNSError
		if err := ask(); !errors.As(err, &d) || !d.Temporary() || d.IsNotFound {
			t.Errorf("%s beyond the budget: %v, want a temporary error", name, err)
		}
	}
	for _, name := range []string{strings.Repeat("a.", 127) + "example.org", "a b.example.org", "a..example.org", "a\r\n.example.org"} {
		if _, err := newBudget(z).LookupTXT(ctx, name); !notFound(err) {
			t.Errorf("%q: %v, want no such name", name, err)
		}
	}
	if n := len(z.asked); n != maxLookups {
		t.Errorf("%d questions reached the DNS, want %d", n, maxLookups)
	}
}

// failing is a message whose reading fails.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestCheckOfAMessageThatCannotBeRead(t *testing.T) {
	for name, r := range map[string]io.Reader{
		"header": failing{}, "body": io.MultiReader(strings.NewReader(vectors(t, "rfc6376.eml")[:870]), failing{}),
	} {
		in := input("192.0.2.1", "x.test", "lena@example.org", "")
		in.Message = r
		if _, err := newTestChecker(t, rfcZone()).Check(context.Background(), in); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
	in := input("192.0.2.1", "x.test", "a@example.org", "X: "+strings.Repeat("x", maxHeader)+"\r\n\r\n")
	if _, err := newTestChecker(t, rfcZone()).Check(context.Background(), in); !errors.Is(err, errHeaderSize) {
		t.Errorf("endless header: %v", err)
	}
}

// panicking is a DNS with a bug.
type panicking struct{ zone }

func (*panicking) LookupAddr(context.Context, string) ([]string, error) { panic("bug") }

func TestPanicComesUpWhereTheMessageIsChecked(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("the panic did not come up")
		}
	}()
	newTestChecker(t, &panicking{}).Check(context.Background(), input("192.0.2.1", "x.test", "a@b.test", from("a@b.test")))
}

// FuzzCheck: whatever a message says, the check ends, and our field is one field that an independent parser reads.
func FuzzCheck(f *testing.F) {
	f.Add("lena@example.org", "mail.example.org", vectors(f, "rfc8463.eml"))
	f.Add("\"a b\\\"\"@example.org", "[IPv6:::1]", vectors(f, "rfc6376.eml"))
	f.Add("jürgen@müller.de", "x", from("\"a;b\" <\"x\\\"y\"@example.org>"))
	f.Add("", "a..b", "DKIM-Signature: v=1; a=rsa-sha256; d=ex\"a;mple.org; s=r1; i=\"x; dmarc=pass\"@example.org; h=from; bh=; b=\r\nFrom: a@b\r\n\r\n")
	f.Add("a@b", "c", "ARC-Seal: i=1; cv=none; a=rsa-sha256; d=example.org; s=r1; b=AAAA\r\nFrom: a@b\r\n\r\n")
	f.Fuzz(func(t *testing.T, sender, hello, message string) {
		v, err := newTestChecker(t, newZone()).Check(context.Background(), input("192.0.2.1", hello, sender, message))
		if err != nil {
			return
		}
		h := parseHeader(v.Field)
		if len(h.fields) != 1 || h.fields[0].name != "authentication-results" {
			t.Fatalf("no single field: %q", v.Field)
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(string(v.Field), "\r\n"), "\r\n") {
			if len(line) > 998 {
				t.Fatalf("line of %d octets", len(line))
			}
		}
		for _, c := range v.Field {
			if c > '~' || c < ' ' && c != '\t' && c != '\r' && c != '\n' {
				t.Fatalf("byte %#x in %q", c, v.Field)
			}
		}
		value := strings.ReplaceAll(string(h.fields[0].value()), "\r\n", "")
		id, results, err := authres.Parse(value)
		if err != nil || id != "mail.school.test" {
			t.Fatalf("%q: %s, %v", value, id, err)
		}
		if want := 4 + max(1, len(v.DKIM)); len(results) != want {
			t.Fatalf("%d results, want %d: %q", len(results), want, value)
		}
	})
}
