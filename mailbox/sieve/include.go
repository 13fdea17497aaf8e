package sieve

import (
	"errors"
	"strings"
)

var includeTags = []tag{ //nolint:gochecknoglobals // RFC 6609 §3.2
	{name: ":personal", group: "location"},
	{name: ":global", group: "location"},
	{name: ":once"},
	{name: ":optional"},
}

// includeCommand runs another script here. RFC 6609 §3.2.
type includeCommand struct {
	offset                 int
	name                   string
	global, once, optional bool
}

func newInclude(a *arguments) command {
	p := a.phrase(0)
	if p.parts != nil || p.fixed == "" {
		a.fail(p.offset, "include takes the name of a script, without variables")
	}
	return &includeCommand{a.node.offset, p.fixed, a.has(":global"), a.has(":once"), a.has(":optional")}
}

func (c *includeCommand) run(r *run) error {
	place := "personal " + c.name
	if c.global {
		place = "global " + c.name
	}
	if c.once && r.once[place] {
		return nil
	}
	switch {
	case r.depth >= maxIncludes:
		return r.stopped(c.offset, "more than %d scripts include each other", maxIncludes)
	case r.included >= maxIncluded:
		return r.stopped(c.offset, "more than %d scripts are included", maxIncluded)
	}
	script, err := r.env.Host.Include(c.name, c.global)
	var faults Errors
	switch {
	case errors.As(err, &faults):
		return r.stopped(c.offset, "the included script %s is faulty: %s", quoteShort(c.name), faults[0])
	case err != nil:
		return hostError(err)
	case script == nil && c.optional:
		return nil
	case script == nil:
		return r.stopped(c.offset, "there is no script %s to include", quoteShort(c.name))
	}
	if r.once == nil {
		r.once = map[string]bool{}
	}
	r.once[place] = true
	return r.inside(script)
}

// inside runs an included script with variables of its own; return ends only that one. RFC 6609 §3.3.
func (r *run) inside(script *Script) error {
	outer, variables, imported, matches := r.script, r.variables, r.imported, r.matches
	r.script, r.variables, r.imported, r.matches = script, nil, nil, nil
	r.depth++
	r.included++
	err := script.block.run(r)
	r.depth--
	r.script, r.variables, r.imported, r.matches = outer, variables, imported, matches
	if errors.Is(err, errReturn) {
		return nil
	}
	return err
}

// returnCommand is RFC 6609 §3.3.
type returnCommand struct{}

func newReturn(*arguments) command { return returnCommand{} }

func (returnCommand) run(*run) error { return errReturn }

// globalCommand makes variables ones that all scripts of the run share. RFC 6609 §3.4.1.
type globalCommand struct{ names []string }

func newGlobal(a *arguments) command {
	c := &globalCommand{}
	if !a.uses("variables") {
		a.fail(a.node.offset, "global needs: require \"variables\";")
		return c
	}
	for _, p := range a.phrases(0) {
		name, ok := a.variableName(p.offset, p.fixed)
		if !ok || p.parts != nil || strings.Contains(name, ".") {
			a.fail(p.offset, "%s is no name of a variable", quoteShort(p.fixed))
		}
		c.names = append(c.names, name)
	}
	return c
}

func (c *globalCommand) run(r *run) error {
	if r.imported == nil {
		r.imported = map[string]bool{}
	}
	for _, name := range c.names {
		r.imported[name] = true
	}
	return nil
}
