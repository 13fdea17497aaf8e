package spam

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"schulhof/smtpd/authenticate"
	"schulhof/store/storetest"
)

// Whoever does not answer at all is given up when the time is over.
func TestSilentScannersAreGivenUp(t *testing.T) {
	t.Parallel()
	hang := func(conn net.Conn) { io.Copy(io.Discard, conn) }
	soon := func() context.Context {
		ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
		t.Cleanup(stop)
		return ctx
	}
	clamd, rspamd := newClamd(fakeClamd(t, "unix", hang)), newRspamd("http://"+fakeClamd(t, "tcp", hang))
	if _, err := clamd.scan(soon(), from("192.0.2.1", good)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("clamd: %v", err)
	}
	if _, err := rspamd.check(soon(), from("192.0.2.1", good)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("rspamd: %v", err)
	}
}

// slow is a server that does not answer before it is given up.
type slow struct{}

func (slow) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// The time for other programs ends before that for the whole message, so that what is known without them still counts.
func TestTimesOfScans(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rspamd := newRspamd("http://192.0.2.1:11333")
		rspamd.client.Transport = slow{}
		c := &Checker{o: Options{Log: slog.New(slog.DiscardHandler)}.withDefaults(), rspamd: rspamd}
		var err error
		if c.metrics, err = newMetrics(nil); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), checkTimeout)
		defer stop()
		begun := time.Now()
		s := c.scan(ctx, from("192.0.2.1", good))
		s.wait()
		if took := time.Since(begun); took != scanTimeout || ctx.Err() != nil || !errors.Is(s.replyErr, context.DeadlineExceeded) {
			t.Errorf("given up after %s with %v; %v of the message's time is left", took, s.replyErr, ctx.Err())
		}
	})
}

// fakeRspamd answers with a status and a body, and keeps the last question.
type fakeRspamd struct {
	mu     sync.Mutex
	status int
	answer string
	header http.Header
	path   string
	body   string
}

func (f *fakeRspamd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.header, f.path, f.body = r.Header, r.Method+" "+r.URL.Path, string(body)
	w.WriteHeader(f.status)
	io.WriteString(w, f.answer)
}

func (f *fakeRspamd) says(status int, answer string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status, f.answer = status, answer
}

func startRspamd(t testing.TB) (*fakeRspamd, string) {
	f := &fakeRspamd{status: 200}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return f, s.URL
}

func TestWhatRspamdIsTold(t *testing.T) {
	t.Parallel()
	f, url := startRspamd(t)
	f.says(200, `{"action":"no action","score":0}`)
	r := newRspamd(url + "/")
	m := from("::ffff:198.51.100.7", good)
	m.Hello, m.Recipients = "mail.example.org\r\nX: y", []string{"anna@school.test"}
	if _, err := r.check(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"From": "lena@example.org", "Ip": "198.51.100.7", "Helo": "mail.example.org??X: y", "Queue-Id": "trace", "Rcpt": "anna@school.test",
		"Deliver-To": "anna@school.test", "User": "", "X": "",
	} {
		if got := f.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if f.path != "POST /checkv2" || f.body != good+"\r\nWir fahren ins Museum.\r\n" {
		t.Errorf("%s %q", f.path, f.body)
	}
	m.Login, m.Sender, m.Recipients = "anna", "", []string{"a@b.test", "c@d.test"}
	if _, err := r.check(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if h := f.header; h.Get("User") != "anna" || h.Get("Ip") != "" || h.Get("Helo") != "" || h.Get("From") != "" || len(h["Rcpt"]) != 2 || h.Get("Deliver-To") != "" {
		t.Errorf("of a submission: %v", h)
	}
	if _, err := r.check(t.Context(), &Message{Body: strings.NewReader(""), Size: 0}); err != nil || f.body != "" {
		t.Errorf("an empty message: %v, %q", err, f.body)
	}
}

func TestRspamdAnswers(t *testing.T) {
	t.Parallel()
	f, url := startRspamd(t)
	r := newRspamd(url)
	for _, tt := range []struct {
		name, answer string
		status       int
		err          error
	}{
		{"good", `{"action":"add header","score":7.2,"required_score":15,"thresholds":{"add header":6},"symbols":{"A":{"name":"A","score":7.2,"options":["x"]}}}`, 200, nil},
		{"unknown keys", `{"action":"no action","x":[{}],"milter":{"add_headers":{}}}`, 200, nil},
		{"an error", `{"error":"IO timeout"}`, 200, errRspamd},
		{"a refused login", `{"error":"Unauthorized"}`, 403, errRspamdStatus},
		{"elsewhere", `{"action":"no action"}`, 302, errRspamdStatus},
		{"no action", `{"score":1}`, 200, errRspamdAnswer},
		{"no JSON", `<html>`, 200, errRspamdAnswer},
		{"cut off", `{"action":"no act`, 200, errRspamdAnswer},
		{"nothing", ``, 200, errRspamdAnswer},
		{"too long", `{"action":"no action","x":"` + strings.Repeat("x", maxRspamdAnswer) + `"}`, 200, errRspamdAnswer},
		{"a score that is no number", `{"action":"no action","score":"high"}`, 200, errRspamdAnswer},
	} {
		f.says(tt.status, tt.answer)
		reply, err := r.check(t.Context(), from("192.0.2.1", good))
		if !errors.Is(err, tt.err) || (reply == nil) != (tt.err != nil) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.err)
		}
	}
	hangUp := newRspamd("http://" + fakeClamd(t, "tcp", func(conn net.Conn) { io.ReadFull(conn, make([]byte, 20)) }))
	if _, err := hangUp.check(t.Context(), from("192.0.2.1", good)); err == nil {
		t.Error("a connection that was closed gave an answer")
	}
}

func TestSymbolsOfRspamd(t *testing.T) {
	t.Parallel()
	reply, err := parseRspamd([]byte(`{"action":"reject","symbols":{"BAD":{"score":5},"GOOD":{"score":-6},"NOTED":{"score":0},"a b\r\n":{"score":1},"B":{"score":5},"` +
		strings.Repeat("L", 100) + `":{"score":9}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(reply.symbols()); got != "[GOOD=-6.0 B=5.0 BAD=5.0 a_b__=1.0]" {
		t.Error(got)
	}
}

// TestVerdictsOfOtherPrograms: what clamd, rspamd and the origin say together.
func TestVerdictsOfOtherPrograms(t *testing.T) {
	t.Parallel()
	rejected := func(v *authenticate.Verdict) { v.Action, v.Reason = authenticate.Reject, "not from there" }
	unknown := func(v *authenticate.Verdict) { v.Action, v.Reason = authenticate.Defer, "no DNS" }
	distrusted := func(v *authenticate.Verdict) { v.Action, v.Reason = authenticate.Junk, "distrusted" }
	says := func(action string, score float64) string {
		return fmt.Sprintf(`{"action":%q,"score":%v,"thresholds":{"add header":8},"symbols":{"RULE":{"score":%v}}}`, action, score, score)
	}
	tests := []struct {
		name    string
		clamd   string // answer; "-" for none; "" for no clamd
		rspamd  string
		later   bool // errors mean to come again
		origin  told
		action  Action
		reason  string
		field   string
		learned bool
	}{
		{"clean", "stream: OK", "", false, nil, Deliver, "", "No, score=0.0 required=6.0", true},
		{"a virus", "stream: Eicar FOUND", says("no action", 0), false, nil, Refuse, "The message has a virus: Eicar", "", false},
		{"a virus, and no DNS", "stream: Eicar FOUND", "", false, unknown, Refuse, "The message has a virus: Eicar", "", false},
		{"a virus, but it is not from there", "stream: Eicar FOUND", "", false, rejected, Refuse, "not from there", "", false},
		{"no clamd", "-", "", false, nil, Deliver, "", "", true},
		{"no clamd, and that matters", "-", "", true, nil, Defer, "cannot be looked through for viruses now", "", false},
		{"rspamd has nothing to say", "", says("no action", 2), false, nil, Deliver, "", "No, score=2.0 required=8.0\r\n\ttests=RULE=2.0\r\n", true},
		{"its score is above our threshold", "", says("no action", 7), false, nil, Deliver, "", "No, score=7.0 required=8.0", true},
		{"it marks", "", says("add header", 3), false, nil, Junk, "", "Yes, score=3.0 required=8.0", false},
		{"it marks the subject", "", says("rewrite subject", 9), false, nil, Junk, "", "Yes, score=9.0", false},
		{"it sets aside", "", says("quarantine", 9), false, nil, Junk, "", "Yes, score=9.0", false},
		{"it wants to see it again", "", says("greylist", 5), false, nil, Defer, "(greylisting)", "", false},
		{"it wants to see it again, signed or not", "", says("greylist", 5), false, dkim(authenticate.Pass), Defer, "(greylisting)", "", false},
		{"it is busy", "", says("soft reject", 0), false, nil, Defer, "is not taken now", "", false},
		{"it refuses", "", says("reject", 17.25), false, nil, Refuse, "too many marks of unwanted mail (17.2)", "", false},
		{"it throws away", "", says("discard", 20), false, nil, Refuse, "too many marks", "", false},
		{"an action of its own", "", says("tickle", 1), false, nil, Deliver, "", "No, score=1.0", true},
		{"it has nothing to say, the domain distrusts it", "", says("no action", 1), false, distrusted, Junk, "distrusted", "reason=\"distrusted\"", false},
		{"it does not answer", "", "-", false, nil, Deliver, "", "No, score=0.0 required=6.0", true},
		{"it does not answer, and that matters", "", "-", true, nil, Defer, "cannot be judged now", "", false},
	}
	s := storetest.Open(t)
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorldOn(t, s, func(o *Options) {
				if tt.later {
					o.ClamdError, o.RspamdError = ComeLater, ComeLater
				}
				if tt.clamd != "" {
					o.Clamd = fakeClamd(t, "unix", func(conn net.Conn) {
						instream(conn)
						if tt.clamd != "-" {
							io.WriteString(conn, tt.clamd+"\x00")
						}
					})
				}
				if tt.rspamd != "" {
					f, url := startRspamd(t)
					f.says(200, tt.rspamd)
					o.Rspamd = url
				}
			})
			w.origin.tell()
			if tt.origin != nil {
				w.origin.tell(tt.origin)
			}
			m := from(fmt.Sprintf("198.18.%d.7", i), good) // each from a network of its own
			v := w.judge(m)
			if v.Action != tt.action || !strings.Contains(v.Reason, tt.reason) || !strings.Contains(string(v.Fields), tt.field) {
				t.Errorf("%s %q %q; want %s %q %q", v.Action, v.Reason, v.Fields, tt.action, tt.reason, tt.field)
			}
			if got := w.checker.grey.isKnown(network(m.Client)); got != tt.learned {
				t.Errorf("the network is known: %v", got)
			}
			if own := reaches(v.base, defaultJunk); v.reached() && own != (v.Action == Junk) && !v.settled {
				t.Errorf("base %v, %s", v.base, v.Action)
			}
		})
	}
}

// Where nobody has to come again, nobody has to because rspamd wants it.
func TestRspamdWithoutGreylisting(t *testing.T) {
	t.Parallel()
	f, url := startRspamd(t)
	f.says(200, `{"action":"greylist","score":5}`)
	for threshold, want := range map[float64]Action{-1: Deliver, 0: Defer, 4: Defer} {
		w := newWorld(t, func(o *Options) { o.Rspamd, o.Greylist = url, threshold })
		w.origin.tell()
		m := from("198.51.100.7", good)
		if v := w.judge(m); v.Action != want || w.checker.grey.isKnown(network(m.Client)) != (want == Deliver) {
			t.Errorf("from %v on: %s %q, want %s", threshold, v.Action, v.Reason, want)
		}
	}
}

// reached reports a verdict that a person's own points may change.
func (v *Verdict) reached() bool { return v.Action == Deliver || v.Action == Junk }

func TestSubmissions(t *testing.T) {
	t.Parallel()
	var virus atomic.Bool
	clam := fakeClamd(t, "unix", func(conn net.Conn) {
		instream(conn)
		if virus.Load() {
			io.WriteString(conn, "stream: Eicar FOUND\x00")
		} else {
			io.WriteString(conn, "stream: OK\x00")
		}
	})
	f, url := startRspamd(t)
	m := from("198.51.100.7", good)
	m.Login = "anna"
	none, viruses := newWorld(t), newWorld(t, func(o *Options) { o.Clamd, o.Rspamd = clam, url })
	both := newWorld(t, func(o *Options) { o.Clamd, o.Rspamd, o.RspamdSubmissions = clam, url, true })
	if none.checker.ScansSubmissions() || !viruses.checker.ScansSubmissions() || !both.checker.ScansSubmissions() {
		t.Error("who looks at submissions")
	}
	for _, tt := range []struct {
		name   string
		w      *world
		virus  bool
		action string
		want   Action
	}{
		{"nobody looks", none, true, "reject", Deliver},
		{"only for viruses", viruses, false, "reject", Deliver},
		{"a virus", viruses, true, "no action", Refuse},
		{"rspamd refuses", both, false, "reject", Refuse},
		{"rspamd is busy", both, false, "soft reject", Defer},
		{"rspamd doubts", both, false, "add header", Deliver},
		{"rspamd wants to see it again", both, false, "greylist", Deliver},
		{"both", both, true, "soft reject", Refuse},
	} {
		virus.Store(tt.virus)
		f.says(200, fmt.Sprintf(`{"action":%q}`, tt.action))
		if v := tt.w.checker.CheckSubmission(t.Context(), m); v.Action != tt.want || len(v.Fields) != 0 {
			t.Errorf("%s: %s %q %q, want %s", tt.name, v.Action, v.Reason, v.Fields, tt.want)
		}
	}
}

// FuzzRspamdAnswer: whatever rspamd says, its symbols can stand in a header.
func FuzzRspamdAnswer(f *testing.F) {
	for _, s := range []string{`{"action":"no action"}`, `{"action":"reject","symbols":{"A":{"score":1e308},"B":{"score":-1e308}}}`, `{}`, `[]`, ``, `{"action":1}`, `{"symbols":null,"action":"x"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		reply, err := parseRspamd(answer)
		if err != nil {
			return
		}
		list := reply.symbols()
		if len(list) > maxSymbols {
			t.Fatalf("%d symbols", len(list))
		}
		for _, s := range list {
			if strings.ContainsFunc(s.Name, func(r rune) bool { return r <= ' ' || r > '~' }) || len(s.Name) > maxSymbolName {
				t.Fatalf("symbol %q", s.Name)
			}
		}
	})
}
