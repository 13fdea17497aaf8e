package spam

import (
	"context"
	"time"

	"schulhof/mailbox"
)

// train learns from what people say about messages until ctx ends. It works behind them: a move waits for nothing. What is not learned yet
// stands in the table of lessons.
func (p *people) train(ctx context.Context) {
	news := p.store.Subscribe(mailbox.LessonsKey())
	defer news.Close()
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		more, err := p.step(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			p.log.Warn("lessons about unwanted mail: tried again later", "err", err)
			again.Reset(trainRetry)
		case more:
			again.Reset(0)
		}
		select {
		case <-ctx.Done():
			return
		case <-news.C():
		case <-again.C:
		}
	}
}
