package message

import (
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"
)

// utf7 decodes RFC 2152, which old programs still send and x/text does not know.
type utf7 struct{}

func (utf7) NewDecoder() *encoding.Decoder {
	return &encoding.Decoder{Transformer: &utf7Decoder{}}
}
func (utf7) NewEncoder() *encoding.Encoder { return encoding.Nop.NewEncoder() }

// utf7Decoder is in base64 between "+" and the first byte that is none.
type utf7Decoder struct {
	shifted bool
	first   bool // nothing yet since "+": "+-" means "+"
	bits    uint32
	n       uint
	high    rune // the first half of a surrogate pair
}

func (d *utf7Decoder) Reset() { *d = utf7Decoder{} }

func (d *utf7Decoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		if nDst+2*utf8.UTFMax > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		c := src[nSrc]
		nSrc++
		if d.shifted {
			nDst += d.shiftedByte(dst[nDst:], c)
			continue
		}
		if c == '+' {
			d.shifted, d.first = true, true
			d.bits, d.n, d.high = 0, 0, 0
			continue
		}
		if c >= utf8.RuneSelf {
			nDst += utf8.EncodeRune(dst[nDst:], utf8.RuneError)
			continue
		}
		dst[nDst] = c
		nDst++
	}
	return nDst, nSrc, nil
}

// shiftedByte takes one byte within base64 and writes what it completes.
func (d *utf7Decoder) shiftedByte(dst []byte, c byte) int {
	v := base64Values[c]
	if v == noBase64 {
		d.shifted = false
		switch {
		case c == '-' && d.first:
			dst[0] = '+'
			return 1
		case c == '-':
			return 0
		case c >= utf8.RuneSelf:
			return utf8.EncodeRune(dst, utf8.RuneError)
		}
		dst[0] = c
		return 1
	}
	d.first = false
	d.bits = d.bits<<6 | uint32(v)
	if d.n += 6; d.n < 16 {
		return 0
	}
	d.n -= 16
	unit := rune(d.bits >> d.n & 0xffff)
	d.bits &= 1<<d.n - 1
	switch {
	case d.high != 0:
		r := utf16.DecodeRune(d.high, unit)
		d.high = 0
		return utf8.EncodeRune(dst, r)
	case unit >= 0xd800 && unit < 0xdc00:
		d.high = unit
		return 0
	}
	return utf8.EncodeRune(dst, unit)
}
