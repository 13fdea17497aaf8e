package mailbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"schulhof/store"
	"schulhof/store/fault"
)

func TestStoreFlagsModes(t *testing.T) {
	tests := []struct {
		name string
		op   FlagOp
		want Flags
	}{
		{"replace", FlagOp{Mode: FlagsReplace, Flags: Answered}, Answered},
		{"add", FlagOp{Mode: FlagsAdd, Flags: Answered}, Seen | Flagged | Answered},
		{"remove", FlagOp{Mode: FlagsRemove, Flags: Flagged | Draft}, Seen},
		{"replace by nothing", FlagOp{Mode: FlagsReplace}, 0},
		{"the last keyword", FlagOp{Mode: FlagsAdd, Flags: 1 << 62}, Seen | Flagged | 1<<62},
	}
	each(t, func(t *testing.T, w *school) {
		for i, tt := range tests {
			w.fill(w.anna, "INBOX", 1, `\Seen`, `\Flagged`)
			b := w.box(w.anna, "INBOX")
			before := b.Snapshot()
			failed, err := b.StoreFlags(context.Background(), []UID{UID(i + 1)}, tt.op)
			if err != nil || failed != nil {
				t.Fatal(failed, err)
			}
			e := b.Snapshot().At(i)
			if e.Flags != tt.want || e.ModSeq != before.HighestModSeq()+1 || b.Snapshot().HighestModSeq() != e.ModSeq {
				t.Errorf("%s: %+v, want flags %b at modseq %d", tt.name, e, tt.want, before.HighestModSeq()+1)
			}
		}
		w.sameAsRows()
		w.problems()
	})
}

// A transaction that failed leaves a state at hand that the rows never had: STORE must plan on the rows.
func TestStoreFlagsAfterAFailedTransaction(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.fill(w.anna, "INBOX", 3)
		b := w.box(w.anna, "INBOX")
		err := w.store.Write(ctx, func(tx *store.Tx) error {
			c, d, _ := FlagOp{Mode: FlagsAdd, Flags: Seen}.plan(b.Snapshot(), []UID{1, 2})
			modseq, err := w.mail.count(tx, b.view.id, d)
			if c.modseq = modseq; err == nil {
				w.mail.stage(tx, b.view.id, w.anna, c)
			}
			return errors.Join(err, errors.New("and then it failed"))
		})
		if err == nil || b.view.tip == nil || b.view.tip.modseq == b.Snapshot().modseq {
			t.Fatal(err, "there is no state of a failed transaction at hand")
		}
		_, err = b.StoreFlags(ctx, []UID{1, 3}, FlagOp{Mode: FlagsAdd, Flags: Seen})
		w.check(err)
		for i, want := range []Flags{Seen, 0, Seen} {
			if e := b.Snapshot().At(i); e.Flags != want {
				t.Errorf("message %d has %b, want %b", e.UID, e.Flags, want)
			}
		}
		w.sameAsRows()
		w.problems()
	})
}

func TestStoreFlagsThatChangesNothingWritesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		w.fill(w.anna, "INBOX", 3, `\Seen`)
		b := w.box(w.anna, "INBOX")
		before := b.Snapshot()
		for _, uids := range [][]UID{{1, 2, 3}, {77}, {}, nil} {
			if failed, err := b.StoreFlags(context.Background(), uids, FlagOp{Mode: FlagsAdd, Flags: Seen}); failed != nil || err != nil {
				t.Error(failed, err)
			}
		}
		if b.Snapshot() != before {
			t.Error("there is a new state")
		}
	})
}

func TestUnchangedSinceHoldsBackOnlyWhatChanged(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.fill(w.anna, "INBOX", 4)
		b := w.box(w.anna, "INBOX")
		since := b.Snapshot().HighestModSeq()
		_, err := b.StoreFlags(ctx, []UID{2, 3}, FlagOp{Mode: FlagsAdd, Flags: Flagged})
		w.check(err)
		failed, err := b.StoreFlags(ctx, []UID{1, 2, 3, 4}, FlagOp{Mode: FlagsAdd, Flags: Seen, UnchangedSince: &since})
		if err != nil || !slices.Equal(failed, []UID{2, 3}) {
			t.Errorf("%v %v", failed, err)
		}
		var got []Flags
		for i := range 4 {
			got = append(got, b.Snapshot().At(i).Flags)
		}
		if want := []Flags{Seen, Flagged, Flagged, Seen}; !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		zero := ModSeq(0)
		if failed, err := b.StoreFlags(ctx, []UID{1}, FlagOp{Mode: FlagsAdd, Flags: Draft, UnchangedSince: &zero}); err != nil || !slices.Equal(failed, []UID{1}) {
			t.Errorf("UNCHANGEDSINCE 0 holds back every message: %v %v", failed, err)
		}
	})
}

func TestFlagBits(t *testing.T) {
	tests := []struct {
		name    string
		names   []string
		add     bool
		want    Flags
		missing bool
		kind    fault.Kind // Internal: none
	}{
		{"system flags in any case", []string{`\seen`, `\DELETED`, `\Answered`, `\flagged`, `\Draft`}, false, SystemFlags, false, 0},
		{"an unknown keyword", []string{"$Forwarded"}, false, 0, true, 0},
		{"added", []string{"$Forwarded", "NonJunk", "nonjunk"}, true, 1<<5 | 1<<6, false, 0},
		{"known now, in any case", []string{"$FORWARDED", `\Seen`}, false, 1<<5 | Seen, false, 0},
		{"\\Recent cannot be stored", []string{`\Recent`, `\Seen`}, true, Seen, true, 0},
		{"nothing", nil, true, 0, false, 0},
		{"not an atom", []string{"a b"}, true, 0, false, fault.Invalid},
		{"empty", []string{""}, true, 0, false, fault.Invalid},
		{"too long", []string{strings.Repeat("x", MaxKeywordBytes+1)}, true, 0, false, fault.Invalid},
		{"not ASCII", []string{"fällig"}, true, 0, false, fault.Invalid},
	}
	each(t, func(t *testing.T, w *school) {
		for _, tt := range tests {
			got, missing, err := w.mail.FlagBits(context.Background(), w.anna, tt.names, tt.add)
			if tt.kind != 0 && !fault.Is(err, tt.kind) || tt.kind == 0 && err != nil || got != tt.want || missing != tt.missing {
				t.Errorf("%s: %b %t %v, want %b %t", tt.name, got, missing, err, tt.want, tt.missing)
			}
		}
		names, err := w.mail.Keywords(context.Background(), w.anna)
		if err != nil || !slices.Equal(names, []string{"$Forwarded", "NonJunk"}) {
			t.Errorf("%q %v", names, err)
		}
		w.mail.keywords.byOwner = nil // as after a restart
		if again, err := w.mail.Keywords(context.Background(), w.anna); err != nil || !slices.Equal(again, names) {
			t.Errorf("%q %v", again, err)
		}
		if other, err := w.mail.Keywords(context.Background(), w.ben); err != nil || len(other) != 0 {
			t.Errorf("another owner has %q %v", other, err)
		}
	})
}

func TestKeywordsHaveALimit(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		var names []string
		for i := range MaxKeywords {
			names = append(names, fmt.Sprint("k", i))
		}
		f, _, err := w.mail.FlagBits(ctx, w.anna, names, true)
		if err != nil || f != allFlags&^SystemFlags {
			t.Fatalf("%b %v", f, err)
		}
		if _, _, err := w.mail.FlagBits(ctx, w.anna, []string{"k1", "one-more"}, true); !fault.Is(err, fault.Limit) {
			t.Error(err)
		}
		_, err = w.mail.Append(ctx, w.anna, "INBOX", []Appended{{Message: w.prepare(text("x")), Flags: []string{"one-more"}}})
		if !fault.Is(err, fault.Limit) || w.status(w.anna, "INBOX").Messages != 0 {
			t.Error(err)
		}
	})
}
