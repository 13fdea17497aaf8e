package message

import "strings"

// param is one parameter with its continuations joined (RFC 2231 §3). extended: value is charset'language'percent-encoded.
type param struct {
	name     string // lower case, without "*"
	value    string
	extended bool
}

// token splits a MIME token (RFC 2045 §5.1) off s, after white space and comments.
func token(s string) (tok, rest string) {
	s = skipComments(s)
	i := 0
	for i < len(s) && tokenByte(s[i]) {
		i++
	}
	return s[:i], skipComments(s[i:])
}

func tokenByte(c byte) bool {
	return c > ' ' && c < 0x7f && strings.IndexByte(`()<>@,;:\"/[]?=`, c) < 0
}

// skipComments drops white space and comments at s's beginning.
func skipComments(s string) string {
	for {
		s = strings.TrimLeft(s, " \t")
		if s == "" || s[0] != '(' {
			return s
		}
		s = s[CommentLen(s):]
	}
}

// CommentLen is the length of the comment that s begins with, nested ones included; an open one reaches to the end. RFC 5322 §3.2.2.
func CommentLen(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// parseParams reads "; name=value; …" leniently: missing semicolons before the first, unquoted values with spaces, stray text.
// They are appended to list, which is empty.
func parseParams(list []param, s string) []param {
	var parts []continuation
	for n := 0; n < MaxParams; n++ {
		s = strings.TrimLeft(s, " \t;")
		if s == "" {
			break
		}
		eq := strings.IndexAny(s, "=;")
		if eq < 0 {
			break
		}
		name := strings.TrimRight(s[:eq], " \t")
		if s[eq] == ';' {
			s = s[eq:]
			continue
		}
		var value string
		value, s = paramValue(s[eq+1:])
		name, _ = token(name)
		if name == "" {
			continue
		}
		if strings.IndexByte(name, '*') < 0 {
			list = appendParam(list, param{lower(name), value, false})
			continue
		}
		c, ok := splitContinuation(lower(name), value)
		if !ok {
			continue
		}
		if parts == nil || !known(parts, c.name) {
			list = append(list, param{c.name, "", true}) // keeps its place; filled below
		}
		parts = append(parts, c)
	}
	return joinContinuations(list, parts)
}

// appendParam adds p unless its name is taken: the first one counts.
func appendParam(list []param, p param) []param {
	for _, q := range list {
		if q.name == p.name && !q.extended {
			return list
		}
	}
	return append(list, p)
}

// paramValue reads a quoted string or what stands before the next semicolon.
func paramValue(s string) (value, rest string) {
	s = strings.TrimLeft(s, " \t")
	if s == "" || s[0] != '"' {
		end := strings.IndexByte(s, ';')
		if end < 0 {
			end = len(s)
		}
		value = s[:end]
		if i := strings.IndexByte(value, '('); i > 0 && (value[i-1] == ' ' || value[i-1] == '\t') {
			value = value[:i]
		}
		return strings.TrimRight(value, " \t"), s[end:]
	}
	value, n := unquote(s)
	rest = s[n:]
	if i := strings.IndexByte(rest, ';'); i >= 0 {
		return value, rest[i:]
	}
	return value, ""
}

// unquote reads the quoted string that s begins with; n is its length with the quotes. An open one reaches to the end.
func unquote(s string) (value string, n int) {
	escaped := false
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			escaped = true
			i++
		case '"':
			if !escaped {
				return s[1:i], i + 1
			}
			return unescape(s[1:i]), i + 1
		}
	}
	if escaped {
		return unescape(s[1:]), len(s)
	}
	return s[1:], len(s)
}

// unescape resolves quoted pairs. A backslash before a character that needs none is kept, because Windows paths are sent so.
func unescape(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && strings.IndexByte(`\"()@,;:<>. `, s[i+1]) >= 0 {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// continuation is one piece of a parameter: name*, name*0, name*0*.
type continuation struct {
	name     string
	value    string
	index    int
	extended bool
}

// splitContinuation reads the stars of an RFC 2231 parameter name. ok is false for a number that is none.
func splitContinuation(name, value string) (c continuation, ok bool) {
	c.value = value
	if strings.HasSuffix(name, "*") {
		c.extended = true
		name = name[:len(name)-1]
	}
	base, number, numbered := strings.Cut(name, "*")
	c.name = base
	if !numbered {
		return c, base != ""
	}
	for i := range len(number) {
		if number[i] < '0' || number[i] > '9' || i > 3 {
			return c, false
		}
		c.index = c.index*10 + int(number[i]-'0')
	}
	return c, base != "" && number != ""
}

func known(parts []continuation, name string) bool {
	for _, c := range parts {
		if c.name == name {
			return true
		}
	}
	return false
}

// joinContinuations fills the places that parseParams kept in list. Pieces count in the order of their numbers, up to the first gap.
func joinContinuations(list []param, parts []continuation) []param {
	if parts == nil {
		return list
	}
	kept := list[:0]
	for _, p := range list {
		if !p.extended {
			kept = append(kept, p)
			continue
		}
		if p.value, p.extended = joinPieces(parts, p.name); p.value != "" {
			kept = append(kept, p)
		}
	}
	return kept
}

// joinPieces concatenates name's pieces. If any is percent-encoded, the plain ones are encoded too.
func joinPieces(parts []continuation, name string) (value string, extended bool) {
	var pieces []continuation
	for next := 0; ; next++ {
		i := indexPiece(parts, name, next)
		if i < 0 {
			break
		}
		pieces = append(pieces, parts[i])
		extended = extended || parts[i].extended
	}
	if len(pieces) == 0 {
		return "", false
	}
	extended = extended && pieces[0].extended // without charset'language' at the front there is nothing to decode by
	var b strings.Builder
	for _, c := range pieces {
		if extended && !c.extended {
			b.WriteString(percentEncode(c.value))
			continue
		}
		b.WriteString(c.value)
	}
	return b.String(), extended
}

func indexPiece(parts []continuation, name string, index int) int {
	for i, c := range parts {
		if c.index == index && c.name == name {
			return i
		}
	}
	return -1
}

const hexDigits = "0123456789ABCDEF"

// percentEncode writes s so that it may stand in an extended value. RFC 2231 §7 (attribute-char).
func percentEncode(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; tokenByte(c) && c != '*' && c != '\'' && c != '%' {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hexDigits[c>>4], hexDigits[c&15]})
		}
	}
	return b.String()
}

// decode returns the parameter's meaning in UTF-8. Encoded words, which RFC 2047 §5 forbids here, are decoded all the same: programs send them.
func (p param) decode() string {
	if !p.extended {
		return DecodeHeader(p.value)
	}
	charset, rest, ok := strings.Cut(p.value, "'")
	if ok {
		_, rest, ok = strings.Cut(rest, "'")
	}
	if !ok {
		charset, rest = "", p.value
	}
	return toUTF8(charset, percentDecode(rest))
}

func percentDecode(s string) []byte {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if hi, lo := unhex(s[i+1]), unhex(s[i+2]); hi >= 0 && lo >= 0 {
				b = append(b, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return b
}

// unhex is the value of a hexadecimal digit, or -1.
func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

// decodedParam finds name's meaning; the RFC 2231 form is preferred.
func decodedParam(list []param, name string) string {
	found := -1
	for i, p := range list {
		if p.name == name && (found < 0 || p.extended) {
			found = i
		}
	}
	if found < 0 {
		return ""
	}
	return list[found].decode()
}

// cleanName makes a file name safe to show: no control characters, no characters that reverse the reading direction, bounded.
func cleanName(s string) string { return truncate(clean(s), maxName) }
