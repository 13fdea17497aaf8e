package collection

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"schulhof/store/fault"

	"golang.org/x/text/unicode/norm"
)

// CleanName returns a name as it is stored: NFC, with the case it was given. fault.Invalid: empty, not UTF-8, "." or "..", a slash or
// backslash, a control character, longer than MaxNameBytes.
//
// Everything else is a name like any other: CON, trailing dots and blanks, ._x and .DS_Store. Rows are no files, so nothing here can be
// tricked by them; a Windows client that cannot show such a name does not list it, and macOS writes and reads its ._ files.
// Names that differ in case only are different, as on Linux and for macOS' WebDAV; Windows shows both and may open only one.
func CleanName(name string) (string, error) {
	if isPlainName(name) {
		return name, nil
	}
	if !utf8.ValidString(name) {
		return "", fault.New(fault.Invalid, "the name is not UTF-8")
	}
	if !norm.NFC.IsNormalString(name) {
		name = norm.NFC.String(name)
	}
	switch {
	case name == "":
		return "", fault.New(fault.Invalid, "the name is empty")
	case name == "." || name == "..":
		return "", fault.New(fault.Invalid, "the name is . or ..")
	case len(name) > MaxNameBytes:
		return "", fault.New(fault.Invalid, "the name is longer than %d bytes", MaxNameBytes)
	case strings.ContainsAny(name, `/\`):
		return "", fault.New(fault.Invalid, "the name has a slash or backslash")
	}
	for _, r := range name {
		if unicode.IsControl(r) {
			return "", fault.New(fault.Invalid, "the name has a control character")
		}
	}
	return name, nil
}

// isPlainName reports whether name is a letter or digit of ASCII with such, and - _ . @, behind it: what programs call what they make.
func isPlainName(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case i > 0 && (c == '-' || c == '_' || c == '.' || c == '@'):
		default:
			return false
		}
	}
	return 0 < len(name) && len(name) <= MaxNameBytes
}
