package imapd

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

var (
	// errWoken: a wait for input was interrupted by a wake-up, not by the peer.
	errWoken = errors.New("woken")
	// errLineTooLong: the line has been dropped up to its end.
	errLineTooLong = errors.New("command line too long")
)

// wire is one network connection with deadlines, wake-ups and counts. Only the connection's own goroutine reads and
// writes; wake and stop may come from elsewhere.
type wire struct {
	raw      net.Conn  // the socket: deadlines and closing
	nc       net.Conn  // what is read and written: the socket, or TLS over it
	until    time.Time // nothing may take longer than this (login time); zero: no such limit
	woken    atomic.Bool
	stopping atomic.Bool
	in, out  int64 // bytes
}

// wake interrupts a wait for input.
func (w *wire) wake() {
	w.woken.Store(true)
	_ = w.raw.SetReadDeadline(time.Unix(1, 0)) // a closed socket needs no wake-up
}

// stop interrupts a wait for input, now and later.
func (w *wire) stop() {
	w.stopping.Store(true)
	w.wake()
}

// read waits at most d for input. interruptible: a wake-up ends the wait with errWoken.
func (w *wire) read(b []byte, d time.Duration, interruptible bool) (int, error) {
	end := time.Now().Add(d)
	if !w.until.IsZero() && w.until.Before(end) {
		end = w.until
	}
	for {
		if err := w.raw.SetReadDeadline(end); err != nil {
			return 0, err
		}
		if interruptible && w.interrupted() {
			return 0, errWoken
		}
		n, err := w.nc.Read(b)
		w.in += int64(n)
		if n > 0 {
			return n, nil
		}
		if err == nil {
			continue
		}
		if errors.Is(err, os.ErrDeadlineExceeded) && time.Now().Before(end) {
			continue // a wake-up; either it counts now or the deadline is set anew
		}
		return 0, err
	}
}

func (w *wire) interrupted() bool {
	return w.woken.Swap(false) || w.stopping.Load()
}

// Write sends b, a bounded piece at a time, each within writeTime.
func (w *wire) Write(b []byte) (int, error) {
	sent := 0
	for sent < len(b) {
		piece := b[sent:min(len(b), sent+keepBuffer)]
		if err := w.raw.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
			return sent, err
		}
		n, err := w.nc.Write(piece)
		w.out += int64(n)
		sent += n
		if err != nil {
			return sent, err
		}
	}
	return sent, nil
}

// reader reads lines and literals. Its buffer is small while the connection waits and pooled while it is busy.
type reader struct {
	wire  *wire
	inner *inflated // RFC 4978; nil: not compressed
	pool  *sync.Pool
	box   *[]byte // buf came from the pool in it
	buf   []byte
	r, w  int
	small [smallRead]byte
}

// buffered returns the number of bytes that have arrived and were not consumed.
func (rd *reader) buffered() int { return rd.w - rd.r }

// release gives the large buffer back if it is empty.
func (rd *reader) release() {
	if rd.r != rd.w {
		return
	}
	rd.r, rd.w = 0, 0
	if rd.box != nil {
		if cap(rd.buf) <= keepBuffer {
			*rd.box = rd.buf
			rd.pool.Put(rd.box)
		}
		rd.box = nil
	}
	rd.buf = rd.small[:]
}

// grow makes room behind w, for at least one more byte.
func (rd *reader) grow() {
	if rd.r > 0 && (rd.r == rd.w || rd.r >= len(rd.buf)/2) {
		rd.w = copy(rd.buf, rd.buf[rd.r:rd.w])
		rd.r = 0
	}
	if rd.w < len(rd.buf) {
		return
	}
	if rd.box == nil {
		rd.takeLarge()
		return
	}
	if rd.r > 0 {
		rd.w = copy(rd.buf, rd.buf[rd.r:rd.w])
		rd.r = 0
		return
	}
	larger := make([]byte, 2*len(rd.buf))
	rd.w = copy(larger, rd.buf[:rd.w])
	rd.buf = larger
}

// takeLarge takes a large buffer from the pool.
func (rd *reader) takeLarge() {
	rd.box = rd.pool.Get().(*[]byte)
	large := (*rd.box)[:cap(*rd.box)]
	rd.w = copy(large, rd.buf[rd.r:rd.w])
	rd.r, rd.buf = 0, large
}

// fill waits for more input.
func (rd *reader) fill(d time.Duration, interruptible bool) error {
	if rd.buf == nil {
		rd.buf = rd.small[:]
	}
	rd.grow()
	n, err := rd.readInto(rd.buf[rd.w:], d, interruptible)
	rd.w += n
	return err
}

func (rd *reader) readInto(b []byte, d time.Duration, interruptible bool) (int, error) {
	if rd.inner != nil {
		return rd.inner.read(b, d, interruptible)
	}
	return rd.wire.read(b, d, interruptible)
}

// line returns the next line without its end, valid until the next read. A line of more than limit bytes is dropped and
// answered with errLineTooLong. CRLF and LF end lines.
func (rd *reader) line(limit int, d time.Duration) ([]byte, error) {
	scanned := 0
	for {
		if i := indexByte(rd.buf[rd.r+scanned:rd.w], '\n'); i >= 0 {
			end := rd.r + scanned + i
			line := rd.buf[rd.r:end]
			rd.r = end + 1
			if n := len(line); n > 0 && line[n-1] == '\r' {
				line = line[:n-1]
			}
			if len(line) > limit {
				return nil, errLineTooLong
			}
			return line, nil
		}
		scanned = rd.w - rd.r
		if scanned > limit+1 { // more than the line and the CR of its end
			return nil, rd.dropLine(d)
		}
		if err := rd.fill(d, false); err != nil {
			return nil, err
		}
	}
}

// dropLine consumes a line that is too long.
func (rd *reader) dropLine(d time.Duration) error {
	for dropped := 0; dropped < maxSwallow; {
		if i := indexByte(rd.buf[rd.r:rd.w], '\n'); i >= 0 {
			rd.r += i + 1
			return errLineTooLong
		}
		dropped += rd.w - rd.r
		rd.r, rd.w = 0, 0
		if err := rd.fill(d, false); err != nil {
			return err
		}
	}
	return bye("", "Command line too long")
}

// full reads len(b) bytes.
func (rd *reader) full(b []byte, d time.Duration) error {
	n := copy(b, rd.buf[rd.r:rd.w])
	rd.r += n
	for n < len(b) {
		k, err := rd.readInto(b[n:], d, false)
		n += k
		if err != nil {
			return err
		}
	}
	return nil
}

// copyTo hands n bytes to sink as they arrive. After an error of sink the rest is read and dropped; that error is returned as refused.
func (rd *reader) copyTo(sink io.Writer, n int64, d time.Duration) (refused, err error) {
	for n > 0 {
		if rd.r == rd.w {
			rd.r, rd.w = 0, 0
			if rd.box == nil && n > int64(len(rd.buf)) {
				rd.takeLarge() // what does not fit into the small one shall not take a second call
			}
			if err := rd.fill(d, false); err != nil {
				return refused, err
			}
			if rd.w == len(rd.buf) {
				rd.grow() // a busy reader gets a larger one
			}
		}
		piece := rd.buf[rd.r:min(rd.w, rd.r+int(min(n, 1<<30)))]
		if refused == nil && sink != nil {
			_, refused = sink.Write(piece)
		}
		rd.r += len(piece)
		n -= int64(len(piece))
	}
	return refused, nil
}
