package dav

import (
	"bytes"
	"encoding/xml"
	"io"
)

// xmlSource is what the decoder reads from: it takes byte by byte and nothing ahead, so that siblings can be taken past it.
type xmlSource struct {
	b  []byte
	at int
}

// ReadByte implements io.ByteReader.
func (s *xmlSource) ReadByte() (byte, error) {
	if s.at == len(s.b) {
		return 0, io.EOF
	}
	s.at++
	return s.b[s.at-1], nil
}

// Read implements io.Reader.
func (s *xmlSource) Read(b []byte) (int, error) {
	n := copy(b, s.b[s.at:])
	if s.at += n; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// plainSiblings appends the plain elements that begin right here to those of parent. It is asked where an element has just ended, because the
// decoder then has nothing in its hand.
func (r *xmlReader) plainSiblings(parent *element) error {
	for {
		e, err := r.plainSibling(parent)
		if e == nil || err != nil {
			return err
		}
		parent.nodes = append(parent.nodes, node{element: e})
	}
}

// plainSibling reads the element that begins right here, if it is a tag without attributes, printable ASCII in which nothing is escaped, and
// the end tag: what a report names its objects with, a hundred times or more. nil: it is something else, and for the decoder.
func (r *xmlReader) plainSibling(parent *element) (*element, error) {
	rest := r.source.b[r.source.at:]
	tag := plainTag(rest)
	if tag == nil || r.depth == maxXMLDepth {
		return nil, nil
	}
	body := rest[len(tag)+2:]
	n := 0
	for n < len(body) && ' ' <= body[n] && body[n] <= '~' && body[n] != '<' && body[n] != '&' && body[n] != '>' {
		n++
	}
	end := body[n:]
	if len(end) < len(tag)+3 || end[0] != '<' || end[1] != '/' || !bytes.Equal(end[2:len(tag)+2], tag) || end[len(tag)+2] != '>' {
		return nil, nil
	}
	e, err := newElement(xml.StartElement{Name: r.nameOf(tag)}, parent)
	if err != nil {
		return nil, err
	}
	r.depth++
	err = r.count(e)
	r.depth--
	if err != nil {
		return nil, err
	}
	if n > 0 {
		e.nodes = []node{{text: string(body[:n])}}
	}
	r.source.at += len(tag) + 2 + n + len(tag) + 3
	return e, nil
}

// plainTag returns the name in a start tag of ASCII letters, digits, "-" and "_", with one prefix or none; nil: b begins with something else.
func plainTag(b []byte) []byte {
	if len(b) == 0 || b[0] != '<' {
		return nil
	}
	first, prefixed := true, false // first: of the prefix or of the name
	for i, c := range b[1:] {
		switch {
		case 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_':
			first = false
		case first:
			return nil
		case '0' <= c && c <= '9' || c == '-':
		case c == ':' && !prefixed:
			first, prefixed = true, true
		case c == '>':
			return b[1 : i+1]
		default:
			return nil
		}
	}
	return nil
}

// nameOf is the name as the decoder would give it. Siblings of one name share it.
func (r *xmlReader) nameOf(tag []byte) xml.Name {
	if !bytes.Equal(tag, r.lastTag) {
		r.lastTag = tag
		prefix, local, found := bytes.Cut(tag, []byte(":"))
		if !found {
			prefix, local = nil, tag
		}
		r.lastName = xml.Name{Space: string(prefix), Local: string(local)}
	}
	return r.lastName
}
