package sieve

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
)

var (
	errPatternLong = errors.New("it is too long")
	errPatternSize = errors.New("its repetitions make it too large")
)

// pattern is a regular expression with the number of its instructions.
type pattern struct {
	re   *regexp.Regexp
	size int
}

// errPattern says what is wrong with a regular expression.
func errPattern(text string, err error) error {
	return fmt.Errorf("%s is no regular expression that works here: %w", quoteShort(text), err)
}

// newPattern compiles a regular expression of :regex. It is matched in one pass over the text, without backtracking, so there
// are no back references; of several matches at one place the longest counts, as in POSIX. Source: draft-ietf-sieve-regex.
func newPattern(text string, ignoreCase bool) (*pattern, error) {
	if len(text) > maxPattern {
		return nil, errPattern(text, errPatternLong)
	}
	flags := syntax.Perl
	if ignoreCase {
		flags |= syntax.FoldCase
	}
	tree, err := syntax.Parse(text, flags)
	if err != nil {
		return nil, errPattern(text, err)
	}
	if instructions(tree) > maxProgram {
		return nil, errPattern(text, errPatternSize)
	}
	re, err := regexp.Compile(tree.String())
	if err != nil {
		return nil, errPattern(text, err)
	}
	re.Longest()
	return &pattern{re: re, size: instructions(tree)}, nil
}

// instructions estimates how large the program of an expression is once its repetitions are written out.
func instructions(tree *syntax.Regexp) int {
	n := 1
	switch tree.Op {
	case syntax.OpLiteral:
		n = len(tree.Rune)
	case syntax.OpCharClass:
		n = 1 + len(tree.Rune)/8
	}
	for _, sub := range tree.Sub {
		n = min(n+instructions(sub), 2*maxProgram)
	}
	if tree.Op == syntax.OpRepeat {
		n = min(n, 2*maxProgram) * max(tree.Max, tree.Min, 1)
	}
	return min(n, 2*maxProgram)
}
