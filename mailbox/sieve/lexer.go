package sieve

import (
	"strings"
	"unicode/utf8"
)

// kind is what a token or an argument is.
type kind uint8

const (
	end kind = iota
	identifier
	tagName // with its colon, in lower case
	number
	text      // a string of either form
	textList  // an argument only
	semicolon // the rest are their characters
	comma
	openBlock
	closeBlock
	openTests
	closeTests
	openList
	closeList
)

func (k kind) String() string {
	return [...]string{"the end of the script", "a word", "a tag", "a number", "a string", "a list of strings",
		`";"`, `","`, `"{"`, `"}"`, `"("`, `")"`, `"["`, `"]"`}[k]
}

// token is one word of the script. RFC 5228 §8.1.
type token struct {
	kind   kind
	offset int
	text   string // of a string: unescaped
	number int64
}

// lexer cuts a script into tokens, in one pass.
type lexer struct {
	in string
	at int
}

// fault is what lexer and parser end with: they know nothing to go on with.
type fault struct {
	offset int
	text   string
}

func (f *fault) Error() string { return f.text }

func (l *lexer) next() (token, error) {
	if err := l.blank(); err != nil {
		return token{}, err
	}
	t := token{offset: l.at}
	if l.at == len(l.in) {
		return t, nil
	}
	c := l.in[l.at]
	if i := strings.IndexByte(";,{}()[]", c); i >= 0 {
		l.at++
		t.kind = semicolon + kind(i)
		return t, nil
	}
	var err error
	switch {
	case c == '"':
		t.kind = text
		t.text, err = l.quoted()
	case c >= '0' && c <= '9':
		t.kind = number
		t.number, err = l.number()
	case c == ':':
		l.at++
		t.kind, t.text = tagName, ":"+l.word()
		if t.text == ":" {
			err = &fault{t.offset, "a tag needs a name behind its colon"}
		}
	case isLetter(c):
		t.kind, t.text = identifier, l.word()
		if t.text == "text" && l.at < len(l.in) && l.in[l.at] == ':' {
			l.at++
			t.kind = text
			t.text, err = l.multiLine(t.offset)
		}
	default:
		_, size := utf8.DecodeRuneInString(l.in[l.at:])
		err = &fault{l.at, "unexpected character " + quoteShort(l.in[l.at:l.at+size])}
	}
	return t, err
}

// blank skips white space and comments. RFC 5228 §2.2 and §2.3.
func (l *lexer) blank() error {
	for l.at < len(l.in) {
		switch rest := l.in[l.at:]; {
		case strings.IndexByte(" \t\r\n", rest[0]) >= 0:
			l.at++
		case rest[0] == '#':
			end := strings.IndexByte(rest, '\n')
			if end < 0 {
				end = len(rest)
			}
			l.at += end
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				return &fault{l.at, `the comment does not end with "*/"`}
			}
			l.at += end + 4
		default:
			return nil
		}
	}
	return nil
}

// word reads an identifier, in lower case.
func (l *lexer) word() string {
	begin := l.at
	for l.at < len(l.in) && (isLetter(l.in[l.at]) || l.at > begin && l.in[l.at] >= '0' && l.in[l.at] <= '9') {
		l.at++
	}
	return strings.ToLower(l.in[begin:l.at])
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }

// number reads digits and one of K, M, G: powers of 1,024. RFC 5228 §2.4.1.
func (l *lexer) number() (int64, error) {
	const most = 1 << 53
	begin := l.at
	n := int64(0)
	for ; l.at < len(l.in) && l.in[l.at] >= '0' && l.in[l.at] <= '9'; l.at++ {
		if n = n*10 + int64(l.in[l.at]-'0'); n > most {
			return 0, &fault{begin, "the number is too large"}
		}
	}
	if l.at < len(l.in) {
		if i := strings.IndexByte("KMG", l.in[l.at]&^0x20); i >= 0 && isLetter(l.in[l.at]) {
			l.at++
			shift := 10 * (i + 1)
			if n > most>>shift {
				return 0, &fault{begin, "the number is too large"}
			}
			n <<= shift
		}
	}
	if l.at < len(l.in) && isLetter(l.in[l.at]) {
		return 0, &fault{begin, "a number ends with a digit, K, M or G"}
	}
	return n, nil
}

// quoted reads "…", where a backslash makes the next character literal. RFC 5228 §2.4.2.
func (l *lexer) quoted() (string, error) {
	begin := l.at
	l.at++
	var b strings.Builder
	for l.at < len(l.in) {
		stop := strings.IndexAny(l.in[l.at:], `"\`)
		if stop < 0 {
			break
		}
		b.WriteString(l.in[l.at : l.at+stop])
		l.at += stop + 1
		if l.in[l.at-1] == '"' {
			return checkLength(begin, b.String())
		}
		if l.at < len(l.in) {
			b.WriteByte(l.in[l.at])
			l.at++
		}
	}
	return "", &fault{begin, "the string does not end"}
}

// multiLine reads what follows "text:": lines until one with a single dot. RFC 5228 §2.4.2.
func (l *lexer) multiLine(begin int) (string, error) {
	first, ok := l.line()
	if first = strings.TrimLeft(first, " \t"); !ok || first != "" && first[0] != '#' {
		return "", &fault{begin, `"text:" is followed by the end of its line`}
	}
	var b strings.Builder
	for {
		line, ok := l.line()
		switch {
		case line == ".":
			return checkLength(begin, b.String())
		case !ok:
			return "", &fault{begin, `the text does not end with a line "."`}
		}
		b.WriteString(strings.TrimPrefix(line, "."))
		b.WriteString("\r\n")
	}
}

// line reads to the next line end; ok is false when the script ends first.
func (l *lexer) line() (line string, ok bool) {
	line, _, ok = strings.Cut(l.in[l.at:], "\n")
	l.at += len(line)
	if ok {
		l.at++
	}
	return strings.TrimSuffix(line, "\r"), ok
}

func checkLength(begin int, s string) (string, error) {
	if len(s) > maxString {
		return "", &fault{begin, "the string is too long"}
	}
	return s, nil
}

// quoteShort is s as it may stand in a message to people.
func quoteShort(s string) string {
	if len(s) > 60 {
		s = s[:57] + "..."
	}
	return `"` + strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c == utf8.RuneError {
			return '?'
		}
		return c
	}, s) + `"`
}
