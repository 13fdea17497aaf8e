package smtpd

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"schulhof/mailbox/message"
	"schulhof/mailbox/sieve"
)

// sieveSyntax ends a connection whose client does not speak the protocol: what follows could be read as commands.
type sieveSyntax struct{ text string }

func (e *sieveSyntax) Error() string { return e.text }

// readCommand reads one command with its literals. RFC 5804 §4.
func (s *sieveSession) readCommand() (verb string, args []string, err error) {
	line, err := s.wire.readLine(idleTimeout, s.loginDeadline())
	if err != nil {
		return "", nil, err
	}
	verb, rest, _ := strings.Cut(line, " ")
	if !message.IsASCII(verb) {
		return "", nil, &sieveSyntax{"A command begins with a word in ASCII"}
	}
	args, err = s.strings(rest)
	return strings.ToUpper(verb), args, err
}

// readStrings reads a line of strings: the answer to a challenge.
func (s *sieveSession) readStrings() ([]string, error) {
	line, err := s.wire.readLine(lineTimeout, s.loginDeadline())
	if err != nil {
		return nil, err
	}
	return s.strings(line)
}

func (s *sieveSession) loginDeadline() time.Time {
	if s.who != nil || s.srv.peers.trusted(s.remote) {
		return time.Time{}
	}
	return s.began.Add(loginTimeout)
}

// strings reads the arguments in line; where one is a literal, its bytes and the rest of the command follow the line.
func (s *sieveSession) strings(line string) (args []string, err error) {
	left := maxSieveClear
	if s.who != nil {
		left = sieve.MaxScript + maxSieveClear
	}
	for {
		found, literal, ok := sieveArguments(line)
		args = append(args, found...)
		switch {
		case !ok || len(args) > maxSieveArguments:
			return nil, &sieveSyntax{"Arguments are quoted strings, numbers and literals {n+}"}
		case literal < 0:
			return args, nil
		case literal > left:
			return nil, &sieveSyntax{"The literal is too large"}
		}
		left -= literal
		var b collected
		if err := s.wire.readChunk(newPace(), int64(literal), &b); err != nil {
			return nil, err
		}
		if !utf8.Valid(b) {
			return nil, &sieveSyntax{"Strings are in UTF-8"}
		}
		args = append(args, string(b))
		if line, err = s.wire.readLine(lineTimeout, s.loginDeadline()); err != nil {
			return nil, err
		}
	}
}

// collected is a sink in memory.
type collected []byte

func (c *collected) write(b []byte) error {
	*c = append(*c, b...)
	return nil
}

// sieveArguments reads what one line has: quoted strings, numbers and words, and at its end the length of a literal that follows;
// -1: none. ok is false for anything else.
func sieveArguments(line string) (args []string, literal int, ok bool) {
	for {
		if line = strings.TrimLeft(line, " "); line == "" {
			return args, -1, true
		}
		switch line[0] {
		case '"':
			text, rest, ok := sieveQuoted(line[1:])
			if !ok || rest != "" && rest[0] != ' ' {
				return nil, 0, false
			}
			args, line = append(args, text), rest
		case '{':
			digits, found := strings.CutSuffix(line[1:], "+}")
			n, err := strconv.ParseUint(digits, 10, 31)
			return args, int(n), found && err == nil
		default:
			word, rest, _ := strings.Cut(line, " ")
			if strings.ContainsAny(word, "\"{}()\\") || !utf8.ValidString(word) {
				return nil, 0, false
			}
			args, line = append(args, word), rest
		}
	}
}

// sieveQuoted reads a quoted string behind its opening quote.
func sieveQuoted(s string) (text, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:], b.Len() <= maxSieveQuoted && utf8.ValidString(b.String())
		case c == '\\':
			if i++; i == len(s) || s[i] != '"' && s[i] != '\\' {
				return "", "", false
			}
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}
