package tally

import (
	"context"
	"fmt"
	"strings"

	"schulhof/store"
)

// Mailer takes the mail that a report goes out with; the queue is the real one.
type Mailer interface {
	// SendReport accepts a message to one domain's addressees for delivery, in one transaction with also.
	SendReport(ctx context.Context, to []string, message []byte, also func(*store.Tx) error) error
}

// Reporter is who reports. Without a Mailer nobody does: what is counted is then forgotten day by day.
type Reporter struct {
	Organization string // the school's name or domain
	From         string // the address that reports come from, at a domain of ours
	Mailer       Mailer
}

// Domain is ours, that reports come from.
func (r *Reporter) Domain() string { return r.From[strings.LastIndexByte(r.From, '@')+1:] }

// Lookup says who reports now. It is asked on every round of sending: a school may get its first domain while the server runs.
type Lookup func(ctx context.Context) (Reporter, error)

// Reporter asks l. Without one nobody reports.
func (l Lookup) Reporter(ctx context.Context) (Reporter, error) {
	if l == nil {
		return Reporter{}, nil
	}
	by, err := l(ctx)
	if err != nil {
		return Reporter{}, fmt.Errorf("who reports: %w", err)
	}
	return by, nil
}
