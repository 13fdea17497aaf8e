package imapd

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"schulhof/mailbox/message"
	"schulhof/store/fault"
)

// binaryPart finds the part of BINARY[…] and opens the message. part is nil for the whole message
// (its header names no one encoding: it is sent as it is) and ok is false when there is no such part.
func (f *fetcher) binaryPart(ctx context.Context, s *section) (part *message.Part, ok bool, err error) {
	if len(s.path) == 0 {
		return nil, true, nil
	}
	root, err := f.body.parts()
	if err != nil {
		return nil, false, err
	}
	if part = findPart(root, s.path); part == nil {
		return nil, false, nil
	}
	return part, true, f.body.open(ctx)
}

// binaryItem answers BINARY[…]: the part without its Content-Transfer-Encoding. RFC 3516 §4.2.
func (f *fetcher) binaryItem(ctx context.Context, s *section) error {
	w := f.w
	w.str(s.label)
	w.sp()
	part, ok, err := f.binaryPart(ctx, s)
	switch {
	case err != nil:
		return err
	case !ok:
		w.str("NIL")
		return nil
	case part == nil:
		return f.wholeBinary(ctx, s)
	}
	size, nul, err := f.decodedSize(part)
	if unknownEncoding(err) {
		f.badCTE = true
		w.str("NIL")
		return nil
	}
	if err != nil {
		return err
	}
	from, to := s.clip(0, size)
	decoded, err := message.Decoded(&f.body, part)
	if err != nil {
		return fmt.Errorf("decode part: %w", err)
	}
	r := bufio.NewReader(decoded) // decoders want room for a whole group
	if _, err := io.CopyN(io.Discard, r, from); err != nil {
		return fmt.Errorf("decode part: %w", err)
	}
	if nul {
		w.str("~")
	}
	w.literal(to - from)
	return f.stream(r, to-from)
}

// wholeBinary answers BINARY[]: the message itself.
func (f *fetcher) wholeBinary(ctx context.Context, s *section) error {
	if err := f.body.open(ctx); err != nil {
		return err
	}
	size := f.body.loc.Size
	nul, err := hasNUL(io.NewSectionReader(&f.body, 0, size))
	if err != nil {
		return err
	}
	if nul {
		f.w.str("~")
	}
	from, to := s.clip(0, size)
	return f.span(ctx, from, to)
}

// binarySizeItem answers BINARY.SIZE[…]: how many bytes BINARY would give.
func (f *fetcher) binarySizeItem(ctx context.Context, s *section) error {
	w := f.w
	w.str(s.label)
	w.sp()
	part, ok, err := f.binaryPart(ctx, s)
	switch {
	case err != nil:
		return err
	case !ok:
		w.str("0")
		return nil
	case part == nil:
		w.num(f.body.loc.Size)
		return nil
	}
	size, _, err := f.decodedSize(part)
	if unknownEncoding(err) {
		f.badCTE = true
		size, err = 0, nil
	}
	w.num(size)
	return err
}

// decodedSize counts a part's decoded bytes and tells whether a NUL is among them.
func (f *fetcher) decodedSize(part *message.Part) (size int64, nul bool, err error) {
	r, err := message.Decoded(&f.body, part)
	if err != nil {
		return 0, false, err
	}
	var scan nulScan
	size, err = io.CopyBuffer(&scan, r, f.chunkBuf())
	if err != nil {
		return 0, false, fmt.Errorf("decode part: %w", err)
	}
	return size, scan.found, nil
}

// unknownEncoding tells whether err says that a part's encoding is none we know.
func unknownEncoding(err error) bool {
	var known *fault.Error
	return errors.As(err, &known) && known.Kind == fault.Invalid
}

// nulScan remembers whether a NUL was written to it.
type nulScan struct{ found bool }

func (s *nulScan) Write(b []byte) (int, error) {
	s.found = s.found || bytes.IndexByte(b, 0) >= 0
	return len(b), nil
}

func hasNUL(r io.Reader) (bool, error) {
	var scan nulScan
	if _, err := io.Copy(&scan, r); err != nil {
		return false, fmt.Errorf("read body: %w", err)
	}
	return scan.found, nil
}
