package imapd

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"schulhof/mailbox"
)

// Most of the time of a FETCH of many bodies goes into taking them out of their compressed packs.
// So the answers of a large page are written by several goroutines, some messages each, and sent in order.

// fetchChunk is a run of a page's messages that one goroutine answers.
type fetchChunk struct {
	from, to int
	out      []byte
	err      error
	done     chan struct{}
}

// split cuts a page into chunks of about chunkBytes. It returns nil when that is not worth it: few
// bytes, or a large message, which is streamed.
func (f *fetcher) split(contents []mailbox.Content) []fetchChunk {
	if !f.plan.bodies || runtime.GOMAXPROCS(0) == 1 {
		return nil
	}
	var chunks []fetchChunk
	size, from := int64(0), 0
	for n := range contents {
		if contents[n].Blob.Size > maxWholeBody {
			return nil
		}
		size += contents[n].Blob.Size + 100
		if size >= chunkBytes || n == len(contents)-1 {
			chunks = append(chunks, fetchChunk{from: from, to: n + 1, done: make(chan struct{})})
			size, from = 0, n+1
		}
	}
	if len(chunks) < minChunks {
		return nil
	}
	return chunks
}

// parallel answers the page's messages.
func (f *fetcher) parallel(ctx context.Context, contents []mailbox.Content, chunks []fetchChunk) error {
	helpers := min(runtime.GOMAXPROCS(0), maxHelpers)
	ahead := make(chan struct{}, 2*helpers) // bounds what is written and not sent yet
	stop := make(chan struct{})
	var next atomic.Int64
	var work sync.WaitGroup
	all := make([]*fetcher, helpers)
	for i := range all {
		g := f.helper()
		all[i] = g
		work.Go(func() {
			for {
				select {
				case ahead <- struct{}{}:
				case <-stop:
					return
				}
				n := int(next.Add(1)) - 1
				if n >= len(chunks) {
					return
				}
				chunks[n].err = g.chunkAnswers(ctx, contents, &chunks[n])
				close(chunks[n].done)
			}
		})
	}
	err := f.send(chunks, ahead)
	close(stop)
	work.Wait()
	for _, g := range all {
		f.gone, f.badCTE = f.gone || g.gone, f.badCTE || g.badCTE
		if f.broken == nil {
			f.broken = g.broken
		}
		g.release()
	}
	return err
}

// send writes the chunks to the client in order.
func (f *fetcher) send(chunks []fetchChunk, ahead <-chan struct{}) error {
	for n := range chunks {
		<-chunks[n].done
		if chunks[n].err != nil {
			return chunks[n].err
		}
		if _, err := f.w.Write(chunks[n].out); err != nil {
			return err
		}
		putChunk(chunks[n].out)
		chunks[n].out = nil
		<-ahead
	}
	return nil
}

// helper returns a fetcher that answers messages of f's page into memory of its own.
func (f *fetcher) helper() *fetcher {
	g := fetchers.Get().(*fetcher)
	g.start(f.c, f.plan)
	g.snap, g.latest = f.snap, f.latest
	g.own = encoder{utf8: f.w.utf8, nameUTF8: f.w.nameUTF8}
	g.w = &g.own
	g.seqs, g.entries, g.marked, g.saveDates = f.seqs, f.entries, f.marked, f.saveDates
	g.borrowed = true
	return g
}

// chunkAnswers writes the answers of one chunk.
func (f *fetcher) chunkAnswers(ctx context.Context, contents []mailbox.Content, chunk *fetchChunk) error {
	f.w.buf = getChunk()
	for n := chunk.from; n < chunk.to; n++ {
		if contents[n].ID == 0 {
			f.gone = true
			continue
		}
		if err := f.message(ctx, n, &contents[n]); err != nil {
			return err
		}
	}
	chunk.out, f.w.buf = f.w.buf, nil
	return nil
}

var chunkPool = sync.Pool{New: func() any { b := make([]byte, 0, 2*chunkBytes); return &b }}

func getChunk() []byte { return (*chunkPool.Get().(*[]byte))[:0] }

func putChunk(b []byte) {
	if cap(b) <= keepBuffer {
		chunkPool.Put(&b)
	}
}
