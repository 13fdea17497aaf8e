package pack

import (
	"encoding/binary"
	"fmt"
	"io"
)

// table is the index of a chunked frame.
type table struct {
	base int64   // where the first chunk lies in the pack
	ends []int64 // where each chunk ends, from base
	sums []uint32
	raw  []bool
}

// readTable reads and checks the index of the chunked frame whose payload starts at off.
func readTable(r io.ReaderAt, off int64, h *Header) (*table, error) {
	n := h.chunks()
	b := make([]byte, n*chunkEntryLen)
	at, base := off, off+int64(len(b))
	if h.form == formTailed {
		at, base = off+h.Payload-int64(len(b)), off
	}
	if _, err := r.ReadAt(b, at); err != nil {
		return nil, fmt.Errorf("read chunk table: %w", err)
	}
	if checksum(b) != h.sum {
		return nil, fmt.Errorf("checksum of the chunk table: %w", ErrCorrupt)
	}
	t := &table{base: base, ends: make([]int64, n), sums: make([]uint32, n), raw: make([]bool, n)}
	end := int64(0)
	for i := range t.ends {
		length := binary.LittleEndian.Uint32(b[i*chunkEntryLen:])
		t.raw[i] = length&rawChunk != 0
		length &^= rawChunk
		if length > ChunkSize {
			return nil, fmt.Errorf("chunk of %d bytes: %w", length, ErrCorrupt)
		}
		end += int64(length)
		t.ends[i] = end
		t.sums[i] = binary.LittleEndian.Uint32(b[i*chunkEntryLen+4:])
	}
	if int64(len(b))+end != h.Payload {
		return nil, fmt.Errorf("chunks of %d bytes in a payload of %d: %w", end, h.Payload, ErrCorrupt)
	}
	return t, nil
}

// stored reads chunk i into buf, which has room for ChunkSize bytes, and checks it.
func (t *table) stored(r io.ReaderAt, i int, buf []byte) ([]byte, error) {
	from := int64(0)
	if i > 0 {
		from = t.ends[i-1]
	}
	b := buf[:t.ends[i]-from]
	if _, err := r.ReadAt(b, t.base+from); err != nil {
		return nil, fmt.Errorf("read chunk %d: %w", i, err)
	}
	if checksum(b) != t.sums[i] {
		return nil, fmt.Errorf("checksum of chunk %d: %w", i, ErrCorrupt)
	}
	return b, nil
}
