package dav

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var show = flag.String("show", "", "print what the server says in this transcript")

// TestTranscripts plays each testdata/transcript/*.txt against a fresh server. A file has
//
//	# a comment that names the case and the RFC's section
//	@as ben             who asks from here on: anna at first, - without a login
//	C: PUT /a HTTP      a request, then its headers in C: lines, an empty C: line and the body
//	S: 201              the status of its answer
//	S: ETag: "…"        a header that it has; … stands for any characters
//	S+ text             text in its body, behind that of the S+ line before
//	S- text             text that is not in its body
//	S= text             a line of its body from the start: together they are all of it
//	@let TOKEN Lock-Token   $TOKEN in later lines is that header of the last answer
//	@let TOKEN <D:sync-token>(…)</D:sync-token>   or what … is in its body
//	@clock 30m          the time goes on
//
// White space between elements of XML is not looked at. $HOST is the server's own name and port.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/transcript/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p := &player{school: newSchool(t), file: file, who: "anna", words: map[string]string{}}
			p.words["HOST"] = strings.TrimPrefix(p.http.URL, "http://")
			for i, line := range strings.Split(string(text), "\n") {
				p.line = i + 1
				p.step(line)
			}
			p.flush()
			if p.answers == 0 {
				t.Fatal("nothing was asked")
			}
		})
	}
}

// player plays one transcript.
type player struct {
	*school
	file    string
	line    int
	who     string
	words   map[string]string
	request []string // C: lines that wait to be sent
	last    answer
	rest    string   // of the last answer's body, behind what S+ has found
	whole   []string // S= lines
	answers int
}

func (p *player) fail(format string, args ...any) {
	p.Helper()
	p.Fatalf("%s:%d: "+format+"\nthe answer was %d %v\n%s", append(append([]any{p.file, p.line}, args...), p.last.status, p.last.header, p.last.body)...)
}

var words = regexp.MustCompile(`\$[A-Z][A-Z0-9]*`)

func (p *player) step(line string) {
	p.Helper()
	line = words.ReplaceAllStringFunc(line, func(w string) string {
		if value, ok := p.words[w[1:]]; ok {
			return value
		}
		return w
	})
	if rest, ok := strings.CutPrefix(line, "C:"); ok {
		if len(p.request) == 0 {
			p.flush()
		}
		p.request = append(p.request, strings.TrimPrefix(rest, " "))
		return
	}
	p.ask()
	kind, rest, _ := strings.Cut(line, " ")
	switch kind {
	case "", "#":
	case "@as":
		p.flush()
		p.who = strings.TrimPrefix(rest, "-")
	case "@clock":
		p.flush()
		d, err := time.ParseDuration(rest)
		p.check(err)
		p.clock.Add(int64(d / time.Second))
	case "@let":
		p.let(rest)
	case "S:":
		p.status(rest)
	case "S+":
		i := strings.Index(p.rest, rest)
		if i < 0 {
			p.fail("%q is not in the rest of the body", rest)
		}
		p.rest = p.rest[i+len(rest):]
	case "S-":
		if strings.Contains(p.last.body, rest) {
			p.fail("%q is in the body", rest)
		}
	case "S=":
		p.whole = append(p.whole, rest)
	default:
		p.fail("cannot read %q", line)
	}
}

// ask sends the request that waits, if there is one.
func (p *player) ask() {
	p.Helper()
	if len(p.request) == 0 {
		return
	}
	method, path, _ := strings.Cut(p.request[0], " ")
	var headers []string
	i := 1
	for ; i < len(p.request) && p.request[i] != ""; i++ {
		name, value, _ := strings.Cut(p.request[i], ": ")
		headers = append(headers, name, value)
	}
	body := ""
	if i < len(p.request) {
		body = strings.Join(p.request[i+1:], "\r\n")
	}
	p.request = nil
	p.last = p.do(p.who, method, path, body, headers...)
	p.last.body = between.ReplaceAllString(p.last.body, "><")
	p.rest = p.last.body
	p.answers++
	if *show == strings.TrimSuffix(filepath.Base(p.file), ".txt") {
		p.Logf("%s %s = %d %v\n%s", method, path, p.last.status, p.last.header, p.last.body)
	}
}

var between = regexp.MustCompile(`>\s+<`)

// status checks "S: 207" and "S: Name: value".
func (p *player) status(rest string) {
	p.Helper()
	name, value, isHeader := strings.Cut(rest, ": ")
	if !isHeader {
		if rest != strings.TrimSpace(statusLine(p.last.status)[9:12]) {
			p.fail("want status %s", rest)
		}
		return
	}
	got := strings.Join(p.last.header.Values(name), ", ")
	if !like(value, got) {
		p.fail("want %s: %s, got %q", name, value, got)
	}
}

// like reports whether got is what pattern says; … stands for any characters.
func like(pattern, got string) bool {
	parts := strings.Split(pattern, "…")
	for i, part := range parts {
		parts[i] = regexp.QuoteMeta(part)
	}
	return regexp.MustCompile("^" + strings.Join(parts, ".*") + "$").MatchString(got)
}

func (p *player) let(rest string) {
	p.Helper()
	name, what, _ := strings.Cut(rest, " ")
	if !strings.Contains(what, "(…)") {
		p.words[name] = p.last.header.Get(what)
	} else {
		before, after, _ := strings.Cut(what, "(…)")
		m := regexp.MustCompile(regexp.QuoteMeta(before) + "(.*?)" + regexp.QuoteMeta(after)).FindStringSubmatch(p.last.body)
		if m == nil {
			p.fail("there is no %s", what)
		}
		p.words[name] = m[1]
	}
	if p.words[name] == "" {
		p.fail("there is no %s", what)
	}
}

// flush compares the S= lines with the body.
func (p *player) flush() {
	p.Helper()
	p.ask()
	if p.whole == nil {
		return
	}
	if got, want := p.last.body, strings.Join(p.whole, "\r\n"); got != want {
		p.fail("got the body %q, want %q", got, want)
	}
	p.whole = nil
}
