package vcard

import (
	"errors"
	"testing"

	"schulhof/dav/contentline"
)

var anna = object("VERSION:3.0", "UID:1", "FN:Anna Schmidt", "N:Schmidt;Anna;;;", `NOTE:Chor\, Ruder-AG`, "item1.TEL;TYPE=HOME,pref:+49 30 1", "item1.X-ABLabel:Schule",
	"TEL;CELL:+49 170 2", "EMAIL;TYPE=INTERNET;X-CONFIRMED=yes:anna@school.test", "EMAIL;TYPE=\"work,internet\":schmidt@work.test",
	"NICKNAME;ENCODING=QUOTED-PRINTABLE:J=C3=BCrgen", "X-ADDRESSBOOKSERVER-KIND:group", "LANG:")

func contains(text string) TextMatch { return TextMatch{Text: text} }

func textOf(name string, texts ...TextMatch) PropFilter { return PropFilter{Name: name, Texts: texts} }

func paramOf(property, name string, text *TextMatch) PropFilter {
	return PropFilter{Name: property, Params: []ParamFilter{{Name: name, Text: text}}}
}

func TestFilterProperties(t *testing.T) {
	none := TextMatch{Text: "nobody"}
	tests := []struct {
		name   string
		filter PropFilter
		want   bool
	}{
		{"defined", PropFilter{Name: "email"}, true},
		{"defined, but empty", PropFilter{Name: "LANG"}, true},
		{"missing", PropFilter{Name: "ORG"}, false},
		{"not defined", PropFilter{Name: "ORG", NotDefined: true}, true},
		{"not defined, but it is", PropFilter{Name: "EMAIL", NotDefined: true}, false},
		{"a text in the value", textOf("FN", contains("SCHMI")), true},
		{"a text in the decoded value", textOf("NOTE", contains("chor, ruder")), true},
		{"a text in quoted-printable", textOf("NICKNAME", contains("JÜRGEN")), true},
		{"a text in the second of two", textOf("EMAIL", contains("work.test")), true},
		{"a text in none", textOf("EMAIL", none), false},
		{"any of two texts", textOf("FN", none, contains("anna")), true},
		{"all of two texts", PropFilter{Name: "FN", All: true, Texts: []TextMatch{none, contains("anna")}}, false},
		{"all of two texts in one value", PropFilter{Name: "EMAIL", All: true, Texts: []TextMatch{contains("anna"), contains("school")}}, true},
		{"all of two texts, but in two values", PropFilter{Name: "EMAIL", All: true, Texts: []TextMatch{contains("anna"), contains("work")}}, false},
		{"a negated text", textOf("FN", TextMatch{Text: "nobody", Negate: true}), true},
		{"a negated text that is there", textOf("FN", TextMatch{Text: "anna", Negate: true}), false},
		{"one of two values lacks the text", textOf("EMAIL", TextMatch{Text: "anna", Negate: true}), true},
		{"a negated text asks for a value to lack it", textOf("ORG", TextMatch{Text: "x", Negate: true}), false},
		{"equals", textOf("FN", TextMatch{Text: "anna schmidt", Type: contentline.Equals}), true},
		{"equals less", textOf("FN", TextMatch{Text: "anna", Type: contentline.Equals}), false},
		{"starts with", textOf("FN", TextMatch{Text: "anna", Type: contentline.StartsWith}), true},
		{"ends with", textOf("FN", TextMatch{Text: "Schmidt", Type: contentline.EndsWith}), true},
		{"octets", textOf("FN", TextMatch{Text: "anna", Collation: contentline.Octet}), false},
		{"ASCII", textOf("FN", TextMatch{Text: "anna", Collation: contentline.ASCIICasemap}), true},
		{"the default collation by name", textOf("FN", TextMatch{Text: "anna", Collation: "default"}), true},
		{"of a group", textOf("item1.TEL", contains("30")), true},
		{"of another group", textOf("item2.TEL", contains("30")), false},
		{"outside of the group", textOf("ITEM1.TEL", contains("170")), false},
		{"a kind under its other name", textOf("KIND", TextMatch{Text: "group", Type: contentline.Equals}), true},
		{"a parameter", paramOf("EMAIL", "x-confirmed", nil), true},
		{"no such parameter", paramOf("EMAIL", "X-OTHER", nil), false},
		{"a parameter's text", paramOf("EMAIL", "X-CONFIRMED", &TextMatch{Text: "YES"}), true},
		{"not a parameter's text", paramOf("EMAIL", "X-CONFIRMED", &none), false},
		{"a type in a list", paramOf("TEL", "TYPE", &TextMatch{Text: "pref", Type: contentline.Equals}), true},
		{"a type in quotes", paramOf("EMAIL", "type", &TextMatch{Text: "WORK", Type: contentline.Equals}), true},
		{"a bare type", paramOf("TEL", "TYPE", &TextMatch{Text: "cell", Type: contentline.Equals}), true},
		{"no such type", paramOf("TEL", "TYPE", &none), false},
		{"no type", paramOf("FN", "TYPE", nil), false},
		{"a parameter is not defined in one of them", PropFilter{Name: "EMAIL", Params: []ParamFilter{{Name: "X-CONFIRMED", NotDefined: true}}}, true},
		{"a parameter is not defined, but it is", PropFilter{Name: "TEL", Params: []ParamFilter{{Name: "TYPE", NotDefined: true}}}, false},
		{"all: text and parameter of the same line", PropFilter{Name: "EMAIL", All: true, Texts: []TextMatch{contains("anna")}, Params: []ParamFilter{{Name: "X-CONFIRMED"}}}, true},
		{"all: text and parameter of two lines", PropFilter{Name: "EMAIL", All: true, Texts: []TextMatch{contains("work")}, Params: []ParamFilter{{Name: "X-CONFIRMED"}}}, false},
		{"any: text or parameter", PropFilter{Name: "EMAIL", Texts: []TextMatch{none}, Params: []ParamFilter{{Name: "X-CONFIRMED"}}}, true},
	}
	c := mustParse(t, anna)
	for _, tt := range tests {
		m, err := (&Filter{Props: []PropFilter{tt.filter}}).Compile()
		if err != nil {
			t.Fatalf("%s: Compile: %v", tt.name, err)
		}
		if got := m.Match(c); got != tt.want {
			t.Errorf("%s: Match = %v, want %v", tt.name, got, tt.want)
		}
		if got := m.MatchStored(c.Bytes()); got != tt.want {
			t.Errorf("%s: MatchStored = %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestFilterTests(t *testing.T) {
	yes, no := PropFilter{Name: "FN"}, PropFilter{Name: "ORG"}
	tests := []struct {
		name   string
		filter Filter
		want   bool
	}{
		{"no conditions", Filter{}, true},
		{"no conditions, all of them", Filter{All: true}, true},
		{"any of two", Filter{Props: []PropFilter{no, yes}}, true},
		{"any of none", Filter{Props: []PropFilter{no, no}}, false},
		{"all of two", Filter{All: true, Props: []PropFilter{yes, yes}}, true},
		{"all but one", Filter{All: true, Props: []PropFilter{yes, no}}, false},
	}
	c := mustParse(t, anna)
	for _, tt := range tests {
		m, err := tt.filter.Compile()
		if err != nil {
			t.Fatalf("%s: Compile: %v", tt.name, err)
		}
		if got := m.Match(c); got != tt.want {
			t.Errorf("%s: Match = %v, want %v", tt.name, got, tt.want)
		}
		if got := m.MatchStored(c.Bytes()); got != tt.want {
			t.Errorf("%s: MatchStored = %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestFilterRefuses(t *testing.T) {
	tests := []struct {
		name, precondition string
		filter             Filter
	}{
		{"an unknown collation", "supported-collation", Filter{Props: []PropFilter{textOf("FN", TextMatch{Collation: "i;basic"})}}},
		{"an unknown collation of a parameter", "supported-collation", Filter{Props: []PropFilter{paramOf("FN", "X", &TextMatch{Collation: "i;basic"})}}},
		{"too many conditions", "supported-filter", Filter{Props: []PropFilter{textOf("FN", make([]TextMatch, maxConditions)...)}}},
	}
	for _, tt := range tests {
		m, err := tt.filter.Compile()
		var v *Violation
		if m != nil || !errors.As(err, &v) || v.Precondition != tt.precondition {
			t.Errorf("%s: Compile = %v, %v, want %s", tt.name, m, err, tt.precondition)
		}
	}
}

func TestSelect(t *testing.T) {
	card := object("VERSION:4.0", "UID:1", "FN:Anna", "item1.EMAIL;PREF=1:a@b", "EMAIL:c@d", "KIND:group", "NOTE:x")
	tests := []struct {
		name, version string
		props         []Property
		want          []byte
	}{
		{"some", Version4, []Property{{Name: "fn"}, {Name: "EMAIL"}}, object("VERSION:4.0", "FN:Anna", "item1.EMAIL;PREF=1:a@b", "EMAIL:c@d")},
		{"of a group", Version4, []Property{{Name: "ITEM1.email"}}, object("VERSION:4.0", "item1.EMAIL;PREF=1:a@b")},
		{"without values", Version4, []Property{{Name: "EMAIL", NoValue: true}}, object("VERSION:4.0", "item1.EMAIL;PREF=1:", "EMAIL:")},
		{"none", Version4, nil, object("VERSION:4.0")},
		{"in the other version", Version3, []Property{{Name: "EMAIL"}, {Name: "KIND"}},
			object("VERSION:3.0", "item1.EMAIL;TYPE=pref:a@b", "EMAIL:c@d", "X-ADDRESSBOOKSERVER-KIND:group")},
	}
	for _, tt := range tests {
		if got := mustParse(t, card).Select(tt.version, tt.props); string(got) != string(tt.want) {
			t.Errorf("%s: Select = %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestMatchStored: the lines that a filter asks for are found however they are folded, ended and named, and none but them.
func TestMatchStored(t *testing.T) {
	tests := []struct {
		name, card string
		filter     PropFilter
		want       bool
	}{
		{"a folded value", "VERSION:3.0\r\nFN:An\r\n na\r\nN:;;;;\r\n", textOf("FN", contains("anna")), true},
		{"a folded name", "VERSION:3.0\r\nF\r\n N:Anna\r\n", textOf("FN", contains("anna")), true},
		{"a fold after a blank line", "VERSION:3.0\nFN:An\n\n na\n", textOf("FN", contains("anna")), true},
		{"a fold of another line", "VERSION:3.0\nFN:x\nNOTE:x\n FN:anna\n", textOf("FN", contains("anna")), false},
		{"translated line breaks", "VERSION:3.0\r\r\nFN:anna\r\r\n", textOf("fn", contains("anna")), true},
		{"a name with a dot, in a group", "VERSION:4.0\na.X.FN:anna\n", textOf("a.X.FN", contains("anna")), true},
		{"the end of another name", "VERSION:4.0\nXFN:anna\n", textOf("FN", contains("anna")), false},
		{"BEGIN is no property", "VERSION:4.0\nFN:anna\n", PropFilter{Name: "BEGIN"}, false},
	}
	for _, tt := range tests {
		b := []byte("BEGIN:VCARD\n" + tt.card + "END:VCARD")
		c, err := Parse(b)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		m, err := (&Filter{Props: []PropFilter{tt.filter}}).Compile()
		if err != nil {
			t.Fatalf("%s: Compile: %v", tt.name, err)
		}
		if got := m.Match(c); got != tt.want {
			t.Errorf("%s: Match = %v, want %v", tt.name, got, tt.want)
		}
		if got := m.MatchStored(b); got != tt.want {
			t.Errorf("%s: MatchStored = %v, want %v", tt.name, got, tt.want)
		}
	}
	m, err := (&Filter{Props: []PropFilter{textOf("FN", contains("x"))}}).Compile()
	if err != nil {
		t.Fatal(err)
	}
	if m.MatchStored([]byte("no card")) {
		t.Error("bytes that are no card match")
	}
}
