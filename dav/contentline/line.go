package contentline

import (
	"fmt"
	"iter"
	"strings"
)

// Line is one property: [group.]name *(;param) : value. RFC 6350 §3.3, RFC 5545 §3.1 (which has no groups).
type Line struct {
	Number int    // of the input's line where it begins, from 1; 0: made here
	Group  string // "" without; as written
	Name   string // as written; compare with Is
	Params []Param
	Value  string // as written: still escaped, since only its type tells how
}

// Param is one parameter of a line, without quotes and with the escapes of RFC 6868 decoded. Values is nil when there was no "=":
// vCard 2.1 wrote TEL;HOME for TEL;TYPE=HOME.
type Param struct {
	Name   string // as written
	Values []string
}

// Component is what stands between BEGIN and END. Both its lines and its children keep their order; lines come before children when it
// is written, as the grammars have it.
type Component struct {
	Name     string // as written; compare with Is
	Number   int    // of the line with its BEGIN
	Lines    []Line
	Children []*Component
}

// SyntaxError says where an object is malformed and why.
type SyntaxError struct {
	Line   int // from 1; 0: the object as a whole
	Reason string
}

func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return e.Reason
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Reason)
}

// Is reports whether the line has this name. Names ignore case. RFC 6350 §3.3, RFC 5545 §2.
func (l *Line) Is(name string) bool { return EqualFold(l.Name, name) }

// Param returns the first value of the first parameter of that name, and whether there is such a parameter.
func (l *Line) Param(name string) (string, bool) {
	for i := range l.Params {
		if p := &l.Params[i]; EqualFold(p.Name, name) {
			if len(p.Values) == 0 {
				return "", true
			}
			return p.Values[0], true
		}
	}
	return "", false
}

// ParamValues goes through all values of all parameters of that name: TYPE=a,b;TYPE=c has three.
func (l *Line) ParamValues(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range l.Params {
			if !EqualFold(l.Params[i].Name, name) {
				continue
			}
			for _, v := range l.Params[i].Values {
				if !yield(v) {
					return
				}
			}
		}
	}
}

// binary reports whether the value is data in base64, which may be longer than MaxLine. RFC 2426 §2.4.1, RFC 6350 §4.1, RFC 5545 §3.1.3.
func (l *Line) binary() bool {
	if len(l.Value) >= 5 && EqualFold(l.Value[:5], "data:") {
		return true
	}
	for i := range l.Params {
		p := &l.Params[i]
		if p.Values == nil && EqualFold(p.Name, "BASE64") {
			return true
		}
		if EqualFold(p.Name, "ENCODING") && len(p.Values) == 1 && (EqualFold(p.Values[0], "B") || EqualFold(p.Values[0], "BASE64")) {
			return true
		}
	}
	return false
}

// Is reports whether the component has this name.
func (c *Component) Is(name string) bool { return EqualFold(c.Name, name) }

// Get returns the first line of that name, or nil.
func (c *Component) Get(name string) *Line {
	for i := range c.Lines {
		if c.Lines[i].Is(name) {
			return &c.Lines[i]
		}
	}
	return nil
}

// All goes through the lines of that name.
func (c *Component) All(name string) iter.Seq[*Line] {
	return func(yield func(*Line) bool) {
		for i := range c.Lines {
			if c.Lines[i].Is(name) && !yield(&c.Lines[i]) {
				return
			}
		}
	}
}

// EqualFold compares names, which are ASCII. (strings.EqualFold would take the Kelvin sign for a K.)
func EqualFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i] != b[i] && lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// quoted is the client's text as an error may show it: short and without control characters.
func quoted(text string) string {
	if len(text) > maxQuoted {
		text = strings.ToValidUTF8(text[:maxQuoted], "") + "…"
	}
	return fmt.Sprintf("%q", text)
}
