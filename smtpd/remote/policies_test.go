package remote

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"schulhof/smtpd/resolver/dnstest"

	"github.com/google/go-cmp/cmp"
)

// TestParseRecord reads the records that announce a policy.
func TestParseRecord(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		texts string // separated by "|"
		want  string
	}{
		{"v=STSv1; id=20270301;", "20270301"}, {"v=STSv1;id=a1", "a1"}, {"v=STSv1 ; other=x; id = a1 ;", "a1"}, {"v=spf1 -all|v=STSv1; id=1", "1"},
		{"v=STSv1; id=1|v=STSv1; id=1", ""}, {"v=STSv1;", ""}, {"v=STSv1; id=;", ""}, {"v=STSv1; id=a-b", ""}, {"v=STSv1; id=1; id=2", ""},
		{"v=STSv2; id=1", ""}, {"V=STSv1; id=1", ""}, {"id=1; v=STSv1", ""}, {"", ""}, {"v=STSv1; id=" + strings.Repeat("1", 33), ""},
	} {
		got, ok := parseRecord(strings.Split(tt.texts, "|"))
		if got != tt.want || ok != (tt.want != "") {
			t.Errorf("parseRecord(%q) = %q, %t, want %q", tt.texts, got, ok, tt.want)
		}
	}
}

// TestParsePolicy reads policies, right ones and wrong ones.
func TestParsePolicy(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	for _, tt := range []struct {
		name, text string
		want       *stsPolicy // nil: refused
	}{
		{"as in the RFC", "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmax_age: 86400\r\n",
			&stsPolicy{Mode: "enforce", MX: []string{"mail.example.com", "*.example.net"}, MaxAge: day}},
		{"LF, blanks, capitals, unknown keys, doubled keys", "version:STSv1\nmode:  testing \nx-new: y\nmode: enforce\nmx: MAIL.example\nmax_age:\t86400\n\n",
			&stsPolicy{Mode: "testing", MX: []string{"mail.example"}, MaxAge: day}},
		{"none needs no mx", "version: STSv1\nmode: none\nmax_age: 86400", &stsPolicy{Mode: "none", MaxAge: day}},
		{"an age beyond a year", "version: STSv1\nmode: none\nmax_age: 9999999999", &stsPolicy{Mode: "none", MaxAge: maxPolicyLife * time.Second}},
		{"no version", "mode: none\nmax_age: 86400\n", nil},
		{"another version", "version: STSv2\nmode: none\nmax_age: 86400\n", nil},
		{"version not first", "mode: none\nversion: STSv1\nmax_age: 86400\n", nil},
		{"no mx", "version: STSv1\nmode: enforce\nmax_age: 86400\n", nil},
		{"no age", "version: STSv1\nmode: enforce\nmx: a.example\n", nil},
		{"an age that is none", "version: STSv1\nmode: none\nmax_age: -1\n", nil},
		{"a mode that is none", "version: STSv1\nmode: strict\nmx: a.example\nmax_age: 1\n", nil},
		{"a pattern inside", "version: STSv1\nmode: enforce\nmx: a.*.example\nmax_age: 1\n", nil},
		{"an mx that is no name", "version: STSv1\nmode: enforce\nmx: a b\nmax_age: 1\n", nil},
		{"a line without a colon", "version: STSv1\nnonsense\nmode: none\nmax_age: 1\n", nil},
		{"too many mx", "version: STSv1\nmode: enforce\nmax_age: 1\n" + strings.Repeat("mx: a.example\n", maxPolicyMX+1), nil},
		{"nothing", "", nil},
		{"a web page", "<html>\n<body>not found</body>\n", nil},
	} {
		got, err := parsePolicy(tt.text)
		if tt.want != nil {
			tt.want.Text = tt.text
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || (err == nil) != (tt.want != nil) {
			t.Errorf("%s: %v (-want +got):\n%s", tt.name, err, diff)
		}
	}
}

// FuzzPolicy: what is accepted is within its limits, and reads the same again.
func FuzzPolicy(f *testing.F) {
	for _, seed := range []string{policyText("enforce", "a.example", "*.b.example"), policyText("none"), "version: STSv1\r\nmode: testing\r\nmx: x\r\nmax_age: 0\r\n", ":\n:\n", "version: STSv1\nmx: *.\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePolicy(text)
		if err != nil {
			return
		}
		if p.MaxAge < 0 || p.MaxAge > maxPolicyLife*time.Second || len(p.MX) > maxPolicyMX || p.Mode != modeNone && len(p.MX) == 0 {
			t.Errorf("%q gives %+v", text, p)
		}
		for _, mx := range p.MX {
			if name, wild := strings.CutPrefix(mx, "*."); !isHost(name) || !wild && !p.matches(name) || p.matches("a.b."+name) && !wildAbove(p, name) {
				t.Errorf("%q: pattern %q", text, mx)
			}
		}
	})
}

// wildAbove reports whether another pattern covers a.b.name.
func wildAbove(p *stsPolicy, name string) bool {
	for _, mx := range p.MX {
		if mx == "*.b."+name || mx == "a.b."+name {
			return true
		}
	}
	return false
}

// movable is a time that tests move.
type movable struct {
	mu  sync.Mutex
	now time.Time
}

func (m *movable) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

func (m *movable) add(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
}

// TestPolicyLife: a policy that was seen once counts until its time is over, whatever an attacker does to the DNS, the
// web server and the program in between; a new id brings a new one.
func TestPolicyLife(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	clock := &movable{now: time.Now()}
	w := newWorld(t, func(o *Options) { o.Store, o.Now = s, clock.Now }, "mta-sts.there.example. A 192.0.2.3", `_mta-sts.there.example. 0 TXT "v=STSv1; id=1;"`)
	var mu sync.Mutex
	answer := httpOK(policyText("enforce", "mx.there.example"))
	set := func(to string) { mu.Lock(); answer = to; mu.Unlock() }
	w.stsServer(t, "192.0.2.3:443", authority().issue(false, "mta-sts.there.example"), func() string { mu.Lock(); defer mu.Unlock(); return answer })
	mode := func(when, want string) {
		t.Helper()
		got := "no policy"
		if p := w.client.policies.of(t.Context(), "There.Example."); p != nil {
			got = p.Mode
		}
		if got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
	restart := func() {
		client, err := New(w.client.o)
		if err != nil {
			t.Fatal(err)
		}
		client.dial = w.dial
		w.client = client
	}
	if p := w.client.policies.of(t.Context(), "other.example"); p != nil {
		t.Errorf("a domain without a policy has %+v", p)
	}
	mode("at first", "enforce")
	w.dns.Break("_mta-sts.there.example", dnstest.ServFail)
	mode("the record cannot be asked for", "enforce")
	w.dns.Break("_mta-sts.there.example", dnstest.None)
	w.dns.Remove("_mta-sts.there.example")
	mode("the record is hidden", "enforce")
	restart()
	mode("after a restart", "enforce")
	set("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
	w.dns.Add(t, `_mta-sts.there.example. 0 TXT "v=STSv1; id=2;"`)
	mode("a new id, but the policy is hidden", "enforce")
	set(httpOK(policyText("testing", "mx.there.example")))
	mode("the policy is back, but it was asked for just now", "enforce")
	clock.add(policyRetry)
	mode("a while later", "testing")
	set(httpOK(policyText("none")))
	mode("another one with the same id", "testing")
	w.dns.Remove("_mta-sts.there.example")
	clock.add(23 * time.Hour)
	mode("on the next day", "testing")
	clock.add(time.Hour)
	mode("its time is over", "no policy")
	restart()
	mode("and after a restart", "no policy")
}

// TestPolicyFetch: what the web server may do wrong. None of it is a policy, and all of it is told to the domain's owner.
func TestPolicyFetch(t *testing.T) {
	t.Parallel()
	good := policyText("enforce", "mx.there.example")
	for _, tt := range []struct {
		name, address, answer string
		cert                  string
		want                  resultType // "": it is taken
	}{
		{"right", "192.0.2.3", httpOK(good), "mta-sts.there.example", ""},
		{"a redirect", "192.0.2.3", "HTTP/1.1 301 Moved\r\nLocation: https://mta-sts.there.example/other\r\nContent-Length: 0\r\n\r\n", "mta-sts.there.example", resultPolicyFetch},
		{"not found", "192.0.2.3", "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n", "mta-sts.there.example", resultPolicyFetch},
		{"a web page", "192.0.2.3", strings.Replace(httpOK(good), "text/plain", "text/html", 1), "mta-sts.there.example", resultPolicyInvalid},
		{"no media type", "192.0.2.3", strings.Replace(httpOK(good), "Content-Type: text/plain; charset=us-ascii\r\n", "", 1), "mta-sts.there.example", resultPolicyInvalid},
		{"too long", "192.0.2.3", httpOK(good + strings.Repeat("x: y\n", maxPolicy/5+1)), "mta-sts.there.example", resultPolicyInvalid},
		{"no policy", "192.0.2.3", httpOK("hello"), "mta-sts.there.example", resultPolicyInvalid},
		{"another name", "192.0.2.3", httpOK(good), "there.example", resultWebPKI},
		{"cut off", "192.0.2.3", strings.Replace(httpOK(good), "Content-Length: ", "Content-Length: 9", 1), "mta-sts.there.example", resultPolicyFetch},
		{"nobody there", "192.0.2.4", "", "mta-sts.there.example", resultPolicyFetch},
		{"a private address", "10.0.0.3", httpOK(good), "mta-sts.there.example", resultPolicyFetch},
		{"a loopback address", "127.0.0.1", httpOK(good), "mta-sts.there.example", resultPolicyFetch},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil, "mta-sts.there.example. A "+tt.address, `_mta-sts.there.example. TXT "v=STSv1; id=1;"`)
			cert := authority().issue(false, tt.cert)
			for _, at := range []string{"192.0.2.3:443", "10.0.0.3:443", "127.0.0.1:443"} {
				w.stsServer(t, at, cert, func() string { return tt.answer })
			}
			policy := w.client.policies.of(t.Context(), "there.example")
			if (policy != nil) != (tt.want == "") {
				t.Errorf("policy %+v", policy)
			}
			counted := w.client.counted.Take()
			for key, n := range counted {
				if key.Result != tt.want || key.Policy != policySTS || n != 1 {
					t.Errorf("counted %+v %d times, want %s", key, n, tt.want)
				}
			}
			if (len(counted) == 0) != (tt.want == "") {
				t.Errorf("counted %v", counted)
			}
		})
	}
	w := newWorld(t, nil, "mta-sts.there.example. A 10.0.0.3")
	if _, err := w.client.policies.fetchHTTPS(t.Context(), "there.example"); !errors.Is(err, errPrivate) {
		t.Errorf("a private address: %v", err)
	}
}
