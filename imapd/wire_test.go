package imapd

import (
	"bytes"
	"net"
	"strings"
	"testing"
	"time"
)

// countedReads counts the calls that read.
type countedReads struct {
	net.Conn
	calls int
}

func (c *countedReads) Read(b []byte) (int, error) {
	c.calls++
	return c.Conn.Read(b)
}

// A message that has arrived whole costs one call to the kernel, with the line end behind it, and its buffer goes back afterwards.
func TestALiteralIsReadByOneCall(t *testing.T) {
	body := strings.Repeat("x", 4000)
	c := connOver(body + "\r\n")
	counted := &countedReads{Conn: c.wire.nc}
	c.wire.nc = counted
	var got bytes.Buffer
	refused, err := c.rd.copyTo(&got, int64(len(body)), time.Minute)
	if err != nil || refused != nil || got.String() != body {
		t.Fatalf("%d bytes, %v, %v", got.Len(), refused, err)
	}
	if line, err := c.rd.line(maxLine, time.Minute); err != nil || len(line) != 0 {
		t.Errorf("behind the literal: %q, %v", line, err)
	}
	if counted.calls != 1 {
		t.Errorf("%d calls", counted.calls)
	}
	c.rd.release()
	if len(c.rd.buf) != smallRead {
		t.Errorf("a waiting connection keeps a buffer of %d bytes", len(c.rd.buf))
	}
}
