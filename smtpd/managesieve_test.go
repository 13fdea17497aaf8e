package smtpd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"schulhof/directory"
	"schulhof/mailbox/filter"
	"schulhof/mailbox/sieve"
)

// sieveDial connects to ManageSieve and reads the greeting.
func (w *world) sieveDial(address string) *peerConn {
	w.t.Helper()
	p := dialRaw(w.t, address, false)
	p.sieve = true
	if got := p.sieveReply(); !strings.HasSuffix(got, `OK "Schulhof ready"`) {
		w.t.Fatalf("greeting %q", got)
	}
	return p
}

// sieveLogin logs in as name.
func (p *peerConn) sieveLogin(name string) {
	p.t.Helper()
	p.ask(`AUTHENTICATE "PLAIN" "`+base64.StdEncoding.EncodeToString([]byte("\x00"+name+"\x00"+password))+`"`, `OK "Logged in"`)
}

// sieveReply reads lines, and literals in them, until OK, NO or BYE with what stands behind it; "" at the connection's end. RFC 5804 §4.
func (p *peerConn) sieveReply() string {
	var all strings.Builder
	for {
		whole, line := p.sieveLine()
		all.WriteString(whole)
		if line == "" && whole == "" {
			return ""
		}
		if word, _, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " "); slices.Contains([]string{"OK", "NO", "BYE"}, word) {
			return strings.TrimSuffix(all.String(), "\r\n")
		}
	}
}

// sieveLine reads a line with its literals; first is its beginning.
func (p *peerConn) sieveLine() (whole, first string) {
	for {
		line, err := p.r.ReadString('\n')
		if err != nil {
			return "", ""
		}
		if whole += line; first == "" {
			first = line
		}
		i := strings.LastIndexByte(line, '{')
		if i < 0 || !strings.HasSuffix(line, "}\r\n") {
			return whole, first
		}
		n, err := strconv.Atoi(line[i+1 : len(line)-3])
		if err != nil {
			return whole, first
		}
		literal := make([]byte, n)
		if _, err := io.ReadFull(p.r, literal); err != nil {
			return "", ""
		}
		whole += string(literal)
	}
}

// ask sends a command and compares the whole answer, in which * stands for anything.
func (p *peerConn) ask(command, want string) {
	p.t.Helper()
	p.send(command + "\r\n")
	if got := p.sieveReply(); !matchesLines(want, got) {
		p.t.Errorf("%.100q: answer %q, want %q", command, got, want)
	}
}

// matchesLines compares line by line.
func matchesLines(pattern, s string) bool {
	patterns, lines := strings.Split(pattern, "\n"), strings.Split(s, "\r\n")
	for i, line := range lines {
		if i >= len(patterns) || !matches(patterns[i], line) {
			return false
		}
	}
	return len(patterns) == len(lines)
}

// Each command in each of its forms, and each response code that this server has. RFC 5804 §1.3 and §2.
func TestManageSieveAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	address := w.listen(doorManageSieve)
	p := w.sieveDial(address)
	for _, command := range []string{`HAVESPACE "a" 1`, `PUTSCRIPT "a" "keep;"`, `LISTSCRIPTS`, `SETACTIVE "a"`, `GETSCRIPT "a"`, `DELETESCRIPT "a"`, `RENAMESCRIPT "a" "b"`,
		`CHECKSCRIPT "keep;"`, `UNAUTHENTICATE`} {
		p.ask(command, `NO "Log in first"`)
	}
	p.sieveLogin("anna")
	large := strings.Repeat("#", sieve.MaxScript-7) + "\r\nkeep;"
	script := func(name, text string) string { return fmt.Sprintf("PUTSCRIPT %q {%d+}\r\n%s", name, len(text), text) }
	turns := []struct{ send, want string }{
		{`NOOP`, `OK`}, {`NOOP ""`, `OK (TAG "") "Done"`}, {`NOOP "a\"b\\c"`, `OK (TAG "a\"b\\c") "Done"`}, {"NOOP {5+}\r\na\r\nbc", `OK (TAG {5}` + "\na\nbc" + `) "Done"`},
		{`NOOP "a" "b"`, `NO "Wrong number of arguments"`}, {`Noop`, `OK`},
		{`LISTSCRIPTS`, `OK`}, {`LISTSCRIPTS "x"`, `NO "Wrong number of arguments"`},
		{`GETSCRIPT "a"`, `NO (NONEXISTENT) "there is no script \"a\""`}, {`SETACTIVE "a"`, `NO (NONEXISTENT) *`}, {`DELETESCRIPT "a"`, `NO (NONEXISTENT) *`},
		{`RENAMESCRIPT "a" "b"`, `NO (NONEXISTENT) *`},
		{`PUTSCRIPT "a" "keep;"`, `OK`}, {`GETSCRIPT "a"`, "{5}\nkeep;\nOK"}, {`PUTSCRIPT "a" ""`, `OK`}, {`GETSCRIPT "a"`, "{0}\n\nOK"},
		{`PUTSCRIPT "a" "stop; keep;"`, `OK (WARNINGS) "line 1, column 7: this is never reached"`}, {`GETSCRIPT "a"`, "{11}\nstop; keep;\nOK"},
		{`PUTSCRIPT "a" "fly;"`, `NO "line 1, column 1: there is no command \"fly\""`}, {`GETSCRIPT "a"`, "{11}\nstop; keep;\nOK"}, // what was there stays
		{`CHECKSCRIPT "keep;"`, `OK`}, {`CHECKSCRIPT "stop; keep;"`, `OK (WARNINGS) *`}, {`CHECKSCRIPT "fly;"`, `NO *`}, {`CHECKSCRIPT "a" "keep;"`, `NO "Wrong number of arguments"`},
		{`CHECKSCRIPT "require \"nothing\";"`, `NO "line 1, column 9: this server does not support \"nothing\""`},
		{`SETACTIVE "a"`, `OK`}, {`SETACTIVE "a"`, `OK`}, {`LISTSCRIPTS`, "\"a\" ACTIVE\nOK"}, {`DELETESCRIPT "a"`, `NO (ACTIVE) "the script \"a\" is active"`},
		{`PUTSCRIPT "b" "discard;"`, `OK`}, {`RENAMESCRIPT "a" "b"`, `NO (ALREADYEXISTS) "there is a script \"b\" already"`}, {`RENAMESCRIPT "a" "a"`, `NO (ALREADYEXISTS) *`},
		{`RENAMESCRIPT "a" "c"`, `OK`}, {`LISTSCRIPTS`, "\"b\"\n\"c\" ACTIVE\nOK"}, {`SETACTIVE "b"`, `OK`}, {`LISTSCRIPTS`, "\"b\" ACTIVE\n\"c\"\nOK"},
		{`SETACTIVE ""`, `OK`}, {`SETACTIVE ""`, `OK`}, {`LISTSCRIPTS`, "\"b\"\n\"c\"\nOK"}, {`DELETESCRIPT "b"`, `OK`}, {`DELETESCRIPT "c"`, `OK`}, {`LISTSCRIPTS`, `OK`},
		{`PUTSCRIPT "" "keep;"`, `NO "a script's name has 1 to 512 bytes and no control characters"`}, {`PUTSCRIPT "` + strings.Repeat("n", filter.MaxNameBytes+1) + `" "keep;"`, `NO *`},
		{"PUTSCRIPT {3+}\r\na\nb \"keep;\"", `NO *`}, {`PUTSCRIPT "a\"\\" "keep;"`, `OK`}, {`LISTSCRIPTS`, `"a\"\\"` + "\nOK"}, {`DELETESCRIPT "a\"\\"`, `OK`},
		{"PUTSCRIPT \"u\u0308\" \"keep;\"", `OK`}, {"GETSCRIPT \"\u00fc\"", "{5}\nkeep;\nOK"}, {"DELETESCRIPT \"\u00fc\"", `OK`},
		{`HAVESPACE "a" 1048576`, `OK`}, {`HAVESPACE "a" 1048577`, `NO (QUOTA/MAXSIZE) *`}, {`HAVESPACE "a" 4294967296`, `NO "The size is a number"`}, {`HAVESPACE "a" "-1"`, `NO *`},
		{`HAVESPACE "" 1`, `NO *`}, {`HAVESPACE "a"`, `NO "Wrong number of arguments"`},
		{script("1", large), `OK`}, {script("2", large), `OK`}, {script("3", large), `OK`}, {script("4", large), `OK`}, {script("5", "keep;"), `NO (QUOTA) *`},
		{`HAVESPACE "5" 1`, `NO (QUOTA) *`}, {script("4", "keep;"), `OK`}, {script("5", "keep;"), `OK`}, {script("6", large+"#"), `NO *the script has more than 1048576 bytes*`},
		{`AUTHENTICATE "PLAIN"`, `NO "Logged in already"`}, {`FLY "me"`, `NO "Unknown command"`}, {``, `NO "Unknown command"`}, {`"NOOP"`, `NO "Unknown command"`},
	}
	for _, turn := range turns {
		p.ask(turn.send, turn.want)
	}
	for i := range filter.MaxScripts - 5 {
		p.ask(script(fmt.Sprint("n", i), "keep;"), `OK`)
	}
	p.ask(script("one more", "keep;"), `NO (QUOTA/MAXSCRIPTS) "no more than 32 scripts"`)
	p.ask(script("n1", "discard;"), `OK`)
	p.ask(`LOGOUT "now"`, `NO "Wrong number of arguments"`)
	p.ask(`LOGOUT`, `OK "Bye"`)
	if rest, err := io.ReadAll(p.r); err != nil || len(rest) != 0 {
		t.Errorf("behind LOGOUT: %q, %v", rest, err)
	}
}

// What is no argument ends the connection, because nobody knows where the next command begins: nothing behind it is carried out.
func TestManageSieveStopsWhereItLosesTrack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	address := w.listen(doorManageSieve)
	const behind = "\r\nPUTSCRIPT \"smuggled\" \"keep;\"\r\nLISTSCRIPTS\r\n"
	tests := []struct{ name, send, want string }{
		{"an open quote", `GETSCRIPT "a`, "Arguments are*"},
		{"a quote that ends inside a word", `GETSCRIPT "a"b`, "Arguments are*"},
		{"an escape of nothing", `GETSCRIPT "a\n"`, "Arguments are*"},
		{"a list", `GETSCRIPT ("a")`, "Arguments are*"},
		{"a literal that waits", "PUTSCRIPT \"a\" {5}\r\nkeep;", "Arguments are*"},
		{"a literal without a length", "PUTSCRIPT \"a\" {+}\r\nkeep;", "Arguments are*"},
		{"a negative literal", "PUTSCRIPT \"a\" {-1+}\r\n", "Arguments are*"},
		{"a literal with a sign", "PUTSCRIPT \"a\" {+5+}\r\nkeep;", "Arguments are*"},
		{"a literal that no number holds", "PUTSCRIPT \"a\" {99999999999999999999+}\r\n", "Arguments are*"},
		{"a literal larger than a script", "PUTSCRIPT \"a\" {1999999+}\r\n", "The literal is too large"},
		{"literals that are too large together", "PUTSCRIPT {1048576+}\r\n" + strings.Repeat("x", sieve.MaxScript) + " {9000+}\r\n", "The literal is too large"},
		{"a quoted string that is too long", `GETSCRIPT "` + strings.Repeat("x", maxSieveQuoted+1) + `"`, "Arguments are*"},
		{"more arguments than any command has", "NOOP" + strings.Repeat(" a", maxSieveArguments+1), "Arguments are*"},
		{"bytes that are not UTF-8", "GETSCRIPT \"\xff\"", "Arguments are*"},
		{"a literal that is not UTF-8", "PUTSCRIPT \"a\" {1+}\r\n\xff", "Strings are in UTF-8"},
		{"a NUL", "GETSCRIPT \"\x00\"", "Lines end with CRLF*"},
		{"a bare LF", "NOOP\nNOOP", "Lines end with CRLF*"},
		{"a line that is too long", "NOOP " + strings.Repeat("x", maxCommandLine), "Line too long"},
	}
	for _, tt := range tests {
		p := w.sieveDial(address)
		p.sieveLogin("ben")
		p.send(tt.send + behind)
		got := p.sieveReply()
		if !matches(`BYE "`+tt.want+`"`, got) {
			t.Errorf("%s: answer %q, want BYE %q", tt.name, got, tt.want)
		}
		if more := p.sieveReply(); more != "" {
			t.Errorf("%s: then %q", tt.name, more)
		}
	}
	if list, err := w.sieve.Scripts(context.Background(), w.id["ben"]); err != nil || len(list) != 0 {
		t.Errorf("ben has %+v, %v: something was carried out", list, err)
	}
}

// A login is asked for in one step or two; what comes instead of an answer is no command. RFC 5804 §2.1, RFC 4616.
func TestManageSieveLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	address := w.listen(doorManageSieve)
	plain := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	good := plain("\x00ben\x00" + password)
	for _, tt := range []struct{ name, first, then, want string }{
		{"at once", `AUTHENTICATE "PLAIN" "` + good + `"`, "", `OK "Logged in"`},
		{"the mechanism in another case, as a literal", "AUTHENTICATE {5+}\r\nplain \"" + good + `"`, "", `OK "Logged in"`},
		{"as oneself", `AUTHENTICATE "PLAIN" "` + plain("ben\x00ben\x00"+password) + `"`, "", `OK "Logged in"`},
		{"as somebody else", `AUTHENTICATE "PLAIN" "` + plain("anna\x00ben\x00"+password) + `"`, "", `NO "Authentication credentials invalid"`},
		{"with the whole address", `AUTHENTICATE "PLAIN" "` + plain("\x00ben@school.test\x00"+password) + `"`, "", `OK "Logged in"`},
		{"in two steps", `AUTHENTICATE "PLAIN"`, `"` + good + `"`, `OK "Logged in"`},
		{"in two steps, a literal", `AUTHENTICATE "PLAIN"`, fmt.Sprintf("{%d+}\r\n%s", len(good), good), `OK "Logged in"`},
		{"given up", `AUTHENTICATE "PLAIN"`, `"*"`, `NO "Login cancelled"`},
		{"two answers", `AUTHENTICATE "PLAIN"`, `"a" "b"`, `NO "Login cancelled"`},
		{"an answer that is none", `AUTHENTICATE "PLAIN"`, "\"a\r\nPUTSCRIPT \"x\" \"keep;\"", `BYE "Arguments are*"`},
		{"an answer that is too large", `AUTHENTICATE "PLAIN"`, "{100000+}\r\nLOGOUT", `BYE "The literal is too large"`},
		{"no base64", `AUTHENTICATE "PLAIN" "!"`, "", `NO "*"`},
		{"a wrong password", `AUTHENTICATE "PLAIN" "` + plain("\x00ben\x00wrong") + `"`, "", `NO "Authentication credentials invalid"`},
		{"nobody", `AUTHENTICATE "PLAIN" "` + plain("\x00nobody\x00wrong") + `"`, "", `NO "Authentication credentials invalid"`},
		{"who is disabled", `AUTHENTICATE "PLAIN" "` + plain("\x00weg\x00"+password) + `"`, "", `NO "Authentication credentials invalid"`},
		{"another mechanism", `AUTHENTICATE "SCRAM-SHA-256" "x"`, "", `NO "Unknown authentication mechanism"`},
		{"none", `AUTHENTICATE`, "", `NO "Wrong number of arguments"`},
	} {
		p := w.sieveDial(address)
		p.send(tt.first + "\r\n")
		if tt.then != "" {
			if line, _ := p.sieveLine(); line != "\"\"\r\n" {
				t.Errorf("%s: challenge %q", tt.name, line)
			}
			p.send(tt.then + "\r\n")
		}
		if got := p.sieveReply(); !matches(tt.want, got) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		switch {
		case strings.HasPrefix(tt.want, "BYE"):
			if more := p.sieveReply(); more != "" {
				t.Errorf("%s: then %q, want the end", tt.name, more)
			}
		case strings.HasPrefix(tt.want, "OK"):
			p.ask("LISTSCRIPTS", "OK")
		default:
			p.ask("LISTSCRIPTS", `NO "Log in first"`)
		}
		p.nc.Close()
	}
}

// TestManageSieveSession: a session ends with the password that began it, and what one person leaves is not the next one's.
func TestManageSieveSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	address := w.listen(doorManageSieve)
	p := w.sieveDial(address)
	p.sieveLogin("anna")
	p.ask(`PUTSCRIPT "mine" "keep;"`, "OK")
	p.ask("UNAUTHENTICATE", "OK")
	p.ask("LISTSCRIPTS", `NO "Log in first"`)
	p.sieveLogin("ben")
	p.ask("LISTSCRIPTS", "OK")
	p.ask(`GETSCRIPT "mine"`, "NO (NONEXISTENT) *")
	other := "another-Pferd-9"
	if err := w.dir.ChangeAccount(t.Context(), w.id["ben"], directory.AccountChange{Password: &other}); err != nil {
		t.Fatal(err)
	}
	p.ask("LISTSCRIPTS", `BYE *`)
	if more := p.sieveReply(); more != "" {
		t.Errorf("after the end: %q", more)
	}
}

// bytesConn is a connection whose other side has sent everything already.
type bytesConn struct {
	net.Conn
	in  io.Reader
	out bytes.Buffer
}

func (c *bytesConn) Read(b []byte) (int, error)       { return c.in.Read(b) }
func (c *bytesConn) Write(b []byte) (int, error)      { return c.out.Write(b) }
func (c *bytesConn) Close() error                     { return nil }
func (c *bytesConn) SetDeadline(time.Time) error      { return nil }
func (c *bytesConn) SetReadDeadline(time.Time) error  { return nil }
func (c *bytesConn) SetWriteDeadline(time.Time) error { return nil }

// readSieve reads commands until something is none. Each is its verb and its arguments.
func readSieve(in []byte) (commands [][]string, err error) {
	wire := newWire(&bytesConn{in: bytes.NewReader(in)})
	defer wire.close()
	s := &sieveSession{srv: &Server{peers: newPeers(nil, time.Now)}, wire: wire, who: &directory.Identity{}}
	for {
		verb, args, err := s.readCommand()
		if err != nil {
			return commands, err
		}
		commands = append(commands, append([]string{verb}, args...))
	}
}

// FuzzManageSieve: whatever a client sends, the commands in it are read within the limits, and each written again in the plainest form is the same.
func FuzzManageSieve(f *testing.F) {
	f.Add([]byte("NOOP\r\nCAPABILITY\r\n"))
	f.Add([]byte("PUTSCRIPT \"a \\\"b\\\\\" {11+}\r\nkeep;\r\nstop\r\nHAVESPACE {1+}\r\nx 100\r\n"))
	f.Add([]byte("authenticate \"PLAIN\" \"AGFubmEAeA==\"\r\n\r\n \r\n"))
	f.Add([]byte("GETSCRIPT \"\xc3\xbc\" {0+}\r\n\r\nLOGOUT  \r\n"))
	f.Add([]byte("X {3+}\r\n{1+} {2+}\r\n\r\n\r\nNOOP {+}\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		commands, err := readSieve(in)
		if err == nil {
			t.Fatal("reading ended without a reason")
		}
		var again bytes.Buffer
		for _, c := range commands {
			if len(c)-1 > maxSieveArguments || strings.ToUpper(c[0]) != c[0] || strings.ContainsAny(c[0], " \r\n") {
				t.Fatalf("%q is a command", c)
			}
			again.WriteString(c[0])
			for _, arg := range c[1:] {
				again.WriteByte(' ')
				if len(arg)%2 == 0 && len(arg) <= maxSieveQuoted {
					again.Write(appendSieveString(nil, arg))
					if i := bytes.LastIndexByte(again.Bytes(), '{'); strings.ContainsFunc(arg, isControl) {
						rest := strings.Replace(again.String()[i:], "}", "+}", 1) // literals of servers have no +
						again.Truncate(i)
						again.WriteString(rest)
					}
					continue
				}
				fmt.Fprintf(&again, "{%d+}\r\n%s", len(arg), arg)
			}
			again.WriteString("\r\n")
		}
		got, _ := readSieve(again.Bytes())
		if !slices.EqualFunc(got, commands, slices.Equal) {
			t.Fatalf("%q has the commands %q; written again %q they are %q", in, commands, again.Bytes(), got)
		}
	})
}

// What the server writes is what a client reads back: strings with any content. RFC 5804 §4.
func TestSieveStringsAreReadAsWritten(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "a", `"`, `\`, `\"`, "ü", "a\r\nb", "a\nb", "\x00", "\x11", "\x7f", "a\tb", strings.Repeat("x", 1024), strings.Repeat("x", 1025), "{5}", "{5+}\r\nabcde"} {
		p := &peerConn{t: t, r: bufio.NewReader(bytes.NewReader(append(appendSieveString(nil, text), "\r\nOK\r\n"...)))}
		whole := strings.TrimSuffix(p.sieveReply(), "\r\nOK")
		got := ""
		if length, literal, ok := strings.Cut(whole, "}\r\n"); ok && strings.HasPrefix(length, "{") && length[1:] == strconv.Itoa(len(literal)) {
			got = literal
		} else if args, _, ok := sieveArguments(whole); ok && len(args) == 1 {
			got = args[0]
		}
		if got != text {
			t.Errorf("%.40q is written %.60q and read %.40q", text, whole, got)
		}
	}
}
