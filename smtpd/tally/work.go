package tally

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// Work is what a room that reports does as long as the server runs.
type Work struct {
	Save func(ctx context.Context) error // writes down what is counted
	Send func(ctx context.Context) error // tells of the days that are over; it may take long, and ends soon after ctx
	Log  *slog.Logger

	Delay func() time.Duration // of a round within its hour; nil: by chance
	Now   func() time.Time     // nil: time.Now
}

// Run saves every minute and sends once in every hour, each in its own time, until ctx ends. Then it saves once more, and waits for what is
// being sent. When in the hour it sends is left to chance: if everybody did when the day is over, it would be too much for those whom many
// report to. RFC 8460 §4.1.
func (w Work) Run(ctx context.Context) error {
	if w.Delay == nil {
		w.Delay = randomDelay
	}
	if w.Now == nil {
		w.Now = time.Now
	}
	saving := make(chan struct{}, 1) // one at a time
	save := func(ctx context.Context) error {
		saving <- struct{}{}
		defer func() { <-saving }()
		return w.Save(ctx)
	}
	var sending sync.WaitGroup
	defer sending.Wait()
	sending.Go(func() { w.sendRounds(ctx, save) })
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return save(context.WithoutCancel(ctx))
		case <-tick.C:
		}
		if err := save(ctx); err != nil && ctx.Err() == nil {
			w.Log.Warn("counts for reports are not saved, it will be tried again", "err", err)
		}
	}
}

func (w Work) sendRounds(ctx context.Context, save func(context.Context) error) {
	wait := time.NewTimer(w.Delay()) // many servers start at one time, too
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-wait.C:
		}
		err := save(ctx) // a day is told of when all of it is there: more of it would go out as another report of the same name
		if err == nil {
			err = w.Send(ctx)
		}
		if err != nil && ctx.Err() == nil {
			w.Log.Warn("not all reports are sent, it will be tried again", "err", err)
		}
		now := w.Now()
		wait.Reset(now.Truncate(sendEvery).Add(sendEvery + w.Delay()).Sub(now))
	}
}

func randomDelay() time.Duration { return rand.N(sendEvery) }
