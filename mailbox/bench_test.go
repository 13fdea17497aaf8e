package mailbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"schulhof/store"
	"schulhof/store/storetest"
)

// benchFill puts n messages of about 4 KB into who's mailbox, quickly: the bodies differ, but are prepared in parallel.
func (w *school) benchFill(box string, n int) {
	w.Helper()
	for n > 0 {
		part := min(n, 500)
		list := make([]Appended, part)
		w.parallel(part, func(i int) {
			list[i].Message = w.benchPrepare()
		})
		_, err := w.mail.Append(context.Background(), w.anna, box, list)
		w.check(err)
		for _, a := range list {
			a.Message.Release()
		}
		n -= part
	}
}

func (w *school) parallel(n int, fn func(i int)) {
	work := make(chan int)
	done := make(chan struct{})
	for range 32 {
		go func() {
			for i := range work {
				fn(i)
			}
			done <- struct{}{}
		}()
	}
	for i := range n {
		work <- i
	}
	close(work)
	for range 32 {
		<-done
	}
}

var benchBodies atomic.Int64

func benchText() string {
	return text(fmt.Sprintf("Brief %d", benchBodies.Add(1))) + strings.Repeat("Zeile mit etwas Text darin, wie man sie schreibt\r\n", 72)
}

func (w *school) benchPrepare() *Prepared {
	spool := w.mail.NewSpool()
	defer spool.Close()
	_, err := spool.Write([]byte(benchText()))
	w.check(err)
	p, err := w.mail.Prepare(context.Background(), spool)
	w.check(err)
	return p
}

func benchSchool(b *testing.B) *school {
	b.Helper()
	w := newSchool(b, storetest.Open(b))
	b.ReportAllocs()
	return w
}

func BenchmarkCopy1000(b *testing.B) { benchTransfer(b, false) }
func BenchmarkMove1000(b *testing.B) { benchTransfer(b, true) }
func benchTransfer(b *testing.B, move bool) {
	w := benchSchool(b)
	w.benchFill("INBOX", 1000)
	from, to := "INBOX", "Archive"
	ctx := context.Background()
	for b.Loop() {
		box := w.box(w.anna, from)
		var err error
		if move {
			_, err = box.Move(ctx, uidsOf(box.Snapshot()), to)
			from, to = to, from
		} else {
			_, err = box.Copy(ctx, uidsOf(box.Snapshot()), to)
		}
		w.check(err)
		box.Close()
	}
}

func BenchmarkExpunge1000(b *testing.B) {
	w := benchSchool(b)
	ctx := context.Background()
	w.benchFill("INBOX", 10_000)
	source, trash := w.box(w.anna, "INBOX"), w.box(w.anna, "Trash")
	for b.Loop() {
		b.StopTimer()
		_, err := source.Copy(ctx, uidsOf(source.Snapshot())[2000:3000], "Trash")
		w.check(err)
		_, err = trash.StoreFlags(ctx, uidsOf(trash.Snapshot()), FlagOp{Mode: FlagsAdd, Flags: DeletedFlag})
		w.check(err)
		b.StartTimer()
		gone, err := trash.Expunge(ctx, nil)
		if err != nil || len(gone) != 1000 {
			b.Fatal(len(gone), err)
		}
	}
}

func BenchmarkStoreAll10000(b *testing.B) {
	w := benchSchool(b)
	w.benchFill("INBOX", 10_000)
	box := w.box(w.anna, "INBOX")
	uids := uidsOf(box.Snapshot())
	mode := FlagsAdd
	for b.Loop() {
		_, err := box.StoreFlags(context.Background(), uids, FlagOp{Mode: mode, Flags: Flagged})
		w.check(err)
		mode = FlagsAdd + FlagsRemove - mode
	}
}

func BenchmarkStoreOne(b *testing.B) {
	w := benchSchool(b)
	w.benchFill("INBOX", 10_000)
	box := w.box(w.anna, "INBOX")
	i := 0
	for b.Loop() {
		i++
		_, err := box.StoreFlags(context.Background(), []UID{UID(i*7919%10_000) + 1}, FlagOp{Mode: FlagsReplace, Flags: Flags(i % 32)})
		w.check(err)
	}
}

func BenchmarkStoreFrom8(b *testing.B) {
	w := benchSchool(b)
	w.benchFill("INBOX", 10_000)
	var i atomic.Int64
	b.SetParallelism(4) // times 2 cores
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		box := w.box(w.anna, "INBOX")
		for pb.Next() {
			n := i.Add(1)
			_, err := box.StoreFlags(context.Background(), []UID{UID(n*7919%10_000) + 1}, FlagOp{Mode: FlagsReplace, Flags: Flags(n % 32)})
			w.check(err)
		}
	})
}

func BenchmarkOpenCold10000(b *testing.B)  { benchOpen(b, 10_000) }
func BenchmarkOpenCold100000(b *testing.B) { benchOpen(b, 100_000) }
func benchOpen(b *testing.B, n int) {
	w := benchSchool(b)
	w.benchFill("INBOX", 5000)
	box := w.box(w.anna, "INBOX")
	uids := uidsOf(box.Snapshot())
	for box.Snapshot().Len() < n {
		_, err := box.Copy(context.Background(), uids, "INBOX")
		w.check(err)
	}
	info := box.Mailbox()
	box.Close()
	for b.Loop() {
		w.mail.views.mu.Lock()
		w.mail.views.drop(w.mail.views.byID[info.ID])
		w.mail.views.mu.Unlock()
		box, err := w.mail.Open(context.Background(), w.anna, "INBOX")
		w.check(err)
		box.Close()
	}
	b.ReportMetric(float64(box.Snapshot().bytes())/float64(n), "B/message")
}

func BenchmarkOpenHot(b *testing.B) {
	w := benchSchool(b)
	w.benchFill("INBOX", 1000)
	w.box(w.anna, "INBOX")
	for b.Loop() {
		box, err := w.mail.Open(context.Background(), w.anna, "INBOX")
		w.check(err)
		box.Close()
	}
}

func BenchmarkStatus(b *testing.B) {
	w := benchSchool(b)
	for b.Loop() {
		w.status(w.anna, "INBOX")
	}
}

func BenchmarkContents500(b *testing.B) {
	w := benchSchool(b)
	w.benchFill("INBOX", 500)
	box := w.box(w.anna, "INBOX")
	entries := make([]Entry, 500)
	for i := range entries {
		entries[i] = box.Snapshot().At(i)
	}
	var buf ContentBuf
	for b.Loop() {
		_, err := box.Contents(context.Background(), entries, WantEnvelope|WantStructure, &buf)
		w.check(err)
	}
}

// BenchmarkDeliver has 64 doors deliver 4 KB each to one of many recipients, the body prepared and made durable included.
func BenchmarkDeliver(b *testing.B) {
	w := benchSchool(b)
	var owners []To
	for i := range 100 {
		owners = append(owners, To{Owner: w.account(fmt.Sprintf("pupil%d", i), 0)})
	}
	b.SetParallelism(32)
	var n atomic.Int64
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p := w.benchPrepare()
			i := n.Add(1) % 100
			results, err := w.mail.Deliver(context.Background(), Delivery{Message: p, Recipients: owners[i : i+1], Dedupe: &Dedupe{p.Blob.Hash}})
			w.check(errors.Join(append(results, err)...))
			p.Release()
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

func BenchmarkDeliverTo1500(b *testing.B) {
	w := benchSchool(b)
	var to []To
	for i := range 1500 {
		to = append(to, To{Owner: w.account(fmt.Sprintf("pupil%d", i), 0)})
	}
	for b.Loop() {
		p := w.benchPrepare()
		_, err := w.mail.Deliver(context.Background(), Delivery{Message: p, Recipients: to})
		w.check(err)
		p.Release()
	}
}

func BenchmarkAppend(b *testing.B) {
	w := benchSchool(b)
	b.SetParallelism(2)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p := w.benchPrepare()
			_, err := w.mail.Append(context.Background(), w.anna, "INBOX", []Appended{{Message: p}})
			w.check(err)
			p.Release()
		}
	})
}

func BenchmarkAppendTransaction1000(b *testing.B) {
	w := benchSchool(b)
	for b.Loop() {
		b.StopTimer()
		list := make([]Appended, 1000)
		w.parallel(len(list), func(i int) { list[i].Message = w.benchPrepare() })
		b.StartTimer()
		_, err := w.mail.Append(context.Background(), w.anna, "INBOX", list)
		w.check(err)
		b.StopTimer()
		for _, a := range list {
			a.Message.Release()
		}
		b.StartTimer()
	}
}

// BenchmarkWrite is one empty durable commit: what every single change costs at least.
func BenchmarkWrite(b *testing.B) {
	w := benchSchool(b)
	for b.Loop() {
		w.check(w.store.Write(context.Background(), func(tx *store.Tx) error {
			_, err := tx.Exec(`UPDATE mail_owner SET modseq = modseq + 1 WHERE owner_id = $1`, int64(w.anna))
			return err
		}))
	}
}
