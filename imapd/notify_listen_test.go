package imapd

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"schulhof/mailbox"

	"pgregory.net/rapid"
)

// listener is a client that only knows what compare's news tell it.
type listener struct {
	names  map[string]bool
	counts map[string]watchedBox
}

// hear takes in what LIST and STATUS of n would say, of boxes that are there now.
func (l *listener) hear(n *news, boxes []watchedBox) {
	there := map[string]watchedBox{}
	for _, b := range boxes {
		there[b.name] = b
	}
	for _, line := range n.lines() {
		if line.old != "" {
			l.moved(line.old, line.name)
		}
		if _, ok := there[line.name]; ok && !line.gone {
			l.names[line.name] = true
		} else {
			delete(l.names, line.name)
			delete(l.counts, line.name)
		}
	}
	for _, name := range n.counts {
		l.counts[name] = there[name]
	}
}

// moved takes in a new name, also of what is below.
func (l *listener) moved(from, to string) {
	for was := range maps.Clone(l.names) {
		if rest, ok := strings.CutPrefix(was, from); ok && (rest == "" || rest[0] == '/') {
			delete(l.names, was)
			l.names[to+rest] = true
			if counts, ok := l.counts[was]; ok {
				delete(l.counts, was)
				l.counts[to+rest] = counts
			}
		}
	}
}

func (l *listener) same(boxes []watchedBox) error {
	names := map[string]bool{}
	for _, b := range boxes {
		names[b.name] = true
		if known := l.counts[b.name]; b.uidNext > 1 && (known.uidNext != b.uidNext || known.messages != b.messages || known.modseq != b.modseq) {
			return fmt.Errorf("of %s it knows %+v, there is %+v", b.name, known, b)
		}
	}
	if !maps.Equal(names, l.names) {
		return fmt.Errorf("it knows the names %v, there are %v", l.names, names)
	}
	return nil
}

// TestListenersKnow: whoever hears all that compare finds knows the names and counts of all mailboxes, whatever happens between two looks. At
// most one rename is between two looks, so that the order in which a client takes in what it hears does not matter.
func TestListenersKnow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &watchlist{groups: []eventGroup{{of: ofPersonal, events: messageEvents | mailboxName | subscriptionChange}}}
		w.all = w.groups[0].events
		l := &listener{names: map[string]bool{}, counts: map[string]watchedBox{}}
		var boxes []watchedBox
		next := mailbox.ID(1)
		name := rapid.SampledFrom([]string{"a", "a/b", "a/b/c", "d", "d/b", "e"})
		for range rapid.IntRange(1, 6).Draw(t, "looks") {
			renamed := false
			for range rapid.IntRange(0, 3).Draw(t, "changes") {
				at := name.Draw(t, "name")
				i := slices.IndexFunc(boxes, func(b watchedBox) bool { return b.name == at })
				switch what := rapid.IntRange(0, 4).Draw(t, "what"); {
				case i < 0:
					boxes = append(boxes, watchedBox{watchedName: watchedName{name: at, own: true}, readable: true, id: next, uidNext: 1, modseq: 1})
					next++
				case what == 0:
					boxes = slices.Delete(boxes, i, i+1)
				case what == 1 && !renamed:
					renamed = rename(boxes, at, fmt.Sprint("new", next))
					next++
				case what == 2:
					boxes[i].modseq++
				default:
					boxes[i].modseq++
					boxes[i].uidNext++
					boxes[i].messages++
				}
			}
			slices.SortFunc(boxes, func(a, b watchedBox) int { return mailbox.CompareNames(a.name, b.name) })
			n := w.compare(boxes, &mailbox.Survey{}, 0)
			l.hear(n, boxes)
			w.remember(boxes, nil, 100)
			if err := l.same(boxes); err != nil {
				t.Fatalf("%v\nnames %+v, counts %v", err, n.lines(), n.counts)
			}
			if again := w.compare(boxes, &mailbox.Survey{}, 0); len(again.lines())+len(again.counts) > 0 {
				t.Fatalf("told twice: %+v, %v", again.lines(), again.counts)
			}
		}
	})
}

func rename(boxes []watchedBox, from, to string) bool {
	for i := range boxes {
		if rest, ok := strings.CutPrefix(boxes[i].name, from); ok && (rest == "" || rest[0] == '/') {
			boxes[i].name = to + rest
		}
	}
	return true
}
