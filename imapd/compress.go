package imapd

import (
	"context"
	"io"
	"time"

	"github.com/klauspost/compress/flate"
)

// historyKept is how much of what was sent the compressor remembers: the stateless form takes this much as its dictionary.
const historyKept = 8 << 10

// deflated compresses what is written to the wire; each Write ends on a byte boundary, so that the client can read it at
// once. It keeps the last 8 KiB sent and no tables: a connection that waits costs little. RFC 4978.
type deflated struct {
	to      io.Writer
	history []byte
	packed  []byte
}

// Write compresses b and sends it.
func (d *deflated) Write(b []byte) (int, error) {
	d.packed = d.packed[:0]
	for sent := 0; sent < len(b); {
		piece := b[sent:min(len(b), sent+32<<10)]
		if err := flate.StatelessDeflate(appender{&d.packed}, piece, false, d.history); err != nil {
			return sent, err
		}
		d.remember(piece)
		sent += len(piece)
	}
	_, err := d.to.Write(d.packed)
	if cap(d.packed) > largeRead {
		d.packed = nil
	}
	if err != nil {
		return 0, err
	}
	return len(b), nil
}

func (d *deflated) remember(b []byte) {
	if len(b) >= historyKept {
		d.history = append(d.history[:0], b[len(b)-historyKept:]...)
		return
	}
	if over := len(d.history) + len(b) - historyKept; over > 0 {
		d.history = append(d.history[:0], d.history[over:]...)
	}
	d.history = append(d.history, b...)
}

type appender struct{ b *[]byte }

func (a appender) Write(b []byte) (int, error) {
	*a.b = append(*a.b, b...)
	return len(b), nil
}

// inflated decompresses what comes from the wire.
type inflated struct {
	wire *wire
	z    inflater
	raw  [smallRead]byte
	r, w int
}

func newInflated(w *wire, rest []byte) *inflated {
	in := &inflated{wire: w}
	in.w = copy(in.raw[:], rest)
	return in
}

func (in *inflated) read(b []byte, d time.Duration, interruptible bool) (int, error) {
	for {
		n, taken, err := in.z.inflate(b, in.raw[in.r:in.w])
		in.r += taken
		if n > 0 || err != nil {
			return n, err
		}
		n, err = in.wire.read(in.raw[:], d, interruptible)
		in.r, in.w = 0, n
		if err != nil {
			return 0, err
		}
	}
}

// compress starts RFC 4978 compression in both directions, after login only: what is secret before it never shares a
// compressed stream with what an attacker could choose.
func (c *conn) compress(_ context.Context, p *parser) error {
	p.sp()
	algorithm := p.atom()
	if err := p.end(); err != nil {
		return err
	}
	if upper([]byte(algorithm)) != "DEFLATE" {
		return bad("only DEFLATE is supported")
	}
	if c.rd.inner != nil {
		return no("COMPRESSIONACTIVE", "Compression is active already")
	}
	c.after = func() error {
		if c.rd.buffered() > smallRead {
			return bye("", "Data after COMPRESS before its answer")
		}
		c.rd.inner = newInflated(c.wire, c.rd.buf[c.rd.r:c.rd.w])
		c.rd.r, c.rd.w = 0, 0
		c.w.out = &deflated{to: c.wire}
		return nil
	}
	c.ok("", "Compression active")
	return nil
}
