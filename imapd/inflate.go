package imapd

import (
	"errors"
	"io"
)

var errDeflate = errors.New("compressed data is broken")

// inflater decompresses RFC 1951 data that comes in pieces. It never waits: what the input so far stands for, it gives out.
// The readers of compress/flate and its relatives give data out only where a stored block follows, and so never see the end
// of a command from a client that flushes with zlib's Z_PARTIAL_FLUSH (mbsync). It decodes bit by bit, with tables of 1 KiB:
// commands are short, and a connection that waits should cost little.
type inflater struct {
	state inflateState
	final bool   // the last block has begun
	bits  uint64 // the next bits, the first one lowest
	n     uint   // how many

	window [32 << 10]byte
	at     int // where the next byte goes
	filled bool

	length, distance int // what is left of a copy, or of a stored block

	lengths        [320]uint8 // of the codes of a dynamic block, while its header comes
	have           int        // how many of them
	literal, reach int        // how many it wants
	codes          int        // how many code lengths it wants
	lit, dist      huffman
}

type inflateState uint8

const (
	atBlock      inflateState = iota // a block's first three bits
	atStored                         // the length of a stored block
	inStored                         // its bytes
	atDynamic                        // the counts of a dynamic block's header
	inCodes                          // its code length codes
	inLengths                        // its code lengths
	inSymbols                        // literals and copies
	inCopy                           // bytes of one copy
	afterTheLast                     // nothing may follow
)

// inflate takes from src and writes to dst, as much as either allows. Nothing written and no error: it needs more input.
func (z *inflater) inflate(dst, src []byte) (written, taken int, err error) {
	for {
		for z.n <= 56 && taken < len(src) {
			z.bits |= uint64(src[taken]) << z.n
			z.n += 8
			taken++
		}
		if written == len(dst) {
			return written, taken, nil
		}
		more := false // the state needs more bits than there are
		switch z.state {
		case atBlock:
			more, err = z.block()
		case atStored:
			more, err = z.stored()
		case inStored:
			more = !z.has(8)
			for ; !more && z.length > 0 && written < len(dst) && z.has(8); z.length-- {
				dst[written] = z.put(byte(z.take(8)))
				written++
			}
			if z.length == 0 {
				z.state, more = z.next(), false
			}
		case atDynamic, inCodes, inLengths:
			more, err = z.header()
		case inSymbols:
			var n int
			n, more, err = z.symbols(dst[written:])
			written += n
		case inCopy:
			for ; z.length > 0 && written < len(dst); z.length-- {
				dst[written] = z.put(z.window[(z.at-z.distance)&(len(z.window)-1)])
				written++
			}
			if z.length == 0 {
				z.state = inSymbols
			}
		case afterTheLast:
			return written, taken, io.EOF
		}
		if err != nil || more && taken == len(src) {
			return written, taken, err
		}
	}
}

func (z *inflater) has(n uint) bool { return z.n >= n }

// take removes n bits that are there.
func (z *inflater) take(n uint) uint {
	v := uint(z.bits & (1<<n - 1))
	z.bits >>= n
	z.n -= n
	return v
}

// put remembers a byte of output.
func (z *inflater) put(c byte) byte {
	z.window[z.at] = c
	z.at = (z.at + 1) & (len(z.window) - 1)
	z.filled = z.filled || z.at == 0
	return c
}

// next is the state after a block.
func (z *inflater) next() inflateState {
	if z.final {
		return afterTheLast
	}
	return atBlock
}

func (z *inflater) block() (more bool, err error) {
	if !z.has(3) {
		return true, nil
	}
	z.final = z.take(1) == 1
	switch z.take(2) {
	case 0:
		z.take(z.n % 8) // a stored block begins at a byte
		z.state = atStored
	case 1:
		z.fixed()
		z.state = inSymbols
	case 2:
		z.state = atDynamic
	default:
		return false, errDeflate
	}
	return false, nil
}

func (z *inflater) stored() (more bool, err error) {
	if !z.has(32) {
		return true, nil
	}
	length := z.take(16)
	if length != ^z.take(16)&0xffff {
		return false, errDeflate
	}
	z.length, z.state = int(length), inStored
	if length == 0 {
		z.state = z.next()
	}
	return false, nil
}

// fixed sets the codes of RFC 1951 §3.2.6.
func (z *inflater) fixed() {
	for i := range 288 {
		switch {
		case i < 144, i >= 280:
			z.lengths[i] = 8
		case i < 256:
			z.lengths[i] = 9
		default:
			z.lengths[i] = 7
		}
	}
	z.lit.set(z.lengths[:288])
	for i := range 30 {
		z.lengths[i] = 5
	}
	z.dist.set(z.lengths[:30])
}

// codeOrder is the order in which code length codes come. RFC 1951 §3.2.7.
var codeOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// header reads on in a dynamic block's header. RFC 1951 §3.2.7.
func (z *inflater) header() (more bool, err error) {
	switch z.state {
	case atDynamic:
		if !z.has(14) {
			return true, nil
		}
		z.literal, z.reach, z.codes = int(z.take(5))+257, int(z.take(5))+1, int(z.take(4))+4
		if z.literal > 286 || z.reach > 30 {
			return false, errDeflate
		}
		z.lengths, z.have, z.state = [320]uint8{}, 0, inCodes
	case inCodes:
		for ; z.have < z.codes; z.have++ {
			if !z.has(3) {
				return true, nil
			}
			z.lengths[codeOrder[z.have]] = uint8(z.take(3))
		}
		if !z.lit.set(z.lengths[:19]) {
			return false, errDeflate
		}
		z.lengths, z.have, z.state = [320]uint8{}, 0, inLengths
	case inLengths:
		return z.codeLengths()
	}
	return false, nil
}

// codeLengths reads the run-length coded lengths of both codes.
func (z *inflater) codeLengths() (more bool, err error) {
	for z.have < z.literal+z.reach {
		symbol, used, ok := z.lit.decode(z.bits, z.n)
		if !ok {
			if used > 15 {
				return false, errDeflate
			}
			return true, nil
		}
		if symbol < 16 {
			z.take(used)
			z.lengths[z.have] = uint8(symbol)
			z.have++
			continue
		}
		extra, least := [3]uint{2, 3, 7}[symbol-16], [3]int{3, 3, 11}[symbol-16]
		if !z.has(used + extra) {
			return true, nil
		}
		z.take(used)
		count, value := least+int(z.take(extra)), uint8(0)
		if symbol == 16 {
			if z.have == 0 {
				return false, errDeflate
			}
			value = z.lengths[z.have-1]
		}
		if z.have+count > z.literal+z.reach {
			return false, errDeflate
		}
		for ; count > 0; count-- {
			z.lengths[z.have] = value
			z.have++
		}
	}
	if z.lengths[256] == 0 || !z.lit.set(z.lengths[:z.literal]) || !z.dist.set(z.lengths[z.literal:z.literal+z.reach]) {
		return false, errDeflate
	}
	z.state = inSymbols
	return false, nil
}

var (
	lengthBase = [29]uint16{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthBits = [29]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	reachBase  = [30]uint16{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	reachBits  = [30]uint8{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
)

// symbols decodes literals, and begins a copy. A copy's code is at most 48 bits, and is taken whole or not at all.
func (z *inflater) symbols(dst []byte) (written int, more bool, err error) {
	symbol, used, ok := z.lit.decode(z.bits, z.n)
	switch {
	case !ok && used > 15:
		return 0, false, errDeflate
	case !ok:
		return 0, true, nil
	case symbol < 256:
		z.take(used)
		dst[0] = z.put(byte(symbol))
		return 1, false, nil
	case symbol == 256:
		z.take(used)
		z.state = z.next()
		return 0, false, nil
	case symbol > 285:
		return 0, false, errDeflate
	}
	extra := uint(lengthBits[symbol-257])
	if !z.has(used + extra) {
		return 0, true, nil
	}
	length := int(lengthBase[symbol-257]) + int(z.bits>>used&(1<<extra-1))
	used += extra
	far, n, ok := z.dist.decode(z.bits>>used, z.n-used)
	if !ok {
		if n > 15 {
			return 0, false, errDeflate
		}
		return 0, true, nil
	}
	used += n
	if far > 29 {
		return 0, false, errDeflate
	}
	extra = uint(reachBits[far])
	if !z.has(used + extra) {
		return 0, true, nil
	}
	distance := int(reachBase[far]) + int(z.bits>>used&(1<<extra-1))
	if distance > z.at && !z.filled {
		return 0, false, errDeflate
	}
	z.take(used + extra)
	z.length, z.distance, z.state = length, distance, inCopy
	return 0, false, nil
}

// huffman is a canonical code: how many symbols each length has, and the symbols in order.
type huffman struct {
	count  [16]uint16
	symbol [288]uint16
}

// set makes the code with these lengths. false: more codes than bits. An incomplete code is taken; what it lacks fails when used.
func (h *huffman) set(lengths []uint8) bool {
	h.count = [16]uint16{}
	for _, l := range lengths {
		h.count[l]++
	}
	left := 1
	var offset [16]uint16
	for l := 1; l < 16; l++ {
		if left = left<<1 - int(h.count[l]); left < 0 {
			return false
		}
		if l < 15 {
			offset[l+1] = offset[l] + h.count[l]
		}
	}
	for s, l := range lengths {
		if l != 0 {
			h.symbol[offset[l]] = uint16(s)
			offset[l]++
		}
	}
	return true
}

// decode finds the symbol at the beginning of bits, of which n count. Not ok: used says 16 when no code begins so, else there are too few bits.
func (h *huffman) decode(bits uint64, n uint) (symbol int, used uint, ok bool) {
	code, first, index := 0, 0, 0
	for l := uint(1); l < 16; l++ {
		if l > n {
			return 0, n, false
		}
		code |= int(bits >> (l - 1) & 1)
		count := int(h.count[l])
		if code-count < first {
			return int(h.symbol[index+code-first]), l, true
		}
		index += count
		first = (first + count) << 1
		code <<= 1
	}
	return 0, 16, false
}
