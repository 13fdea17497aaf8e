package dav

import (
	"bytes"
	"encoding/xml"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"schulhof/store/fault"
)

func TestParseXML(t *testing.T) {
	deep := strings.Repeat("<a>", maxXMLDepth) + strings.Repeat("</a>", maxXMLDepth)
	tests := []struct {
		name, in string
		want     string     // the document written again
		kind     fault.Kind // of the error; Internal: none
	}{
		{"a prefix is resolved and kept", `<D:a xmlns:D="DAV:"><D:b/></D:a>`, `<D:a xmlns:D="DAV:"><D:b/></D:a>`, 0},
		{"the default namespace counts for elements", `<a xmlns="u"><b c="d"/></a>`, `<a xmlns="u"><b c="d"/></a>`, 0},
		{"it can be taken back", `<a xmlns="u"><b xmlns=""/></a>`, `<a xmlns="u"><b xmlns=""/></a>`, 0},
		{"an attribute may have a prefix", `<a xmlns:x="u" x:c="1"/>`, `<a xmlns:x="u" x:c="1"/>`, 0},
		{"a declaration that nothing uses goes", `<a xmlns:x="u"/>`, `<a/>`, 0},
		{"one that a value mentions stays", `<a xmlns:x="u">x:date</a>`, `<a xmlns:x="u">x:date</a>`, 0},
		{"text, CDATA and references", "<a>1 &lt; <![CDATA[<2>]]>&#233;</a>", "<a>1 &lt; &lt;2&gt;é</a>", 0},
		{"comments and instructions are dropped", `<?xml version="1.0"?><!-- x --><a><?y z?><!-- & --></a>`, "<a/>", 0},
		{"a byte order mark", "\xef\xbb\xbf<a/>", "<a/>", 0},
		{"UTF-16, as RFC 4918 §8.2 wants", "\xff\xfe<\x00a\x00>\x00\xe9\x00<\x00/\x00a\x00>\x00", "<a>é</a>", 0},
		{"the language is inherited", `<a xml:lang="de"><b/></a>`, `<a xml:lang="de"><b/></a>`, 0},
		{"as deep as allowed", deep, "", 0},

		{"nothing", "", "", fault.Invalid},
		{"only text", "hello", "", fault.Invalid},
		{"no end", "<a><b></a>", "", fault.Invalid},
		{"an end too early", "<a", "", fault.Invalid},
		{"an end too much", "<a/></a>", "", fault.Invalid},
		{"two documents", "<a/><b/>", "", fault.Invalid},
		{"text behind it", "<a/>x", "", fault.Invalid},
		{"a document type", `<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`, "", fault.Invalid},
		{"a document type inside", "<a><!DOCTYPE b></a>", "", fault.Invalid},
		{"an unknown entity", "<a>&b;</a>", "", fault.Invalid},
		{"a prefix that is not declared", "<x:a/>", "", fault.Invalid},
		{"the same of an attribute", `<a x:b=""/>`, "", fault.Invalid},
		{"a prefix bound to nothing", `<a xmlns:x=""/>`, "", fault.Invalid},
		{"xmlns as a prefix", `<xmlns:a/>`, "", fault.Invalid},
		{"xml bound to something else", `<a xmlns:xml="u"/>`, "", fault.Invalid},
		{"two colons", `<a:b:c xmlns:a="u"/>`, "", fault.Invalid},
		{"an attribute twice", `<a b="" b=""/>`, "", fault.Invalid},
		{"a control character", "<a>\x01</a>", "", fault.Invalid},
		{"no UTF-8", "<a>\xff</a>", "", fault.Invalid},
		{"another encoding", `<?xml version="1.0" encoding="EBCDIC-DE"?><a/>`, "", fault.Invalid},
		{"too deep", "<b>" + deep + "</b>", "", fault.TooLarge},
		{"too many elements", "<a>" + strings.Repeat("<b/>", maxXMLElements) + "</a>", "", fault.TooLarge},
		{"too many attributes", "<a " + strings.Repeat(`b="" `, maxXMLAttributes+1) + "/>", "", fault.TooLarge},
		{"too many hrefs", `<D:a xmlns:D="DAV:">` + strings.Repeat("<D:href>x</D:href>", maxHrefs+1) + "</D:a>", "", fault.TooLarge},
	}
	for _, tt := range tests {
		root, err := parseXML([]byte(tt.in))
		switch {
		case tt.kind != 0:
			if !fault.Is(err, tt.kind) {
				t.Errorf("%s: parseXML = %v, want fault %v", tt.name, err, tt.kind)
			}
		case err != nil:
			t.Errorf("%s: parseXML: %v", tt.name, err)
		case tt.want != "" && string(root.appendXML(nil)) != tt.want:
			t.Errorf("%s: %s, want %s", tt.name, root.appendXML(nil), tt.want)
		}
	}
}

// A multiget names more objects than a body may have elements otherwise.
func TestHrefsAreCountedApart(t *testing.T) {
	body := `<D:a xmlns:D="DAV:">` + strings.Repeat("<D:href>x</D:href>", maxHrefs) + "</D:a>"
	root, err := parseXML([]byte(body))
	if err != nil || len(root.children()) != maxHrefs {
		t.Fatalf("%d hrefs: %v", maxHrefs, err)
	}
}

// A property is stored without what is around it, so it must bring its declarations and its language.
func TestAPropertyStandsForItself(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"its prefix", `<D:r xmlns:D="DAV:" xmlns:Z="u"><Z:p><Z:q/></Z:p></D:r>`, `<Z:p xmlns:Z="u"><Z:q/></Z:p>`},
		{"one that only a child uses", `<D:r xmlns:D="DAV:" xmlns:Z="u"><Z:p><D:q/></Z:p></D:r>`, `<Z:p xmlns:Z="u"><D:q xmlns:D="DAV:"/></Z:p>`},
		{"a prefix with two meanings", `<a:r xmlns:a="1"><a:p><b xmlns:a="2"><a:c/></b></a:p></a:r>`, `<a:p xmlns:a="1"><b><a:c xmlns:a="2"/></b></a:p>`},
		{"the default namespace", `<r xmlns="u"><p><q/></p></r>`, `<p xmlns="u"><q/></p>`},
		{"its language", `<r xml:lang="de"><p>Grüße<b xml:lang="en"/></p></r>`, `<p xml:lang="de">Grüße<b xml:lang="en"/></p>`},
		{"a name in an attribute", `<r xmlns:xs="u" xmlns:i="v"><p i:type="xs:date"/></r>`, `<p xmlns:i="v" xmlns:xs="u" i:type="xs:date"/>`},
		{"white space and quotes", "<r><p a=\"1&#10;&quot;2\">\t\n &#13;</p></r>", "<p a=\"1&#10;&quot;2\">\t\n &#13;</p>"},
	}
	for _, tt := range tests {
		root, err := parseXML([]byte(tt.in))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		p := root.children()[0]
		got := p.appendXML(nil)
		if string(got) != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		again, err := parseXML(got)
		if err != nil || again.name != p.name || !bytes.Equal(again.appendXML(nil), got) {
			t.Errorf("%s: %s is read as another one: %v", tt.name, got, err)
		}
	}
}

func TestElementCanBeAskedWhenItIsMissing(t *testing.T) {
	var e *element
	if e.child(dav("x")).text() != "" || e.children() != nil {
		t.Error("a missing element has something in it")
	}
	root, err := parseXML([]byte(`<a x="1">b<c/>d</a>`))
	if err != nil {
		t.Fatal(err)
	}
	if got := root.text(); got != "bd" {
		t.Errorf("text = %q, want bd", got)
	}
	if v, ok := root.attr("x"); v != "1" || !ok {
		t.Errorf("attr = %q, %v", v, ok)
	}
	if _, ok := root.attr("y"); ok {
		t.Error("an attribute that is not there")
	}
}

// What is stored is written into every later answer: it must be well-formed, stay the same, and hold no more than its source.
func FuzzXML(f *testing.F) {
	for _, seed := range []string{
		`<D:propfind xmlns:D="DAV:"><D:prop><D:getetag/><x xmlns="u" y="&quot;"/></D:prop></D:propfind>`,
		`<a xmlns:b="c"><b:h>/1</b:h><b:h>/2</b:h><b:h/><h>]</h><b:h>x</b:h><b:h>&lt;</b:h></a>`, `<a xmlns:b="c" b:d="e"><![CDATA[]]>&#13;<b:f xml:lang="de">b:g</b:f></a>`, `<a><![CDATA[]]></a>`, "<a", "<!DOCTYPE x>", "\xfe\xff\x00<\x00a\x00/\x00>",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		root, err := parseXML(in)
		if err != nil {
			return
		}
		if got, want := outline(root, nil), decoderOutline(t, in); !slices.Equal(got, want) {
			t.Fatalf("%q is read as %q, want %q", in, got, want)
		}
		once := root.appendXML(nil)
		again, err := parseXML(once)
		if err != nil {
			if fault.Is(err, fault.TooLarge) { // the declarations that it brings may be one attribute too many
				return
			}
			t.Fatalf("%q became %q: %v", in, once, err)
		}
		if twice := again.appendXML(nil); !bytes.Equal(once, twice) {
			t.Fatalf("%q, then %q", once, twice)
		}
		if again.name != root.name || len(again.children()) != len(root.children()) || again.text() != root.text() {
			t.Fatalf("%q became %q", in, once)
		}
	})
}

// outline lists the tags and texts of a tree in their order.
func outline(e *element, list []string) []string {
	list = append(list, "<"+e.prefix+":"+e.name.Local)
	for _, n := range e.nodes {
		if n.element != nil {
			list = outline(n.element, list)
		} else {
			list = append(list, n.text)
		}
	}
	return append(list, ">")
}

// decoderOutline is the outline of what encoding/xml alone makes of b.
func decoderOutline(t *testing.T, b []byte) (list []string) {
	t.Helper()
	b, err := toUTF8(b)
	if err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(bytes.NewReader(b))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	for depth := 0; ; {
		token, err := d.RawToken()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatalf("%q was read, but %v", b, err)
		}
		switch x := token.(type) {
		case xml.StartElement:
			depth++
			list = append(list, "<"+x.Name.Space+":"+x.Name.Local)
		case xml.EndElement:
			depth--
			list = append(list, ">")
		case xml.CharData:
			if depth > 0 && len(x) > 0 {
				list = append(list, string(x))
			}
		}
	}
}

// What is read past the decoder is what the decoder would have read, up to where it begins to be something else.
func TestPlainSiblings(t *testing.T) {
	const head, tail = `<R xmlns="DAV:" xmlns:D="DAV:" xmlns:x2-y_="u"><first/>`, `<last/></R>`
	for _, in := range []string{
		`<D:href>/a</D:href><D:href>/b</D:href>`, `<href></href><href>/a</href>`, `<x2-y_:h>1</x2-y_:h><h>2</h>`,
		`<D:href>/a</D:href> <D:href>/b</D:href>`, `<D:href>&amp;</D:href>`, `<D:href >/a</D:href >`, `<D:href>ä</D:href>`, "<D:href>a\r\nb\tc</D:href>",
		`<D:href><D:href>/a</D:href></D:href>`, `<D:href>/a</D:href><!-- c --><D:href>/b</D:href>`, `<D:href/><D:href>/b</D:href>`,
		`<D:href><![CDATA[x]]></D:href>`, `<D:href>a]]b</D:href>`, `<D:href a="b">/a</D:href>`, `<_>x</_>`,
	} {
		in = head + in + tail
		root, err := parseXML([]byte(in))
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got, want := outline(root, nil), decoderOutline(t, []byte(in)); !slices.Equal(got, want) {
			t.Errorf("%s is read as %q, want %q", in, got, want)
		}
	}
	for _, in := range []string{
		`<D:href>/a</D:other>`, `<D:href>/a</href>`, `<D:href>/a`, `<D:href>/a</D:href`, `<D:href`, `<u:h>1</u:h>`, `<D:a:b>1</D:a:b>`, `<1>x</1>`, `<-a>x</-a>`,
		`<D:>x</D:>`, `<:a>x</:a>`, `<D:href>a]]>b</D:href>`, `<xmlns:a>x</xmlns:a>`, `</D:href>`,
	} {
		in = head + `<D:href>1</D:href>` + in + tail
		if root, err := parseXML([]byte(in)); err == nil {
			t.Errorf("%s is taken for %q", in, outline(root, nil))
		}
	}
}

// The limits hold for what is read past the decoder, too.
func TestPlainSiblingsAreCounted(t *testing.T) {
	many := func(name string, n int) error {
		_, err := parseXML([]byte(`<R xmlns="DAV:">` + strings.Repeat("<"+name+">x</"+name+">", n) + `</R>`))
		return err
	}
	for name, most := range map[string]int{"href": maxHrefs, "a": maxXMLElements - 1} {
		if err := many(name, most); err != nil {
			t.Errorf("%d of %s: %v", most, name, err)
		}
		if err := many(name, most+1); !fault.Is(err, fault.TooLarge) {
			t.Errorf("%d of %s: %v", most+1, name, err)
		}
	}
	deep := strings.Repeat(`<a>`, maxXMLDepth-1) + `<b/><c>x</c>` + strings.Repeat(`</a>`, maxXMLDepth-1)
	if _, err := parseXML([]byte(deep)); err != nil {
		t.Errorf("as deep as allowed: %v", err)
	}
	if _, err := parseXML([]byte(`<a>` + deep + `</a>`)); !fault.Is(err, fault.TooLarge) {
		t.Errorf("one deeper: %v", err)
	}
}

// The buffer that a body was read into is used again while its tree is still looked at.
func TestATreeHasNothingOfTheBytes(t *testing.T) {
	text := `<?xml version="1.0"?><C:multi xmlns:C="urn:c" xmlns="DAV:" lang="de"><prop xml:lang="en"><getetag/><C:x a="1&amp;2">t&#228;xt</C:x><![CDATA[<raw>]]></prop>` +
		`<href>/a</href><href>/b</href><href></href><C:y>z</C:y></C:multi>`
	b := []byte(text)
	root, err := parseXML(b)
	if err != nil {
		t.Fatal(err)
	}
	want, err := parseXML([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		b[i] = 'X'
	}
	if !reflect.DeepEqual(root, want) {
		t.Errorf("%s, want %s", root.appendXML(nil), want.appendXML(nil))
	}
}
