package ical

import (
	"iter"
	"strings"
)

// upper is strings.ToUpper for names; most are upper case already and cost nothing.
func upper(s string) string { return strings.ToUpper(s) }

// splitList yields the items of a list of dates, numbers or periods; none of these can hold a comma.
func splitList(s string) iter.Seq[string] { return strings.SplitSeq(s, ",") }
