package sieve

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// phrase is a string of a script: fixed, or with variables between its parts. RFC 5229 §3.
type phrase struct {
	offset int
	fixed  string
	parts  []part // nil: fixed is all of it
}

// part is literal text, or a variable.
type part struct {
	literal  string
	variable string // lower case; "" for none
	match    int    // of a numbered variable; -1 for a named one
}

// newPhrase decodes encoded characters, then looks for variables: in this order, because what was decoded may be part of a
// variable's name. RFC 5229 §3.
func (c *checker) newPhrase(arg *argument) phrase {
	p := phrase{offset: arg.offset, fixed: arg.text}
	if !strings.Contains(p.fixed, "${") {
		return p
	}
	if c.uses("encoded-character") {
		p.fixed = c.decodeCharacters(arg.offset, p.fixed)
	}
	if c.uses("variables") {
		c.split(&p)
	}
	return p
}

// split finds the variables.
func (c *checker) split(p *phrase) {
	rest, literal := p.fixed, 0
	var parts []part
	for i := 0; i < len(rest); {
		next := strings.Index(rest[i:], "${")
		if next < 0 {
			break
		}
		i += next
		close := strings.IndexByte(rest[i:], '}')
		if close < 0 {
			break
		}
		v, ok := c.variable(p.offset, rest[i+2:i+close])
		if !ok {
			i += 2
			continue
		}
		if i > literal {
			parts = append(parts, part{literal: rest[literal:i]})
		}
		parts = append(parts, v)
		i += close + 1
		literal = i
	}
	if parts == nil {
		return
	}
	if literal < len(rest) {
		parts = append(parts, part{literal: rest[literal:]})
	}
	p.parts = parts
}

// variable reads what stands between the braces; ok is false for text that is no variable and stays as it is.
func (c *checker) variable(offset int, name string) (v part, ok bool) {
	if name == "" || len(name) > 4*maxName {
		return v, false
	}
	if name[0] >= '0' && name[0] <= '9' {
		n, err := strconv.Atoi(name)
		if err != nil {
			return v, false
		}
		if n >= maxMatches {
			c.fail(offset, "there are no match variables above ${%d}", maxMatches-1)
		}
		return part{match: n, variable: name}, true
	}
	name, ok = c.variableName(offset, name)
	return part{variable: name, match: -1}, ok
}

// variableName checks a name with its name space; ok is false when it has not the form of one.
func (c *checker) variableName(offset int, name string) (string, bool) {
	name = strings.ToLower(name)
	for word := range strings.SplitSeq(name, ".") {
		if word == "" || len(word) > maxName {
			return "", false
		}
		for i := range len(word) {
			if !isLetter(word[i]) && (i == 0 || word[i] < '0' || word[i] > '9') {
				return "", false
			}
		}
	}
	space, _, spaced := strings.Cut(name, ".")
	if spaced && (space != "global" || !c.uses("include") || strings.Count(name, ".") > 1) {
		c.fail(offset, "there is no name space %s for variables", quoteShort(space))
	}
	return name, true
}

// expand is the phrase as the run has it now.
func (r *run) expand(p *phrase) string {
	if p.parts == nil {
		return p.fixed
	}
	var b strings.Builder
	for i := range p.parts {
		switch v := &p.parts[i]; {
		case v.variable == "":
			b.WriteString(v.literal)
		case v.match >= 0:
			b.WriteString(r.match(v.match))
		default:
			b.WriteString(r.value(v.variable))
		}
		if b.Len() > maxString {
			break
		}
	}
	return b.String()
}

func (r *run) expandAll(list []phrase) []string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = r.expand(&list[i])
	}
	return out
}

// decodeCharacters replaces ${hex: …} and ${unicode: …}; whatever has not exactly this form stays as it is. RFC 5228 §2.4.2.4.
func (c *checker) decodeCharacters(offset int, s string) string {
	var b strings.Builder
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			break
		}
		b.WriteString(s[:i])
		s = s[i:]
		decoded, size := c.encoded(offset, s)
		if size == 0 {
			decoded, size = s[:2], 2
		}
		b.WriteString(decoded)
		s = s[size:]
	}
	b.WriteString(s)
	return b.String()
}

// encoded decodes what s begins with; size 0: it is nothing of that kind.
func (c *checker) encoded(offset int, s string) (decoded string, size int) {
	name, rest, found := strings.Cut(s[2:], ":")
	digits, _, closed := strings.Cut(rest, "}")
	unicode := strings.EqualFold(name, "unicode")
	if !found || !closed || !unicode && !strings.EqualFold(name, "hex") {
		return "", 0
	}
	words := strings.FieldsFunc(digits, func(c rune) bool { return c < 0x80 && strings.IndexByte(" \t\r\n", byte(c)) >= 0 })
	if len(words) == 0 {
		return "", 0
	}
	var b strings.Builder
	for _, w := range words {
		if strings.Trim(w, "0123456789abcdefABCDEF") != "" || !unicode && len(w) > 2 {
			return "", 0
		}
		n, err := strconv.ParseUint(w, 16, 32)
		switch {
		case unicode && (err != nil || n > utf8.MaxRune || n >= 0xd800 && n < 0xe000):
			c.fail(offset, "%s is no Unicode character", quoteShort(w))
		case unicode:
			b.WriteRune(rune(n))
		default:
			b.WriteByte(byte(n))
		}
	}
	return b.String(), 2 + len(name) + 1 + len(digits) + 1
}
