package message

import (
	"strings"
	"unicode/utf8"
)

const (
	foldAt      = 76  // characters of a line, where blanks allow; RFC 2047 §2
	maxWord     = 900 // characters of a word that is written as it is; RFC 5322 §2.1.1 allows 998 in a line
	encodedText = 48  // characters of an encoded word's text, so that a name fits beside it
)

// AppendField writes a header field whose value is text: in lines of at most 76 characters where its blanks allow; control characters become
// blanks, so that a value cannot begin a field of its own; anything but ASCII, what reads like an encoded word, and words that fit in no line
// are written as encoded words. RFC 5322 §2.2.3, RFC 2047.
func AppendField(dst []byte, name, value string) []byte {
	value = strings.Trim(strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c == utf8.RuneError {
			return ' '
		}
		return c
	}, value), " ")
	words := strings.Split(value, " ")
	if mustEncode(value, words) {
		words = encodedWords(value)
	}
	dst = append(append(dst, name...), ':')
	column, first := len(name)+1, true
	for _, word := range words {
		if word != "" && !first && column+1+len(word) > foldAt {
			dst, column = append(dst, "\r\n"...), 0
		}
		dst = append(append(dst, ' '), word...)
		column += 1 + len(word)
		first = first && word == ""
	}
	return append(dst, "\r\n"...)
}

func mustEncode(value string, words []string) bool {
	if !IsASCII(value) {
		return true
	}
	for _, word := range words {
		if len(word) > maxWord {
			return true
		}
	}
	return strings.Contains(value, "=?")
}

// IsASCII reports whether s can be sent as it is where 7-bit text alone may be.
func IsASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// encodedWords splits a text where characters begin. RFC 2047 §4.2 and §5.
func encodedWords(text string) (words []string) {
	const begin, end = "=?utf-8?q?", "?="
	word := begin
	for _, c := range text {
		one := encodedRune(c)
		if len(word)+len(one) > len(begin)+encodedText {
			words, word = append(words, word+end), begin
		}
		word += one
	}
	return append(words, word+end)
}

// encodedRune is a character in the Q encoding.
func encodedRune(c rune) string {
	const hex = "0123456789ABCDEF"
	switch {
	case c == ' ':
		return "_"
	case c > ' ' && c < utf8.RuneSelf && c != '=' && c != '?' && c != '_':
		return string(c)
	}
	var b []byte
	for _, x := range []byte(string(c)) {
		b = append(b, '=', hex[x>>4], hex[x&15])
	}
	return string(b)
}
