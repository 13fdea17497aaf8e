package mailbox

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"schulhof/store/fault"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

const (
	inbox     = "INBOX"
	delimiter = "/"
)

// CleanName returns name as it is stored: NFC, INBOX in capitals. fault.Invalid: not UTF-8, control characters, an empty level,
// too long or too deep. RFC 9051 §5.1, RFC 5198.
func CleanName(name string) (string, error) {
	if !utf8.ValidString(name) {
		return "", fault.New(fault.Invalid, "mailbox name is not UTF-8")
	}
	if !norm.NFC.IsNormalString(name) {
		name = norm.NFC.String(name)
	}
	if len(name) >= len(inbox) && strings.EqualFold(name[:len(inbox)], inbox) &&
		(len(name) == len(inbox) || name[len(inbox)] == '/') {
		name = inbox + name[len(inbox):]
	}
	if len(name) > MaxNameBytes {
		return "", fault.New(fault.Invalid, "mailbox name is longer than %d bytes", MaxNameBytes)
	}
	for _, r := range name {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return "", fault.New(fault.Invalid, "mailbox name has a control character")
		}
	}
	levels := 0
	for level := range strings.SplitSeq(name, delimiter) {
		levels++
		if level == "" {
			return "", fault.New(fault.Invalid, "mailbox name has an empty level")
		}
		if len(level) > MaxLevelBytes {
			return "", fault.New(fault.Invalid, "a level of the mailbox name is longer than %d bytes", MaxLevelBytes)
		}
	}
	if levels > MaxNameLevels {
		return "", fault.New(fault.Invalid, "mailbox name has more than %d levels", MaxNameLevels)
	}
	return name, nil
}

// parents returns the names above name, from the top.
func parents(name string) []string {
	var list []string
	for i := range len(name) {
		if name[i] == '/' {
			list = append(list, name[:i])
		}
	}
	return list
}

// isBelow reports whether name is an inferior of parent.
func isBelow(name, parent string) bool {
	return len(name) > len(parent) && name[len(parent)] == '/' && strings.HasPrefix(name, parent)
}

// foldName is the form in which the detail of a plus-address is compared with mailbox names.
func foldName(name string) string { return norm.NFC.String(cases.Fold().String(name)) }

// CompareNames is the order of lists of mailboxes: by bytes, with INBOX first.
func CompareNames(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == inbox:
		return -1
	case b == inbox:
		return 1
	}
	return strings.Compare(a, b)
}

func byName(a, b Mailbox) int { return CompareNames(a.Name, b.Name) }
