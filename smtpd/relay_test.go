package smtpd

import (
	"encoding/base64"
	"fmt"
	"testing"
)

// TestNeverAnOpenRelay asks every door for every kind of address: only our own recipients pass.
func TestNeverAnOpenRelay(t *testing.T) {
	const ours, foreign = true, false
	addresses := []struct {
		name, path string
		ours       bool
	}{
		{"local", "<anna@school.test>", ours},
		{"local, other case", "<ANNA@School.Test>", ours},
		{"local, quoted without need", `<"anna"@school.test>`, ours},
		{"local, quoted letters", `<"an\na"@school.test>`, ours},
		{"local with a detail", "<anna+math@school.test>", ours},
		{"local alias", "<info@school.test>", ours},
		{"local group", "<7b@school.test>", ours},
		{"source route to a local one", "<@evil.test,@school.test:anna@school.test>", ours},
		{"foreign", "<lena@example.org>", foreign},
		{"foreign subdomain of ours", "<anna@sub.school.test>", foreign},
		{"our domain as a prefix", "<anna@school.test.example.org>", foreign},
		{"our domain as a suffix", "<anna@notschool.test>", foreign},
		{"source route through us", "<@school.test:lena@example.org>", foreign},
		{"source route through us and back", "<@school.test,@mail.school.test:lena@example.org>", foreign},
		{"percent hack", "<lena%example.org@school.test>", foreign},
		{"percent hack, quoted", `<"lena%example.org"@school.test>`, foreign},
		{"quoted foreign address", `<"lena@example.org"@school.test>`, foreign},
		{"quoted local address at a foreign domain", `<"anna@school.test"@example.org>`, foreign},
		{"two ats", "<lena@example.org@school.test>", foreign},
		{"two ats, ours first", "<anna@school.test@example.org>", foreign},
		{"bang path", "<example.org!lena@school.test>", foreign},
		{"bang path without domain", "<example.org!lena>", foreign},
		{"bang path through us", "<school.test!example.org!lena@school.test>", foreign},
		{"UUCP and percent", "<example.org!lena%evil.test@school.test>", foreign},
		{"address literal", "<anna@[127.0.0.1]>", foreign},
		{"IPv6 literal", "<anna@[IPv6:::1]>", foreign},
		{"bare address", "<anna@127.0.0.1>", foreign},
		{"our host name", "<anna@mail.school.test>", foreign},
		{"trailing dot", "<anna@school.test.>", foreign},
		{"foreign with a trailing dot", "<lena@example.org.>", foreign},
		{"no domain", "<anna>", foreign},
		{"empty domain", "<anna@>", foreign},
		{"empty local part", "<@school.test>", foreign},
		{"quoted empty local part", `<""@school.test>`, foreign},
		{"blank and a second address", "<anna@school.test lena@example.org>", foreign},
		{"comma and a second address", "<anna@school.test,lena@example.org>", foreign},
		{"a comment", "<anna(lena@example.org)@school.test>", foreign},
		{"angle inside", "<<lena@example.org>@school.test>", foreign},
		{"CR in the address", "<anna\t@school.test>", foreign},
		{"colon route without at", "<school.test:lena@example.org>", foreign},
		{"null", "<>", foreign},
	}
	senders := []string{"<>", "<lena@example.org>", "<anna@school.test>"}
	w := newWorld(t)
	dialled := map[string]func() *peerConn{
		"MX":                       func() *peerConn { return greeted(w, doorMX, "EHLO") },
		"LMTP":                     func() *peerConn { return greeted(w, doorLMTP, "LHLO") },
		"submission":               func() *peerConn { return greeted(w, doorSubmission, "EHLO") },
		"submission with login":    func() *peerConn { return loggedIn(w, doorSubmission, "anna") },
		"submissions with login":   func() *peerConn { return loggedIn(w, doorSubmissions, "anna") },
		"submissions without":      func() *peerConn { return greeted(w, doorSubmissions, "EHLO") },
		"MX, greeted as one of us": func() *peerConn { return greeted(w, doorMX, "HELO") },
	}
	for name, dial := range dialled {
		p := dial()
		for _, sender := range senders {
			for _, a := range addresses {
				p.do("RSET", "250")
				p.send("MAIL FROM:" + sender + "\r\n")
				mailed := p.reply()
				p.send("RCPT TO:" + a.path + "\r\n")
				got := p.reply()
				may := a.ours && (name == "MX" || name == "LMTP" || name == "MX, greeted as one of us" ||
					name == "submission with login" && sender != "<lena@example.org>" ||
					name == "submissions with login" && sender != "<lena@example.org>")
				if accepted := got[0] == '2'; accepted != may {
					t.Errorf("%s, from %s to %s %s: %q after %q, want accepted %v", name, sender, a.name, a.path, got, mailed, may)
				}
				if got[0] == '4' {
					t.Errorf("%s to %s: %q: a refused relay must not be tried again", name, a.path, got)
				}
			}
		}
	}
}

// greeted is a connection after EHLO, LHLO or HELO.
func greeted(w *world, d *door, verb string) *peerConn {
	p := w.dial(d)
	p.do(verb+" mail.school.test", "250")
	return p
}

// loggedIn is a connection after a login as name.
func loggedIn(w *world, d *door, name string) *peerConn {
	p := greeted(w, d, "EHLO")
	p.login(name)
	return p
}

// login logs in as name.
func (p *peerConn) login(name string) {
	p.t.Helper()
	p.do("AUTH PLAIN "+base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "\x00%s\x00%s", name, password)), "235")
}
