package spam

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// fakeClamd answers each connection by a script, until the test ends.
func fakeClamd(t testing.TB, network string, script func(net.Conn)) string {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "clamd")
	}
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				script(conn)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		running.Wait()
	})
	if network == "unix" {
		return "unix:" + address
	}
	return ln.Addr().String()
}

// instream reads what clamd reads; err is what is wrong with it.
func instream(conn io.Reader) (body []byte, err error) {
	command := make([]byte, 10)
	if _, err := io.ReadFull(conn, command); err != nil || string(command) != "zINSTREAM\x00" {
		return nil, fmt.Errorf("command %q, %w", command, err)
	}
	for {
		var size uint32
		if err := binary.Read(conn, binary.BigEndian, &size); err != nil {
			return body, err
		}
		if size == 0 {
			return body, nil
		}
		if size > clamdPiece {
			return body, fmt.Errorf("a piece of %d bytes", size)
		}
		piece := make([]byte, size)
		if _, err := io.ReadFull(conn, piece); err != nil {
			return body, err
		}
		body = append(body, piece...)
	}
}

func TestClamdGetsTheWholeMessage(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp", "unix"} {
		var got []byte
		var readErr error
		address := fakeClamd(t, network, func(conn net.Conn) {
			got, readErr = instream(conn)
			io.WriteString(conn, "stream: OK\x00")
		})
		c := newClamd(address)
		for _, size := range []int{0, 1, clamdPiece - 1, clamdPiece, clamdPiece + 1, 3 * clamdPiece, 1 << 20} {
			body := bytes.Repeat([]byte("0123456789abcde\n"), size/16+1)[:size]
			found, err := c.scan(t.Context(), &Message{Body: bytes.NewReader(body), Size: int64(size)})
			if err != nil || found != "" || readErr != nil || !bytes.Equal(got, body) {
				t.Errorf("%s, %d bytes: %q, %v; clamd read %d bytes, %v", network, size, found, err, len(got), readErr)
			}
		}
	}
}

// endless is a message that has one byte very often.
type endless struct{ read atomic.Int64 }

func (e *endless) ReadAt(b []byte, _ int64) (int, error) {
	e.read.Add(int64(len(b)))
	return len(b), nil
}

func TestClamdGetsTheBeginningOfALargeMessage(t *testing.T) {
	t.Parallel()
	var size int
	c := newClamd(fakeClamd(t, "unix", func(conn net.Conn) {
		body, err := instream(conn)
		if size = len(body); err == nil {
			io.WriteString(conn, "stream: OK\x00")
		}
	}))
	if found, err := c.scan(t.Context(), &Message{Body: &endless{}, Size: 1 << 40}); err != nil || found != "" || size != maxClamd {
		t.Errorf("%q, %v, clamd read %d bytes, want %d", found, err, size, maxClamd)
	}
}

func TestClamdAnswers(t *testing.T) {
	t.Parallel()
	answer := func(text string) func(net.Conn) {
		return func(conn net.Conn) {
			instream(conn)
			io.WriteString(conn, text)
		}
	}
	tests := []struct {
		name   string
		script func(net.Conn)
		found  string
		err    string
	}{
		{"clean", answer("stream: OK\x00"), "", ""},
		{"found", answer("stream: Eicar-Test-Signature FOUND\x00"), "Eicar-Test-Signature", ""},
		{"found, without an end", answer("stream: Eicar FOUND"), "Eicar", ""},
		{"found before all was sent", func(conn net.Conn) {
			io.ReadFull(conn, make([]byte, 100))
			io.WriteString(conn, "stream: Eicar FOUND\x00")
			io.Copy(io.Discard, conn)
		}, "Eicar", ""},
		{"a name with a line end", answer("stream: a\r\n250 OK\"\x7f FOUND\x00"), "a??250 OK??", ""},
		{"a very long name", answer("stream: " + strings.Repeat("x", 2000) + " FOUND\x00"), strings.Repeat("x", maxVirusName), ""},
		{"too large", func(conn net.Conn) {
			io.WriteString(conn, "INSTREAM size limit exceeded. ERROR\x00")
			io.Copy(io.Discard, conn)
		}, "", "clamd reports an error"},
		{"cannot allocate", answer("stream: Can't allocate memory ERROR\x00"), "", "clamd reports an error"},
		{"no answer", func(conn net.Conn) { instream(conn) }, "", "EOF"},
		{"closes at once", func(net.Conn) {}, "", "ask clamd"},
		{"closes within the message", func(conn net.Conn) { io.ReadFull(conn, make([]byte, 100)) }, "", "ask clamd"},
		{"nonsense", answer("HTTP/1.1 400 Bad Request\r\n\r\n"), "", "no known form"},
		{"OK of something else", answer("OK\x00"), "", "no known form"},
		{"found nothing", answer("stream:  FOUND\x00"), "", "no known form"},
		{"an endless answer", func(conn net.Conn) {
			instream(conn)
			for {
				if _, err := io.WriteString(conn, strings.Repeat("x", 4096)); err != nil {
					return
				}
			}
		}, "", "no known form"},
	}
	body := strings.Repeat("x", 300_000)
	for _, tt := range tests {
		c := newClamd(fakeClamd(t, "unix", tt.script))
		found, err := c.scan(t.Context(), &Message{Body: strings.NewReader(body), Size: int64(len(body))})
		if found != tt.found || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %q, %v; want %q, %q", tt.name, found, err, tt.found, tt.err)
		}
	}
	if _, err := newClamd("unix:"+filepath.Join(t.TempDir(), "no")).scan(t.Context(), &Message{Body: strings.NewReader(""), Size: 0}); err == nil {
		t.Error("nobody listens, but there was an answer")
	}
	c := newClamd(fakeClamd(t, "unix", func(conn net.Conn) { instream(conn) }))
	if _, err := c.scan(t.Context(), &Message{Body: broken{}, Size: 10}); !errors.Is(err, io.ErrUnexpectedEOF) || !errors.Is(err, errUnreadable) {
		t.Errorf("a message that cannot be read: %v", err)
	}
}

// FuzzClamdAnswer: whatever clamd says, a name that is found can stand in a reply.
func FuzzClamdAnswer(f *testing.F) {
	for _, s := range []string{"stream: OK\x00", "stream: Eicar FOUND\x00", "INSTREAM size limit exceeded. ERROR", "", "stream: ", " FOUND", "stream: \xff FOUND"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		found, err := parseClamd(answer)
		if err != nil && found != "" || len(found) > 3*maxVirusName || strings.ContainsFunc(found, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("%q, %v", found, err)
		}
	})
}
