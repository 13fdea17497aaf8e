package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/xml"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"schulhof/config"
	"schulhof/smtpd"
	"schulhof/webmail"

	"github.com/google/go-cmp/cmp"
	"github.com/micromdm/plist"
	"github.com/smallstep/pkcs7"
)

// newDiscovery is what a school with every listener answers with.
func newDiscovery(t *testing.T) (*config.Config, http.Handler) {
	t.Helper()
	c := newSchool(t)
	r := openSchool(t, c)
	if err := c.SetListeners("127.0.0.1", 10000); err != nil {
		t.Fatal(err)
	}
	certs, err := newCertificates(c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return c, newWebHandler(&discovery{config: c, directory: r.Directory, certificate: certs.current.Load}, leaver{}, testWebmail(t, r))
}

func testWebmail(t *testing.T, r *rooms) *webmail.Server {
	t.Helper()
	smtp, err := smtpd.New(smtpd.Options{Store: r.Store, Directory: r.Directory, Mail: r.Mail, Hostname: r.Config.Server.Hostname})
	if err != nil {
		t.Fatal(err)
	}
	pages, err := newWebmail(r, smtp)
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

func get(handler http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w
}

// Thunderbird asks at both places, with and without an address, and learns every service.
func TestAutoconfig(t *testing.T) {
	_, handler := newDiscovery(t)
	for _, path := range []string{autoconfigPath, autoconfigSafePath, autoconfigPath + "?emailaddress=" + url.QueryEscape("Anna@School.test")} {
		w := get(handler, path)
		if w.Code != 200 || w.Header().Get("Content-Type") != "text/xml; charset=utf-8" {
			t.Fatalf("%s = %d %s", path, w.Code, w.Header())
		}
		var got clientConfig
		if err := xml.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		p := got.Provider
		if got.Version != "1.1" || p.ID != "school.test" || p.Domain != "school.test" {
			t.Errorf("%s is about %q, %q", path, p.ID, p.Domain)
		}
		wantIn := []serverConfig{
			{"imap", "mail.school.test", 10993, "SSL", "password-cleartext", "%EMAILADDRESS%"},
			{"imap", "mail.school.test", 10143, "STARTTLS", "password-cleartext", "%EMAILADDRESS%"},
		}
		wantOut := []serverConfig{
			{"smtp", "mail.school.test", 10465, "SSL", "password-cleartext", "%EMAILADDRESS%"},
			{"smtp", "mail.school.test", 10587, "STARTTLS", "password-cleartext", "%EMAILADDRESS%"},
		}
		if d := cmp.Diff(wantIn, p.Incoming) + cmp.Diff(wantOut, p.Outgoing); d != "" {
			t.Errorf("%s: %s", path, d)
		}
		base := "https://mail.school.test:10443"
		services := [][]serviceConfig{p.Calendars, p.Books, p.Files}
		want := [][]serviceConfig{
			{{"caldav", "%EMAILADDRESS%", "http-basic", base + "/dav/"}}, {{"carddav", "%EMAILADDRESS%", "http-basic", base + "/dav/"}},
			{{"webdav", "%EMAILADDRESS%", "http-basic", base + "/webdav/"}},
		}
		if d := cmp.Diff(want, services); d != "" {
			t.Errorf("%s: %s", path, d)
		}
	}
}

// What is no address, or not at a domain of ours, is refused, alike for people who exist and people who don't.
func TestDiscoveryRefuses(t *testing.T) {
	_, handler := newDiscovery(t)
	for _, path := range []string{autoconfigPath, profilePath} {
		for query, code := range map[string]int{"nobody": 400, "a@b@": 400, "": 400, "anna@elsewhere.test": 404, "nobody-here@school.test": 200} {
			if w := get(handler, path+"?emailaddress="+url.QueryEscape(query)); w.Code != code {
				t.Errorf("%s for %q = %d, want %d", path, query, w.Code, code)
			}
		}
	}
}

// A service that is off is not told of, and the standard port of HTTPS is left out of addresses.
func TestAutoconfigTellsOnlyWhatIsOn(t *testing.T) {
	c, handler := newDiscovery(t)
	c.Listen.HTTPS, c.Listen.IMAP = []string{":443"}, nil
	body := get(handler, autoconfigPath).Body.String()
	if !strings.Contains(body, "<serverURL>https://mail.school.test/dav/</serverURL>") || strings.Contains(body, "<port>10143</port>") {
		t.Errorf("autoconfig = %s", body)
	}
	c.Listen.HTTPS = nil
	if body := get(handler, autoconfigPath).Body.String(); strings.Contains(body, "serverURL") {
		t.Errorf("autoconfig without HTTPS = %s", body)
	}
}

// An Apple device gets one signed profile with mail, calendars, contacts and our authority.
func TestAppleProfile(t *testing.T) {
	c, handler := newDiscovery(t)
	w := get(handler, profilePath+"?emailaddress="+url.QueryEscape("anna@school.test"))
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/x-apple-aspen-config" {
		t.Fatalf("profile = %d %v", w.Code, w.Header())
	}
	signed, err := pkcs7.Parse(w.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	certificate, err := tls.LoadX509KeyPair(c.TLS.Certificate, c.TLS.Key)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := x509.ParseCertificate(certificate.Certificate[len(certificate.Certificate)-1])
	if err != nil {
		t.Fatal(err)
	}
	trusted.AddCert(authority)
	if err := signed.VerifyWithChain(trusted); err != nil {
		t.Errorf("the signature: %v", err)
	}
	var profile struct {
		PayloadUUID    string
		PayloadContent []map[string]any
	}
	if err := plist.Unmarshal(signed.Content, &profile); err != nil {
		t.Fatalf("%v in %s", err, signed.Content)
	}
	var kinds []string
	for _, p := range profile.PayloadContent {
		kinds = append(kinds, p["PayloadType"].(string))
		for key, want := range map[string]any{"CalDAVPort": uint64(10443), "CardDAVHostName": "mail.school.test", "IncomingMailServerPortNumber": uint64(10993),
			"EmailAddress": "anna@school.test", "CalDAVUsername": "anna@school.test"} {
			if got, ok := p[key]; ok && got != want {
				t.Errorf("%s = %v, want %v", key, got, want)
			}
		}
	}
	if want := []string{"com.apple.mail.managed", "com.apple.caldav.account", "com.apple.carddav.account", "com.apple.security.root"}; !slices.Equal(kinds, want) {
		t.Errorf("payloads %v, want %v", kinds, want)
	}
	if strings.Contains(strings.ToLower(string(signed.Content)), "<key>incomingpassword</key>") {
		t.Error("the profile tells a password")
	}
	again := get(handler, profilePath+"?emailaddress="+url.QueryEscape("anna@school.test"))
	if signed, err = pkcs7.Parse(again.Body.Bytes()); err != nil || !strings.Contains(string(signed.Content), profile.PayloadUUID) {
		t.Errorf("a second download does not replace the first: %v", err)
	}
}

func TestFileNameOf(t *testing.T) {
	if got := fileNameOf(`jür"gen\..@schule.test`); got != "j_r_gen_.._schule.test" {
		t.Errorf("fileNameOf = %q", got)
	}
}

// Long texts are cut into strings of at most 255 octets, and quotes are escaped. RFC 1035 §3.3.14 and §5.1.
func TestQuoteText(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"short", "v=spf1 mx -all", `"v=spf1 mx -all"`},
		{"empty", "", `""`},
		{"quotes", `a"b\`, `"a\"b\\"`},
		{"255 octets", strings.Repeat("a", 255), `"` + strings.Repeat("a", 255) + `"`},
		{"256 octets", strings.Repeat("a", 256), `"` + strings.Repeat("a", 255) + `" "a"`},
	}
	for _, tt := range tests {
		if got := quoteText(tt.in); got != tt.want {
			t.Errorf("%s: quoteText = %s, want %s", tt.name, got, tt.want)
		}
	}
}
