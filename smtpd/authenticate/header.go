package authenticate

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"

	"schulhof/mailbox/message"
)

// errHeaderSize ends the reading of a header without an end.
var errHeaderSize = errors.New("message header is too large")

// field is one header field with its line ends. name is in lower case, "" for a line that is no field.
type field struct {
	name string
	raw  []byte
}

// value is what follows the colon, still folded.
func (f field) value() []byte { return f.raw[bytes.IndexByte(f.raw, ':')+1:] }

// header is a message's header block, from the top.
type header struct {
	fields []field
	places map[string][]int // by name: where it stands in fields, from the top
}

// splitMessage reads the header of a message; body continues behind the blank line.
func splitMessage(r io.Reader) (h *header, body io.Reader, err error) {
	in := bufio.NewReaderSize(r, 32<<10)
	var block []byte
	begun := false // within a line
	for {
		piece, err := in.ReadSlice('\n')
		if !begun && (string(piece) == "\r\n" || string(piece) == "\n") {
			break
		}
		if len(block)+len(piece) > maxHeader {
			return nil, nil, errHeaderSize
		}
		block = append(block, piece...)
		begun = errors.Is(err, bufio.ErrBufferFull)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !begun {
			return nil, nil, err
		}
	}
	return parseHeader(block), in, nil
}

func parseHeader(block []byte) *header {
	h := &header{places: map[string][]int{}}
	for name, raw := range message.Fields(block) {
		name = strings.ToLower(name)
		h.places[name] = append(h.places[name], len(h.fields))
		h.fields = append(h.fields, field{name, raw})
	}
	return h
}

// all are the fields called name, from the top.
func (h *header) all(name string) (list []field) {
	for _, at := range h.places[name] {
		list = append(list, h.fields[at])
	}
	return list
}

// picker chooses the fields that a signature covers: for a name that comes again the next one above. RFC 6376 §5.4.2.
type picker struct {
	header *header
	used   map[string]int
}

func (h *header) picker() *picker { return &picker{header: h, used: map[string]int{}} }

// next is the next field called name, from the bottom; ok is false when there is none left.
func (p *picker) next(name string) (f field, ok bool) {
	name = strings.ToLower(name)
	places := p.header.places[name]
	left := len(places) - p.used[name]
	if left == 0 {
		return f, false
	}
	p.used[name]++
	return p.header.fields[places[left-1]], true
}
