package smtpd

import (
	"context"
	"encoding/base64"
	"strings"
	"testing"

	"schulhof/directory"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// Logins as clients write them, broken ones, and those given up half-way. RFC 4954 §4, RFC 4616, draft-murchison-sasl-login.
func TestLogins(t *testing.T) {
	good := b64("\x00anna\x00" + password)
	const closes = "" // no reply: the connection has ended
	tests := []struct {
		name  string
		steps []string // lines to send and replies to get, in turn
	}{
		{"PLAIN", []string{"AUTH PLAIN " + good, "235 2.7.0"}},
		{"PLAIN in two steps", []string{"AUTH PLAIN", "334 ", good, "235 2.7.0"}},
		{"small letters and blanks", []string{"auth  plain   " + good + " ", "235 2.7.0"}},
		{"the whole address", []string{"AUTH PLAIN " + b64("\x00Anna@School.TEST\x00"+password), "235"}},
		{"an identity that is the login", []string{"AUTH PLAIN " + b64("ANNA\x00anna\x00"+password), "235"}},
		{"another identity", []string{"AUTH PLAIN " + b64("ben\x00anna\x00"+password), "535 5.7.8"}},
		{"LOGIN", []string{"AUTH LOGIN", "334 " + b64("Username:"), b64("anna"), "334 " + b64("Password:"), b64(password), "235 2.7.0"}},
		{"LOGIN with the name at once", []string{"AUTH LOGIN " + b64("anna"), "334 " + b64("Password:"), b64(password), "235"}},
		{"LOGIN with an empty name", []string{"AUTH LOGIN =", "334 " + b64("Password:"), b64(password), "535 5.7.8"}},
		{"wrong password", []string{"AUTH PLAIN " + b64("\x00anna\x00falsch"), "535 5.7.8", "AUTH PLAIN " + good, "235"}},
		{"unknown login", []string{"AUTH PLAIN " + b64("\x00nobody\x00"+password), "535 5.7.8 Authentication credentials invalid"}},
		{"disabled account", []string{"AUTH PLAIN " + b64("\x00weg\x00"+password), "535 5.7.8 Authentication credentials invalid"}},
		{"a group's name", []string{"AUTH PLAIN " + b64("\x007b\x00"+password), "535 5.7.8"}},
		{"empty password", []string{"AUTH PLAIN " + b64("\x00anna\x00"), "535 5.7.8"}},
		{"nothing at all", []string{"AUTH PLAIN =", "535 5.7.8"}},
		{"too few parts", []string{"AUTH PLAIN " + b64("anna\x00"+password), "535 5.7.8"}},
		{"too many parts", []string{"AUTH PLAIN " + b64("\x00anna\x00"+password+"\x00x"), "535 5.7.8"}},
		{"no UTF-8", []string{"AUTH PLAIN " + b64("\x00anna\x00\xff\xfe"), "535 5.7.8"}},
		{"a line break in the name", []string{"AUTH PLAIN " + b64("\x00anna\r\nRSET\x00"+password), "535 5.7.8"}},
		{"a very long password", []string{"AUTH PLAIN " + b64("\x00anna\x00"+strings.Repeat("x", 5000)), "535 5.7.8"}},
		{"cancelled", []string{"AUTH PLAIN", "334 ", "*", "501 5.7.0", "AUTH PLAIN " + good, "235"}},
		{"cancelled before the name", []string{"AUTH LOGIN", "334 ", "*", "501 5.7.0", "NOOP", "250"}},
		{"cancelled before the password", []string{"AUTH LOGIN", "334 ", b64("anna"), "334 ", "*", "501 5.7.0", "NOOP", "250"}},
		{"cancelled at once", []string{"AUTH PLAIN *", "501 5.5.2", "NOOP", "250"}},
		{"no base64", []string{"AUTH PLAIN !", "501 5.5.2", "AUTH PLAIN", "334 ", "ab", "501 5.5.2", "NOOP", "250"}},
		{"base64 without its end", []string{"AUTH PLAIN " + strings.TrimRight(b64("\x00anna\x00"+password+"x"), "="), "5"}},
		{"a command instead of an answer", []string{"AUTH PLAIN", "334 ", "QUIT", "535 5.7.8", "NOOP", "250"}},
		{"no mechanism", []string{"AUTH", "501 5.5.4"}},
		{"mechanisms that we do not have", []string{"AUTH CRAM-MD5", "504 5.5.4", "AUTH XOAUTH2 " + good, "504 5.5.4", "AUTH SCRAM-SHA-256", "504 5.5.4", "AUTH EXTERNAL =", "504 5.5.4"}},
		{"twice", []string{"AUTH PLAIN " + good, "235", "AUTH PLAIN " + good, "503 5.5.1"}},
		{"within a transaction", []string{"AUTH PLAIN " + good, "235", "MAIL FROM:<anna@school.test>", "250", "AUTH LOGIN", "503 5.5.1", "RCPT TO:<ben@school.test>", "250"}},
		{"an endless first line", []string{"AUTH PLAIN " + strings.Repeat("A", maxCommandLine), "500 5.5.2 Line too long", "", closes}},
		{"an endless answer", []string{"AUTH PLAIN", "334 ", strings.Repeat("A", maxCommandLine), "500 5.5.2 Line too long", "", closes}},
		{"a control character", []string{"AUTH PLAIN", "334 ", "AA\x01A", "501 5.5.2", "", closes}},
	}
	w := newWorld(t)
	address := w.listen(doorSubmission)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := dialTo(t, address, false)
			p.do("EHLO x.example", "250")
			for i := 0; i < len(tt.steps); i += 2 {
				if tt.steps[i] != "" {
					p.send(tt.steps[i] + "\r\n")
				}
				if got := p.reply(); !strings.HasPrefix(got, tt.steps[i+1]) || tt.steps[i+1] == "" && got != "" {
					t.Fatalf("step %d: %.60q is answered %q, want %q", i/2, tt.steps[i], got, tt.steps[i+1])
				}
			}
		})
	}
	for _, secret := range []string{password, good} {
		if strings.Contains(w.log.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}

// A password for reading calendars does not send mail; one for a phone's mail does; a revoked one ends the session it opened.
func TestAppPasswordsSend(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	secrets := map[directory.Scope]string{}
	var mailID int64
	for _, scope := range []directory.Scope{directory.ScopeDAV, directory.ScopeMail | directory.ScopeSend, directory.ScopeSend} {
		made, secret, err := w.dir.AddAppPassword(ctx, w.id["anna"], "phone", scope)
		if err != nil {
			t.Fatal(err)
		}
		secrets[scope] = secret
		if scope&directory.ScopeMail != 0 {
			mailID = made.ID
		}
	}
	try := func(scope directory.Scope, want string) *peerConn {
		t.Helper()
		p := greeted(w, doorSubmissions, "EHLO")
		p.do("AUTH PLAIN "+b64("\x00anna\x00"+secrets[scope]), want)
		return p
	}
	try(directory.ScopeDAV, "535 5.7.8")
	try(directory.ScopeSend, "235")
	p := try(directory.ScopeMail|directory.ScopeSend, "235")
	p.message("anna@school.test", []string{"ben@school.test"}, "From: anna@school.test\r\n\r\nx\r\n", "250")
	if err := w.dir.RevokeAppPassword(ctx, w.id["anna"], mailID); err != nil {
		t.Fatal(err)
	}
	p.do("MAIL FROM:<anna@school.test>", "421 4.7.0 Login is no longer valid")
	p.closed()
}
