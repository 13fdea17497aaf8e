package sieve

import (
	"slices"
	"strings"
)

var flagsTags = []tag{{name: ":flags", needs: "imap4flags", value: textList}} //nolint:gochecknoglobals // RFC 5232 §5

// flagsArgument is :flags of keep and fileinto; nil: the internal variable counts.
type flagsArgument struct{ list []phrase }

func (a *arguments) flags() *flagsArgument {
	if !a.has(":flags") {
		return nil
	}
	return &flagsArgument{a.tagPhrases(":flags")}
}

func (r *run) flagsFor(f *flagsArgument) []string {
	if f == nil {
		return slices.Clone(r.flags)
	}
	return addFlags(nil, r.expandAll(f.list))
}

// addFlags adds what list names, each once in any case; one string may hold several, separated by blanks. What is no flag is
// left out. RFC 5232 §2.
func addFlags(to []string, list []string) []string {
	for _, s := range list {
		for flag := range strings.FieldsSeq(s) {
			if validFlag(flag) && len(to) < maxFlags && !hasFlag(to, flag) {
				to = append(to, flag)
			}
		}
	}
	return to
}

func hasFlag(list []string, flag string) bool {
	return slices.ContainsFunc(list, func(f string) bool { return strings.EqualFold(f, flag) })
}

// validFlag: an atom, or one behind a backslash. RFC 9051 §9.
func validFlag(flag string) bool {
	name := strings.TrimPrefix(flag, `\`)
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`(){%*"\]`, c) >= 0 {
			return false
		}
	}
	return name != "" && len(name) < 256 && !strings.EqualFold(flag, `\recent`)
}

// flagCommand is setflag, addflag and removeflag. RFC 5232 §3.
type flagCommand struct {
	name     string
	offset   int
	variable string // "" for the internal one
	list     []phrase
}

func newFlagCommand(a *arguments) command {
	c := &flagCommand{name: a.node.name, offset: a.node.offset, list: a.phrases(1)}
	if v := a.at(0); v != nil {
		c.variable = a.flagVariable(v.offset, v.text)
	}
	return c
}

// flagVariable checks the name of a variable that holds flags.
func (a *arguments) flagVariable(offset int, name string) string {
	if !a.uses("variables") {
		a.fail(offset, "%s with a variable needs: require \"variables\";", a.node.name)
		return ""
	}
	name, ok := a.variableName(offset, name)
	if !ok {
		a.fail(offset, "that is no name of a variable")
	}
	return name
}

func (c *flagCommand) run(r *run) error {
	var old []string
	if c.name != "setflag" {
		old = r.flagsIn(c.variable)
	}
	list := r.expandAll(c.list)
	if c.name == "removeflag" {
		gone := addFlags(nil, list)
		old = slices.DeleteFunc(old, func(f string) bool { return hasFlag(gone, f) })
	} else {
		old = addFlags(old, list)
	}
	if c.variable == "" {
		r.flags = old
		return nil
	}
	return r.set(c.offset, c.variable, strings.Join(old, " "))
}

// flagsIn are the flags of a variable, in a list of its own.
func (r *run) flagsIn(variable string) []string {
	if variable == "" {
		return slices.Clone(r.flags)
	}
	return addFlags(nil, []string{r.value(variable)})
}

// hasFlagTest is RFC 5232 §4.
type hasFlagTest struct {
	variables []string
	*matcher
}

func newHasFlag(a *arguments) test {
	t := &hasFlagTest{variables: []string{""}, matcher: a.matcher(1)}
	if v := a.at(0); v != nil {
		t.variables = nil
		for _, p := range a.newPhrases(v) {
			t.variables = append(t.variables, a.flagVariable(p.offset, p.fixed))
		}
	}
	return t
}

func (t *hasFlagTest) holds(r *run) (bool, error) {
	n := 0
	for _, name := range t.variables {
		for _, flag := range r.flagsIn(name) {
			if n++; t.kind == byCount {
				continue
			}
			if ok, err := t.any(r, &value{text: flag}); ok || err != nil {
				return ok, err
			}
		}
	}
	if t.kind == byCount {
		return t.counted(r, n)
	}
	return false, nil
}
