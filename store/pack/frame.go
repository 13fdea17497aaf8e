package pack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// Hash is the SHA-256 of a blob's bytes.
type Hash = [32]byte

const (
	fileHeaderLen  = 16
	frameHeaderLen = 64
	chunkEntryLen  = 8

	fileMagic  = "SHPACK1\n"
	frameMagic = "SHF1"

	kindShared = 1
	kindSingle = 2

	formRaw     = 0
	formZstd    = 1
	formChunked = 2
	formTailed  = 3

	rawChunk = 1 << 31 // in a chunk's stored length
)

// ErrCorrupt is in the chain of every error that says that stored bytes are not what was written.
var ErrCorrupt = errors.New("stored bytes are damaged")

// castagnoli is CRC-32C, which processors compute in hardware.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// Header is what a frame says about its blob.
type Header struct {
	form    byte
	Payload int64 // stored bytes after the header
	Size    int64 // the blob's bytes
	Hash    Hash
	sum     uint32
}

// Length is the stored size of the whole frame.
func (h *Header) Length() int64 { return frameHeaderLen + h.Payload }

// inChunks reports whether the blob is stored in chunks with a table.
func (h *Header) inChunks() bool { return h.form == formChunked || h.form == formTailed }

func (h *Header) chunks() int64 { return (h.Size + ChunkSize - 1) / ChunkSize }

func (h *Header) put(b []byte) {
	_ = b[frameHeaderLen-1]
	copy(b, frameMagic)
	b[4], b[5], b[6], b[7] = h.form, 0, 0, 0
	binary.LittleEndian.PutUint64(b[8:], uint64(h.Payload))
	binary.LittleEndian.PutUint64(b[16:], uint64(h.Size))
	copy(b[24:56], h.Hash[:])
	binary.LittleEndian.PutUint32(b[56:], h.sum)
	binary.LittleEndian.PutUint32(b[60:], checksum(b[:60]))
}

// ParseHeader reads the frame header at the start of b.
func ParseHeader(b []byte) (h Header, err error) {
	switch {
	case len(b) < frameHeaderLen:
		return h, fmt.Errorf("frame header of %d bytes: %w", len(b), ErrCorrupt)
	case string(b[:4]) != frameMagic:
		return h, fmt.Errorf("no frame here: %w", ErrCorrupt)
	case binary.LittleEndian.Uint32(b[60:]) != checksum(b[:60]):
		return h, fmt.Errorf("checksum of the frame header: %w", ErrCorrupt)
	}
	h.form = b[4]
	h.Payload = int64(binary.LittleEndian.Uint64(b[8:]))
	h.Size = int64(binary.LittleEndian.Uint64(b[16:]))
	copy(h.Hash[:], b[24:56])
	h.sum = binary.LittleEndian.Uint32(b[56:])
	return h, h.validate()
}

// validate refuses numbers that no writer produces, so that a forged header cannot make a reader allocate much.
func (h *Header) validate() error {
	ok := h.Payload >= 0 && h.Size >= 0
	switch h.form {
	case formRaw:
		ok = ok && h.Size <= ChunkSize && h.Payload == h.Size
	case formZstd:
		ok = ok && h.Size <= ChunkSize && h.Payload < h.Size
	case formChunked:
		ok = ok && h.Size > ChunkSize && h.Size < 1<<46 &&
			h.Payload >= h.chunks()*chunkEntryLen && h.Payload <= h.chunks()*chunkEntryLen+h.Size
	case formTailed:
		ok = ok && h.Size > ChunkSize && h.Size < 1<<46 && h.Payload == h.chunks()*chunkEntryLen+h.Size
	default:
		ok = false
	}
	if !ok {
		return fmt.Errorf("frame header (form %d, %d bytes stored of %d): %w", h.form, h.Payload, h.Size, ErrCorrupt)
	}
	return nil
}

// appendFrame appends the frame of a blob of at most ChunkSize bytes.
func (c *codec) appendFrame(dst []byte, hash Hash, data []byte) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, frameHeaderLen)...)
	h := Header{form: formRaw, Size: int64(len(data)), Hash: hash}
	if dst = c.compress(dst, data); len(dst)-start-frameHeaderLen < len(data) {
		h.form = formZstd
	} else {
		dst = append(dst[:start+frameHeaderLen], data...)
	}
	payload := dst[start+frameHeaderLen:]
	h.Payload, h.sum = int64(len(payload)), checksum(payload)
	h.put(dst[start:])
	return dst
}

// compress appends data to dst, compressed; or at least as many bytes as data has when that does not pay.
func (c *codec) compress(dst, data []byte) []byte {
	if len(data) < minCompress {
		return append(dst, data...)
	}
	return c.enc.EncodeAll(data, dst)
}

// appendChunked appends the frame of a blob above ChunkSize, read from r.
func (c *codec) appendChunked(dst []byte, hash Hash, r io.Reader, size int64) ([]byte, error) {
	h := Header{form: formChunked, Size: size, Hash: hash}
	start := len(dst)
	table := start + frameHeaderLen
	body := table + int(h.chunks())*chunkEntryLen
	dst = append(dst, make([]byte, body-start)...)
	chunk := make([]byte, ChunkSize)
	for i, left := 0, size; left > 0; i++ {
		part := chunk[:min(left, ChunkSize)]
		if _, err := io.ReadFull(r, part); err != nil {
			return dst[:start], fmt.Errorf("read the blob: %w", err)
		}
		left -= int64(len(part))
		at := len(dst)
		flag := uint32(0)
		if dst = c.compress(dst, part); len(dst)-at >= len(part) {
			dst, flag = append(dst[:at], part...), rawChunk
		}
		putChunkEntry(dst[table+i*chunkEntryLen:], dst[at:], flag)
	}
	h.Payload = int64(len(dst) - table)
	h.sum = checksum(dst[table:body])
	h.put(dst[start:])
	return dst, nil
}

func putChunkEntry(entry, stored []byte, flag uint32) {
	binary.LittleEndian.PutUint32(entry, uint32(len(stored))|flag)
	binary.LittleEndian.PutUint32(entry[4:], checksum(stored))
}

// appendPayload checks the payload of a raw or zstd frame and appends the blob to dst.
func (c *codec) appendPayload(dst []byte, h *Header, payload []byte) ([]byte, error) {
	if int64(len(payload)) != h.Payload || checksum(payload) != h.sum {
		return dst, fmt.Errorf("checksum of the frame: %w", ErrCorrupt)
	}
	return c.expand(dst, payload, h.form == formRaw, int(h.Size))
}

func (c *codec) expand(dst, stored []byte, raw bool, size int) ([]byte, error) {
	if raw {
		if len(stored) != size {
			return dst, fmt.Errorf("%d raw bytes, want %d: %w", len(stored), size, ErrCorrupt)
		}
		return append(dst, stored...), nil
	}
	start := len(dst)
	if cap(dst)-start < size {
		dst = append(make([]byte, 0, start+size), dst...)
	}
	// The decoder gets exactly the room that the header promises: more output than that is an error.
	out, err := c.dec.DecodeAll(stored, dst[start:start:start+size])
	if err != nil {
		return dst[:start], fmt.Errorf("decompress: %w: %w", err, ErrCorrupt)
	}
	if len(out) != size {
		return dst[:start], fmt.Errorf("%d bytes after decompressing, want %d: %w", len(out), size, ErrCorrupt)
	}
	return dst[:start+size], nil
}
