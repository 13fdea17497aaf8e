package imapd

import (
	"bytes"

	"schulhof/store"
)

// literalHead parses {n} or {n+} (or ~{n}, where binary allows it) at the end of the line.
func (p *parser) literalHead(binary bool) (n int64, sync bool) {
	isBinary := p.accept('~')
	if isBinary && !binary {
		p.fail("literal8 is not allowed here")
	}
	p.expect('{')
	n = p.number64()
	sync = !p.accept('+')
	p.expect('}')
	if p.err == nil && p.pos != len(p.line) {
		p.fail("a literal's size must be followed by the end of the line")
	}
	return n, sync
}

// literal reads a literal into memory; binary allows ~{n} and NUL.
func (p *parser) literal(binary bool) []byte {
	start := p.pos
	n, sync := p.literalHead(binary)
	if p.err != nil {
		return nil
	}
	if n > int64(p.maxKept-p.kept) {
		p.pos = start
		p.fail("literals of this command are too large, at most %d bytes", p.maxKept)
		return nil
	}
	p.kept += int(n)
	if sync && !p.goAhead() {
		return nil
	}
	b := make([]byte, n)
	if err := p.rd.full(b, stallTime); err != nil {
		p.broken(err)
		return nil
	}
	if err := p.nextLine(); err != nil {
		p.lineError(err)
		return nil
	}
	if !binary && indexByte(b, 0) >= 0 {
		p.fail("a literal must not contain NUL")
		return nil
	}
	return b
}

// goAhead tells the client to send its literal. RFC 9051 §7.6.
func (p *parser) goAhead() bool {
	p.w.str("+ OK\r\n")
	if err := p.w.flush(); err != nil {
		p.broken(err)
		return false
	}
	return true
}

// broken ends the command and the connection.
func (p *parser) broken(err error) {
	p.fatal, p.err = err, err
	p.line, p.pos = nil, 0
}

// lineError records why the line after a literal could not be read.
func (p *parser) lineError(err error) {
	if err == errLineTooLong {
		p.line, p.pos = nil, 0
		p.fail("command line too long, at most %d bytes", p.maxText)
		return
	}
	p.broken(err)
}

// messageLiteral streams an APPEND's message ({n}, {n+}, ~{n}, or UTF8 (~{n}), RFC 6855 §4) to a spool, which the caller
// closes. check is asked for the size before the client sends it (TOOBIG, TRYCREATE, OVERQUOTA); what it refuses is not read.
func (p *parser) messageLiteral(check func(size int64) error) *store.Spool {
	wrapped := false
	if c := p.peek(); c == 'U' || c == 'u' {
		if word := p.keyword(); word != "UTF8" {
			p.fail("expected a literal, found %q", word)
		}
		p.sp()
		p.expect('(')
		wrapped = true
	}
	start := p.pos
	n, sync := p.literalHead(true)
	if p.err != nil {
		return nil
	}
	if check != nil {
		if err := check(n); err != nil {
			p.err, p.pos = err, start
			return nil
		}
	}
	if sync && !p.goAhead() {
		return nil
	}
	spool := p.spool()
	refused, err := p.rd.copyTo(spool, n, stallTime)
	if err == nil {
		err = p.nextLine()
	}
	switch {
	case err == errLineTooLong:
		p.lineError(err)
	case err != nil:
		p.broken(err)
	case refused != nil:
		p.err = refused
	case wrapped:
		p.expect(')')
	}
	if p.err != nil {
		_ = spool.Close() // the error that counts is p.err
		return nil
	}
	return spool
}

// finish reads and drops what is left of a command, including announced literals that come without being asked for.
// It returns an error if the connection cannot go on.
func (p *parser) finish() error {
	for p.fatal == nil {
		n, ok := pendingLiteral(p.line[min(p.pos, len(p.line)):])
		if !ok {
			return nil
		}
		if n > maxSwallow || p.maxText == maxLineBefore {
			return bye("", "Literal too large")
		}
		if _, err := p.rd.copyTo(nil, n, stallTime); err != nil {
			return err
		}
		p.text = 0
		if err := p.nextLine(); err != nil && err != errLineTooLong {
			return err
		}
	}
	return p.fatal
}

// pendingLiteral tells whether line announces a non-synchronising literal at its end.
func pendingLiteral(line []byte) (n int64, ok bool) {
	if len(line) < 4 || line[len(line)-1] != '}' || line[len(line)-2] != '+' {
		return 0, false
	}
	open := bytes.LastIndexByte(line, '{')
	digits := line[open+1 : len(line)-2]
	if open < 0 || len(digits) == 0 || len(digits) > 18 {
		return 0, open >= 0 && len(digits) > 18
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
