package sieve

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"schulhof/mailbox/message"
)

// TestCases runs testdata/cases/*.sieve. A case begins with "#### its name"; then come, in any order, the script and lines
//
//	#< from: address      the envelope and what else the host knows: from, to, now, message (a file of testdata), mailbox, use, marked, list
//	#> action             what the script decides, in this order; a case without any throws the message away
//	#= Field: value       the header of the last action has this line;  #- Field: it has no such field
//	#! text               the check refuses the script, with this in its text
//	#? text               the run ends with this fault, and the message is kept
//	#~ text               the check warns
//	#@ name               the script behind this line, up to "#@", is one to include
func TestCases(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/cases/*.sieve")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".sieve")
		for _, part := range strings.Split("\n"+string(b), "\n#### ")[1:] {
			title, body, _ := strings.Cut(part, "\n")
			t.Run(name+"/"+title, func(t *testing.T) { newCase(t, body).check(t) })
		}
	}
}

// testCase is one case, read.
type testCase struct {
	script, message                                              string
	want, header, noHeader, checkFaults, runFaults, checkWarning []string
	env                                                          Environment
	host                                                         *testHost
}

// testHost is a host of maps.
type testHost struct {
	mailboxes []string
	uses      map[string]string // by use: the mailbox
	marked    map[string]bool
	lists     map[string][]string
	scripts   map[string]string
}

func (h *testHost) Mailbox(name string) (bool, error) { return slices.Contains(h.mailboxes, name), nil }

func (h *testHost) SpecialUse(mailbox, use string) (bool, error) {
	found, ok := h.uses[strings.ToLower(use)]
	return ok && (mailbox == "" || mailbox == found), nil
}

func (h *testHost) Include(name string, global bool) (*Script, error) {
	if global {
		name = "global " + name
	}
	text, ok := h.scripts[name]
	if !ok {
		return nil, nil
	}
	return Compile([]byte(text), Options{Name: name, Lists: true})
}

func (h *testHost) Duplicate(handle, id string) (bool, error) { return h.marked[handle+"|"+id], nil }

func (h *testHost) Listed(list, value string) (bool, bool, error) {
	members, known := h.lists[list]
	return slices.Contains(members, value), known, nil
}

func (h *testHost) Members(list string) ([]string, bool, error) {
	members, known := h.lists[list]
	return members, known, nil
}

func newCase(t *testing.T, text string) *testCase {
	t.Helper()
	h := &testHost{uses: map[string]string{}, marked: map[string]bool{}, lists: map[string][]string{}, scripts: map[string]string{}}
	c := &testCase{message: "letter.eml", host: h, env: Environment{Host: h, From: "otto@school.test", To: "anna+math@school.test",
		Now: time.Date(2027, 3, 1, 7, 45, 30, 0, time.UTC), Zone: time.FixedZone("", 3600),
		Items: map[string]string{"name": "Schulhof", "phase": "during", "domain": "school.test"}}}
	script, include := &c.script, ""
	for line := range strings.Lines(text) {
		mark, rest, _ := strings.Cut(strings.TrimRight(line, "\n"), " ")
		switch mark {
		case "#<":
			c.set(t, rest)
		case "#>":
			c.want = append(c.want, rest)
		case "#=":
			c.header = append(c.header, rest)
		case "#-":
			c.noHeader = append(c.noHeader, rest)
		case "#!":
			c.checkFaults = append(c.checkFaults, rest)
		case "#?":
			c.runFaults = append(c.runFaults, rest)
		case "#~":
			c.checkWarning = append(c.checkWarning, rest)
		case "#@":
			if *script = strings.TrimLeft(*script, "\n"); include != "" {
				h.scripts[include] = *script
			}
			if include = rest; include == "" {
				script = &c.script
			} else {
				script = new(string)
			}
		default:
			*script += line
		}
	}
	return c
}

func (c *testCase) set(t *testing.T, line string) {
	t.Helper()
	key, v, _ := strings.Cut(line, ": ")
	switch key {
	case "from":
		c.env.From = strings.Trim(v, "<>")
	case "to":
		c.env.To = v
	case "now":
		at, err := time.Parse(time.RFC3339, v)
		if err != nil {
			t.Fatal(err)
		}
		c.env.Now = at
	case "message":
		c.message = v
	case "mailbox":
		c.host.mailboxes = append(c.host.mailboxes, v)
	case "use":
		use, mailbox, _ := strings.Cut(v, " ")
		c.host.uses[strings.ToLower(use)] = mailbox
	case "marked":
		c.host.marked[v] = true
	case "list":
		name, members, _ := strings.Cut(v, " ")
		c.host.lists[name] = strings.Fields(members)
	default:
		t.Fatalf("unknown setting %q", line)
	}
}

func (c *testCase) check(t *testing.T) {
	t.Helper()
	script, err := Compile([]byte(c.script), Options{Lists: true})
	if len(c.checkFaults) > 0 {
		for _, want := range c.checkFaults {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Fatalf("Compile = %v, want %q", err, want)
			}
		}
		return
	}
	if err != nil {
		t.Fatalf("Compile = %v", err)
	}
	for _, want := range c.checkWarning {
		if !slices.ContainsFunc(script.Warnings(), func(e Error) bool { return strings.Contains(e.Error(), want) }) {
			t.Errorf("warnings = %v, want %q", script.Warnings(), want)
		}
	}
	result, err := script.Run(loadMessage(t, c.message), c.env)
	if c.runFaults == nil && err != nil {
		t.Fatalf("Run = %v", err)
	}
	for _, want := range c.runFaults {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Run = %v, want %q", err, want)
		}
		c.want = []string{"keep implicit"}
	}
	if got := describe(result); !slices.Equal(got, c.want) {
		t.Errorf("decided\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(c.want, "\n\t"))
	}
	c.checkHeader(t, result)
}

func (c *testCase) checkHeader(t *testing.T, result Result) {
	t.Helper()
	if len(c.header)+len(c.noHeader) == 0 {
		return
	}
	var head []byte
	switch a := result.Actions[len(result.Actions)-1].(type) {
	case Keep:
		head = a.Header
	case FileInto:
		head = a.Header
	case Redirect:
		head = a.Header
	}
	lines := strings.Split(strings.ReplaceAll(string(head), "\r\n ", "\n "), "\r\n")
	for _, want := range c.header {
		if !slices.Contains(lines, strings.ReplaceAll(want, `\n`, "\n")) {
			t.Errorf("header lacks %q:\n%s", want, head)
		}
	}
	for _, gone := range c.noHeader {
		if slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, gone+":") }) {
			t.Errorf("header still has %s:\n%s", gone, head)
		}
	}
}

var flat = strings.NewReplacer("\r\n", `\n`, "\n", `\n`)

// describe writes what was decided as the cases have it.
func describe(result Result) (list []string) {
	for _, a := range result.Actions {
		var line string
		switch a := a.(type) {
		case Keep:
			line = "keep"
			if a.Implicit {
				line += " implicit"
			}
			line += options("flags", strings.Join(a.Flags, " "))
		case FileInto:
			line = fileInto(a)
		case Redirect:
			line = "redirect " + a.Address
			if a.Copy {
				line += " copy"
			}
		case Reject:
			line = "reject " + a.Reason
			if a.Extended {
				line = "e" + line
			}
		case Vacation:
			line = "vacation " + a.Interval.String() + options("subject", a.Subject) + options("from", a.From) +
				options("addresses", strings.Join(a.Addresses, " "))
			if !strings.HasPrefix(a.Handle, "sha256:") {
				line += options("handle", a.Handle)
			}
			if a.MIME {
				line += " mime"
			}
			if a.FCC != nil {
				line += " fcc=[" + fileInto(*a.FCC) + "]"
			}
			line += ": " + a.Reason
		}
		list = append(list, strings.TrimRight(flat.Replace(line), " "))
	}
	for _, m := range result.Marks {
		list = append(list, fmt.Sprintf("mark %s|%s %s", m.Handle, m.ID, m.For))
	}
	return list
}

func fileInto(f FileInto) string {
	line := "fileinto " + f.Mailbox + options("use", f.SpecialUse)
	if f.Create {
		line += " create"
	}
	return line + options("flags", strings.Join(f.Flags, " "))
}

func options(name, v string) string {
	if v == "" {
		return ""
	}
	return " " + name + "=" + v
}

// loadMessage reads a message of testdata; its lines get CRLF.
func loadMessage(t testing.TB, name string) *Message {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return newTestMessage(t, strings.ReplaceAll(string(b), "\n", "\r\n"))
}

func newTestMessage(t testing.TB, raw string) *Message {
	t.Helper()
	r := strings.NewReader(raw)
	x, err := message.Parse(r, int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewMessage(r, x)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestEveryCapability demands that each announced extension has a file of cases, and that each command and test names
// an extension that is announced.
func TestEveryCapability(t *testing.T) {
	t.Parallel()
	for _, name := range Capabilities(true) {
		if _, err := os.Stat("testdata/cases/" + strings.ReplaceAll(strings.TrimPrefix(name, "comparator-"), ";", "-") + ".sieve"); err != nil {
			t.Errorf("capability %s has no cases: %v", name, err)
		}
	}
	check := func(where, needs string) {
		if needs != "" && !capability(needs, true) {
			t.Errorf("%s needs %q, which is not announced", where, needs)
		}
	}
	for _, table := range []map[string]spec{commands, tests} {
		for name, s := range maps.All(table) {
			for _, needs := range s.needs {
				check(name, needs)
			}
			for _, list := range s.tags {
				for _, tag := range list {
					check(name+" "+tag.name, tag.needs)
				}
			}
		}
	}
}

// TestHostFault tells a fault of the server from one of the script: the caller may try again.
func TestHostFault(t *testing.T) {
	t.Parallel()
	broken := errors.New("database is away")
	script, err := Compile([]byte(`require "mailbox"; if mailboxexists "A" { discard; }`), Options{})
	if err != nil {
		t.Fatal(err)
	}
	result, err := script.Run(loadMessage(t, "letter.eml"), Environment{Host: brokenHost{nowhere{}, broken}})
	var host *HostError
	if !errors.As(err, &host) || !errors.Is(err, broken) {
		t.Errorf("Run = %v, want a HostError of %v", err, broken)
	}
	if got := describe(result); !slices.Equal(got, []string{"keep implicit"}) {
		t.Errorf("decided %v, want to keep the message", got)
	}
}

type brokenHost struct {
	nowhere
	err error
}

func (h brokenHost) Mailbox(string) (bool, error) { return false, h.err }
