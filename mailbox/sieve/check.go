package sieve

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Script is a script that was checked. It never changes, and may run for many messages at once.
type Script struct {
	name     string
	text     string
	block    block
	warnings []Error
	size     int
}

// Options say what a script may use.
type Options struct {
	Name  string // stands before the faults of a run; may be ""
	Lists bool   // the host has lists (RFC 6134)
}

// command and test are what the check makes of nodes.
type (
	command interface {
		run(r *run) error // errStop, errReturn or a fault
	}
	test interface {
		holds(r *run) (bool, error)
	}
	block []command
)

// Compile checks a script. The error is of type Errors.
func Compile(script []byte, o Options) (*Script, error) {
	s := &Script{name: o.Name, text: string(script), size: len(script)}
	c := &checker{script: s, lists: o.Lists, required: map[string]int{}, commands: commands, tests: tests}
	switch {
	case len(script) > MaxScript:
		return nil, Errors{{Text: fmt.Sprintf("the script has more than %d bytes", MaxScript)}}
	case !utf8.Valid(script):
		return nil, Errors{{Text: "the script is not in UTF-8"}}
	case strings.IndexByte(s.text, 0) >= 0:
		return nil, Errors{{Text: "the script has a NUL character"}}
	}
	nodes, err := parse(s.text)
	if f := (*fault)(nil); errors.As(err, &f) {
		c.fail(f.offset, "%s", f.text)
		return nil, c.errs
	}
	s.block = c.block(nodes, true)
	if len(c.errs) > 0 {
		slices.SortStableFunc(c.errs, func(a, b Error) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
		return nil, c.errs
	}
	return s, nil
}

// Warnings are what is allowed and looks wrong.
func (s *Script) Warnings() []Error { return s.warnings }

// Size is the length of the script's text in bytes.
func (s *Script) Size() int { return s.size }

// checker makes nodes that can run, and collects what is wrong.
type checker struct {
	script   *Script
	lists    bool
	required map[string]int  // by capability: where
	commands map[string]spec // the tables; the nodes that these make ask for them here
	tests    map[string]spec
	errs     Errors
	faults   int // how many there were; errs has the first
}

func (c *checker) fail(offset int, format string, args ...any) {
	if c.faults++; len(c.errs) < maxErrors {
		e := c.script.place(offset)
		e.Text = fmt.Sprintf(format, args...)
		c.errs = append(c.errs, e)
	}
}

func (c *checker) warn(offset int, text string) {
	if len(c.script.warnings) < maxErrors {
		e := c.script.place(offset)
		e.Text = text
		c.script.warnings = append(c.script.warnings, e)
	}
}

// uses reports whether the script requires a capability.
func (c *checker) uses(capability string) bool {
	_, ok := c.required[capability]
	return ok
}

// block checks commands. top: at the beginning of the script, where require stands. RFC 5228 §3.2.
func (c *checker) block(nodes []node, top bool) block {
	var b block
	var chain *ifCommand // what an elsif or else continues
	ended := false
	for i := range nodes {
		n := &nodes[i]
		if ended {
			c.warn(n.offset, "this is never reached")
			ended = false
		}
		if n.name == "require" {
			if !top {
				c.fail(n.offset, "require stands at the beginning of the script only")
			}
			c.require(n)
			continue
		}
		top = false
		if n.name == "elsif" || n.name == "else" {
			if chain == nil {
				c.fail(n.offset, "%s without an if before it", n.name)
				chain = &ifCommand{}
			}
			c.branch(chain, n)
			if n.name == "else" {
				chain = nil
			}
			continue
		}
		chain = nil
		made := c.command(n)
		if made == nil {
			continue
		}
		b = append(b, made)
		chain, _ = made.(*ifCommand)
		_, stops := made.(stopCommand)
		_, returns := made.(returnCommand)
		ended = stops || returns
	}
	return b
}

// require notes the capabilities that the script asks for.
func (c *checker) require(n *node) {
	if len(n.args) != 1 || n.args[0].kind != text && n.args[0].kind != textList || len(n.tests) > 0 || n.hasEnd {
		c.fail(n.offset, "require has one argument, a list of strings")
		return
	}
	list := n.args[0].list
	if n.args[0].kind == text {
		list = n.args
	}
	for _, a := range list {
		switch {
		case !capability(a.text, c.lists):
			c.fail(a.offset, "this server does not support %s", quoteShort(a.text))
		default:
			c.required[a.text] = a.offset
		}
	}
}

// command makes one command; nil when it is at fault.
func (c *checker) command(n *node) command {
	s, ok := c.commands[n.name]
	if !ok || s.command == nil {
		c.fail(n.offset, "there is no command %s%s", quoteShort(n.name), hint(c.tests, n.name, "a test, which belongs behind if"))
		return nil
	}
	before := c.faults
	a := c.arguments(n, &s)
	if c.faults > before {
		if n.hasEnd { // go on looking
			c.block(n.block, false)
		}
		return nil
	}
	return s.command(a)
}

// test makes one test; nil when it is at fault.
func (c *checker) test(n *node) test {
	s, ok := c.tests[n.name]
	if !ok {
		c.fail(n.offset, "there is no test %s%s", quoteShort(n.name), hint(c.commands, n.name, "a command"))
		return nil
	}
	before := c.faults
	a := c.arguments(n, &s)
	if c.faults > before {
		return nil
	}
	return s.test(a)
}

func hint(table map[string]spec, name, what string) string {
	if _, ok := table[name]; ok {
		return ": it is " + what
	}
	return ""
}

// arguments checks a node's form against its spec.
func (c *checker) arguments(n *node, s *spec) *arguments {
	if len(s.needs) > 0 && !slices.ContainsFunc(s.needs, c.uses) {
		c.fail(n.offset, "%s needs: require %s;", n.name, quoteShort(s.needs[0]))
	}
	a := &arguments{checker: c, node: n, spec: s}
	c.tags(a)
	c.positional(a)
	switch {
	case s.tests == 0 && len(n.tests) > 0:
		c.fail(n.offset, "%s takes no test", n.name)
	case s.tests == 1 && (len(n.tests) != 1 || n.listed):
		c.fail(n.offset, "%s takes one test", n.name)
	case s.tests == manyTests && !n.listed:
		c.fail(n.offset, "%s takes a list of tests in parentheses", n.name)
	case s.tests == manyTests && len(n.tests) == 0:
		c.fail(n.offset, "%s takes at least one test", n.name)
	}
	if s.command != nil && s.block != n.hasEnd {
		want := `ends with ";"`
		if s.block {
			want = "is followed by a block"
		}
		c.fail(n.offset, "%s %s", n.name, want)
	}
	return a
}

// tags takes the tagged arguments out. RFC 5228 §2.6.2.
func (c *checker) tags(a *arguments) {
	args := a.node.args
	for i := 0; i < len(args); i++ {
		one := args[i]
		if one.kind != tagName {
			a.rest = append(a.rest, one)
			continue
		}
		t := a.spec.tag(one.text)
		if t == nil {
			c.fail(one.offset, "%s has no tag %s", a.node.name, quoteShort(one.text))
			continue
		}
		if t.needs != "" && !c.uses(t.needs) {
			c.fail(one.offset, "%s needs: require %s;", one.text, quoteShort(t.needs))
		}
		for _, before := range a.tagged {
			switch {
			case before.tag == t:
				c.fail(one.offset, "%s stands twice", one.text)
			case t.group != "" && before.tag.group == t.group:
				c.fail(one.offset, "%s and %s exclude each other", before.tag.name, t.name)
			}
		}
		found := tagged{tag: t, offset: one.offset}
		if t.value != end {
			if i++; i == len(args) || !fits(args[i].kind, t.value) {
				c.fail(one.offset, "%s is followed by %s", one.text, t.value)
				if i == len(args) {
					return
				}
			}
			found.value = args[i]
		}
		a.tagged = append(a.tagged, found)
	}
}

// fits reports whether an argument may stand where want is expected: a string is a list of one. RFC 5228 §2.4.2.1.
func fits(got, want kind) bool { return got == want || got == text && want == textList }

// positional checks the arguments without tags.
func (c *checker) positional(a *arguments) {
	want := a.spec.args
	missing := len(want) - len(a.rest)
	if missing > 0 && missing <= a.spec.optional {
		want = want[missing:]
		a.left = missing
	} else if missing > 0 && missing <= a.spec.trailing {
		want = want[:len(a.rest)]
	}
	for i, one := range a.rest {
		switch {
		case i >= len(want):
			c.fail(one.offset, "%s has too many arguments", a.node.name)
			return
		case !fits(one.kind, want[i]):
			c.fail(one.offset, "%s takes %s here, not %s", a.node.name, want[i], one.kind)
		}
	}
	if len(a.rest) < len(want) {
		c.fail(a.node.offset, "%s lacks an argument: %s", a.node.name, want[len(a.rest)])
	}
}
