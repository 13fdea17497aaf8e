package mailbox

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/bits"
	"unicode/utf8"

	"schulhof/mailbox/message"
)

// outline is what the search index knows of one content without its text.
type outline struct {
	head, body signature
	main       string // the folded lines of the fields in mainFields
	day        int32  // of the Date field as it is written, in days since 1970; noDay
	cut        bool   // the kept body is only the beginning: what it does not hold must be looked for in the message
	mainCut    bool   // main is empty because it would be too long
}

const noDay = -1 << 31

// mainFields are the header fields that SEARCH has keys of its own for; they are found without the database.
var mainFields = [...]string{"SUBJECT: ", "FROM: ", "TO: ", "CC: ", "BCC: "} //nolint:gochecknoglobals // a constant table

func isMainField(prefix string) bool {
	for _, f := range mainFields {
		if f == prefix {
			return true
		}
	}
	return false
}

// textDoc is the searchable text of one content: folded by message.Fold, header and body apart.
type textDoc struct {
	content    ContentID
	entry      *outline
	head, body []byte
}

// headMatches reports whether a line of head that begins with prefix ("SUBJECT: ") goes on with something that holds needle.
func headMatches(head []byte, prefix string, needle []byte) bool {
	for len(head) > 0 {
		line := head
		if i := bytes.IndexByte(head, '\n'); i >= 0 {
			line, head = head[:i], head[i+1:]
		} else {
			head = nil
		}
		if len(line) >= len(prefix) && string(line[:len(prefix)]) == prefix && bytes.Contains(line[len(prefix):], needle) {
			return true
		}
	}
	return false
}

// signature is a Bloom filter of a text's trigrams (of bytes): a power of two of bits, four to eight for each different trigram.
// A text that holds a term has every bit of the term's trigrams.
type signature []byte

const (
	maxSignatureBits = 1 << 17
	bitsPerTrigram   = 4 // at least
)

// trigramHash spreads a trigram over maxSignatureBits; smaller signatures use its low bits.
func trigramHash(t uint32) uint32 {
	h := t * 0x9E3779B1
	return (h ^ h>>15) & (maxSignatureBits - 1)
}

// termBits are the hashes of a term's trigrams; none for a term of fewer than three bytes, which every signature then may hold.
func termBits(term []byte) []uint32 {
	var list []uint32
	for i := 0; i+3 <= len(term) && len(list) < maxTermTrigrams; i++ {
		list = append(list, trigramHash(uint32(term[i])<<16|uint32(term[i+1])<<8|uint32(term[i+2])))
	}
	return list
}

// mayHold reports whether a text with this signature can hold the term.
func (s signature) mayHold(term []uint32) bool {
	if len(s) == 0 {
		return len(term) == 0
	}
	mask := uint32(len(s)*8 - 1)
	for _, h := range term {
		h &= mask
		if s[h>>3]&(1<<(h&7)) == 0 {
			return false
		}
	}
	return true
}

// signer collects the trigrams of a text that comes in pieces.
type signer struct {
	set  [maxSignatureBits / 64]uint64
	last uint32
	n    int // bytes seen, up to 2
}

func (s *signer) reset() { *s = signer{} }

func (s *signer) add(b []byte) {
	last, i := s.last, 0
	for ; s.n < 2 && i < len(b); i++ {
		last = last<<8 | uint32(b[i])
		s.n++
	}
	for _, c := range b[i:] {
		last = (last<<8 | uint32(c)) & 0xffffff
		h := trigramHash(last)
		s.set[h>>6] |= 1 << (h & 63)
	}
	s.last = last
}

// signature makes the filter as small as its content allows: halves are laid over each other.
func (s *signer) signature() signature {
	n := 0
	for _, w := range s.set {
		n += bits.OnesCount64(w)
	}
	if n == 0 {
		return nil
	}
	set := s.set[:]
	for half := len(set) / 2; half > 0 && half*64 >= bitsPerTrigram*n; half = len(set) / 2 {
		for i := range half {
			set[i] |= set[half+i]
		}
		set = set[:half]
	}
	out := make(signature, len(set)*8)
	for i, w := range set {
		binary.LittleEndian.PutUint64(out[i*8:], w)
	}
	return out
}

// textSink receives what message.WriteText writes and makes a textDoc of it. With a needle it looks for that in the whole body, however
// much of it is kept.
type textSink struct {
	raw     []byte // not folded yet: it may go on
	folded  []byte
	newline bool // the last byte of the header was a line end
	inBody  bool
	head    []byte
	body    []byte
	cut     bool

	headSign, bodySign signer

	needle []byte
	tail   []byte // the end of the body seen, shorter than needle
	found  bool
}

func (s *textSink) reset(needle []byte) {
	s.raw, s.head, s.body, s.tail = s.raw[:0], s.head[:0], s.body[:0], s.tail[:0]
	s.newline, s.inBody, s.cut, s.found = true, false, false, false
	s.headSign.reset()
	s.bodySign.reset()
	s.needle = needle
}

// Write takes UTF-8. It folds up to the last ASCII character, where folding can be cut.
func (s *textSink) Write(b []byte) (int, error) {
	s.raw = append(s.raw, b...)
	if len(s.raw) < foldPiece {
		return len(b), nil
	}
	end := len(s.raw) - 1
	for end > 0 && s.raw[end] >= 0x80 {
		end--
	}
	if end == 0 && len(s.raw) < 4*foldPiece {
		return len(b), nil
	}
	if end == 0 { // no ASCII for so long: between two characters will do
		for end = len(s.raw) - 1; end > 0 && !utf8.RuneStart(s.raw[end]); {
			end--
		}
	}
	s.fold(end)
	return len(b), nil
}

func (s *textSink) fold(end int) {
	s.folded = message.AppendFold(s.folded[:0], string(s.raw[:end]))
	s.raw = append(s.raw[:0], s.raw[end:]...)
	s.take(s.folded)
}

// take sorts a folded piece into header and body.
func (s *textSink) take(b []byte) {
	if len(b) == 0 {
		return
	}
	if !s.inBody {
		end := -1
		if s.newline && b[0] == '\n' {
			end = 1
		} else if i := bytes.Index(b, []byte("\n\n")); i >= 0 {
			end = i + 2
		}
		head := b
		if end >= 0 {
			head = b[:end]
		}
		s.newline = b[len(b)-1] == '\n'
		if room := maxSearchHead - len(s.head); room > 0 {
			head = head[:min(room, len(head))]
			s.head = append(s.head, head...)
			s.headSign.add(head)
		}
		if end < 0 {
			return
		}
		s.inBody = true
		b = b[end:]
	}
	s.bodySign.add(b)
	if room := maxSearchBody - len(s.body); len(b) > room {
		s.cut = true
		s.body = append(s.body, b[:room]...)
	} else {
		s.body = append(s.body, b...)
	}
	if len(s.needle) > 0 && !s.found {
		s.find(b)
	}
}

// find looks for the needle in b and across its beginning.
func (s *textSink) find(b []byte) {
	keep := len(s.needle) - 1
	s.tail = append(s.tail, b[:min(keep, len(b))]...)
	s.found = bytes.Contains(s.tail, s.needle) || bytes.Contains(b, s.needle)
	if len(b) >= keep {
		s.tail = append(s.tail[:0], b[len(b)-keep:]...)
	} else if len(s.tail) > keep {
		s.tail = append(s.tail[:0], s.tail[len(s.tail)-keep:]...)
	}
}

// doc ends the text. Its head and body are the sink's own and valid until reset.
func (s *textSink) doc(content ContentID) *textDoc {
	s.fold(len(s.raw))
	e := &outline{head: s.headSign.signature(), body: s.bodySign.signature(), day: noDay, cut: s.cut}
	e.readHead(s.head)
	return &textDoc{content: content, entry: e, head: s.head, body: s.body}
}

// readHead takes the main fields and the day out of the folded header.
func (e *outline) readHead(head []byte) {
	var lines []byte
	for len(head) > 0 {
		end := bytes.IndexByte(head, '\n') + 1
		if end == 0 {
			end = len(head)
		}
		line := head[:end]
		head = head[end:]
		colon := bytes.IndexByte(line, ':')
		if colon < 0 || colon+2 > len(line) {
			continue
		}
		name := string(line[:colon+2])
		if name == "DATE: " && e.day == noDay {
			if t := message.ParseDate(string(bytes.TrimSpace(line[colon+2:]))); !t.IsZero() {
				_, offset := t.Zone()
				e.day = dayOf(t.Unix() + int64(offset))
			}
		} else if isMainField(name) {
			lines = append(lines, line...)
		}
	}
	if e.mainCut = len(lines) > maxMainBytes; !e.mainCut {
		e.main = string(lines)
	}
}

// dayOf is the day of unix seconds, rounded down.
func dayOf(unix int64) int32 {
	day := unix / 86400
	if unix%86400 < 0 {
		day--
	}
	return int32(day)
}

// size is about what the entry takes in memory, in bytes.
func (e *outline) size() int { return len(e.head) + len(e.body) + len(e.main) + 160 }

// append and parseOutline are the stored form: flags, day, then the three with their lengths.
func (e *outline) append(dst []byte) []byte {
	var flags byte
	if e.cut {
		flags |= 1
	}
	if e.mainCut {
		flags |= 2
	}
	dst = binary.AppendVarint(append(dst, flags), int64(e.day))
	dst = append(binary.AppendUvarint(dst, uint64(len(e.head))), e.head...)
	dst = append(binary.AppendUvarint(dst, uint64(len(e.body))), e.body...)
	return append(binary.AppendUvarint(dst, uint64(len(e.main))), e.main...)
}

var errOutline = errors.New("a damaged row of the search index")

// parseOutline keeps b.
func parseOutline(b []byte) (*outline, error) {
	if len(b) == 0 {
		return nil, errOutline
	}
	e := &outline{cut: b[0]&1 != 0, mainCut: b[0]&2 != 0}
	day, n := binary.Varint(b[1:])
	if n <= 0 {
		return nil, errOutline
	}
	e.day = int32(day)
	b = b[1+n:]
	var fields [3][]byte
	for i := range fields {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return nil, errOutline
		}
		fields[i] = b[n : n+int(size) : n+int(size)]
		b = b[n+int(size):]
	}
	e.head, e.body, e.main = fields[0], fields[1], string(fields[2])
	for _, s := range [...]signature{e.head, e.body} {
		if len(s)&(len(s)-1) != 0 {
			return nil, errOutline
		}
	}
	return e, nil
}
