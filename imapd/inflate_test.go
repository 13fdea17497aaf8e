package imapd

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// inflateAll feeds data in pieces of step bytes and reads with a buffer of room bytes.
func inflateAll(data []byte, step, room int) ([]byte, error) {
	z := &inflater{}
	var out []byte
	buf := make([]byte, room)
	for {
		piece := data[:min(step, len(data))]
		for {
			n, taken, err := z.inflate(buf, piece)
			out = append(out, buf[:n]...)
			piece = piece[taken:]
			data = data[taken:]
			if err != nil {
				return out, err
			}
			if n == 0 {
				break
			}
		}
		if len(data) == 0 {
			return out, nil
		}
	}
}

func TestInflateIsFlatesReverse(t *testing.T) {
	random := make([]byte, 100_000)
	for i := range random {
		random[i] = byte(rand.IntN(256))
	}
	texts := map[string]string{
		"a command": "a1 SELECT INBOX\r\n", "nothing": "", "one byte repeated": strings.Repeat("x", 70_000),
		"text": strings.Repeat("a2 UID FETCH 1:* (FLAGS)\r\na3 UID STORE 7 +FLAGS (\\Seen)\r\n", 3_000), "random": string(random),
	}
	for name, text := range texts {
		for _, level := range []int{flate.HuffmanOnly, flate.NoCompression, flate.BestSpeed, flate.BestCompression} {
			var packed bytes.Buffer
			w, err := flate.NewWriter(&packed, level)
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(w, text)
			w.Flush()
			io.WriteString(w, text)
			w.Close()
			for _, step := range []int{1, 7, 4096} {
				got, err := inflateAll(packed.Bytes(), step, 1+step/2)
				if !errors.Is(err, io.EOF) || string(got) != text+text {
					t.Errorf("%s, level %d, in steps of %d: %d bytes, %v, want %d", name, level, step, len(got), err, 2*len(text))
				}
			}
		}
	}
}

// TestInflateDoesNotWaitForAStoredBlock: after Z_PARTIAL_FLUSH the command is followed by an empty fixed block only, which does not
// even end at a byte. It must come out at once.
func TestInflateDoesNotWaitForAStoredBlock(t *testing.T) {
	const command = "3 NAMESPACE\r\n"
	var b bitWriter
	b.bits(0b010, 3) // not the last block, fixed codes
	for _, c := range []byte(command) {
		b.code(0x30+uint(c), 8)
	}
	b.code(0, 7)     // end of block
	b.bits(0b010, 3) // the empty block
	b.code(0, 7)
	got, err := inflateAll(b.whole(), 1, 100)
	if string(got) != command || err != nil {
		t.Errorf("%q, %v, want %q without waiting", got, err, command)
	}
}

// bitWriter writes bits as RFC 1951 §3.1.1 has them.
type bitWriter struct {
	out []byte
	n   uint
}

func (b *bitWriter) bits(v, n uint) {
	for i := range n {
		if b.n%8 == 0 {
			b.out = append(b.out, 0)
		}
		b.out[len(b.out)-1] |= byte(v>>i&1) << (b.n % 8)
		b.n++
	}
}

// code writes a Huffman code, whose first bit is the highest.
func (b *bitWriter) code(v, n uint) {
	for i := range n {
		b.bits(v>>(n-1-i)&1, 1)
	}
}

// whole is the bytes that are complete; zlib keeps the last bits back too.
func (b *bitWriter) whole() []byte { return b.out[:b.n/8] }

func TestInflateRefusesWhatIsBroken(t *testing.T) {
	if _, err := inflateAll([]byte{0b111}, 1, 10); !errors.Is(err, errDeflate) {
		t.Errorf("the reserved block type: %v", err)
	}
	if _, err := inflateAll([]byte{0, 1, 0, 0, 0}, 1, 10); !errors.Is(err, errDeflate) {
		t.Errorf("a stored length that is not confirmed: %v", err)
	}
}

// FuzzInflate compares with compress/flate: the same bytes, and an error where it has one.
func FuzzInflate(f *testing.F) {
	for _, text := range []string{"", "a1 NOOP\r\n", strings.Repeat("abc", 400)} {
		var packed bytes.Buffer
		w, _ := flate.NewWriter(&packed, 6)
		io.WriteString(w, text)
		w.Close()
		f.Add(packed.Bytes(), 3)
	}
	f.Fuzz(func(t *testing.T, data []byte, step int) {
		if step < 1 {
			step = 1
		}
		want, wantErr := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(data)), 1<<20))
		if len(want) == 1<<20 {
			return // a bomb; the callers' limits count what comes out
		}
		got, err := inflateAll(data, step, 4096)
		if wantErr == nil && (!errors.Is(err, io.EOF) || !bytes.Equal(got, want)) {
			t.Fatalf("%x: %q, %v, want %q", data, got, err, want)
		}
		if !bytes.HasPrefix(got, want) && wantErr != nil && !bytes.HasPrefix(want, got) {
			t.Fatalf("%x: %q, %v, want it to begin as %q", data, got, err, want)
		}
	})
}

func BenchmarkInflate(b *testing.B) {
	text := strings.Repeat("a2 UID FETCH 1:* (FLAGS)\r\na3 UID STORE 7 +FLAGS (\\Seen)\r\nLiebe Eltern, wir fahren am Montag\r\n", 300)
	var packed bytes.Buffer
	w, _ := flate.NewWriter(&packed, 6)
	io.WriteString(w, text)
	w.Flush()
	buf := make([]byte, 4096)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		var z inflater
		src := packed.Bytes()
		for n, taken := 1, 0; n > 0; src = src[taken:] {
			n, taken, _ = z.inflate(buf, src)
		}
	}
}
