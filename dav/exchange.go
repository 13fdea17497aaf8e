package dav

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"schulhof/directory"
	"schulhof/store/fault"

	"github.com/klauspost/compress/gzip"
)

// exchange is one request and its answer.
type exchange struct {
	srv     *Server
	w       http.ResponseWriter
	r       *http.Request
	log     *slog.Logger
	remote  netip.Addr
	id      directory.Identity
	counted bool // among the account's requests under way
	res     resource
	prefer  preferences
	body    requestBody
	status  int // what has been answered; 0: nothing yet

	expansions int // of expand-property, so far
}

// requestBody reads the request with a deadline for each wait: a slow client may take long, a stuck one may not.
type requestBody struct {
	w  http.ResponseWriter
	in io.Reader
}

func (b *requestBody) Read(p []byte) (int, error) {
	control := http.NewResponseController(b.w)
	if err := control.SetReadDeadline(time.Now().Add(stallTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	n, err := b.in.Read(p)
	if err != nil { // at the end the connection waits for the next request, as long as it likes
		if clearing := control.SetReadDeadline(time.Time{}); clearing != nil && !errors.Is(clearing, http.ErrNotSupported) {
			return n, clearing
		}
	}
	return n, err
}

// readError says what a failed upload was.
func readError(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return fault.New(fault.TooLarge, "the body is too large")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &problem{status: http.StatusRequestTimeout, text: "the body did not arrive", err: err}
	}
	return &problem{status: http.StatusBadRequest, text: "the body did not arrive whole", err: err}
}

// xmlBody reads and parses the body; nil without one.
func (x *exchange) xmlBody() (*element, error) {
	pooled := x.srv.buffers.Get().(*[]byte)
	in := bytes.NewBuffer((*pooled)[:0])
	defer func() { x.srv.giveBack(pooled, in.Bytes()) }() // the tree has nothing of it
	if _, err := in.ReadFrom(io.LimitReader(&x.body, maxXMLBody+1)); err != nil {
		return nil, readError(err)
	}
	if in.Len() > maxXMLBody {
		return nil, fault.New(fault.TooLarge, "the XML is larger than %d bytes", maxXMLBody)
	}
	if in.Len() == 0 {
		return nil, nil
	}
	return parseXML(in.Bytes())
}

// begin writes status and headers.
func (x *exchange) begin(status int) {
	x.patience()
	x.status = status
	x.w.WriteHeader(status)
}

// patience gives the client time to take the next bytes. A connection that knows no deadlines (a test's) has none.
func (x *exchange) patience() {
	_ = http.NewResponseController(x.w).SetWriteDeadline(time.Now().Add(stallTime))
}

// Write sends a part of the answer's body. It implements io.Writer.
func (x *exchange) Write(b []byte) (int, error) {
	x.patience()
	return x.w.Write(b)
}

// done answers a status without a body.
func (x *exchange) done(status int) error {
	if status != http.StatusNoContent && status != http.StatusNotModified {
		x.w.Header().Set("Content-Length", "0")
	}
	x.begin(status)
	return nil
}

// answer tells the client what went wrong, and the log what only it may know. When the answer has begun the connection
// is cut, so that half of it is not taken for the whole.
func (x *exchange) answer(err error) {
	p := problemOf(err, x.res.path.Space)
	if p.status >= 500 && p.status != http.StatusInsufficientStorage && p.status != http.StatusNotImplemented && x.r.Context().Err() == nil {
		x.log.Error("dav request failed", "method", x.r.Method, "login", x.id.Account.Login, "status", p.status, "err", err)
	}
	if x.status != 0 {
		panic(http.ErrAbortHandler)
	}
	switch p.status {
	case http.StatusUnauthorized:
		x.challenge()
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		x.w.Header().Set("Retry-After", "30")
	case http.StatusMethodNotAllowed:
		x.w.Header().Set("Allow", x.allow())
	}
	w := xmlWriter{}
	w.raw(xmlHead + "<D:error" + declarations + ">")
	p.appendContent(&w)
	w.raw("</D:error>")
	if sendErr := x.sendXML(p.status, &w); sendErr != nil {
		x.log.Debug("dav answer not sent", "err", sendErr)
	}
}

// sendXML answers a whole document.
func (x *exchange) sendXML(status int, w *xmlWriter) error {
	h := x.w.Header()
	h.Set("Content-Type", "application/xml; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(w.buf)))
	x.begin(status)
	if x.r.Method == http.MethodHead {
		return nil
	}
	_, err := x.Write(w.buf)
	return err
}

// xmlAnswer is the way of a document that may be long: whole when it is short, streamed when it is not, compressed when
// the client takes it.
type xmlAnswer struct {
	x      *exchange
	status int
	zip    *gzip.Writer // nil: not compressed, or not begun
	begun  bool
}

func (x *exchange) acceptsGzip() bool {
	for entry := range strings.SplitSeq(strings.Join(x.r.Header.Values("Accept-Encoding"), ","), ",") {
		coding, parameter, _ := strings.Cut(entry, ";")
		if coding = strings.TrimSpace(coding); !strings.EqualFold(coding, "gzip") && coding != "*" {
			continue
		}
		weight := strings.TrimPrefix(strings.ReplaceAll(parameter, " ", ""), "q=")
		return strings.Trim(weight, "0.") != "" || weight == ""
	}
	return false
}

func (a *xmlAnswer) begin() {
	h := a.x.w.Header()
	h.Set("Content-Type", "application/xml; charset=utf-8")
	h.Add("Vary", "Accept-Encoding")
	a.begun = true
	if a.x.acceptsGzip() {
		h.Set("Content-Encoding", "gzip")
		a.zip = a.x.srv.zip(a.x)
	}
	a.x.begin(a.status)
}

// Write sends what the xmlWriter gives. It implements io.Writer.
func (a *xmlAnswer) Write(b []byte) (int, error) {
	if !a.begun {
		a.begin()
	}
	if a.zip != nil {
		return a.zip.Write(b)
	}
	return a.x.Write(b)
}

// zip takes a compressor that writes to out.
func (s *Server) zip(out io.Writer) *gzip.Writer {
	if z, ok := s.zips.Get().(*gzip.Writer); ok {
		z.Reset(out)
		return z
	}
	z, err := gzip.NewWriterLevel(out, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return z
}

// finish sends the rest of w.
func (a *xmlAnswer) finish(w *xmlWriter) error {
	if w.err != nil {
		return w.err
	}
	if !a.begun && (len(w.buf) < gzipFrom || !a.x.acceptsGzip()) {
		a.x.w.Header().Add("Vary", "Accept-Encoding")
		return a.x.sendXML(a.status, w)
	}
	w.flush()
	if w.err == nil && a.zip != nil {
		w.err = a.zip.Close()
		a.x.srv.zips.Put(a.zip)
	}
	return w.err
}

// statusLine is what DAV:status has. RFC 4918 §14.28.
func statusLine(status int) string {
	if status == http.StatusOK {
		return "HTTP/1.1 200 OK"
	}
	return "HTTP/1.1 " + strconv.Itoa(status) + " " + http.StatusText(status)
}

// newMultistatus begins to prepare an answer 207; nothing is sent before flushAt bytes or finish.
func (x *exchange) newMultistatus() *multistatus {
	m := &multistatus{answer: xmlAnswer{x: x, status: http.StatusMultiStatus}, pooled: x.srv.buffers.Get().(*[]byte)}
	m.out, m.buf = &m.answer, (*m.pooled)[:0]
	return m
}

// release gives the buffer back. Every multistatus is released, whatever happens.
func (m *multistatus) release() {
	m.answer.x.srv.giveBack(m.pooled, m.buf)
	m.buf = nil
}

// giveBack puts b, which pooled has grown to, back to the buffers, unless it is too large to be kept.
func (s *Server) giveBack(pooled *[]byte, b []byte) {
	if cap(b) <= keepBuffer {
		*pooled = b[:0]
		s.buffers.Put(pooled)
	}
}
