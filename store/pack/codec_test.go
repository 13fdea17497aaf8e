package pack

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"testing"
)

func letter(i int) []byte {
	return fmt.Appendf(nil, "Subject: Nr. %d\r\n\r\n%s", i, strings.Repeat(fmt.Sprintf("Zeile %x von vielen.\r\n", i*7919), 150))
}

func TestMoreThanThereAreEncodersCompressAtOnce(t *testing.T) {
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	all := len(c.enc.free)
	var wg sync.WaitGroup
	for i := range 8 * all {
		wg.Go(func() {
			data := letter(i)
			for range 20 {
				frame := c.appendFrame([]byte("before"), sha256.Sum256(data), data)
				h, err := ParseHeader(frame[len("before"):])
				if err != nil || h.form != formZstd {
					t.Errorf("letter %d: form %d, %v", i, h.form, err)
					return
				}
				back, err := c.appendPayload(nil, &h, frame[len("before")+frameHeaderLen:])
				if err != nil || !bytes.Equal(back, data) {
					t.Errorf("letter %d came back as %d bytes, %v", i, len(back), err)
				}
			}
		})
	}
	wg.Wait()
	if len(c.enc.free) != all {
		t.Errorf("%d of %d encoders came back", len(c.enc.free), all)
	}
}

// One after the other they use the same encoder, whose table is in the processor's cache.
func TestTheEncoderUsedLastIsUsedNext(t *testing.T) {
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	before := append(c.enc.free[:0:0], c.enc.free...)
	for i := range 3 {
		c.appendFrame(nil, Hash{}, letter(i))
		for k, enc := range c.enc.free {
			if enc != before[k] {
				t.Fatalf("after %d frames encoder %d has changed its place", i+1, k)
			}
		}
	}
}

func BenchmarkAppendFrame4KB(b *testing.B) {
	c, err := newCodec()
	if err != nil {
		b.Fatal(err)
	}
	data, sum := letter(1), Hash{}
	other := make([]byte, 1<<20) // what a server does in between
	frame := make([]byte, 0, 64<<10)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		clear(other[:256<<10])
		frame = c.appendFrame(frame[:0], sum, data)
	}
}
