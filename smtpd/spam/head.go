package spam

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"time"

	"schulhof/mailbox/message"
)

// head is what the score needs of a message's header.
type head struct {
	from    []message.Address
	date    time.Time // zero if it cannot be read
	hasDate bool
	hasID   bool
}

// readHead reads a message's header, up to maxHeader bytes of it.
func (c *Checker) readHead(m *Message) (h head, err error) {
	buf, _ := c.heads.Get().(*[]byte)
	if buf == nil {
		buf = new([]byte)
		*buf = make([]byte, 0, 8<<10)
	}
	defer c.heads.Put(buf)
	block, err := headerBlock(*buf, m)
	*buf = block[:0]
	if err != nil {
		return h, err
	}
	for name, raw := range message.Fields(block) {
		value := strings.TrimSpace(string(raw[min(len(name)+1, len(raw)):]))
		switch {
		case strings.EqualFold(name, "From") && h.from == nil:
			h.from = message.ParseAddresses(unfold(value))
		case strings.EqualFold(name, "Date") && !h.hasDate:
			h.hasDate = true
			h.date = message.ParseDate(unfold(value))
		case strings.EqualFold(name, "Message-ID"):
			h.hasID = h.hasID || value != ""
		}
	}
	return h, nil
}

// headerBlock reads into buf until the blank line, the message's end or maxHeader.
func headerBlock(buf []byte, m *Message) ([]byte, error) {
	buf = buf[:0]
	for len(buf) < maxHeader && int64(len(buf)) < m.Size {
		seen := len(buf)
		want := int(min(max(8<<10, int64(seen)), m.Size-int64(seen)))
		if cap(buf)-seen < want {
			buf = append(make([]byte, 0, seen+want), buf...)
		}
		n, err := m.Body.ReadAt(buf[seen:seen+want], int64(seen))
		buf = buf[:seen+n]
		if err != nil && !errors.Is(err, io.EOF) {
			return buf, err
		}
		if i := bytes.Index(buf[max(0, seen-3):], []byte("\r\n\r\n")); i >= 0 {
			return buf[:max(0, seen-3)+i+2], nil
		}
		if n == 0 {
			break
		}
	}
	return buf, nil
}

// unfold joins the lines of a value. RFC 5322 §2.2.3.
func unfold(value string) string {
	value = value[:min(len(value), maxFromText)]
	if strings.IndexByte(value, '\n') < 0 {
		return value
	}
	return strings.NewReplacer("\r", "", "\n", "").Replace(value)
}
