package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"

	"schulhof/config"
	"schulhof/directory"
	"schulhof/smtpd"
	"schulhof/smtpd/queue"
	"schulhof/store/fault"
	"schulhof/webmail"
)

// newWebmail makes people's pages. What they write goes by smtp.
func newWebmail(r *rooms, smtp *smtpd.Server) (*webmail.Server, error) {
	return webmail.New(webmail.Options{
		Store: r.Store, Directory: r.Directory, Mail: r.Mail, Queue: r.Queue, Submitter: submitter{smtp}, Zone: r.Config.Server.Zone(),
		Log: r.Log.With("room", "webmail"), AllowPlaintextLoopback: r.Config.Security.AllowPlaintextAuth == config.PlaintextLoopback,
	})
}

// submitter hands what people write on the pages to the doors for mail; the two rooms do not know each other.
type submitter struct{ smtp *smtpd.Server }

// Submit implements webmail.Submitter.
func (s submitter) Submit(ctx context.Context, l webmail.Letter) (webmail.Taken, error) {
	receipt, err := s.smtp.Submit(ctx, smtpd.Submission{
		Identity: l.From, Remote: l.Remote, Sender: l.Sender, Recipients: l.To, Message: bytes.NewReader(l.Message), Size: int64(len(l.Message)),
		NotBefore: l.NotBefore, Also: l.Also,
	})
	var refused smtpd.Refusals
	switch {
	case errors.Is(err, webmail.ErrSentAlready):
		return webmail.Taken{}, webmail.ErrSentAlready
	case errors.As(err, &refused):
		var list webmail.Refusals
		for _, one := range refused {
			list = append(list, webmail.Refusal{Address: one.Address, Text: one.Text})
		}
		return webmail.Taken{}, list
	}
	return webmail.Taken{Waits: !receipt.Waits.IsZero(), Held: receipt.Held}, err
}

// release delivers a submission that has waited in the queue.
func (r *rooms) release(ctx context.Context, smtp *smtpd.Server, due queue.Submission) ([]queue.Result, error) {
	account, err := r.Directory.Account(ctx, due.Account)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, fmt.Errorf("release a submission: %w", err)
	}
	body, err := due.Body(ctx)
	if err != nil {
		return nil, fmt.Errorf("release a submission: %w", err)
	}
	defer body.Close()
	m := smtpd.Submission{
		Identity: directory.Identity{Account: account, Scope: directory.ScopeAll}, Remote: netip.IPv6Loopback(), Sender: due.Sender, Message: body, Size: due.Size,
	}
	for _, to := range due.Recipients {
		m.Recipients = append(m.Recipients, to.Address)
	}
	answers, err := smtp.Release(ctx, m, due.Begun, due.Taken)
	if err != nil {
		return nil, fmt.Errorf("release a submission: %w", err)
	}
	results := make([]queue.Result, len(answers))
	for i, a := range answers {
		results[i] = queue.Result{Code: a.Code, Enhanced: a.Enhanced, Text: a.Text, Host: r.Config.Server.Hostname, Temporary: a.Code/100 == 4}
	}
	return results, nil
}
