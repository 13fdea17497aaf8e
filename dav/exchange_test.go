package dav

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// patient is an answer whose connection notes the deadlines that it is given.
type patient struct {
	*httptest.ResponseRecorder
	reads, writes []time.Time
}

func (p *patient) SetReadDeadline(t time.Time) error {
	p.reads = append(p.reads, t)
	return nil
}

func (p *patient) SetWriteDeadline(t time.Time) error {
	p.writes = append(p.writes, t)
	return nil
}

// Each wait for more of an upload has a deadline of its own, and none is left for the next request.
func TestUploadHasADeadlinePerWait(t *testing.T) {
	p := &patient{ResponseRecorder: httptest.NewRecorder()}
	body := requestBody{w: p, in: io.MultiReader(strings.NewReader("a"), strings.NewReader("b"))}
	before := time.Now()
	got, err := io.ReadAll(&body)
	if err != nil || string(got) != "ab" {
		t.Fatalf("%q, %v", got, err)
	}
	if len(p.reads) < 3 || !p.reads[len(p.reads)-1].IsZero() {
		t.Fatalf("deadlines %v, want one for each read and none at the end", p.reads)
	}
	for _, d := range p.reads[:len(p.reads)-1] {
		if d.Before(before.Add(stallTime)) || d.After(time.Now().Add(stallTime)) {
			t.Errorf("deadline %v", d)
		}
	}
}

// Each step of an answer extends the deadline: a slow client may take long, a stuck one not longer than stallTime.
func TestAnswerExtendsItsDeadline(t *testing.T) {
	w := newSchool(t)
	w.fill("viele", 2*childrenPage)
	p := &patient{ResponseRecorder: httptest.NewRecorder()}
	x := w.exchange("anna", "PROPFIND", "/webdav/Files/viele/")
	x.r.Header.Set("Depth", "1")
	x.w = p
	w.check(x.run(context.Background()))
	if len(p.writes) < 5 {
		t.Errorf("%d deadlines for %d bytes", len(p.writes), p.Body.Len())
	}
}

func TestReadError(t *testing.T) {
	for status, err := range map[int]error{408: os.ErrDeadlineExceeded, 400: io.ErrUnexpectedEOF, 413: &http.MaxBytesError{}} {
		if p := problemOf(readError(err), 0); p.status != status || !errors.Is(p, err) && status != 413 {
			t.Errorf("%v is %d, want %d", err, p.status, status)
		}
	}
}

// sendsHalf is an answer that breaks after its first bytes.
type sendsHalf struct {
	*httptest.ResponseRecorder
	left int
}

func (s *sendsHalf) Write(b []byte) (int, error) {
	if s.left -= len(b); s.left < 0 {
		return 0, errors.New("the connection is gone")
	}
	return len(b), nil
}

// When something goes wrong in the middle of an answer, the connection is cut: half a listing must not be taken for all.
func TestHalfAnAnswerIsCutOff(t *testing.T) {
	w := newSchool(t)
	w.fill("viele", 2*childrenPage)
	r := httptest.NewRequest("PROPFIND", "/webdav/Files/viele/", nil)
	r.Header.Set("Depth", "1")
	r.RemoteAddr = "127.0.0.1:5"
	r.SetBasicAuth("anna", testPassword)
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("the handler ended with %v, want http.ErrAbortHandler", v)
		}
	}()
	w.srv.Handler().ServeHTTP(&sendsHalf{httptest.NewRecorder(), 2 * flushAt}, r)
}

func TestAcceptsGzip(t *testing.T) {
	for accept, want := range map[string]bool{
		"": false, "gzip": true, "GZIP": true, "*": true, "deflate, gzip;q=1.0, *;q=0.5": true, "gzip;q=0": false, "gzip; q=0.000": false,
		"identity": false, "br;q=1, gzip;q=0.001": true, "xgzip": false,
	} {
		x := &exchange{r: httptest.NewRequest("GET", "/", nil)}
		x.r.Header.Set("Accept-Encoding", accept)
		if got := x.acceptsGzip(); got != want {
			t.Errorf("%q: %v", accept, got)
		}
	}
}
