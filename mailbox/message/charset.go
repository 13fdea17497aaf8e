package message

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/ianaindex"
)

// encodingOf finds the decoder of a MIME charset name; nil for UTF-8 and ASCII (which need none) and for unknown ones. known tells these apart.
func encodingOf(name string) (e encoding.Encoding, known bool) {
	switch name = lower(strings.TrimSpace(name)); name {
	case "", "us-ascii", "ascii", "utf-8", "utf8", "unicode-1-1-utf-8", "ansi_x3.4-1968":
		return nil, true
	case "utf-7", "unicode-1-1-utf-7":
		return utf7{}, true
	case "cp850", "ibm850", "850":
		return charmap.CodePage850, true
	case "cp437", "ibm437", "437":
		return charmap.CodePage437, true
	}
	if e, _ := charset.Lookup(name); e != nil && e != encoding.Replacement {
		return e, true
	}
	if e, err := ianaindex.MIME.Encoding(name); err == nil && e != nil {
		return e, true
	}
	return nil, false
}

func knownCharset(name string) bool {
	_, known := encodingOf(name)
	return known
}

// toUTF8 decodes b. Without a charset, or where the bytes contradict it, they are UTF-8 if valid, else windows-1252.
func toUTF8(charset string, b []byte) string {
	e, _ := encodingOf(charset)
	if e == nil {
		return rawText(string(b))
	}
	out, err := e.NewDecoder().Bytes(b)
	if err != nil {
		return rawText(string(b))
	}
	return strings.ToValidUTF8(string(out), "\uFFFD")
}

// fromWindows1252 reads each byte as windows-1252; it never fails.
func fromWindows1252(s string) string {
	var b strings.Builder
	b.Grow(len(s) + len(s)/4)
	for i := range len(s) {
		if c := s[i]; c < utf8.RuneSelf {
			b.WriteByte(c)
		} else {
			b.WriteRune(charmap.Windows1252.DecodeByte(c))
		}
	}
	return b.String()
}
