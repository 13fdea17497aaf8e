package store

import (
	"hash"
	"io"
	"sync"
)

// step is a piece of a large body on its way to the disk.
type step struct {
	b [spoolStep]byte
	n int
}

var steps = sync.Pool{New: func() any { return new(step) }}

// ReadFrom takes in what r gives until its end. A large body is hashed in a goroutine of its own, beside being read and written.
// The errors are those of r and of Write. It implements io.ReaderFrom.
func (p *Spool) ReadFrom(r io.Reader) (n int64, err error) {
	if p.err != nil {
		return 0, p.err
	}
	start := p.size
	first := steps.Get().(*step)
	for p.file == nil && err == nil { // in memory, or closed, as Write says
		var got int
		got, err = r.Read(first.b[:])
		if _, werr := p.Write(first.b[:got]); werr != nil {
			err = werr
		}
	}
	steps.Put(first)
	if err == nil {
		err = p.readLarge(r)
	}
	if err == io.EOF { // r's own, never wrapped
		err = nil
	}
	return p.size - start, err
}

// readLarge is ReadFrom once there is a file. It ends with r's error, io.EOF too.
func (p *Spool) readLarge(r io.Reader) (err error) {
	h := hashBeside(p.sum)
	defer h.wait()
	for err == nil {
		s := h.take()
		s.n = 0
		for want := p.draft.Fill(spoolStep); s.n < want && err == nil; {
			var got int
			got, err = r.Read(s.b[s.n:want])
			s.n += got
		}
		h.todo <- s
		if s.n == 0 {
			break
		}
		if p.err = p.writeFile(s.b[:s.n]); p.err != nil {
			return p.err
		}
		p.size += int64(s.n)
	}
	return err
}

// hasher hashes steps in the order of todo and gives them back to free. Who reads and writes takes one only when it is done with the one
// before, so that neither is in the other's way.
type hasher struct {
	free, todo chan *step
	made       int
}

func hashBeside(sum hash.Hash) *hasher {
	h := &hasher{free: make(chan *step, spoolSteps), todo: make(chan *step, spoolSteps)}
	go func() {
		for s := range h.todo {
			sum.Write(s.b[:s.n])
			h.free <- s
		}
		close(h.free)
	}()
	return h
}

// take returns a step that is free. A client that sends slowly needs no more than one.
func (h *hasher) take() *step {
	select {
	case s := <-h.free:
		return s
	default:
	}
	if h.made == spoolSteps {
		return <-h.free
	}
	h.made++
	return steps.Get().(*step)
}

// wait ends the hashing once all of todo is hashed.
func (h *hasher) wait() {
	close(h.todo)
	for s := range h.free {
		steps.Put(s)
	}
}
