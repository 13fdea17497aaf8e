package vcard

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"schulhof/dav/contentline"
)

// plainValue returns a line's value, still escaped, without the transport encodings of old: some programs write the QUOTED-PRINTABLE of
// vCard 2.1 into 3.0, too. What it cannot decode into UTF-8 it returns as it is.
func plainValue(l *contentline.Line) string {
	if decoded, ok := decodedValue(l); ok {
		return decoded
	}
	return l.Value
}

// decodedValue decodes a value in QUOTED-PRINTABLE; ok is false when it is none, or nothing that is UTF-8.
func decodedValue(l *contentline.Line) (decoded string, ok bool) {
	if !quotedPrintable(l) {
		return "", false
	}
	if charset, ok := l.Param("CHARSET"); ok && !contentline.EqualFold(charset, "UTF-8") && !contentline.EqualFold(charset, "US-ASCII") {
		return "", false
	}
	decoded, ok = decodeQuotedPrintable(l.Value)
	return decoded, ok && utf8.ValidString(decoded)
}

// stillEncoded reports whether the value stays in QUOTED-PRINTABLE, so that the parameters which say so must stay, too.
func stillEncoded(l *contentline.Line) bool {
	_, ok := decodedValue(l)
	return !ok && quotedPrintable(l)
}

func quotedPrintable(l *contentline.Line) bool {
	for i := range l.Params {
		p := &l.Params[i]
		if p.Values == nil && contentline.EqualFold(p.Name, "QUOTED-PRINTABLE") {
			return true
		}
		if contentline.EqualFold(p.Name, "ENCODING") && len(p.Values) == 1 && contentline.EqualFold(p.Values[0], "QUOTED-PRINTABLE") {
			return true
		}
	}
	return false
}

// decodeQuotedPrintable decodes =XX. A line break becomes the escape \n, other control characters go, as everywhere in a value.
func decodeQuotedPrintable(s string) (string, bool) {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '=' {
			if i+1 == len(s) {
				break // a soft line break whose rest got lost
			}
			if i+2 >= len(s) {
				return "", false
			}
			hi, lo := hex(s[i+1]), hex(s[i+2])
			if hi < 0 || lo < 0 {
				return "", false
			}
			c, i = byte(hi<<4|lo), i+2
		}
		switch {
		case c == '\n':
			b.WriteString(`\n`)
		case c >= ' ' || c == '\t':
			b.WriteByte(c)
		}
	}
	return b.String(), true
}

func hex(c byte) int {
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

// inline returns the base64 of a line that carries data, and what type the line says they have: a media type in 4.0's data: URI, a word such
// as JPEG in 3.0; "" when it does not say. RFC 2426 §2.4.1, RFC 6350 §5.7 and §4.2, RFC 2397.
func inline(l *contentline.Line) (base64, mediaType string, ok bool) {
	if rest, ok := cutPrefixFold(l.Value, "data:"); ok {
		head, data, found := strings.Cut(rest, ",")
		head = strings.TrimSuffix(head, `\`) // some escape the comma
		mediaType, isBase64 := cutSuffixFold(head, ";base64")
		mediaType, _, _ = strings.Cut(mediaType, ";")
		return data, strings.TrimSuffix(mediaType, `\`), found && isBase64
	}
	for i := range l.Params {
		p := &l.Params[i]
		switch {
		case p.Values == nil && contentline.EqualFold(p.Name, "BASE64"):
			ok = true
		case contentline.EqualFold(p.Name, "ENCODING") && len(p.Values) > 0:
			ok = ok || contentline.EqualFold(p.Values[0], "B") || contentline.EqualFold(p.Values[0], "BASE64")
		}
	}
	typesOf(l, func(t string) bool { // of several the one that names a format; the others say what the picture is for
		if mediaType == "" && !contentline.EqualFold(t, "PREF") || isMedia(t) && !isMedia(mediaType) {
			mediaType = t
		}
		return true
	})
	return l.Value, mediaType, ok
}

func cutSuffixFold(s, suffix string) (rest string, ok bool) {
	if at := len(s) - len(suffix); at >= 0 && contentline.EqualFold(s[at:], suffix) {
		return s[:at], true
	}
	return s, false
}

// binarySize returns how many bytes the data in a line have, without decoding them; 0 when the line only names a place.
func binarySize(l *contentline.Line) int {
	data, _, ok := inline(l)
	if !ok {
		return 0
	}
	return base64.RawStdEncoding.DecodedLen(len(strings.TrimRight(data, "= \t")))
}

// The media types of what cards carry, by the words of vCard 3.0. RFC 2426 §3.1.4 and §3.7.2 name registered types; these are the ones in use.
var mediaTypes = [...]struct{ word, media string }{
	{"JPEG", "image/jpeg"}, {"JPG", "image/jpeg"}, {"PNG", "image/png"}, {"GIF", "image/gif"}, {"WEBP", "image/webp"}, {"HEIC", "image/heic"},
	{"BMP", "image/bmp"}, {"TIFF", "image/tiff"}, {"SVG", "image/svg+xml"},
	{"WAVE", "audio/wav"}, {"BASIC", "audio/basic"}, {"AAC", "audio/aac"}, {"OGG", "audio/ogg"}, {"MP3", "audio/mpeg"},
	{"PGP", "application/pgp-keys"}, {"X509", "application/pkix-cert"},
}

// isMedia reports whether a TYPE of 3.0 names a format.
func isMedia(word string) bool {
	if strings.Contains(word, "/") {
		return true
	}
	for _, m := range mediaTypes {
		if contentline.EqualFold(m.word, word) {
			return true
		}
	}
	return false
}

// isURI reports whether s begins with a scheme. RFC 3986 §3.1.
func isURI(s string) bool {
	scheme, _, ok := strings.Cut(s, ":")
	return ok && isToken(scheme) && (scheme[0]|0x20) >= 'a' && (scheme[0]|0x20) <= 'z'
}

// mediaOf returns the media type for a word of 3.0, for data that may tell what they are. class is where unknown words belong: "image".
func mediaOf(word, class, data string) string {
	for _, m := range mediaTypes {
		if contentline.EqualFold(m.word, word) {
			return m.media
		}
	}
	switch {
	case strings.Contains(word, "/"):
		return strings.ToLower(word)
	case isToken(word):
		return class + "/" + strings.ToLower(word)
	case strings.HasPrefix(data, "/9j/"):
		return "image/jpeg"
	case strings.HasPrefix(data, "iVBOR"):
		return "image/png"
	case strings.HasPrefix(data, "R0lG"):
		return "image/gif"
	}
	return "application/octet-stream"
}

// wordOf is the reverse: image/jpeg is JPEG, and what has no word of its own is called by its subtype.
func wordOf(media string) string {
	for _, m := range mediaTypes {
		if contentline.EqualFold(m.media, media) {
			return m.word
		}
	}
	_, subtype, _ := strings.Cut(media, "/")
	if media == "application/octet-stream" || !isToken(subtype) {
		return ""
	}
	return strings.ToUpper(subtype)
}

// isToken reports whether s is a word of letters, digits, hyphens and pluses.
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') && s[i] != '-' && s[i] != '+' && s[i] != '.' {
			return false
		}
	}
	return s != ""
}
