package mailbox

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"

	"schulhof/store/fault"
)

// Thread is a node of THREAD's answer: Index -1 for a missing parent.
type Thread struct {
	Index    int
	Children []*Thread
}

// Threads: algorithm "REFERENCES" or "ORDEREDSUBJECT". RFC 5256 §3. hits are indexes in snap.
func (b *Box) Threads(ctx context.Context, snap *Snapshot, hits []int, algorithm string) ([]*Thread, error) {
	if err := b.may(RightRead); err != nil {
		return nil, err
	}
	rows, err := b.sortRows(ctx, snap, hits)
	if err != nil {
		return nil, fmt.Errorf("thread: %w", err)
	}
	switch algorithm {
	case "ORDEREDSUBJECT":
		return orderedSubject(hits, rows), nil
	case "REFERENCES":
		return references(hits, rows), nil
	}
	return nil, fault.New(fault.Invalid, "unknown threading algorithm")
}

// orderedSubject: messages with the same base subject are one thread; its oldest message has all others as children.
func orderedSubject(hits []int, rows []sortRow) []*Thread {
	order := make([]int, len(hits))
	for k := range order {
		order[k] = k
	}
	byDate := func(x, y int) int {
		return cmp.Or(cmp.Compare(rows[x].sent, rows[y].sent), cmp.Compare(hits[x], hits[y]))
	}
	slices.SortFunc(order, func(x, y int) int {
		return cmp.Or(bytes.Compare(rows[x].subject, rows[y].subject), byDate(x, y))
	})
	type root struct {
		at     int
		thread *Thread
	}
	var roots []root
	for n, k := range order {
		t := &Thread{Index: hits[k]}
		if n > 0 && bytes.Equal(rows[order[n-1]].subject, rows[k].subject) {
			last := roots[len(roots)-1].thread
			last.Children = append(last.Children, t)
			continue
		}
		roots = append(roots, root{k, t})
	}
	slices.SortFunc(roots, func(a, b root) int { return byDate(a.at, b.at) })
	threads := make([]*Thread, len(roots))
	for i, r := range roots {
		threads[i] = r.thread
	}
	return threads
}

// node is a message, or a message id that others refer to, while REFERENCES builds its tree.
type node struct {
	at       int // index in rows; -1: a dummy
	parent   *node
	children []*node
	gone     bool // pruned, or merged into another
}

// references builds the tree of RFC 5256 §3, "REFERENCES", steps 1 to 6.
func references(hits []int, rows []sortRow) []*Thread {
	t := &threader{hits: hits, rows: rows}
	t.link()
	root := &node{at: -1}
	for _, n := range t.nodes { // step 2: those without parent
		parent := n.parent
		if parent == nil {
			parent = root
		}
		parent.children = append(parent.children, n)
	}
	root.children = t.prune(root.children, true) // step 3
	t.sort(root.children)                        // step 4, here of the top level only: merging needs its order
	root.children = t.mergeSubjects(root.children)
	return t.threads(root.children)
}

type threader struct {
	hits  []int
	rows  []sortRow
	nodes []*node
	byID  map[string]*node
}

// link is step 1: parents from References (or In-Reply-To). A message id that came twice belongs to the first message that has it.
func (t *threader) link() {
	t.byID = make(map[string]*node, len(t.rows))
	messages := make([]*node, len(t.rows))
	for k := range t.rows {
		id := string(t.rows[k].messageID)
		n := t.byID[id]
		if id == "" || (n != nil && n.at >= 0) {
			n = t.add("")
		} else if n == nil {
			n = t.add(id)
		}
		n.at = k
		messages[k] = n
	}
	for k := range t.rows {
		var last *node
		for ref := range bytes.SplitSeq(t.rows[k].parents, []byte{'\n'}) {
			if len(ref) == 0 {
				continue
			}
			n := t.byID[string(ref)]
			if n == nil {
				n = t.add(string(ref))
			}
			if last != nil && n.parent == nil && !reaches(last, n) { // step 1A
				n.parent = last
			}
			last = n
		}
		n := messages[k] // step 1B: the message's own references decide
		if last == nil {
			n.parent = nil
		} else if n.parent != last && !reaches(last, n) {
			n.parent = last
		}
	}
}

func (t *threader) add(id string) *node {
	n := &node{at: -1}
	t.nodes = append(t.nodes, n)
	if id != "" {
		t.byID[id] = n
	}
	return n
}

// reaches reports whether n is to be found going up from from: then from must not become its parent.
func reaches(from, n *node) bool {
	for ; from != nil; from = from.parent {
		if from == n {
			return true
		}
	}
	return false
}

// prune is step 3: dummies without children go; those with children are replaced by them, but at the top only if there is one.
func (t *threader) prune(list []*node, top bool) []*node {
	kept := list[:0:0]
	for _, n := range list {
		n.children = t.prune(n.children, false)
		switch {
		case n.at >= 0 || (top && len(n.children) > 1):
			kept = append(kept, n)
		default:
			kept = append(kept, n.children...)
		}
	}
	return kept
}

// first is the message whose date and subject stand for n: its own, or its first child's.
func (t *threader) first(n *node) *sortRow {
	for n.at < 0 {
		n = n.children[0]
	}
	return &t.rows[n.at]
}

// sort orders a list and everything below it by date, ties by sequence number. The children of a dummy are in order before it is compared.
func (t *threader) sort(list []*node) {
	for _, n := range list {
		t.sort(n.children)
	}
	slices.SortStableFunc(list, func(a, b *node) int {
		return cmp.Or(cmp.Compare(t.first(a).sent, t.first(b).sent), cmp.Compare(t.sequence(a), t.sequence(b)))
	})
}

func (t *threader) sequence(n *node) int {
	for n.at < 0 {
		n = n.children[0]
	}
	return t.hits[n.at]
}

// mergeSubjects is step 5: threads with the same base subject become one. Step 6 sorts again.
func (t *threader) mergeSubjects(roots []*node) []*node {
	table := make(map[string]*node, len(roots))
	for _, n := range roots { // 5B
		row := t.first(n)
		if len(row.subject) == 0 {
			continue
		}
		have := table[string(row.subject)]
		if have == nil || (n.at < 0 && have.at >= 0) || (have.at >= 0 && n.at >= 0 && t.rows[have.at].reply && !row.reply) {
			table[string(row.subject)] = n
		}
	}
	for _, n := range roots { // 5C
		row := t.first(n)
		have := table[string(row.subject)]
		if len(row.subject) == 0 || have == nil || have == n {
			continue
		}
		switch {
		case have.at < 0 && n.at < 0: // both dummies: one takes the other's children
			have.children = append(have.children, n.children...)
			n.gone = true
		case have.at < 0: // the table's is a dummy: this one becomes its child
			have.children = append(have.children, n)
			n.gone = true
		case n.at >= 0 && row.reply && !t.rows[have.at].reply: // a reply to what is there
			have.children = append(have.children, n)
			n.gone = true
		default: // siblings under a new dummy, which takes the place in the table
			twin := *have
			have.at, have.children = -1, []*node{&twin, n}
			n.gone = true
		}
	}
	roots = slices.DeleteFunc(roots, func(n *node) bool { return n.gone })
	t.sort(roots)
	return roots
}

// threads makes the answer. The recursion is as deep as the tree.
func (t *threader) threads(list []*node) []*Thread {
	out := make([]*Thread, len(list))
	for i, n := range list {
		out[i] = &Thread{Index: -1, Children: t.threads(n.children)}
		if n.at >= 0 {
			out[i].Index = t.hits[n.at]
		}
	}
	return out
}
