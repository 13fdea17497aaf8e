package dav

import (
	"bytes"
	"context"
	"io"
	"mime"
	"net/http"
	"path"
	"strings"

	"schulhof/dav/collection"
)

// get answers an object, byte for byte as it was put unless the client wants another form of it, whole or in ranges. RFC 9110 §9.3.1, §13, §14; RFC 4918 §9.4.
// Nothing is compressed here: the entity tag names these bytes.
func (x *exchange) get(ctx context.Context) error {
	n := x.res.node
	content, err := x.srv.collections.Open(ctx, n)
	if err != nil {
		return err
	}
	defer content.Close()
	var body io.ReadSeeker = content
	h := x.w.Header()
	if wanted, ok := x.asWanted(x.res.kind, content); ok {
		body = bytes.NewReader(wanted)
	}
	h.Set("Content-Type", contentType(n))
	h.Set("ETag", `"`+n.ETag+`"`)
	h.Set("Cache-Control", "private, no-cache")
	// A page or a picture that someone put here must not act as a page of this server.
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	for _, name := range []string{"If-Match", "If-None-Match"} { // net/http looks at the first line only; RFC 9110 §5.3 makes one list of them
		if lines := x.r.Header[name]; len(lines) > 1 {
			x.r.Header.Set(name, strings.Join(lines, ", "))
		}
	}
	http.ServeContent(contentWriter{x}, x.r, "", n.Modified, body)
	return nil
}

// contentWriter is the http.ResponseWriter of a download: it waits for slow clients, and uses the server's buffers.
type contentWriter struct{ x *exchange }

func (w contentWriter) Header() http.Header         { return w.x.w.Header() }
func (w contentWriter) Write(b []byte) (int, error) { return w.x.Write(b) }
func (w contentWriter) WriteHeader(status int)      { w.x.begin(status) }

// ReadFrom copies with a large buffer. It implements io.ReaderFrom.
func (w contentWriter) ReadFrom(in io.Reader) (int64, error) {
	buffer := w.x.srv.copies.Get().(*[]byte)
	defer w.x.srv.copies.Put(buffer)
	return io.CopyBuffer(struct{ io.Writer }{w.x}, struct{ io.Reader }{in}, *buffer)
}

// contentType is what an object says of itself: calendar objects and cards their format, files what the client said or
// else what their name says.
func contentType(n collection.Node) string {
	switch kindOf(n) {
	case kindEvent:
		if n.Component != "" {
			return "text/calendar; charset=utf-8; component=" + strings.ToLower(n.Component)
		}
		return "text/calendar; charset=utf-8"
	case kindCard:
		return "text/vcard; charset=utf-8"
	}
	if n.ContentType != "" && n.ContentType != "application/octet-stream" && n.ContentType != "application/x-www-form-urlencoded" {
		return n.ContentType
	}
	if byName := mime.TypeByExtension(path.Ext(n.Name())); byName != "" {
		return byName
	}
	return "application/octet-stream"
}
