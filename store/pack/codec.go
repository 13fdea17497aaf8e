package pack

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// codec compresses and decompresses; both sides may be used by many goroutines at once. It is never closed: it holds nothing but memory, and
// a zstd.Decoder that is closed while it decodes panics or waits for good.
type codec struct {
	enc encoders
	dec *zstd.Decoder
}

func newCodec() (*codec, error) {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(2*runtime.GOMAXPROCS(0)), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(2*ChunkSize), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		return nil, fmt.Errorf("zstd decoder: %w", err)
	}
	c := &codec{dec: dec}
	if err := c.enc.init(2 * runtime.GOMAXPROCS(0)); err != nil {
		return nil, fmt.Errorf("zstd encoder: %w", err)
	}
	return c, nil
}

// encoders are several, of which the one that was used last is used next: an encoder has a table of 256 KiB, and taking turns (as one encoder for
// many goroutines does inside) finds it in no processor's cache. Of a message of 4 KB that was most of the time.
type encoders struct {
	mu   sync.Mutex
	idle sync.Cond // waited for while none is free
	free []*zstd.Encoder
}

func (e *encoders) init(n int) error {
	e.idle.L = &e.mu
	for range n {
		enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false),
			zstd.WithSingleSegment(true), zstd.WithWindowSize(ChunkSize), zstd.WithEncoderConcurrency(1))
		if err != nil {
			return err
		}
		e.free = append(e.free, enc) // it takes memory when it is first used
	}
	return nil
}

// EncodeAll appends src, compressed, to dst.
func (e *encoders) EncodeAll(src, dst []byte) []byte {
	e.mu.Lock()
	for len(e.free) == 0 {
		e.idle.Wait()
	}
	last := len(e.free) - 1
	enc := e.free[last]
	e.free = e.free[:last]
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		e.free = append(e.free, enc)
		e.idle.Signal()
		e.mu.Unlock()
	}()
	return enc.EncodeAll(src, dst)
}
