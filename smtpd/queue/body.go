package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"schulhof/store"
)

// body is a message as it leaves: our signatures, then what was accepted, without the Return-Path that our own server wrote.
type body struct {
	io.Reader
	blob *store.BlobReader
}

// Close ends reading.
func (b *body) Close() error { return b.blob.Close() }

func (q *Queue) openBody(ctx context.Context, l store.Location, prefix []byte) (io.ReadCloser, error) {
	blob, err := q.store.OpenBlob(ctx, l)
	if err != nil {
		return nil, fmt.Errorf("open message: %w", err)
	}
	begin := make([]byte, min(maxReturnPath, blob.Size()))
	n, err := blob.ReadAt(begin, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(fmt.Errorf("read message: %w", err), blob.Close())
	}
	if _, err := blob.Seek(int64(returnPathEnd(begin[:n])), io.SeekStart); err != nil {
		return nil, errors.Join(fmt.Errorf("read message: %w", err), blob.Close())
	}
	return &body{io.MultiReader(bytes.NewReader(prefix), blob), blob}, nil
}

// maxReturnPath is how long a Return-Path line can be: smtpd writes it on one line, with an address of at most 1,024 bytes.
const maxReturnPath = 2048

// returnPathEnd is where the message goes on after a Return-Path field at its beginning, 0 without one.
func returnPathEnd(begin []byte) int {
	const name = "return-path:"
	if len(begin) < len(name) || !bytes.EqualFold(begin[:len(name)], []byte(name)) {
		return 0
	}
	for at := 0; ; {
		end := bytes.Index(begin[at:], []byte("\r\n"))
		if end < 0 {
			return 0
		}
		at += end + 2
		if at == len(begin) || begin[at] != ' ' && begin[at] != '\t' {
			return at
		}
	}
}
