package remote

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

// errInjected: something was sent in the clear behind the 220 of STARTTLS, to be taken for a reply inside of TLS.
// https://nostarttls.secvuln.info, RFC 3207 §4.2.
var errInjected = errors.New("something follows the reply to STARTTLS")

// wire is the byte layer of a connection: commands that are one line, replies that are bounded, a deadline for each.
// It is used by one goroutine.
type wire struct {
	nc      net.Conn
	r       *bufio.Reader
	w       *bufio.Writer
	timeout Timeouts
}

func newWire(nc net.Conn, t Timeouts) *wire {
	return &wire{nc: nc, r: bufio.NewReaderSize(nc, maxReplyLine), w: bufio.NewWriterSize(nc, writeBuffer), timeout: t}
}

// whileContext closes the connection when ctx ends before stop is called: every read and write then fails.
func (w *wire) whileContext(ctx context.Context) (stop func() bool) {
	nc := w.nc
	return context.AfterFunc(ctx, func() { nc.Close() })
}

// send writes one command into the buffer.
func (w *wire) send(line string) error {
	if strings.ContainsAny(line, "\r\n\x00") || len(line)+2 > maxCommand {
		return fmt.Errorf("command with a line end, or too long: %q", line[:min(len(line), 60)])
	}
	w.w.WriteString(line)
	_, err := w.w.WriteString("\r\n") // the writer keeps its first error
	return err
}

// flush sends what is in the buffer.
func (w *wire) flush() error {
	w.nc.SetWriteDeadline(time.Now().Add(w.timeout.Block))
	return w.w.Flush()
}

// read waits for one reply, d for the whole of it.
func (w *wire) read(d time.Duration) (reply, error) {
	w.nc.SetReadDeadline(time.Now().Add(d))
	return readReply(w.r)
}

// ask sends one command and reads the reply to it.
func (w *wire) ask(d time.Duration, line string) (reply, error) {
	if err := w.send(line); err != nil {
		return reply{}, err
	}
	if err := w.flush(); err != nil {
		return reply{}, err
	}
	return w.read(d)
}

// startTLS puts TLS on the connection. RFC 3207.
func (w *wire) startTLS(ctx context.Context, config *tls.Config) (tls.ConnectionState, error) {
	if w.r.Buffered() > 0 {
		return tls.ConnectionState{}, errInjected
	}
	tc := tls.Client(w.nc, config)
	ctx, cancel := context.WithTimeout(ctx, w.timeout.TLS)
	defer cancel()
	w.nc.SetDeadline(time.Now().Add(w.timeout.TLS))
	if err := tc.HandshakeContext(ctx); err != nil {
		return tls.ConnectionState{}, fmt.Errorf("TLS handshake: %w", err)
	}
	w.nc = tc
	w.r.Reset(tc)
	w.w.Reset(tc)
	return tc.ConnectionState(), nil
}

// brokenText puts an error of the connection into a sentence. during is what we were saying.
func brokenText(during string, err error) string {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "The server did not answer to " + during + " in time"
	case errors.Is(err, errLongReply):
		return "The server's reply to " + during + " does not end"
	case errors.Is(err, errNoReply):
		return "The server's reply to " + during + " is not SMTP"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "The server closed the connection at " + during
	}
	return "The connection broke at " + during
}
