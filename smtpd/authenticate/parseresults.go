package authenticate

import (
	"strings"

	"schulhof/mailbox/message"
)

// finding is one result in an Authentication-Results field.
type finding struct {
	method, value string // lower case
	properties    map[string]string
}

// parseResults reads the value of an Authentication-Results field: who writes, and what was found. Comments are passed over. RFC 8601 §2.2.
func parseResults(value string) (id string, list []finding, ok bool) {
	for i, part := range splitResults(value) {
		if i > maxTags {
			return id, list, false
		}
		if i == 0 {
			if len(part) == 0 {
				return "", nil, false
			}
			id = part[0]
			continue
		}
		if len(part) == 0 || len(part) == 1 && strings.EqualFold(part[0], "none") {
			continue
		}
		method, result, found := strings.Cut(part[0], "=")
		method, _, _ = strings.Cut(method, "/") // its version
		if !found {
			return id, list, false
		}
		f := finding{method: lowered(method), value: lowered(result), properties: map[string]string{}}
		for _, word := range part[1:] {
			if name, text, found := strings.Cut(word, "="); found {
				f.properties[lowered(name)] = text
			}
		}
		list = append(list, f)
	}
	return id, list, id != ""
}

// lowered has the letters of ASCII, of which names and results consist, in lower case, and all else as it is.
func lowered(s string) string {
	b := []byte(s)
	for i := range b {
		b[i] = lower(b[i])
	}
	return string(b)
}

// splitResults cuts value into words, by its semicolons: comments are left out, quotes are taken off, white space around "=" goes.
func splitResults(value string) (parts [][]string) {
	var words []string
	var word strings.Builder
	begun := false
	open := false // word ends with "=" outside of quotes: its value follows
	end := func() {
		if begun {
			words = append(words, word.String())
		}
		word.Reset()
		begun, open = false, false
	}
	for i := 0; i < len(value); {
		switch c := value[i]; c {
		case '(':
			i += message.CommentLen(value[i:])
		case '"':
			var text string
			text, i = readQuoted(value, i)
			word.WriteString(text)
			begun, open = true, false
		case ' ', '\t', '\r', '\n':
			for i < len(value) && strings.IndexByte(" \t\r\n", value[i]) >= 0 {
				i++
			}
			if i < len(value) && value[i] == '=' || open {
				continue
			}
			end()
		case ';':
			end()
			parts, words = append(parts, words), nil
			i++
		default:
			word.WriteByte(c)
			begun, open = true, c == '='
			i++
		}
	}
	end()
	return append(parts, words)
}

// readQuoted is the text of the quoted-string that begins at i, and the index behind it.
func readQuoted(s string, i int) (text string, next int) {
	var b strings.Builder
	for i++; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case c == '"':
			return b.String(), i + 1
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), len(s)
}
