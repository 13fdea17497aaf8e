package remote

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"schulhof/smtpd/resolver"

	"github.com/google/go-cmp/cmp"
)

// TestPolicyForms: the forms in which policies are found, beyond the grammar of RFC 8461 §3.2 where that does no harm.
func TestPolicyForms(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"CRLF", "version: STSv1\r\nmode: enforce\r\nmx: a.example\r\nmax_age: 1\r\n", "enforce 1 [a.example]"},
		{"both line ends", "version: STSv1\nmode: enforce\r\nmx: a.example\nmax_age: 1", "enforce 1 [a.example]"},
		{"empty lines", "\r\nversion: STSv1\n\nmode: enforce\n \nmx: a.example\nmax_age: 1\n\n", "enforce 1 [a.example]"},
		{"blanks around everything", " version :\tSTSv1 \n mode:enforce\t\nmx :  a.example  \nmax_age: 1 ", "enforce 1 [a.example]"},
		{"CR alone", "version: STSv1\rmode: enforce\rmx: a.example\rmax_age: 1\r", ""},
		{"keys to come", "version: STSv1\nmode: testing\nmax_age: 1\nx-y.z_9: a:b:c\nmx: a.example\nempty:\n", "testing 1 [a.example]"},
		{"a key in capitals is another one", "version: STSv1\nMode: none\nmode: enforce\nmx: a.example\nmax_age: 1\n", "enforce 1 [a.example]"},
		{"a value in capitals", "version: STSv1\nmode: Enforce\nmx: a.example\nmax_age: 1\n", ""},
		{"the first of two ages", "version: STSv1\nmode: none\nmax_age: 5\nmax_age: 6\n", "none 5 []"},
		{"a second version", "version: STSv1\nversion: STSv2\nmode: none\nmax_age: 5\n", "none 5 []"},
		{"no age at all", "version: STSv1\nmode: none\nmax_age: 0\n", "none 0 []"},
		{"zeros before it", "version: STSv1\nmode: none\nmax_age: 0000000042\n", "none 42 []"},
		{"the greatest age", "version: STSv1\nmode: none\nmax_age: 31557600\n", "none 31557600 []"},
		{"a greater one", "version: STSv1\nmode: none\nmax_age: 31557601\n", "none 31557600 []"},
		{"the greatest that can be written", "version: STSv1\nmode: none\nmax_age: 9999999999\n", "none 31557600 []"},
		{"one digit more", "version: STSv1\nmode: none\nmax_age: 10000000000\n", ""},
		{"a sign", "version: STSv1\nmode: none\nmax_age: +5\n", ""},
		{"a unit", "version: STSv1\nmode: none\nmax_age: 5d\n", ""},
		{"half a second", "version: STSv1\nmode: none\nmax_age: 0.5\n", ""},
		{"an age that is empty", "version: STSv1\nmode: none\nmax_age:\n", ""},
		{"none with servers", "version: STSv1\nmode: none\nmx: a.example\nmax_age: 1\n", "none 1 [a.example]"},
		{"testing without servers", "version: STSv1\nmode: testing\nmax_age: 1\n", ""},
		{"patterns", "version: STSv1\nmode: enforce\nmx: *.A.example\nmx: b.example\nmx: xn--bcher-kva.example\nmax_age: 1\n", "enforce 1 [*.a.example b.example xn--bcher-kva.example]"},
		{"a pattern for everybody", "version: STSv1\nmode: enforce\nmx: *\nmax_age: 1\n", ""},
		{"two stars", "version: STSv1\nmode: enforce\nmx: *.*.example\nmax_age: 1\n", ""},
		{"a star inside of a label", "version: STSv1\nmode: enforce\nmx: a*.example\nmax_age: 1\n", ""},
		{"a pattern of nothing", "version: STSv1\nmode: enforce\nmx: .example\nmax_age: 1\n", ""},
		{"a server that is empty", "version: STSv1\nmode: enforce\nmx:\nmax_age: 1\n", ""},
		{"several in one line", "version: STSv1\nmode: enforce\nmx: a.example, b.example\nmax_age: 1\n", ""},
		{"as many as there may be", "version: STSv1\nmode: enforce\nmax_age: 1\n" + strings.Repeat("mx: a\n", maxPolicyMX), "enforce 1 " + fmt.Sprint(strings.Fields(strings.Repeat("a ", maxPolicyMX)))},
		{"a mark before it", "\ufeffversion: STSv1\nmode: none\nmax_age: 1\n", ""},
		{"only a colon", ":\nversion: STSv1\nmode: none\nmax_age: 1\n", ""},
	} {
		p, err := parsePolicy(tt.text)
		got := ""
		if err == nil {
			got = fmt.Sprintf("%s %d %v", p.Mode, int64(p.MaxAge/time.Second), p.MX)
		}
		if got != tt.want {
			t.Errorf("%s: %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
}

// TestPolicyMatches: a star stands for one label, the first, and for no part of one. RFC 8461 §4.1.
func TestPolicyMatches(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"mx.example", "mx.example", true}, {"mx.example", "a.mx.example", false}, {"mx.example", "xmx.example", false}, {"mx.example", "example", false}, {"mx.example", "", false},
		{"*.example", "mx.example", true}, {"*.example", "example", false}, {"*.example", ".example", false}, {"*.example", "a.mx.example", false}, {"*.example", "mx.example.test", false},
		{"*.there.example", "mx.there.example", true}, {"*.there.example", "there.example", false}, {"*.there.example", "mxthere.example", false}, {"*.there.example", "*.there.example", true},
		{"*.xn--bcher-kva.example", "mx.xn--bcher-kva.example", true},
	} {
		for _, p := range []stsPolicy{{MX: []string{tt.pattern}}, {MX: []string{"else.test", tt.pattern, "*.else.test"}}} {
			if got := p.matches(tt.name); got != tt.want {
				t.Errorf("%v matches %q: %t", p.MX, tt.name, got)
			}
		}
	}
	if (&stsPolicy{}).matches("mx.example") {
		t.Error("a policy without servers matches one")
	}
}

// policyServer stands in for the web servers of all domains.
type policyServer struct {
	mu     sync.Mutex
	asked  int
	policy stsPolicy
	err    error
}

func (s *policyServer) fetch(context.Context, string) (*stsPolicy, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.err != nil {
		return nil, s.err
	}
	p := s.policy
	return &p, nil
}

// TestPolicyRefresh: when a policy is fetched again, and that a failure never shortens the life of the one that is known. RFC 8461 §3.3, §5.1.
func TestPolicyRefresh(t *testing.T) {
	t.Parallel()
	const life = 7 * 24 * time.Hour
	const one, two = `"v=STSv1; id=1;"`, `"v=STSv1; id=2;"`
	clock := &movable{now: time.Unix(1803859200, 0)}
	w := newWorld(t, func(o *Options) { o.Now = clock.Now })
	server := &policyServer{policy: stsPolicy{Mode: modeEnforce, MX: []string{"mx.there.example"}, MaxAge: life}}
	w.client.policies.fetch = server.fetch
	down := errors.New("connection refused")
	for _, step := range []struct {
		when    string
		passes  time.Duration
		records []string // of _mta-sts
		err     error
		mode    string // "": no policy
		asked   int    // since the beginning
	}{
		{"no record", 0, nil, nil, "", 0},
		{"a record that is none", 0, []string{`"v=STSv1; id=;"`}, nil, "", 0},
		{"two records", 0, []string{one, two}, nil, "", 0},
		{"a record, but no server", 0, []string{one}, down, "", 1},
		{"a moment later", policyRetry - time.Second, []string{one}, nil, "", 1},
		{"when it may be asked again", time.Second, []string{one}, nil, modeEnforce, 2},
		{"known", policyRecheck - time.Second, []string{one}, down, modeEnforce, 2},
		{"a day old", time.Second, []string{one}, down, modeEnforce, 3},
		{"the failure is remembered", policyRetry - time.Second, []string{one}, down, modeEnforce, 3},
		{"but not for another id", 0, []string{two}, down, modeEnforce, 4},
		{"which is remembered now", 0, []string{two}, nil, modeEnforce, 4},
		{"two records again", policyRetry, []string{one, two}, nil, modeEnforce, 4},
		{"the last second of its life", life - policyRecheck - 2*policyRetry, nil, nil, modeEnforce, 4},
		{"the end of its life", time.Second, nil, nil, "", 4},
		{"a new life", 0, []string{two}, nil, modeEnforce, 5},
		{"a clock that was wrong by far", -2 * policyRecheck, []string{two}, nil, modeEnforce, 6},
	} {
		clock.add(step.passes)
		w.dns.Remove("_mta-sts.there.example")
		for _, r := range step.records {
			w.dns.Add(t, "_mta-sts.there.example. 0 TXT "+r)
		}
		server.err = step.err
		got := ""
		if p := w.client.policies.of(t.Context(), "there.example"); p != nil {
			got = p.Mode
		}
		if got != step.mode || server.asked != step.asked {
			t.Errorf("%s: policy %q, asked %d times; want %q, %d", step.when, got, server.asked, step.mode, step.asked)
		}
	}
	rows := w.client.counted.Take()
	failed := int64(0)
	for key, n := range rows {
		if key.Result != resultPolicyFetch || key.Domain != "there.example" || key.Policy != policySTS {
			t.Errorf("counted %+v", key)
		}
		failed += n
	}
	if failed != 3 {
		t.Errorf("%d failures are counted, want 3", failed)
	}
}

// TestPolicyTurns: who comes while a policy is fetched waits for it, as long as he likes; it is fetched once.
func TestPolicyTurns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, `_mta-sts.there.example. TXT "v=STSv1; id=1;"`)
	server := &policyServer{policy: stsPolicy{Mode: modeTesting, MX: []string{"mx.there.example"}, MaxAge: time.Hour}}
	w.client.policies.fetch = server.fetch
	d := w.client.policies.entry("there.example")
	d.turn <- struct{}{}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if p := w.client.policies.of(stopped, "there.example"); p != nil {
		t.Errorf("who has given up gets %+v", p)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if p := w.client.policies.of(t.Context(), "THERE.example."); p == nil || p.Mode != modeTesting {
				t.Errorf("policy %+v", p)
			}
		})
	}
	<-d.turn
	all.Wait()
	if server.asked != 1 {
		t.Errorf("fetched %d times", server.asked)
	}
	for _, domain := range []string{"", "[192.0.2.1]", "[IPv6:2001:db8::1]", "\xff"} {
		if p := w.client.policies.of(t.Context(), domain); p != nil {
			t.Errorf("%q has %+v", domain, p)
		}
	}
	for i := range maxPolicies + 10 {
		w.client.policies.entry(fmt.Sprint(i, ".example"))
	}
	if n := len(w.client.policies.known); n != maxPolicies {
		t.Errorf("%d domains are remembered, want %d", n, maxPolicies)
	}
}

// TestPolicyUnknown: while the database cannot say what was known, mail waits: nobody gets it under a policy that may be forgotten.
func TestPolicyUnknown(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	w := newWorld(t, func(o *Options) { o.Store = s })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if p := w.client.policies.of(t.Context(), "there.example"); p == nil || p.Mode != modeEnforce || p.matches("there.example") {
			t.Errorf("policy %+v", p)
		}
	}
}

// TestApplySTS: what each mode asks for of a server that the policy names, and of one that it does not. RFC 8461 §5.
func TestApplySTS(t *testing.T) {
	t.Parallel()
	cert := authority().issue(false, "mx.there.example")
	state := tls.ConnectionState{PeerCertificates: nil}
	for _, tt := range []struct {
		mode, pattern     string
		policy            policyKind
		must, soft, fails bool
	}{
		{"", "", policyNone, false, false, false},
		{modeNone, "mx.there.example", policyNone, false, false, false},
		{modeTesting, "*.there.example", policySTS, false, true, false},
		{modeTesting, "else.example", policySTS, false, true, false},
		{modeEnforce, "*.there.example", policySTS, true, false, false},
		{modeEnforce, "else.example", policySTS, false, false, true},
	} {
		c := &Client{o: Options{Now: time.Now, Roots: authority().pool}, counted: newCounted(time.Now)}
		var sts *stsPolicy
		if tt.mode != "" {
			sts = &stsPolicy{Mode: tt.mode, MX: []string{tt.pattern}}
		}
		p := &plan{policy: policyNone, domain: "there.example"}
		err := c.applySTS(p, host{name: "mx.there.example"}, sts)
		if (err != nil) != tt.fails || p.policy != tt.policy || p.must != tt.must || (p.verify != nil) != tt.must || (p.soft != nil) != tt.soft {
			t.Errorf("%s %s: %v, plan %+v", tt.mode, tt.pattern, err, p)
		}
		if n := len(c.counted.Take()); n != map[bool]int{true: 1}[tt.fails] {
			t.Errorf("%s %s: %d lines are counted", tt.mode, tt.pattern, n)
		}
		state.PeerCertificates = append(state.PeerCertificates[:0], cert.Leaf)
		if p.soft != nil && errors.Is(p.soft(state), errPolicyMX) != (tt.pattern == "else.example") {
			t.Errorf("%s %s: %v", tt.mode, tt.pattern, p.soft(state))
		}
		if p.verify != nil && p.verify(state) != nil {
			t.Errorf("%s %s: %v", tt.mode, tt.pattern, p.verify(state))
		}
	}
}

// TestMXOrder: groups of equal preference stay in their order, whatever the lot says within them; we never send past ourselves. RFC 5321 §5.1, RFC 7505.
func TestMXOrder(t *testing.T) {
	t.Parallel()
	c := &Client{o: Options{Hostname: "Us.example"}}
	for _, tt := range []struct{ name, records, want string }{
		{"one", "10 a.", "a"}, {"three groups", "5 a. 10 b. 10 c. 10 d. 20 e. 20 f.", "a|b c d|e f"}, {"all equal", "0 a. 0 b. 0 c.", "a b c"},
		{"capitals, no dot", "10 A.Example", "a.example"}, {"we are the backup", "10 a. 20 us.EXAMPLE. 20 b. 30 c.", "a"}, {"we are the best", "10 us.example. 20 b.", "5.4.6"},
		{"we alone", "10 us.example.", "5.4.6"}, {"one of the best is us", "10 b. 10 us.example. 10 c.", "5.4.6"},
		{"no mail", "0 .", "5.1.10"}, {"no mail, twice", "0 . 10 .", "5.1.10"}, {"no mail, but a server", "0 . 10 a.", "a"}, {"no mail, and us", "0 . 10 us.example.", "5.1.10"},
	} {
		var found resolver.Found[*net.MX]
		fields := strings.Fields(tt.records)
		for i := 0; i < len(fields); i += 2 {
			mx := &net.MX{Host: fields[i+1]}
			if _, err := fmt.Sscan(fields[i], &mx.Pref); err != nil {
				t.Fatal(err)
			}
			found.Records = append(found.Records, mx)
		}
		for range 20 {
			hosts, err := c.mxHosts("there.example", 26, found)
			got := ""
			var e *Error
			if errors.As(err, &e) {
				got = e.Enhanced
			}
			for k, group := range strings.Split(tt.want, "|") {
				n := min(len(strings.Fields(group)), len(hosts))
				var names []string
				for _, h := range hosts[:n] {
					names = append(names, h.name)
					if h.port != 26 || h.secure {
						t.Errorf("%s: %+v", tt.name, h)
					}
				}
				hosts = hosts[n:]
				slices.Sort(names)
				if k > 0 {
					got += "|"
				}
				got += strings.Join(names, " ")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || len(hosts) > 0 {
				t.Fatalf("%s: %d hosts more (-want +got):\n%s", tt.name, len(hosts), diff)
			}
		}
	}
}
