package dav

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"schulhof/store/fault"

	"golang.org/x/text/encoding/unicode"
)

// The namespaces that the engine knows.
const (
	nsDAV     = "DAV:"
	nsCalDAV  = "urn:ietf:params:xml:ns:caldav"
	nsCardDAV = "urn:ietf:params:xml:ns:carddav"
	nsCS      = "http://calendarserver.org/ns/"
	nsApple   = "http://apple.com/ns/ical/"
	nsXML     = "http://www.w3.org/XML/1998/namespace"
	nsXMLNS   = "http://www.w3.org/2000/xmlns/"
)

// dav, caldav, carddav and cs name elements of those namespaces.
func dav(local string) xml.Name     { return xml.Name{Space: nsDAV, Local: local} }
func caldav(local string) xml.Name  { return xml.Name{Space: nsCalDAV, Local: local} }
func carddav(local string) xml.Name { return xml.Name{Space: nsCardDAV, Local: local} }
func cs(local string) xml.Name      { return xml.Name{Space: nsCS, Local: local} }

// element is a node of a request's XML: names are resolved, the prefixes that its author chose are kept, because a dead
// property is given back with them (RFC 4918 §4.3). Comments and processing instructions are dropped.
type element struct {
	name   xml.Name
	prefix string
	attrs  []attribute // without namespace declarations
	nodes  []node
	scope  *binding // what prefixes mean here
	lang   string   // xml:lang in force (RFC 4918 §4.3)
}

// node is a child: an element or text.
type node struct {
	element *element // nil: text
	text    string
}

// name is the name of an element or attribute with its namespace.
type name = xml.Name

type attribute struct {
	name   xml.Name
	prefix string
	value  string
}

// binding is one namespace declaration and, behind it, those further out.
type binding struct {
	prefix, uri string
	outer       *binding
}

// child returns the first child element of that name, or nil. It may be asked of nil.
func (e *element) child(name xml.Name) *element {
	if e == nil {
		return nil
	}
	for _, n := range e.nodes {
		if n.element != nil && n.element.name == name {
			return n.element
		}
	}
	return nil
}

// children lists the child elements. It may be asked of nil.
func (e *element) children() []*element {
	if e == nil {
		return nil
	}
	list := make([]*element, 0, len(e.nodes))
	for _, n := range e.nodes {
		if n.element != nil {
			list = append(list, n.element)
		}
	}
	return list
}

// text is the character data directly inside, untrimmed. It may be asked of nil.
func (e *element) text() string {
	if e == nil {
		return ""
	}
	if len(e.nodes) == 1 {
		return e.nodes[0].text
	}
	var b strings.Builder
	for _, n := range e.nodes {
		b.WriteString(n.text)
	}
	return b.String()
}

// attr is the value of an attribute without a namespace.
func (e *element) attr(local string) (value string, ok bool) {
	for _, a := range e.attrs {
		if a.name.Space == "" && a.name.Local == local {
			return a.value, true
		}
	}
	return "", false
}

// xmlReader builds the tree of one body.
type xmlReader struct {
	decoder  *xml.Decoder
	source   xmlSource
	lastTag  []byte // of plainSibling
	lastName xml.Name
	depth    int
	elements int // hrefs that a report names are counted apart
	hrefs    int // children of the root called DAV:href
}

// parseXML reads one document. It is linear in len(b). fault.Invalid: it is not well-formed, or has a document type
// declaration; fault.TooLarge: a limit of limits.go.
func parseXML(b []byte) (*element, error) {
	b, err := toUTF8(b)
	if err != nil {
		return nil, err
	}
	r := &xmlReader{source: xmlSource{b: b}}
	r.decoder = xml.NewDecoder(&r.source)
	r.decoder.CharsetReader = func(label string, in io.Reader) (io.Reader, error) {
		switch strings.ToLower(label) {
		case "utf-8", "us-ascii", "utf-16": // the last: toUTF8 has converted it
			return in, nil
		}
		return nil, fault.New(fault.Invalid, "the encoding of the XML is neither UTF-8 nor UTF-16")
	}
	root, err := r.document()
	var f *fault.Error
	if err != nil && !errors.As(err, &f) {
		return nil, fault.Wrap(fault.Invalid, err, "the XML is not well-formed")
	}
	return root, err
}

// toUTF8 converts a document in UTF-16 with a byte order mark, which RFC 4918 §8.2 demands to be understood.
func toUTF8(b []byte) ([]byte, error) {
	if !bytes.HasPrefix(b, []byte{0xfe, 0xff}) && !bytes.HasPrefix(b, []byte{0xff, 0xfe}) {
		return bytes.TrimPrefix(b, []byte{0xef, 0xbb, 0xbf}), nil
	}
	out, err := unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewDecoder().Bytes(b)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the XML is not well-formed UTF-16")
	}
	return out, nil
}

func (r *xmlReader) document() (root *element, err error) {
	for {
		token, err := r.decoder.RawToken()
		if errors.Is(err, io.EOF) && root != nil {
			return root, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if root != nil {
				return nil, fault.New(fault.Invalid, "the XML has more than one document element")
			}
			if root, err = r.element(t, nil); err != nil {
				return nil, err
			}
		case xml.EndElement:
			return nil, fault.New(fault.Invalid, "the XML ends an element that did not begin")
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return nil, fault.New(fault.Invalid, "the XML has text outside its element")
			}
		case xml.Directive:
			return nil, errDirective()
		}
	}
}

func errDirective() error {
	return fault.New(fault.Invalid, "a document type declaration is not allowed")
}

// element reads the element that start begins, up to its end.
func (r *xmlReader) element(start xml.StartElement, parent *element) (*element, error) {
	if r.depth++; r.depth > maxXMLDepth {
		return nil, fault.New(fault.TooLarge, "the XML is nested deeper than %d", maxXMLDepth)
	}
	e, err := newElement(start, parent)
	if err != nil {
		return nil, err
	}
	if err := r.count(e); err != nil {
		return nil, err
	}
	for {
		token, err := r.decoder.RawToken()
		if errors.Is(err, io.EOF) {
			return nil, fault.New(fault.Invalid, "the XML ends too early")
		}
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			child, err := r.element(t, e)
			if err != nil {
				return nil, err
			}
			e.nodes = append(e.nodes, node{element: child})
			if err := r.plainSiblings(e); err != nil {
				return nil, err
			}
		case xml.EndElement:
			if t.Name != start.Name {
				return nil, fault.New(fault.Invalid, "the XML ends %s where %s is open", t.Name.Local, start.Name.Local)
			}
			r.depth--
			return e, nil
		case xml.CharData:
			if len(t) > 0 { // of an empty CDATA section nothing would be there when it is written and read again
				e.nodes = append(e.nodes, node{text: string(t)})
			}
		case xml.Directive:
			return nil, errDirective()
		}
	}
}

// count keeps the limits of elements: what a multiget asks for is bounded by maxHrefs, all else by maxXMLElements.
func (r *xmlReader) count(e *element) error {
	if r.depth == 2 && e.name == dav("href") {
		if r.hrefs++; r.hrefs > maxHrefs {
			return fault.New(fault.TooLarge, "more than %d hrefs", maxHrefs)
		}
		return nil
	}
	if r.elements++; r.elements > maxXMLElements {
		return fault.New(fault.TooLarge, "the XML has more than %d elements", maxXMLElements)
	}
	return nil
}

// newElement resolves the names of a start tag. Namespaces in XML 1.0.
func newElement(start xml.StartElement, parent *element) (*element, error) {
	e := &element{prefix: start.Name.Space}
	if parent != nil {
		e.scope, e.lang = parent.scope, parent.lang
	}
	if len(start.Attr) > maxXMLAttributes {
		return nil, fault.New(fault.TooLarge, "an XML element has more than %d attributes", maxXMLAttributes)
	}
	for _, a := range start.Attr {
		prefix, isDeclaration := a.Name.Local, a.Name.Space == "xmlns"
		if a.Name.Space == "" && a.Name.Local == "xmlns" {
			prefix, isDeclaration = "", true
		}
		if !isDeclaration {
			continue
		}
		if err := checkDeclaration(prefix, a.Value); err != nil {
			return nil, err
		}
		e.scope = &binding{prefix: prefix, uri: a.Value, outer: e.scope}
	}
	var err error
	if e.name, err = e.scope.resolve(start.Name, true); err != nil {
		return nil, err
	}
	return e, e.readAttributes(start.Attr)
}

func checkDeclaration(prefix, uri string) error {
	switch {
	case prefix == "xmlns", uri == nsXMLNS, (prefix == "xml") != (uri == nsXML):
		return fault.New(fault.Invalid, "the prefixes xml and xmlns cannot be bound")
	case prefix != "" && uri == "":
		return fault.New(fault.Invalid, "the prefix %s is bound to nothing", prefix)
	}
	return nil
}

func (e *element) readAttributes(list []xml.Attr) error {
	for i, a := range list {
		for _, earlier := range list[:i] {
			if earlier.Name == a.Name {
				return fault.New(fault.Invalid, "an XML element has the attribute %s twice", a.Name.Local)
			}
		}
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		name, err := e.scope.resolve(a.Name, false)
		if err != nil {
			return err
		}
		if name.Space == nsXML && name.Local == "lang" {
			e.lang = a.Value
		}
		e.attrs = append(e.attrs, attribute{name: name, prefix: a.Name.Space, value: a.Value})
	}
	return nil
}

// resolve gives a name its namespace: the default one counts for elements only.
func (b *binding) resolve(raw xml.Name, isElement bool) (xml.Name, error) {
	if strings.Contains(raw.Local, ":") || raw.Space == "xmlns" {
		return xml.Name{}, fault.New(fault.Invalid, "%q is no XML name", raw.Local)
	}
	if raw.Space == "xml" {
		return xml.Name{Space: nsXML, Local: raw.Local}, nil
	}
	if raw.Space == "" && !isElement {
		return raw, nil
	}
	uri, ok := b.find(raw.Space)
	if !ok && raw.Space != "" {
		return xml.Name{}, fault.New(fault.Invalid, "the XML prefix %s is not declared", raw.Space)
	}
	return xml.Name{Space: uri, Local: raw.Local}, nil
}

func (b *binding) find(prefix string) (uri string, ok bool) {
	for ; b != nil; b = b.outer {
		if b.prefix == prefix {
			return b.uri, true
		}
	}
	return "", false
}

// appendXML appends e as an XML fragment that stands for itself: every prefix that it uses is declared in it, and so is
// the language in force. This is the form in which properties are stored.
func (e *element) appendXML(dst []byte) []byte { return e.append(dst, nil, "") }

// append writes e where inside says what prefixes mean already, and lang which language is in force.
func (e *element) append(dst []byte, inside *binding, lang string) []byte {
	dst = append(dst, '<')
	dst = appendQName(dst, e.prefix, e.name.Local)
	declare := func(prefix string) {
		if prefix == "xml" {
			return
		}
		uri, bound := e.scope.find(prefix)
		have, ok := inside.find(prefix)
		if (!bound && !ok) || (have == uri && (ok || uri == "")) {
			return
		}
		inside = &binding{prefix: prefix, uri: uri, outer: inside}
		dst = append(dst, " xmlns"...)
		if prefix != "" {
			dst = append(append(dst, ':'), prefix...)
		}
		dst = append(appendEscaped(append(dst, `="`...), uri, true), '"')
	}
	declare(e.prefix)
	hasLang := false
	for _, a := range e.attrs {
		if a.prefix != "" {
			declare(a.prefix)
		}
		hasLang = hasLang || a.name == xml.Name{Space: nsXML, Local: "lang"}
	}
	if e.lang != lang && !hasLang {
		dst = append(appendEscaped(append(dst, ` xml:lang="`...), e.lang, true), '"')
	}
	for _, prefix := range e.mentioned() {
		declare(prefix)
	}
	for _, a := range e.attrs {
		dst = appendQName(append(dst, ' '), a.prefix, a.name.Local)
		dst = append(appendEscaped(append(dst, `="`...), a.value, true), '"')
	}
	if len(e.nodes) == 0 {
		return append(dst, "/>"...)
	}
	dst = append(dst, '>')
	for _, n := range e.nodes {
		if n.element != nil {
			dst = n.element.append(dst, inside, e.lang)
			continue
		}
		dst = appendEscaped(dst, n.text, false)
	}
	dst = append(dst, "</"...)
	return append(appendQName(dst, e.prefix, e.name.Local), '>')
}

// mentioned lists prefixes that values begin with, as in xsi:type="xs:date": names in content need their declaration too.
func (e *element) mentioned() (prefixes []string) {
	look := func(value string) {
		prefix, _, ok := strings.Cut(strings.TrimSpace(value), ":")
		if !ok || prefix == "" || len(prefix) > maxPrefix {
			return
		}
		if _, bound := e.scope.find(prefix); bound {
			prefixes = append(prefixes, prefix)
		}
	}
	for _, a := range e.attrs {
		look(a.value)
	}
	for _, n := range e.nodes {
		look(n.text)
	}
	return prefixes
}

func appendQName(dst []byte, prefix, local string) []byte {
	if prefix != "" {
		dst = append(append(dst, prefix...), ':')
	}
	return append(dst, local...)
}

// appendEscaped appends s as character data or, between quotes, as an attribute's value. What XML 1.0 §2.2 has no
// place for becomes U+FFFD.
func appendEscaped[T string | []byte](dst []byte, s T, quoted bool) []byte {
	last := 0
	for i := 0; i < len(s); {
		kind := escapes[s[i]]
		if kind == asIs || kind == whenQuoted && !quoted {
			i++
			continue
		}
		escaped, n := "\ufffd", 1
		if kind == longRune {
			var c rune
			c, n = utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			if c != utf8.RuneError && c != 0xfffe && c != 0xffff {
				i += n
				continue
			}
		} else if e := entities[s[i]]; e != "" {
			escaped = e
		}
		dst = append(append(dst, s[last:i]...), escaped...)
		i += n
		last = i
	}
	return append(dst, s[last:]...)
}

// What a byte of character data needs.
const (
	asIs       = iota
	whenQuoted // is escaped in an attribute's value
	always     // is escaped, or has no place
	longRune   // begins a rune of several bytes, or is none
)

var entities = [utf8.RuneSelf]string{'&': "&amp;", '<': "&lt;", '>': "&gt;", '\r': "&#13;", '"': "&quot;", '\n': "&#10;", '\t': "&#9;"} //nolint:gochecknoglobals // a constant table

var escapes = func() (kinds [256]byte) { //nolint:gochecknoglobals // a constant table
	for i := range kinds {
		switch c := byte(i); {
		case c == '"' || c == '\n' || c == '\t':
			kinds[i] = whenQuoted
		case c < ' ' || c == '&' || c == '<' || c == '>':
			kinds[i] = always
		case c >= utf8.RuneSelf:
			kinds[i] = longRune
		}
	}
	return kinds
}()

// describe is a name for people and logs.
func describe(n xml.Name) string { return fmt.Sprintf("{%s}%s", n.Space, n.Local) }
