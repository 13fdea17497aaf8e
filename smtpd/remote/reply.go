package remote

import (
	"bufio"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Faults of a reply.
var (
	errNoReply   = errors.New("reply is not SMTP")
	errLongReply = errors.New("reply is too long")
)

// reply is what a server says. RFC 5321 §4.2.
type reply struct {
	code  int
	lines []string // without the code; at least one
}

// readReply reads one reply. Bare LF is taken for a line's end, as some servers write it.
func readReply(r *bufio.Reader) (reply, error) {
	var p reply
	for {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return p, errLongReply
		}
		if err != nil {
			return p, err
		}
		code, text, last, err := parseLine(line)
		if err != nil {
			return p, err
		}
		if p.code != 0 && p.code != code {
			return p, fmt.Errorf("%w: codes %d and %d in one", errNoReply, p.code, code)
		}
		if len(p.lines) == maxReplyLines {
			return p, errLongReply
		}
		p.code = code
		p.lines = append(p.lines, text)
		if last {
			return p, nil
		}
	}
}

// parseLine takes one line of a reply apart. The text may be missing.
func parseLine(line []byte) (code int, text string, last bool, err error) {
	s := strings.TrimRight(string(line), "\r\n")
	if len(s) < 3 || s[0] < '2' || s[0] > '5' || s[1] < '0' || s[1] > '9' || s[2] < '0' || s[2] > '9' {
		return 0, "", false, fmt.Errorf("%w: %q", errNoReply, s[:min(len(s), 60)])
	}
	code = int(s[0]-'0')*100 + int(s[1]-'0')*10 + int(s[2]-'0')
	switch {
	case len(s) == 3:
		return code, "", true, nil
	case s[3] == ' ':
		return code, s[4:], true, nil
	case s[3] == '-':
		return code, s[4:], false, nil
	}
	return 0, "", false, fmt.Errorf("%w: %q", errNoReply, s[:min(len(s), 60)])
}

// result is the reply as a result: its enhanced code, if it has a right one, taken off the text (RFC 2034 §4).
func (p reply) result() Result {
	class := p.code / 100
	res := Result{Code: p.code, Temporary: class != 2 && class != 5}
	lines := make([]string, len(p.lines))
	for i, line := range p.lines {
		code, rest := cutEnhanced(line)
		if code == "" || int(code[0]-'0') != class {
			lines[i] = line
			continue
		}
		lines[i] = rest
		if res.Enhanced == "" {
			res.Enhanced = code
		}
	}
	if res.Enhanced == "" {
		res.Enhanced = fmt.Sprintf("%d.0.0", class)
	}
	if res.Text = clean(strings.Join(lines, " ")); res.Text == "" {
		res.Text = strconv.Itoa(p.code)
	}
	return res
}

// misplaced is a reply that has no place where it came, such as 250 to DATA: it must not be taken for a success.
func (p reply) misplaced() Result {
	return Result{Enhanced: "4.5.0", Text: clean("The server answers out of place: " + strconv.Itoa(p.code) + " " + p.result().Text), Temporary: true}
}

// failed is the result of a reply that should have been another one.
func (p reply) failed() Result {
	if p.code/100 < 4 {
		return p.misplaced()
	}
	return p.result()
}

// cutEnhanced takes an enhanced status code off the beginning of a text; "" if there is none. RFC 3463 §2.
func cutEnhanced(text string) (code, rest string) {
	code, rest, _ = strings.Cut(text, " ")
	parts := strings.Split(code, ".")
	if len(parts) != 3 || len(parts[0]) != 1 || parts[0] < "2" || parts[0] > "5" || parts[0] == "3" {
		return "", text
	}
	for _, part := range parts[1:] {
		if len(part) < 1 || len(part) > 3 {
			return "", text
		}
		for i := range len(part) {
			if part[i] < '0' || part[i] > '9' {
				return "", text
			}
		}
	}
	return code, rest
}

// clean makes a server's words safe to log, to store and to put into a notice: printable ASCII, bounded.
func clean(text string) string {
	b := make([]byte, 0, min(len(text), maxText))
	for i := 0; i < len(text) && len(b) < maxText; i++ {
		c := text[i]
		switch {
		case c == '\t':
			c = ' '
		case c < ' ' || c > '~':
			c = '?'
		}
		b = append(b, c)
	}
	return strings.TrimSpace(string(b))
}
