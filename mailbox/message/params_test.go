package message

import (
	"fmt"
	"mime"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// paramsOf reads the parameters of a Content-Type as a message would have them.
func paramsOf(value string) []param {
	_, rest, _ := strings.Cut(value, ";")
	return parseParams(nil, rest)
}

// The examples of RFC 2231 and what programs make of them.
func TestParamsOfTheRFC(t *testing.T) {
	tests := []struct{ name, in, param, want string }{
		{"a value in pieces (§3)", `message/external-body; access-type=URL; URL*0="ftp://"; URL*1="cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar"`, "url", "ftp://cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar"},
		{"charset and language (§4)", `application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A`, "title", "This is ***fun***"},
		{"both (§4.1)", `application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2="isn't it!"`, "title", "This is even more ***fun*** isn't it!"},
		{"pieces in another order", `a/b; x*2=c; x*0=a; x*1=b`, "x", "abc"},
		{"pieces up to a gap", `a/b; x*0=a; x*2=c`, "x", "a"},
		{"no first piece", `a/b; x*1=b`, "x", ""},
		{"a piece that has no number", `a/b; x*y=b; x*=utf-8''c`, "x", "c"},
		{"a number that is too large", `a/b; x*99999=b; x=c`, "x", "c"},
		{"the extended form is preferred", `a/b; x=plain; x*=utf-8''%C3%BC`, "x", "ü"},
		{"in either order", `a/b; x*=utf-8''%C3%BC; x=plain`, "x", "ü"},
		{"no charset", `a/b; x*=''%C3%BC`, "x", "ü"},
		{"an unknown charset", `a/b; x*=nobody''%C3%BC`, "x", "ü"},
		{"an old charset", `a/b; x*=iso-8859-1''%FC`, "x", "ü"},
		{"no quotes where they belong", `a/b; x*=%C3%BC`, "x", "ü"},
		{"an escape that is none", `a/b; x*=utf-8''50%`, "x", "50%"},
		{"a half escape", `a/b; x*=utf-8''%C`, "x", "%C"},
		{"an encoded word, which is forbidden", `a/b; x="=?utf-8?q?=C3=BC?="`, "x", "ü"},
		{"an encoded word without quotes", `a/b; x==?utf-8?q?=C3=BC?=`, "x", "ü"},
		{"a character split over pieces", `a/b; x*0*=utf-8''%C3; x*1*=%BC`, "x", "ü"},
		{"plain pieces behind an extended one", `a/b; x*0*=utf-8''%C3%BC; x*1="100%41"`, "x", "ü100%41"},
	}
	for _, tt := range tests {
		if got := decodedParam(paramsOf(tt.in), tt.param); got != tt.want {
			t.Errorf("%s: %s of %s is %q, want %q", tt.name, tt.param, tt.in, got, tt.want)
		}
	}
}

// RFC 2045 §5.1, and what is sent instead.
func TestParamsThatAreSent(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"the usual", `; a=b; c="d"`, "a=b|c=d"},
		{"white space everywhere", " ;\ta = b ;  c\t=\t\"d\" ", "a=b|c=d"},
		{"no semicolon before the first", ` a=b; c=d`, "a=b|c=d"},
		{"semicolons that part nothing", `;;; a=b;; c=d;`, "a=b|c=d"},
		{"capitals", `; CharSet=UTF-8`, "charset=UTF-8"},
		{"comments", `; a=b (comment); (x) c=d`, "a=b|c=d"},
		{"a quoted semicolon", `; a="b; c=d"; e=f`, "a=b; c=d|e=f"},
		{"quoted pairs", `; a="b\"c\\d"`, `a=b"c\d`},
		{"a Windows path", `; a="C:\Users\x"`, `a=C:\Users\x`},
		{"an open quote", `; a="b; c=d`, "a=b; c=d"},
		{"text behind a quoted value", `; a="b"junk; c=d`, "a=b|c=d"},
		{"spaces without quotes", `; a=b c d; e=f`, "a=b c d|e=f"},
		{"twice: the first counts", `; a=b; A=c`, "a=b"},
		{"a name without value", `; a; b=c`, "b=c"},
		{"no name", `; =b; c=d`, "c=d"},
		{"an empty value", `; a=; b=""`, "a=|b="},
		{"nothing", ``, ""},
		{"only rubbish", `rubbish`, ""},
	}
	for _, tt := range tests {
		var got []string
		for _, p := range parseParams(nil, tt.in) {
			got = append(got, p.name+"="+p.value)
		}
		if s := strings.Join(got, "|"); s != tt.want {
			t.Errorf("%s: parseParams(%q) = %q, want %q", tt.name, tt.in, s, tt.want)
		}
	}
}

// What Go writes, in tokens, quoted strings or RFC 2231, is read back.
func TestParamsRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		want := map[string]string{}
		for range rapid.IntRange(0, 5).Draw(rt, "count") {
			name := rapid.StringMatching(`[a-z][a-z0-9-]{0,8}`).Draw(rt, "name")
			want[name] = rapid.StringOfN(rapid.RuneFrom([]rune(`aZ9 ;=",'%*()äß日😀.-_/`)), 1, 30, -1).Draw(rt, "value")
			if strings.Contains(want[name], "=?") || strings.TrimSpace(want[name]) != want[name] {
				delete(want, name)
			}
		}
		text := mime.FormatMediaType("text/plain", want)
		if text == "" {
			rt.Skip("Go cannot write it")
		}
		list := paramsOf(text + " ")
		if len(list) != len(want) {
			rt.Fatalf("%s: %d parameters, want %d", text, len(list), len(want))
		}
		for name, value := range want {
			if got := decodedParam(list, name); got != value {
				rt.Fatalf("%s: %s is %q, want %q", text, name, got, value)
			}
		}
	})
}

// Whatever a header says, the parameters are few, have names that are tokens, and mean UTF-8.
func FuzzParseParams(f *testing.F) {
	for _, seed := range []string{"; a=b", `; x*0*=utf-8''%C3; x*1="b"; x*1*=c`, `; a="`, "; a=(((", "; *=b; **=c; a*0=", "\x00;\xff=\xff", `; name="=?utf-8?q?=C3=BC?="`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		list := parseParams(nil, s)
		if len(list) > MaxParams {
			t.Fatalf("%d parameters", len(list))
		}
		for _, p := range list {
			if name, rest := token(p.name); p.name == "" || name != p.name && utf8.ValidString(p.name) && IsASCII(p.name) || rest != "" && IsASCII(p.name) {
				t.Fatalf("parseParams(%q): a parameter is called %q", s, p.name)
			}
			if got := cleanName(p.decode()); !utf8.ValidString(got) || len(got) > maxName || strings.ContainsAny(got, "\r\n\x00") {
				t.Fatalf("parseParams(%q): %s means %q", s, p.name, got)
			}
		}
		for _, utf8OK := range []bool{false, true} {
			g := &grammar{in: string(appendParams(nil, list, utf8OK)), utf8: utf8OK}
			err := func() (err error) {
				defer g.recover(&err)
				g.params()
				g.end()
				return nil
			}()
			if err != nil {
				t.Fatalf("parseParams(%q) is told as %s: %v", s, g.in, err)
			}
		}
	})
}

// The file name of a part: which of four places counts, and what is shown of it.
func TestFilenames(t *testing.T) {
	tests := []struct{ name, header, want string }{
		{"Content-Disposition", "Content-Disposition: attachment; filename=a.pdf", "a.pdf"},
		{"only in the type", "Content-Type: application/pdf; name=b.pdf", "b.pdf"},
		{"both: the disposition counts", "Content-Type: application/pdf; name=b.pdf\nContent-Disposition: attachment; filename=a.pdf", "a.pdf"},
		{"extended", "Content-Disposition: attachment; filename=x; filename*=utf-8''Stundenpl%C3%A4ne%207b.pdf", "Stundenpläne 7b.pdf"},
		{"an encoded word", `Content-Disposition: attachment; filename="=?utf-8?b?w7wucGRm?="`, "ü.pdf"},
		{"raw UTF-8", "Content-Disposition: attachment; filename=\"ü.pdf\"", "ü.pdf"},
		{"raw windows-1252", "Content-Disposition: attachment; filename=\"\xfc.pdf\"", "ü.pdf"},
		{"decomposed", "Content-Disposition: attachment; filename=\"u\u0308.pdf\"", "ü.pdf"},
		{"control characters", "Content-Disposition: attachment; filename*=utf-8''a%0D%0Ab%00.pdf", "a b.pdf"},
		{"a reversed extension", "Content-Disposition: attachment; filename*=utf-8''rechnung%E2%80%AEfdp.exe", "rechnungfdp.exe"},
		{"a path stays: it is no name to write to", `Content-Disposition: attachment; filename="../../etc/passwd"`, "../../etc/passwd"},
		{"folded", "Content-Disposition: attachment;\n filename*0=\"a \";\n filename*1=b", "a b"},
		{"an empty one", "Content-Disposition: attachment; filename=\"\"\nContent-Type: a/b; name=c", "c"},
	}
	for _, tt := range tests {
		if got := parse(t, crlf(tt.header+"\n\nx")).Root.Filename; got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// Param finds what BODYSTRUCTURE tells, decoded, and nothing once only the layout is left.
func TestParam(t *testing.T) {
	x := parse(t, crlf("Content-Type: text/calendar; method=REQUEST; x*=utf-8''%C3%BC\n\nBEGIN:VCALENDAR\n"))
	for name, want := range map[string]string{"method": "REQUEST", "x": "ü", "charset": ""} {
		if got := x.Root.Param(name); got != want {
			t.Errorf("Param(%s) = %q, want %q", name, got, want)
		}
	}
	root, err := ParseLayout(x.Layout())
	if err != nil || root.Param("method") != "" {
		t.Errorf("of the layout: %q, %v", root.Param("method"), err)
	}
}

// A parameter of many pieces, given in the worst order, and many parameters: the first 64 count, and time stays bounded.
func TestManyPieces(t *testing.T) {
	var b strings.Builder
	for i := MaxParams * 4; i >= 0; i-- {
		fmt.Fprintf(&b, "; x*%d=%d", i, i%10)
	}
	if list := parseParams(nil, b.String()); len(list) > 1 {
		t.Errorf("%d parameters of pieces without a first one", len(list))
	}
	b.Reset()
	for i := range MaxParams * 4 {
		fmt.Fprintf(&b, "; x*%d=%d", i, i%10)
	}
	if got := decodedParam(parseParams(nil, b.String()), "x"); len(got) != MaxParams {
		t.Errorf("%d pieces were joined, want %d", len(got), MaxParams)
	}
}
