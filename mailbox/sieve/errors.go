package sieve

import (
	"errors"
	"fmt"
	"strings"
)

// Error is one fault of a script. Line and Column begin at 1; 0: no place is known.
type Error struct {
	Line, Column int
	Text         string
}

func (e Error) Error() string {
	if e.Line == 0 {
		return e.Text
	}
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Text)
}

// Errors are all faults that a check found, at most 20, in the order of the text.
type Errors []Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// What ends a script early, both without a fault.
var (
	errStop   = errors.New("stop")
	errReturn = errors.New("return")
)

// stopped is a fault while a script runs: where it was, in which script.
func (r *run) stopped(offset int, format string, args ...any) error {
	e := r.script.place(offset)
	e.Text = fmt.Sprintf(format, args...)
	if r.script.name != "" {
		e.Text = "script " + r.script.name + ": " + e.Text
	}
	return e
}

// place makes a position of an offset in the script.
func (s *Script) place(offset int) Error {
	before := s.text[:min(offset, len(s.text))]
	line := strings.Count(before, "\n")
	return Error{Line: line + 1, Column: len(before) - strings.LastIndexByte(before, '\n')}
}
