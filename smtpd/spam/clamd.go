package spam

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
)

// clamd asks ClamAV's daemon over its socket. The protocol is clamd(8)'s INSTREAM: pieces with their length, a piece of none at the end.
type clamd struct{ network, address string }

// newClamd reads an address: "unix:/path" or "host:port"; nil for "".
func newClamd(address string) *clamd {
	if address == "" {
		return nil
	}
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return &clamd{"unix", path}
	}
	return &clamd{"tcp", address}
}

var (
	errClamd       = errors.New("clamd reports an error")
	errClamdAnswer = errors.New("clamd's answer has no known form")
)

// scan streams a message to clamd; found is the name of what it knows, "" for nothing. Of a message larger than clamd takes the beginning is
// looked at, as clamd itself does with large files.
func (c *clamd) scan(ctx context.Context, m *Message) (found string, err error) {
	conn, err := new(net.Dialer).DialContext(ctx, c.network, c.address)
	if err != nil {
		return "", fmt.Errorf("reach clamd: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	sendErr := send(conn, m.Body, min(m.Size, maxClamd))
	if errors.Is(sendErr, errUnreadable) {
		return "", sendErr
	}
	// Whoever stops reading has said why: the answer counts more than what became of our bytes.
	answer, err := bufio.NewReader(io.LimitReader(conn, maxClamdAnswer)).ReadString(0)
	if err != nil && (!errors.Is(err, io.EOF) || answer == "") {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return "", fmt.Errorf("ask clamd: %w", errors.Join(sendErr, err))
	}
	return parseClamd(answer)
}

// errUnreadable marks a failure of our own.
var errUnreadable = errors.New("read message")

// send writes the command and size bytes of the message.
func send(conn net.Conn, body io.ReaderAt, size int64) error {
	buf := append(make([]byte, 0, 10+4+clamdPiece), "zINSTREAM\x00"...)
	for at := int64(0); at < size; {
		n := int(min(clamdPiece, size-at))
		buf = binary.BigEndian.AppendUint32(buf, uint32(n))
		from := len(buf)
		buf = buf[:from+n]
		if got, err := body.ReadAt(buf[from:], at); got < n {
			return fmt.Errorf("%w: %w", errUnreadable, cmp.Or(err, io.ErrUnexpectedEOF))
		}
		if _, err := conn.Write(buf); err != nil {
			return err
		}
		buf, at = buf[:0], at+int64(n)
	}
	_, err := conn.Write(append(buf, 0, 0, 0, 0))
	return err
}

// parseClamd reads "stream: OK", "stream: NAME FOUND" or "TEXT ERROR".
func parseClamd(answer string) (found string, err error) {
	answer = strings.TrimSpace(strings.TrimRight(answer, "\x00"))
	text := strings.TrimPrefix(answer, "stream: ")
	switch name, isFound := strings.CutSuffix(text, " FOUND"); {
	case text == "OK" && text != answer:
		return "", nil
	case isFound && name != "":
		return quotable(name[:min(len(name), maxVirusName)]), nil
	case strings.HasSuffix(answer, " ERROR"):
		return "", fmt.Errorf("%w: %.100q", errClamd, answer)
	}
	return "", fmt.Errorf("%w: %.100q", errClamdAnswer, answer)
}
