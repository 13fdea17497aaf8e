package dav

import (
	"encoding/xml"
	"io"
	"strconv"
	"time"
)

// prefixes are those that every answer declares at its root. Windows wants DAV: to be called D.
var prefixes = map[string]string{nsDAV: "D", nsCalDAV: "C", nsCardDAV: "CR", nsCS: "CS", nsApple: "ICAL"}

// declarations are the attributes of the root that declare them.
const declarations = ` xmlns:D="` + nsDAV + `" xmlns:C="` + nsCalDAV + `" xmlns:CR="` + nsCardDAV + `" xmlns:CS="` + nsCS + `" xmlns:ICAL="` + nsApple + `"`

const xmlHead = `<?xml version="1.0" encoding="utf-8"?>` + "\n"

// xmlWriter writes an answer's XML in steps: what it holds goes to out whenever it is more than flushAt. After an error
// it does nothing; finish returns it.
type xmlWriter struct {
	out io.Writer
	buf []byte
	err error
}

// raw writes markup.
func (w *xmlWriter) raw(s string) { w.buf = append(w.buf, s...) }

// bytes writes markup that was stored: a dead property.
func (w *xmlWriter) bytes(b []byte) { w.buf = append(w.buf, b...) }

// text writes character data.
func (w *xmlWriter) text(s string) { w.buf = appendEscaped(w.buf, s, false) }

// textBytes writes character data.
func (w *xmlWriter) textBytes(b []byte) { w.buf = appendEscaped(w.buf, b, false) }

func (w *xmlWriter) number(n int64) { w.buf = strconv.AppendInt(w.buf, n, 10) }

func (w *xmlWriter) time(t time.Time, layout string) {
	w.buf = t.UTC().AppendFormat(w.buf, layout)
}

// open writes a start tag; names of other namespaces declare theirs as the default one.
func (w *xmlWriter) open(name xml.Name) { w.tag(name, ">") }

// empty writes an element without content.
func (w *xmlWriter) empty(name xml.Name) { w.tag(name, "/>") }

func (w *xmlWriter) tag(name xml.Name, end string) {
	w.buf = append(w.buf, '<')
	if prefix, ok := prefixes[name.Space]; ok {
		w.buf = append(append(w.buf, prefix...), ':')
		w.buf = append(append(w.buf, name.Local...), end...)
		return
	}
	w.buf = append(w.buf, name.Local...)
	w.buf = append(appendEscaped(append(w.buf, ` xmlns="`...), name.Space, true), '"')
	w.buf = append(w.buf, end...)
}

// close writes an end tag.
func (w *xmlWriter) close(name xml.Name) {
	w.buf = append(w.buf, "</"...)
	if prefix, ok := prefixes[name.Space]; ok {
		w.buf = append(append(w.buf, prefix...), ':')
	}
	w.buf = append(append(w.buf, name.Local...), '>')
}

// element writes an element with text.
func (w *xmlWriter) element(name xml.Name, text string) {
	w.open(name)
	w.text(text)
	w.close(name)
}

// href writes a DAV:href; path is escaped already.
func (w *xmlWriter) href(path string) {
	w.raw("<D:href>")
	w.text(path)
	w.raw("</D:href>")
}

// step sends what has been written once it is enough. Callers call it between resources.
func (w *xmlWriter) step() error {
	if len(w.buf) >= flushAt {
		w.flush()
	}
	return w.err
}

func (w *xmlWriter) flush() {
	if w.err == nil {
		_, w.err = w.out.Write(w.buf)
	}
	w.buf = w.buf[:0]
}

// multistatus is the answer 207, written while it is being found out. RFC 4918 §13.
type multistatus struct {
	xmlWriter
	answer xmlAnswer
	pooled *[]byte
	begun  bool
}

// begin writes the head of the answer; before it, an error can still become an answer of its own.
func (m *multistatus) begin() {
	if m.begun {
		return
	}
	m.begun = true
	m.raw(xmlHead + "<D:multistatus" + declarations + ">")
}

// status writes the answer for a resource without properties: it is missing, or could not be changed.
func (m *multistatus) status(href string, e *problem) error {
	m.begin()
	m.raw("<D:response>")
	m.href(href)
	m.raw("<D:status>")
	m.raw(statusLine(e.status))
	m.raw("</D:status>")
	e.appendError(&m.xmlWriter)
	m.raw("</D:response>")
	return m.step()
}

// propstat writes the properties of one status. RFC 4918 §14.22.
func (m *multistatus) openPropstat() { m.raw("<D:propstat><D:prop>") }

func (m *multistatus) closePropstat(status int, e *problem) {
	m.raw("</D:prop><D:status>")
	m.raw(statusLine(status))
	m.raw("</D:status>")
	if e != nil {
		e.appendError(&m.xmlWriter)
	}
	m.raw("</D:propstat>")
}

// finish writes the end.
func (m *multistatus) finish() error {
	m.begin()
	m.raw("</D:multistatus>")
	return m.answer.finish(&m.xmlWriter)
}
