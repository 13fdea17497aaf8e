package spam

import (
	"strconv"
	"strings"
)

// statusField is the name of the field in which the score and its reasons stand, in the form that SpamAssassin made known: programs and
// filters look for it. Only we write it.
const statusField = "X-Spam-Status"

// appendStatus writes the field: what all recipients may see, because they share one stored body.
func (c *Checker) appendStatus(dst []byte, v *Verdict) []byte {
	word := "No"
	if v.Action == Junk {
		word = "Yes"
	}
	dst = append(append(append(append(dst, statusField...), ": "...), word...), ", score="...)
	dst = append(strconv.AppendFloat(dst, v.Score, 'f', 1, 64), " required="...)
	switch {
	case v.required > 0:
		dst = strconv.AppendFloat(dst, v.required, 'f', 1, 64)
	case c.o.Junk > 0:
		dst = strconv.AppendFloat(dst, c.o.Junk, 'f', 1, 64)
	default:
		dst = append(dst, "never"...)
	}
	dst = append(dst, "\r\n\ttests="...)
	line := len("\ttests=")
	for i, s := range v.Symbols[:min(len(v.Symbols), maxSymbols)] {
		from := len(dst)
		if i > 0 {
			dst = append(dst, ',')
			if line > 60 {
				dst = append(dst, "\r\n\t"...)
				from, line = len(dst), 1
			}
		}
		dst = append(append(dst, s.Name...), '=')
		dst = strconv.AppendFloat(dst, s.Score, 'f', 1, 64)
		line += len(dst) - from
	}
	if len(v.Symbols) == 0 {
		dst = append(dst, "none"...)
	}
	if v.Action == Junk && v.Reason != "" {
		dst = append(append(append(dst, "\r\n\treason=\""...), quotable(v.Reason)...), '"')
	}
	return append(dst, "\r\n"...)
}

// quotable is s as it may stand in quotes.
func quotable(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return '?'
		}
		return c
	}, s)
}
