package smtpd

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// Faults of the wire, answered by session.go.
var (
	errLineTooLong = errors.New("command line too long")
	errLineEnd     = errors.New("command line without CRLF")
	errControl     = errors.New("control character in command line")
	errDraining    = errors.New("server is stopping")
	errSlow        = errors.New("peer too slow")
	errBareLineEnd = errors.New("bare CR, bare LF or NUL in message")
)

var readBuffers = sync.Pool{New: func() any { return new([readBuffer]byte) }}

// wire is the byte layer of a connection: bounded lines, a deadline for every read and write, replies
// that leave together before the next read that waits (RFC 2920 §3.2). It is used by one goroutine;
// only drain may be called by others.
type wire struct {
	nc   net.Conn // the TLS layer once there is one
	raw  net.Conn // the socket
	in   *[readBuffer]byte
	r, w int // unread: in[r:w]
	out  []byte

	mu       sync.Mutex
	waiting  bool // inside a read that drain may interrupt
	draining bool
}

func newWire(nc net.Conn) *wire {
	return &wire{nc: nc, raw: nc, in: readBuffers.Get().(*[readBuffer]byte)}
}

// close ends the connection and gives the buffer back.
func (w *wire) close() {
	w.nc.Close()
	if w.in != nil {
		readBuffers.Put(w.in)
		w.in = nil
	}
}

// drain makes a read that waits for a command end now, and the next one not begin.
func (w *wire) drain() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.draining = true
	if w.waiting {
		w.raw.SetReadDeadline(time.Unix(1, 0))
	}
}

// buffered reports whether the peer has sent more already.
func (w *wire) buffered() bool { return w.r < w.w }

// flush sends the replies that have gathered.
func (w *wire) flush() error {
	if len(w.out) == 0 {
		return nil
	}
	w.nc.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := w.nc.Write(w.out)
	w.out = w.out[:0]
	if err != nil {
		return fmt.Errorf("write reply: %w", err)
	}
	return nil
}

// fill reads what the peer has, at least one byte, until deadline. between: drain may end it.
func (w *wire) fill(deadline time.Time, between bool) error {
	if err := w.flush(); err != nil {
		return err
	}
	if w.r == w.w {
		w.r, w.w = 0, 0
	} else if w.w == len(w.in) {
		w.w = copy(w.in[:], w.in[w.r:w.w])
		w.r = 0
	}
	w.mu.Lock()
	if between && w.draining {
		w.mu.Unlock()
		return errDraining
	}
	w.waiting = between
	w.nc.SetReadDeadline(deadline)
	w.mu.Unlock()

	n, err := w.nc.Read(w.in[w.w:])

	w.mu.Lock()
	w.waiting = false
	stopped := between && w.draining
	w.mu.Unlock()
	w.w += n
	switch {
	case n > 0:
		return nil // an error that came with bytes comes again
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded) && stopped:
		return errDraining
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errSlow
	}
	return fmt.Errorf("read: %w", err)
}

// readLine returns the next line without its CRLF. It waits idle for the first byte and lineTimeout for
// the rest, but never longer than until (zero: no such limit).
func (w *wire) readLine(idle time.Duration, until time.Time) (string, error) {
	scanned := 0
	var began time.Time
	for {
		pending := w.in[w.r:w.w]
		if i := bytes.IndexByte(pending[scanned:], '\n'); i >= 0 {
			line := pending[:scanned+i]
			w.r += len(line) + 1
			return checkLine(line)
		}
		if scanned = len(pending); scanned >= maxCommandLine {
			return "", errLineTooLong
		}
		deadline := time.Now().Add(idle)
		if scanned > 0 {
			if began.IsZero() {
				began = time.Now()
			}
			deadline = began.Add(lineTimeout)
		}
		if !until.IsZero() && until.Before(deadline) {
			deadline = until
		}
		if err := w.fill(deadline, true); err != nil {
			return "", err
		}
	}
}

// checkLine takes the CR off a line and refuses what has no place in a command.
func checkLine(line []byte) (string, error) {
	if len(line)+1 > maxCommandLine {
		return "", errLineTooLong
	}
	if len(line) == 0 || line[len(line)-1] != '\r' {
		return "", errLineEnd
	}
	line = line[:len(line)-1]
	if bytes.ContainsFunc(line, isControl) {
		return "", errControl
	}
	return string(line), nil
}

// isControl tells characters that have no place in a line.
func isControl(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }

// startTLS upgrades the connection. What the peer sent in the clear before the handshake is discarded,
// so that nothing injected there is ever taken for a command. RFC 3207 §4.2, CVE-2011-0411.
func (w *wire) startTLS(ctx context.Context, config *tls.Config) error {
	if err := w.flush(); err != nil {
		return err
	}
	w.r, w.w = 0, 0
	return w.handshake(ctx, config)
}

// handshake puts TLS on the connection.
func (w *wire) handshake(ctx context.Context, config *tls.Config) error {
	tc := tls.Server(w.raw, config)
	w.raw.SetDeadline(time.Now().Add(tlsTimeout))
	if err := tc.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("TLS handshake: %w", err)
	}
	w.nc = tc
	return nil
}

// tlsState tells about TLS; ok is false in the clear.
func (w *wire) tlsState() (state tls.ConnectionState, ok bool) {
	tc, ok := w.nc.(*tls.Conn)
	if !ok {
		return state, false
	}
	return tc.ConnectionState(), true
}

// lingerAndClose ends the connection while the peer may still be sending: it reads on for a moment,
// because closing a socket with unread input resets it and the peer would lose our last reply.
func (w *wire) lingerAndClose() {
	w.flush()
	if half, ok := w.nc.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
	w.nc.SetReadDeadline(time.Now().Add(linger))
	for left := lingerBytes; left > 0; {
		n, err := w.nc.Read(w.in[:])
		if err != nil {
			break
		}
		left -= n
	}
	w.close()
}
