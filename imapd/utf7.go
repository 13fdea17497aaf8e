package imapd

import (
	"unicode/utf16"
	"unicode/utf8"
)

// utf7Alphabet is base64 with "," for "/". RFC 3501 §5.1.3.
const utf7Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,"

// appendUTF7 appends name in modified UTF-7. RFC 3501 §5.1.3.
func appendUTF7(b []byte, name string) []byte {
	for i := 0; i < len(name); {
		c := name[i]
		if c == '&' {
			b = append(b, '&', '-')
			i++
			continue
		}
		if c >= 0x20 && c < 0x7f {
			b = append(b, c)
			i++
			continue
		}
		b = append(b, '&')
		acc, bits := uint32(0), 0
		for i < len(name) && (name[i] < 0x20 || name[i] >= 0x7f) {
			r, size := utf8.DecodeRuneInString(name[i:])
			i += size
			hi, lo := utf16.EncodeRune(r)
			units := [2]rune{hi, lo}
			n := 2
			if hi == utf8.RuneError { // not a pair
				units[0], n = r, 1
			}
			for _, u := range units[:n] {
				acc, bits = acc<<16|uint32(u), bits+16
				for bits >= 6 {
					bits -= 6
					b = append(b, utf7Alphabet[acc>>bits&63])
				}
			}
		}
		if bits > 0 {
			b = append(b, utf7Alphabet[acc<<(6-bits)&63])
		}
		b = append(b, '-')
	}
	return b
}

// decodeUTF7 returns name in UTF-8. ok is false if it is no modified UTF-7. Valid UTF-8 with 8-bit characters is returned as it is.
func decodeUTF7(name string) (decoded string, ok bool) {
	plain := true
	for i := range len(name) {
		if name[i] == '&' || name[i] >= 0x80 {
			plain = false
			break
		}
	}
	if plain {
		return name, true
	}
	b := make([]byte, 0, len(name)+8)
	for i := 0; i < len(name); {
		if name[i] != '&' {
			b = append(b, name[i])
			i++
			continue
		}
		i++
		end := i
		for end < len(name) && name[end] != '-' {
			end++
		}
		if end == len(name) {
			return "", false
		}
		if end == i {
			b = append(b, '&')
		} else if b, ok = appendUTF7Run(b, name[i:end]); !ok {
			return "", false
		}
		i = end + 1
	}
	return string(b), utf8.Valid(b)
}

// appendUTF7Run decodes one base64 run. It must be canonical: no half pairs, no ASCII in it, no bits left that are not zero.
func appendUTF7Run(b []byte, run string) ([]byte, bool) {
	acc, bits := uint32(0), 0
	high := rune(0)
	for i := range len(run) {
		v := utf7Value(run[i])
		if v < 0 {
			return nil, false
		}
		acc, bits = acc<<6|uint32(v), bits+6
		if bits < 16 {
			continue
		}
		bits -= 16
		u := rune(acc >> bits & 0xffff)
		acc &= 1<<bits - 1
		switch {
		case high != 0:
			r := utf16.DecodeRune(high, u)
			if r == utf8.RuneError {
				return nil, false
			}
			b, high = utf8.AppendRune(b, r), 0
		case u >= 0xd800 && u < 0xdc00:
			high = u
		case u >= 0xdc00 && u < 0xe000, u >= 0x20 && u < 0x7f:
			return nil, false
		default:
			b = utf8.AppendRune(b, u)
		}
	}
	return b, high == 0 && bits < 6 && acc == 0
}

func utf7Value(c byte) int {
	switch {
	case 'A' <= c && c <= 'Z':
		return int(c - 'A')
	case 'a' <= c && c <= 'z':
		return int(c-'a') + 26
	case '0' <= c && c <= '9':
		return int(c-'0') + 52
	case c == '+':
		return 62
	case c == ',':
		return 63
	}
	return -1
}
