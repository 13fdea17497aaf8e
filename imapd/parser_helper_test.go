package imapd

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"
)

// scripted is the network side of a parser under test: it has the input at hand and swallows what is written.
type scripted struct {
	net.Conn
	in []byte
}

func (s *scripted) Read(b []byte) (int, error) {
	if len(s.in) == 0 {
		return 0, net.ErrClosed
	}
	n := copy(b, s.in)
	s.in = s.in[n:]
	return n, nil
}

func (s *scripted) Write(b []byte) (int, error)      { return len(b), nil }
func (s *scripted) SetDeadline(time.Time) error      { return nil }
func (s *scripted) SetReadDeadline(time.Time) error  { return nil }
func (s *scripted) SetWriteDeadline(time.Time) error { return nil }
func (s *scripted) Close() error                     { return nil }

// quietMetrics are made once: fuzzing makes many connections.
var quietMetrics = sync.OnceValue(func() *metrics {
	m, err := newMetrics(nil)
	if err != nil {
		panic(err)
	}
	return m
})

// connOver makes a connection without a server's rooms that reads in.
func connOver(in string) *conn {
	srv := &Server{maxSize: 1 << 20, log: slog.New(slog.DiscardHandler)}
	srv.metrics = quietMetrics()
	srv.reads.New = func() any { b := make([]byte, largeRead); return &b }
	srv.writes.New = func() any { b := make([]byte, 0, largeRead); return &b }
	nc := &scripted{in: []byte(in)}
	c := srv.newConn(&wire{raw: nc, nc: nc})
	c.signedIn, c.log = true, srv.log
	c.w.ensure()
	return c
}

// parserOf returns a parser that stands before in, the rest of a command without its last line end.
func parserOf(t testing.TB, in string) *parser {
	t.Helper()
	c := connOver(in + "\r\n")
	p := &c.parser
	p.maxText, p.maxKept = maxLine, maxLiterals
	if err := p.begin(); err != nil {
		t.Fatalf("begin: %v", err)
	}
	return p
}

// serveOver runs a connection over in to its end and returns why it ended.
func serveOver(c *conn) string { return c.serve(context.Background()) }
