package remote

import (
	"encoding/base64"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// TestSmartHost: logins over protected connections only, in the forms that servers know.
func TestSmartHost(t *testing.T) {
	t.Parallel()
	const host = "smart.example"
	ca := authority()
	good, foreign := ca.issue(false, host), makeAuthority("Other CA").issue(false, host)
	plain := "*AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00us\x00secret"))
	tests := []struct {
		name   string
		peer   *peer
		target Target
		want   string
		login  string // a command that must have been heard; "": none with AUTH
	}{
		{"PLAIN", &peer{cert: good, afterTLS: []string{"AUTH LOGIN PLAIN"}}, Target{User: "us", Password: "secret"}, "250 2.0.0", plain},
		{"PLAIN on port 465", &peer{cert: good, first: true, extensions: []string{"AUTH PLAIN"}}, Target{User: "us", Password: "secret", Port: 465}, "250 2.0.0", plain},
		{"AUTH= as it was once", &peer{cert: good, afterTLS: []string{"AUTH=PLAIN"}}, Target{User: "us", Password: "secret"}, "250 2.0.0", plain},
		{"a wrong password", &peer{cert: good, afterTLS: []string{"AUTH PLAIN"}, say: map[string]string{"AUTH": "535 5.7.8 wrong"}}, Target{User: "us", Password: "secret"}, "535 5.7.8 later", plain},
		{"a mechanism that is not known", &peer{cert: good, afterTLS: []string{"AUTH GSSAPI"}}, Target{User: "us", Password: "secret"}, "0 4.7.4 later", ""},
		{"no login offered", &peer{cert: good}, Target{User: "us", Password: "secret"}, "0 4.7.4 later", ""},
		{"STARTTLS stripped", &peer{extensions: []string{"AUTH PLAIN"}}, Target{User: "us", Password: "secret"}, "0 4.7.5 later", ""},
		{"opportunistic, but a password", &peer{extensions: []string{"AUTH PLAIN"}}, Target{User: "us", Password: "secret", TLS: TLSOpportunistic}, "0 4.7.5 later", ""},
		{"another authority", &peer{cert: foreign, afterTLS: []string{"AUTH PLAIN"}}, Target{User: "us", Password: "secret"}, "0 4.7.5 later", ""},
		{"TLS turned off, but a password", &peer{extensions: []string{"AUTH PLAIN"}}, Target{User: "us", Password: "secret", TLS: TLSOff}, "0 4.7.11 later", ""},
		{"no password, TLS turned off", &peer{}, Target{TLS: TLSOff}, "250 2.0.0", ""},
		{"no password, no TLS there", &peer{}, Target{}, "250 2.0.0", ""},
		{"a setting that is none", &peer{}, Target{TLS: "maybe"}, "0 4.3.5 later", ""},
		{"no TLS on port 465", &peer{}, Target{Port: 465}, "0 4.7.5 later", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil, host+". A 192.0.2.1", "there.example. MX 0 .")
			p := w.put(t, "192.0.2.1:587", tt.peer)
			if tt.target.Port != 0 {
				w.put(t, "192.0.2.1:465", tt.peer)
			}
			tt.target.Domain, tt.target.Host = "there.example", host
			results, _ := w.send(t, tt.target, mail(letter), "a@there.example")
			heard := slices.IndexFunc(p.commands(), func(c string) bool { return strings.Contains(c, "AUTH") })
			if short(results) != tt.want || (heard >= 0) != (tt.login != "") || tt.login != "" && p.commands()[heard] != tt.login {
				t.Errorf("%s (%s), commands %q, want %s and %q", short(results), results[0].Text, p.commands(), tt.want, tt.login)
			}
			if strings.Contains(results[0].Text, "secret") {
				t.Errorf("the password is in the text %q", results[0].Text)
			}
		})
	}
}

// TestLogin: AUTH LOGIN answers the server's questions; a private address has to be allowed for a smart host too.
func TestLogin(t *testing.T) {
	t.Parallel()
	cert := authority().issue(false, "smart.example")
	encode := base64.StdEncoding.EncodeToString
	w := newWorld(t, func(o *Options) { o.Networks = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")} }, "smart.example. A 10.0.0.5", "far.example. A 10.1.0.5")
	p := w.put(t, "10.0.0.5:587", &peer{cert: cert, afterTLS: []string{"AUTH LOGIN"}, say: map[string]string{
		"AUTH": "334 VXNlcm5hbWU6", encode([]byte("us")): "334 UGFzc3dvcmQ6", encode([]byte("secret")): "235 2.7.0 welcome"}})
	results, _ := w.send(t, Target{Host: "smart.example", User: "us", Password: "secret"}, mail(letter), "a@there.example")
	want := []string{"EHLO us.example", "STARTTLS", "*EHLO us.example", "*AUTH LOGIN", "*" + encode([]byte("us")), "*" + encode([]byte("secret"))}
	if short(results) != "250 2.0.0" || !slices.Equal(p.commands()[:6], want) {
		t.Errorf("%s, commands %q", short(results), p.commands())
	}
	if results, _ := w.send(t, Target{Host: "far.example"}, mail(letter), "a@there.example"); short(results) != "0 4.4.4 later" {
		t.Errorf("a private address that is not allowed: %s", short(results))
	}
}
