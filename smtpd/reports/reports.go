package reports

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"schulhof/smtpd/authenticate"
	"schulhof/smtpd/tally"
	"schulhof/store"
)

// Options say who we are.
type Options struct {
	Hostname string                                                 // our name in Authentication-Results fields
	Local    func(ctx context.Context, domain string) (bool, error) // whether a domain is ours
	Resolver authenticate.Resolver                                  // for who wants reports
	Reporter tally.Lookup                                           // nil: no reports about mail are counted and sent
	Keep     time.Duration                                          // how long reports of others are kept; 0: DefaultKeep
	Log      *slog.Logger                                           // nil: none
	Now      func() time.Time                                       // nil: time.Now
}

// Reports is the room. Its methods may be called by many at once.
type Reports struct {
	store   *store.Store
	o       Options
	log     *slog.Logger
	now     func() time.Time
	reading chan struct{} // one report is read at a time: each may take much memory
	counted *tally.Counts[countKey]
}

// New opens the room.
func New(s *store.Store, o Options) *Reports {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Keep <= 0 {
		o.Keep = DefaultKeep
	}
	return &Reports{store: s, o: o, log: o.Log, now: o.Now, reading: make(chan struct{}, 1), counted: tally.NewCounts[countKey](maxCounts)}
}

// Run writes down what is counted, reports on each day after it is over, and forgets old reports, until ctx ends.
func (r *Reports) Run(ctx context.Context) error {
	send := func(ctx context.Context) error { return errors.Join(r.send(ctx), r.forget(ctx)) }
	return tally.Work{Save: r.flush, Send: send, Log: r.log, Now: r.now}.Run(ctx)
}
