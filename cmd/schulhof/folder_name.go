package main

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// folderCode is base64 as mailbox names in modified UTF-7 use it. RFC 3501 §5.1.3.
func folderCode() *base64.Encoding {
	return base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)
}

// folderName is the name of mailbox's folder in a Maildir++: levels behind dots, other than printable ASCII in modified UTF-7.
// A dot within a level is encoded too, which every decoder understands. https://www.courier-mta.org/imap/README.maildirquota.html
func folderName(mailbox string) string {
	var b strings.Builder
	var wide []rune
	flush := func() {
		if len(wide) == 0 {
			return
		}
		var units []byte
		for _, u := range utf16.Encode(wide) {
			units = append(units, byte(u>>8), byte(u))
		}
		b.WriteString("&" + folderCode().EncodeToString(units) + "-")
		wide = wide[:0]
	}
	for _, r := range "/" + mailbox {
		switch {
		case r == '/':
			flush()
			b.WriteByte('.')
		case r == '&':
			flush()
			b.WriteString("&-")
		case r < ' ' || r > '~' || r == '.':
			wide = append(wide, r)
		default:
			flush()
			b.WriteRune(r)
		}
	}
	flush()
	return b.String()
}

// mailboxName is the reverse of folderName; what is no modified UTF-7 is taken as UTF-8.
func mailboxName(folder string) string {
	var levels []string
	for level := range strings.SplitSeq(strings.TrimPrefix(folder, "."), ".") {
		levels = append(levels, strings.ReplaceAll(decodeFolder(level), "/", "_"))
	}
	return strings.Join(levels, "/")
}

func decodeFolder(level string) string {
	var b strings.Builder
	for rest := level; ; {
		plain, coded, found := strings.Cut(rest, "&")
		b.WriteString(plain)
		if !found {
			return strings.ToValidUTF8(b.String(), "_")
		}
		word, after, found := strings.Cut(coded, "-")
		units, err := folderCode().DecodeString(word)
		if !found || err != nil || len(units)%2 != 0 {
			return strings.ToValidUTF8(level, "_")
		}
		if word == "" {
			b.WriteByte('&')
		}
		var wide []uint16
		for i := 0; i < len(units); i += 2 {
			wide = append(wide, uint16(units[i])<<8|uint16(units[i+1]))
		}
		for _, r := range utf16.Decode(wide) {
			if r == utf8.RuneError {
				return strings.ToValidUTF8(level, "_")
			}
			b.WriteRune(r)
		}
		rest = after
	}
}
