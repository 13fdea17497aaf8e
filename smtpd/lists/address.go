package lists

import (
	"context"
	"strings"

	"schulhof/directory"
)

// Purpose is what an address of a list is for that leads to no member.
type Purpose string

// The purposes, as they stand behind the plus sign: 7b+bounce-TOKEN@school.test.
const (
	PurposeBounce Purpose = "bounce" // the sender of what goes to one member elsewhere
	PurposeLeave  Purpose = "leave"  // ends that membership
	PurposeDecide Purpose = "decide" // takes the answer about a held message
)

// tokenLength is what directory and this room make: 80 bits in base 32.
const tokenLength = 16

// address is a list's address for a purpose: local and domain are the list's own.
func address(list string, p Purpose, token string) string {
	at := strings.LastIndexByte(list, '@')
	return list[:at] + "+" + string(p) + "-" + token + list[at:]
}

// ParseAddress takes such an address apart. ok is false for every other one, also when its list is gone.
func (l *Lists) ParseAddress(ctx context.Context, s string) (p Purpose, token string, ok bool) {
	a, err := directory.ParseAddress(s)
	if err != nil {
		return "", "", false
	}
	base, detail, ok := a.Split()
	if !ok {
		return "", "", false
	}
	word, token, ok := strings.Cut(strings.ToLower(detail), "-")
	p = Purpose(word)
	if !ok || len(token) != tokenLength || p != PurposeBounce && p != PurposeLeave && p != PurposeDecide {
		return "", "", false
	}
	if p == PurposeDecide && base.Local == "postmaster" { // what passed a limit belongs to no list
		return p, token, true
	}
	if _, err := l.dir.Group(ctx, base.String()); err != nil {
		return "", "", false
	}
	return p, token, true
}
