package mailbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"schulhof/store"
	"schulhof/store/storetest"
)

// mailOutage is a server in whose middle of work the power goes.
type mailOutage struct {
	t      *testing.T
	w      *school
	disk   *storetest.PowerLoss
	images string
	rand   *rand.Rand
	cuts   int
	kept   map[string]bool // subjects that were acknowledged and not removed since
}

// cut looks at what a server would find that starts on the disk of this moment.
func (o *mailOutage) cut(op, path string) {
	if op != "commit" && op != "fsync" {
		return
	}
	luck := []storetest.Luck{storetest.Nothing, storetest.Torn, storetest.Everything}[o.cuts%3]
	o.cuts++
	image := filepath.Join(o.images, fmt.Sprint(o.cuts))
	if err := errors.Join(os.MkdirAll(image, 0o700), o.disk.Image(image, luck, o.rand)); err != nil {
		o.t.Error(err)
		return
	}
	when := fmt.Sprintf("cut %d before %s of %s, luck %d", o.cuts, op, filepath.Base(path), luck)
	var wg sync.WaitGroup // the goroutine of the operation must not end with a failed test
	wg.Go(func() { o.verify(image, when) })
	wg.Wait()
	os.RemoveAll(image)
}

func (o *mailOutage) verify(image, when string) {
	ctx := context.Background()
	s, err := store.Open(ctx, store.Options{Dir: image})
	if err != nil {
		o.t.Errorf("%s: %v", when, err)
		return
	}
	defer s.Close()
	w := &school{TB: o.t, store: s, anna: o.w.anna, ben: o.w.ben}
	w.clock.Store(o.w.clock.Load())
	w.open(Options{})
	defer w.mail.Close()
	note := func(p store.Problem) { o.t.Errorf("%s: %s: %s", when, p.ID, p.Detail) }
	w.check(w.mail.Check(ctx, false, note))
	w.check(s.Check(ctx, false, note))
	found := map[string]int{}
	list, err := w.mail.Mailboxes(ctx, w.anna)
	w.check(err)
	for _, m := range list {
		if m.NoSelect {
			continue
		}
		b, err := w.mail.Open(ctx, w.anna, m.Name)
		w.check(err)
		snap := b.Snapshot()
		for i := range snap.Len() {
			contents, err := b.Contents(ctx, []Entry{snap.At(i)}, WantBlob, nil)
			w.check(err)
			body, err := w.mail.AppendBody(nil, contents[0].Blob)
			if err != nil {
				o.t.Errorf("%s: message %d of %s: %v", when, snap.UIDAt(i), m.Name, err)
				continue
			}
			_, rest, _ := strings.Cut(string(body), "Subject: ")
			subject, _, _ := strings.Cut(rest, "\r\n")
			if string(body) != text(subject) {
				o.t.Errorf("%s: %q came back changed", when, subject)
			}
			found[subject]++
		}
		b.Close()
	}
	for subject := range o.kept {
		if found[subject] == 0 {
			o.t.Errorf("%s: %q is lost", when, subject)
		}
	}
	results, err := w.mail.Deliver(ctx, Delivery{Message: w.prepare(text("nach dem Ausfall")), Recipients: []To{{Owner: w.anna}}})
	if err != nil || results[0] != nil {
		o.t.Errorf("%s: a new mail: %v, %v", when, results, err)
	}
}

// TestPowerLossBetweenCommands cuts the power before every commit and every fsync of a morning's work. Whoever had an answer
// finds his mail after the start, whole; counters, quotas, references and packs agree.
func TestPowerLossBetweenCommands(t *testing.T) {
	o := &mailOutage{t: t, images: t.TempDir(), rand: rand.New(rand.NewPCG(3, 4)), kept: map[string]bool{}}
	dir := t.TempDir()
	armed := false
	o.disk = storetest.NewPowerLoss(dir, func(op, path string) {
		if armed {
			o.cut(op, path)
		}
	})
	o.w = newSchool(t, storetest.OpenWith(t, store.Options{Dir: dir, Faults: o.disk.Hook}))
	w, ctx := o.w, context.Background()
	w.quiet()
	armed = true
	defer func() { armed = false }()
	deliver := func(subject string) {
		results, err := w.mail.Deliver(ctx, Delivery{Message: w.prepare(text(subject)), Recipients: []To{{Owner: w.anna}, {Owner: w.ben}}})
		w.check(err)
		w.check(results[0])
		o.kept[subject] = true
	}
	deliver("eins")
	deliver("zwei")
	list := []Appended{{Message: w.prepare(text("drei"))}, {Message: w.prepare(text("vier")), Flags: []string{`\Deleted`}}}
	_, err := w.mail.Append(ctx, w.anna, "INBOX", list)
	w.check(err)
	o.kept["drei"], o.kept["vier"] = true, true
	b := w.box(w.anna, "INBOX")
	_, err = b.StoreFlags(ctx, []UID{1, 2}, FlagOp{Mode: FlagsAdd, Flags: Seen})
	w.check(err)
	_, err = b.Move(ctx, []UID{1}, "Archive")
	w.check(err)
	delete(o.kept, "vier")
	_, err = b.Expunge(ctx, nil)
	w.check(err)
	delete(o.kept, "drei")
	_, err = b.Replace(ctx, 3, "INBOX", Appended{Message: w.prepare(text("drei, besser"))})
	w.check(err)
	o.kept["drei, besser"] = true
	w.check(w.mail.Rename(ctx, w.anna, "Archive", "Alt/2026"))
	w.clock.Add(7200)
	w.check(w.mail.tidy(ctx))
	deliver("eins") // bytes that are known
	deliver("fünf")
	armed = false
	if o.cuts < 15 {
		t.Errorf("the power went %d times only", o.cuts)
	}
	w.problems()
}
