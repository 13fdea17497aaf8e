package imapd

import (
	"strings"
	"testing"

	"schulhof/mailbox"
)

// The answers of a first sync cost no allocation: flags, size, date, UID, modseq, envelope and structure.
func TestFirstSyncAnswersAllocateNothing(t *testing.T) {
	var plan fetchPlan
	p := parserOf(t, "(UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ ENVELOPE BODYSTRUCTURE EMAILID THREADID)")
	p.fetchItems(&plan)
	if err := p.end(); err != nil {
		t.Fatal(err)
	}
	f := &fetcher{c: &conn{keywords: []string{"$Forwarded", "Klassenfahrt"}}, w: &encoder{buf: make([]byte, 0, 64<<10)}, plan: &plan}
	for i := range 50 {
		f.seqs = append(f.seqs, i)
		f.entries = append(f.entries, mailbox.Entry{UID: mailbox.UID(i + 100), Flags: mailbox.Flags(i), ModSeq: 7, Size: 4711, Date: 1795482071, Content: 99})
	}
	content := &mailbox.Content{ID: 99, Thread: 7, Envelope: []byte(`(NIL "x")`), Structure: []byte(`("text" "plain")`)}
	allocs := testing.AllocsPerRun(20, func() {
		f.w.buf = f.w.buf[:0]
		for n := range f.entries {
			if err := f.message(t.Context(), n, content); err != nil {
				t.Fatal(err)
			}
		}
	})
	if allocs != 0 {
		t.Errorf("50 answers cost %.0f allocations", allocs)
	}
	first, _, _ := strings.Cut(string(f.w.buf), "\r\n")
	want := `* 1 FETCH (UID 100 FLAGS () INTERNALDATE "24-Nov-2026 01:01:11 +0000" RFC822.SIZE 4711 MODSEQ (7) ENVELOPE (NIL "x") BODYSTRUCTURE ("text" "plain") EMAILID (M63) THREADID (T7))`
	if first != want {
		t.Errorf("got  %s\nwant %s", first, want)
	}
}
