package queue

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"schulhof/store"
	"schulhof/store/storetest"
)

// fill puts n messages into the queue that were tried before, for so many destinations, quickly.
func fill(tb testing.TB, w *world, n, destinations int) {
	tb.Helper()
	ctx := context.Background()
	blob, err := w.s.PutBytes(ctx, []byte(letter))
	if err != nil {
		tb.Fatal(err)
	}
	defer blob.Release()
	for at := 0; at < n; at += 1000 {
		err := w.s.Write(ctx, func(tx *store.Tx) error {
			for i := at; i < min(at+1000, n); i++ {
				_, err := w.q.Enqueue(tx, Message{Body: blob, Sender: "anna@school.test", Account: w.anna, TraceID: "x",
					Recipients: []Recipient{{Address: fmt.Sprintf("p%d@host%d.example", i, i%destinations)}}})
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
	later := time.Now().Add(time.Hour).Unix()
	err = w.s.Write(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(`UPDATE queue_delivery SET phase = 1, attempts = 1, due = $1 + id % 3600`, later); err != nil {
			return err
		}
		return rewakeAll(tx)
	})
	if err != nil {
		tb.Fatal(err)
	}
	w.q.takeFresh()
}

// scan is all that the scheduler reads when it wakes: the clock, who is told, deadlines, destinations, their deliveries.
func scan(tb testing.TB, s *scheduler) {
	tb.Helper()
	s.look = true
	err := s.lookAround(context.Background())
	if err == nil {
		err = s.load(context.Background())
	}
	if err != nil {
		tb.Fatal(err)
	}
}

func newScan(w *world) *scheduler {
	return &scheduler{q: w.q, lanes: map[string]*lane{}, fresh: map[string]int64{}, done: make(chan *worker)}
}

// BenchmarkScan: one look of the scheduler at 100,000 messages that wait for their next try, to one and to 10,000
// destinations, of which one new message is due.
func BenchmarkScan(b *testing.B) {
	for _, destinations := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprintf("%d destinations", destinations), func(b *testing.B) {
			w := newWorld(b)
			fill(b, w, 100_000, destinations)
			w.enqueue("new@host0.example")
			for b.Loop() {
				s := newScan(w)
				scan(b, s)
				if len(s.lanes) != 1 || len(s.order[0].ready) != 1 {
					b.Fatalf("%d lanes", len(s.lanes))
				}
			}
		})
	}
}

// BenchmarkScanAllDue: the same when all of them are due, as after a time without a server.
func BenchmarkScanAllDue(b *testing.B) {
	w := newWorld(b)
	fill(b, w, 100_000, 1000)
	err := w.s.Write(context.Background(), func(tx *store.Tx) error { return hurryAll(tx, time.Now().Unix()) })
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s := newScan(w)
		scan(b, s)
		if len(s.lanes) != DefaultConnections*4/5 { // a fifth is kept for new mail
			b.Fatalf("%d lanes", len(s.lanes))
		}
	}
}

// BenchmarkSend: messages through the queue to servers that take all at once, every commit durable.
func BenchmarkSend(b *testing.B) {
	for _, destinations := range []int{1, 50} {
		b.Run(fmt.Sprintf("%d destinations", destinations), func(b *testing.B) {
			w := newWorld(b)
			arrived := make(chan struct{}, 1<<20)
			w.net.after = func(context.Context, Target, Letter) bool { arrived <- struct{}{}; return false }
			n := b.N // all of them are sent at once, which b.Loop cannot tell
			fill(b, w, n, destinations)
			if err := w.s.Write(context.Background(), func(tx *store.Tx) error { return hurryAll(tx, time.Now().Unix()) }); err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			w.run()
			for range n {
				<-arrived
			}
			b.StopTimer()
			w.halt()
		})
	}
}

// BenchmarkNewBesideDue: from the commit of a new message to its arrival, one at a time, while 100,000 older ones for 1,000 destinations are all
// due, and their servers defer each after a tenth of a second. p95-ms is what 95 % of the new ones took at most.
func BenchmarkNewBesideDue(b *testing.B) {
	w := newWorld(b)
	fill(b, w, 100_000, 1000)
	arrived := make(chan struct{}, 1)
	w.net.hold = func(ctx context.Context, to Target) {
		if to.Domain != "new.example" {
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}
	w.net.answer = func(to Target, _ Letter, _ Recipient) Result {
		if to.Domain == "new.example" {
			return Result{Code: 250, Enhanced: "2.0.0", Text: "OK"}
		}
		return Result{Code: 451, Enhanced: "4.7.1", Text: "later"}
	}
	w.net.after = func(_ context.Context, to Target, _ Letter) bool {
		if to.Domain == "new.example" {
			arrived <- struct{}{}
		}
		return false
	}
	if err := w.s.Write(context.Background(), func(tx *store.Tx) error { return hurryAll(tx, time.Now().Unix()) }); err != nil {
		b.Fatal(err)
	}
	w.run()
	var took []time.Duration
	for b.Loop() {
		begin := time.Now()
		w.enqueue("somebody@new.example")
		<-arrived
		took = append(took, time.Since(begin))
	}
	w.halt()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
}

// A look reads what is due, however much waits: statements use the indexes that are made for them. Both dialects take them.
func TestScanOfManyDestinations(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorldOn(t, s)
		fill(t, w, 2000, 200)
		w.enqueue("new@host7.example")
		sch := newScan(w)
		scan(t, sch)
		if len(sch.lanes) != 1 || len(sch.order) != 1 || len(sch.order[0].ready) != 1 {
			t.Errorf("%d lanes", len(sch.lanes))
		}
		if sch.next.Before(time.Now().Add(50 * time.Minute)) {
			t.Errorf("next look at %s", sch.next)
		}
	})
}

// The statements of a look are answered from indexes: none of them reads the table.
func TestScanUsesIndexes(t *testing.T) {
	w := newWorld(t)
	for query, args := range map[string][]any{
		`SELECT name, failures, until, text FROM queue_destination WHERE failing = $1 AND wake <= $2 ORDER BY wake LIMIT $3`:    {0, 1, 1},
		`SELECT MIN(wake) FROM queue_destination WHERE failing = 0 AND wake > $1`:                                               {0},
		`SELECT MIN(deadline) FROM queue_delivery WHERE deadline IS NOT NULL AND deadline > $1`:                                 {0},
		`SELECT id FROM queue_delivery WHERE deadline IS NOT NULL AND deadline <= $1 ORDER BY deadline LIMIT $2`:                {0, 1},
		`SELECT id FROM queue_delivery WHERE destination = $1 AND phase = $2 AND due <= $3 ORDER BY due LIMIT $4`:               {"x", 0, 0, 1},
		`SELECT MIN(due) FROM queue_delivery WHERE destination = $1 AND phase = $2`:                                             {"x", 0},
		`SELECT id FROM queue_delivery WHERE attempting = 1`:                                                                    nil,
		`SELECT id, address, notify, orcpt, code, enhanced, text, host FROM queue_recipient WHERE delivery_id = $1 ORDER BY id`: {1},
	} {
		err := w.s.Read(context.Background(), func(tx *store.Tx) error {
			rows, err := tx.Query("EXPLAIN QUERY PLAN "+query, args...)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				var id, parent, unused int64
				var detail string
				if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
					return err
				}
				if !indexed(detail) {
					t.Errorf("%s: %s", query, detail)
				}
			}
			return rows.Err()
		})
		if err != nil {
			t.Errorf("%s: %v", query, err)
		}
	}
}

// indexed reports whether a step of a plan searches an index, or reads one that holds few rows.
func indexed(step string) bool {
	return strings.HasPrefix(step, "SEARCH") || strings.Contains(step, "queue_delivery_attempting")
}
