package store_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"schulhof/store"
	"schulhof/store/storetest"
)

func woken(sub *store.Subscription) bool {
	select {
	case <-sub.C():
		return true
	default:
		return false
	}
}

// TestWhoIsWoken: a commit wakes the watchers of its keys once, whatever it changed how often, and nobody else.
func TestWhoIsWoken(t *testing.T) {
	box, other, account := store.Key{Kind: "mailbox", ID: 1}, store.Key{Kind: "mailbox", ID: 2}, store.Key{Kind: "account", ID: 1}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		subs := map[string]*store.Subscription{
			"box": s.Subscribe(box), "other": s.Subscribe(other), "account": s.Subscribe(account),
			"two keys": s.Subscribe(box, account), "no key": s.Subscribe(), "closed": s.Subscribe(box, other, account),
		}
		subs["closed"].Close()
		tests := []struct {
			name string
			keys []store.Key
			want []string
		}{
			{"nothing changed", nil, nil},
			{"one key", []store.Key{box}, []string{"box", "two keys"}},
			{"one key often", []store.Key{other, other, other}, []string{"other"}},
			{"the same number of another kind", []store.Key{account}, []string{"account", "two keys"}},
			{"two keys of one watcher", []store.Key{box, account}, []string{"account", "box", "two keys"}},
			{"a key that nobody watches", []store.Key{{Kind: "queue", ID: 1}}, nil},
		}
		for _, tt := range tests {
			err := s.Write(context.Background(), func(tx *store.Tx) error {
				for i, key := range tt.keys {
					tx.Changed(key, uint64(i))
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for name, sub := range subs {
				if woken(sub) {
					got = append(got, name)
				}
				if woken(sub) {
					t.Errorf("%s: %q was woken twice", tt.name, name)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, tt.want) {
				t.Errorf("%s: woken %q, want %q", tt.name, got, tt.want)
			}
		}
		for _, sub := range subs {
			sub.Close()
			sub.Close()
		}
	})
}

// TestASnapshotWakesNobody: Changed and AfterCommit mean nothing in Read.
func TestASnapshotWakesNobody(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		key := store.Key{Kind: "mailbox", ID: 1}
		sub := s.Subscribe(key)
		defer sub.Close()
		err := s.Read(context.Background(), func(tx *store.Tx) error {
			tx.Changed(key, 1)
			tx.AfterCommit(func() { t.Error("AfterCommit ran after a snapshot") })
			return nil
		})
		if err != nil || woken(sub) {
			t.Errorf("Read = %v; woken although nothing was written", err)
		}
	})
}

// TestTheOrderAfterACommit: first what AfterCommit publishes, in the order in which it was asked, then the watchers, then the
// answer. Whoever is woken finds the new view, and so does whoever has his answer.
func TestTheOrderAfterACommit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		key := store.Key{Kind: "mailbox", ID: 1}
		sub := s.Subscribe(key)
		defer sub.Close()
		release := blocked(t, s) // so that the closures share a commit
		var mu sync.Mutex
		var order []int
		var wg sync.WaitGroup
		no := errors.New("no")
		for i := range 10 {
			wg.Go(func() {
				err := s.Write(context.Background(), func(tx *store.Tx) error {
					tx.Changed(key, uint64(i))
					for part := range 2 {
						tx.AfterCommit(func() {
							mu.Lock()
							defer mu.Unlock()
							order = append(order, 10*i+part)
						})
					}
					if i == 4 {
						return no
					}
					return nil
				})
				mu.Lock()
				defer mu.Unlock()
				if done := slices.Contains(order, 10*i+1); done != (err == nil) {
					t.Errorf("closure %d: %v, and it was published = %t", i, err, done)
				}
			})
			for s.Waiting() <= i {
			}
		}
		release()
		wg.Wait()
		want := []int{0, 1, 10, 11, 20, 21, 30, 31, 50, 51, 60, 61, 70, 71, 80, 81, 90, 91}
		if !slices.Equal(order, want) {
			t.Errorf("published in the order %v, want %v", order, want)
		}
		if !woken(sub) || woken(sub) {
			t.Error("ten commits to one key wake its watcher not exactly once")
		}
		err := s.Write(context.Background(), func(tx *store.Tx) error {
			tx.Changed(key, 1)
			tx.AfterCommit(func() {
				if woken(sub) {
					t.Error("a watcher was woken before the new view was published")
				}
			})
			return nil
		})
		if err != nil || !woken(sub) {
			t.Errorf("Write = %v; or its watcher was not woken before the answer", err)
		}
	})
}

// TestWatchersComeAndGoWhileOthersWrite: no wake-up is lost. Each watcher asks for the state after it has subscribed and after
// each wake-up, and must arrive at the last state.
func TestWatchersComeAndGoWhileOthersWrite(t *testing.T) {
	s := storetest.Open(t)
	scratch(t, s)
	write(t, s, "INSERT INTO scratch (id, n) VALUES (1, 0)")
	key := store.Key{Kind: "mailbox", ID: 1}
	const last = 200
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			sub := s.Subscribe(key)
			defer func() { sub.Close() }()
			for seen := int64(0); seen < last; {
				n := number(t, s, "SELECT n FROM scratch WHERE id = 1")
				if n < seen {
					t.Errorf("state %d after state %d", n, seen)
				}
				if seen = n; seen == last {
					return
				}
				<-sub.C()
				if seen%7 == 0 { // some leave and come again
					sub.Close()
					sub = s.Subscribe(key)
				}
			}
		})
	}
	for i := range last {
		err := s.Write(context.Background(), func(tx *store.Tx) error {
			tx.Changed(key, uint64(i))
			_, err := tx.Exec("UPDATE scratch SET n = n + 1 WHERE id = 1")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
}

// BenchmarkWake is a commit while a thousand IDLE clients watch other mailboxes: they must cost nothing.
func BenchmarkWake(b *testing.B) {
	s := storetest.Open(b)
	for i := range int64(1000) {
		defer s.Subscribe(store.Key{Kind: "mailbox", ID: i + 1}).Close()
	}
	ctx := context.Background()
	for b.Loop() {
		err := s.Write(ctx, func(tx *store.Tx) error {
			tx.Changed(store.Key{Kind: "mailbox", ID: 5}, 1)
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
