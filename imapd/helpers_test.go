package imapd

import (
	"io"
	"net"
	"testing"
)

// parserOf returns a parser that reads line, with nothing behind it.
func parserOf(t testing.TB, line string) *parser {
	t.Helper()
	near, far := net.Pipe()
	far.Close()
	t.Cleanup(func() { near.Close() })
	return &parser{line: []byte(line), maxText: maxLine, maxKept: maxLiterals, rd: &reader{wire: &wire{raw: near, nc: near}}, w: &encoder{out: io.Discard}}
}
