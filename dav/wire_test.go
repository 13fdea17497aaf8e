package dav

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"
)

// raw sends bytes as they are, and returns the statuses of the answers until the server closes.
func (w *school) raw(request string, breaksOff bool) (statuses []int) {
	w.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(w.http.URL, "http://"))
	w.check(err)
	defer c.Close()
	_, err = io.WriteString(c, request)
	w.check(err)
	if breaksOff {
		w.check(c.(*net.TCPConn).CloseWrite())
	}
	in := bufio.NewReader(c)
	for {
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			return statuses
		}
		statuses = append(statuses, res.StatusCode)
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			return statuses
		}
	}
}

// TestOneBodyOneRequest: bytes that two programs could take for the end of one request or for the start of another must not become a
// second request, nor a file with another content. RFC 9112 §6.3, §11.2.
func TestOneBodyOneRequest(t *testing.T) {
	w := newSchool(t)
	head := "PUT /webdav/Files/a HTTP/1.1\r\nHost: mail.school.test\r\nAuthorization: " + basic("anna", testPassword) + "\r\nConnection: close\r\n"
	const hidden = "DELETE /webdav/Files/kept HTTP/1.1\r\nHost: x\r\n\r\n"
	w.want(201, "anna", "PUT", "/webdav/Files/kept", "x")
	for _, tt := range []struct {
		name, request string
		refused       bool
	}{
		{"two lengths", head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", true},
		{"a list of lengths", head + "Content-Length: 1, 2\r\n\r\nab", true},
		{"a signed length", head + "Content-Length: +1\r\n\r\na", true},
		{"a negative length", head + "Content-Length: -1\r\n\r\na", true},
		{"a length in hex", head + "Content-Length: 0x1\r\n\r\na", true},
		{"a huge length", head + "Content-Length: 99999999999999999999\r\n\r\na", true},
		{"a coding that is none", head + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", true},
		{"two codings", head + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", true},
		{"a space before the colon", head + "Content-Length : 1\r\n\r\na", true},
		{"a chunk without a size", head + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n" + hidden, true},
		{"a chunk that is longer than it says", head + "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n", true},
		{"a chunk that does not end", head + "Transfer-Encoding: chunked\r\n\r\nffff\r\nabc", true},
		{"a body that is shorter than it says", head + "Content-Length: 100\r\n\r\nabc", true},
		{"no host", strings.Replace(head, "Host: mail.school.test\r\n", "", 1) + "Content-Length: 1\r\n\r\na", true},
		{"two hosts", head + "Host: other\r\nContent-Length: 1\r\n\r\na", true},
		{"a line feed in a header", head + "X: a\nDepth: 0\r\n\x00: x\r\n\r\n", true},
		{"a length that is right", head + "Content-Length: 1\r\n\r\na", false},
		{"chunks that are right", head + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", false},
	} {
		statuses := w.raw(tt.request, tt.refused)
		if tt.refused {
			for _, s := range statuses {
				if s < 400 {
					t.Errorf("%s: %v", tt.name, statuses)
				}
			}
			w.want(404, "anna", "GET", "/webdav/Files/a", "")
			continue
		}
		if len(statuses) != 1 || statuses[0] != 201 {
			t.Errorf("%s: %v", tt.name, statuses)
		}
		w.want(204, "anna", "DELETE", "/webdav/Files/a", "")
	}
	w.want(200, "anna", "GET", "/webdav/Files/kept", "")
}

// TestClientThatGoesAway: an upload whose connection breaks leaves nothing, whatever it was for, and the server goes on. The pipe makes
// sure that the server has begun to read.
func TestClientThatGoesAway(t *testing.T) {
	w := newSchool(t)
	for _, tt := range []struct {
		method, path string
		status       int
	}{
		{"PUT", "/webdav/Files/x", 400}, {"PUT", "/dav/calendars/anna/calendar/x.ics", 400}, {"PUT", "/dav/contacts/anna/contacts/x.vcf", 400},
		{"POST", "/webdav/Files/?add-member", 400}, {"PROPPATCH", "/webdav/Files/", 400}, {"MKCOL", "/webdav/Files/x", 415}, {"REPORT", "/webdav/Files/", 400},
		{"LOCK", "/webdav/Files/x", 400}, {"PROPFIND", "/webdav/Files/", 400},
	} {
		in, out := io.Pipe()
		go func() {
			_, err := io.WriteString(out, "<half")
			out.CloseWithError(errors.Join(io.ErrUnexpectedEOF, err))
		}()
		r := httptest.NewRequest(tt.method, tt.path, in)
		r.ContentLength, r.RemoteAddr = 100, "127.0.0.1:5"
		r.Header.Set("Depth", "0")
		r.SetBasicAuth("anna", testPassword)
		answer := httptest.NewRecorder()
		w.srv.Handler().ServeHTTP(answer, r)
		if answer.Code != tt.status {
			t.Errorf("%s %s: %d, want %d: %s", tt.method, tt.path, answer.Code, tt.status, answer.Body)
		}
	}
	for _, path := range []string{"/webdav/Files/", "/dav/calendars/anna/calendar/", "/dav/contacts/anna/contacts/"} {
		if got := names(t, w.want(207, "anna", "PROPFIND", path, "", "Depth", "1").body); len(got) != 1 {
			t.Errorf("%s has %v", path, got)
		}
	}
}

// TestBodyInSmallSteps: a body that comes byte by byte is the same as one that comes at once.
func TestBodyInSmallSteps(t *testing.T) {
	w := newSchool(t)
	content := strings.Repeat("ß0123456789", 500)
	in, out := io.Pipe()
	go func() {
		for i := range len(content) {
			if _, err := io.WriteString(out, content[i:i+1]); err != nil {
				return
			}
		}
		out.Close()
	}()
	if a := w.send("anna", "PUT", "/webdav/Files/slow", in); a.status != 201 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := w.want(200, "anna", "GET", "/webdav/Files/slow", ""); a.body != content {
		t.Errorf("%d bytes came back of %d", len(a.body), len(content))
	}
}

// goneAfter is a client that takes some bytes of the answer and then goes.
type goneAfter struct {
	*httptest.ResponseRecorder
	left, writes int
}

func (g *goneAfter) Write(b []byte) (int, error) {
	g.writes++
	if g.left -= len(b); g.left < 0 {
		return 0, io.ErrClosedPipe
	}
	return len(b), nil
}

// TestAnswerToNobodyStops: when the client has gone, a long answer is given up with the next piece, and the connection is cut, so that no
// half of an answer is taken for the whole.
func TestAnswerToNobodyStops(t *testing.T) {
	w := newSchool(t)
	w.fill("viele", 3*childrenPage)
	x := w.exchange("anna", "PROPFIND", "/webdav/Files/viele/")
	x.r.Header.Set("Depth", "1")
	gone := &goneAfter{ResponseRecorder: httptest.NewRecorder(), left: flushAt + flushAt/2}
	defer func() {
		if v := recover(); v != http.ErrAbortHandler { //nolint:errorlint // a sentinel, panicked as it is
			t.Errorf("the handler ended with %v", v)
		}
		if gone.writes > 2 {
			t.Errorf("%d pieces were sent to nobody", gone.writes)
		}
	}()
	w.srv.Handler().ServeHTTP(gone, x.r)
}

// TestLargeListingHasBoundedMemory: what a listing allocates for one member does not grow with their number, and the buffer that it
// leaves is kept for the next one. It counts bytes, not time. SCHULHOF_E2E=1: 10,000 members instead of 4,000.
func TestLargeListingHasBoundedMemory(t *testing.T) {
	w := newSchool(t)
	many := 4_000
	if os.Getenv("SCHULHOF_E2E") != "" {
		many = 10_000
	}
	w.fill("wenige", childrenPage)
	w.fill("viele", many)
	perMember := func(folder string, members int) (bytes uint64) {
		ask := func() {
			x := w.exchange("anna", "PROPFIND", "/webdav/Files/"+folder+"/")
			x.r.Header.Set("Depth", "1")
			out := &largest{ResponseRecorder: httptest.NewRecorder()}
			x.w = out
			w.check(x.run(context.Background()))
			if out.most > 2*flushAt || out.total < members*300 {
				t.Errorf("%s: %d bytes, up to %d at once", folder, out.total, out.most)
			}
		}
		ask()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		ask()
		runtime.ReadMemStats(&after)
		return (after.TotalAlloc - before.TotalAlloc) / uint64(members)
	}
	few, lots := perMember("wenige", childrenPage), perMember("viele", many)
	if lots > 2*few+1000 {
		t.Errorf("a member of %d costs %d bytes, one of %d costs %d", many, lots, childrenPage, few)
	}
}

// TestErrorBodies: every refusal is a DAV:error that parses, has a length and a type, and is empty for HEAD.
func TestErrorBodies(t *testing.T) {
	w := newSchool(t)
	w.furnish()
	for _, tt := range []struct {
		method, path string
		status       int
		headers      []string
	}{
		{"GET", "/webdav/Files/none", 404, nil}, {"GET", "/webdav/Files/", 405, nil}, {"PUT", "/webdav/Files/a/", 405, nil}, {"PUT", "/webdav/Files/a/b", 409, nil},
		{"DELETE", "/webdav/Files/", 403, nil}, {"DELETE", "/dav/calendars/anna/calendar/e.ics", 412, []string{"If-Match", `"x"`}}, {"BREW", "/", 501, nil},
		{"PROPFIND", "/webdav/Files/", 400, []string{"Depth", "9"}}, {"COPY", "/webdav/Files/none", 404, nil}, {"MKCOL", "/webdav/Files/", 405, nil},
		{"GET", "/webdav/Files/none", 403, []string{"Sec-Fetch-Site", "cross-site"}},
	} {
		a := w.do("anna", tt.method, tt.path, "", tt.headers...)
		if a.status != tt.status || a.header.Get("Content-Type") != "application/xml; charset=utf-8" || a.header.Get("Content-Length") != fmt.Sprint(len(a.body)) {
			t.Errorf("%s %s: %d %v", tt.method, tt.path, a.status, a.header)
		}
		if e, err := parseXML([]byte(a.body)); err != nil || e.name != dav("error") {
			t.Errorf("%s %s: %v %s", tt.method, tt.path, err, a.body)
		}
	}
	if a := w.want(404, "anna", "HEAD", "/webdav/Files/none", ""); a.body != "" || a.header.Get("Content-Length") == "0" {
		t.Errorf("HEAD: %v %q", a.header, a.body)
	}
}
