package dav

import (
	"reflect"
	"strings"
	"testing"

	"schulhof/store/fault"
)

func TestParseIf(t *testing.T) {
	token := func(s string) ifCondition { return ifCondition{token: s} }
	tag := func(s string) ifCondition { return ifCondition{etag: etag{opaque: s}} }
	not := func(c ifCondition) ifCondition { c.not = true; return c }
	tests := []struct {
		name, in string
		want     []ifList // nil: an error
	}{
		// The examples of RFC 4918 §10.4.6 to §10.4.11.
		{"no-tag production", `(<urn:uuid:181d4fae> ["I am an ETag"]) (["I am another ETag"])`, nil}, // an entity tag has no spaces (RFC 9110 §8.8.3)
		{"no-tag production without spaces", `(<urn:uuid:181d4fae> ["ETag1"]) (["ETag2"])`,
			[]ifList{{"", []ifCondition{token("urn:uuid:181d4fae"), tag(`"ETag1"`)}}, {"", []ifCondition{tag(`"ETag2"`)}}}},
		{"Not", `(Not <urn:uuid:18> <urn:uuid:58>)`, []ifList{{"", []ifCondition{not(token("urn:uuid:18")), token("urn:uuid:58")}}}},
		{"an always true condition", `(<urn:uuid:18>) (Not <DAV:no-lock>)`,
			[]ifList{{"", []ifCondition{token("urn:uuid:18")}}, {"", []ifCondition{not(token("DAV:no-lock"))}}}},
		{"tagged lists", `</resource1> (<urn:uuid:18> [W/"A"]) (["strong"])`,
			[]ifList{{"/resource1", []ifCondition{token("urn:uuid:18"), {etag: etag{`"A"`, true}}}}, {"/resource1", []ifCondition{tag(`"strong"`)}}}},
		{"several resources", `<http://a/1> (["1"]) <http://a/2> (Not ["2"])`,
			[]ifList{{"http://a/1", []ifCondition{tag(`"1"`)}}, {"http://a/2", []ifCondition{not(tag(`"2"`))}}}},
		{"without spaces", `(Not<a:b>["1"])`, []ifList{{"", []ifCondition{not(token("a:b")), tag(`"1"`)}}}},
		{"not in small letters", `(not <a:b>)`, []ifList{{"", []ifCondition{not(token("a:b"))}}}},
		{"a bracket inside a tag", `(["a]b"])`, []ifList{{"", []ifCondition{tag(`"a]b"`)}}}},

		{"empty", ``, nil}, {"only spaces", `  `, nil}, {"an empty list", `()`, nil}, {"a list without an end", `(<a:b>`, nil},
		{"a token without an end", `(<a:b)`, nil}, {"an empty token", `(<>)`, nil}, {"a tag without quotes", `([a])`, nil},
		{"a tag without its bracket", `(["a")`, nil}, {"Not of nothing", `(Not)`, nil}, {"Not twice", `(Not Not <a:b>)`, nil},
		{"a resource without a list", `</x>`, nil}, {"text", `x (<a:b>)`, nil}, {"a resource behind a list without one", `(<a:b>) </x> (<c:d>)`, nil},
		{"a token with a space", `(<a b>)`, nil},
	}
	for _, tt := range tests {
		got, err := parseIf([]string{tt.in})
		switch {
		case tt.want == nil:
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: parseIf(%q) = %v, %v, want fault invalid", tt.name, tt.in, got, err)
			}
		case err != nil:
			t.Errorf("%s: parseIf(%q): %v", tt.name, tt.in, err)
		case !reflect.DeepEqual(got.lists, tt.want):
			t.Errorf("%s: parseIf(%q) = %+v, want %+v", tt.name, tt.in, got.lists, tt.want)
		}
	}
}

func TestIfHasLimits(t *testing.T) {
	for name, in := range map[string]string{
		"bytes":      "(<" + strings.Repeat("a", maxIfHeader) + ">)",
		"conditions": "(" + strings.Repeat("<a:b>", maxIfConditions+1) + ")",
	} {
		if _, err := parseIf([]string{in}); !fault.Is(err, fault.TooLarge) {
			t.Errorf("%s: %v, want fault too large", name, err)
		}
	}
}

// A token that is mentioned has been submitted, wherever it stands. RFC 4918 §10.4.1.
func TestIfSubmitsTokens(t *testing.T) {
	h, err := parseIf([]string{`</a> (<x:1> ["e"]) (Not <x:2>) </b> (<x:3>)`})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := h.tokens(), []string{"x:1", "x:2", "x:3"}; !reflect.DeepEqual(got, want) {
		t.Errorf("tokens = %q, want %q", got, want)
	}
	if h, err = parseIf(nil); h != nil || err != nil || h.tokens() != nil {
		t.Errorf("no header: %v, %v", h, err)
	}
}

// What parses has lists, each with conditions, each of which is one thing.
func FuzzIf(f *testing.F) {
	for _, seed := range []string{`(<urn:uuid:1> ["a"]) (Not <DAV:no-lock>)`, `</r> (["a"])(W/"b")`, `(Not`, `<a>(`, `([W/"x"])`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		h, err := parseIf([]string{in})
		if err != nil {
			if !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.TooLarge) {
				t.Fatalf("%q: %v", in, err)
			}
			return
		}
		if len(h.lists) == 0 {
			t.Fatalf("%q has no list", in)
		}
		for _, l := range h.lists {
			if len(l.conditions) == 0 {
				t.Fatalf("%q has an empty list", in)
			}
			for _, c := range l.conditions {
				if (c.token == "") == (c.etag.opaque == "") {
					t.Fatalf("%q: %+v is not one thing", in, c)
				}
			}
		}
	})
}
