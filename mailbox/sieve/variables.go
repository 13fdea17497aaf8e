package sieve

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// setTags are the modifiers of set; the group is the precedence, the highest is applied first. RFC 5229 §4.1.
var setTags = []tag{ //nolint:gochecknoglobals // a constant table
	{name: ":lower", group: "40"},
	{name: ":upper", group: "40"},
	{name: ":lowerfirst", group: "30"},
	{name: ":upperfirst", group: "30"},
	{name: ":quotewildcard", group: "20"},
	{name: ":quoteregex", needs: "regex", group: "20"},
	{name: ":length", group: "10"},
}

// setCommand gives a variable a value. RFC 5229 §4.
type setCommand struct {
	offset    int
	name      string
	value     phrase
	modifiers []string
}

func newSet(a *arguments) command {
	c := &setCommand{offset: a.node.offset, value: a.phrase(1)}
	name := a.at(0)
	var ok bool
	if c.name, ok = a.variableName(name.offset, name.text); !ok {
		a.fail(name.offset, "%s is no name of a variable", quoteShort(name.text))
	}
	slices.SortFunc(a.tagged, func(x, y tagged) int { return strings.Compare(y.tag.group, x.tag.group) })
	for _, t := range a.tagged {
		c.modifiers = append(c.modifiers, t.tag.name)
	}
	return c
}

func (c *setCommand) run(r *run) error {
	v := r.expand(&c.value)
	if err := r.spend(len(v) / stepText); err != nil {
		return err
	}
	for _, m := range c.modifiers {
		v = modify(m, v)
	}
	return r.set(c.offset, c.name, v)
}

func modify(modifier, v string) string {
	first, size := utf8.DecodeRuneInString(v)
	switch modifier {
	case ":lower":
		return strings.ToLower(v)
	case ":upper":
		return strings.ToUpper(v)
	case ":lowerfirst":
		if size > 0 {
			return string(unicode.ToLower(first)) + v[size:]
		}
	case ":upperfirst":
		if size > 0 {
			return string(unicode.ToUpper(first)) + v[size:]
		}
	case ":quotewildcard":
		return quoteEach(v, `*?\`)
	case ":quoteregex":
		return quoteEach(v, `.\+*?()[]{}^$|`)
	case ":length":
		return strconv.Itoa(utf8.RuneCountInString(v))
	}
	return v
}

// quoteEach puts a backslash before each of special.
func quoteEach(s, special string) string {
	if !strings.ContainsAny(s, special) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(special, s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
