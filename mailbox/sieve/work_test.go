package sieve

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func mustCompile(t testing.TB, script string) *Script {
	t.Helper()
	s, err := Compile([]byte(script), Options{Lists: true})
	if err != nil {
		t.Fatalf("%.200s: %.300v", script, err)
	}
	return s
}

// stepsOf is the smallest number of steps that a run needs.
func stepsOf(t testing.TB, s *Script, msg *Message) int {
	t.Helper()
	n := 1 + sort.Search(MaxSteps, func(n int) bool {
		_, err := s.Run(msg, Environment{Steps: n + 1})
		return err == nil
	})
	if n > MaxSteps {
		t.Fatal("more than any run has")
	}
	return n
}

// TestSteps: what a run costs is counted, and the same for every run: one step too few ends it, and the message is kept.
func TestSteps(t *testing.T) {
	t.Parallel()
	msg := newTestMessage(t, "Subject: "+strings.Repeat("a", 100)+"\r\nTo: a@b.test\r\n\r\nx")
	keys := func(n int) string {
		return `if header :contains "subject" ["` + strings.Repeat(`x","`, n-1) + `x"] { }`
	}
	for _, tt := range []struct {
		name, more, less string
		steps            int // how many more
	}{
		{"a command", "keep; keep;", "keep;", 1},
		{"a block that is not entered", `if false { keep; keep; keep; }`, `if false { }`, 0},
		{"a block that is", `if true { keep; keep; keep; }`, `if true { }`, 3},
		{"a key that does not fit", keys(2), keys(1), 1},
		{"a thousand of them", keys(1001), keys(1), 1000},
		{"keys behind one that fits", `if header :contains "subject" ["a","x","x"] { }`, `if header :contains "subject" "a" { }`, 0},
		{"what stop leaves out", "stop; keep; keep;", "stop;", 0},
		{"what anyof leaves out", `if anyof(true, ` + strings.Repeat("false, ", 50) + `false) { }`, `if anyof(true, false) { }`, 0},
		{"what allof leaves out", `if allof(false, ` + strings.Repeat("true, ", 50) + `true) { }`, `if allof(false, true) { }`, 0},
		{"a branch behind one that holds", `if true { } elsif header "subject" "x" { keep; } else { keep; }`, `if true { }`, 0},
	} {
		more, less := mustCompile(t, tt.more), mustCompile(t, tt.less)
		n := stepsOf(t, more, msg)
		if got := n - stepsOf(t, less, msg); got != tt.steps {
			t.Errorf("%s costs %d steps more, want %d", tt.name, got, tt.steps)
		}
		if n == 1 {
			continue
		}
		result, err := more.Run(msg, Environment{Steps: n - 1})
		if err == nil || !strings.Contains(err.Error(), "takes too long") || !slices.Equal(describe(result), []string{"keep implicit"}) || len(result.Marks) > 0 {
			t.Errorf("%s with a step too few: %v, %v, want to keep the message", tt.name, describe(result), err)
		}
	}
}

// TestPatternsCostNoMoreThanTheirProduct: expressions at which others go back again and again cost as much as any of their length: four times
// the text, four times the steps. Patterns with wildcards likewise.
func TestPatternsCostNoMoreThanTheirProduct(t *testing.T) {
	t.Parallel()
	message := func(n int) *Message { return newTestMessage(t, "Subject: "+strings.Repeat("a", n)+"\r\n\r\n") }
	short, long := message(256), message(4*256)
	for _, pattern := range []string{`(a+)+$b`, `(a|a)*b`, `(a|aa)+b`, `(.*a){12}b`, `a?a?a?a?a?a?a?a?aaaaaaaab`, `(((a*)*)*)*b`, `^(([a-z])+.)+[0-9]([a-z])+$`} {
		s := mustCompile(t, `require "regex"; if header :regex "subject" "`+pattern+`" { discard; }`)
		if few, many := stepsOf(t, s, short), stepsOf(t, s, long); many > 4*few+4 || many < few {
			t.Errorf("%s: %d steps for a text, %d for four of them", pattern, few, many)
		}
		if result, err := s.Run(long, Environment{}); err != nil || !slices.Equal(describe(result), []string{"keep implicit"}) {
			t.Errorf("%s: %v, %v", pattern, describe(result), err)
		}
	}
	for _, pattern := range []string{"*a*b", "*a*a*a*a*a*a*a*b", "*?a?*?a?*b", strings.Repeat("*a", 40) + "b"} {
		s := mustCompile(t, `if header :matches "subject" "`+pattern+`" { discard; }`)
		if few, many := stepsOf(t, s, short), stepsOf(t, s, long); many > 5*few+4 || many < few {
			t.Errorf("%s: %d steps for a text, %d for four of them", pattern, few, many)
		}
	}
}

// repeated writes format n times, with the number of each.
func repeated(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// endless is a host on which every script includes the next, up to a depth, or nothing.
type endless struct {
	nowhere
	depth int
}

func (h *endless) Include(name string, _ bool) (*Script, error) {
	if h.depth--; h.depth < 0 {
		return Compile([]byte("keep;"), Options{Name: name})
	}
	return Compile([]byte(`require "include"; include "next";`), Options{Name: name})
}

// TestLimitsFromBothSides: as much as may be is done, and one more is refused with a sentence that says how much.
func TestLimitsFromBothSides(t *testing.T) {
	t.Parallel()
	text := func(n int) string { return strings.Repeat("a", n) }
	tests := []struct {
		name, more string
		most       int
		script     func(n int) string
		checked    bool // by Compile, not by Run
	}{
		{"bytes", "more than 1048576 bytes", MaxScript, func(n int) string { return "keep;" + strings.Repeat(" ", n-5) }, true},
		{"a string", "the string is too long", maxString, func(n int) string { return `if header "a" "` + text(n) + `" { }` }, true},
		{"a text", "the string is too long", maxString, func(n int) string { return "if header \"a\" text:\n" + text(n-2) + "\n.\n{ }" }, true},
		{"blocks", "more than 32 levels", maxDepth, func(n int) string { return strings.Repeat("if true {", n) + "keep;" + strings.Repeat("}", n) }, true},
		{"commands", "more than 50000 commands", maxNodes, func(n int) string { return strings.Repeat("stop;", n) }, true},
		{"a list", "the list is too long", maxList, func(n int) string { return `if exists [` + strings.Repeat(`"a",`, n-1) + `"a"] { }` }, true},
		{"an expression", "it is too long", maxPattern, func(n int) string {
			return `require "regex"; if header :regex "a" "` + strings.Repeat("(a)", n/3) + text(n%3) + `" { }`
		}, true},
		{"an expression's program", "too large", 1, func(n int) string {
			return `require "regex"; if header :regex "a" "a{999}` + strings.Repeat("b", n) + `" { }`
		}, true},
		{"redirects", "more than 5 redirects", MaxRedirects, func(n int) string { return repeated(n, `redirect "a%d@b.test";`) }, false},
		{"actions", "more than 32 actions", maxActions, func(n int) string { return `require "fileinto";` + repeated(n, `fileinto "A%d";`) }, false},
		{"variables", "more than 512 variables", maxVariables, func(n int) string { return `require "variables";` + repeated(n, `set "a%d" "x";`) }, false},
		{"fields", "more than 64 header fields", maxEdits, func(n int) string { return `require "editheader";` + repeated(n, `addheader "X-%d" "a";`) }, false},
		{"a handle of vacation", "longer than 512 bytes", maxHandle, func(n int) string { return `require "vacation"; vacation :handle "` + text(n) + `" "x";` }, false},
		{"a handle of duplicate", "longer than 512 bytes", maxHandle, func(n int) string {
			return `require "duplicate"; if duplicate :uniqueid "x" :handle "` + text(n) + `" { }`
		}, false},
		{"scripts one after the other", "more than 64 scripts", maxIncluded, func(n int) string { return `require "include";` + strings.Repeat(`include "a";`, n) }, false},
		{"answers", "only once", 1, func(n int) string { return `require "vacation";` + strings.Repeat(`vacation "x";`, n) }, false},
	}
	msg := newTestMessage(t, "Subject: a\r\n\r\n")
	for _, tt := range tests {
		for _, n := range []int{tt.most, tt.most + 1} {
			s, err := Compile([]byte(tt.script(n)), Options{})
			if !tt.checked {
				if err != nil {
					t.Errorf("%s, %d: %.200v", tt.name, n, err)
					continue
				}
				_, err = s.Run(msg, Environment{Host: &endless{}})
			}
			if n == tt.most && err != nil || n > tt.most && !strings.Contains(fmt.Sprint(err), tt.more) {
				t.Errorf("%s, %d: %.200v, want a fault from %d on: %s", tt.name, n, err, tt.most+1, tt.more)
			}
		}
	}
	for depth, want := range map[int]string{maxIncludes - 1: "", maxIncludes: "more than 10 scripts include each other"} {
		_, err := mustCompile(t, `require "include"; include "first";`).Run(msg, Environment{Host: &endless{depth: depth}})
		if (err == nil) != (want == "") || !strings.Contains(fmt.Sprint(err), want) && want != "" {
			t.Errorf("%d scripts within each other: %v, want %q", depth+1, err, want)
		}
	}
}

// TestTimesAreCutToTheirBounds, from both sides.
func TestTimesAreCutToTheirBounds(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	msg := newTestMessage(t, "Message-Id: <a@b.test>\r\n\r\n")
	for script, want := range map[string]time.Duration{
		`vacation "x";`: DefaultVacation, `vacation :days 0 "x";`: MinVacation, `vacation :days 1 "x";`: day, `vacation :days 365 "x";`: MaxVacation,
		`vacation :days 366 "x";`: MaxVacation, `vacation :days 8G "x";`: MaxVacation, `vacation :seconds 0 "x";`: 0, `vacation :seconds 1 "x";`: time.Second,
		`vacation :seconds 31536000 "x";`: MaxVacation, `vacation :seconds 31536001 "x";`: MaxVacation, `vacation :seconds 8G "x";`: MaxVacation,
		`if duplicate { }`: DefaultDuplicate, `if duplicate :seconds 1 { }`: time.Second, `if duplicate :seconds 2592000 { }`: MaxDuplicate,
		`if duplicate :seconds 2592001 { }`: MaxDuplicate, `if duplicate :seconds 8G { }`: MaxDuplicate,
	} {
		result, err := mustCompile(t, `require ["vacation", "vacation-seconds", "duplicate"]; `+script).Run(msg, Environment{})
		if err != nil {
			t.Errorf("%s: %v", script, err)
			continue
		}
		got := time.Duration(-1)
		for _, a := range result.Actions {
			if v, ok := a.(Vacation); ok {
				got = v.Interval
			}
		}
		for _, m := range result.Marks {
			got = m.For
		}
		if got != want {
			t.Errorf("%s: %s, want %s", script, got, want)
		}
	}
}

// spy is a host that notes what it is asked, and cannot answer one question.
type spy struct {
	testHost
	calls []string
	fails string
}

var errAway = errors.New("the database is away")

func (h *spy) note(format string, args ...any) error {
	call := fmt.Sprintf(format, args...)
	h.calls = append(h.calls, call)
	if call == h.fails {
		return errAway
	}
	return nil
}

func (h *spy) Mailbox(name string) (bool, error) {
	if err := h.note("mailbox %s", name); err != nil {
		return false, err
	}
	return h.testHost.Mailbox(name)
}

func (h *spy) SpecialUse(mailbox, use string) (bool, error) {
	if err := h.note("use %s %s", mailbox, use); err != nil {
		return false, err
	}
	return h.testHost.SpecialUse(mailbox, use)
}

func (h *spy) Include(name string, global bool) (*Script, error) {
	if err := h.note("include %s %t", name, global); err != nil {
		return nil, err
	}
	return h.testHost.Include(name, global)
}

func (h *spy) Duplicate(handle, id string) (bool, error) {
	if err := h.note("duplicate %s %s", handle, id); err != nil {
		return false, err
	}
	return h.testHost.Duplicate(handle, id)
}

func (h *spy) Listed(list, value string) (bool, bool, error) {
	if err := h.note("listed %s %s", list, value); err != nil {
		return false, false, err
	}
	return h.testHost.Listed(list, value)
}

func (h *spy) Members(list string) ([]string, bool, error) {
	if err := h.note("members %s", list); err != nil {
		return nil, false, err
	}
	return h.testHost.Members(list)
}

// TestTheHostIsAskedInOrder: each question when the script comes to it, none that does not matter, and the first that cannot be answered ends
// the run as a fault of the server, whatever was decided before.
func TestTheHostIsAskedInOrder(t *testing.T) {
	t.Parallel()
	s := mustCompile(t, `require ["mailbox", "special-use", "include", "duplicate", "extlists", "fileinto", "copy"];
if anyof(mailboxexists ["A", "B", "C"], mailboxexists "A", mailboxexists "never") { fileinto :copy "A"; }
if allof(specialuse_exists "\\Junk", specialuse_exists "\\Sent") { fileinto :copy "S"; }
if false { include "never"; }
include :optional "none";
include :global "g";
if duplicate :handle "h" { }
if header :list "subject" "tag:friends" { }
redirect :list :copy "tag:friends";
stop;
if mailboxexists "never" { }`)
	want := []string{"mailbox A", "mailbox B", "mailbox A", `use  \Junk`, "include none false", "include g true", "mailbox in", "duplicate h <1@b.test>",
		"listed tag:friends hello", "members tag:friends"}
	host := func(fails string) *spy {
		return &spy{fails: fails, testHost: testHost{mailboxes: []string{"A"}, lists: map[string][]string{"tag:friends": {"otto@school.test"}},
			scripts: map[string]string{"global g": `require "mailbox"; if mailboxexists "in" { }`}}}
	}
	msg := newTestMessage(t, "Subject: hello\r\nMessage-Id: <1@b.test>\r\n\r\n")
	h := host("")
	result, err := s.Run(msg, Environment{Host: h})
	if err != nil || !slices.Equal(h.calls, want) {
		t.Errorf("asked\n%s\n%v, want\n%s", strings.Join(h.calls, "\n"), err, strings.Join(want, "\n"))
	}
	decided := []string{"fileinto A", "redirect otto@school.test copy", "keep implicit", "mark h|<1@b.test> 168h0m0s"}
	if got := describe(result); !slices.Equal(got, decided) {
		t.Errorf("decided %q, want %q", got, decided)
	}
	for i, call := range want {
		h := host(call)
		result, err := s.Run(msg, Environment{Host: h})
		first := slices.Index(want, call)
		if fault := new(HostError); !errors.As(err, &fault) || !errors.Is(err, errAway) || !slices.Equal(h.calls, want[:first+1]) {
			t.Errorf("question %d, %q, is not answered: %v after %q", i, call, err, h.calls)
		}
		if got := describe(result); !slices.Equal(got, []string{"keep implicit"}) || len(result.Marks) > 0 {
			t.Errorf("question %d, %q, is not answered: decided %q", i, call, got)
		}
	}
}

// TestRunsAreAlike: a script decides the same about the same message every time, also many runs at once, and costs the same.
func TestRunsAreAlike(t *testing.T) {
	t.Parallel()
	s := mustCompile(t, fiftyRules())
	msg := loadMessage(t, "letter.eml")
	first, err := s.Run(msg, Environment{})
	if err != nil {
		t.Fatal(err)
	}
	steps := stepsOf(t, s, msg)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 5 {
				fresh, err := NewMessage(msg.body, msg.index)
				if err != nil {
					t.Error(err)
					return
				}
				result, err := s.Run(fresh, Environment{Steps: steps})
				if err != nil || !slices.Equal(describe(result), describe(first)) {
					t.Errorf("decided %q, %v, want %q", describe(result), err, describe(first))
				}
				if _, err := s.Run(fresh, Environment{Steps: steps - 1}); err == nil {
					t.Error("a run cost less than another")
				}
			}
		})
	}
	all.Wait()
}

// drawNodes draws commands, or tests.
func drawNodes(rt *rapid.T, depth int, tests bool) (list []node) {
	for range rapid.IntRange(1, 3).Draw(rt, "nodes") {
		n := node{name: rapid.SampledFrom([]string{"keep", "if", "a_b", "x9", "texts", "not"}).Draw(rt, "name")}
		for range rapid.IntRange(0, 3).Draw(rt, "arguments") {
			n.args = append(n.args, drawArgument(rt))
		}
		switch form := rapid.IntRange(0, 3).Draw(rt, "tests"); {
		case depth > 2 || form == 0:
		case form == 1:
			n.tests = drawNodes(rt, depth+2, true)[:1]
		default:
			n.listed, n.tests = true, drawNodes(rt, depth+2, true)
		}
		if n.hasEnd = !tests && rapid.Bool().Draw(rt, "block"); n.hasEnd && depth < 3 {
			n.block = drawNodes(rt, depth+1, false)
		}
		list = append(list, n)
	}
	return list
}

func drawArgument(rt *rapid.T) argument {
	str := rapid.OneOf(rapid.StringOfN(rapid.SampledFrom([]rune("a\"\\ \r\n.;{}[](),#/*€\t")), 0, 8, -1), rapid.StringMatching(`(\.{0,2}[a ]{0,3}\r\n){0,3}`))
	switch rapid.IntRange(0, 3).Draw(rt, "kind") {
	case 0:
		return argument{kind: tagName, text: ":" + rapid.SampledFrom([]string{"is", "text", "over_1"}).Draw(rt, "tag")}
	case 1:
		return argument{kind: number, number: rapid.Int64Range(0, 1<<40).Draw(rt, "number")}
	case 2:
		return argument{kind: text, text: str.Draw(rt, "string")}
	}
	a := argument{kind: textList}
	for range rapid.IntRange(1, 3).Draw(rt, "strings") {
		a.list = append(a.list, argument{kind: text, text: str.Draw(rt, "string")})
	}
	return a
}

// printer writes nodes as a script, with whatever may stand between two words.
type printer struct {
	strings.Builder
	rt *rapid.T
}

func (p *printer) word(s string) {
	p.WriteString(s)
	p.WriteString(rapid.SampledFrom([]string{" ", "\n", "\t \r\n", " # \"; {\n", "/* ; */", " /* a\n** */ "}).Draw(p.rt, "between"))
}

func (p *printer) nodes(list []node, tests bool) {
	for i := range list {
		n := &list[i]
		if tests && i > 0 {
			p.word(",")
		}
		p.word(rapid.SampledFrom([]string{n.name, strings.ToUpper(n.name)}).Draw(p.rt, "letters"))
		for j := range n.args {
			p.argument(&n.args[j])
		}
		if n.listed {
			p.word("(")
		}
		p.nodes(n.tests, true)
		if n.listed {
			p.word(")")
		}
		switch {
		case n.hasEnd:
			p.word("{")
			p.nodes(n.block, false)
			p.word("}")
		case !tests:
			p.word(";")
		}
	}
}

func (p *printer) argument(a *argument) {
	switch a.kind {
	case tagName:
		p.word(strings.ToUpper(a.text))
	case number:
		switch n := a.number; {
		case n > 0 && n%(1<<30) == 0:
			p.word(fmt.Sprintf("%dG", n>>30))
		case n > 0 && n%(1<<10) == 0:
			p.word(fmt.Sprintf("%dk", n>>10))
		default:
			p.word(fmt.Sprint(n))
		}
	case textList:
		p.word("[")
		for i := range a.list {
			if i > 0 {
				p.word(",")
			}
			p.argument(&a.list[i])
		}
		p.word("]")
	default:
		if lines := strings.ReplaceAll(a.text, "\r\n", ""); strings.HasSuffix(a.text, "\r\n") && !strings.ContainsAny(lines, "\r\n") {
			stuffed := strings.ReplaceAll("\n"+strings.TrimSuffix(strings.ReplaceAll(a.text, "\r\n", "\n"), "\n"), "\n.", "\n..")
			p.WriteString("text: # a comment" + stuffed + "\n.\n")
			return
		}
		p.word(`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(a.text) + `"`)
	}
}

// outline is nodes without their places.
func outline(list []node) string {
	var b strings.Builder
	var write func(list []argument)
	write = func(list []argument) {
		for _, a := range list {
			fmt.Fprintf(&b, " %d%q%d", a.kind, a.text, a.number)
			write(a.list)
		}
	}
	for _, n := range list {
		b.WriteString("<" + n.name)
		write(n.args)
		fmt.Fprintf(&b, " %t(%s) %t{%s}>", n.listed, outline(n.tests), n.hasEnd, outline(n.block))
	}
	return b.String()
}

// TestScriptsAreReadAsTheyAreWritten: whatever stands between its words, a script is read as what it was made of.
func TestScriptsAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		want := drawNodes(rt, 0, false)
		p := printer{rt: rt}
		p.nodes(want, false)
		got, err := parse(p.String())
		if err != nil || outline(got) != outline(want) {
			rt.Fatalf("%q\nis read as\n%s, %v, want\n%s", p.String(), outline(got), err, outline(want))
		}
	})
}
