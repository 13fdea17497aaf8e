package mailbox

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"schulhof/mailbox/message"
)

// Without search.db (its place cannot be written) every search reads the messages, and nothing else changes.
func TestSearchWithoutIndex(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		w.fill(w.anna, "INBOX", 5)
		w.check(w.mail.Close())
		path := filepath.Join(w.store.Dir(), "search.db")
		w.check(os.Remove(path))
		w.check(os.MkdirAll(filepath.Join(path, "in the way"), 0o700))
		w.open(Options{})
		if w.mail.indexer.index.db != nil {
			t.Fatal("a folder serves as search.db")
		}
		for range 2 {
			if hits := w.search(w.box(w.anna, "INBOX"), &Criteria{Op: Text, Text: "inbox 3"}); !slices.Equal(hits, []int{3}) {
				t.Errorf("found %v", hits)
			}
		}
		w.check(w.mail.Reindex(t.Context()))
		if _, _, err := w.mail.Indexed(t.Context()); err == nil {
			t.Error("Indexed of no index says nothing")
		}
	})
}

// Deliveries, searches, an indexer and a rebuild at once: no answer misses a message that was there when it was asked.
func TestSearchWhileMailComesIn(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		w.fill(w.anna, "INBOX", 20)
		var all sync.WaitGroup
		all.Go(func() {
			for i := range 10 {
				list := []Appended{{Message: w.prepare(text(fmt.Sprintf("INBOX neu %d", i)))}, {Message: w.prepare(text(fmt.Sprintf("INBOX auch neu %d", i)))}}
				if _, err := w.mail.Append(context.Background(), w.anna, "INBOX", list); err != nil {
					t.Errorf("Append = %v", err)
				}
			}
		})
		all.Go(func() {
			for range 5 {
				if err := w.mail.Reindex(context.Background()); err != nil {
					t.Errorf("Reindex = %v", err)
				}
			}
		})
		for range 2 {
			all.Go(func() {
				b, err := w.mail.Open(context.Background(), w.anna, "INBOX")
				if err != nil {
					t.Errorf("Open = %v", err)
					return
				}
				defer b.Close()
				for range 15 {
					snap := b.Snapshot()
					for _, c := range []*Criteria{{Op: Body, Text: "hallo, inbox"}, {Op: Header, Header: "Subject", Text: "inbox"}} {
						if hits, err := b.Search(context.Background(), snap, c); err != nil || len(hits) != snap.Len() {
							t.Errorf("%d of %d found, %v", len(hits), snap.Len(), err)
						}
					}
				}
			})
		}
		all.Wait()
	})
}

// Contents of one mailbox may lie far apart, because those of others lie between.
func TestSearchAmongOthersMail(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		for i := range 12 {
			w.fill(w.ben, "INBOX", 1+i*3)
			w.fill(w.anna, "INBOX", 0)
			_, err := w.mail.Append(t.Context(), w.anna, "INBOX", []Appended{{Message: w.prepare(text(fmt.Sprintf("nur Anna %d", i)))}})
			w.check(err)
		}
		w.check(w.mail.catchUp(t.Context()))
		b := w.box(w.anna, "INBOX")
		for range 2 { // from the file, then from memory
			if hits := w.search(b, &Criteria{Op: Text, Text: "NUR ANNA"}); len(hits) != 12 {
				t.Errorf("%d found, want all 12", len(hits))
			}
			if hits := w.search(b, &Criteria{Op: Body, Text: "inbox"}); len(hits) != 0 {
				t.Errorf("%d of another's found", len(hits))
			}
		}
		if _, err := b.Sort(t.Context(), b.Snapshot(), allOf(b.Snapshot()), []SortBy{{Key: SortSubject}}); err != nil {
			t.Error(err)
		}
	})
}

func TestTextsInMemoryGoAfterAWhile(t *testing.T) {
	c := recent[[]byte]{limit: 1000, size: func(b []byte) int { return len(b) }}
	found := map[ContentID][]byte{}
	now := time.Unix(1_000_000, 0)
	c.put(map[ContentID][]byte{1: make([]byte, 10)})
	if missing := c.get([]ContentID{1, 2}, found); !slices.Equal(missing, []ContentID{2}) || len(found) != 1 {
		t.Fatalf("missing %v, found %d", missing, len(found))
	}
	c.rest(now)
	c.rest(now.Add(textCacheIdle))
	if len(c.get([]ContentID{1}, found)) != 0 {
		t.Error("gone too early")
	}
	c.rest(now.Add(textCacheIdle))
	c.rest(now.Add(2*textCacheIdle + time.Second))
	if len(c.get([]ContentID{1}, found)) != 1 {
		t.Error("still there after the idle time")
	}
	for id := range ContentID(500) {
		c.put(map[ContentID][]byte{id: make([]byte, 10)})
	}
	if n := len(c.young) + len(c.old); n > 110 {
		t.Errorf("%d values of 10 bytes are kept within 1,000", n)
	}
	if len(c.get([]ContentID{499}, found)) != 0 {
		t.Error("the newest was dropped")
	}
}

// The sink makes the same of a text however it is cut, and finds needles across the cuts.
func TestTextSinkInPieces(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	text := "Subject: Grüße\nDate: Mon, 2 Nov 2026 23:30:00 -0500\n\n" + strings.Repeat("Füllsel, Zeile. ", 5000) + "Nadel\n" + strings.Repeat("ü", 3*foldPiece)
	var whole textSink
	whole.reset(nil)
	whole.Write([]byte(text))
	want := whole.doc(1)
	if want.entry.day != dayOf(time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC).Unix()) || want.entry.main != message.Fold("Subject: Grüße\n") {
		t.Errorf("day %d, main %q", want.entry.day, want.entry.main)
	}
	var pieces textSink
	for _, needle := range []string{"NADEL", "ZEILE. NADEL\nU\u0308", "NICHT DA"} {
		pieces.reset([]byte(needle))
		for rest := text; len(rest) > 0; {
			n := min(len(rest), 1+r.IntN(3*foldPiece))
			pieces.Write([]byte(rest[:n]))
			rest = rest[n:]
		}
		got := pieces.doc(1)
		if string(got.head) != string(want.head) || string(got.body) != string(want.body) || string(got.entry.body) != string(want.entry.body) {
			t.Errorf("the text differs when it comes in pieces")
		}
		if pieces.found != (needle != "NICHT DA") {
			t.Errorf("found(%q) = %v", needle, pieces.found)
		}
	}
}

func TestHeadMatches(t *testing.T) {
	head := []byte("SUBJECT: ALPHA\n\tSUBJECT: INNER\nX-SUBJECT: BETA\nTO: A@B\nEMPTY: \nLAST: END")
	tests := []struct {
		prefix, needle string
		want           bool
	}{
		{"SUBJECT: ", "ALPHA", true}, {"SUBJECT: ", "", true}, {"SUBJECT: ", "INNER", false}, {"SUBJECT: ", "BETA", false}, {"TO: ", "@", true},
		{"TO: ", "A@B\n", false}, {"EMPTY: ", "", true}, {"NONE: ", "", false}, {"LAST: ", "END", true},
	}
	for _, tt := range tests {
		if got := headMatches(head, tt.prefix, []byte(tt.needle)); got != tt.want {
			t.Errorf("headMatches(%q, %q) = %v", tt.prefix, tt.needle, got)
		}
	}
}

func TestDayOf(t *testing.T) {
	for unix, want := range map[int64]int32{0: 0, 86399: 0, 86400: 1, -1: -1, -86400: -1, -86401: -2} {
		if got := dayOf(unix); got != want {
			t.Errorf("dayOf(%d) = %d, want %d", unix, got, want)
		}
	}
}
