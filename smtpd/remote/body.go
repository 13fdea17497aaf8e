package remote

import (
	"bytes"
	"errors"
	"io"
	"time"
)

// errBareLineEnd: the message holds a CR or LF alone, or a NUL. It never leaves: servers that disagree about line ends
// let mail be smuggled between them (CVE-2023-51764).
var errBareLineEnd = errors.New("bare CR, bare LF or NUL in the message")

// sendBody sends a message after DATA, each dot at a line's beginning doubled, and the last line ended. The final dot is
// not its business. RFC 5321 §4.5.2.
func (w *wire) sendBody(body io.Reader) error {
	buf := make([]byte, writeBuffer)
	lineStart, cr := true, false // where the next byte stands; the byte before it was a CR
	began, sent := time.Now(), int64(0)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			if lineStart, cr, err = w.sendPiece(buf[:n], lineStart, cr, err); err != nil && err != io.EOF {
				return err
			}
			sent += int64(n)
			if grace := w.timeout.Block; time.Since(began) > grace+time.Duration(sent/slowRate)*time.Second {
				return errSlow
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return &bodyError{err}
		}
	}
	if cr {
		return errBareLineEnd
	}
	if !lineStart {
		_, err := w.w.WriteString("\r\n")
		return err
	}
	return nil
}

// errSlow: the server takes the message too slowly.
var errSlow = errors.New("server takes the message too slowly")

// bodyError is a message that could not be read here.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return "read message: " + e.err.Error() }
func (e *bodyError) Unwrap() error { return e.err }

// sendPiece writes a stretch of the message. readErr is handed through.
func (w *wire) sendPiece(b []byte, lineStart, cr bool, readErr error) (bool, bool, error) {
	if bytes.IndexByte(b, 0) >= 0 {
		return false, false, errBareLineEnd
	}
	w.nc.SetWriteDeadline(time.Now().Add(w.timeout.Block))
	for len(b) > 0 {
		if cr && b[0] != '\n' || !cr && b[0] == '\n' {
			return false, false, errBareLineEnd
		}
		if lineStart && b[0] == '.' {
			w.w.WriteByte('.') // the writer keeps its first error
		}
		line := b
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			line = b[:i+1]
		}
		if err := checkLine(line); err != nil {
			return false, false, err
		}
		last := line[len(line)-1]
		lineStart, cr = last == '\n', last == '\r'
		if _, err := w.w.Write(line); err != nil {
			return false, false, err
		}
		b = b[len(line):]
	}
	return lineStart, cr, readErr
}

// checkLine refuses a CR that is not the last byte, or the last before LF, and an LF without CR. A line of LF alone ends
// what began in the stretch before, which sendPiece has looked at.
func checkLine(line []byte) error {
	end := len(line)
	if line[end-1] == '\n' {
		end--
		if end > 0 && line[end-1] != '\r' {
			return errBareLineEnd
		}
		end = max(end-1, 0)
	} else if line[end-1] == '\r' {
		end--
	}
	if bytes.IndexByte(line[:end], '\r') >= 0 {
		return errBareLineEnd
	}
	return nil
}
