package tally

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// running is Work that a test looks at when it has ended.
type running struct {
	saved, sent int
	log         bytes.Buffer
	stop        func()
	done        chan error
}

// start runs work within a bubble of synctest, with no delays but those given.
func start(t *testing.T, save, send func(ctx context.Context, n int) error, delays ...time.Duration) *running {
	r := &running{done: make(chan error, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	w := Work{
		Save: func(ctx context.Context) error { r.saved++; return save(ctx, r.saved) },
		Send: func(ctx context.Context) error { r.sent++; return send(ctx, r.sent) },
		Log:  slog.New(slog.NewTextHandler(&r.log, nil)),
		Delay: func() (d time.Duration) {
			if len(delays) > 0 {
				d, delays = delays[0], delays[1:]
			}
			return d
		},
	}
	r.stop = cancel
	go func() { r.done <- w.Run(ctx) }()
	return r
}

// end is what Run returns when it is stopped after a time.
func (r *running) end(d time.Duration) error {
	time.Sleep(d)
	synctest.Wait()
	r.stop()
	return <-r.done
}

func nothing(context.Context, int) error { return nil }

// What takes hours to send keeps nobody from saving; it ends with the server, and before Run does.
func TestSlowRound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ended := false
		r := start(t, func(ctx context.Context, n int) error {
			if ctx.Err() != nil {
				t.Errorf("save %d: %v", n, ctx.Err())
			}
			return nil
		}, func(ctx context.Context, _ int) error {
			<-ctx.Done()
			time.Sleep(time.Second)
			ended = true
			return ctx.Err()
		})
		if err := r.end(10*time.Hour + time.Second); err != nil || r.saved != 602 || r.sent != 1 || !ended || r.log.Len() != 0 {
			t.Errorf("after ten hours: %v, saved %d times, %d rounds, the last has ended %t, want 602, 1; log:\n%s", err, r.saved, r.sent, ended, &r.log)
		}
	})
}

// What fails is tried again, and told of.
func TestTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fail := func(what string) func(context.Context, int) error {
			return func(_ context.Context, n int) error {
				if n <= 2 {
					return fmt.Errorf("%s %d", what, n)
				}
				return nil
			}
		}
		r := start(t, fail("save"), fail("send"))
		if err := r.end(5*time.Hour + time.Second); err != nil || r.saved != 307 || r.sent != 5 || strings.Count(r.log.String(), "level=WARN") != 4 || strings.Count(r.log.String(), "save 2") != 1 || strings.Count(r.log.String(), "send 2") != 1 {
			t.Errorf("%v, saved %d times, sent %d times; log:\n%s", err, r.saved, r.sent, &r.log)
		}
	})
}

// Rounds begin some time within each hour, so that not all servers send at once when a day is over.
func TestDelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(9*time.Hour + 30*time.Minute) // the clock of a bubble begins at midnight
		var began []string
		send := func(_ context.Context, n int) error {
			began = append(began, time.Now().UTC().Format("15:04"))
			if n == 3 {
				time.Sleep(90 * time.Minute)
			}
			return nil
		}
		r := start(t, nothing, send, 45*time.Minute, time.Minute, 59*time.Minute, 0, 7*time.Minute)
		if err := r.end(6 * time.Hour); err != nil {
			t.Error(err)
		}
		if got, want := strings.Join(began, " "), "10:15 11:01 12:59 15:00"; got != want {
			t.Errorf("rounds begin at %s, want %s", got, want)
		}
	})
}

// A day is told of when all that was counted on it is saved, and not at all while it cannot be: what came later would go out as a second
// report with the same name.
func TestSavedFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var happened []string
		note := func(what string) {
			mu.Lock()
			defer mu.Unlock()
			happened = append(happened, what+time.Now().UTC().Format(" 15:04:05"))
		}
		save := func(context.Context, int) error {
			time.Sleep(40 * time.Second)
			note("saved")
			return nil
		}
		send := func(context.Context, int) error { note("sent"); return nil }
		time.Sleep(23*time.Hour + 58*time.Minute + 30*time.Second)
		r := start(t, save, send, 90*time.Second)
		if err := r.end(2*time.Minute + 50*time.Second); err != nil {
			t.Error(err)
		}
		want := "saved 00:00:10, saved 00:00:50, sent 00:00:50, "
		if got := strings.Join(happened, ", "); !strings.HasPrefix(got, want) {
			t.Errorf("%s, want %s", got, want)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("disk full")
		r := start(t, func(context.Context, int) error { return full }, nothing)
		if err := r.end(10 * time.Hour); !errors.Is(err, full) || r.sent != 0 {
			t.Errorf("%v, %d rounds without what was counted", err, r.sent)
		}
	})
}

// Nobody has to choose the delays: they differ, and stay within the hour.
func TestRandomDelay(t *testing.T) {
	t.Parallel()
	seen := map[time.Duration]bool{}
	for range 100 {
		d := randomDelay()
		if d < 0 || d >= time.Hour {
			t.Errorf("delay %s", d)
		}
		seen[d] = true
	}
	if len(seen) < 2 {
		t.Errorf("all delays are %v", seen)
	}
}

// The last save is the one whose error counts: nobody tries again.
func TestLastSave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("disk full")
		r := start(t, func(context.Context, int) error { return full }, nothing, time.Minute)
		if err := r.end(0); !errors.Is(err, full) || r.saved != 1 || r.sent != 0 {
			t.Errorf("Run = %v after %d saves, %d rounds", err, r.saved, r.sent)
		}
	})
}

// Every day has its turn, whatever became of others; nobody has one once the server stops.
func TestEach(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	var days []Day
	for i := range 2 * maxErrors {
		days = append(days, Day{int64(i), fmt.Sprintf("d%d.example", i)})
	}
	ctx, cancel := context.WithCancel(t.Context())
	told := 0
	all := func(context.Context, Day) error { told++; return full }
	err := Each(ctx, days, all)
	if !errors.Is(err, full) || told != len(days) || !strings.Contains(err.Error(), "d0.example") || strings.Count(err.Error(), "disk full") != maxErrors ||
		!strings.Contains(err.Error(), fmt.Sprint(maxErrors, " more")) {
		t.Errorf("%d told, Each = %v", told, err)
	}
	told = 0
	if err := Each(ctx, days, func(_ context.Context, d Day) error {
		if told++; d.Number == 2 {
			cancel()
		}
		return nil
	}); err != nil || told != 3 {
		t.Errorf("after the end: %d told, %v", told, err)
	}
	if err := Each(t.Context(), nil, all); err != nil {
		t.Errorf("no days: %v", err)
	}
}
