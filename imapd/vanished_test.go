package imapd

import (
	"fmt"
	"slices"
	"testing"

	"schulhof/mailbox"
)

// viewOf makes a mailbox that has the UIDs 1 to n without those in gone.
func viewOf(t *testing.T, n int, gone ...mailbox.UID) *mailbox.Snapshot {
	t.Helper()
	ts := newTestServer(t)
	for i := range n {
		ts.deliver(fmt.Sprint("number ", i))
	}
	box, err := ts.mail.Open(t.Context(), ts.anna, "INBOX")
	ts.check(err)
	t.Cleanup(box.Close)
	_, err = box.StoreFlags(t.Context(), gone, mailbox.FlagOp{Mode: mailbox.FlagsAdd, Flags: mailbox.DeletedFlag})
	ts.check(err)
	_, err = box.Expunge(t.Context(), gone)
	ts.check(err)
	return box.Snapshot()
}

func TestGapsAndRanges(t *testing.T) {
	snap := viewOf(t, 10, 1, 4, 5, 9)
	for _, test := range []struct {
		in   seqRange
		want []seqRange
	}{
		{seqRange{1, 10}, []seqRange{{1, 1}, {4, 5}, {9, 9}}},
		{seqRange{2, 3}, nil},
		{seqRange{5, 9}, []seqRange{{5, 5}, {9, 9}}},
		{seqRange{4, 4}, []seqRange{{4, 4}}},
		{seqRange{9, 12}, []seqRange{{9, 9}, {11, 12}}},
	} {
		if got := appendGaps(nil, snap, test.in); !slices.Equal(got, test.want) {
			t.Errorf("appendGaps(%v) = %v, want %v", test.in, got, test.want)
		}
	}
	// Indexes 0 to 5 are the UIDs 2 3 6 7 8 10.
	r := rangesOf(snap, []int{0, 1, 2, 4, 5})
	for uid, want := range map[mailbox.UID]bool{1: false, 2: true, 3: true, 6: true, 7: false, 8: true, 10: true, 11: false} {
		if r.has(uid) != want {
			t.Errorf("%v has %d: %v", r, uid, !want)
		}
	}
}

func TestWasTold(t *testing.T) {
	told := []mailbox.Entry{{UID: 3, Flags: 1, ModSeq: 5}, {UID: 7, Flags: 2, ModSeq: 5}}
	for e, want := range map[mailbox.Entry]bool{
		{UID: 3, Flags: 1, ModSeq: 5}: true, {UID: 7, Flags: 2, ModSeq: 5}: true, {UID: 7, Flags: 2, ModSeq: 6}: false,
		{UID: 3, Flags: 3, ModSeq: 5}: false, {UID: 4, Flags: 1, ModSeq: 5}: false, {UID: 9}: false, {UID: 1}: false,
	} {
		if wasTold(told, e) != want {
			t.Errorf("wasTold(%+v) = %v", e, !want)
		}
	}
	if wasTold(nil, mailbox.Entry{UID: 1}) {
		t.Error("nothing was told")
	}
}
