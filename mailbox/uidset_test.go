package mailbox

import (
	"regexp"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestStatementsMeetExactlyTheMessagesWanted(t *testing.T) {
	q := forUIDs("DO $1 {uids}", "uid", 2)
	rapid.Check(t, func(t *rapid.T) {
		l := &listView{uidNext: 1, modseq: 1}
		for range rapid.IntRange(0, 1500).Draw(t, "messages") {
			l.uidNext += UID(rapid.IntRange(0, 5).Draw(t, "gap") / 3)
			l.list = append(l.list, entry{uid: l.uidNext})
			l.uidNext++
		}
		snap := l.snapshot()
		var want, uids []UID
		for i := range l.some(t) {
			want = append(want, snap.UIDAt(i))
		}
		uids = append(append(uids, want...), l.uidNext+5) // and one that is not there
		runs := runBuilder{base: snap}
		snap.indexes(uids, runs.add)
		var met []UID
		err := q.each(snap, runs.runs, []any{int64(99)}, func(query string, args []any, n int) error {
			if args[0] != int64(99) {
				t.Fatalf("lead argument is %v", args[0])
			}
			before := len(met)
			if query == q[shapeRun] {
				for i := range snap.Len() {
					if uid := int64(snap.UIDAt(i)); uid >= args[1].(int64) && uid <= args[2].(int64) {
						met = append(met, UID(uid))
					}
				}
			} else {
				for _, arg := range args[1:] {
					met = append(met, UID(arg.(int64)))
				}
				met = slices.Compact(met)
			}
			if len(met)-before != n {
				t.Fatalf("%s meets %d messages, said %d", query, len(met)-before, n)
			}
			return nil
		})
		if err != nil || !slices.Equal(met, want) {
			t.Fatalf("met %v, want %v (%v)", met, want, err)
		}
	})
}

func TestUIDConditions(t *testing.T) {
	q := forUIDs("SELECT 1 WHERE a = $1 AND {uids}", "uid", 2)
	for shape, want := range map[uidShape]string{
		shapeRun: `^SELECT 1 WHERE a = \$1 AND uid BETWEEN \$2 AND \$3$`,
		shapeIn1: `^SELECT 1 WHERE a = \$1 AND uid = \$2$`,
		shapeIn8: `^SELECT 1 WHERE a = \$1 AND uid IN \(\$2,\$3,\$4,\$5,\$6,\$7,\$8,\$9\)$`,
	} {
		if !regexp.MustCompile(want).MatchString(q[shape]) {
			t.Errorf("shape %d: %s", shape, q[shape])
		}
	}
}

func TestIndexesTakeUIDsInAnyOrderAndOnce(t *testing.T) {
	l := &listView{list: []entry{{uid: 2}, {uid: 5}, {uid: 9}}, uidNext: 10}
	tests := []struct {
		name string
		uids []UID
		want []int
	}{
		{"all", nil, []int{0, 1, 2}},
		{"none", []UID{}, nil},
		{"ascending", []UID{2, 5, 9}, []int{0, 1, 2}},
		{"descending", []UID{9, 2}, []int{0, 2}},
		{"twice", []UID{5, 5}, []int{1}},
		{"unknown ones between", []UID{1, 2, 3, 9, 100}, []int{0, 2}},
	}
	for _, tt := range tests {
		var got []int
		l.snapshot().indexes(tt.uids, func(i int) { got = append(got, i) })
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: indexes(%v) = %v, want %v", tt.name, tt.uids, got, tt.want)
		}
	}
}

func TestInsertRowsText(t *testing.T) {
	if got := valuesText("INSERT INTO t (a, b)", 2, 2); got != "INSERT INTO t (a, b) VALUES ($1,$2),($3,$4)" {
		t.Error(got)
	}
}
