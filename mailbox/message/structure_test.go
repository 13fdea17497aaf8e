package message

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// node of a body structure as a client reads it: a string, a number, NIL (nil) or a list.
type listNode []any

// readStructure reads what IMAP's grammar calls a parenthesized list.
func readStructure(t *rapid.T, in string) listNode {
	g := &grammar{in: in, utf8: true}
	out, ok := g.anyItem().(listNode)
	if !ok || g.i != len(in) {
		t.Fatalf("no list: %s", in)
	}
	return out
}

func (g *grammar) anyItem() any {
	switch c := g.peek(); {
	case c == '"':
		return g.str()
	case c == '(':
		g.want("(")
		list := listNode{}
		for !g.accept(")") {
			if g.peek() == ' ' {
				g.want(" ")
			}
			list = append(list, g.anyItem())
		}
		return list
	case g.accept("NIL"):
		return nil
	}
	start := g.i
	g.number()
	n, err := strconv.ParseInt(g.in[start:g.i], 10, 64)
	if err != nil {
		g.fail("%v", err)
	}
	return n
}

// BODYSTRUCTURE tells a client what it needs to ask for parts: the tree, the types, the sizes. RFC 9051 §7.5.2.
func TestBodyStructureTellsTheTree(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		want, mail := drawMail(rt)
		x := verify(t, mail)
		for _, utf8OK := range []bool{false, true} {
			structure := x.BodyStructure(utf8OK)
			compareStructure(rt, readStructure(rt, string(structure)), want, mail, true)
			compareStructure(rt, readStructure(rt, string(BasicStructure(structure))), want, mail, false)
		}
	})
}

func compareStructure(t *rapid.T, got listNode, want *sample, mail []byte, extended bool) {
	if want.boundary != "" {
		compareMultipart(t, got, want, mail, extended)
		return
	}
	fields := 7
	switch want.major {
	case "text":
		fields++
	case "message":
		fields += 3
	}
	if extended {
		fields += 4
	}
	if len(got) != fields || got[0] != want.major || got[1] != want.minor {
		t.Fatalf("%v has %d fields, want %d of %s/%s", got, len(got), fields, want.major, want.minor)
	}
	if id, _ := got[3].(string); id != want.id || got[5] != want.encoding || got[6] != int64(want.end-want.body) {
		t.Fatalf("%v, want id %q, encoding %s, %d bytes", got, want.id, want.encoding, want.end-want.body)
	}
	if charset := paramIn(got[2], "charset"); charset != want.charset {
		t.Fatalf("charset %q, want %q", charset, want.charset)
	}
	lines := int64(bytes.Count(mail[want.body:want.end], []byte("\n")))
	switch want.major {
	case "text":
		if got[7] != lines {
			t.Fatalf("%v lines, want %d", got[7], lines)
		}
	case "message":
		compareStructure(t, got[8].(listNode), want.children[0], mail, extended)
		if len(got[7].(listNode)) != 10 || got[9] != lines {
			t.Fatalf("an envelope of %d fields and %v lines, want 10 and %d", len(got[7].(listNode)), got[9], lines)
		}
	}
	if !extended {
		return
	}
	if disposition, ok := got[fields-3].(listNode); ok != (want.disposition != "") || ok && disposition[0] != want.disposition {
		t.Fatalf("disposition %v, want %q", disposition, want.disposition)
	}
}

func compareMultipart(t *rapid.T, got listNode, want *sample, mail []byte, extended bool) {
	fields := len(want.children) + 1
	if extended {
		fields += 4
	}
	if len(got) != fields {
		t.Fatalf("a multipart of %d parts has %d fields, want %d: %v", len(want.children), len(got), fields, got)
	}
	for i, c := range want.children {
		compareStructure(t, got[i].(listNode), c, mail, extended)
	}
	if rest := got[len(want.children):]; rest[0] != want.minor || extended && paramIn(rest[1], "boundary") != want.boundary {
		t.Fatalf("%v, want %s with the boundary %s", rest, want.minor, want.boundary)
	}
}

// paramIn finds a parameter in a list of names and values.
func paramIn(list any, name string) string {
	l, _ := list.(listNode)
	for i := 0; i+1 < len(l); i += 2 {
		if l[i] == name {
			return l[i+1].(string)
		}
	}
	return ""
}

// BasicStructure ends on any input, and on what BodyStructure wrote gives a structure without extension data.
func FuzzBasicStructure(f *testing.F) {
	for _, seed := range []string{
		`("text" "plain" NIL NIL NIL "7bit" 0 0 NIL NIL NIL NIL)`, `(("a" "b" NIL NIL NIL "x" 1 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL)`, `(`, `("`, `)`, `("message" "rfc822" (((`, `"\`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		if out := BasicStructure([]byte(in)); len(out) > len(in) {
			t.Fatalf("BasicStructure(%q) = %q is longer", in, out)
		}
	})
}

// The fields of a part in the order and form of RFC 9051 §7.5.2 (body-fld-dsp, body-fld-lang, body-fld-loc).
func TestExtensionData(t *testing.T) {
	tests := []struct{ name, header, want string }{
		{"none", "", `NIL NIL NIL NIL`},
		{"MD5", "Content-MD5: abc", `"abc" NIL NIL NIL`},
		{"a disposition without parameters", "Content-Disposition: inline", `NIL ("inline" NIL) NIL NIL`},
		{"in capitals", "Content-Disposition: INLINE", `NIL ("inline" NIL) NIL NIL`},
		{"an unknown one", "Content-Disposition: x-own", `NIL ("x-own" NIL) NIL NIL`},
		{"a broken one is an attachment", "Content-Disposition: ;filename=a", `NIL ("attachment" ("filename" "a")) NIL NIL`},
		{"several parameters", "Content-Disposition: attachment; filename=a; size=5", `NIL ("attachment" ("filename" "a" "size" "5")) NIL NIL`},
		{"one language", "Content-Language: de", `NIL NIL "de" NIL`},
		{"languages", "Content-Language: de, en-GB ,,fr", `NIL NIL ("de" "en-GB" "fr") NIL`},
		{"a language of nothing", "Content-Language: ,", `NIL NIL NIL NIL`},
		{"a location", "Content-Location: http://x/\n y", `NIL NIL NIL "http://x/ y"`},
		{"8-bit", "Content-Location: \xfc", `NIL NIL NIL "=?utf-8?q?=C3=BC?="`},
	}
	for _, tt := range tests {
		header := tt.header
		if header != "" {
			header += "\n"
		}
		got := string(verify(t, []byte(crlf("Content-Type: a/b\n"+header+"\n"))).BodyStructure(false))
		if want := `("a" "b" NIL NIL NIL "7bit" 0 ` + tt.want + `)`; got != want {
			t.Errorf("%s: %s\nwant %s", tt.name, got, want)
		}
	}
}

// Content-Type in the forms of RFC 2045 §5 and in those that are none: a client can always show something.
func TestContentTypes(t *testing.T) {
	tests := []struct{ name, value, want string }{
		{"the usual", "text/html; charset=utf-8", "text/html utf-8"},
		{"capitals", "TEXT/HTML; CHARSET=UTF-8", "text/html utf-8"},
		{"white space around the slash", "text / html", "text/html "},
		{"comments", "(a) text (b) / (c) html (d)", "text/html "},
		{"no subtype", "text", "text/plain us-ascii"},
		{"an empty subtype", "text/", "text/plain us-ascii"},
		{"no type", "/plain", "text/plain us-ascii"},
		{"nothing", "", "text/plain us-ascii"},
		{"rubbish", "<<>>", "text/plain us-ascii"},
		{"no semicolon", "text/html charset=utf-8", "text/html utf-8"},
		{"a quoted charset", `text/html; charset="utf-8"`, "text/html utf-8"},
		{"an own type", "x-school/x-timetable", "x-school/x-timetable "},
		{"a type with a dot and a plus", "application/vnd.x+json", "application/vnd.x+json "},
		{"8-bit", "t\xffxt/plain", "text/plain us-ascii"},
	}
	for _, tt := range tests {
		p := verify(t, []byte("Content-Type: "+tt.value+"\r\n\r\nx")).Root
		if got := fmt.Sprintf("%s/%s %s", p.Type, p.Subtype, p.Charset); got != tt.want {
			t.Errorf("%s: %q is %s, want %s", tt.name, tt.value, got, tt.want)
		}
	}
}

// Attachments counts what a person would call so: the paper clip in a list of messages.
func TestAttachments(t *testing.T) {
	part := func(header string) string { return "--b\n" + header + "\n\nx\n" }
	tests := []struct {
		name, parts string
		want        int
	}{
		{"text and HTML", part("Content-Type: text/plain") + part("Content-Type: text/html"), 0},
		{"a file", part("Content-Type: text/plain") + part("Content-Type: application/pdf\nContent-Disposition: attachment; filename=a"), 1},
		{"an attachment without a name", part("Content-Disposition: attachment"), 1},
		{"a name and nothing else", part("Content-Type: application/pdf; name=a.pdf"), 1},
		{"a picture in the text", part("Content-Type: image/png; name=a.png\nContent-Disposition: inline"), 0},
		{"a message", part("Content-Type: message/rfc822\nContent-Disposition: attachment\n\nSubject: in"), 1},
		{"one in a forwarded message", part("Content-Type: message/rfc822\n\nContent-Type: a/b; name=c"), 1},
		{"three", strings.Repeat(part("Content-Disposition: attachment"), 3), 3},
	}
	for _, tt := range tests {
		x := verify(t, []byte(crlf("Content-Type: multipart/mixed; boundary=b\n\n"+tt.parts+"--b--\n")))
		if x.Headers.Attachments != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, x.Headers.Attachments, tt.want)
		}
	}
}
