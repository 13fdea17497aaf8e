package imapd

import (
	"slices"
	"testing"
)

// FuzzWatchRequest reads what follows NOTIFY SET: what is accepted keeps the rules about events that belong together, and the limits. RFC 5465 §5, §8.
func FuzzWatchRequest(f *testing.F) {
	for _, seed := range []string{
		" (personal NONE)", " STATUS (selected (MessageNew (uid body.peek[header.fields (from to)]) MessageExpunge)) (subtree (a b/ {1+}\r\nc) (MailboxName))",
		" (selected-delayed (MessageNew (PREVIEW (LAZY)) MessageExpunge FlagChange))", " (mailboxes INBOX (AnnotationChange x))", " (subscribed (", " (inboxes ()) ",
		` (subtree "" (SubscriptionChange MailboxMetadataChange ServerMetadataChange))`, " (selected NONE) (selected NONE)", " (mailboxes (a a) (MailboxName)) (mailboxes % (MailboxName))", " (personal (MessageNew (UID) MessageExpunge))",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		p := parserOf(t, in)
		var ask watchRequest
		p.watchRequest(&ask)
		if p.end() != nil || ask.unsupported != "" {
			return
		}
		if len(ask.groups) == 0 || len(ask.groups) > maxEventGroups || ask.names > maxWatchedNames {
			t.Fatalf("%q: %d groups, %d names", in, len(ask.groups), ask.names)
		}
		selected := 0
		for _, g := range ask.groups {
			const both = messageNew | messageExpunge
			if m := g.events & messageEvents; m != 0 && m&both != both {
				t.Fatalf("%q: events %b", in, g.events)
			}
			if g.of <= ofSelectedDelayed {
				selected++
				if g.events&^messageEvents != 0 {
					t.Fatalf("%q: events %b of the selected mailbox", in, g.events)
				}
			}
			if len(g.plan.items) > 0 && g.of > ofSelectedDelayed {
				t.Fatalf("%q: what to fetch of messages that are not in the selected mailbox", in)
			}
			if named := g.of == ofSubtree || g.of == ofMailboxes; named != (len(g.names) > 0) || !slices.IsSorted(g.names) {
				t.Fatalf("%q: names %q", in, g.names)
			}
		}
		w := ask.watchlist()
		if selected > 1 || w.plan != nil && (w.plan.setSeen || !w.plan.has(itemUID)) || w.live() != (w.selected|w.all != 0) {
			t.Fatalf("%q: %+v", in, &ask)
		}
	})
}

// TestWanted: which groups are about a mailbox, all of them together. RFC 5465 §6.
func TestWanted(t *testing.T) {
	const groups = ` (personal (MailboxName)) (subscribed (SubscriptionChange)) (subtree (Klasse "Other Users") (MessageNew MessageExpunge))` +
		` (mailboxes (INBOX "Kl*" Klasse/7b inbox/alt "a&Awg-/x") (MessageNew MessageExpunge FlagChange))`
	const news = messageNew | messageExpunge
	tests := []struct {
		name            string
		own, subscribed bool
		want            events
	}{
		{"INBOX", true, false, mailboxName | news | flagChange},
		{"Sent", true, true, mailboxName | subscriptionChange},
		{"Klasse", true, false, mailboxName | news},
		{"Klasse/7b", true, false, mailboxName | news | flagChange},
		{"Klasse/7b/Fotos", true, false, mailboxName | news},
		{"Klassen", true, false, mailboxName},
		{"Kl*", true, false, mailboxName | news | flagChange},
		{"INBOX/alt", true, false, mailboxName | news | flagChange},
		{"ä/x", true, false, mailboxName | news | flagChange},
		{"Klxx", true, false, mailboxName},
		{"Other Users/ben", false, true, subscriptionChange | news},
		{"Shared/7b", false, false, 0},
		{"Shared/7b", false, true, subscriptionChange},
	}
	p := parserOf(t, groups)
	var ask watchRequest
	p.watchRequest(&ask)
	if err := p.end(); err != nil {
		t.Fatal(err)
	}
	w := ask.watchlist()
	for _, tt := range tests {
		if got := w.wanted(&watchedName{tt.name, tt.own, tt.subscribed}); got != tt.want {
			t.Errorf("%s (own %v, subscribed %v): %b, want %b", tt.name, tt.own, tt.subscribed, got, tt.want)
		}
	}
	if !w.others || w.all != mailboxName|subscriptionChange|news|flagChange {
		t.Errorf("others %v, all %b", w.others, w.all)
	}
	for _, alone := range []string{" (personal (MailboxName))", " (mailboxes (Sharedx Klasse) (MailboxName))", " (subtree Klasse (MailboxName))", " (subscribed NONE)"} {
		var ask watchRequest
		p := parserOf(t, alone)
		if p.watchRequest(&ask); p.end() != nil || ask.watchlist().others {
			t.Errorf("%s: looks at what others share", alone)
		}
	}
}

// TestTooMuchAskedFor: the limits are NO [NOTIFICATIONOVERFLOW], not BAD. RFC 5465 §3.1.
func TestTooMuchAskedFor(t *testing.T) {
	ts := newTestServer(t)
	c := ts.login("anna")
	groups, names := "", "a"
	for range maxEventGroups {
		groups += " (personal NONE)"
	}
	for range maxWatchedNames {
		names += " a"
	}
	c.expect("a NOTIFY SET"+groups, "a OK Done")
	c.want(c.do("b NOTIFY SET"+groups+" (personal NONE)"), "b NO [NOTIFICATIONOVERFLOW]")
	c.expect("c NOTIFY SET (mailboxes ("+names[2:]+") (MailboxName))", "c OK Done")
	c.want(c.do("d NOTIFY SET (mailboxes ("+names+") (MailboxName))"), "d NO [NOTIFICATIONOVERFLOW]")
}
