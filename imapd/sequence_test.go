package imapd

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"schulhof/mailbox"
)

func TestParseSeqSet(t *testing.T) {
	tests := []struct {
		name, in string
		want     []seqRange
		err      string
	}{
		{"one number", "7", []seqRange{{7, 7}}, ""},
		{"several", "1,3,5", []seqRange{{1, 1}, {3, 3}, {5, 5}}, ""},
		{"a range in either order", "7:4", []seqRange{{7, 4}}, ""},
		{"to the end", "5:*", []seqRange{{5, star}}, ""},
		{"the last", "*", []seqRange{{star, star}}, ""},
		{"the largest number", "4294967295", []seqRange{{1<<32 - 1, 1<<32 - 1}}, ""},
		{"zero is not a number here", "0", nil, "0 is not"},
		{"zero in a range", "1:0", nil, "0 is not"},
		{"too large", "4294967296", nil, "32 bits"},
		{"nothing behind the comma", "1,", nil, "expected a number"},
		{"nothing behind the colon", "1:", nil, "expected a number"},
		{"nothing", "", nil, "expected a number"},
		{"as many ranges as allowed", strings.Repeat("1,", maxSetRanges-1) + "1", slices.Repeat([]seqRange{{1, 1}}, maxSetRanges), ""},
		{"one more", strings.Repeat("1,", maxSetRanges) + "1", nil, "at most 10000"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := parserOf(t, test.in)
			got := p.seqSet()
			err := p.end()
			if test.err == "" && (err != nil || !slices.Equal(got.ranges, test.want)) {
				t.Errorf("seqSet(%.40q) = %.100v, %v, want %.100v", test.in, got.ranges, err, test.want)
			}
			if test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("seqSet(%.40q): %v, want an error with %q", test.in, err, test.err)
			}
		})
	}
}

func TestSavedSet(t *testing.T) {
	p := parserOf(t, "$")
	if s := p.seqSet(); !s.saved || p.end() != nil {
		t.Errorf("$ = %v, %v", s, p.err)
	}
}

func TestMergedSet(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"in order", "1:3,5", "[{1 3} {5 5}]"},
		{"overlapping and touching", "4:6,1:3,5:9", "[{1 9}]"},
		{"star", "*,2", "[{2 2} {10 10}]"},
		{"beyond the end comes back", "20:*", "[{10 20}]"},
		{"the largest numbers do not wrap", "4294967295,4294967294", "[{4294967294 4294967295}]"},
	}
	for _, test := range tests {
		p := parserOf(t, test.in)
		if got := fmt.Sprint(p.seqSet().merged(10)); got != test.want {
			t.Errorf("%s: merged(%s) = %s, want %s", test.name, test.in, got, test.want)
		}
	}
}

func TestAppendUIDs(t *testing.T) {
	tests := map[string][]mailbox.UID{"": nil, "3": {3}, "1:3,5": {1, 2, 3, 5}, "5,1:2": {5, 1, 2}}
	for want, in := range tests {
		if got := string(appendUIDs(nil, in)); got != want {
			t.Errorf("appendUIDs(%v) = %s, want %s", in, got, want)
		}
	}
}

func FuzzSeqSet(f *testing.F) {
	for _, seed := range []string{"1", "1:*", "*:1,3", "4294967295", "9:1,2:3,3:4", "$", "1,,2"} {
		f.Add(seed, uint32(5))
	}
	f.Fuzz(func(t *testing.T, in string, top uint32) {
		p := parserOf(t, strings.NewReplacer("\r", "", "\n", "").Replace(in))
		set := p.seqSet()
		if p.err != nil || top == 0 {
			return
		}
		last := uint32(0)
		for i, r := range set.merged(top) {
			if r.first > r.last || i > 0 && uint64(r.first) <= uint64(last)+1 {
				t.Fatalf("merged(%q) is not in order", in)
			}
			last = r.last
			if !set.contains(r.first, top) || !set.contains(r.last, top) {
				t.Fatalf("%q does not contain its own bounds", in)
			}
		}
	})
}
