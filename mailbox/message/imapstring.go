package message

import "mime"

// The forms in which text leaves for IMAP: quoted strings and NIL only (RFC 9051 §4.3), so that a client can read a whole answer line by line.

// appendNString appends s as a quoted string, or NIL if it is empty. utf8OK: the client understands UTF-8 in quoted strings;
// otherwise raw 8-bit becomes encoded words (RFC 2047), of the whole text because they may not stand inside of others.
func appendNString(dst []byte, s string, utf8OK bool) []byte {
	if s == "" {
		return append(dst, "NIL"...)
	}
	return appendString(dst, s, utf8OK)
}

// appendString is appendNString, but with "" for an empty s.
func appendString(dst []byte, s string, utf8OK bool) []byte {
	if IsASCII(s) {
		return appendQuoted(dst, s)
	}
	if utf8OK {
		return appendQuoted(dst, rawText(s))
	}
	return appendQuoted(dst, mime.QEncoding.Encode("utf-8", DecodeHeader(s)))
}

// appendQuoted appends s, which is ASCII or valid UTF-8, in quotes. NUL, CR and LF cannot be quoted and are left out.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := range len(s) {
		switch s[i] {
		case '"', '\\':
			dst = append(append(dst, s[from:i]...), '\\')
			from = i
		case 0, '\r', '\n':
			dst = append(dst, s[from:i]...)
			from = i + 1
		}
	}
	return append(append(dst, s[from:]...), '"')
}
