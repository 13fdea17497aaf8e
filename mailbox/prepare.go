package mailbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"sync"

	"schulhof/mailbox/message"
	"schulhof/store"
	"schulhof/store/fault"
)

// Prepared is a message that is durable and indexed but not yet in any mailbox.
type Prepared struct {
	Blob  *store.Blob
	Index *message.Index

	row contentRow
}

// Release lets go of the blob; harmless when repeated.
func (p *Prepared) Release() {
	if p != nil && p.Blob != nil {
		p.Blob.Release()
	}
}

// contentRow is what the transaction inserts into content, made beforehand.
type contentRow struct {
	size                  int64
	references            []int64 // hashes of message ids, nearest first
	messageHash           any     // int64, or nil without Message-ID
	root                  ThreadID
	sentDate              any
	messageID, refs       []byte
	baseSubject           []byte
	isReply               bool
	from, to, cc          []byte
	preview, layout       []byte
	envelope, structure   []byte
	envelope8, structure8 any // []byte, or nil when the 7-bit form serves
}

// Prepare makes the spooled message durable and indexes it meanwhile. Release it after Deliver or Append. Several may be prepared at
// once and then share an fsync. fault.TooLarge.
func (m *Mail) Prepare(ctx context.Context, p *store.Spool) (*Prepared, error) {
	if p.Size() > m.opts.MaxSize {
		return nil, fault.New(fault.TooLarge, "the message is larger than %d bytes", m.opts.MaxSize)
	}
	var r io.ReaderAt = p
	b, small := p.Bytes()
	if small {
		r = bytes.NewReader(b)
	}
	putting := m.store.Begin(ctx, p)
	var i indexed
	var parsing sync.WaitGroup
	if small { // its bytes are on their way to the disk
		i = newIndexed(r, p.Size())
	} else { // they go there while Wait waits
		parsing.Go(func() { i = newIndexed(r, p.Size()) })
	}
	blob, err := putting.Wait()
	parsing.Wait()
	if err != nil {
		return nil, err
	}
	if i.err != nil {
		blob.Release()
		return nil, fmt.Errorf("index message: %w", i.err)
	}
	i.row.size = blob.Size
	if i.row.root == 0 {
		i.row.root = threadOf(int64(binary.BigEndian.Uint64(blob.Hash[:8]) >> 1))
	}
	return &Prepared{Blob: blob, Index: i.x, row: i.row}, nil
}

// indexed is what is made of a message's bytes.
type indexed struct {
	x   *message.Index
	row contentRow
	err error
}

func newIndexed(r io.ReaderAt, size int64) (i indexed) {
	if i.x, i.err = message.Parse(r, size); i.err == nil {
		i.row = newContentRow(r, i.x)
	}
	return i
}

func newContentRow(r io.ReaderAt, x *message.Index) contentRow {
	h := &x.Headers
	row := contentRow{
		baseSubject: []byte(message.SortKey(h.BaseSubject)),
		isReply:     h.IsReply,
		from:        addressKey(h.From),
		to:          addressKey(h.To),
		cc:          addressKey(h.Cc),
		preview:     []byte(message.Preview(r, x)),
		layout:      x.Layout(),
		envelope:    x.Envelope(false),
		structure:   x.BodyStructure(false),
		messageID:   []byte(h.MessageID),
		refs:        []byte(strings.Join(h.References, "\n")),
	}
	row.envelope8 = unlessSame(x.Envelope(true), row.envelope)
	row.structure8 = unlessSame(x.BodyStructure(true), row.structure)
	if !h.Date.IsZero() {
		row.sentDate = h.Date.Unix()
	}
	if h.MessageID != "" {
		hash := hashMessageID(h.MessageID)
		row.messageHash, row.root = hash, threadOf(hash)
	}
	if n := len(h.References); n > 0 {
		row.root = threadOf(hashMessageID(h.References[0]))
		for i := n - 1; i >= max(0, n-maxReferences); i-- {
			row.references = append(row.references, hashMessageID(h.References[i]))
		}
	}
	return row
}

func unlessSame(b, same []byte) any {
	if bytes.Equal(b, same) {
		return nil
	}
	return b
}

// addressKey is the sort key of an address field: the first address's mailbox name. RFC 5256 §3.
func addressKey(list []message.Address) []byte {
	if len(list) == 0 {
		return []byte{}
	}
	return []byte(message.SortKey(list[0].Local))
}

// hashMessageID is 63 bits of SHA-256.
func hashMessageID(id string) int64 {
	sum := sha256.Sum256([]byte(id))
	return int64(binary.BigEndian.Uint64(sum[:8]) >> 1)
}

// threadOf names the thread that begins with a message: messages whose oldest known ancestor is the same are one thread, in
// whatever order they arrive. 0 is no thread.
func threadOf(hash int64) ThreadID { return ThreadID(max(hash, 1)) }
