package message

import (
	"fmt"
	"net/mail"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The addresses of RFC 5322 Appendix A, with its obsolete forms and comments.
func TestAddressesOfTheRFC(t *testing.T) {
	tests := []struct {
		name, in string
		want     []Address
	}{
		{"A.1.1", `John Doe <jdoe@machine.example>`, []Address{{"John Doe", "jdoe", "machine.example"}}},
		{"A.1.2 To", `Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>`,
			[]Address{{"Mary Smith", "mary", "x.test"}, {"", "jdoe", "example.org"}, {"Who?", "one", "y.test"}}},
		{"A.1.2 From", `"Joe Q. Public" <john.q.public@example.com>`, []Address{{"Joe Q. Public", "john.q.public", "example.com"}}},
		{"A.1.2 Cc", `<boss@nil.test>, "Giant; \"Big\" Box" <sysservices@example.net>`, []Address{{"", "boss", "nil.test"}, {`Giant; "Big" Box`, "sysservices", "example.net"}}},
		{"A.1.3 To", `A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;`,
			[]Address{{"Ed Jones", "c", "a.test"}, {"", "joe", "where.test"}, {"John", "jdoe", "one.test"}}},
		{"A.1.3 Cc", `Undisclosed recipients:;`, nil},
		{"A.5 From", "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", []Address{{"Pete", "pete", "silly.test"}}},
		{"A.5 To", "A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end of the group)",
			[]Address{{"Chris Jones", "c", "public.example"}, {"", "joe", "example.org"}, {"John", "jdoe", "one.test"}}},
		{"A.5 Cc", "(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;", nil},
		{"A.6.1 From", `Joe Q. Public <john.q.public@example.com>`, []Address{{"Joe Q. Public", "john.q.public", "example.com"}}},
		{"A.6.1 To", `Mary Smith <@node.test,@example.net:mary@example.net>, , jdoe@test . example`,
			[]Address{{"Mary Smith", "mary", "example.net"}, {"", "jdoe", "test.example"}}},
		{"A.6.3", "John Doe <jdoe@machine(comment).  example>", []Address{{"John Doe", "jdoe", "machine.example"}}},
	}
	for _, tt := range tests {
		if d := cmp.Diff(tt.want, ParseAddresses(tt.in)); d != "" {
			t.Errorf("%s: ParseAddresses(%q): %s", tt.name, tt.in, d)
		}
	}
}

// What mail programs send that no grammar allows: the address is found, nothing else is lost.
func TestAddressesThatAreSent(t *testing.T) {
	tests := []struct {
		name, in string
		want     []Address
	}{
		{"quotes left open", `"Anna <anna@x>`, []Address{{"", "Anna <anna@x>", ""}}},
		{"a quote within", `An"na <anna@x>`, []Address{{"", "Anna <anna@x>", ""}}},
		{"brackets twice", "<<anna@x>>", []Address{{"", "", ""}, {"", "anna", "x"}}},
		{"the name behind", "<anna@x> Anna", []Address{{"", "anna", "x"}}},
		{"the name behind, as a comment", "<anna@x> (Anna)", []Address{{"Anna", "anna", "x"}}},
		{"an address as the name", `"anna@x" <anna@x>`, []Address{{"anna@x", "anna", "x"}}},
		{"an address as the name, without quotes", `anna@x <anna@x>`, []Address{{"anna@x", "anna", "x"}}},
		{"single quotes", `'anna@x'`, []Address{{"", "'anna", "x'"}}},
		{"mailto", `<mailto:anna@x>`, []Address{{"", "mailto:anna", "x"}}},
		{"two signs", "a@b@c", []Address{{"", "a@b", "c"}}},
		{"nothing before the sign", "@x", []Address{{"", "", "x"}}},
		{"nothing behind the sign", "anna@", []Address{{"", "anna", ""}}},
		{"dots in a row", "a..b@x", []Address{{"", "a..b", "x"}}},
		{"a dot at the end", "anna.@x", []Address{{"", "anna.", "x"}}},
		{"a literal left open", "a@[192.0.2.1", []Address{{"", "a", "[192.0.2.1"}}},
		{"an IPv6 literal", "a@[IPv6:2001:db8::1]", []Address{{"", "a", "[IPv6:2001:db8::1]"}}},
		{"a comment left open", "anna@x (Anna", []Address{{"Anna", "anna", "x"}}},
		{"a group left open", "7b: a@x, b@y", []Address{{"", "a", "x"}, {"", "b", "y"}}},
		{"groups in a row", "7a: a@x;, 7b: b@y;", []Address{{"", "a", "x"}, {"", "b", "y"}}},
		{"no comma between groups", "7a: a@x; 7b: b@y;", []Address{{"", "a", "x"}, {"", "b", "y"}}},
		{"only separators", ",;,;,", nil},
		{"line ends", "a@x,\r\n\tb@y\r\n", []Address{{"", "a", "x"}, {"", "b", "y"}}},
		{"an encoded comma", "=?utf-8?q?Berg=2C_Anna?= <a@x>", []Address{{"Berg, Anna", "a", "x"}}},
		{"an encoded address", "=?utf-8?q?anna=40x?=", []Address{{"", "=?utf-8?q?anna=40x?=", ""}}},
		{"an ACE domain stays", "a@xn--schle-mva.test", []Address{{"", "a", "xn--schle-mva.test"}}},
	}
	for _, tt := range tests {
		got := ParseAddresses(tt.in)
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: ParseAddresses(%q): %s", tt.name, tt.in, d)
		}
	}
}

// drawAddresses makes a list as RFC 5322 allows it today, with groups.
func drawAddresses(t *rapid.T) string {
	name := rapid.SampledFrom([]string{"", "Anna ", `"Berg, Anna" `, `"a\"b\\c" `, "=?utf-8?q?J=C3=BCrgen?= ", "Anna Maria Berg ", `"" `})
	spec := rapid.SampledFrom([]string{"anna@school.test", "a.b+c@x", `"a b"@x`, "a@[192.0.2.1]", "o'neill@x.test", "=?x@y"})
	one := rapid.Custom(func(t *rapid.T) string {
		if n := name.Draw(t, "name"); n != "" {
			return n + "<" + spec.Draw(t, "address") + ">"
		}
		return spec.Draw(t, "address")
	})
	var list []string
	for range rapid.IntRange(1, 6).Draw(t, "count") {
		if rapid.IntRange(0, 4).Draw(t, "group") == 0 {
			list = append(list, "Klasse 7b: "+strings.Join(rapid.SliceOfN(one, 0, 3).Draw(t, "members"), ", ")+";")
			continue
		}
		list = append(list, one.Draw(t, "mailbox"))
	}
	return strings.Join(list, rapid.SampledFrom([]string{",", ", ", " ,\r\n "}).Draw(t, "separator"))
}

// Of a list that is well formed Go's parser reads the same people in the same order.
func TestAddressesAsTheStandardLibraryReadsThem(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		in := drawAddresses(rt)
		want, err := mail.ParseAddressList(strings.ReplaceAll(in, "\r\n", ""))
		if err != nil {
			rt.Skip("not for the standard library")
		}
		got := ParseAddresses(in)
		if len(got) != len(want) {
			rt.Fatalf("ParseAddresses(%q): %d addresses, want %d", in, len(got), len(want))
		}
		for i, a := range want {
			at := strings.LastIndexByte(a.Address, '@')
			local := strings.ReplaceAll(a.Address[:at], `"`, "")
			if got[i] != (Address{a.Name, local, a.Address[at+1:]}) {
				rt.Fatalf("ParseAddresses(%q): %d is %q, want %q", in, i, got[i], a)
			}
		}
	})
}

// The envelope has the same people as the summary, in IMAP's form: groups between markers, encoded words as they came.
func TestEnvelopeHasTheSamePeople(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		in := drawAddresses(rt)
		if len(ParseAddresses(in)) == 0 {
			rt.Skip("only empty groups")
		}
		out := string(appendAddresses(nil, in, true))
		var got []Address
		g := &grammar{in: out, utf8: true}
		g.want("(")
		for g.peek() == '(' {
			f := g.addressFields()
			if f[2] != "NIL" && f[3] != "NIL" {
				got = append(got, Address{DecodeHeader(f[0]), f[2], f[3]})
			}
		}
		if d := cmp.Diff(ParseAddresses(in), got); d != "" {
			rt.Fatalf("the envelope of %q is %s: %s", in, out, d)
		}
	})
}

// addressFields reads "(name route mailbox host)"; NIL of the last two is "NIL".
func (g *grammar) addressFields() (f [4]string) {
	g.want("(")
	for i := range f {
		if i > 0 {
			g.want(" ")
		}
		if !g.accept("NIL") {
			f[i] = g.str()
		} else if i > 1 {
			f[i] = "NIL"
		}
	}
	g.want(")")
	return f
}

// Reading a list takes time and memory in proportion to its length, whatever is in it: twice as much of it, twice the memory.
func TestAddressesAreReadInLinearMemory(t *testing.T) {
	for name, piece := range map[string]string{
		"commas": ",", "open brackets": "<", "open quotes": `"`, "open comments": "(", "backslashes": `\`, "words": "a ", "dots": ". ", "signs": "@", "colons": ":",
		"groups": "a:;", "comments": "(a)", "quoted words": `"a" `, "addresses": "a@b,", "routes": "<@a,@b:", "literals": "[", "dots and words": "a . ",
	} {
		cost := func(n int) uint64 {
			in := strings.Repeat(piece, n/len(piece))
			least := ^uint64(0)
			for range 3 {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				ParseAddresses(in)
				appendAddresses(nil, in, false)
				runtime.ReadMemStats(&after)
				least = min(least, after.TotalAlloc-before.TotalAlloc)
			}
			return least
		}
		small, large := cost(MaxField/16), cost(MaxField/2)
		if large > 10*small+1<<20 {
			t.Errorf("%s: %d bytes for %d bytes of header, %d for eight times as many", name, small, MaxField/16, large)
		}
	}
}

// At each dot the list looks ahead for an "@" a bounded way: what stands beyond makes no difference, or 64 KiB of dots would take seconds.
func TestTheLookAheadIsBounded(t *testing.T) {
	for name, filler := range map[string]string{"dots": ". ", "spaces": "  ", "tabs": ". \t"} {
		long := strings.Repeat(filler, lookFor)
		with, without := addressList{s: long + "b@c", i: 1}, addressList{s: long, i: 1}
		if with.dotsUntilAt() != without.dotsUntilAt() {
			t.Errorf("%s: an address %d bytes ahead makes a difference", name, len(long))
		}
	}
	if l := (&addressList{s: ". b . c@d", i: 1}); !l.dotsUntilAt() {
		t.Error("the word behind a dot is not seen")
	}
}

// An address list of IMAP has at most a thousand elements, with the group that is open then closed.
func TestEnvelopeAddressesAreBounded(t *testing.T) {
	for name, in := range map[string]string{
		"addresses": strings.Repeat("a@b,", 5000), "one group": "7b:" + strings.Repeat("a@b,", 5000) + ";", "groups": strings.Repeat("a:b@c;,", 2000), "empty groups": strings.Repeat("a:;", 5000),
	} {
		out := appendAddresses(nil, in, false)
		n := strings.Count(string(out), "(") - 1
		if n < MaxAddresses || n > MaxAddresses+1 {
			t.Errorf("%s: %d elements, want the limit", name, n)
		}
		if err := checkEnvelope([]byte("(NIL NIL "+string(out)+" NIL NIL NIL NIL NIL NIL NIL)"), false); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What 7-bit clients see of a domain with umlauts is the form that mail is sent to; nonsense stays visible.
func TestDomainsForOldClients(t *testing.T) {
	for in, want := range map[string]string{
		"a@schüle.test": `((NIL NIL "a" "xn--schle-mva.test"))`,
		"a@SCHÜLE.test": `((NIL NIL "a" "xn--schle-mva.test"))`,
		"a@plain.test":  `((NIL NIL "a" "plain.test"))`,
		"a@straße.test": `((NIL NIL "a" "xn--strae-oqa.test"))`,
		"a@例え.テスト":      `((NIL NIL "a" "xn--r8jz45g.xn--zckzah"))`,
		"ü@schüle.test": `((NIL NIL "=?utf-8?q?=C3=BC?=" "xn--schle-mva.test"))`,
		"a@\xfc.test":   `((NIL NIL "a" "xn--tda.test"))`,
	} {
		got := string(appendAddresses(nil, in, false))
		if got != want {
			t.Errorf("the envelope of %q is %s, want %s", in, got, want)
		}
	}
}

func TestCutAddress(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"anna@school.test": "anna|school.test|true", `"a@b"@school.test`: `"a@b"|school.test|true`, "@school.test": "|school.test|true", "anna@": "anna||true",
		"postmaster": "postmaster||false", "": "||false",
	} {
		local, domain, ok := CutAddress(address)
		if got := fmt.Sprintf("%s|%s|%t", local, domain, ok); got != want {
			t.Errorf("CutAddress(%q) = %s, want %s", address, got, want)
		}
	}
}

func TestASCIIDomain(t *testing.T) {
	t.Parallel()
	for domain, want := range map[string]string{
		"school.test": "school.test", "School.TEST.": "school.test", "": "", ".": "", "_dmarc.x": "_dmarc.x", "[192.0.2.1]": "[192.0.2.1]",
		"SCHÜLE.test": "xn--schle-mva.test", "schüle.test.": "xn--schle-mva.test", "straße.test": "xn--strae-oqa.test", "xn--schle-mva.TEST": "xn--schle-mva.test",
	} {
		if got, ok := ASCIIDomain(domain); !ok || got != want {
			t.Errorf("%q: %q, %t, want %q", domain, got, ok, want)
		}
	}
	for _, domain := range []string{"\xff.test", "ü_.test", "a\u00a0b.test"} {
		if got, ok := ASCIIDomain(domain); ok || got != "" {
			t.Errorf("%q: %q, want none", domain, got)
		}
	}
}
