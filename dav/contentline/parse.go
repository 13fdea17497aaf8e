package contentline

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Parse reads the components of b, of which there is at least one. The error is a *SyntaxError. What is returned does not refer to b; all
// its strings are pieces of one copy.
func Parse(b []byte) ([]*Component, error) {
	if len(b) > MaxObject {
		return nil, &SyntaxError{Reason: fmt.Sprintf("larger than %d bytes", MaxObject)}
	}
	text, marks, err := unfold(b)
	if err != nil {
		return nil, err
	}
	p := parser{slab: make([]Line, 0, len(marks)), params: make([]Param, 0, len(marks)), values: make([]string, 0, len(marks))}
	for i, m := range marks {
		end := len(text)
		if i+1 < len(marks) {
			end = marks[i+1].offset
		}
		if err := p.line(text[m.offset:end], m.number); err != nil {
			return nil, err
		}
	}
	if n := len(p.open); n > 0 {
		c := p.open[n-1].component
		return nil, &SyntaxError{Line: c.Number, Reason: "BEGIN:" + c.Name + " without its END"}
	}
	if len(p.roots) == 0 {
		return nil, &SyntaxError{Reason: "empty: no BEGIN"}
	}
	return p.roots, nil
}

// mark is where an unfolded line begins, in the unfolded text and in the input.
type mark struct{ offset, number int }

// unfold joins folded lines and drops line breaks (LF, CR LF, and CR CR LF of programs that translated twice), blank lines and a byte
// order mark. It works on bytes, because programs fold within a character, too. RFC 5545 §3.1.
func unfold(b []byte) (text string, marks []mark, err error) {
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	marks = make([]mark, 0, min(bytes.Count(b, []byte{'\n'})+1, MaxLines))
	var joined strings.Builder
	joined.Grow(len(b))
	for number := 1; len(b) > 0; number++ {
		line, rest, _ := bytes.Cut(b, []byte{'\n'})
		b = rest
		for len(line) > 0 && line[len(line)-1] == '\r' {
			line = line[:len(line)-1]
		}
		switch {
		case len(line) == 0:
		case line[0] != ' ' && line[0] != '\t':
			if len(marks) == MaxLines {
				return "", nil, &SyntaxError{Line: number, Reason: fmt.Sprintf("more than %d lines", MaxLines)}
			}
			marks = append(marks, mark{joined.Len(), number})
			joined.Write(line)
		case len(marks) > 0:
			joined.Write(line[1:])
		case len(bytes.TrimLeft(line, " \t")) > 0:
			return "", nil, &SyntaxError{Line: number, Reason: "continues a line, but there is none before it"}
		}
	}
	return joined.String(), marks, nil
}

// parser collects components. Lines lie in one slab, of which each component has a piece; a component whose lines are interrupted by a
// child goes on in a slice of its own.
type parser struct {
	roots  []*Component
	open   []openComponent
	slab   []Line
	params []Param
	values []string
}

type openComponent struct {
	component *Component
	own       bool // its lines have left the slab
}

// line takes one unfolded line.
func (p *parser) line(text string, number int) error {
	if reason := unfit(text); reason != "" {
		return &SyntaxError{Line: number, Reason: reason}
	}
	line, reason := p.parseLine(text)
	if reason != "" {
		return &SyntaxError{Line: number, Reason: reason}
	}
	line.Number = number
	switch {
	case line.Is("BEGIN"):
		reason = p.begin(&line)
	case line.Is("END"):
		reason = p.end(&line)
	case len(p.open) == 0:
		reason = quoted(line.Name) + " stands outside of BEGIN and END"
	default:
		p.add(line)
	}
	if reason != "" {
		return &SyntaxError{Line: number, Reason: reason}
	}
	return nil
}

// begin opens a component.
func (p *parser) begin(line *Line) (reason string) {
	name := strings.TrimRight(line.Value, " \t")
	if !isName(name) || line.Group != "" || line.Params != nil {
		return "BEGIN without a plain name"
	}
	if len(p.open) == MaxDepth {
		return fmt.Sprintf("components nest more than %d deep", MaxDepth)
	}
	c := &Component{Name: name, Number: line.Number}
	if n := len(p.open); n > 0 {
		parent := p.open[n-1].component
		parent.Children = append(parent.Children, c)
	} else {
		p.roots = append(p.roots, c)
	}
	p.open = append(p.open, openComponent{component: c})
	return ""
}

// end closes the innermost component, which must have that name.
func (p *parser) end(line *Line) (reason string) {
	name := strings.TrimRight(line.Value, " \t")
	if len(p.open) == 0 {
		return "END:" + quoted(name) + " without a BEGIN"
	}
	last := len(p.open) - 1
	if c := p.open[last].component; !c.Is(name) {
		return fmt.Sprintf("END of %s, but BEGIN:%s of line %d is open", quoted(name), c.Name, c.Number)
	}
	p.open = p.open[:last]
	return ""
}

// add appends a line to the innermost component.
func (p *parser) add(line Line) {
	open := &p.open[len(p.open)-1]
	c := open.component
	if len(c.Children) > 0 && !open.own {
		open.own = true
		c.Lines = c.Lines[:len(c.Lines):len(c.Lines)] // the next append copies
	}
	if open.own {
		c.Lines = append(c.Lines, line)
		return
	}
	p.slab = append(p.slab, line)
	from := len(p.slab) - len(c.Lines) - 1
	c.Lines = p.slab[from:len(p.slab):len(p.slab)]
}

// unfit says what of text no XML document and no well-formed line can carry. RFC 5545 §3.1 (CONTROL), RFC 6350 §3.1 (UTF-8),
// XML 1.0 §2.2: DAV:multistatus answers quote objects.
func unfit(text string) string {
	for i := range len(text) {
		if c := text[i]; c < ' ' && c != '\t' {
			return fmt.Sprintf("control character %#02x", c)
		}
	}
	if !utf8.ValidString(text) {
		return "not UTF-8"
	}
	if strings.Contains(text, "\ufffe") || strings.Contains(text, "\uffff") {
		return "a code point that is no character"
	}
	return ""
}

// isName reports whether s can be the name of a property, parameter or component. The RFCs have letters, digits and hyphens; programs
// add underscores, dots and slashes to names of their own.
func isName(s string) bool {
	for i := range len(s) {
		if !nameByte[s[i]] {
			return false
		}
	}
	return s != ""
}

var nameByte = func() (table [256]bool) {
	for c := '!'; c <= '~'; c++ {
		table[c] = !strings.ContainsRune(`;:,="\`, c)
	}
	return table
}()
