package lists

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"schulhof/directory"
	"schulhof/mailbox/message"
	"schulhof/store"
	"schulhof/store/fault"
)

// CountFailure counts that the queue has given up on a member elsewhere, in the transaction that gives up.
func (l *Lists) CountFailure(tx *store.Tx, token string) error {
	x, paused, err := l.dir.CountBounce(tx, token)
	if fault.Is(err, fault.NotFound) {
		return nil // has left
	}
	if err == nil && paused {
		tx.AfterCommit(func() {
			l.log.Warn("member elsewhere paused", "group", x.Group, "address", x.Address, "bounces", x.Bounces)
		})
	}
	return err
}

// Returned takes what came back from a member elsewhere: only a report that delivery failed for good counts (RFC 3464 §2.3.3), not one of
// a delay, nor what a program answers on behalf of somebody who is away.
func (l *Lists) Returned(ctx context.Context, token string, r io.ReaderAt, size int64) error {
	x, err := message.Parse(r, size)
	if err != nil {
		return fmt.Errorf("read returned mail: %w", err)
	}
	if !failed(r, size, x.Root) {
		return nil
	}
	err = l.store.Write(ctx, func(tx *store.Tx) error { return l.CountFailure(tx, token) })
	if err != nil {
		return fmt.Errorf("count returned mail: %w", err)
	}
	return nil
}

// failed looks for a delivery status whose action is that.
func failed(r io.ReaderAt, size int64, p *message.Part) bool {
	if p == nil {
		return false
	}
	if p.Type == "message" && (p.Subtype == "delivery-status" || p.Subtype == "global-delivery-status") {
		b := make([]byte, max(0, min(p.End-p.Body, maxReport, size-p.Body)))
		n, _ := r.ReadAt(b, p.Body)
		for line := range bytes.Lines(b[:n]) {
			if name, value, ok := strings.Cut(string(line), ":"); ok && strings.EqualFold(strings.TrimSpace(name), "action") &&
				strings.EqualFold(strings.TrimSpace(value), "failed") {
				return true
			}
		}
	}
	if !p.Multipart() {
		return false
	}
	for _, c := range p.Children {
		if failed(r, size, c) {
			return true
		}
	}
	return false
}

// Leave ends the membership that a token names; that it has ended before is no error.
func (l *Lists) Leave(ctx context.Context, token string) error {
	x, err := l.dir.ExternalByToken(token)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err == nil {
		err = l.dir.RemoveExternals(ctx, x.Group, []string{x.Address})
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		return fmt.Errorf("leave list: %w", err)
	}
	l.log.Info("member elsewhere has left", "group", directory.ID(x.Group))
	return nil
}
