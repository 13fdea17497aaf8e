package spam

import (
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"schulhof/smtpd/authenticate"
)

type told = func(*authenticate.Verdict)

func spf(r authenticate.Result) told   { return func(v *authenticate.Verdict) { v.SPF.Result = r } }
func iprev(r authenticate.Result) told { return func(v *authenticate.Verdict) { v.IPRev.Result = r } }
func dmarc(r authenticate.Result) told { return func(v *authenticate.Verdict) { v.DMARC.Result = r } }
func dkim(r authenticate.Result) told  { return signed("example.org", r) }
func signed(domain string, r authenticate.Result) told {
	return func(v *authenticate.Verdict) { v.DKIM = append(v.DKIM, authenticate.DKIM{Result: r, Domain: domain}) }
}
func sender(domain string, r authenticate.Result) told {
	return func(v *authenticate.Verdict) { v.SPF = authenticate.SPF{Result: r, Domain: domain} }
}

func without(field string) string {
	var kept strings.Builder
	for line := range strings.SplitAfterSeq(good, "\r\n") {
		if !strings.HasPrefix(line, field+":") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// TestSymbols: one case for each rule that holds, and for what looks similar.
func TestSymbols(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ours := strings.Replace(good, "lena@example.org", "rektor@school.test", 1)
	tests := []struct {
		name   string
		origin []told
		client string
		hello  string
		header string
		want   string
	}{
		{"nothing to note", nil, "", "", "", ""},
		{"SPF fails", []told{spf(authenticate.Fail), dkim(authenticate.Pass)}, "", "", "", "SPF_FAIL"},
		{"SPF fails on the way, the domain answers for it", []told{spf(authenticate.Fail), dkim(authenticate.Pass), dmarc(authenticate.Pass)}, "", "", "", "DMARC_PASS"},
		{"SPF fails, a trusted list answers for it", []told{spf(authenticate.Fail), dmarc(authenticate.Fail), func(v *authenticate.Verdict) { v.DMARC.Sealed = true }}, "", "", "", "TRUSTED_SEAL"},
		{"SPF fails softly", []told{spf(authenticate.SoftFail)}, "", "", "", "SPF_SOFTFAIL NO_ORIGIN"},
		{"nothing speaks for it", []told{spf(authenticate.None)}, "", "", "", "NO_ORIGIN"},
		{"a signature that fails is none", []told{spf(authenticate.None), dkim(authenticate.Fail)}, "", "", "", "NO_ORIGIN"},
		{"the DNS has no answer on SPF", []told{spf(authenticate.TempError)}, "", "", "", ""},
		{"the DNS has no answer on the key", []told{spf(authenticate.None), dkim(authenticate.TempError)}, "", "", "", ""},
		{"DMARC fails", []told{dmarc(authenticate.Fail)}, "", "", "", "DMARC_FAIL"},
		{"no name in reverse", []told{iprev(authenticate.PermError)}, "", "", "", "NO_REVERSE"},
		{"no name of a private address", []told{iprev(authenticate.PermError)}, "10.1.2.3", "", "", ""},
		{"another name in reverse", []told{iprev(authenticate.Fail)}, "", "", "", "REVERSE_DIFFERS"},
		{"no answer on the reverse", []told{iprev(authenticate.TempError)}, "", "", "", ""},
		{"HELO is one word", nil, "", "localhost", "", "HELO_NO_NAME"},
		{"HELO is an address", nil, "", "192.0.2.1", "", "HELO_NO_NAME"},
		{"HELO is a literal", nil, "", "[192.0.2.1]", "", "HELO_NO_NAME"},
		{"HELO is our name", nil, "", "MAIL.school.test.", "", "HELO_OURS"},
		{"HELO is our domain", nil, "", "school.test", "", "HELO_OURS"},
		{"HELO is our name, from this machine", nil, "127.0.0.1", "mail.school.test", "", ""},
		{"From is ours", []told{spf(authenticate.None)}, "", "", strings.Replace(good, "lena@example.org", "rektor@School.test", 1), "NO_ORIGIN FROM_OURS"},
		{"From is ours, SPF speaks for another", nil, "", "", ours, "FROM_OURS"},
		{"From is ours, and so is SPF", []told{sender("school.test", authenticate.Pass)}, "", "", ours, ""},
		{"From is ours, and our SPF fails", []told{sender("school.test", authenticate.Fail)}, "", "", ours, "SPF_FAIL NO_ORIGIN FROM_OURS"},
		{"From is ours, the DNS has no answer on our SPF", []told{sender("school.test", authenticate.TempError)}, "", "", ours, ""},
		{"From is ours, the DNS has no answer on another's SPF", []told{spf(authenticate.TempError)}, "", "", ours, "FROM_OURS"},
		{"From is ours, and so is a signature", []told{dkim(authenticate.Fail), signed("school.test", authenticate.Pass)}, "", "", ours, ""},
		{"From is ours, and our signature fails", []told{signed("school.test", authenticate.Fail)}, "", "", ours, "FROM_OURS"},
		{"From is ours, a signature speaks for another", []told{dkim(authenticate.Pass)}, "", "", ours, "FROM_OURS"},
		{"From is ours, the DNS has no answer on our key", []told{signed("school.test", authenticate.TempError)}, "", "", ours, ""},
		{"From is ours, the DNS has no answer on another's key", []told{dkim(authenticate.TempError)}, "", "", ours, "FROM_OURS"},
		{"the second author is ours", nil, "", "", strings.Replace(good, "<lena@example.org>", "<lena@example.org>, rektor@school.test", 1), "FROM_OURS"},
		{"the name is another's address", nil, "", "", strings.Replace(good, "Lena", `"rektor@school.test"`, 1), "NAME_IS_ADDRESS"},
		{"encoded as well", nil, "", "", strings.Replace(good, "Lena", `=?utf-8?q?Rektor_=3Crektor=40school=2Etest=3E?=`, 1), "NAME_IS_ADDRESS"},
		{"the name is their own address", nil, "", "", strings.Replace(good, "Lena", `"lena@mail.example.org"`, 1), ""},
		{"the name has an @", nil, "", "", strings.Replace(good, "Lena", `"Lena @ Verein"`, 1), ""},
		{"no date", nil, "", "", without("Date"), "NO_DATE"},
		{"an unreadable date", nil, "", "", strings.Replace(good, "Wed, 25 Nov 2026", "gestern", 1), "DATE_WRONG"},
		{"from the day after tomorrow", nil, "", "", strings.Replace(good, "25 Nov", "27 Nov", 1), "DATE_WRONG"},
		{"from last month", nil, "", "", strings.Replace(good, "25 Nov", "25 Oct", 1), "DATE_WRONG"},
		{"from a queue", nil, "", "", strings.Replace(good, "25 Nov", "20 Nov", 1), ""},
		{"no id", nil, "", "", without("Message-ID"), "NO_MESSAGE_ID"},
		{"an empty id", nil, "", "", strings.Replace(good, "<1@example.org>", "", 1), "NO_MESSAGE_ID"},
		{"no header at all", []told{spf(authenticate.None)}, "", "", "", "NO_ORIGIN"},
	}
	for _, tt := range tests {
		w.origin.tell(tt.origin...)
		m := from("198.51.100.7", good)
		if tt.client != "" {
			m = from(tt.client, good)
		}
		if tt.header != "" {
			m = from("198.51.100.7", tt.header)
		}
		if tt.hello != "" {
			m.Hello = tt.hello
		}
		v := w.judge(m)
		sum := 0.0
		for _, s := range v.Symbols {
			sum += s.Score
		}
		if got := names(v.Symbols); got != tt.want || math.Abs(sum-v.Score) > 0.01 {
			t.Errorf("%s: %s (%.1f), want %s (%.1f)", tt.name, got, v.Score, tt.want, sum)
		}
	}
}

// TestRulesAreSane: names are unique and can stand in a header, and no single mark alone sends a message to Junk.
func TestRulesAreSane(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range rules {
		if seen[r.name] || strings.Trim(r.name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") != "" {
			t.Errorf("name %q", r.name)
		}
		seen[r.name] = true
		if r.score >= defaultJunk || r.score == 0 {
			t.Errorf("%s counts %.1f", r.name, r.score)
		}
	}
}

// TestSumsOfTheDecision: what docs/decisions says of them.
func TestSumsOfTheDecision(t *testing.T) {
	t.Parallel()
	ours := strings.Replace(good, "lena@example.org", "rektor@school.test", 1)
	for _, tt := range []struct {
		name          string
		spf           authenticate.Result
		hello, header string
		listed        bool
		want          float64
	}{
		{"a small server", authenticate.None, "mail.example.org", good, false, 2.5},
		{"a program on a stranger's computer", authenticate.SoftFail, "pc", good, false, 5},
		{"that is listed", authenticate.SoftFail, "pc", good, true, 9.5},
		{"and gives itself out as the school", authenticate.SoftFail, "school.test", ours, true, 15},
	} {
		w := newWorld(t, func(o *Options) { o.Blocklists = []string{"bl.test"} })
		w.origin.tell(spf(tt.spf), iprev(authenticate.PermError))
		if tt.listed {
			w.origin.zone.ip = map[string]string{"7.100.51.198.bl.test": "127.0.0.2"}
		}
		m := from("198.51.100.7", tt.header)
		m.Hello = tt.hello
		if v := w.judge(m); math.Abs(v.Score-tt.want) > 0.01 {
			t.Errorf("%s: %v, want %.1f", tt.name, v.Symbols, tt.want)
		}
	}
}

func TestDecisions(t *testing.T) {
	t.Parallel()
	rejected := func(v *authenticate.Verdict) {
		v.Action, v.Reason = authenticate.Reject, "example.org asks to refuse it"
	}
	distrusted := func(v *authenticate.Verdict) {
		v.Action, v.Reason = authenticate.Junk, "example.org asks to distrust it"
	}
	unknown := func(v *authenticate.Verdict) { v.Action, v.Reason = authenticate.Defer, "the DNS has no answer" }
	bad := []told{spf(authenticate.Fail), iprev(authenticate.PermError)} // 2 + 1 + 1.5
	tests := []struct {
		name    string
		options Options
		origin  []told
		listed  bool
		action  Action
		reason  string
		field   string
	}{
		{"good", Options{}, nil, false, Deliver, "", "No, score=0.0 required=6.0\r\n\ttests=none\r\n"},
		{"the domain wants it refused", Options{}, []told{rejected}, false, Refuse, "example.org asks to refuse it", ""},
		{"the DNS has no answer", Options{}, []told{unknown}, true, Defer, "the DNS has no answer", ""},
		{"the domain wants it distrusted", Options{}, []told{distrusted}, false, Junk, "", "Yes, score=0.0 required=6.0\r\n\ttests=none\r\n\treason=\"example.org asks to distrust it\"\r\n"},
		{"doubtful", Options{}, bad, false, Defer, "Your network is not known here yet, please try again in 5 minutes (greylisting)", ""},
		{"doubtful, signed", Options{}, append(bad, dkim(authenticate.Pass), iprev(authenticate.Fail), func(v *authenticate.Verdict) { v.SPF.Result = authenticate.Fail }), true, Junk, "", "Yes, score=7.5"},
		{"doubtful, nobody is asked to come again", Options{Greylist: -1}, bad, false, Deliver, "", "No, score=4.5 required=6.0\r\n\ttests=SPF_FAIL=2.0,NO_ORIGIN=1.0,NO_REVERSE=1.5\r\n"},
		{"junk", Options{Greylist: -1}, bad, true, Junk, "", "Yes, score=9.0 required=6.0\r\n\ttests=SPF_FAIL=2.0,NO_ORIGIN=1.0,NO_REVERSE=1.5,LISTED=4.5\r\n"},
		{"junk, but there shall be none", Options{Greylist: -1, Junk: -1}, bad, true, Deliver, "", "No, score=9.0 required=never\r\n"},
		{"refused", Options{Reject: 9}, bad, true, Refuse, "The message has too many marks of unwanted mail (9.0): LISTED, SPF_FAIL, NO_REVERSE, NO_ORIGIN", ""},
		{"refused rather than distrusted", Options{Reject: 9}, append(bad, distrusted), true, Refuse, "too many marks", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(o *Options) {
				o.Junk, o.Reject, o.Greylist, o.Blocklists = tt.options.Junk, tt.options.Reject, tt.options.Greylist, []string{"bl.test"}
			})
			if tt.listed {
				w.origin.zone.ip = map[string]string{"7.100.51.198.bl.test": "127.0.0.2"}
			}
			w.origin.tell(tt.origin...)
			v := w.judge(from("198.51.100.7", good))
			if v.Action != tt.action || !strings.Contains(v.Reason, tt.reason) {
				t.Errorf("%s, %q; want %s, %q", v.Action, v.Reason, tt.action, tt.reason)
			}
			if !strings.Contains(string(v.Fields), tt.field) || !strings.HasPrefix(string(v.Fields), "Authentication-Results: mail.school.test; none\r\nX-Spam-Status: ") {
				t.Errorf("fields %q, want %q", v.Fields, tt.field)
			}
		})
	}
}

// TestStatusField: whatever the names, the field is one field of short lines in ASCII.
func TestStatusField(t *testing.T) {
	t.Parallel()
	c := &Checker{o: Options{}.withDefaults()}
	v := Verdict{Action: Junk, Reason: "it \"says\"\r\nBcc: all", Score: 12.25}
	for range 100 {
		v.Symbols = append(v.Symbols, Symbol{"A_RATHER_LONG_NAME", 1.25})
	}
	field := string(c.appendStatus(nil, &v))
	lines := strings.Split(strings.TrimSuffix(field, "\r\n"), "\r\n")
	for i, line := range lines {
		if len(line) > 100 || i > 0 && !strings.HasPrefix(line, "\t") {
			t.Errorf("line %q", line)
		}
	}
	if !strings.Contains(field, "reason=\"it ?says???Bcc: all\"") || strings.Count(field, "A_RATHER_LONG_NAME=1.2") != maxSymbols {
		t.Errorf("field %q", field)
	}
}

func TestAMessageThatCannotBeRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := from("198.51.100.7", good)
	m.Body, m.Size = broken{}, 100
	if _, err := w.checker.Check(t.Context(), m); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("header: %v", err)
	}
	w.origin.err = io.ErrClosedPipe
	if _, err := w.checker.Check(t.Context(), from("198.51.100.7", good)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("origin: %v", err)
	}
}

type broken struct{}

func (broken) ReadAt([]byte, int64) (int, error) { return 0, io.ErrUnexpectedEOF }

// FuzzHead: any header is read up to its end or its limit, without a panic, whatever the size of the pieces.
func FuzzHead(f *testing.F) {
	f.Add(good)
	f.Add("")
	f.Add("\r\n")
	f.Add("From")
	f.Add("From:\r\n " + strings.Repeat("a@b,", 5000) + "\r\nDate: \r\n")
	f.Add(strings.Repeat("X: "+strings.Repeat("y", 90)+"\r\n", 3000) + good)
	f.Fuzz(func(t *testing.T, header string) {
		c := &Checker{o: Options{}.withDefaults()}
		m := from("192.0.2.1", header)
		block, err := headerBlock(nil, m)
		if err != nil || len(block) > maxHeader {
			t.Fatalf("%d bytes, %v", len(block), err)
		}
		if i := strings.Index(header+"\r\nWir", "\r\n\r\n"); i >= 0 && i+2 <= maxHeader && len(block) != i+2 {
			t.Fatalf("%d bytes, the header has %d", len(block), i+2)
		}
		for range 2 { // again, in used memory
			if _, err := c.readHead(m); err != nil {
				t.Fatal(err)
			}
		}
	})
}
