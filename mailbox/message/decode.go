package message

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"schulhof/store/fault"
)

// Decoded reads a part's content transfer-decoded (BINARY, RFC 3516); fault.Invalid: unknown encoding.
// Junk within base64 and broken quoted-printable are passed over, as RFC 2045 §6.7 and §6.8 recommend.
func Decoded(r io.ReaderAt, p *Part) (io.Reader, error) {
	raw := io.NewSectionReader(r, p.Body, p.End-p.Body)
	switch p.Encoding {
	case "", "7bit", "8bit", "binary":
		return raw, nil
	case "base64":
		return &base64Reader{r: raw}, nil
	case "quoted-printable":
		return &quotedReader{r: bufio.NewReaderSize(raw, decodeBuffer)}, nil
	}
	return nil, fault.New(fault.Invalid, "unknown content transfer encoding")
}

// decodeBuffer is how much of a part is held while it is decoded.
const decodeBuffer = 4 << 10

// DecodedSize counts what Decoded reads, without storing it.
func DecodedSize(r io.ReaderAt, p *Part) (int64, error) {
	d, err := Decoded(r, p)
	if err != nil {
		return 0, err
	}
	if s, ok := d.(*io.SectionReader); ok {
		return s.Size(), nil
	}
	n, err := io.Copy(io.Discard, d)
	if err != nil {
		return n, fmt.Errorf("message: size of a decoded part: %w", err)
	}
	return n, nil
}

// noBase64 marks bytes that are no base64 digit.
const noBase64 = 0xff

var base64Values = func() (t [256]byte) {
	for i := range t {
		t[i] = noBase64
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = byte(i)
	}
	return t
}()

// base64Reader decodes base64 and skips every byte that is none. After padding a new sequence may begin.
type base64Reader struct {
	r    io.Reader
	raw  [decodeBuffer]byte
	in   []byte // the rest of raw
	bits uint32
	n    int // base64 digits in bits, 0 to 3
	err  error

	group   [3]byte
	pending []byte // of group, not delivered yet
}

func (d *base64Reader) Read(b []byte) (n int, err error) {
	if len(d.pending) > 0 {
		n = copy(b, d.pending)
		d.pending = d.pending[n:]
		return n, nil
	}
	if len(b) < len(d.group) { // smaller than what four digits make
		k, err := d.Read(d.group[:])
		n = copy(b, d.group[:k])
		d.pending = d.group[n:k]
		return n, err
	}
	for n+3 <= len(b) {
		if len(d.in) > 0 {
			n += d.decode(b[n:])
			continue
		}
		if d.err != nil {
			n += d.flush(b[n:])
			return n, d.finish(n)
		}
		var k int
		k, d.err = d.r.Read(d.raw[:])
		d.in = d.raw[:k]
	}
	return n, nil
}

// finish is the error to return with n bytes: none while there are some.
func (d *base64Reader) finish(n int) error {
	if n > 0 && errors.Is(d.err, io.EOF) {
		return nil
	}
	return d.err
}

// decode fills dst (3 bytes at least) from d.in and returns how much.
func (d *base64Reader) decode(dst []byte) (n int) {
	in := d.in
	for len(in) > 0 && n+3 <= len(dst) {
		if d.n == 0 && len(in) >= 4 {
			a, b, c, e := base64Values[in[0]], base64Values[in[1]], base64Values[in[2]], base64Values[in[3]]
			if a|b|c|e != noBase64 {
				v := uint32(a)<<18 | uint32(b)<<12 | uint32(c)<<6 | uint32(e)
				dst[n], dst[n+1], dst[n+2] = byte(v>>16), byte(v>>8), byte(v)
				n += 3
				in = in[4:]
				continue
			}
		}
		c := in[0]
		in = in[1:]
		if c == '=' {
			n += d.flush(dst[n:])
			continue
		}
		v := base64Values[c]
		if v == noBase64 {
			continue
		}
		d.bits = d.bits<<6 | uint32(v)
		if d.n++; d.n == 4 {
			dst[n], dst[n+1], dst[n+2] = byte(d.bits>>16), byte(d.bits>>8), byte(d.bits)
			n += 3
			d.bits, d.n = 0, 0
		}
	}
	d.in = in
	return n
}

// flush writes the whole bytes of an unfinished group.
func (d *base64Reader) flush(dst []byte) (n int) {
	switch {
	case d.n == 3 && len(dst) >= 2:
		dst[0], dst[1] = byte(d.bits>>10), byte(d.bits>>2)
		n = 2
	case d.n == 2 && len(dst) >= 1:
		dst[0] = byte(d.bits >> 4)
		n = 1
	}
	d.bits, d.n = 0, 0
	return n
}

// quotedReader decodes quoted-printable. What is no valid escape stays as it is. RFC 2045 §6.7.
type quotedReader struct {
	r    *bufio.Reader
	line []byte // decoded, not delivered yet
}

func (d *quotedReader) Read(b []byte) (int, error) {
	for len(d.line) == 0 {
		raw, err := d.r.ReadSlice('\n')
		if len(raw) == 0 {
			return 0, err
		}
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return 0, err
		}
		if errors.Is(err, bufio.ErrBufferFull) { // a piece of an endless line: keep an escape whole
			raw = d.keepEscape(raw)
		}
		d.line = decodeQuoted(raw)
	}
	n := copy(b, d.line)
	d.line = d.line[n:]
	return n, nil
}

// keepEscape extends a piece that ends within "=XX" by the two bytes that may be missing.
func (d *quotedReader) keepEscape(raw []byte) []byte {
	tail := 0
	if k := len(raw); raw[k-1] == '=' {
		tail = 2
	} else if raw[k-2] == '=' {
		tail = 1
	}
	if tail == 0 {
		return raw
	}
	raw = append([]byte(nil), raw...)
	for range tail {
		c, err := d.r.ReadByte()
		if err != nil {
			break
		}
		raw = append(raw, c)
		if c == '\n' {
			break
		}
	}
	return raw
}

// decodeQuoted decodes a line in place.
func decodeQuoted(raw []byte) []byte {
	end := len(raw)
	ending := 0
	if end > 0 && raw[end-1] == '\n' {
		ending = 1
		if end > 1 && raw[end-2] == '\r' {
			ending = 2
		}
	}
	text := raw[:end-ending]
	if ending > 0 { // white space at a line's end was added on the way
		for len(text) > 0 && (text[len(text)-1] == ' ' || text[len(text)-1] == '\t') {
			text = text[:len(text)-1]
		}
	}
	soft := len(text) > 0 && text[len(text)-1] == '='
	if soft {
		text = text[:len(text)-1]
	}
	out := raw[:0]
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '=' && i+2 < len(text) && unhex(text[i+1]) >= 0 && unhex(text[i+2]) >= 0 {
			c = byte(unhex(text[i+1])<<4 | unhex(text[i+2]))
			i += 2
		}
		out = append(out, c)
	}
	if !soft {
		out = append(out, raw[end-ending:end]...)
	}
	return out
}
