package imapd

import (
	"slices"
	"strings"
	"testing"

	"schulhof/mailbox"
)

// TestNothingIsNotedInVain: without groups nobody looks around, and so nobody would forget what the client did itself.
func TestNothingIsNotedInVain(t *testing.T) {
	for _, w := range []*watchlist{nil, {}, {selected: messageEvents}} {
		w.made(&mailbox.Mailbox{ID: 7, Name: "a/b"})
		w.renamed("a", "b/c")
		w.renamed("INBOX", "d")
		w.deleted("b/c/b")
		w.setSubscribed("a", true)
		if w != nil && len(w.boxes)+len(w.names)+len(w.quiet)+len(w.sent) > 0 {
			t.Errorf("%+v", w)
		}
	}
}

// TestOwnChangesInAnyForm: what the client did itself is known by the names that are stored, however it spells them.
func TestOwnChangesInAnyForm(t *testing.T) {
	w := &watchlist{all: messageEvents | mailboxName | subscriptionChange, boxes: []watchedBox{
		{watchedName: watchedName{name: "INBOX/x"}}, {watchedName: watchedName{name: "\u00e4"}}}, names: []string{"a"}}
	w.setSubscribed("Inbox/x", true)
	if want := []string{"INBOX/x", "a"}; !slices.Equal(w.names, want) {
		t.Errorf("subscribed are %q, want %q", w.names, want)
	}
	c := &conn{watched: w}
	c.arrived("inbox/x", []mailbox.UID{4, 5})
	if want := []arrival{{"INBOX/x", 5}}; !slices.Equal(w.sent, want) {
		t.Errorf("sent are %v, want %v", w.sent, want)
	}
	w.renamed("a\u0308", "inbox/o\u0308")
	if w.named("INBOX/\u00f6") == nil {
		t.Errorf("after the renaming %+v", w.boxes)
	}
	w.deleted("inbox/o\u0308")
	if len(w.boxes) != 1 {
		t.Errorf("after the removal %+v", w.boxes)
	}
}

// TestCompare: single cases, with what the client did itself.
func TestCompare(t *testing.T) {
	box := func(id mailbox.ID, name string, uidNext mailbox.UID, messages uint32, modseq mailbox.ModSeq) watchedBox {
		return watchedBox{watchedName: watchedName{name: name, own: true}, readable: true, id: id, uidNext: uidNext, messages: messages, modseq: modseq}
	}
	tests := []struct {
		name     string
		events   events
		own      func(w *watchlist)
		before   []watchedBox
		now      []watchedBox
		selected mailbox.ID
		names    string // name, -name of what is gone or name<old, in order
		counts   string
	}{
		{name: "nothing", events: messageEvents | mailboxName, before: []watchedBox{box(1, "a", 1, 0, 1)}, now: []watchedBox{box(1, "a", 1, 0, 1)}},
		{name: "flags", events: messageEvents, before: []watchedBox{box(1, "a", 2, 1, 2)}, now: []watchedBox{box(1, "a", 2, 1, 3)}, counts: "a"},
		{name: "flags, not wanted", events: messageNew | messageExpunge, before: []watchedBox{box(1, "a", 2, 1, 2)}, now: []watchedBox{box(1, "a", 2, 1, 3)}},
		{name: "expunge", events: messageNew | messageExpunge, before: []watchedBox{box(1, "a", 2, 1, 2)}, now: []watchedBox{box(1, "a", 2, 0, 3)}, counts: "a"},
		{name: "selected", events: messageEvents, before: []watchedBox{box(1, "a", 2, 1, 2)}, now: []watchedBox{box(1, "a", 3, 2, 3)}, selected: 1},
		{name: "names only", events: mailboxName, before: []watchedBox{box(1, "a", 2, 1, 2)}, now: []watchedBox{box(1, "a", 3, 2, 3)}},
		{name: "own message", events: messageEvents, own: func(w *watchlist) { w.sent = []arrival{{"a", 2}} },
			before: []watchedBox{box(1, "a", 2, 1, 2)}, now: []watchedBox{box(1, "a", 3, 2, 3)}},
		{name: "own message and another", events: messageEvents, own: func(w *watchlist) { w.sent = []arrival{{"a", 2}} },
			before: []watchedBox{box(1, "a", 2, 1, 2)}, now: []watchedBox{box(1, "a", 4, 3, 4)}, counts: "a"},
		{name: "own message and a flag", events: messageEvents, own: func(w *watchlist) { w.sent = []arrival{{"a", 2}} },
			before: []watchedBox{box(1, "a", 2, 1, 2)}, now: []watchedBox{box(1, "a", 3, 2, 4)}, counts: "a"},
		{name: "renamed with what is below", events: mailboxName, before: []watchedBox{box(1, "a", 1, 0, 1), box(2, "a/b", 1, 0, 1), box(3, "a/c", 1, 0, 1)},
			now: []watchedBox{box(1, "z", 1, 0, 1), box(2, "z/b", 1, 0, 1), box(3, "y", 1, 0, 1)}, names: "y<a/c z<a"},
		{name: "renamed by oneself", events: mailboxName, own: func(w *watchlist) { w.renamed("a", "z/y") }, before: []watchedBox{box(1, "a", 1, 0, 1), box(2, "a/b", 1, 0, 1)},
			now: []watchedBox{box(3, "z", 1, 0, 1), box(1, "z/y", 1, 0, 1), box(2, "z/y/b", 1, 0, 1)}},
		{name: "made by oneself and deleted by others", events: mailboxName, own: func(w *watchlist) { w.made(&mailbox.Mailbox{ID: 7, Name: "z"}) }, names: "-z"},
		{name: "deleted by oneself and made by others", events: messageEvents | mailboxName, own: func(w *watchlist) { w.deleted("a") }, before: []watchedBox{box(1, "a", 5, 4, 9)},
			now: []watchedBox{box(2, "a", 1, 0, 1)}, names: "a"},
		{name: "replaced by another of that name", events: messageEvents, before: []watchedBox{box(1, "a", 5, 4, 9)}, now: []watchedBox{box(2, "a", 1, 0, 1)}, counts: "a"},
		{name: "INBOX renamed by oneself", events: mailboxName | messageEvents, own: func(w *watchlist) { w.renamed("INBOX", "alt") }, before: []watchedBox{box(1, "INBOX", 2, 1, 2)},
			now: []watchedBox{box(1, "INBOX", 2, 0, 3), box(2, "alt", 2, 1, 2)}, counts: "INBOX"},
		{name: "a level above", events: mailboxName, now: []watchedBox{box(1, "a/b", 1, 0, 1)}, names: "a a/b"},
	}
	for _, tt := range tests {
		w := &watchlist{groups: []eventGroup{{of: ofPersonal, events: tt.events}}, all: tt.events, boxes: slices.Clone(tt.before)}
		if tt.own != nil {
			tt.own(w)
		}
		n := w.compare(tt.now, &mailbox.Survey{}, tt.selected)
		var names []string
		for _, l := range n.lines() {
			switch {
			case l.gone:
				l.name = "-" + l.name
			case l.old != "":
				l.name += "<" + l.old
			}
			names = append(names, l.name)
		}
		if got := strings.Join(names, " "); got != tt.names {
			t.Errorf("%s: names %q, want %q", tt.name, got, tt.names)
		}
		if got := strings.Join(n.counts, " "); got != tt.counts {
			t.Errorf("%s: counts %q, want %q", tt.name, got, tt.counts)
		}
		if len(w.sent)+len(w.quiet) > 0 {
			t.Errorf("%s: it remembers %v, %v", tt.name, w.sent, w.quiet)
		}
	}
}
