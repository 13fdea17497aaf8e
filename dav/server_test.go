package dav

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"schulhof/directory"
	"schulhof/store/fault"
)

func TestClaims(t *testing.T) {
	tests := []struct {
		method, path string
		want         bool
	}{
		{"GET", "/dav/x", true}, {"GET", "/dav", true}, {"PROPFIND", "/webdav/Files/", true}, {"GET", "/webdav", true},
		{"GET", "/.well-known/caldav", true}, {"PROPFIND", "/.well-known/carddav/", true}, {"PROPFIND", "/", true}, {"OPTIONS", "/", true},
		{"GET", "/", false}, {"HEAD", "/", false}, {"POST", "/", false}, {"GET", "/davx", false}, {"GET", "/.well-known/other", false},
		{"PROPFIND", "/mail", false}, {"BREW", "/", false},
	}
	for _, tt := range tests {
		if got := Claims(httptest.NewRequest(tt.method, tt.path, nil)); got != tt.want {
			t.Errorf("%s %s: %v", tt.method, tt.path, got)
		}
	}
}

// A password is taken over TLS, or from this machine where the settings say so; it must be a password for DAV.
func TestLoginNeedsProtection(t *testing.T) {
	w := newSchool(t)
	ctx := context.Background()
	_, mailOnly, err := w.dir.AddAppPassword(ctx, w.ids["anna"], "mail", directory.ScopeMail)
	w.check(err)
	_, forDAV, err := w.dir.AddAppPassword(ctx, w.ids["anna"], "phone", directory.ScopeDAV)
	w.check(err)
	tests := []struct {
		name, peer, secret string
		tls, allowed       bool
		status             int
	}{
		{"over TLS", "192.0.2.1:5", testPassword, true, false, 207},
		{"in the clear", "192.0.2.1:5", testPassword, false, true, 403},
		{"in the clear from here, allowed", "127.0.0.1:5", testPassword, false, true, 207},
		{"in the clear from here over IPv6", "[::1]:5", testPassword, false, true, 207},
		{"in the clear from here, not allowed", "127.0.0.1:5", testPassword, false, false, 403},
		{"a wrong password", "192.0.2.1:5", "wrong", true, false, 401},
		{"no password", "192.0.2.1:5", "", true, false, 401},
		{"an app password for DAV", "192.0.2.1:5", forDAV, true, false, 207},
		{"one for mail only", "192.0.2.1:5", mailOnly, true, false, 401},
	}
	for _, tt := range tests {
		w.srv.plaintextLoopback = tt.allowed
		r := httptest.NewRequest("PROPFIND", "/webdav/Files/", nil)
		r.Header.Set("Depth", "0")
		r.RemoteAddr = tt.peer
		if tt.tls {
			r = httptest.NewRequest("PROPFIND", "https://mail.school.test/webdav/Files/", nil)
			r.Header.Set("Depth", "0")
			r.RemoteAddr = tt.peer
		}
		r.SetBasicAuth("anna", tt.secret)
		answer := httptest.NewRecorder()
		w.srv.Handler().ServeHTTP(answer, r)
		if answer.Code != tt.status {
			t.Errorf("%s: %d, want %d", tt.name, answer.Code, tt.status)
		}
		if challenged := answer.Header().Get("WWW-Authenticate") != ""; challenged != (tt.status == 401) {
			t.Errorf("%s: challenged %v", tt.name, challenged)
		}
	}
}

type tokens map[string]directory.Identity

func (known tokens) Identify(_ context.Context, token string, _ netip.Addr) (directory.Identity, error) {
	id, ok := known[token]
	if !ok {
		return id, fault.New(fault.Unauthenticated, "not a token")
	}
	return id, nil
}

func TestBearer(t *testing.T) {
	w := newSchool(t)
	anna, err := w.dir.Account(context.Background(), w.ids["anna"])
	w.check(err)
	w.want(401, "", "PROPFIND", "/webdav/Files/", "", "Authorization", "Bearer abc", "Depth", "0")
	w.srv.bearer = tokens{"abc": {Account: anna, Scope: directory.ScopeDAV}}
	w.want(207, "", "PROPFIND", "/webdav/Files/", "", "Authorization", "bearer abc", "Depth", "0")
	a := w.want(401, "", "PROPFIND", "/webdav/Files/", "", "Authorization", "Bearer other", "Depth", "0")
	if got := a.header.Values("WWW-Authenticate"); len(got) != 2 || !strings.HasPrefix(got[1], "Bearer") {
		t.Errorf("challenges: %q", got)
	}
}

// A browser that another page made send this says so; it would send a password that it keeps along.
func TestOtherPagesCannotAct(t *testing.T) {
	w := newSchool(t)
	w.want(201, "anna", "PUT", "/webdav/Files/x", "1")
	for site, status := range map[string]int{"cross-site": 403, "same-site": 403, "same-origin": 204, "none": 204} {
		w.want(status, "anna", "PUT", "/webdav/Files/x", "1", "Sec-Fetch-Site", site)
	}
}

// One account cannot take all of the server: beyond maxRequests at once it is told to wait.
func TestRequestsAtOnceAreBounded(t *testing.T) {
	w := newSchool(t)
	far := netip.MustParseAddr("192.0.2.1")
	request := func(who string, from netip.Addr) *exchange {
		return &exchange{remote: from, id: directory.Identity{Account: directory.Account{ID: w.ids[who]}}}
	}
	var open []*exchange
	for range maxRequests {
		x := request("anna", far)
		if !w.srv.enter(x) {
			t.Fatalf("refused after %d", len(open))
		}
		open = append(open, x)
	}
	if w.srv.enter(request("anna", far)) {
		t.Error("one more was let in")
	}
	w.srv.allowlist = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}
	for _, x := range []*exchange{request("ben", far), request("anna", netip.MustParseAddr("127.0.0.1")), request("anna", netip.MustParseAddr("198.51.100.7"))} {
		if !w.srv.enter(x) {
			t.Errorf("%v was refused", x.remote)
		}
		w.srv.leave(x)
	}
	for _, x := range open {
		w.srv.leave(x)
	}
	if len(w.srv.underWay) != 0 {
		t.Errorf("still counted: %v", w.srv.underWay)
	}
}

// A bug costs one request, is logged, and says nothing of itself.
func TestPanicIsAnswered(t *testing.T) {
	w := newSchool(t)
	w.srv.bearer = broken{}
	a := w.want(500, "", "GET", "/webdav/Files/x", "", "Authorization", "Bearer x")
	if strings.Contains(a.body, "inner") {
		t.Errorf("the answer tells %s", a.body)
	}
	w.want(201, "anna", "PUT", "/webdav/Files/x", "1")
}

type broken struct{}

func (broken) Identify(context.Context, string, netip.Addr) (directory.Identity, error) {
	panic(errors.New("inner detail"))
}

// Where the client takes it, long answers are compressed, and the same.
func TestAnswersAreCompressed(t *testing.T) {
	w := newSchool(t)
	for i := range 40 {
		w.want(201, "anna", "PUT", fmt.Sprintf("/webdav/Files/%d", i), "x")
	}
	plain := w.want(207, "anna", "PROPFIND", "/webdav/Files/", "", "Depth", "1")
	zipped := w.want(207, "anna", "PROPFIND", "/webdav/Files/", "", "Depth", "1", "Accept-Encoding", "br, gzip;q=0.5")
	if zipped.header.Get("Content-Encoding") != "gzip" || plain.header.Get("Content-Encoding") != "" {
		t.Fatalf("encodings %q and %q", zipped.header.Get("Content-Encoding"), plain.header.Get("Content-Encoding"))
	}
	z, err := gzip.NewReader(strings.NewReader(zipped.body))
	w.check(err)
	got, err := io.ReadAll(z)
	w.check(err)
	if string(got) != plain.body || len(zipped.body) > len(plain.body)/4 {
		t.Errorf("%d bytes became %d, the same: %v", len(plain.body), len(zipped.body), string(got) == plain.body)
	}
	for _, coding := range []string{"gzip;q=0", "identity", "deflate"} {
		if a := w.do("anna", "PROPFIND", "/webdav/Files/", "", "Depth", "1", "Accept-Encoding", coding); a.header.Get("Content-Encoding") != "" {
			t.Errorf("%q was answered compressed", coding)
		}
	}
	if a := w.do("anna", "PROPFIND", "/webdav/Files/1", "", "Depth", "0", "Accept-Encoding", "gzip"); a.header.Get("Content-Encoding") != "" && len(a.body) < gzipFrom {
		t.Error("a short answer was compressed")
	}
}

// neverRead fails the test when the server reads an upload that it should refuse unread.
type neverRead struct{ t *testing.T }

func (n neverRead) Read([]byte) (int, error) {
	n.t.Error("the body was read")
	return 0, io.EOF
}

// What Content-Length says already is answered before the upload. RFC 4331 §6, RFC 4918 §11.5.
func TestUploadIsRefusedBeforeItComes(t *testing.T) {
	w := newSchool(t)
	tests := []struct {
		name, method, path string
		length             int64
		status             int
		says               string
	}{
		{"more than the quota", "PUT", "/webdav/Files/x", 10 << 20, 507, "quota-not-exceeded"},
		{"more than a file may be", "PUT", "/webdav/Files/x", 1 << 40, 413, "max-resource-size"},
		{"more than an event may be", "PUT", "/dav/calendars/anna/calendar/x.ics", 2 << 20, 403, "C:max-resource-size"},
		{"as a new member", "POST", "/webdav/Files/?add-member", 10 << 20, 507, "quota-not-exceeded"},
	}
	w.want(201, "anna", "PUT", "/webdav/Files/half", strings.Repeat("x", 11<<20))
	for _, tt := range tests {
		r := httptest.NewRequest(tt.method, tt.path, neverRead{t})
		r.ContentLength, r.RemoteAddr = tt.length, "127.0.0.1:5"
		r.SetBasicAuth("anna", testPassword)
		answer := httptest.NewRecorder()
		w.srv.Handler().ServeHTTP(answer, r)
		if answer.Code != tt.status || !strings.Contains(answer.Body.String(), tt.says) {
			t.Errorf("%s: %d %s, want %d %s", tt.name, answer.Code, answer.Body, tt.status, tt.says)
		}
	}
	finder := httptest.NewRequest("PUT", "/webdav/Files/x", neverRead{t})
	finder.ContentLength, finder.RemoteAddr = -1, "127.0.0.1:5"
	finder.Header.Set("X-Expected-Entity-Length", "10485760")
	finder.SetBasicAuth("anna", testPassword)
	answer := httptest.NewRecorder()
	if w.srv.Handler().ServeHTTP(answer, finder); answer.Code != 507 {
		t.Errorf("what Finder announces: %d", answer.Code)
	}
	// Without a length it is found out while it comes, and nothing is left of it.
	endless := io.MultiReader(bytes.NewReader(make([]byte, 12<<20)), bytes.NewReader(make([]byte, 1<<20)))
	if a := w.send("anna", "PUT", "/webdav/Files/endless", endless); a.status != 413 {
		t.Errorf("an endless file: %d", a.status)
	}
	w.want(404, "anna", "GET", "/webdav/Files/endless", "")
}

// An upload that breaks off leaves nothing.
func TestBrokenUploadLeavesNothing(t *testing.T) {
	w := newSchool(t)
	r := httptest.NewRequest("PUT", "/webdav/Files/x", io.MultiReader(strings.NewReader("half"), &failing{io.ErrUnexpectedEOF}))
	r.ContentLength, r.RemoteAddr = 100, "127.0.0.1:5"
	r.SetBasicAuth("anna", testPassword)
	answer := httptest.NewRecorder()
	w.srv.Handler().ServeHTTP(answer, r)
	if answer.Code != http.StatusBadRequest {
		t.Errorf("%d", answer.Code)
	}
	w.want(404, "anna", "GET", "/webdav/Files/x", "")
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

// Bytes come back as they went, whole and in pieces, also when they are large.
func TestLargeFileComesBack(t *testing.T) {
	w := newSchool(t)
	content := make([]byte, 9<<20)
	for i := range content {
		content[i] = byte(i * 7 >> 3)
	}
	w.want(201, "anna", "PUT", "/webdav/Files/big", string(content))
	if got := w.want(200, "anna", "GET", "/webdav/Files/big", ""); got.body != string(content) {
		t.Error("the file came back as another one")
	}
	part := w.want(206, "anna", "GET", "/webdav/Files/big", "", "Range", "bytes=8388600-8388699")
	if part.body != string(content[8388600:8388700]) {
		t.Error("a range across the border of 8 MiB is wrong")
	}
	w.want(206, "anna", "GET", "/webdav/Files/big", "", "Range", "bytes=0-1,5-6")
}

// XML bodies have a limit, too.
func TestBodyOfXMLIsBounded(t *testing.T) {
	w := newSchool(t)
	body := `<propfind xmlns="DAV:"><prop>` + strings.Repeat(" ", maxXMLBody) + "</prop></propfind>"
	w.want(413, "anna", "PROPFIND", "/webdav/Files/", body, "Depth", "0")
}
