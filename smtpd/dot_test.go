package smtpd

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// collect is a sink that keeps everything.
type collect struct{ bytes.Buffer }

func (c *collect) write(b []byte) error {
	c.Write(b)
	return nil
}

// readerConn is a connection whose peer has sent what r gives and hears nothing.
type readerConn struct {
	net.Conn
	r io.Reader
}

func (c readerConn) Read(b []byte) (int, error)     { return c.r.Read(b) }
func (readerConn) Write(b []byte) (int, error)      { return len(b), nil }
func (readerConn) SetReadDeadline(time.Time) error  { return nil }
func (readerConn) SetWriteDeadline(time.Time) error { return nil }
func (readerConn) Close() error                     { return nil }
func wireOf(r io.Reader) *wire                      { return newWire(readerConn{r: r}) }
func readAll(w *wire, strict bool) (string, error) {
	var c collect
	if strict {
		err := w.readData(newPace(), true, &c)
		return c.String(), err
	}
	n := &normaliser{to: &c}
	err := w.readData(newPace(), false, n)
	if err == nil {
		err = n.end()
	}
	return c.String(), err
}

func TestReadDataEndsOnlyAtCRLFDotCRLF(t *testing.T) {
	const tail = "MAIL FROM:<smuggled@evil.test>\r\n"
	tests := []struct {
		name, in string
		strict   string // what the message is; "!": refused
		lenient  string // what it is where bare line ends are normalised; "!": not ended
	}{
		{"CRLF.CRLF", "a\r\n.\r\n" + tail, "a\r\n", "a\r\n"},
		{"empty message", ".\r\n" + tail, "", ""},
		{"LF.LF", "a\n.\n" + tail, "!", "!"},
		{"LF.CRLF", "a\n.\r\n" + tail, "!", "!"},
		{"CRLF.LF", "a\r\n.\n" + tail, "!", "!"},
		{"CR.CR", "a\r.\r" + tail, "!", "!"},
		{"CR.CRLF", "a\r.\r\n" + tail, "!", "!"},
		{"CRLF.CR", "a\r\n.\r" + tail, "!", "!"},
		{"LF.CR", "a\n.\r" + tail, "!", "!"},
		{"CR.LF", "a\r.\n" + tail, "!", "!"},
		{"CR CRLF.CRLF", "a\r\r\n.\r\n", "!", "a\r\n\r\n"},
		{"NUL before the end", "a\x00\r\n.\r\n", "!", "a\x00\r\n"},
		{"a stuffed dot", "..\r\n.\r\n", ".\r\n", ".\r\n"},
		{"a stuffed line", "..a\r\nb\r\n.c\r\n.\r\n", ".a\r\nb\r\nc\r\n", ".a\r\nb\r\nc\r\n"},
		{"dots inside", "a.b\r\nc..\r\n.\r\n", "a.b\r\nc..\r\n", "a.b\r\nc..\r\n"},
		{"dot, CR and text", ".\rX\r\n.\r\n", "!", "\r\nX\r\n"},
		{"a bare LF in the middle", "a\nb\r\n.\r\n", "!", "a\r\nb\r\n"},
		{"a dot stuffed after a bare LF", "a\n..b\r\n.\r\n", "!", "a\r\n.b\r\n"},
		{"a dot of the message after a bare LF", "a\n.b\r\n.\r\n", "!", "a\r\n.b\r\n"},
	}
	for _, tt := range tests {
		for how, reader := range map[string]io.Reader{
			"at once": strings.NewReader(tt.in), "byte by byte": iotest.OneByteReader(strings.NewReader(tt.in)),
		} {
			w := wireOf(reader)
			got, err := readAll(w, true)
			switch {
			case tt.strict == "!" && !errors.Is(err, errBareLineEnd):
				t.Errorf("%s, %s: strict = %q, %v, want it refused", tt.name, how, got, err)
			case tt.strict != "!" && (err != nil || got != tt.strict):
				t.Errorf("%s, %s: strict = %q, %v, want %q", tt.name, how, got, err, tt.strict)
			}
		}
		got, err := readAll(wireOf(iotest.OneByteReader(strings.NewReader(tt.in))), false)
		switch {
		case tt.lenient == "!" && err == nil:
			t.Errorf("%s: lenient ended with %q", tt.name, got)
		case tt.lenient != "!" && (err != nil || got != tt.lenient):
			t.Errorf("%s: lenient = %q, %v, want %q", tt.name, got, err, tt.lenient)
		}
	}
}

func TestReadDataLeavesWhatFollows(t *testing.T) {
	w := wireOf(strings.NewReader("a\r\n.\r\nNOOP\r\n"))
	if _, err := readAll(w, true); err != nil {
		t.Fatal(err)
	}
	if line, err := w.readLine(time.Minute, time.Time{}); line != "NOOP" || err != nil {
		t.Errorf("after the message: %q, %v, want NOOP", line, err)
	}
}

func TestReadDataCutOff(t *testing.T) {
	for _, in := range []string{"", "a", "a\r\n", "a\r\n.", "a\r\n.\r"} {
		if got, err := readAll(wireOf(strings.NewReader(in)), true); !errors.Is(err, io.EOF) {
			t.Errorf("%q: %q, %v, want EOF", in, got, err)
		}
	}
}

func TestReadDataLongLines(t *testing.T) {
	long := strings.Repeat("x", 5*readBuffer) + "\r\n" + strings.Repeat(".", 3*readBuffer) + "\r\n"
	in := strings.ReplaceAll("\r\n"+long, "\r\n.", "\r\n..")[2:] + ".\r\n"
	for _, strict := range []bool{true, false} {
		if got, err := readAll(wireOf(strings.NewReader(in)), strict); err != nil || got != long {
			t.Errorf("strict %v: %d bytes, %v, want %d", strict, len(got), err, len(long))
		}
	}
}

func TestReadChunkStopsAtItsSize(t *testing.T) {
	var c collect
	w := wireOf(iotest.HalfReader(strings.NewReader("12345NOOP\r\n")))
	if err := w.readChunk(newPace(), 5, &c); err != nil || c.String() != "12345" {
		t.Fatalf("chunk = %q, %v", c.String(), err)
	}
	if line, _ := w.readLine(time.Minute, time.Time{}); line != "NOOP" {
		t.Errorf("after the chunk: %q", line)
	}
	if err := wireOf(strings.NewReader("123")).readChunk(newPace(), 5, &c); !errors.Is(err, io.EOF) {
		t.Errorf("a chunk cut off: %v, want EOF: it must not count as complete", err)
	}
}

func TestNormaliserIsTheSameHoweverItComes(t *testing.T) {
	const in, want = "a\r\nb\nc\rd\r\r\ne\n\r\nf\r", "a\r\nb\r\nc\r\nd\r\n\r\ne\r\n\r\nf\r\n"
	for size := 1; size <= len(in); size++ {
		var c collect
		n := &normaliser{to: &c}
		for rest := in; rest != ""; {
			k := min(size, len(rest))
			n.write([]byte(rest[:k]))
			rest = rest[k:]
		}
		n.end()
		if c.String() != want {
			t.Errorf("in steps of %d: %q, want %q", size, c.String(), want)
		}
	}
}

// FuzzReadData compares the reader, in steps of every size, with a slow one that follows RFC 5321 to the letter.
func FuzzReadData(f *testing.F) {
	for _, s := range []string{".\r\n", "a\r\n.\r\n", "a\n.\n\r\n.\r\n", "..\r\n.\r\nX", "a\r\n.\rb\r\n.\r\n", "\x00\r\n.\r\n"} {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, in string, step int) {
		if step < 1 || step > 64 {
			step = 1
		}
		want, ok := slowRead(in)
		got, err := readAll(wireOf(&stepReader{s: in, n: step}), true)
		if ok != (err == nil) || ok && got != want {
			t.Fatalf("%q in steps of %d: %q, %v, want %q, %v", in, step, got, err, want, ok)
		}
		readAll(wireOf(&stepReader{s: in, n: step}), false)
	})
}

type stepReader struct {
	s string
	n int
}

func (r *stepReader) Read(b []byte) (int, error) {
	if r.s == "" {
		return 0, io.EOF
	}
	n := copy(b, r.s[:min(r.n, len(r.s))])
	r.s = r.s[n:]
	return n, nil
}

func slowRead(in string) (string, bool) {
	var out strings.Builder
	for {
		i := strings.Index(in, "\r\n")
		if i < 0 {
			return "", false
		}
		line := in[:i]
		if strings.ContainsAny(line, "\r\n\x00") {
			return "", false
		}
		in = in[i+2:]
		if line == "." {
			return out.String(), true
		}
		out.WriteString(strings.TrimPrefix(line, ".") + "\r\n")
	}
}

func BenchmarkReadData(b *testing.B) {
	body := strings.Repeat("Lorem ipsum dolor sit amet, consetetur sadipscing elitr, sed diam nonumy ei\r\n", 850) + ".\r\n"
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	r := strings.NewReader("")
	w := wireOf(r)
	for b.Loop() {
		r.Reset(body)
		if err := w.readData(newPace(), true, discard{}); err != nil {
			b.Fatal(err)
		}
	}
}
