package tally

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Work is what a room that reports does as long as the server runs.
type Work struct {
	Save func(ctx context.Context) error // writes down what is counted
	Send func(ctx context.Context) error // tells of the days that are over; it may take long, and ends soon after ctx
	Log  *slog.Logger
}

// Run saves every minute and sends every hour, each in its own time, until ctx ends. Then it saves once more, and waits for what is being
// sent.
func (w Work) Run(ctx context.Context) error {
	var sending sync.WaitGroup
	defer sending.Wait()
	sending.Go(func() { w.sendRounds(ctx) })
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return w.Save(context.WithoutCancel(ctx))
		case <-tick.C:
		}
		if err := w.Save(ctx); err != nil && ctx.Err() == nil {
			w.Log.Warn("counts for reports are not saved, it will be tried again", "err", err)
		}
	}
}

func (w Work) sendRounds(ctx context.Context) {
	wait := time.NewTimer(saveEvery) // what a server before this one left
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-wait.C:
		}
		if err := w.Send(ctx); err != nil && ctx.Err() == nil {
			w.Log.Warn("not all reports are sent, it will be tried again", "err", err)
		}
		wait.Reset(sendEvery)
	}
}
