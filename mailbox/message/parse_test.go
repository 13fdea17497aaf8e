package message

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func parse(t testing.TB, mail string) *Index {
	t.Helper()
	x, err := Parse(strings.NewReader(mail), int64(len(mail)))
	if err != nil {
		t.Fatalf("Parse(%.60q) = %v", mail, err)
	}
	return x
}

// crlf lets a test be written with plain line ends.
func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

// verify checks everything that must hold for any bytes.
func verify(t testing.TB, mail []byte) *Index {
	t.Helper()
	r := bytes.NewReader(mail)
	x, err := Parse(r, int64(len(mail)))
	if err != nil {
		t.Fatalf("Parse = %v", err)
	}
	for _, utf8OK := range []bool{false, true} {
		if err := checkEnvelope(x.Envelope(utf8OK), utf8OK); err != nil {
			t.Fatalf("Envelope(%v): %v", utf8OK, err)
		}
		structure := x.BodyStructure(utf8OK)
		if err := checkStructure(structure, utf8OK, true); err != nil {
			t.Fatalf("BodyStructure(%v): %v", utf8OK, err)
		}
		if err := checkStructure(BasicStructure(structure), utf8OK, false); err != nil {
			t.Fatalf("BasicStructure(%v): %v\nof %s", utf8OK, err, structure)
		}
	}
	verifyPart(t, x.Root, 0, int64(len(mail)))
	layout, err := ParseLayout(x.Layout())
	if err != nil {
		t.Fatalf("ParseLayout = %v", err)
	}
	if again := layout.appendLayout(nil, 0); !bytes.Equal(again, x.Layout()) {
		t.Fatalf("the layout changes when it is read and written again")
	}
	var text bytes.Buffer
	if _, err := WriteText(&text, r, x, 1<<20); err != nil {
		t.Fatalf("WriteText = %v", err)
	}
	if b := text.Bytes(); !bytes.Equal(b, bytes.ToValidUTF8(b, nil)) || bytes.IndexByte(b, 0) >= 0 {
		t.Fatalf("WriteText wrote invalid UTF-8 or NUL")
	}
	if p := Preview(r, x); len([]rune(p)) > maxPreview || strings.ContainsAny(p, "\r\n") {
		t.Fatalf("Preview = %q", p)
	}
	return x
}

// verifyPart checks that offsets lie in order within the parent.
func verifyPart(t testing.TB, p *Part, from, to int64) {
	t.Helper()
	if p.Header < from || p.Body < p.Header || p.End < p.Body || p.End > to || p.Lines < 0 {
		t.Fatalf("part %s/%s at %d %d %d, %d lines, lies not within %d to %d", p.Type, p.Subtype, p.Header, p.Body, p.End, p.Lines, from, to)
	}
	from = p.Body
	for _, c := range p.Children {
		verifyPart(t, c, from, p.End)
		from = c.End
	}
}

func TestCorpus(t *testing.T) {
	dir := os.Getenv("SCHULHOF_CORPUS")
	if dir == "" {
		t.Skip("SCHULHOF_CORPUS is not set: the corpus of other projects' messages is left out")
	}
	files, err := filepath.Glob(filepath.Join(dir, "mail", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus in %s: %v", dir, err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			mail, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			verify(t, mail)
			verify(t, bytes.ReplaceAll(mail, []byte("\r\n"), []byte("\n")))
		})
	}
}

func TestBodyStructure(t *testing.T) {
	tests := []struct{ name, mail, want string }{
		{"no header at all", "", `("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)`},
		{"no Content-Type is text/plain", "Subject: x\n\nhello\n", `("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 7 1 NIL NIL NIL NIL)`},
		{"a broken Content-Type is text/plain", "Content-Type: rubbish; charset=utf-8\n\nhello\n", `("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 7 1 NIL NIL NIL NIL)`},
		{"an unknown encoding is told", "Content-Type: image/png\nContent-Transfer-Encoding: X-UUE (old)\n\nhello\n", `("image" "png" NIL NIL NIL "x-uue" 7 NIL NIL NIL NIL)`},
		{"every field of a part",
			"Content-Type: image/png; name=a.png\nContent-ID: <1@x>\nContent-Description: A \"B\"\nContent-MD5: Q2hlY2s=\n" +
				"Content-Disposition: inline; filename=\"b \\\"c\\\".png\"\nContent-Language: de, en\nContent-Location: http://x/\n\n",
			`("image" "png" ("name" "a.png") "<1@x>" "A \"B\"" "7bit" 0 "Q2hlY2s=" ("inline" ("filename" "b \"c\".png")) ("de" "en") "http://x/")`},
		{"a multipart", "Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n\none\n--b\nContent-Type: text/html\nContent-Language: de\n\n<p>\n\n--b--\nepilogue\n",
			`(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 0 NIL NIL NIL NIL)("text" "html" ("charset" "us-ascii") NIL NIL "7bit" 5 1 NIL NIL "de" NIL) "mixed" ("boundary" "b") NIL NIL NIL)`},
		{"a multipart without parts gets an empty one", "Content-Type: multipart/mixed; boundary=b\n\nnothing\n",
			`(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL)`},
		{"a multipart without boundary is text", "Content-Type: multipart/mixed\n\n--b\n", `("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 5 1 NIL NIL NIL NIL)`},
		{"parts of a digest are messages", "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: in\n\nx\n--b--\n",
			`(("message" "rfc822" NIL NIL NIL "7bit" 16 (NIL "in" NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 0 NIL NIL NIL NIL) 2 NIL NIL NIL NIL) "digest" ("boundary" "b") NIL NIL NIL)`},
		{"continued parameters are joined", "Content-Type: text/plain; name*0=\"long \"; name*1=name\n\n",
			`("text" "plain" ("name" "long name") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)`},
		{"extended parameters stay encoded", "Content-Type: text/plain; name*0*=iso-8859-1''%FC; name*1=\" b\"; charset=utf-8\n\n",
			`("text" "plain" ("name*" "iso-8859-1''%FC%20b" "charset" "utf-8") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)`},
		{"raw 8-bit in a parameter", "Content-Type: text/plain; name=\"\xfc.txt\"\n\n", `("text" "plain" ("name*" "utf-8''%C3%BC.txt") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)`},
		{"a name with spaces and no quotes", "Content-Type: text/plain; name=a b.txt (comment); charset=utf-8\n\n", `("text" "plain" ("name" "a b.txt" "charset" "utf-8") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)`},
		{"message/global is basic for rev1", "Content-Type: message/global\n\nSubject: x\n\n", `("message" "global" NIL NIL NIL "7bit" 14 NIL NIL NIL NIL)`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := verify(t, []byte(crlf(tt.mail)))
			if got := string(x.BodyStructure(false)); got != tt.want {
				t.Errorf("BodyStructure = %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestUTF8Forms(t *testing.T) {
	mail := crlf("Subject: Grüße\nFrom: Jürgen <jürgen@schüle.test>\nContent-Type: message/global; name=ü\n\nSubject: innen\n\n")
	x := verify(t, []byte(mail))
	want := `(NIL "Grüße" (("Jürgen" NIL "jürgen" "schüle.test")) (("Jürgen" NIL "jürgen" "schüle.test")) (("Jürgen" NIL "jürgen" "schüle.test")) NIL NIL NIL NIL NIL)`
	if got := string(x.Envelope(true)); got != want {
		t.Errorf("Envelope(true) = %s\nwant %s", got, want)
	}
	address := `(("=?utf-8?q?J=C3=BCrgen?=" NIL "=?utf-8?q?j=C3=BCrgen?=" "xn--schle-mva.test"))`
	want = `(NIL "=?utf-8?q?Gr=C3=BC=C3=9Fe?=" ` + address + " " + address + " " + address + ` NIL NIL NIL NIL NIL)`
	if got := string(x.Envelope(false)); got != want {
		t.Errorf("Envelope(false) = %s\nwant %s", got, want)
	}
	want = `("message" "global" ("name" "ü") NIL NIL "7bit" 18 (NIL "innen" NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL) 2 NIL NIL NIL NIL)`
	if got := string(x.BodyStructure(true)); got != want {
		t.Errorf("BodyStructure(true) = %s\nwant %s", got, want)
	}
}

func TestParseOffsets(t *testing.T) {
	mail := crlf("Content-Type: multipart/mixed; boundary=\"out\"\n\n--out\nContent-Type: multipart/alternative; boundary=outer\n\n" +
		"--outer  \n\nplain\n--outer\nContent-Type: text/html\n\n<b>\n--outer--\n--out\nContent-Type: message/rfc822\n\nSubject: in\n\n" +
		"first\nsecond\n--outside is no boundary\n--out--\n")
	x := verify(t, []byte(mail))
	tests := []struct {
		path []int
		body string
		typ  string
	}{
		{[]int{1, 1}, "plain", "text/plain"},
		{[]int{1, 2}, "<b>", "text/html"},
		{[]int{2}, "Subject: in\r\n\r\nfirst\r\nsecond\r\n--outside is no boundary", "message/rfc822"},
		{[]int{2, 1}, "first\r\nsecond\r\n--outside is no boundary", "text/plain"},
	}
	for _, tt := range tests {
		p := x.Find(tt.path)
		if p == nil {
			t.Errorf("Find(%v) = nil", tt.path)
			continue
		}
		if got := mail[p.Body:p.End]; got != tt.body || p.Type+"/"+p.Subtype != tt.typ {
			t.Errorf("Find(%v) = %s/%s %q, want %s %q", tt.path, p.Type, p.Subtype, got, tt.typ, tt.body)
		}
	}
	for _, path := range [][]int{{0}, {3}, {1, 3}, {1, 1, 1}, {2, 2}, {2, 1, 1}} {
		if p := x.Find(path); p != nil {
			t.Errorf("Find(%v) = %s/%s, want nil", path, p.Type, p.Subtype)
		}
	}
	if p := x.Find(nil); p != x.Root {
		t.Errorf("Find(nil) is not the message")
	}
	single := parse(t, "Subject: x\n\nbody")
	if p := single.Find([]int{1}); p != single.Root {
		t.Errorf("part 1 of a single-part message is not its body")
	}
}

func TestLinesAndBareLF(t *testing.T) {
	for _, mail := range []string{
		"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\ntwo\n\n--b\n\n\n--b--\n",
		crlf("Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\ntwo\n\n--b\n\n\n--b--\n"),
	} {
		x := verify(t, []byte(mail))
		if got := x.Find([]int{1}).Lines; got != 2 {
			t.Errorf("lines of %q = %d, want 2", mail, got)
		}
		if p := x.Find([]int{2}); p.Lines != 0 || p.Body != p.End {
			t.Errorf("part 2 of %q has %d lines, %d bytes, want none", mail, p.Lines, p.End-p.Body)
		}
	}
}

// Boundaries, line ends and blank lines must be found wherever the window's edge falls.
func TestWindowEdges(t *testing.T) {
	for pad := windowSize - 300; pad < windowSize+40; pad++ {
		mail := "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + strings.Repeat("x", pad) + "\r\n--b\r\nSubject: y\r\n\r\nlast\r\n--b--\r\n"
		x := parse(t, mail)
		if len(x.Root.Children) != 2 {
			t.Fatalf("pad %d: %d parts", pad, len(x.Root.Children))
		}
		first, last := x.Root.Children[0], x.Root.Children[1]
		if first.End-first.Body != int64(pad) || first.Lines != 0 || mail[last.Body:last.End] != "last" {
			t.Fatalf("pad %d: parts of %d and %q", pad, first.End-first.Body, mail[last.Body:last.End])
		}
	}
}

// nested is a multipart in a multipart, depth times.
func nested(depth int) string {
	var b strings.Builder
	for i := range depth {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	return b.String() + "\r\ninnermost\r\n"
}

func nastyMessages() map[string]string {
	return map[string]string{
		"5,000 multiparts in each other":     nested(5000),
		"5,000 messages in each other":       strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 5000),
		"the same boundary in each other":    strings.Repeat("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", 5000),
		"a digest that holds itself":         strings.Repeat("Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n", 3000),
		"100,000 header fields":              strings.Repeat("X-Flood: 1\r\n", 100_000) + "\r\nbody\r\n",
		"100,000 To fields":                  strings.Repeat("To: a@b\r\n", 100_000) + "\r\nbody\r\n",
		"a header line of 1 MB":              "Subject: " + strings.Repeat("x", 1<<20) + "\r\nFrom: a@b\r\n\r\nbody\r\n",
		"a header of 1 MB in folded lines":   "To: " + strings.Repeat("a@b,\r\n ", 150_000) + "c@d\r\n\r\nbody\r\n",
		"100,000 groups":                     "To: " + strings.Repeat("g:", 100_000) + "\r\n\r\n",
		"open comments":                      "To: " + strings.Repeat("(", 100_000) + "\r\nFrom: " + strings.Repeat("\\(", 30_000) + "\r\n\r\n",
		"open quotes":                        "To: " + strings.Repeat("\"", 60_001) + "\r\nFrom: " + strings.Repeat("<\"", 30_000) + "\r\n\r\n",
		"a . b . c":                          "To: " + strings.Repeat("a . ", 16_000) + "\r\n\r\n",
		"10,000 encoded words":               "Subject: " + strings.Repeat("=?utf-8?q?=C3?= ", 10_000) + "\r\n\r\n",
		"almost encoded words":               "Subject: " + strings.Repeat("=?utf-8?q?", 6_000) + "\r\nTo: " + strings.Repeat("=?a?q??", 9000) + "\r\n\r\n",
		"many parameters":                    "Content-Type: text/plain" + strings.Repeat("; a*0*=b", 8_000) + "\r\n\r\n",
		"NULs everywhere":                    "Sub\x00ject: a\x00b\r\nFrom: \x00a\x00@b\r\nSubject: \x00c\r\nContent-Type: text/\x00plain; name=\"\x00\"\r\n\r\n\x00\x00\r\n",
		"10,000 parts":                       "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", 10_000) + "--b--\r\n",
		"a message of one endless line":      strings.Repeat("x", 3<<20),
		"nothing but line ends":              strings.Repeat("\r\n", 1<<19),
		"nothing but hyphens":                "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--\r\n", 1<<18),
		"a delimiter with a MB of padding":   "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b" + strings.Repeat(" ", 1<<20) + "\r\n\r\nx\r\n--b--",
		"invalid UTF-8":                      "Subject: \xff\xfe\xc3\r\nTo: \xc3\x28 <\xa0@\xa1>\r\nContent-Disposition: \xff; filename=\xff\r\n\r\n\xff\r\n",
		"ends within a header":               "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/mixed; boundary=c",
		"a boundary within a header":         "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n--b\r\nContent-Type: multipart/mixed; boundary=c\r\n--b--\r\n",
		"a boundary that is too long":        "Content-Type: multipart/mixed; boundary=" + strings.Repeat("b", 5000) + "\r\n\r\n--" + strings.Repeat("b", 5000) + "\r\n",
		"only CR":                            strings.Repeat("Subject: x\r", 1000),
		"a multipart in base64":              "Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: base64\r\n\r\nLS1iDQo=\r\n",
		"HTML of one open tag":               "Content-Type: text/html\r\n\r\n<a " + strings.Repeat("b ", 1<<20),
		"HTML with deep elements":            "Content-Type: text/html\r\n\r\n" + strings.Repeat("<div><b>", 1<<17) + "deep",
		"quoted-printable without line ends": "Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + strings.Repeat("=C3=BC", 50_000),
	}
}

func TestNastyMessages(t *testing.T) {
	for name, mail := range nastyMessages() {
		t.Run(name, func(t *testing.T) {
			x := verify(t, []byte(mail))
			parts := 0
			x.Root.walk(func(*Part) { parts++ })
			if parts > MaxParts+MaxDepth {
				t.Errorf("%d parts", parts)
			}
		})
	}
}

func TestLimitsAreFlawed(t *testing.T) {
	nasty := nastyMessages()
	for _, name := range []string{"5,000 multiparts in each other", "5,000 messages in each other", "100,000 header fields", "a header line of 1 MB", "10,000 parts"} {
		if x := parse(t, nasty[name]); !x.Flawed {
			t.Errorf("%s: Flawed is not set", name)
		}
	}
	if x := parse(t, string(attachedMail(65<<10))); x.Flawed {
		t.Error("an ordinary message is Flawed")
	}
	x := parse(t, nested(MaxDepth-1))
	if x.Flawed || x.Find([]int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}) == nil {
		t.Error("a depth within the limit is Flawed or not found")
	}
	last := parse(t, nasty["10,000 parts"]).Root.Children
	if p := last[len(last)-1]; p.Type != "application" || p.End != int64(len(nasty["10,000 parts"])) {
		t.Errorf("the last part is %s, ends at %d; want an opaque one that holds the rest", p.Type, p.End)
	}
}

// countingReader counts what is read of it.
type countingReader struct {
	r     io.ReaderAt
	bytes int64
	calls int
}

func (c *countingReader) ReadAt(b []byte, off int64) (int, error) {
	n, err := c.r.ReadAt(b, off)
	c.bytes += int64(n)
	c.calls++
	return n, err
}

// One pass: every byte is read once, in few calls, and memory does not grow with the message.
func TestParseReadsOnceAndAllocatesLittle(t *testing.T) {
	for name, mail := range nastyMessages() {
		c := &countingReader{r: strings.NewReader(mail)}
		if _, err := Parse(c, int64(len(mail))); err != nil {
			t.Fatal(err)
		}
		if c.bytes != int64(len(mail)) || c.calls > len(mail)/(windowSize/2)+2 {
			t.Errorf("%s: %d bytes read in %d calls of %d", name, c.bytes, c.calls, len(mail))
		}
	}
	small, large := attachedMail(65<<10), attachedMail(4<<20)
	allocs := func(mail []byte) float64 {
		r := bytes.NewReader(mail)
		least := math.Inf(1)
		for range 20 { // the least of many: under the race detector a sync.Pool forgets at random
			least = min(least, testing.AllocsPerRun(1, func() {
				if _, err := Parse(r, int64(len(mail))); err != nil {
					t.Fatal(err)
				}
			}))
		}
		return least
	}
	if a, b := allocs(small), allocs(large); a > 45 || b > a+3 {
		t.Errorf("Parse allocates %v times for %d bytes and %v for %d", a, len(small), b, len(large))
	}
}

type brokenReader struct{ after int64 }

func (b brokenReader) ReadAt(p []byte, off int64) (int, error) {
	if off >= b.after {
		return 0, errBroken
	}
	n := min(len(p), int(b.after-off))
	clear(p[:n])
	return n, nil
}

var errBroken = errors.New("disk on fire")

func TestParseReportsReadErrors(t *testing.T) {
	if _, err := Parse(brokenReader{after: 100_000}, 200_000); !errors.Is(err, errBroken) {
		t.Errorf("Parse = %v, want the reader's error", err)
	}
	if _, err := Parse(strings.NewReader("short"), 100); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Parse of a message that is shorter than it says = %v", err)
	}
}

func TestFields(t *testing.T) {
	header := "From x Mon 1\r\nSubject: a\r\n b\r\n\tc\r\nno field\r\nTo : d\r\n: e\r\nX:\r\n\r\nbody: no\r\n"
	var got []string
	for name, raw := range Fields([]byte(header)) {
		got = append(got, name+"|"+string(raw))
	}
	want := []string{"|From x Mon 1\r\n", "Subject|Subject: a\r\n b\r\n\tc\r\n", "|no field\r\n", "To|To : d\r\n", "|: e\r\n", "X|X:\r\n"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("Fields: %s", d)
	}
	for range Fields([]byte(header)) {
		break // stopping early is allowed
	}
}
