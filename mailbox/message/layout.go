package message

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Layout serialises Root's tree of offsets, types and encodings compactly; ParseLayout reads it back.
func (x *Index) Layout() []byte {
	return x.Root.appendLayout(make([]byte, 0, 64), 0)
}

// appendLayout writes offsets as differences from where the previous one was (base), which keeps them short.
func (p *Part) appendLayout(dst []byte, base int64) []byte {
	dst = binary.AppendVarint(dst, p.Header-base)
	dst = binary.AppendUvarint(dst, uint64(p.Body-p.Header))
	dst = binary.AppendUvarint(dst, uint64(p.End-p.Body))
	dst = binary.AppendUvarint(dst, uint64(p.Lines))
	for _, s := range [...]string{p.Type, p.Subtype, p.Encoding, p.Charset, p.Disposition, p.Filename, p.ID} {
		dst = binary.AppendUvarint(dst, uint64(len(s)))
		dst = append(dst, s...)
	}
	dst = binary.AppendUvarint(dst, uint64(len(p.Children)))
	base = p.Body
	for _, c := range p.Children {
		dst = c.appendLayout(dst, base)
		base = c.End
	}
	return dst
}

// ParseLayout reads what Layout wrote. The parts have no Params and no Description.
func ParseLayout(layout []byte) (*Part, error) {
	r := layoutReader{text: string(layout)}
	p := r.part(0, 1)
	if r.bad || len(r.text) > 0 {
		return nil, fmt.Errorf("message: layout of %d bytes, %d left: %w", len(layout), len(r.text), errLayout)
	}
	return p, nil
}

var errLayout = errors.New("not what Layout wrote")

type layoutReader struct {
	text  string
	parts int
	bad   bool
}

func (r *layoutReader) uvarint() uint64 {
	var v uint64
	for shift := 0; shift < 63 && r.text != ""; shift += 7 {
		c := r.text[0]
		r.text = r.text[1:]
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v
		}
	}
	r.bad = true
	return 0
}

func (r *layoutReader) string() string {
	n := r.uvarint()
	if n > uint64(len(r.text)) {
		r.bad = true
		return ""
	}
	s := r.text[:n]
	r.text = r.text[n:]
	return s
}

func (r *layoutReader) part(base int64, depth int) *Part {
	if r.parts++; r.parts > MaxParts+MaxDepth || depth > MaxDepth+1 {
		r.bad = true
		return nil
	}
	const maxOffset = 1 << 62
	u := r.uvarint()
	p := &Part{Header: base + (int64(u>>1) ^ -int64(u&1))}
	p.Body = p.Header + int64(r.uvarint())
	p.End = p.Body + int64(r.uvarint())
	p.Lines = int64(r.uvarint())
	if p.Header < 0 || p.Body < p.Header || p.End < p.Body || p.End > maxOffset {
		r.bad = true
	}
	for _, s := range [...]*string{&p.Type, &p.Subtype, &p.Encoding, &p.Charset, &p.Disposition, &p.Filename, &p.ID} {
		*s = r.string()
	}
	n := r.uvarint()
	if n > MaxParts {
		r.bad = true
	}
	base = p.Body
	for i := uint64(0); i < n && !r.bad; i++ {
		c := r.part(base, depth+1)
		if c == nil {
			break
		}
		p.Children = append(p.Children, c)
		base = c.End
	}
	return p
}
