package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"schulhof/store"
	"schulhof/store/storetest"
)

// outage is a run of a store during which the power may go at any moment.
type outage struct {
	t      *testing.T
	images string // where the disks are laid out
	clock  *clock
	disk   *storetest.PowerLoss
	rand   *rand.Rand
	long   bool

	acknowledged map[int]bool // deliveries; false: deleted again, or on the way to that
	cuts         int
}

const outageSeal = 10_000

// cut looks at the disk before an operation. In short runs the disk's luck changes from cut to cut, in long ones each is tried.
func (o *outage) cut(op, path string) {
	lucks := []storetest.Luck{storetest.Nothing, storetest.Everything, storetest.Torn, storetest.Torn}
	if !o.long {
		lucks = lucks[o.cuts%3 : o.cuts%3+1]
	}
	for _, luck := range lucks {
		o.cuts++
		image := filepath.Join(o.images, fmt.Sprint(o.cuts))
		if err := errors.Join(os.MkdirAll(image, 0o700), o.disk.Image(image, luck, o.rand)); err != nil {
			o.t.Error(err)
			return
		}
		when := fmt.Sprintf("power lost at cut %d before %s of %s, luck %d", o.cuts, op, filepath.Base(path), luck)
		var wg sync.WaitGroup // the goroutine of the operation must not end with a failed test
		wg.Go(func() { o.verify(image, when) })
		wg.Wait()
		os.RemoveAll(image)
	}
}

// sound is the i-th message: bytes that do not compress, some of them in chunks.
func sound(i int) []byte {
	b := make([]byte, 3000)
	if i%5 == 4 {
		b = make([]byte, 300_000)
	}
	rand.NewChaCha8([32]byte{byte(i)}).Read(b)
	return b
}

// verify opens the image: Check finds nothing, what was acknowledged is whole, and a delivery goes through.
func (o *outage) verify(image, when string) {
	s, err := store.Open(context.Background(), store.Options{Dir: image, SealSize: outageSeal})
	if err != nil {
		o.t.Fatalf("%s: %v", when, err)
	}
	defer s.Close()
	s.RegisterRefs("scratch", "SELECT n, COUNT(*) FROM scratch GROUP BY n")
	err = s.Check(context.Background(), false, func(p store.Problem) { o.t.Errorf("%s: %+v", when, p) })
	if err != nil {
		o.t.Errorf("%s: check: %v", when, err)
	}
	for i, kept := range o.acknowledged {
		if !kept {
			continue
		}
		name := fmt.Append(nil, i)
		if n := number(o.t, s, "SELECT COUNT(*) FROM scratch WHERE data = $1", name); n != 1 {
			o.t.Errorf("%s: message %d is there %d times", when, i, n)
			continue
		}
		id := store.BlobID(number(o.t, s, "SELECT n FROM scratch WHERE data = $1", name))
		if !bytes.Equal(bodyOf(o.t, s, id), sound(i)) {
			o.t.Errorf("%s: message %d came back changed", when, i)
		}
	}
	if err := deliver(s, -1, []byte("after the power is back")); err != nil {
		o.t.Errorf("%s: a delivery: %v", when, err)
	}
}

// remove deletes a message and drops its reference.
func (o *outage) remove(s *store.Store, i int) {
	o.acknowledged[i] = false
	err := s.Write(context.Background(), func(tx *store.Tx) error {
		var id store.BlobID
		if err := tx.QueryRow("DELETE FROM scratch WHERE data = $1 RETURNING n", fmt.Append(nil, i)).Scan(&id); err != nil {
			return err
		}
		return tx.Dereference(id, 1)
	})
	if err != nil {
		o.t.Errorf("remove %d: %v", i, err)
	}
}

// TestPowerLossAtEveryOperation cuts the power before every write, fsync, create and commit of a run with deliveries of all
// sizes, deletions, and compaction that moves blobs and removes packs. Whatever the disk kept of unsynced bytes, nothing that
// was acknowledged is lost or changed, and Check finds no problem.
func TestPowerLossAtEveryOperation(t *testing.T) {
	seeds := 1
	long := os.Getenv("SCHULHOF_E2E") != ""
	if long {
		seeds = 10
	}
	cuts := 0
	for seed := range seeds {
		dir := t.TempDir()
		o := &outage{t: t, images: t.TempDir(), clock: newClock(), rand: rand.New(rand.NewPCG(uint64(seed), 7)), long: long, acknowledged: map[int]bool{}}
		armed := false
		o.disk = storetest.NewPowerLoss(dir, func(op, path string) {
			if armed {
				o.cut(op, path)
			}
		})
		s, err := store.Open(context.Background(), store.Options{Dir: dir, Faults: o.disk.Hook, Now: o.clock.now, SealSize: outageSeal})
		if err != nil {
			t.Fatal(err)
		}
		scratch(t, s)
		armed = true
		o.run(s)
		armed = false
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		cuts += o.cuts
	}
	if cuts < 40 || long && cuts < 2000 {
		t.Errorf("the power went %d times only", cuts)
	}
	t.Logf("%d cuts", cuts)
}

func (o *outage) run(s *store.Store) {
	add := func(from, to int) {
		for i := from; i < to; i++ {
			if err := deliver(s, i, sound(i)); err != nil {
				o.t.Fatal(err)
			}
			o.acknowledged[i] = true
		}
	}
	add(0, 7)
	for _, i := range []int{0, 1, 4, 5} {
		o.remove(s, i)
	}
	o.clock.pass(store.DefaultGrace + time.Hour)
	compact(o.t, s) // forgets and moves
	add(7, 10)
	o.clock.pass(store.RetireDelay + time.Second)
	compact(o.t, s) // removes packs
	o.clock.pass(store.RetireDelay + time.Second)
	if report := compact(o.t, s); report.Packs == 0 {
		o.t.Errorf("the run removes no pack: %+v", report)
	}
	add(10, 11)
}

// TestACutInsideALargeBlob: a blob with a pack of its own is written in many steps; the power may go after each of them.
func TestACutInsideALargeBlob(t *testing.T) {
	dir := t.TempDir()
	o := &outage{t: t, images: t.TempDir(), rand: rand.New(rand.NewPCG(1, 2)), acknowledged: map[int]bool{}}
	armed, operations := false, 0
	o.disk = storetest.NewPowerLoss(dir, func(op, path string) {
		if !armed {
			return
		}
		if operations++; op != "write" || operations < 5 || operations%16 == 0 {
			o.cut(op, path)
		}
	})
	s, err := store.Open(context.Background(), store.Options{Dir: dir, Faults: o.disk.Hook, SealSize: outageSeal})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	scratch(t, s)
	if err := deliver(s, 0, sound(0)); err != nil {
		t.Fatal(err)
	}
	o.acknowledged[0] = true
	armed = true
	large := noise(9 << 20)
	if err := deliver(s, 1, large); err != nil {
		t.Fatal(err)
	}
	armed = false
	if o.cuts < 6 {
		t.Errorf("%d cuts only", o.cuts)
	}
	id := store.BlobID(number(t, s, "SELECT n FROM scratch WHERE data = $1", []byte("1")))
	if !bytes.Equal(bodyOf(t, s, id), large) {
		t.Error("the large blob came back changed")
	}
}
