package message

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Each limit at its value, one below and one above: up to it nothing is flawed, beyond it the message is still indexed to its end.
func TestEachLimit(t *testing.T) {
	field := func(size int) string { return "Subject: " + strings.Repeat("x", size) + "\r\n\r\n" }
	tests := []struct {
		name   string
		limit  int
		mail   func(n int) string
		beyond bool // one more than the limit is Flawed
	}{
		{"MaxDepth, multiparts", MaxDepth - 1, nested, true},
		{"MaxDepth, messages", MaxDepth - 1, func(n int) string {
			return strings.Repeat("Content-Type: message/rfc822\r\n\r\n", n) + "Subject: in\r\n\r\nx\r\n"
		}, true},
		{"MaxParts", MaxParts - 2, func(n int) string {
			return "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", n) + "--b--\r\n"
		}, true},
		{"MaxHeader", MaxHeader, func(n int) string {
			line := "X-A: " + strings.Repeat("x", 1<<10) + "\r\n"
			h := strings.Repeat(line, n/len(line))
			return h + "X-B: " + strings.Repeat("y", n-len(h)-len("X-B: ")-4) + "\r\n\r\n"
		}, true},
		{"MaxFields", MaxFields, func(n int) string { return strings.Repeat("A: b\r\n", n) + "\r\n" }, true},
		{"MaxField", MaxField - 1, field, true},
	}
	for _, tt := range tests {
		for _, n := range []int{tt.limit - 1, tt.limit, tt.limit + 1, 2 * tt.limit} {
			mail := tt.mail(n)
			x := verify(t, []byte(mail))
			if flawed := n > tt.limit && tt.beyond; x.Flawed != flawed {
				t.Errorf("%s: Flawed is %v for %d, the limit is %d", tt.name, x.Flawed, n, tt.limit)
			}
			if x.Root.End != int64(len(mail)) {
				t.Errorf("%s of %d: the message ends at %d, not at %d", tt.name, n, x.Root.End, len(mail))
			}
		}
	}
}

// What counts lists is cut at the limit; no flaw, since the bytes are all there and no part is hidden.
func TestListLimits(t *testing.T) {
	join := func(n int, format, sep string) string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf(format, i)
		}
		return strings.Join(list, sep)
	}
	tests := []struct {
		name  string
		limit int
		count func(n int) int
	}{
		{"MaxAddresses", MaxAddresses, func(n int) int { return len(parse(t, "To: "+join(n, "a%d@b", ", ")+"\r\n\r\n").Headers.To) }},
		{"MaxParams", MaxParams, func(n int) int {
			return len(parse(t, "Content-Type: a/b; "+join(n, "p%d=x", "; ")+"\r\n\r\n").Root.fields().params)
		}},
		{"MaxReferences", MaxReferences, func(n int) int {
			return len(parse(t, "References: "+join(n, "<%d@x>", " ")+"\r\n\r\n").Headers.References)
		}},
		{"MaxLanguages", MaxLanguages, func(n int) int {
			return len(parse(t, "Content-Language: "+join(n, "x-%d", ", ")+"\r\n\r\n").Root.fields().language)
		}},
		{"maxSubject", maxSubject, func(n int) int { return len(parse(t, "Subject: "+strings.Repeat("x", n)+"\r\n\r\n").Headers.Subject) }},
		{"maxName of a person", maxName, func(n int) int { return len(ParseAddresses(strings.Repeat("x", n) + " <a@b>")[0].Name) }},
		{"maxName of a file", maxName, func(n int) int {
			return len(parse(t, "Content-Disposition: attachment; filename="+strings.Repeat("x", n)+"\r\n\r\n").Root.Filename)
		}},
		{"maxName of a list", maxName, func(n int) int { return len(parse(t, "List-Id: <"+strings.Repeat("x", n)+">\r\n\r\n").Headers.ListID) }},
		{"maxPreview", maxPreview, func(n int) int {
			mail := "A: b\r\n\r\n" + strings.Repeat("ü", n)
			return len([]rune(Preview(strings.NewReader(mail), parse(t, mail))))
		}},
	}
	for _, tt := range tests {
		for _, n := range []int{1, tt.limit - 1, tt.limit, tt.limit + 1, 2 * tt.limit} {
			if got := tt.count(n); got != min(n, tt.limit) {
				t.Errorf("%s: %d of %d are kept, want %d", tt.name, got, n, min(n, tt.limit))
			}
		}
	}
}

// A boundary beyond what programs write is none: the multipart is read as text.
func TestBoundaryLimit(t *testing.T) {
	for n, want := range map[int]string{1: "multipart", 70: "multipart", maxBoundary: "multipart", maxBoundary + 1: "text", 5000: "text"} {
		b := strings.Repeat("b", n)
		x := verify(t, []byte("Content-Type: multipart/mixed; boundary="+b+"\r\n\r\n--"+b+"\r\n\r\nx\r\n--"+b+"--\r\n"))
		if x.Root.Type != want {
			t.Errorf("a boundary of %d bytes: %s, want %s", n, x.Root.Type, want)
		}
	}
}

// Boundaries that are told apart only by what a lenient reader ignores.
func TestBoundariesThatLookAlike(t *testing.T) {
	tests := []struct {
		name, boundary string
		lines          []string // delimiters that count
		not            []string // lines that look like one
	}{
		{"white space behind", "b", []string{"--b", "--b ", "--b\t", "--b \t "}, []string{"--b x", " --b", "-- b", "--bb", "--B", "-b", "--", "---b", "\t--b"}},
		{"hyphens in it", "--b--", []string{"----b--"}, []string{"--b--", "----b", "----b---"}},
		{"spaces in it", "a b", []string{"--a b"}, []string{"--a  b", "--a", "--a b c"}},
		{"what regular expressions know", ".*", []string{"--.*"}, []string{"--xx", "--.", "--..*"}},
	}
	for _, tt := range tests {
		head := "Content-Type: multipart/mixed; boundary=\"" + tt.boundary + "\"\r\n\r\n--" + tt.boundary + "\r\n\r\none\r\n"
		tail := "\r\n\r\ntwo\r\n--" + tt.boundary + "--\r\n"
		for _, line := range tt.lines {
			if x := verify(t, []byte(head+line+tail)); len(x.Root.Children) != 2 {
				t.Errorf("%s: %q delimits nothing: %d parts", tt.name, line, len(x.Root.Children))
			}
		}
		for _, line := range tt.not {
			if x := verify(t, []byte(head+line+tail)); len(x.Root.Children) != 1 {
				t.Errorf("%s: %q delimits: %d parts", tt.name, line, len(x.Root.Children))
			}
		}
	}
}

// Header values are kept of all parts together up to a limit; beyond it parts have their places, but no names.
func TestKeptValuesAreBounded(t *testing.T) {
	part := "--b\r\nContent-Type: text/plain; name=" + strings.Repeat("n", 60<<10) + "\r\n\r\nx\r\n"
	mail := func(n int) string {
		return "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat(part, n) + "--b--\r\n"
	}
	if x := verify(t, []byte(mail(maxKept/(61<<10)))); x.Flawed {
		t.Error("within the limit it is Flawed")
	}
	many := maxKept/(60<<10) + 20
	x := verify(t, []byte(mail(many)))
	if !x.Flawed || len(x.Root.Children) != many {
		t.Errorf("beyond it: Flawed %v, %d parts of %d", x.Flawed, len(x.Root.Children), many)
	}
	if last := x.Root.Children[many-1]; last.Filename != "" || last.End-last.Body != 1 {
		t.Errorf("the last part is called %.20q and has %d bytes", last.Filename, last.End-last.Body)
	}
}

// The text for search stops at its limit, at a character's border, wherever that lies.
func TestTextLimit(t *testing.T) {
	mail := "Subject: Grüße\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nKöln\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>Möhren</p>\r\n--b--\r\n"
	whole, cut := textOf(t, mail, 1<<20)
	if cut {
		t.Fatal("a short text is cut")
	}
	for n := range len(whole) + 3 {
		got, cut := textOf(t, mail, int64(n))
		if !strings.HasPrefix(whole, got) || len(got) > n || n-len(got) > 1 && len(got) < len(whole) || cut != (n < len(whole)) {
			t.Errorf("the first %d of %d bytes: %q, cut %v", n, len(whole), got, cut)
		}
	}
}

// Fields gives the whole header back: nothing is lost or said twice, whatever is in it.
func FuzzFields(f *testing.F) {
	for _, seed := range []string{"A: b\r\n c\r\n\r\nbody", "no field\r\n: x\r\n", "A:b\n\tc\n", "\x00:\xff\r\n", " leading\r\nA: b", ""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, header []byte) {
		var all []byte
		for name, raw := range Fields(header) {
			if len(raw) == 0 || name != "" && !strings.HasPrefix(string(raw), name) {
				t.Fatalf("the field %q is %q", name, raw)
			}
			all = append(all, raw...)
		}
		if !strings.HasPrefix(string(header), string(all)) {
			t.Fatalf("the fields of %q are %q", header, all)
		}
		if rest := header[len(all):]; len(rest) > 0 && blankLine(rest) == 0 {
			t.Fatalf("%q is left of %q", rest, header)
		}
	})
}

// Unfolding drops line ends, and nothing else of what a value says. RFC 5322 §2.2.3.
func TestUnfolding(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", " a b\r\n", "a b"},
		{"folded", " a\r\n b\r\n", "a b"},
		{"folded with a tab", " a\r\n\tb\r\n", "a\tb"},
		{"folded with more space", " a\r\n   b\r\n", "a   b"},
		{"bare LF", " a\n b\n", "a b"},
		{"bare CR", " a\rb\r\n", "ab"},
		{"NUL", " a\x00b\r\n", "ab"},
		{"only white space", " \r\n \t\r\n", ""},
		{"nothing", "", ""},
	}
	for _, tt := range tests {
		if got := string(appendUnfolded([]byte("x"), []byte(tt.in))); got != "x"+tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got[1:], tt.want)
		}
	}
}

// Fields that may come once count once, the first; lists may come several times and are joined.
func TestRepeatedFields(t *testing.T) {
	x := parse(t, crlf("Subject: a\nSubject: b\nFrom: a@x\nFrom: b@x\nTo: c@x\nTo: d@x\nDate: 1 Jan 2026 00:00 +0000\nDate: 2 Jan 2026 00:00 +0000\n\n"))
	h := x.Headers
	to := []string{h.To[0].Local, h.To[len(h.To)-1].Local}
	if h.Subject != "a" || len(h.From) != 2 || !slices.Equal(to, []string{"c", "d"}) || h.Date.Day() != 1 {
		t.Errorf("subject %q, from %v, to %v, date %v", h.Subject, h.From, h.To, h.Date)
	}
}
