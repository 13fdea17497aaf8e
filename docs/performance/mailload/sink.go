package main

import (
	"io"
	"sync/atomic"

	"github.com/emersion/go-smtp"
)

// sink is a server that takes every message and forgets it.
type sink struct {
	want int64
	got  atomic.Int64
	all  chan struct{} // closed when want messages came
}

// NewSession implements smtp.Backend.
func (s *sink) NewSession(*smtp.Conn) (smtp.Session, error) { return sinkSession{s}, nil }

type sinkSession struct{ *sink }

func (sinkSession) Reset()                               { /* nothing is kept */ }
func (sinkSession) Logout() error                        { return nil }
func (sinkSession) Mail(string, *smtp.MailOptions) error { return nil }
func (sinkSession) Rcpt(string, *smtp.RcptOptions) error { return nil }

// Data implements smtp.Session.
func (s sinkSession) Data(r io.Reader) error {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	if s.got.Add(1) == s.want {
		close(s.all)
	}
	return nil
}
