package imapd

import (
	"context"
	"fmt"
	"io"

	"schulhof/mailbox"
	"schulhof/mailbox/message"
	"schulhof/store"
)

// body gives access to one message's bytes while its answer is written. A small message is read
// whole, once, and only when an item needs less than all of it; a large one is read in ranges.
type body struct {
	mail   *mailbox.Mail
	loc    store.Location
	layout []byte
	root   *message.Part
	buf    []byte // memory for small messages, kept from message to message
	loaded bool   // buf holds the message
	large  *store.BlobReader
}

// reset points b to the next message.
func (b *body) reset(content *mailbox.Content) {
	b.close()
	b.loc, b.layout, b.root, b.loaded = content.Blob, content.Layout, nil, false
}

// close lets go of a large message.
func (b *body) close() {
	if b.large != nil {
		b.large.Close()
		b.large = nil
	}
}

func (b *body) isLarge() bool { return b.loc.Size > maxWholeBody }

// parts reads the layout back, once per message.
func (b *body) parts() (*message.Part, error) {
	if b.root == nil {
		root, err := message.ParseLayout(b.layout)
		if err != nil {
			return nil, fmt.Errorf("layout: %w", err)
		}
		b.root = root
	}
	return b.root, nil
}

// open makes the message's bytes readable by ReadAt.
func (b *body) open(ctx context.Context) error {
	var err error
	switch {
	case b.loaded || b.large != nil:
	case b.isLarge():
		if b.large, err = b.mail.OpenBody(ctx, b.loc); err != nil {
			return fmt.Errorf("open body: %w", err)
		}
	default:
		if b.buf, err = b.mail.AppendBody(b.buf[:0], b.loc); err != nil {
			return fmt.Errorf("read body: %w", err)
		}
		b.loaded = true
	}
	return nil
}

// ReadAt reads the opened message's bytes.
func (b *body) ReadAt(p []byte, off int64) (int, error) {
	if b.large != nil {
		return b.large.ReadAt(p, off)
	}
	if off >= int64(len(b.buf)) {
		return 0, io.EOF
	}
	n := copy(p, b.buf[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// slice returns bytes from..to of a message that was opened; the slice is valid until the next message.
func (b *body) slice(from, to int64) ([]byte, error) {
	if b.large == nil {
		if from < 0 || to > int64(len(b.buf)) || from > to {
			return nil, fmt.Errorf("range %d..%d of %d bytes", from, to, len(b.buf))
		}
		return b.buf[from:to], nil
	}
	if cap(b.buf) < int(to-from) {
		b.buf = make([]byte, to-from)
	}
	out := b.buf[:to-from]
	_, err := io.ReadFull(io.NewSectionReader(b.large, from, to-from), out)
	return out, err
}

// sectionItem answers BODY[…] and the RFC822 items.
func (f *fetcher) sectionItem(ctx context.Context, s *section) error {
	f.w.str(s.label)
	f.w.sp()
	var root *message.Part
	if s.needsLayout() {
		var err error
		if root, err = f.body.parts(); err != nil {
			return err
		}
	}
	from, to, ok := s.span(root, f.body.loc.Size)
	if !ok {
		f.w.str("NIL")
		return nil
	}
	if s.isFields() {
		return f.headerFields(ctx, s, from, to)
	}
	from, to = s.clip(from, to)
	return f.span(ctx, from, to)
}

// span writes bytes from..to of the message as a literal.
func (f *fetcher) span(ctx context.Context, from, to int64) error {
	w, b := f.w, &f.body
	w.literal(to - from)
	if from == to {
		return nil
	}
	if from == 0 && to == b.loc.Size && !b.loaded && !b.isLarge() {
		var err error // the whole message: straight into the output
		before := len(w.buf)
		if w.buf, err = b.mail.AppendBody(w.buf, b.loc); err != nil {
			return fmt.Errorf("read body: %w", err)
		}
		if got := int64(len(w.buf) - before); got != to {
			return fmt.Errorf("body has %d bytes instead of %d", got, to)
		}
		return nil
	}
	if err := b.open(ctx); err != nil {
		return err
	}
	if !b.isLarge() {
		part, err := b.slice(from, to)
		if err != nil {
			return err
		}
		w.bytes(part)
		return nil
	}
	return f.stream(io.NewSectionReader(b.large, from, to-from), to-from)
}

// stream copies exactly n bytes of r to the client, as fast as it takes them.
func (f *fetcher) stream(r io.Reader, n int64) error {
	chunk := f.chunkBuf()
	for n > 0 {
		got, err := io.ReadFull(r, chunk[:min(n, int64(len(chunk)))])
		if err != nil {
			return fmt.Errorf("%d bytes short: %w", n-int64(got), err)
		}
		f.streamed = true
		if _, err := f.w.Write(chunk[:got]); err != nil {
			return err
		}
		n -= int64(got)
	}
	return nil
}

// chunkBuf is memory for copying.
func (f *fetcher) chunkBuf() []byte {
	if f.chunk == nil {
		f.chunk = make([]byte, streamChunk)
	}
	return f.chunk
}

// headerFields answers HEADER.FIELDS (…) of the header at from..to. A header beyond the limit is cut there.
func (f *fetcher) headerFields(ctx context.Context, s *section, from, to int64) error {
	if err := f.body.open(ctx); err != nil {
		return err
	}
	header, err := f.body.slice(from, min(to, from+maxFilteredHeader))
	if err != nil {
		return err
	}
	f.fields = s.appendFields(f.fields[:0], header)
	first, last := s.clip(0, int64(len(f.fields)))
	f.w.literal(last - first)
	f.w.bytes(f.fields[first:last])
	return nil
}
