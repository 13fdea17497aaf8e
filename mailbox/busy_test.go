package mailbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// TestDeliveriesWhileTheDiskComesAndGoes: many deliver, mark and move at once while every few commits find a full disk. In the
// end there is a message for each delivery that was acknowledged, and for no other.
func TestDeliveriesWhileTheDiskComesAndGoes(t *testing.T) {
	storetest.EachOptions(t, func(t *testing.T, o store.Options) {
		var commits atomic.Int64
		var armed atomic.Bool
		o.Faults = func(op, path string) error {
			if op == "commit" && armed.Load() && commits.Add(1)%5 == 0 {
				return syscall.ENOSPC
			}
			return nil
		}
		w := newSchool(t, storetest.OpenWith(t, o))
		w.quiet()
		ctx := context.Background()
		bodies := make([][]*Prepared, 6)
		for i := range bodies {
			for j := range 12 {
				bodies[i] = append(bodies[i], w.prepare(text(fmt.Sprintf("%d/%d", i, j))))
			}
		}
		b := w.box(w.anna, "INBOX")
		var kept sync.Map
		var acknowledged, refused atomic.Int64
		armed.Store(true)
		var wg sync.WaitGroup
		for i := range bodies {
			wg.Go(func() {
				for j, p := range bodies[i] {
					results, err := w.mail.Deliver(ctx, Delivery{Message: p, Recipients: []To{{Owner: w.anna}, {Owner: w.ben}}})
					if err = errors.Join(append(results, err)...); err != nil {
						refused.Add(1)
						if !fault.Is(err, fault.Unavailable) {
							t.Errorf("delivery %d/%d: %v, want Unavailable", i, j, err)
						}
						continue
					}
					acknowledged.Add(1)
					kept.Store(fmt.Sprintf("%d/%d", i, j), true)
				}
			})
		}
		wg.Go(func() { // somebody reads meanwhile
			for range 20 {
				snap := b.Snapshot()
				_, err := b.StoreFlags(ctx, uidsOf(snap), FlagOp{Mode: FlagsAdd, Flags: Seen})
				if err == nil && snap.Len() > 0 {
					_, err = b.Move(ctx, []UID{snap.UIDAt(snap.Len() - 1)}, "Archive")
				}
				if err != nil && !fault.Is(err, fault.Unavailable) {
					t.Error(err)
				}
			}
		})
		wg.Wait()
		armed.Store(false)
		if refused.Load() == 0 || acknowledged.Load() == 0 {
			t.Errorf("%d acknowledged, %d refused: the test sees too little", acknowledged.Load(), refused.Load())
		}
		for who, boxes := range map[directory.ID][]string{w.anna: {"INBOX", "Archive"}, w.ben: {"INBOX"}} {
			found := int64(0)
			for _, name := range boxes {
				box := w.box(who, name)
				snap := box.Snapshot()
				for i := range snap.Len() {
					contents, err := box.Contents(ctx, []Entry{snap.At(i)}, WantBlob, nil)
					w.check(err)
					body, err := w.mail.AppendBody(nil, contents[0].Blob)
					w.check(err)
					_, rest, _ := strings.Cut(string(body), "Subject: ")
					subject, _, _ := strings.Cut(rest, "\r\n")
					if _, ok := kept.Load(subject); !ok {
						t.Errorf("owner %d has %q, whose delivery was refused", who, subject)
					}
					found++
				}
			}
			if found != acknowledged.Load() {
				t.Errorf("owner %d has %d messages, %d deliveries were acknowledged", who, found, acknowledged.Load())
			}
		}
		w.sameAsRows()
		w.problems()
	})
}

// TestBodiesOfAllSizesComeBack: what was delivered is read as it was, whole and in parts, whichever way the store keeps it.
func TestBodiesOfAllSizesComeBack(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		head := text("groß")
		for _, size := range []int{len(head), store.SmallBlob - 1, store.SmallBlob, store.SmallBlob + 1, 3 << 20, 9 << 20} {
			body := head + strings.Repeat("0123456789abcdef\r\n", size/18+1)[:size-len(head)]
			p := w.prepare(body)
			done, err := w.mail.Append(ctx, w.anna, "Drafts", []Appended{{Message: p}})
			w.check(err)
			p.Release()
			b := w.box(w.anna, "Drafts")
			i, ok := b.Snapshot().Find(done.To[0])
			if !ok || b.Snapshot().At(i).Size != int64(size) {
				t.Fatalf("%d bytes: the message is there = %t", size, ok)
			}
			contents, err := b.Contents(ctx, []Entry{b.Snapshot().At(i)}, WantBlob, nil)
			w.check(err)
			if contents[0].Hash != sha256.Sum256([]byte(body)) {
				t.Errorf("%d bytes: the hash is of another body", size)
			}
			r, err := w.mail.OpenBody(ctx, contents[0].Blob)
			w.check(err)
			whole, err := io.ReadAll(r)
			if err != nil || string(whole) != body {
				t.Errorf("%d bytes: read %d, %v", size, len(whole), err)
			}
			part := make([]byte, 40)
			if _, err := r.ReadAt(part, int64(size)/2); err != nil && err != io.EOF || !bytes.HasPrefix([]byte(body[size/2:]), part[:min(40, size-size/2)]) {
				t.Errorf("%d bytes: a part from the middle: %v", size, err)
			}
			w.check(r.Close())
		}
		if q, err := w.mail.Quota(ctx, w.anna); err != nil || q.UsedMessages != 6 {
			t.Errorf("quota %+v, %v", q, err)
		}
		w.problems()
	})
}

// TestMailMetrics: what was delivered, appended and answered from memory is counted once for each copy, refusals are not.
func TestMailMetrics(t *testing.T) {
	w := newSchool(t, storetest.Open(t))
	w.check(w.mail.Close())
	registry := prometheus.NewRegistry()
	w.open(Options{Metrics: registry})
	ctx := context.Background()
	full := w.account("voll", 1)
	d := Delivery{Message: w.prepare(text("x")), Dedupe: &Dedupe{Key: [32]byte{1}}, Recipients: []To{{Owner: w.anna}, {Owner: w.ben}, {Owner: full}}}
	_, err := w.mail.Deliver(ctx, d)
	w.check(err)
	w.check(w.mail.AcknowledgementLost(ctx, d.Dedupe.Key))
	_, err = w.mail.Deliver(ctx, d)
	w.check(err)
	w.fill(w.anna, "Sent", 3)
	_, err = w.mail.Append(ctx, full, "Sent", []Appended{{Message: w.prepare(text("y"))}})
	if !fault.Is(err, fault.OverQuota) {
		t.Errorf("append to a full mailbox: %v", err)
	}
	w.box(w.anna, "INBOX")
	families, err := registry.Gather()
	w.check(err)
	got := map[string]float64{}
	for _, f := range families {
		got[strings.TrimPrefix(f.GetName(), "schulhof_mailbox_")] = f.GetMetric()[0].GetCounter().GetValue() + f.GetMetric()[0].GetGauge().GetValue()
	}
	for name, want := range map[string]float64{"delivered_total": 2, "appended_total": 3, "repeated_total": 1} {
		if got[name] != want {
			t.Errorf("%s = %v, want %v", name, got[name], want)
		}
	}
	if got["views"] < 1 || got["view_bytes"] < 1 {
		t.Errorf("views: %v of %v bytes", got["views"], got["view_bytes"])
	}
}

// TestTooManySubscriptions: the list has an end, and taking one away makes room.
func TestTooManySubscriptions(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.check(w.store.Write(ctx, func(tx *store.Tx) error {
			for i := len(specialUses) + 1; i < MaxSubscriptions; i++ {
				if _, err := tx.Exec(`INSERT INTO subscription (owner_id, name) VALUES ($1, $2)`, int64(w.anna), fmt.Sprintf("alt/%d", i)); err != nil {
					return err
				}
			}
			return nil
		}))
		if err := w.mail.Subscribe(ctx, w.anna, "neu", true); !fault.Is(err, fault.Limit) {
			t.Errorf("one too many: %v, want Limit", err)
		}
		w.check(w.mail.Subscribe(ctx, w.anna, "alt/77", true)) // it is there
		w.check(w.mail.Subscribe(ctx, w.anna, "alt/77", false))
		w.check(w.mail.Subscribe(ctx, w.anna, "neu", true))
		w.check(w.mail.Subscribe(ctx, w.ben, "neu", true))
	})
}

// BenchmarkMailboxes lists 200 mailboxes, as each client does at each start.
func BenchmarkMailboxes(b *testing.B) {
	w := benchSchool(b)
	for i := range 200 {
		_, err := w.mail.Create(b.Context(), w.anna, fmt.Sprintf("Klasse/%d/Mathe", i), "")
		w.check(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		list, err := w.mail.Mailboxes(b.Context(), w.anna)
		if err != nil || len(list) < 400 {
			b.Fatal(len(list), err)
		}
	}
}
