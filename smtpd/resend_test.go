package smtpd

import (
	"errors"
	"strings"
	"testing"

	"schulhof/directory"
	"schulhof/store/storetest"
)

// loseReply sends a message at d and leaves before the 250 could be read; the server has noticed when it returns.
func (w *world) loseReply(t *testing.T, d *door, sender string, to []string, text string) {
	t.Helper()
	before := strings.Count(w.log.String(), "reply did not arrive")
	p := w.ready(d, sender, to)
	p.send(text + ".\r\n")
	p.nc.Close()
	waitFor(t, "the reply that did not arrive", func() bool { return strings.Count(w.log.String(), "reply did not arrive") > before })
}

// ready is a connection that has got to 354; at submission as anna.
func (w *world) ready(d *door, sender string, to []string) *peerConn {
	w.t.Helper()
	p := greeted(w, d, map[bool]string{true: "LHLO", false: "EHLO"}[d.lmtp])
	if d.submit {
		p.login("anna")
	}
	p.do("MAIL FROM:<"+sender+">", "250")
	for _, r := range to {
		p.do("RCPT TO:<"+r+">", "250")
	}
	p.do("DATA", "354")
	return p
}

// Only the very message whose 250 was lost is answered without a second delivery, and only until an answer has arrived.
func TestWhatIsSentAgainAfterALostReply(t *testing.T) {
	const sender, text = "anna@school.test", "From: anna@school.test\r\nSubject: x\r\nDate: Mon, 23 Nov 2026 08:00:00 +0100\r\nMessage-ID: <1@school.test>\r\n\r\nText\r\n"
	tests := []struct {
		name, sender string
		to           []string
		text         string
		anna         int // messages after the second try
	}{
		{"the same", sender, []string{"anna@school.test"}, text, 1},
		{"the same, named in another way", sender, []string{"Anna@SCHOOL.test"}, text, 1},
		{"another text", sender, []string{"anna@school.test"}, text + "more\r\n", 2},
		{"another header", sender, []string{"anna@school.test"}, "X-A: b\r\n" + text, 2},
		{"another sender", "anna+x@school.test", []string{"anna@school.test"}, text, 2},
		{"the null sender", "", []string{"anna@school.test"}, text, 2},
		{"one more recipient", sender, []string{"anna@school.test", "ben@school.test"}, text, 2},
	}
	for _, d := range []*door{doorMX, doorLMTP, doorSubmission} {
		for _, tt := range tests {
			t.Run(d.name+", "+tt.name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.loseReply(t, d, sender, []string{"anna@school.test"}, text)
				p := w.ready(d, tt.sender, tt.to)
				p.send(tt.text + ".\r\n")
				p.want("250 2.")
				if n := len(w.inbox("anna")); n != tt.anna {
					t.Errorf("anna has %d messages, want %d", n, tt.anna)
				}
			})
		}
	}
}

// Once the peer has gone on after its second try, the same bytes are a message of their own again.
func TestAnArrivedReplyEndsTheSuppression(t *testing.T) {
	w := newWorld(t)
	for _, d := range []*door{doorMX, doorLMTP} {
		before := len(w.inbox("anna"))
		w.loseReply(t, d, "lena@example.org", []string{"anna@school.test"}, letter)
		for try, want := range []int{1, 2, 3} {
			p := w.ready(d, "lena@example.org", []string{"anna@school.test"})
			p.send(letter + ".\r\n")
			p.want("250")
			p.do("QUIT", "221")
			if n := len(w.inbox("anna")) - before; n != want {
				t.Errorf("%s: %d messages after try %d, want %d", d.name, n, try+2, want)
			}
		}
	}
}

// What lists and filters make of a message besides its copies for who was addressed does not count: neither the question to an owner, whose
// filter sees it too, nor an archive.
func TestAListsMessageIsSentAgainAfterALostReply(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		post     directory.Posting
		filtered string
		to       []string
		want     string // deliveries: one of the message, and a notice of each try to anna, because voll has no room
	}{
		{"the owner has a filter", directory.PostModerated, "tina", []string{"7b@school.test"}, "tina 1"},
		{"one is full, another has a filter", directory.PostModerated, "ben", []string{"7b@school.test", "voll@school.test", "ben@school.test"}, "anna 2 ben 1 tina 1"},
		{"one is full, nobody has a filter", directory.PostModerated, "", []string{"7b@school.test", "voll@school.test", "ben@school.test"}, "anna 2 ben 1 tina 1"},
		{"an archive", directory.PostMembers, "ben", []string{"7b@school.test", "voll@school.test"}, "anna 3 ben 1 tina 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, _ := listWorld(t, storetest.Open(t))
			g := w.list("7b", tt.post)
			if err := errors.Join(w.mail.ProvideGroup(t.Context(), g.ID), w.dir.ChangeList(t.Context(), g.ID, directory.ListChange{Archive: new(true)})); err != nil {
				t.Fatal(err)
			}
			if tt.filtered != "" {
				w.filter(tt.filtered, "keep;")
			}
			text := "From: anna@school.test\r\nSubject: x\r\nDate: Mon, 23 Nov 2026 08:00:00 +0100\r\nMessage-ID: <1@school.test>\r\n\r\nText\r\n"
			w.loseReply(t, doorSubmission, "anna@school.test", tt.to, text)
			p := w.ready(doorSubmission, "anna@school.test", tt.to)
			p.send(text + ".\r\n")
			p.want("250 2.")
			if got := w.deliveries(); got != tt.want {
				t.Errorf("delivered: %s, want %s", got, tt.want)
			}
		})
	}
}

// A reply that says no is not remembered: what was refused may come again, mended or not.
func TestARefusalIsNotRemembered(t *testing.T) {
	w := newWorld(t)
	for range 2 {
		p := w.ready(doorMX, "lena@example.org", []string{"anna@school.test"})
		p.send("From: a@b\r\nFrom: c@d\r\n\r\nx\r\n.\r\n")
		p.nc.Close()
	}
	p := w.ready(doorMX, "lena@example.org", []string{"anna@school.test"})
	p.send("From: a@b\r\nFrom: c@d\r\n\r\nx\r\n.\r\n")
	p.want("550 5.6.0")
	if n := len(w.inbox("anna")); n != 0 {
		t.Errorf("anna has %d messages", n)
	}
}
