package remote

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// drip writes text a byte at a time, slower than any reply may come.
func drip(text string) func(net.Conn, *bufio.Reader) {
	return func(nc net.Conn, _ *bufio.Reader) {
		for i := range len(text) {
			if _, err := io.WriteString(nc, text[i:i+1]); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		_, _ = io.Copy(io.Discard, nc)
	}
}

// flood writes text again and again.
func flood(text string) func(net.Conn, *bufio.Reader) {
	return func(nc net.Conn, _ *bufio.Reader) {
		for {
			if _, err := io.WriteString(nc, text); err != nil {
				return
			}
		}
	}
}

// TestZoo meets every kind of server there is, with two recipients. Which of them the final dot was said to is what
// decides about doubles.
func TestZoo(t *testing.T) {
	t.Parallel()
	const a, b = "RCPT TO:<a@there.example>", "RCPT TO:<b@there.example>"
	pipelining := []string{"PIPELINING"}
	broken := "0 4.4.2 later"
	tests := []struct {
		name string
		peer *peer
		want string // of both recipients; one if they are the same
		dot  bool
	}{
		{"a good server", &peer{}, "250 2.0.0", true},
		{"a good server with pipelining", &peer{extensions: pipelining}, "250 2.0.0", true},
		{"one that knows no EHLO", &peer{say: map[string]string{"EHLO": "500 what"}}, "250 2.0.0", true},
		{"one that finds EHLO forbidden", &peer{say: map[string]string{"EHLO": "550 no"}}, "250 2.0.0", true},
		{"one without text in its replies", &peer{say: map[string]string{"greeting": "220", "MAIL": "250", "RCPT": "250", ".": "250"}}, "250 2.0.0", true},
		{"one that takes some only", &peer{say: map[string]string{a: "550 5.1.1 unknown"}}, "550 5.1.1, 250 2.0.0", true},
		{"one that takes some only, pipelining", &peer{extensions: pipelining, say: map[string]string{b: "550 unknown"}}, "250 2.0.0, 550 5.0.0", true},
		{"one that takes nobody", &peer{say: map[string]string{"RCPT": "550 5.7.1 no"}}, "550 5.7.1", false},
		{"one that takes nobody, pipelining", &peer{extensions: pipelining, say: map[string]string{"RCPT": "550 5.7.1 no"}}, "550 5.7.1", false},
		{"greylisting", &peer{say: map[string]string{"RCPT": "450 4.7.1 come again in 5 minutes"}}, "450 4.7.1 later", false},
		{"greylisting after DATA", &peer{say: map[string]string{".": "451 4.7.1 come again"}}, "451 4.7.1 later", true},
		{"greylisting of one", &peer{say: map[string]string{a: "450 4.2.0 greylisted"}}, "450 4.2.0 later, 250 2.0.0", true},
		{"a full mailbox", &peer{say: map[string]string{b: "452 4.2.2 full"}}, "250 2.0.0, 452 4.2.2 later", true},
		{"too many recipients, in an old way", &peer{say: map[string]string{b: "552 too many"}}, "250 2.0.0, 552 5.0.0 later", true},
		{"4xx to the greeting", &peer{say: map[string]string{"greeting": "421 4.3.2 busy"}}, "421 4.3.2 later", false},
		{"5xx to the greeting", &peer{say: map[string]string{"greeting": "554 5.7.1 blocked"}}, "554 5.7.1", false},
		{"2xx that is no greeting", &peer{say: map[string]string{"greeting": "250 hello"}}, "0 4.5.0 later", false},
		{"4xx to EHLO", &peer{say: map[string]string{"EHLO": "451 4.3.0 trouble"}}, "451 4.3.0 later", false},
		{"5xx to EHLO and HELO", &peer{say: map[string]string{"EHLO": "550 no", "HELO": "550 5.7.1 your name is wrong"}}, "550 5.7.1", false},
		{"4xx to MAIL", &peer{say: map[string]string{"MAIL": "451 4.7.1 later"}}, "451 4.7.1 later", false},
		{"4xx to MAIL, pipelining", &peer{extensions: pipelining, say: map[string]string{"MAIL": "451 4.7.1 later", "RCPT": "503 5.5.1 first MAIL"}}, "451 4.7.1 later", false},
		{"5xx to MAIL", &peer{say: map[string]string{"MAIL": "550 5.7.1 your sender is wrong"}}, "550 5.7.1", false},
		{"421 to RCPT", &peer{say: map[string]string{b: "421 4.3.2 going down\nclose"}}, "421 4.3.2 later", false},
		{"4xx to DATA", &peer{say: map[string]string{"DATA": "451 4.3.0 trouble"}}, "451 4.3.0 later", false},
		{"5xx to DATA", &peer{say: map[string]string{"DATA": "554 5.5.1 no valid recipients"}}, "554 5.5.1", false},
		{"2xx to DATA", &peer{say: map[string]string{"DATA": "250 ok"}}, "0 4.5.0 later", false},
		{"3xx to MAIL", &peer{say: map[string]string{"MAIL": "354 go on"}}, "0 4.5.0 later", false},
		{"3xx to RCPT", &peer{say: map[string]string{"RCPT": "354 go on"}}, "0 4.5.0 later", false},
		{"3xx to the message", &peer{say: map[string]string{".": "354 go on"}}, "0 4.5.0 later", true},
		{"5xx to the message", &peer{say: map[string]string{".": "554 5.7.1 spam"}}, "554 5.7.1", true},
		{"a code that contradicts its enhanced one", &peer{say: map[string]string{".": "554 2.0.0 hm"}}, "554 5.0.0", true},
		{"closes at once", &peer{say: map[string]string{"greeting": "close"}}, broken, false},
		{"closes at EHLO", &peer{say: map[string]string{"EHLO": "close"}}, broken, false},
		{"closes at MAIL", &peer{say: map[string]string{"MAIL": "close"}}, broken, false},
		{"closes at RCPT", &peer{say: map[string]string{"RCPT": "close"}}, broken, false},
		{"closes at the second RCPT", &peer{say: map[string]string{a: "550 5.1.1 unknown", b: "close"}}, "550 5.1.1, " + broken, false},
		{"closes at DATA", &peer{say: map[string]string{"DATA": "close"}}, broken, false},
		{"closes inside of DATA", &peer{say: map[string]string{"DATA": "354 go on\nclose"}}, broken, true},
		{"closes at the final dot", &peer{say: map[string]string{".": "close"}}, broken, true},
		{"never greets", &peer{say: map[string]string{"greeting": "hang"}}, broken, false},
		{"hangs at EHLO", &peer{say: map[string]string{"EHLO": "hang"}}, broken, false},
		{"hangs at MAIL", &peer{say: map[string]string{"MAIL": "hang"}}, broken, false},
		{"hangs at RCPT", &peer{say: map[string]string{"RCPT": "hang"}}, broken, false},
		{"hangs at DATA", &peer{say: map[string]string{"DATA": "hang"}}, broken, false},
		{"hangs at the final dot", &peer{say: map[string]string{".": "hang"}}, broken, true},
		{"one byte at a time", &peer{does: drip("220 " + strings.Repeat("slow", 100))}, broken, false},
		{"a greeting without end", &peer{does: flood("220-and another line\r\n")}, broken, false},
		{"a line without end", &peer{does: flood("220 xxxxxxxxxxxxxxxxxxx")}, broken, false},
		{"not SMTP at all", &peer{does: flood("SSH-2.0-OpenSSH\r\n")}, broken, false},
		{"another code in the second line", &peer{say: map[string]string{"EHLO": "250-one\n220 two"}}, broken, false},
		{"a long greeting", &peer{say: map[string]string{"greeting": strings.Repeat("220-"+strings.Repeat("x", 500)+"\n", 100) + "220 x"}}, "250 2.0.0", true},
		{"control characters in a reply", &peer{say: map[string]string{".": "554 5.7.1 \x1b[2J\xff\x00evil"}}, "554 5.7.1", true},
		{"EHLO in strange capitals", &peer{say: map[string]string{"EHLO": "250-x\n250-pipelining\n250 sIZE 1000"}}, "250 2.0.0", true},
		{"takes small messages only", &peer{extensions: []string{"SIZE 10"}}, "0 5.3.4", false},
		{"a size that is no number", &peer{extensions: []string{"SIZE lots"}}, "250 2.0.0", true},
		{"STARTTLS is refused", &peer{extensions: []string{"STARTTLS"}, say: map[string]string{"STARTTLS": "454 4.7.0 not now"}}, "250 2.0.0", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil, "there.example. MX 10 mx.there.example.", "mx.there.example. A 192.0.2.1")
			p := w.put(t, "192.0.2.1:25", tt.peer)
			results, dot := w.send(t, Target{Domain: "there.example"}, mail(letter), "a@there.example", "b@there.example")
			want := tt.want
			if !strings.Contains(want, ",") {
				want += ", " + want
			}
			if got := short(results); got != want || dot != tt.dot {
				t.Errorf("results %q, final dot %t, want %q, %t (%q)", got, dot, want, tt.dot, results[0].Text)
			}
			for _, r := range results {
				if r.Host != "mx.there.example" || r.Text == "" || len(r.Text) > maxText || r.Text != clean(r.Text) {
					t.Errorf("host %q, text %q", r.Host, r.Text)
				}
			}
			for _, got := range p.messages() {
				if got != strings.Replace(letter, "\r\n.", "\r\n..", 1) {
					t.Errorf("message arrived as %q", got)
				}
			}
		})
	}
}

// TestReuse: one connection carries several messages; one that the server has closed meanwhile is told apart.
func TestReuse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "there.example. MX 10 mx.there.example.", "mx.there.example. A 192.0.2.1")
	p := w.put(t, "192.0.2.1:25", &peer{extensions: []string{"PIPELINING"}, say: map[string]string{"RCPT TO:<no@there.example>": "550 5.1.1 no", "RCPT TO:<end@there.example>": "421 4.3.2 bye\nclose"}})
	s, err := w.client.Dial(t.Context(), Target{Domain: "there.example"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, step := range []struct{ to, want string }{
		{"a@there.example", "250 2.0.0"}, {"no@there.example", "550 5.1.1"}, {"a@there.example", "250 2.0.0"}, {"end@there.example", "421 4.3.2 later"},
	} {
		results, err := s.Deliver(t.Context(), mail(letter), recipients(step.to), noDot)
		if short(results) != step.want || (err != nil) != strings.HasPrefix(step.want, "421") {
			t.Errorf("%s: %s, %v, want %s", step.to, short(results), err, step.want)
		}
	}
	results, err := s.Deliver(t.Context(), mail(letter), recipients("a@there.example"), noDot)
	if err == nil || results != nil {
		t.Errorf("after the end: %v, %v", results, err)
	}
	verbs := []string{}
	for _, command := range p.commands() {
		verb, _, _ := strings.Cut(command, " ")
		verbs = append(verbs, verb)
	}
	want := []string{"EHLO", "MAIL", "RCPT", "DATA", "MAIL", "RCPT", "RSET", "MAIL", "RCPT", "DATA", "MAIL", "RCPT"}
	if conns, _ := p.met(); !slices.Equal(verbs, want) || conns != 1 {
		t.Errorf("%d connections, commands %q, want %q", conns, verbs, want)
	}
}

// TestDot: what happens before the final dot can stop it, and then the server does not have the message.
func TestDot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "there.example. MX 10 mx.there.example.", "mx.there.example. A 192.0.2.1")
	p := w.put(t, "192.0.2.1:25", &peer{})
	stop := fmt.Errorf("held meanwhile")
	unreadable := mail(letter)
	unreadable.Body = func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("Subject: x\r\n\r\n"), &failing{stop})), nil
	}
	missing := mail(letter)
	missing.Body = func(context.Context) (io.ReadCloser, error) { return nil, stop }
	for name, m := range map[string]Message{"stopped": mail(letter), "unreadable": unreadable, "missing": missing} {
		s, err := w.client.Dial(t.Context(), Target{Domain: "there.example"})
		if err != nil {
			t.Fatal(err)
		}
		results, err := s.Deliver(t.Context(), m, recipients("a@there.example"), func(context.Context) error { return stop })
		if results != nil || err == nil || !strings.Contains(err.Error(), stop.Error()) {
			t.Errorf("%s: %v, %v", name, results, err)
		}
		s.Close()
	}
	if got := p.messages(); len(got) != 0 {
		t.Errorf("the server has %q", got)
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

// TestGivenUp: a delivery whose context ends is over at once, wherever the server hangs.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"greeting", "EHLO", "MAIL", "DATA", "."} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(o *Options) { o.Timeouts = Timeouts{} }, "there.example. A 192.0.2.1")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			w.put(t, "192.0.2.1:25", &peer{does: func(nc net.Conn, r *bufio.Reader) {
				p := &peer{say: map[string]string{verb: "hang"}}
				time.AfterFunc(100*time.Millisecond, cancel)
				p.serve(nc)
			}})
			s, err := w.client.Dial(ctx, Target{Domain: "there.example"})
			if err == nil {
				_, err = s.Deliver(ctx, mail(letter), recipients("a@there.example"), noDot)
				s.Close()
			}
			if err == nil {
				t.Error("no error")
			}
		})
	}
}
