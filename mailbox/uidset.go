package mailbox

import (
	"slices"
	"strconv"
	"strings"
)

// uidShape is a form of the condition on uid in a statement. Few forms, so that few statements are prepared.
type uidShape uint8

const (
	shapeRun uidShape = iota // BETWEEN: every message that exists in the run is meant
	shapeIn1
	shapeIn8
	shapeIn64
	shapeIn512
	uidShapes
)

var inSizes = [uidShapes]int{shapeIn1: 1, shapeIn8: 8, shapeIn64: 64, shapeIn512: 512} //nolint:gochecknoglobals // a constant table

// minRun is the length from which a run gets a statement of its own instead of places in a list.
const minRun = 16

// byUIDs is one statement in all shapes.
type byUIDs [uidShapes]string

// forUIDs makes the shapes of query, in which {uids} stands for the condition; next is its first free parameter number.
func forUIDs(query, column string, next int) (q byUIDs) {
	for shape := range uidShapes {
		q[shape] = strings.Replace(query, "{uids}", uidCondition(column, shape, next), 1)
	}
	return q
}

func uidCondition(column string, shape uidShape, next int) string {
	b := []byte(column)
	if shape == shapeRun {
		b = append(b, " BETWEEN $"...)
		b = strconv.AppendInt(b, int64(next), 10)
		b = append(b, " AND $"...)
		b = strconv.AppendInt(b, int64(next+1), 10)
		return string(b)
	}
	if shape == shapeIn1 {
		b = append(b, " = $"...)
		return string(strconv.AppendInt(b, int64(next), 10))
	}
	b = append(b, " IN ("...)
	for i := range inSizes[shape] {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '$')
		b = strconv.AppendInt(b, int64(next+i), 10)
	}
	return string(append(b, ')'))
}

// each calls run once for each statement that runs need, in ascending order: with the statement's text, its arguments (lead, then the
// condition's; valid during the call) and how many messages of base it meets.
func (q *byUIDs) each(base *Snapshot, runs []uidRange, lead []any, run func(query string, args []any, n int) error) error {
	args := slices.Clone(lead)
	var single []UID
	flush := func() error {
		for len(single) > 0 {
			shape, n := inShape(len(single))
			args = args[:len(lead)]
			for i := range inSizes[shape] {
				args = append(args, int64(single[min(i, n-1)]))
			}
			if err := run(q[shape], args, n); err != nil {
				return err
			}
			single = single[n:]
		}
		single = single[:0]
		return nil
	}
	for _, r := range runs {
		i, _ := base.Find(r.first)
		j, ok := base.Find(r.last)
		if ok {
			j++
		}
		if j-i < minRun {
			for ; i < j; i++ {
				single = append(single, base.UIDAt(i))
			}
			continue
		}
		if err := flush(); err != nil {
			return err
		}
		args = append(args[:len(lead)], int64(r.first), int64(r.last))
		if err := run(q[shapeRun], args, j-i); err != nil {
			return err
		}
	}
	return flush()
}

// inShape picks the list for n values: its shape, and how many of them it takes.
func inShape(n int) (uidShape, int) {
	for shape := shapeIn1; shape < uidShapes; shape++ {
		if n <= inSizes[shape] {
			return shape, n
		}
	}
	return shapeIn512, inSizes[shapeIn512]
}

// runBuilder collects indexes of a snapshot, ascending, into runs.
type runBuilder struct {
	base *Snapshot
	runs []uidRange
	next int // index behind the last one added
}

func (b *runBuilder) add(i int) {
	uid := b.base.UIDAt(i)
	if n := len(b.runs); n > 0 && b.next == i {
		b.runs[n-1].last = uid
	} else {
		b.runs = append(b.runs, uidRange{uid, uid})
	}
	b.next = i + 1
}

// indexes calls fn with the index of each of uids that s has, ascending; nil means all.
func (s *Snapshot) indexes(uids []UID, fn func(i int)) {
	if uids == nil {
		for i := range s.Len() {
			fn(i)
		}
		return
	}
	if !slices.IsSorted(uids) {
		uids = slices.Clone(uids)
		slices.Sort(uids)
	}
	next, last := 0, UID(0)
	for _, uid := range uids {
		if uid == last {
			continue
		}
		last = uid
		ok := next < s.Len() && s.UIDAt(next) == uid
		if !ok {
			if next, ok = s.Find(uid); !ok {
				continue
			}
		}
		fn(next)
		next++
	}
}
