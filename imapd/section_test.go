package imapd

import (
	"slices"
	"strings"
	"testing"

	"schulhof/mailbox/message"
)

func TestSectionParsing(t *testing.T) {
	for _, test := range []struct {
		name, in string
		label    string // how the answer names it
		err      string // part of the error; empty: none
	}{
		{"the whole message", "[]", "BODY[]", ""},
		{"a header", "[HEADER]", "BODY[HEADER]", ""},
		{"names in any case", "[header]", "BODY[HEADER]", ""},
		{"the text", "[TEXT]", "BODY[TEXT]", ""},
		{"a part", "[1]", "BODY[1]", ""},
		{"a part of a part", "[1.2.3]", "BODY[1.2.3]", ""},
		{"a part's MIME header", "[1.MIME]", "BODY[1.MIME]", ""},
		{"an embedded message's header", "[2.1.HEADER]", "BODY[2.1.HEADER]", ""},
		{"an embedded message's text", "[2.TEXT]", "BODY[2.TEXT]", ""},
		{"field names keep their spelling and order", "[HEADER.FIELDS (to Subject X-A)]", "BODY[HEADER.FIELDS (to Subject X-A)]", ""},
		{"all but some fields", "[HEADER.FIELDS.NOT (Received)]", "BODY[HEADER.FIELDS.NOT (Received)]", ""},
		{"quoted field names lose their quotes", `[HEADER.FIELDS ("To")]`, "BODY[HEADER.FIELDS (To)]", ""},
		{"a field name that needs quotes keeps them", `[HEADER.FIELDS ("X(Y")]`, `BODY[HEADER.FIELDS ("X(Y")]`, ""},
		{"fields of an embedded message", "[3.HEADER.FIELDS (To)]", "BODY[3.HEADER.FIELDS (To)]", ""},
		{"a partial is named by its offset", "[]<0.1024>", "BODY[]<0>", ""},
		{"a partial of a part", "[1]<2048.1>", "BODY[1]<2048>", ""},
		{"MIME belongs to a part", "[MIME]", "", "MIME wants a part number"},
		{"no part is number zero", "[0]", "", "number 0"},
		{"no part is number zero, inside either", "[1.0]", "", "number 0"},
		{"no dot at the end", "[1.]", "", "end with a dot"},
		{"no unknown name", "[1.BODY]", "", `unknown section "BODY"`},
		{"no empty list of fields", "[HEADER.FIELDS ()]", "", ""},
		{"no fields without a list", "[HEADER.FIELDS]", "", ""},
		{"no colon in a field name", `[HEADER.FIELDS ("To:")]`, "", "bad header field name"},
		{"no missing bracket", "[TEXT", "", "end with a bracket"},
		{"no partial of nothing", "[]<0.0>", "", "zero octets"},
		{"no partial without a count", "[]<5>", "", "offset.count"},
		{"no negative partial", "[]<-1.5>", "", ""},
		{"no endless nesting", "[" + strings.Repeat("1.", 200) + "1]", "", "nested deeper"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := parserOf(t, test.in)
			s := p.section("BODY", false, true)
			err := p.end()
			if test.label == "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("section(%q) = %q, %v, want an error with %q", test.in, s.label, err, test.err)
				}
				return
			}
			if err != nil || s.label != test.label {
				t.Errorf("section(%q) = %q, %v, want %q", test.in, s.label, err, test.label)
			}
		})
	}
}

func TestBinarySectionsHaveNumbersOnly(t *testing.T) {
	for in, good := range map[string]bool{"[]": true, "[1.2]": true, "[HEADER]": false, "[1.MIME]": false, "[1.TEXT]": false} {
		p := parserOf(t, in)
		p.section("BINARY", true, true)
		if err := p.end(); (err == nil) != good {
			t.Errorf("BINARY%s: %v", in, err)
		}
	}
}

const nested = "Subject: outer\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
	"preamble\r\n--b\r\nContent-Type: text/plain\r\n\r\none\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" +
	"Subject: inner\r\nTo: x\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n\r\ndeep\r\n--c\r\nContent-Type: text/html\r\n\r\n<p>\r\n--c--\r\n" +
	"\r\n--b--\r\nepilogue\r\n"

func TestSectionsNameTheRightBytes(t *testing.T) {
	x, err := message.Parse(strings.NewReader(nested), int64(len(nested)))
	if err != nil {
		t.Fatal(err)
	}
	root, err := message.ParseLayout(x.Layout())
	if err != nil {
		t.Fatal(err)
	}
	for section, want := range map[string]string{
		"[]":           nested,
		"[HEADER]":     "Subject: outer\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n",
		"[1]":          "one",
		"[1.MIME]":     "Content-Type: text/plain\r\n\r\n",
		"[2.MIME]":     "Content-Type: message/rfc822\r\n\r\n",
		"[2.HEADER]":   "Subject: inner\r\nTo: x\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n",
		"[2.1]":        "deep",
		"[2.1.MIME]":   "\r\n",
		"[2.2]":        "<p>",
		"[]<9.5>":      "outer",
		"[1]<1.100>":   "ne",
		"[1]<3.1>":     "",
		"[1]<99.1>":    "",
		"[3]":          "NIL",
		"[1.1]":        "NIL",
		"[1.HEADER]":   "NIL",
		"[2.3]":        "NIL",
		"[2.1.HEADER]": "NIL",
	} {
		p := parserOf(t, section)
		s := p.section("BODY", false, true)
		if err := p.end(); err != nil {
			t.Fatal(err)
		}
		got := "NIL"
		if from, to, ok := s.span(root, int64(len(nested))); ok {
			from, to = s.clip(from, to)
			got = nested[from:to]
		}
		if got != want {
			t.Errorf("BODY%s = %q, want %q", section, got, want)
		}
	}
}

func TestHeaderFieldsAreSelected(t *testing.T) {
	const header = "Received: a\r\n\tfolded\r\nTo: anna@school.test\r\nSubject: x\r\nRECEIVED: b\r\nX-Empty:\r\n\r\n"
	for section, want := range map[string]string{
		"[HEADER.FIELDS (received)]":         "Received: a\r\n\tfolded\r\nRECEIVED: b\r\n\r\n",
		"[HEADER.FIELDS (Subject To)]":       "To: anna@school.test\r\nSubject: x\r\n\r\n",
		"[HEADER.FIELDS (Bcc)]":              "\r\n",
		"[HEADER.FIELDS.NOT (Received To)]":  "Subject: x\r\nX-Empty:\r\n\r\n",
		"[HEADER.FIELDS.NOT (X-Not-There)]":  header,
		"[HEADER.FIELDS (X-Empty RECEIVED)]": "Received: a\r\n\tfolded\r\nRECEIVED: b\r\nX-Empty:\r\n\r\n",
	} {
		p := parserOf(t, section)
		s := p.section("BODY", false, true)
		if err := p.end(); err != nil {
			t.Fatal(err)
		}
		if got := s.appendFields(nil, []byte(header)); string(got) != want {
			t.Errorf("BODY%s = %q, want %q", section, got, want)
		}
	}
}

func TestFetchItems(t *testing.T) {
	for _, test := range []struct {
		name, in string
		kinds    []itemKind
		seen     bool
		err      string
	}{
		{"one item", "FLAGS", []itemKind{itemFlags}, false, ""},
		{"a list", "(UID FLAGS)", []itemKind{itemUID, itemFlags}, false, ""},
		{"ALL", "ALL", []itemKind{itemFlags, itemInternalDate, itemSize, itemEnvelope}, false, ""},
		{"FAST", "fast", []itemKind{itemFlags, itemInternalDate, itemSize}, false, ""},
		{"FULL", "FULL", []itemKind{itemFlags, itemInternalDate, itemSize, itemEnvelope, itemBasicBody}, false, ""},
		{"BODY without a section", "(BODY BODYSTRUCTURE)", []itemKind{itemBasicBody, itemBodyStructure}, false, ""},
		{"reading a body marks it as seen", "BODY[]", []itemKind{itemSection}, true, ""},
		{"peeking does not", "BODY.PEEK[]", []itemKind{itemSection}, false, ""},
		{"RFC822 is a body", "RFC822", []itemKind{itemSection}, true, ""},
		{"RFC822.HEADER is a peek", "RFC822.HEADER", []itemKind{itemSection}, false, ""},
		{"RFC822.TEXT is a text", "RFC822.TEXT", []itemKind{itemSection}, true, ""},
		{"BINARY marks too", "(BINARY[1] BINARY.SIZE[2])", []itemKind{itemBinary, itemBinarySize}, true, ""},
		{"a size does not mark", "(BINARY.SIZE[2] BINARY.PEEK[1]<0.5>)", []itemKind{itemBinarySize, itemBinary}, false, ""},
		{"object ids", "(EMAILID THREADID SAVEDATE MODSEQ)", []itemKind{itemEmailID, itemThreadID, itemSaveDate, itemModSeq}, false, ""},
		{"a preview", "PREVIEW", []itemKind{itemPreview}, false, ""},
		{"a lazy preview", "PREVIEW (LAZY)", []itemKind{itemPreview}, false, ""},
		{"a lazy preview among others", "(PREVIEW (LAZY) UID)", []itemKind{itemPreview, itemUID}, false, ""},
		{"no empty list", "()", nil, false, ""},
		{"no macro in a list", "(ALL)", nil, false, `unknown FETCH item "ALL"`},
		{"no unknown item", "X", nil, false, `unknown FETCH item "X"`},
		{"no unknown modifier of PREVIEW", "(PREVIEW (SLOW))", nil, false, "modifier"},
		{"no unlimited list", "(" + strings.Repeat("UID ", 2000) + "UID)", nil, false, "more than"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var plan fetchPlan
			p := parserOf(t, test.in)
			p.fetchItems(&plan)
			if err := p.end(); test.kinds == nil {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("fetchItems(%.50q): %v, want an error with %q", test.in, err, test.err)
				}
				return
			} else if err != nil {
				t.Fatalf("fetchItems(%q): %v", test.in, err)
			}
			var kinds []itemKind
			for _, it := range plan.items {
				kinds = append(kinds, it.kind)
			}
			if !slices.Equal(kinds, test.kinds) || plan.setSeen != test.seen {
				t.Errorf("fetchItems(%q) = %v, seen %v; want %v, %v", test.in, kinds, plan.setSeen, test.kinds, test.seen)
			}
		})
	}
}
