package tally

import (
	"context"
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
