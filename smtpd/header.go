package smtpd

import (
	"bytes"
	"iter"
	"strings"

	"schulhof/mailbox/message"
)

// field is one header field of a block: raw is all of it with its line ends, name is "" for a line that is none.
type field struct {
	name []byte
	raw  []byte
}

// is compares the name; case does not count.
func (f field) is(name string) bool {
	return len(f.name) == len(name) && strings.EqualFold(string(f.name), name)
}

// value is what follows the colon, still folded.
func (f field) value() []byte { return f.raw[bytes.IndexByte(f.raw, ':')+1:] }

// headerEnd returns where the header of b ends (behind the CRLF of its last field) and where the body begins
// (behind the blank line). from is how much was looked at before. found is false while neither is known.
func headerEnd(b []byte, from int) (end, body int, found bool) {
	if bytes.HasPrefix(b, crlf) {
		return 0, 2, true
	}
	from = max(0, from-3)
	i := bytes.Index(b[from:], []byte("\r\n\r\n"))
	if i < 0 {
		return 0, 0, false
	}
	return from + i + 2, from + i + 4, true
}

// fields iterates over a header block, in one pass. A folded field comes whole; a line without a colon is a
// field without a name.
func fields(block []byte) iter.Seq[field] {
	return func(yield func(field) bool) {
		for len(block) > 0 {
			end := lineEnd(block, 0)
			for end < len(block) && (block[end] == ' ' || block[end] == '\t') {
				end = lineEnd(block, end)
			}
			raw := block[:end]
			block = block[end:]
			if !yield(field{name: fieldName(raw), raw: raw}) {
				return
			}
		}
	}
}

// lineEnd is the index behind the line that begins at from.
func lineEnd(b []byte, from int) int {
	if i := bytes.IndexByte(b[from:], '\n'); i >= 0 {
		return from + i + 1
	}
	return len(b)
}

// fieldName is what stands before the colon; blanks before it are the obsolete form (RFC 5322 §4.5).
func fieldName(raw []byte) []byte {
	i := bytes.IndexByte(raw, ':')
	if i <= 0 {
		return nil
	}
	name := bytes.TrimRight(raw[:i], " \t")
	for _, c := range name {
		if c <= ' ' || c >= 0x7f {
			return nil
		}
	}
	return name
}

// unfold joins a value's lines and trims it. RFC 5322 §2.2.3.
func unfold(value []byte) string {
	return strings.TrimSpace(strings.NewReplacer("\r\n", "", "\n", "").Replace(string(value)))
}

// cleanInbound checks the header of a message from elsewhere and takes out what only we may write there:
// Return-Path, Delivered-To of our domains, Authentication-Results in our name (RFC 8601 §5). With spam also what programs and people's
// filters believe about unwanted mail: a sender's word about that does not count. local tells which domains are ours. head itself stays as
// it is; it is returned when nothing had to go.
func cleanInbound(head []byte, hostname string, spam bool, local func(domain string) bool) ([]byte, reply) {
	var from, hops, gone int
	var drop [][2]int
	at := 0
	for f := range fields(head) {
		start := at
		at += len(f.raw)
		remove := false
		switch {
		case f.is("From"):
			from++
		case f.is("Received"):
			hops++
		case f.is("Return-Path"):
			remove = true
		case f.is("Delivered-To"):
			_, domain, _ := message.CutAddress(unfold(f.value()))
			remove = local(strings.Trim(domain, "<> "))
		case f.is("Authentication-Results"):
			remove = strings.EqualFold(authServID(unfold(f.value())), hostname)
		case spam && isSpamField(f.name):
			remove = true
		}
		if remove {
			drop = append(drop, [2]int{start, at})
			gone += len(f.raw)
		}
	}
	switch {
	case from > 1:
		return nil, badTwoFrom
	case hops > maxHops:
		return nil, badHops
	case len(drop) == 0:
		return head, okDone
	}
	clean := make([]byte, 0, len(head)-gone)
	kept := 0
	for _, d := range drop {
		clean = append(clean, head[kept:d[0]]...)
		kept = d[1]
	}
	return append(clean, head[kept:]...), okDone
}

// isSpamField reports the names that SpamAssassin and its successors made known.
func isSpamField(name []byte) bool {
	const prefix = "X-Spam-"
	if len(name) <= len(prefix) || !strings.EqualFold(string(name[:len(prefix)]), prefix) {
		return false
	}
	switch strings.ToLower(string(name[len(prefix):])) {
	case "status", "flag", "score", "level", "bar", "report", "reason":
		return true
	}
	return false
}

// authServID is the first word of an Authentication-Results value, comments left out. RFC 8601 §2.2.
func authServID(value string) string {
	depth := 0
	start := -1
	for i := range len(value) {
		switch c := value[i]; {
		case c == '(':
			if start >= 0 {
				return strings.Trim(value[start:i], `"`)
			}
			depth++
		case c == ')' && depth > 0:
			depth--
		case depth > 0:
		case c == ' ' || c == '\t' || c == ';':
			if start >= 0 {
				return strings.Trim(value[start:i], `"`)
			}
		case start < 0:
			start = i
		}
	}
	if start < 0 {
		return ""
	}
	return strings.Trim(value[start:], `"`)
}
