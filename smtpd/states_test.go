package smtpd

import (
	"fmt"
	"strings"
	"testing"
)

// states leads a connection to each state of RFC 5321 §4.1.4, by the commands that a door takes for it.
var states = []struct {
	name  string
	begin []string // command and the code that it must get
}{
	{"fresh", nil},
	{"HELO", []string{"HELO x.example", "250"}},
	{"hello", []string{"?HLO x.example", "250"}},
	{"mail", []string{"?HLO x.example", "250", "MAIL FROM:<>", "250"}},
	{"rcpt", []string{"?HLO x.example", "250", "MAIL FROM:<>", "250", "RCPT TO:<anna@school.test>", "250"}},
	{"chunk", []string{"?HLO x.example", "250", "MAIL FROM:<>", "250", "RCPT TO:<anna@school.test>", "250", "BDAT 3\r\na: ", "250"}},
}

// verbsInStates says what each command gets in each state; "-" is a state that the door cannot be in. A chunk follows its BDAT.
const verbsInStates = `
mx                            fresh HELO hello mail rcpt chunk
EHLO x.example                250   250  250   250  250  250
HELO x.example                250   250  250   250  250  250
LHLO x.example                500   500  500   500  500  500
STARTTLS                      220   220  220   220  220  220
AUTH PLAIN                    500   500  500   500  500  500
MAIL FROM:<lena@example.org>  503   250  250   503  503  503
RCPT TO:<anna@school.test>    503   503  503   250  250  503
RCPT TO:<lena@example.org>    503   503  503   550  550  503
DATA                          503   503  503   554  354  503
BDAT 3\r\nx\r\n               503   503  503   554  250  250
BDAT 3 LAST\r\nx\r\n          503   503  503   554  250  250
RSET                          250   250  250   250  250  250
NOOP                          250   250  250   250  250  250
VRFY anna                     252   252  252   252  252  252
EXPN 7b                       502   502  502   502  502  502
HELP                          214   214  214   214  214  214
QUIT                          221   221  221   221  221  221
ETRN school.test              502   502  502   502  502  502
SAML FROM:<>                  502   502  502   502  502  502
XYZZY                         500   500  500   500  500  500
DATA now                      503   501  501   501  501  501
RSET now                      501   501  501   501  501  501

lmtp                          fresh HELO hello mail rcpt chunk
EHLO x.example                500   -    500   500  500  500
HELO x.example                500   -    500   500  500  500
LHLO x.example                250   -    250   250  250  250
STARTTLS                      500   -    500   500  500  500
AUTH PLAIN                    500   -    500   500  500  500
MAIL FROM:<>                  503   -    250   503  503  503
RCPT TO:<anna@school.test>    503   -    503   250  250  503
DATA                          503   -    503   503  354  503
BDAT 3\r\nx\r\n               503   -    503   503  250  250
BDAT 3 LAST\r\nx\r\n          503   -    503   503  250  250
RSET                          250   -    250   250  250  250
QUIT                          221   -    221   221  221  221

submission                    fresh HELO hello mail rcpt chunk
EHLO x.example                250   250  250   -    -    -
LHLO x.example                500   500  500   -    -    -
STARTTLS                      220   220  220   -    -    -
AUTH PLAIN                    503   503  334   -    -    -
AUTH LOGIN                    503   503  334   -    -    -
MAIL FROM:<anna@school.test>  503   530  530   -    -    -
RCPT TO:<anna@school.test>    503   503  503   -    -    -
DATA                          503   503  503   -    -    -
BDAT 3 LAST\r\nx\r\n          503   503  503   -    -    -
VRFY anna                     252   252  252   -    -    -

submissions                   fresh HELO hello mail rcpt chunk
STARTTLS                      503   503  503   -    -    -
AUTH PLAIN                    503   503  334   -    -    -

submission+login              fresh HELO hello mail rcpt chunk
EHLO x.example                -     -    250   250  250  250
STARTTLS                      -     -    220   220  220  220
AUTH PLAIN                    -     -    503   503  503  503
MAIL FROM:<anna@school.test>  -     -    250   503  503  503
MAIL FROM:<ben@school.test>   -     -    553   503  503  503
RCPT TO:<ben@school.test>     -     -    503   250  250  503
RCPT TO:<lena@example.org>    -     -    503   550  550  503
DATA                          -     -    503   554  354  503
BDAT 3\r\nx\r\n               -     -    503   554  250  250
BDAT 3 LAST\r\nx\r\n          -     -    503   554  250  250
`

// TestEveryVerbInEveryState plays the table: each cell on a connection of its own, which must still be in step afterwards.
func TestEveryVerbInEveryState(t *testing.T) {
	w := newWorld(t)
	addresses := map[*door]string{}
	verb := map[bool]string{true: "L", false: "E"}
	for block := range strings.SplitSeq(strings.TrimSpace(verbsInStates), "\n\n") {
		lines := strings.Split(block, "\n")
		name, login, _ := strings.Cut(strings.Fields(lines[0])[0], "+")
		d := doors[name]
		if addresses[d] == "" {
			addresses[d] = w.listen(d)
		}
		for _, line := range lines[1:] {
			command := strings.TrimRight(line[:30], " ")
			for i, code := range strings.Fields(line[30:]) {
				if code == "-" {
					continue
				}
				p := dialTo(t, addresses[d], d.implicit)
				begin := states[i].begin
				if login != "" {
					p.do("EHLO x.example", "250")
					p.login("anna")
				}
				for ; len(begin) > 0; begin = begin[2:] {
					p.sendExactly(strings.Replace(begin[0], "?", verb[d.lmtp], 1))
					p.want(begin[1])
				}
				p.sendExactly(strings.NewReplacer(`\r`, "\r", `\n`, "\n").Replace(command))
				got := p.reply()
				if !strings.HasPrefix(got, code) {
					t.Errorf("%s%s, %s: %q is answered %q, want %s", name, login, states[i].name, command, got, code)
				}
				if !strings.Contains("220 221 334 354", got[:3]) {
					p.do("NOOP", "250") // nothing of the command was left over
				}
				p.nc.Close()
			}
		}
	}
}

// sendExactly sends a command; a BDAT brings its own chunk, and nothing behind it.
func (p *peerConn) sendExactly(command string) {
	if !strings.HasPrefix(command, "BDAT") {
		command += "\r\n"
	}
	p.send(command)
}

// A chunk that nobody wants is passed over, also before a greeting: its bytes are never commands. RFC 3030 §2.
func TestARefusedChunkIsNoCommand(t *testing.T) {
	w := newWorld(t)
	address := w.listen(doorMX)
	const smuggled = "EHLO evil.example\r\nMAIL FROM:<evil@example.org>\r\nRCPT TO:<anna@school.test>\r\nDATA\r\nx\r\n.\r\n"
	for _, before := range []string{"", "EHLO x.example\r\n", "EHLO x.example\r\nMAIL FROM:<a@example.org>\r\n", "EHLO x.example\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<nobody@school.test>\r\n"} {
		p := dialTo(t, address, false)
		p.send(before)
		for range strings.Count(before, "\r\n") {
			p.reply()
		}
		p.send(fmt.Sprintf("BDAT %d LAST\r\n%s", len(smuggled), smuggled))
		if got := p.reply(); got[0] != '5' {
			t.Errorf("after %q the chunk is answered %q", before, got)
		}
		p.do("NOOP", "250 2.0.0 OK")
		p.do("QUIT", "221")
		p.closed()
	}
	if n := len(w.inbox("anna")); n != 0 {
		t.Errorf("anna has %d messages", n)
	}
}

// Chunks at their edges: empty ones, one byte at a time, more than is left, a size that is none. RFC 3030.
func TestChunks(t *testing.T) {
	tests := []struct {
		name, send string
		want       []string // replies behind RCPT
		stored     string   // "" for none
	}{
		{"one chunk", "BDAT 7 LAST\r\na: b\r\n\r", []string{"250 2.0.0 OK id="}, "a: b\r\n\r\n"},
		{"only an empty last one", "BDAT 0 LAST\r\n", []string{"250 2.0.0 OK id="}, ""},
		{"an empty last one", "BDAT 6\r\na: b\r\nBDAT 0 LAST\r\n", []string{"250 2.0.0 OK", "250 2.0.0 OK id="}, "a: b\r\n"},
		{"a CRLF cut by a chunk", "BDAT 5\r\na: b\rBDAT 1 LAST\r\n\n", []string{"250 2.0.0 OK", "250 2.0.0 OK id="}, "a: b\r\n"},
		{"a dot is text", "BDAT 13 LAST\r\na: b\r\n\r\n.\r\n\r\n", []string{"250 2.0.0 OK id="}, "a: b\r\n\r\n.\r\n\r\n"},
		{"small letters", "bdat 6 last\r\na: b\r\n", []string{"250 2.0.0 OK id="}, "a: b\r\n"},
		{"leading zeros", "BDAT 0006 LAST\r\na: b\r\n", []string{"250 2.0.0 OK id="}, "a: b\r\n"},
		{"RSET between chunks", "BDAT 6\r\na: b\r\nRSET\r\nBDAT 2 LAST\r\nxx", []string{"250 2.0.0", "250 2.0.0", "503 5.5.1"}, ""},
		{"NOOP between chunks", "BDAT 6\r\na: b\r\nNOOP\r\nBDAT 2 LAST\r\n\r\n", []string{"250 2.0.0", "250 2.0.0", "250 2.0.0 OK id="}, "a: b\r\n\r\n"},
		{"a size that is none", "BDAT 6x LAST\r\na: b\r\n", []string{"501 5.5.4", ""}, ""},
		{"a negative size", "BDAT -6 LAST\r\na: b\r\n", []string{"501 5.5.4", ""}, ""},
		{"no size", "BDAT LAST\r\n", []string{"501 5.5.4", ""}, ""},
		{"more than any message", "BDAT 99999999999999999999\r\n", []string{"501 5.5.4", ""}, ""},
		{"a word behind LAST", "BDAT 6 LAST NOW\r\na: b\r\n", []string{"501 5.5.4", ""}, ""},
		{"two From", "BDAT 26 LAST\r\nFrom: a@b\r\nFrom: c@d\r\n\r\nx\r\n", []string{"550 5.6.0"}, ""},
	}
	w := newWorld(t)
	address := w.listen(doorMX)
	before := 0
	for _, tt := range tests {
		p := dialTo(t, address, false)
		p.do("EHLO x.example", "250")
		p.do("MAIL FROM:<a@example.org>", "250")
		p.do("RCPT TO:<anna@school.test>", "250")
		p.send(tt.send)
		stored := false
		for _, want := range tt.want {
			got := p.reply()
			if !strings.HasPrefix(got, want) || want == "" && got != "" {
				t.Errorf("%s: %q, want %q", tt.name, got, want)
			}
			stored = stored || strings.Contains(got, "id=")
		}
		p.nc.Close()
		mails := w.inbox("anna")
		if stored != (len(mails) == before+1) {
			t.Errorf("%s: %d messages after %d", tt.name, len(mails), before)
			break
		}
		if before = len(mails); stored && !strings.HasSuffix(mails[before-1], " +0000\r\n"+tt.stored) && !strings.HasSuffix(mails[before-1], "00\r\n"+tt.stored) {
			t.Errorf("%s: stored %q, want it to end with %q", tt.name, mails[before-1], tt.stored)
		}
	}
}
