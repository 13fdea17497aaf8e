package spam

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"schulhof/directory"
)

// tokenizer takes the words out of a message's text, which comes as message.WriteText writes it: header lines, an empty line, bodies.
// A word counts once. Words are only hashed, never kept.
type tokenizer struct {
	tokens []uint64
	seen   map[uint64]struct{}

	inBody bool
	line   []byte // of the header, until it is whole
	word   []byte
	long   bool // the word under way is none: it is too long
}

func newTokenizer() *tokenizer { return &tokenizer{seen: make(map[uint64]struct{}, maxTokens)} }

// Write implements io.Writer. It never fails.
func (t *tokenizer) Write(b []byte) (int, error) {
	n := len(b)
	for !t.inBody && len(b) > 0 {
		end := bytes.IndexByte(b, '\n')
		part := b
		if end >= 0 {
			part = b[:end]
		}
		if room := maxTokenLine - len(t.line); room > 0 {
			t.line = append(t.line, part[:min(room, len(part))]...)
		}
		if end < 0 {
			return n, nil
		}
		b = b[end+1:]
		t.headerLine()
	}
	t.words("", b, isWordByte)
	return n, nil
}

// headerLine takes what tells people's mail apart: the subject, who writes, the list. The rest is the way a message took.
func (t *tokenizer) headerLine() {
	line := t.line
	t.line = t.line[:0]
	if len(line) == 0 {
		t.inBody = true
		return
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	switch strings.ToLower(string(name)) {
	case "subject":
		t.words("s:", value, isWordByte)
		t.end("s:")
	case "from", "reply-to", "list-id":
		t.words("f:", value, isAddressByte)
		t.end("f:")
	}
}

// words hashes the words of b, which may go on with the next call.
func (t *tokenizer) words(prefix string, b []byte, in func(c byte) bool) {
	for _, c := range b {
		switch {
		case !in(c):
			t.end(prefix)
		case t.long:
		case len(t.word) == maxWordBytes:
			t.long = true
		case 'A' <= c && c <= 'Z':
			t.word = append(t.word, c+'a'-'A')
		default:
			t.word = append(t.word, c)
		}
	}
}

// end ends a word.
func (t *tokenizer) end(prefix string) {
	word := bytes.Trim(t.word, "-'.")
	if !t.long && len(word) >= minWordBytes {
		t.add(prefix, word)
		if at := bytes.LastIndexByte(word, '@'); at >= 0 && at+1 < len(word) { // the domain as well
			t.add(prefix, word[at+1:])
		}
	}
	t.word, t.long = t.word[:0], false
}

func (t *tokenizer) add(prefix string, word []byte) {
	if len(t.tokens) == maxTokens {
		return
	}
	if bytes.ContainsFunc(word, func(r rune) bool { return r >= utf8.RuneSelf }) {
		word = bytes.ToLower(word)
	}
	h := hash(hash(offset, prefix), word)
	if _, ok := t.seen[h]; !ok {
		t.seen[h] = struct{}{}
		t.tokens = append(t.tokens, h)
	}
}

// done ends the text.
func (t *tokenizer) done() []uint64 {
	if !t.inBody && len(t.line) > 0 {
		t.headerLine()
	}
	t.end("")
	return t.tokens
}

func isWordByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c >= utf8.RuneSelf || c == '-' || c == '\'' || c == '$'
}

func isAddressByte(c byte) bool { return isWordByte(c) || c == '@' || c == '.' || c == '_' }

// FNV-1a. http://www.isthe.com/chongo/tech/comp/fnv/
const (
	offset = 14695981039346656037
	prime  = 1099511628211
)

func hash[T ~string | ~[]byte](h uint64, s T) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * prime
	}
	return h
}

// personal is a token as one person's rows have it: the same word is another number for everybody.
func personal(token uint64, owner directory.ID) int64 {
	key := (uint64(owner) + offset) * prime
	key = (key ^ key>>29) * prime
	token = (token ^ key ^ key>>31) * prime
	return int64((token ^ token>>29) * prime >> 1)
}
