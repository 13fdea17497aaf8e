package smtpd

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// model is RFC 5321's session as a few flags: what the next reply must be, and how many messages anna has.
type model struct {
	d                     *door
	login                 bool
	hello, extended, mail bool
	chunks                bool // a BDAT has come
	anna, ben             int  // accepted RCPTs of the transaction
	annaHas, benHas       int
}

// step is one command with its body, and the codes of the replies that it must get.
type step struct {
	send string
	want []string
}

func (m *model) reset() { m.mail, m.chunks, m.anna, m.ben = false, false, 0, 0 }

func (m *model) recipients() int { return m.anna + m.ben }

// next draws a command and says what must come back.
func (m *model) next(r *rand.Rand, n int) step {
	switch r.IntN(14) {
	case 0:
		return m.greet(r)
	case 1, 2:
		return m.mailFrom(r)
	case 3, 4, 5, 6:
		return m.rcptTo(r)
	case 7, 8:
		return m.data(n)
	case 9, 10:
		return m.bdat(r, n)
	case 11:
		m.reset()
		return step{"RSET\r\n", []string{"250"}}
	case 12:
		return step{"NOOP x\r\n", []string{"250"}}
	}
	return step{[]string{"VRFY anna\r\n", "EXPN 7b\r\n", "DATA x\r\n", "GARBAGE\r\n"}[n%4], []string{m.hello4(n%4 == 2, []string{"252", "502", "501", "500"}[n%4])}}
}

// hello4 is code, or 503 where a greeting is needed first.
func (m *model) hello4(needs bool, code string) string {
	if needs && !m.hello {
		return "503"
	}
	return code
}

func (m *model) greet(r *rand.Rand) step {
	verb := "EHLO"
	if m.d.lmtp {
		verb = "LHLO"
	}
	if r.IntN(3) == 0 {
		other := map[bool]string{true: "EHLO", false: "LHLO"}[m.d.lmtp]
		return step{other + " x.example\r\n", []string{"500"}}
	}
	m.reset()
	m.hello, m.extended = true, true
	return step{verb + " x.example\r\n", []string{"250"}}
}

func (m *model) mailFrom(r *rand.Rand) step {
	senders := []struct{ path, code string }{
		{"<>", "250"}, {"<anna@school.test>", "250"}, {"<lena@example.org>", "250"}, {"<broken", "501"}, {"<a@b> SIZE=1 SIZE=2", "501"}, {"<a@b> X=1", "555"},
	}
	pick := r.IntN(len(senders))
	s := senders[pick]
	code := s.code
	switch {
	case !m.hello || m.mail:
		code = "503"
	case m.d.submit && !m.login:
		code = "530"
	case m.d.submit && pick == 2:
		code = "553"
	}
	if code == "250" {
		m.mail = true
	}
	return step{"MAIL FROM:" + s.path + "\r\n", []string{code}}
}

func (m *model) rcptTo(r *rand.Rand) step {
	switch {
	case !m.mail || m.chunks:
		return step{"RCPT TO:<anna@school.test>\r\n", []string{"503"}}
	}
	switch r.IntN(6) {
	case 0:
		return step{"RCPT TO:<lena@example.org>\r\n", []string{"550"}}
	case 1:
		return step{"RCPT TO:<lena%example.org@school.test>\r\n", []string{"550"}}
	case 2:
		return step{"RCPT TO:<anna@school.test> NOTIFY=SOMETIMES\r\n", []string{"501"}}
	case 3:
		m.ben++
		return step{"RCPT TO:<ben@school.test>\r\n", []string{"250"}}
	}
	m.anna++
	return step{"RCPT TO:<anna@school.test>\r\n", []string{"250"}}
}

// deliver is what happens after the last byte: each account once, one reply or one for each RCPT.
func (m *model) deliver() []string {
	replies := 1
	if m.d.lmtp {
		replies = m.recipients()
	}
	if m.anna > 0 {
		m.annaHas++
	}
	if m.ben > 0 {
		m.benHas++
	}
	m.reset()
	want := make([]string, replies)
	for i := range want {
		want[i] = "250"
	}
	return want
}

// mayBegin is the refusal of a message now, or "".
func (m *model) mayBegin() string {
	switch {
	case !m.hello, !m.mail:
		return "503"
	case m.recipients() > 0:
		return ""
	case m.d.lmtp:
		return "503"
	}
	return "554"
}

func (m *model) data(n int) step {
	if no := m.mayBegin(); no != "" {
		return step{"DATA\r\n", []string{no}}
	}
	if m.chunks {
		return step{"DATA\r\n", []string{"503"}}
	}
	body := fmt.Sprintf("From: anna@school.test\r\nSubject: %d\r\n\r\n..\r\n", n)
	return step{"DATA\r\n" + body + ".\r\n", append([]string{"354"}, m.deliver()...)}
}

func (m *model) bdat(r *rand.Rand, n int) step {
	chunk := fmt.Sprintf("From: anna@school.test\r\nSubject: %d\r\n\r\n", n)
	last := r.IntN(2) == 0
	if m.chunks {
		chunk = "a line\n.\r\n"
	}
	send := "BDAT " + strconv.Itoa(len(chunk))
	if last {
		send += " LAST"
	}
	send += "\r\n" + chunk
	if no := m.mayBegin(); no != "" && !m.chunks {
		return step{send, []string{no}}
	}
	if !last {
		m.chunks = true
		return step{send, []string{"250"}}
	}
	return step{send, m.deliver()}
}

// TestSessionsFollowTheModel sends random commands, alone and in pipelined groups, and compares each reply and the mailboxes at the end.
func TestSessionsFollowTheModel(t *testing.T) {
	const steps = 1500
	for _, how := range []struct {
		name  string
		d     *door
		login bool
	}{{"MX", doorMX, false}, {"LMTP", doorLMTP, false}, {"submission with login", doorSubmission, true}, {"submission without", doorSubmission, false}} {
		t.Run(how.name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(7, uint64(len(how.name))))
			w := newWorld(t)
			m := &model{d: how.d, login: how.login}
			p := w.dial(how.d)
			if how.login {
				p = loggedIn(w, how.d, "anna")
				m.hello, m.extended = true, true
			}
			for n := 0; n < steps; {
				var group, sent strings.Builder
				var want []string
				for range 1 + r.IntN(6) {
					s := m.next(r, n)
					group.WriteString(s.send)
					fmt.Fprintf(&sent, "%.40q ", s.send)
					want = append(want, s.want...)
					n++
				}
				p.send(group.String())
				for _, code := range want {
					if got := p.reply(); !strings.HasPrefix(got, code) {
						t.Fatalf("step %d, %s: got %q, want %s of %v", n, sent.String(), got, code, want)
					}
				}
			}
			if a, b := len(w.inbox("anna")), len(w.inbox("ben")); a != m.annaHas || b != m.benHas {
				t.Errorf("anna has %d, ben %d, want %d and %d", a, b, m.annaHas, m.benHas)
			}
		})
	}
}
