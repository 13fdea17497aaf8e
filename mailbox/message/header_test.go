package message

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeHeader(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain text", "Hello", "Hello"},
		{"Q with underscores", "=?iso-8859-1?Q?Gr=FC=DFe_an_alle?=", "Grüße an alle"},
		{"B", "=?UTF-8?B?R3LDvMOfZQ==?= x", "Grüße x"},
		{"B without padding", "=?UTF-8?B?R3LDvMOfZQ?=", "Grüße"},
		{"white space between adjacent words goes", "=?utf-8?q?a?= \t =?utf-8?q?b?=", "ab"},
		{"white space before text stays", "=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"},
		{"a character split over words", "=?utf-8?q?Gr=C3?= =?utf-8?q?=BC=C3=9Fe?=", "Grüße"},
		{"a character split over base64 words", "=?utf-8?B?R3LD?= =?UTF-8?B?vMOfZQ==?=", "Grüße"},
		{"different charsets are not joined", "=?iso-8859-1?q?=FC?= =?utf-8?q?=C3=BC?=", "üü"},
		{"an unknown charset stays as it is", "=?x-unknown?q?abc?=", "=?x-unknown?q?abc?="},
		{"an unknown encoding stays", "=?utf-8?z?abc?=", "=?utf-8?z?abc?="},
		{"an open word stays", "=?utf-8?q?abc", "=?utf-8?q?abc"},
		{"broken base64 stays", "=?utf-8?b?ab!c?=", "=?utf-8?b?ab!c?="},
		{"a language", "=?iso-8859-1*de?q?=FC?=", "ü"},
		{"a question mark within Q", "=?utf-8?q?Wer?_Ich?=", "Wer? Ich"},
		{"Japanese", "=?ISO-2022-JP?B?GyRCJUYlOSVIGyhC?=", "テスト"},
		{"Russian", "=?koi8-r?B?8NLJ18XU?=", "Привет"},
		{"Chinese", "=?gb2312?B?xOO6ww==?=", "你好"},
		{"UTF-7", "=?utf-7?q?Gr+APwA3w-e +-?=", "Grüße +"},
		{"raw UTF-8", "Grüße", "Grüße"},
		{"raw windows-1252", "Gr\xfc\xdfe \x80", "Grüße €"},
		{"a word within text that is no white space", "a=?utf-8?q?b?=c", "abc"},
	}
	for _, tt := range tests {
		if got := DecodeHeader(tt.in); got != tt.want {
			t.Errorf("%s: DecodeHeader(%q) = %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
}

func TestParseAddresses(t *testing.T) {
	tests := []struct {
		name, in string
		want     []Address
	}{
		{"nothing", "  ", nil},
		{"an address", "anna@school.test", []Address{{"", "anna", "school.test"}}},
		{"name and address", "Anna Schmidt <anna@school.test>", []Address{{"Anna Schmidt", "anna", "school.test"}}},
		{"a quoted name with comma and quotes", `"Schmidt, \"Anna\"" <anna@x>, b@y`, []Address{{`Schmidt, "Anna"`, "anna", "x"}, {"", "b", "y"}}},
		{"the old form with a comment", "anna@x (Anna (die) Zweite)", []Address{{"Anna (die) Zweite", "anna", "x"}}},
		{"an encoded name", "=?utf-8?q?J=C3=BCrgen?= <j@x>", []Address{{"Jürgen", "j", "x"}}},
		{"an encoded name in quotes", `"=?utf-8?q?J=C3=BCrgen?=" <j@x>`, []Address{{"Jürgen", "j", "x"}}},
		{"a group", "Klasse 7b: a@x, B <b@y>;, c@z", []Address{{"", "a", "x"}, {"B", "b", "y"}, {"", "c", "z"}}},
		{"an empty group", "undisclosed-recipients:;", nil},
		{"a quoted local part", `"a b@c"@x`, []Address{{"", "a b@c", "x"}}},
		{"a quoted local part in brackets", `N <"a b"@x>`, []Address{{"N", "a b", "x"}}},
		{"a route", "N <@a,@b:c@d>", []Address{{"N", "c", "d"}}},
		{"white space around dots", "a . b @ c . d", []Address{{"", "a.b", "c.d"}}},
		{"a domain literal", "a@[192.0.2.1]", []Address{{"", "a", "[192.0.2.1]"}}},
		{"the bracket is missing", "Anna <anna@x, Ben <ben@y>", []Address{{"Anna", "anna", "x"}, {"Ben", "ben", "y"}}},
		{"semicolons as Outlook writes", "a@x; b@y;", []Address{{"", "a", "x"}, {"", "b", "y"}}},
		{"empty elements", ",, a@x,,", []Address{{"", "a", "x"}}},
		{"no domain", "Postmaster", []Address{{"", "Postmaster", ""}}},
		{"text and an address without brackets", "Anna Schmidt anna@x", []Address{{"Anna Schmidt", "anna", "x"}}},
		{"a name that hides its direction", "\u202eanna <a@x>", []Address{{"anna", "a", "x"}}},
		{"a dot in a name", "Dr. Anna M. Schmidt <a@x>", []Address{{"Dr. Anna M. Schmidt", "a", "x"}}},
		{"UTF-8", "Jürgen <jürgen@schüle.test>", []Address{{"Jürgen", "jürgen", "schüle.test"}}},
		{"empty brackets", "<>", []Address{{"", "", ""}}},
	}
	for _, tt := range tests {
		if d := cmp.Diff(tt.want, ParseAddresses(tt.in)); d != "" {
			t.Errorf("%s: ParseAddresses(%q): %s", tt.name, tt.in, d)
		}
	}
	if n := len(ParseAddresses(strings.Repeat("a@b,", MaxField/4))); n != MaxAddresses {
		t.Errorf("%d addresses, want the limit", n)
	}
}

func TestEnvelopeAddresses(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"a group has markers", "7b: a@x;", `((NIL NIL "7b" NIL)(NIL NIL "a" "x")(NIL NIL NIL NIL))`},
		{"an open group is closed", "7b: a@x", `((NIL NIL "7b" NIL)(NIL NIL "a" "x")(NIL NIL NIL NIL))`},
		{"a group in a group is none", "a: b: c@d;", `((NIL NIL "a" NIL)("b:" NIL "c" "d")(NIL NIL NIL NIL))`},
		{"a route", "<@a,@b:c@d>", `((NIL "@a,@b" "c" "d"))`},
		{"no domain is no group", "root", `((NIL NIL "root" ""))`},
		{"encoded words stay", "=?utf-8?q?=C3=BC?= <a@b>", `(("=?utf-8?q?=C3=BC?=" NIL "a" "b"))`},
		{"quotes and backslashes", `"a\"b\\c" <d@e>`, `(("a\"b\\c" NIL "d" "e"))`},
		{"nothing", " ", "NIL"},
	}
	for _, tt := range tests {
		if got := string(appendAddresses(nil, tt.in, false)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	x := parse(t, "From: a@b\r\nSender: \r\nReply-To: c@d\r\nTo: e@f\r\nTo: g@h\r\nIn-Reply-To: <1>\r\nMessage-ID: <2>\r\nDate: now\r\n\r\n")
	want := `("now" NIL ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) ((NIL NIL "c" "d")) ((NIL NIL "e" "f")(NIL NIL "g" "h")) NIL NIL "<1>" "<2>")`
	if got := string(x.Envelope(false)); got != want {
		t.Errorf("Envelope = %s\nwant %s", got, want)
	}
}

func TestParseDate(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"RFC 5322", "Mon, 2 Nov 2026 10:11:12 +0100", "2026-11-02T10:11:12+01:00"},
		{"no day of the week, no seconds", "2 Nov 2026 10:11 -0530", "2026-11-02T10:11:00-05:30"},
		{"a comment", "2 Nov 2026 10:11:12 +0000 (GMT (Greenwich))", "2026-11-02T10:11:12Z"},
		{"an obsolete zone", "Mon, 2 Nov 26 10:11:12 EST", "2026-11-02T10:11:12-05:00"},
		{"a year of two digits", "2 Nov 97 10:11:12 GMT", "1997-11-02T10:11:12Z"},
		{"a year of three digits", "2 Nov 126 10:11:12 Z", "2026-11-02T10:11:12Z"},
		{"a military zone counts as UTC", "2 Nov 2026 10:11:12 A", "2026-11-02T10:11:12Z"},
		{"asctime", "Mon Nov  2 10:11:12 2026", "2026-11-02T10:11:12Z"},
		{"ISO 8601", "2026-11-02T10:11:12.345+01:00", "2026-11-02T10:11:12+01:00"},
		{"ISO with a space", "2026-11-02 10:11:12", "2026-11-02T10:11:12Z"},
		{"hyphens", "2-Nov-2026 10:11:12 +0100", "2026-11-02T10:11:12+01:00"},
		{"a long month", "Monday, 2 November 2026 10:11:12 +0100", "2026-11-02T10:11:12+01:00"},
		{"German summer time", "2 Jul 2026 10:11:12 MESZ", "2026-07-02T10:11:12+02:00"},
		{"no zone", "2 Nov 2026 10:11:12", "2026-11-02T10:11:12Z"},
		{"no time", "2 Nov 2026", "2026-11-02T00:00:00Z"},
		{"a leap second", "31 Dec 2016 23:59:60 +0000", "2016-12-31T23:59:59Z"},
		{"no such day", "31 Feb 2026 10:00:00 +0000", ""},
		{"no month", "2 Foo 2026 10:11:12 +0100", ""},
		{"rubbish", "yesterday", ""},
		{"nothing", "", ""},
	}
	for _, tt := range tests {
		got := ParseDate(tt.in)
		text := ""
		if !got.IsZero() {
			text = got.Format(time.RFC3339)
		}
		if text != tt.want {
			t.Errorf("%s: ParseDate(%q) = %s, want %s", tt.name, tt.in, text, tt.want)
		}
	}
}

func TestBaseSubject(t *testing.T) {
	tests := []struct {
		in, want string
		reply    bool
	}{
		{"Hello", "Hello", false},
		{"Re: Hello", "Hello", true},
		{"re : Hello", "Hello", true},
		{"RE[2]: FW: Hello", "Hello", true},
		{"AW: WG: Hello", "Hello", true},
		{"Re: [list] Re: Hello (fwd) (FWD)", "Hello", true},
		{"[list] Hello", "Hello", false},
		{"[list]", "[list]", false},
		{"[a] [b] Hello", "Hello", false},
		{"[fwd: Re: Hello]", "Hello", true},
		{"Hello  \t world", "Hello world", false},
		{"Regen", "Regen", false},
		{"Hello (fwd)", "Hello", true},
		{"Re:", "", true},
		{"", "", false},
	}
	for _, tt := range tests {
		if got, reply := baseSubject(tt.in); got != tt.want || reply != tt.reply {
			t.Errorf("baseSubject(%q) = %q, %v, want %q, %v", tt.in, got, reply, tt.want, tt.reply)
		}
	}
}

func TestSummary(t *testing.T) {
	x := parse(t, crlf("Subject: Re: =?utf-8?q?Ausflug_=C3=BCber?=\n Nacht\nFrom: A <a@b>\nMessage-ID: <id@x>\nReferences: <1@x>\n <2@x> rubbish <3 @x>\n"+
		"In-Reply-To: <9@x>\nList-ID: \"Our list\" <list.school.test>\nDate: 2 Nov 2026 10:00:00 +0100\n"+
		"Content-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b\nContent-Type: image/png; name=a.png\n\nx\n--b\nContent-Disposition: inline; filename=c\n\ny\n--b--\n"))
	h := x.Headers
	if h.Subject != "Re: Ausflug über Nacht" || h.BaseSubject != "Ausflug über Nacht" || !h.IsReply || h.MessageID != "id@x" ||
		!slices.Equal(h.References, []string{"1@x", "2@x"}) || h.ListID != "list.school.test" || h.Attachments != 1 || h.Date.Unix() != 1793610000 {
		t.Errorf("Headers = %+v", h)
	}
	if h := parse(t, "In-Reply-To: <9@x> <8@x>\r\n\r\n").Headers; !slices.Equal(h.References, []string{"9@x"}) {
		t.Errorf("References without the field = %q, want the first of In-Reply-To", h.References)
	}
	var refs strings.Builder
	for i := range 300 {
		fmt.Fprintf(&refs, "<%d@x> ", i)
	}
	got := parse(t, "References: "+refs.String()+"\r\n\r\n").Headers.References
	if len(got) != MaxReferences || got[0] != "0@x" || got[MaxReferences-1] != "299@x" {
		t.Errorf("%d references from %s to %s, want the first and the newest", len(got), got[0], got[len(got)-1])
	}
}

func TestPartNames(t *testing.T) {
	tests := []struct{ name, header, want string }{
		{"plain", `Content-Disposition: attachment; filename="a.pdf"`, "a.pdf"},
		{"RFC 2231", `Content-Disposition: attachment; filename*=utf-8''M%C3%A4rz.pdf`, "März.pdf"},
		{"RFC 2231 in pieces", `Content-Disposition: attachment; filename*0*=utf-8''M%C3%A4; filename*1="rz.pdf"`, "März.pdf"},
		{"pieces in any order", `Content-Disposition: attachment; filename*1=b; filename*0=a`, "ab"},
		{"the extended one is preferred", `Content-Disposition: attachment; filename=x; filename*=utf-8''%C3%A4`, "ä"},
		{"an encoded word, which is forbidden but sent", `Content-Disposition: attachment; filename="=?utf-8?q?M=C3=A4rz?="`, "März"},
		{"only the name of the type", `Content-Type: application/pdf; name=b.pdf`, "b.pdf"},
		{"control characters and direction", "Content-Disposition: attachment; filename*=utf-8''a%0Ab%E2%80%AEfdp.exe", "a bfdp.exe"},
		{"a Windows path", `Content-Disposition: attachment; filename="C:\temp\a.txt"`, `C:\temp\a.txt`},
	}
	for _, tt := range tests {
		if got := parse(t, tt.header+"\r\n\r\n").Root.Filename; got != tt.want {
			t.Errorf("%s: Filename = %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestFold(t *testing.T) {
	tests := []struct{ text, part string }{
		{"Müller", "MÜLLER"}, {"Ǆ", "ǆ"}, {"ﬁnden", "ﬁN"}, {"Größe", "gro\u0308ß"}, {"Ångström", "a\u030angstro\u0308m"}, {"한글", "한"},
		{"q\u0323\u0307", "q\u0307\u0323"}, {"x", ""},
	}
	for _, tt := range tests {
		if !strings.Contains(Fold(tt.text), Fold(tt.part)) {
			t.Errorf("Fold(%q) = %q does not hold Fold(%q) = %q", tt.text, Fold(tt.text), tt.part, Fold(tt.part))
		}
	}
	if strings.Contains(Fold("Straße"), Fold("Strasse")) {
		t.Error("ß is not ss in i;unicode-casemap")
	}
	for _, s := range []string{"Grüße, Ä", "a\u0308b", "한글 test", "\xff\xfe"} { // cutting where an ASCII character begins changes nothing
		for i := range len(s) {
			if s[i] < utf8.RuneSelf {
				if a, b := Fold(s), string(AppendFold(AppendFold(nil, s[:i]), s[i:])); a != b {
					t.Errorf("Fold(%q) = %q, in two pieces %q", s, a, b)
				}
			}
		}
	}
}
