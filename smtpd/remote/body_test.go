package remote

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"
)

// sunk is a connection that keeps what is written.
type sunk struct {
	net.Conn
	bytes.Buffer
}

func (s *sunk) Write(b []byte) (int, error)      { return s.Buffer.Write(b) }
func (s *sunk) Read(b []byte) (int, error)       { return 0, io.EOF }
func (s *sunk) Close() error                     { return nil }
func (s *sunk) SetWriteDeadline(time.Time) error { return nil }

// encode sends a message the way it goes over the wire, read as reader says.
func encode(in string, reader func(io.Reader) io.Reader) (string, error) {
	s := &sunk{}
	w := newWire(s, Timeouts{}.withDefaults())
	err := w.sendBody(reader(strings.NewReader(in)))
	w.w.Flush()
	return s.String(), err
}

func asIs(r io.Reader) io.Reader { return r }

// TestBody: dots are doubled, the last line is ended, and line ends that are none never leave.
func TestBody(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"lines", "a\r\nb\r\n", "a\r\nb\r\n"},
		{"dots", ".\r\n..\r\nx.\r\n.x\r\n", "..\r\n...\r\nx.\r\n..x\r\n"},
		{"an end without a line end", "a\r\n.b", "a\r\n..b\r\n"},
		{"empty lines", "\r\n\r\n.\r\n", "\r\n\r\n..\r\n"},
	}
	for _, tt := range tests {
		for _, reader := range []func(io.Reader) io.Reader{asIs, iotest.OneByteReader, iotest.HalfReader, iotest.DataErrReader} {
			if got, err := encode(tt.in, reader); err != nil || got != tt.want {
				t.Errorf("%s: %q, %v, want %q", tt.name, got, err, tt.want)
			}
		}
	}
	for _, in := range []string{"a\nb", "a\rb", "\n", "\r", "a\r\n\n", "a\r\r\n", "a\r\n\r", "a\n.\r\n", "a\r.\r\n", "a\r\n.\n", "a\x00b\r\n", "a\r", ".\n", "\r\n.\r\r\n"} {
		for _, reader := range []func(io.Reader) io.Reader{asIs, iotest.OneByteReader, iotest.HalfReader} {
			if got, err := encode(in, reader); !errors.Is(err, errBareLineEnd) || strings.Contains(got, "\r\n.\r\n") {
				t.Errorf("%q: %q, %v, want an error", in, got, err)
			}
		}
	}
}

// TestBodyModel: what is sent never holds a bare CR or LF and never the end of a message, and decodes to what went in.
func TestBodyModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.SampledFrom([]string{"\r\n", "\r\n", ".", "a", "\n", "\r", "..", "xyz", "\x00", strings.Repeat("long", 9000)})).Draw(t, "parts")
		in := strings.Join(parts, "")
		size := rapid.SampledFrom([]int{1, 2, 3, 7, writeBuffer - 1, 1 << 20}).Draw(t, "read size")
		got, err := encode(in, func(r io.Reader) io.Reader { return &limitedReads{r, size} })
		rest := strings.ReplaceAll(in, "\r\n", "")
		if bad := strings.ContainsAny(rest, "\r\n\x00"); bad != (err != nil) {
			t.Fatalf("%d bytes, bare line ends %t: %v", len(in), bad, err)
		}
		if strings.ContainsAny(strings.ReplaceAll(got, "\r\n", ""), "\r\n") && err == nil {
			t.Fatal("bare line ends have left")
		}
		if strings.HasPrefix(got, ".\r\n") || strings.Contains(got, "\r\n.\r\n") {
			t.Fatal("the end of the message inside of it")
		}
		if err != nil {
			return
		}
		want := in
		if in != "" && !strings.HasSuffix(in, "\r\n") {
			want += "\r\n"
		}
		var back strings.Builder
		for line := range strings.Lines(got) {
			back.WriteString(strings.TrimPrefix(line, "."))
		}
		if back.String() != want {
			t.Fatalf("decodes to %d bytes, want %d", back.Len(), len(want))
		}
	})
}

type limitedReads struct {
	r io.Reader
	n int
}

func (l *limitedReads) Read(b []byte) (int, error) { return l.r.Read(b[:min(len(b), l.n)]) }

// TestSmuggling: a message that holds a second one behind any false end is refused as a whole, over a real connection.
func TestSmuggling(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\r\n\x00.\r\n", "\r\n.\r\r\n"} {
		w := newWorld(t, nil, "there.example. A 192.0.2.1")
		p := w.put(t, "192.0.2.1:25", &peer{})
		results, dot := w.send(t, Target{Domain: "there.example"}, mail("Subject: x\r\n\r\nx"+end+"MAIL FROM:<admin@us.example>\r\n"), "a@there.example")
		if short(results) != "0 5.6.11" || dot || len(p.messages()) != 0 {
			t.Errorf("%q: %s, dot %t, the server has %q", end, short(results), dot, p.messages())
		}
	}
}
