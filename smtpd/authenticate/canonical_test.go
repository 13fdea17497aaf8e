package authenticate

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// The example of RFC 6376 §3.4.5.
func TestCanonicalFormsOfTheRFC(t *testing.T) {
	h := parseHeader([]byte("A: X\r\nB : Y\t\r\n\tZ  \r\n"))
	body := " C \r\nD \t E\r\n\r\n\r\n"
	for _, tt := range []struct {
		form         form
		header, body string
	}{
		{relaxed, "a:X\r\nb:Y Z\r\n", " C\r\nD E\r\n"},
		{simple, "A: X\r\nB : Y\t\r\n\tZ  \r\n", " C \r\nD \t E\r\n"},
	} {
		var got []byte
		for _, f := range h.fields {
			got = tt.form.appendField(got, f.raw)
		}
		if string(got) != tt.header {
			t.Errorf("form %d: header %q, want %q", tt.form, got, tt.header)
		}
		wantBody(t, tt.form, body, tt.body)
	}
}

func wantBody(t *testing.T, f form, body, want string) {
	t.Helper()
	sums, err := hashBody(strings.NewReader(body), map[form]bool{f: true})
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256([]byte(want)); !bytes.Equal(sums[f], sum[:]) {
		t.Errorf("form %d of %q is not %q", f, body, want)
	}
}

func TestCanonicalBodies(t *testing.T) {
	for _, tt := range []struct{ name, body, simple, relaxed string }{
		{"nothing", "", "\r\n", ""},
		{"empty lines only", "\r\n\r\n\r\n", "\r\n", ""},
		{"white space only", " \t\r\n \r\n", " \t\r\n \r\n", ""},
		{"no line end", "a", "a\r\n", "a\r\n"},
		{"white space at the end of the last line", "a \t", "a \t\r\n", "a\r\n"},
		{"an empty line within", "a\r\n\r\n b\r\n", "a\r\n\r\n b\r\n", "a\r\n\r\n b\r\n"},
		{"a bare CR is text", "a\rb\r", "a\rb\r\r\n", "a\rb\r\r\n"},
		{"two CR", "a\r\r\nb", "a\r\r\nb\r\n", "a\r\r\nb\r\n"},
		{"a bare LF is text", "a\nb", "a\nb\r\n", "a\nb\r\n"},
		{"white space before the line end", "a \r\nb\t\t c  d\r\n", "a \r\nb\t\t c  d\r\n", "a\r\nb c d\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wantBody(t, simple, tt.body, tt.simple)
			wantBody(t, relaxed, tt.body, tt.relaxed)
		})
	}
}

// However a body is cut into pieces, its hash is that of its canonical form, written here in the plainest way.
func TestCanonicalBodyInPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"\r\n", " ", "\t", "a", "\r", "\n", "bc", strings.Repeat("x", 9000)}), 0, 30).Draw(t, "body"), "")
		want := body
		for strings.HasSuffix(want, "\r\n") {
			want = want[:len(want)-2]
		}
		plain := sha256.Sum256([]byte(want + "\r\n"))
		h := newBodyHash(simple)
		for rest := body; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
			h.Write([]byte(rest[:n]))
			rest = rest[n:]
		}
		if got := h.Sum(); !bytes.Equal(got, plain[:]) {
			t.Fatalf("simple form of %q is not %q", body, want)
		}
		lines := strings.Split(body, "\r\n")
		for i, line := range lines {
			line = strings.TrimRight(strings.ReplaceAll(line, "\t", " "), " ")
			for strings.Contains(line, "  ") {
				line = strings.ReplaceAll(line, "  ", " ")
			}
			lines[i] = line
		}
		want = strings.TrimRight(strings.Join(lines, "\r\n"), "")
		for strings.HasSuffix(want, "\r\n") {
			want = want[:len(want)-2]
		}
		if want != "" {
			want += "\r\n"
		}
		plain = sha256.Sum256([]byte(want))
		sums, err := hashBody(iotest.OneByteReader(strings.NewReader(body)), map[form]bool{simple: true, relaxed: true})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(sums[relaxed], plain[:]) {
			t.Fatalf("relaxed form of %q is not %q", body, want)
		}
	})
}

// A body of empty lines costs neither memory nor quadratic time.
func TestCanonicalBodyOfEmptyLines(t *testing.T) {
	h := newBodyHash(simple)
	lines := bytes.Repeat(crlf, 16<<10)
	allocs := testing.AllocsPerRun(3, func() {
		for range 100 {
			h.Write(lines)
		}
	})
	if allocs > 0 || h.lines == 0 {
		t.Errorf("%v allocations, %d lines wait", allocs, h.lines)
	}
}

func TestWithoutSignature(t *testing.T) {
	for in, want := range map[string]string{
		"DKIM-Signature: v=1; b=abc; bh=def\r\n":        "DKIM-Signature: v=1; b=; bh=def\r\n",
		"DKIM-Signature: v=1; bh=def;\r\n\tb = a\r\n b": "DKIM-Signature: v=1; bh=def;\r\n\tb =",
		"DKIM-Signature: b=a; x=b=c":                    "DKIM-Signature: b=; x=b=c",
		"DKIM-Signature: b":                             "DKIM-Signature: b",
	} {
		if got := string(withoutSignature([]byte(in))); got != want {
			t.Errorf("withoutSignature(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestPickerTakesFieldsFromTheBottom(t *testing.T) {
	p := parseHeader([]byte("A: 1\r\nB: x\r\nA: 2\r\nno field\r\na: 3\r\n")).picker()
	var got []string
	for range 4 {
		f, ok := p.next("a")
		if ok {
			got = append(got, strings.TrimSpace(string(f.value())))
		}
	}
	if strings.Join(got, " ") != "3 2 1" {
		t.Errorf("picked %q, want 3 2 1", got)
	}
}
