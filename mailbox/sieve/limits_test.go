package sieve

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestScriptLimits refuses scripts that are too large in one way or another, quickly and with a sentence.
func TestScriptLimits(t *testing.T) {
	t.Parallel()
	nested := func(open, middle, close string, n int) string {
		return strings.Repeat(open, n) + middle + strings.Repeat(close, n)
	}
	tests := []struct{ name, script, want string }{
		{"bytes", "keep;" + strings.Repeat(" ", MaxScript), "more than 1048576 bytes"},
		{"a string", `require "fileinto"; fileinto "` + strings.Repeat("a", maxString+1) + `";`, "too long"},
		{"blocks", nested("if true {", "keep;", "}", maxDepth+1), "levels of nesting"},
		{"as many blocks as may be", nested("if true {", "keep;", "}", maxDepth), ""},
		{"tests", "if " + nested("not ", "true", "", maxDepth+1) + "{keep;}", "levels of nesting"},
		{"lists of tests", "if " + nested("anyof(", "true", ")", 10_000) + "{keep;}", "levels of nesting"},
		{"commands", strings.Repeat("keep;\n", maxNodes+1), "more than 50000 commands"},
		{"a list", `if header "a" [` + strings.Repeat(`"",`, maxList) + `"b"] {}`, "the list is too long"},
		{"faults", strings.Repeat("fly;\n", 1000), "line 20,"},
		{"no UTF-8", "keep; # \xff", "not in UTF-8"},
		{"a NUL", "keep; # \x00", "NUL"},
		{"a pattern", `require "regex"; if header :regex "a" "` + strings.Repeat("a", maxPattern+1) + `" {}`, "too long"},
		{"many open brackets", strings.Repeat("[", 1<<20), "found"},
		{"many open comments", strings.Repeat("/* ", 1<<18), "does not end"},
		{"many quotes", strings.Repeat(`"`, 1<<20), "found"},
		{"many variables", `require ["variables", "fileinto"]; fileinto "` + strings.Repeat("${", 60_000) + `";`, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Compile([]byte(test.script), Options{})
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("Compile = %.200v, want %q", err, test.want)
			}
			if faults, _ := err.(Errors); len(faults) > maxErrors {
				t.Errorf("%d faults, want at most %d", len(faults), maxErrors)
			}
		})
	}
}

// TestRunLimits ends scripts that want too much: the message is kept.
func TestRunLimits(t *testing.T) {
	t.Parallel()
	many := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	long := newTestMessage(t, "Subject: "+strings.Repeat("a", 60_000)+"\r\n\r\n"+strings.Repeat("b", 1<<20))
	tests := []struct{ name, script, want string }{
		{"steps", `require "variables";` + many(40_000, "set \"a\" \"%d\";") + `if anyof(` + strings.Repeat("false, ", 9_990) + `false) {}`, ""},
		{"long comparisons", `if header :contains "subject" ["` + strings.Repeat(`x","`, 4000) + `"] { keep; }`, "takes too long"},
		{"patterns that go back", `if header :matches "subject" ["` + strings.Repeat(`*?a?*a?*a?b","`, 300) + `"] { keep; }`, "takes too long"},
		{"expressions", `require "regex"; if header :regex "subject" ["` + strings.Repeat(`(a|aa|b){50}c","`, 1000) + `"] { keep; }`, "takes too long"},
		{"bodies", `require "body"; if body :raw :contains ["` + strings.Repeat(`x","`, 400) + `"] { keep; }`, "takes too long"},
		{"variables", `require "variables";` + many(maxVariables+1, "set \"a%d\" \"x\";"), "more than 512 variables"},
		{"variables that grow", `require ["variables", "fileinto"]; set "a" "0123456789";` + strings.Repeat(`set "a" "${a}${a}";`, 100) + `if string :matches "${a}" "*b" {}`, ""},
		{"fields", `require "editheader";` + many(maxEdits+1, `addheader "X-%d" "a";`), "more than 64 header fields"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			script, err := Compile([]byte(test.script), Options{})
			if err != nil {
				t.Fatalf("Compile = %.300v", err)
			}
			began := time.Now()
			_, err = script.Run(long, Environment{})
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("Run = %.200v, want %q", err, test.want)
			}
			t.Logf("%s in %s", test.name, time.Since(began))
		})
	}
}

// TestGlobModel compares :matches with a regular expression of the same meaning, match variables included.
func TestGlobModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringOfN(rapid.SampledFrom([]rune(`ab*?жЖ\`)), 0, 8, -1).Draw(t, "pattern")
		text := rapid.StringOfN(rapid.SampledFrom([]rune(`abBжЖ`)), 0, 12, -1).Draw(t, "text")
		c := rapid.SampledFrom([]comparator{octet, asciiCasemap, unicodeCasemap}).Draw(t, "comparator")
		re := globExpression(pattern, c)
		want := re.FindStringSubmatchIndex(text)
		spans, _, ok := newGlob(pattern, c).match(&value{text: text}, c)
		if ok != (want != nil) {
			t.Fatalf("%q matches %q with %s = %v, want %v", text, pattern, comparatorNames[c], ok, want != nil)
		}
		if !ok {
			return
		}
		for i, s := range spans {
			if s.from != want[2+2*i] || s.to != want[3+2*i] {
				t.Fatalf("%q matches %q: wildcard %d is %q, want %q", text, pattern, i+1, text[s.from:s.to], text[want[2+2*i]:want[3+2*i]])
			}
		}
	})
}

// globExpression says the same as a pattern of :matches: lazy stars take as little as they can, from the left.
func globExpression(pattern string, c comparator) *regexp.Regexp {
	var b strings.Builder
	b.WriteString("(?s)^")
	escaped := false
	for _, r := range pattern {
		literal := regexp.QuoteMeta(string(r))
		if c == unicodeCasemap || c == asciiCasemap && r < 0x80 {
			literal = "(?i:" + literal + ")"
		}
		switch {
		case escaped:
			b.WriteString(literal)
			escaped = false
		case r == '\\':
			escaped = true
		case r == '*':
			b.WriteString("(.*?)")
		case r == '?':
			b.WriteString("(.)")
		default:
			b.WriteString(literal)
		}
	}
	if escaped {
		b.WriteString(`\\`)
	}
	b.WriteString("$")
	return regexp.MustCompile(b.String())
}
