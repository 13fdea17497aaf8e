package imapd

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"schulhof/directory"
)

var record = flag.String("record", "", "rewrite the S: lines of this transcript with what the server said; read them before you commit")

// TestTranscripts plays each testdata/transcript/*.txt against a fresh server. A file has
//
//	# a comment that names the case and the RFC's section
//	C: a1 NOOP          what the first connection sends, with CRLF; a \ at the end: without it
//	S: a1 OK …          the exact next line it gets; … stands for any characters; <closed>: the server has closed it
//	C2: S2:             the same for a second, third … connection
//	@raw 2              connection 2 (default 1) starts before its greeting; others have logged in as anna
//	$UIDVALIDITY        in a C: line: the last one that was said
//	@deliver Subject    a small message arrives in anna's INBOX
//	@large Subject      one that no memory keeps
//	@disable ben        an account is disabled
//	@login 2 ben        connection 2 logs in as somebody else
//	@staff office       an account that is no pupil's
//	@group 7b anna ben  a group that keeps its mail; anna owns it, the others are members
//	@post 7b Subject    a message arrives in the group's mailbox
//	@leave 7b ben       somebody leaves the group
//	@share anna Sent ben lrs   the administrator lets ben use anna's mailbox Sent
//	@quota 1000         anna may keep so many bytes
//	@tls                the server has a certificate and takes no password in plain text
//	@secure 1           connection 1 starts TLS
//	@deflate            the first connection goes on compressed
//	@watch 9 2          NOTIFY is about nine mailboxes at most, and tells two new messages at once
//	@damage             every stored message has been damaged on the disk
//	@close              the storage takes nothing any more
//	@stop               the server is asked to stop
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/transcript/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			play(t, file)
		})
	}
}

// player plays one transcript.
type player struct {
	*testServer
	trust *tls.Config // of @tls
	file  string
	conns map[string]*client
	raw   map[string]bool
	tags  map[string]string // the last command's tag, for -record
	out   []string          // for -record

	validity string // the last UIDVALIDITY that was said: $UIDVALIDITY
}

func play(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var change []func(*Options)
	var trust *tls.Config
	if strings.Contains("\n"+string(text), "\n@tls\n") {
		var certificate *tls.Config
		certificate, trust = testTLS(t)
		change = append(change, func(o *Options) { o.TLS, o.AllowPlaintextLoopback = certificate, false })
	}
	p := &player{testServer: newTestServer(t, change...), trust: trust, file: file, conns: map[string]*client{}, raw: map[string]bool{}, tags: map[string]string{}}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	recording := *record != "" && *record == strings.TrimSuffix(filepath.Base(file), ".txt")
	for i, line := range lines {
		if recording {
			p.recordLine(line, lines[i+1:])
			continue
		}
		p.step(i+1, line)
	}
	if recording {
		if err := os.WriteFile(file, []byte(strings.Join(p.out, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

var sides = regexp.MustCompile(`^([CS])([0-9]*): ?(.*)$`)

func (p *player) step(number int, line string) {
	m := sides.FindStringSubmatch(line)
	switch {
	case m == nil:
		p.directive(number, line)
	case m[1] == "C":
		p.say(m[2], m[3])
	default:
		got := p.conn(m[2]).line()
		p.note(got)
		if !like(m[3], got) {
			p.Fatalf("%s:%d: got  S%s: %s\nwant S%s: %s", p.file, number, m[2], got, m[2], m[3])
		}
	}
}

var uidValidity = regexp.MustCompile(`UIDVALIDITY (\d+)`)

// note remembers what later lines may refer to.
func (p *player) note(line string) {
	if m := uidValidity.FindStringSubmatch(line); m != nil {
		p.validity = m[1]
	}
}

func (p *player) directive(number int, line string) {
	word, rest, _ := strings.Cut(line, " ")
	switch {
	case line == "" || line[0] == '#':
	case word == "@raw":
		p.raw[strings.TrimPrefix(rest, "1")] = true
	case word == "@deliver":
		p.deliver(rest)
	case word == "@disable":
		p.disable(rest)
	case word == "@tls": // play has seen it
	case p.happens(word, rest):
	default:
		p.Fatalf("%s:%d: cannot read %q", p.file, number, line)
	}
}

// happens does what a directive says happens to the server or to a connection.
func (p *player) happens(word, rest string) bool {
	switch word {
	case "@quota":
		n, err := strconv.ParseInt(rest, 10, 64)
		p.check(err)
		p.check(p.dir.ChangeAccount(context.Background(), p.anna, directory.AccountChange{QuotaBytes: &n}))
	case "@secure":
		name := strings.TrimPrefix(rest, "1")
		p.conns[name] = newClient(p, tls.Client(p.conns[name].nc, p.trust))
	case "@watch":
		_, err := fmt.Sscan(rest, &p.srv.mostWatched, &p.srv.mostNews)
		p.check(err)
	case "@deflate":
		p.conns[""] = p.conns[""].deflated()
	case "@large":
		p.deliverLarge(rest)
	case "@damage":
		p.damage()
	case "@close":
		p.mail.Close()
		p.check(p.store.Close())
	case "@stop":
		p.check(p.stop())
	default:
		return p.shares(word, strings.Fields(rest))
	}
	return true
}

func (p *player) say(conn, text string) {
	c := p.conn(conn)
	text = strings.ReplaceAll(text, "$UIDVALIDITY", p.validity)
	if tag, _, ok := strings.Cut(text, " "); ok && p.tags[conn] == "" {
		p.tags[conn] = tag
	}
	if cut, ok := strings.CutSuffix(text, `\`); ok {
		c.send(cut)
		return
	}
	c.send(text + "\r\n")
}

func (p *player) conn(name string) *client {
	if c, ok := p.conns[name]; ok {
		return c
	}
	c := p.dial()
	if !p.raw[name] {
		c.line()
		c.want(c.do(`login LOGIN anna "`+testPassword+`"`), "login OK")
	}
	p.conns[name] = c
	return c
}

// like reports whether got is what pattern says; … stands for any characters.
func like(pattern, got string) bool {
	parts := strings.Split(pattern, "…")
	if !strings.HasPrefix(got, parts[0]) {
		return false
	}
	got = got[len(parts[0]):]
	for i, part := range parts[1:] {
		if i == len(parts)-2 {
			return strings.HasSuffix(got, part)
		}
		at := strings.Index(got, part)
		if at < 0 {
			return false
		}
		got = got[at+len(part):]
	}
	return got == ""
}

// recordLine keeps everything but S: lines, and behind the last C: line of a step puts what each connection got.
func (p *player) recordLine(line string, rest []string) {
	m := sides.FindStringSubmatch(line)
	if m != nil && m[1] == "S" {
		if p.raw[m[2]] && p.conns[m[2]] == nil {
			p.conn(m[2])
			p.heard(m[2])
		}
		return
	}
	p.out = append(p.out, line)
	p.step(0, line)
	acts := strings.HasPrefix(line, "@deliver") || strings.HasPrefix(line, "@share") || strings.HasPrefix(line, "@post") || strings.HasPrefix(line, "@disable") || line == "@stop"
	if m == nil && !acts || len(rest) > 0 && strings.HasPrefix(rest[0], "C") && m != nil && strings.HasPrefix(rest[0], "C"+m[2]+":") {
		return
	}
	for _, name := range []string{"", "2", "3"} {
		if p.conns[name] != nil {
			p.heard(name)
		}
	}
}

var numbers = regexp.MustCompile(`(UIDVALIDITY |COPYUID |APPENDUID |MAILBOXID \(|EMAILID \(|THREADID \(|INTERNALDATE "|SAVEDATE ")([^\]") ]*|[^"]*")`)

// heard writes down what a connection gets until its command has ended, or for a moment.
func (p *player) heard(name string) {
	c := p.conns[name]
	for {
		_ = c.nc.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		s, err := c.r.ReadString('\n')
		if err != nil {
			if e, ok := err.(net.Error); !ok || !e.Timeout() {
				p.out = append(p.out, "S"+name+": <closed>")
				delete(p.conns, name)
			}
			break
		}
		s = strings.TrimRight(s, "\r\n")
		p.note(s)
		p.out = append(p.out, "S"+name+": "+numbers.ReplaceAllString(s, "$1…"))
		if tag := p.tags[name]; tag != "" && strings.HasPrefix(s, tag+" ") {
			break
		}
	}
	p.tags[name] = ""
}
