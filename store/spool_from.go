package store

import (
	"io"
	"sync"
	"sync/atomic"
)

// step is a piece of a large body on its way to the disk.
type step struct {
	b     [spoolStep]byte
	n     int
	users atomic.Int32 // that still work on it
}

var steps = sync.Pool{New: func() any { return new(step) }}

// ReadFrom takes in what r gives until its end. A large body is read, hashed and written side by side.
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
	w := p.workBeside()
	defer func() {
		w.end()
		p.size += w.written
		if w.err != nil {
			p.err, err = w.err, w.err
		}
	}()
	want := p.draft.Fill(spoolStep)
	for err == nil && !w.failed.Load() {
		s := w.take()
		s.n = 0
		for s.n < want && err == nil {
			var got int
			got, err = r.Read(s.b[s.n:want])
			s.n += got
		}
		w.give(s)
		want = spoolStep
	}
	return err
}

// besides hash and write steps, each in a goroutine of its own, while more are read. A step that both are done with is free again.
type besides struct {
	free, hash, write chan *step
	made              int
	working           sync.WaitGroup

	failed  atomic.Bool // err is there; nothing more is written
	err     error       // of the writing, and how much of it went well: to be asked after end
	written int64
}

// workBeside starts them. Nobody else works on the sum or the file before end.
func (p *Spool) workBeside() *besides {
	w := &besides{free: make(chan *step, spoolSteps), hash: make(chan *step, spoolSteps), write: make(chan *step, spoolSteps)}
	w.working.Go(func() {
		for s := range w.hash {
			p.sum.Write(s.b[:s.n])
			w.done(s)
		}
	})
	w.working.Go(func() {
		for s := range w.write {
			if w.err == nil {
				if w.err = p.writeFile(s.b[:s.n]); w.err != nil {
					w.failed.Store(true)
				} else {
					w.written += int64(s.n)
				}
			}
			w.done(s)
		}
	})
	return w
}

// take returns a step that is free. A client that sends slowly needs no more than one.
func (w *besides) take() *step {
	select {
	case s := <-w.free:
		return s
	default:
	}
	if w.made == spoolSteps {
		return <-w.free
	}
	w.made++
	return steps.Get().(*step)
}

// give has s hashed and written.
func (w *besides) give(s *step) {
	if s.n == 0 {
		w.free <- s
		return
	}
	s.users.Store(2)
	w.hash <- s
	w.write <- s
}

func (w *besides) done(s *step) {
	if s.users.Add(-1) == 0 {
		w.free <- s
	}
}

// end waits until all is hashed and written.
func (w *besides) end() {
	close(w.hash)
	close(w.write)
	w.working.Wait()
	close(w.free)
	for s := range w.free {
		steps.Put(s)
	}
}
