package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Voucher makes the fields by which other servers know which of our domains answers for a message. They go above it.
type Voucher interface {
	// Sign signs the message in the name of domain: DKIM. No fields when the domain has no keys.
	Sign(ctx context.Context, domain string, message io.Reader) ([]byte, error)
	// Seal vouches for what was found about the message when it came in: ARC.
	Seal(ctx context.Context, domain string, message io.Reader) ([]byte, error)
}

// vouch puts above the message of d what it is to have as it leaves: a signature, and a seal over that. It is made for each try, because
// a signature holds for days and a message may wait for longer.
func (q *Queue) vouch(ctx context.Context, d *delivery) error {
	if q.o.Voucher == nil {
		return nil
	}
	for _, by := range []struct {
		domain string
		fields func(context.Context, string, io.Reader) ([]byte, error)
	}{{d.signed, q.o.Voucher.Sign}, {d.sealed, q.o.Voucher.Seal}} {
		if by.domain == "" {
			continue
		}
		body, err := q.openBody(ctx, d.location, d.prefix)
		if err != nil {
			return err
		}
		fields, err := by.fields(ctx, by.domain, body)
		if err := errors.Join(err, body.Close()); err != nil {
			return fmt.Errorf("vouch for a message in the name of %s: %w", by.domain, err)
		}
		d.prefix = slices.Concat(fields, d.prefix)
	}
	return nil
}

// unvouched has a message wait that could not be signed now. That says nothing about its destination.
func (q *Queue) unvouched(ctx context.Context, d *delivery, err error) verdict {
	if ctx.Err() != nil {
		return verdict{}
	}
	q.log.Warn("queue: a message could not be signed; it will be tried again", "id", d.message.TraceID, "err", err)
	q.conclude(ctx, d, sameFor(d.recipients, Result{Temporary: true, Enhanced: "4.3.5", Text: "It could not be signed"}), nil)
	return verdict{}
}
