package imapd

import (
	"slices"
	"strings"

	"schulhof/mailbox"
)

// watchRequest is a parsed NOTIFY SET.
type watchRequest struct {
	status      bool
	groups      []eventGroup
	names       int    // of all groups
	unsupported string // the first event that is not supported; it makes the command NO
}

// watchRequest reads " [STATUS] (mailboxes events) …". RFC 5465 §8.
func (p *parser) watchRequest(ask *watchRequest) {
	p.sp()
	if p.peek() != '(' {
		if word := p.keyword(); word != "STATUS" {
			p.fail("expected STATUS or an event group, found %q", word)
		}
		ask.status = true
		p.sp()
	}
	for {
		p.eventGroup(ask)
		if !p.accept(' ') {
			return
		}
	}
}

// eventGroup reads "(" mailboxes SP events ")".
func (p *parser) eventGroup(ask *watchRequest) {
	var g eventGroup
	p.expect('(')
	p.filter(ask, &g)
	p.sp()
	if p.peek() == '(' {
		n := 0
		p.list(func() {
			p.event(ask, &g)
			n++
		})
		if n == 0 {
			p.fail("expected an event")
		}
	} else if word := p.keyword(); word != "NONE" {
		p.fail("expected events or NONE, found %q", word)
	}
	p.expect(')')
	if ask.unsupported == "" {
		p.checkEvents(ask, &g)
	}
	ask.groups = append(ask.groups, g)
	if len(ask.groups) > maxEventGroups {
		p.overflow("at most %d event groups", maxEventGroups)
	}
}

// filter reads which mailboxes a group is about. New mail can come into any mailbox, for everybody's rules may put it there: inboxes are all of
// one's own, as RFC 5465 §6.3 has it.
func (p *parser) filter(ask *watchRequest, g *eventGroup) {
	switch word := p.keyword(); word {
	case "SELECTED":
		g.of = ofSelected
	case "SELECTED-DELAYED":
		g.of = ofSelectedDelayed
	case "INBOXES", "PERSONAL":
		g.of = ofPersonal
	case "SUBSCRIBED":
		g.of = ofSubscribed
	case "SUBTREE":
		g.of = ofSubtree
		p.watchedNames(ask, g)
	case "MAILBOXES":
		g.of = ofMailboxes
		p.watchedNames(ask, g)
	default:
		p.fail("unknown kind of mailboxes %q", word)
	}
}

// watchedNames reads one name or several in parentheses, in the form in which they are stored. * and % are letters like others. RFC 5465 §6.6.
func (p *parser) watchedNames(ask *watchRequest, g *eventGroup) {
	one := func() {
		g.names = append(g.names, stored(strings.TrimSuffix(p.mailbox(), "/")))
		if ask.names++; ask.names > maxWatchedNames {
			p.overflow("at most %d names", maxWatchedNames)
		}
	}
	p.sp()
	if p.peek() != '(' {
		one()
		return
	}
	if p.list(one); len(g.names) == 0 {
		p.fail("expected a mailbox")
	}
	slices.Sort(g.names)
	g.names = slices.Compact(g.names)
}

// overflow refuses a command that asks for too much. RFC 5465 §3.1.
func (p *parser) overflow(format string, most int) {
	if p.err == nil {
		p.err = no("NOTIFICATIONOVERFLOW", strings.Replace(format, "%d", decimal(int64(most)), 1))
	}
}

// event reads one event; behind MessageNew may stand what to fetch of a new message.
func (p *parser) event(ask *watchRequest, g *eventGroup) {
	word := p.atom()
	i := slices.IndexFunc(eventNames[:], func(name string) bool { return strings.EqualFold(name, word) })
	if i < 0 {
		if p.err == nil && ask.unsupported == "" {
			ask.unsupported = word
		}
		return
	}
	g.events |= 1 << i
	if 1<<i == messageNew && p.follows(" (") {
		p.sp()
		g.plan = fetchPlan{}
		p.fetchItems(&g.plan)
	}
}

// checkEvents demands what RFC 5465 §5, §6.1 and §8 do of a group: MessageNew and MessageExpunge come together, FlagChange with both of them, and
// only messages are told of the selected mailbox, which is named once, and whose messages alone are fetched.
func (p *parser) checkEvents(ask *watchRequest, g *eventGroup) {
	const both = messageNew | messageExpunge
	if m := g.events & messageEvents; m != 0 && m&both != both {
		p.fail("MessageNew and MessageExpunge belong together, and to FlagChange")
	}
	if g.of > ofSelectedDelayed {
		if len(g.plan.items) > 0 {
			p.fail("only of the selected mailbox can new messages be fetched")
		}
		return
	}
	if g.events&^messageEvents != 0 {
		p.fail("only events of messages can be told of the selected mailbox")
	}
	if slices.ContainsFunc(ask.groups, func(other eventGroup) bool { return other.of <= ofSelectedDelayed }) {
		p.fail("the selected mailbox was named before")
	}
}

// watchlist makes of a request what the session remembers.
func (ask *watchRequest) watchlist() *watchlist {
	w := &watchlist{}
	for i := range ask.groups {
		g := &ask.groups[i]
		if g.of > ofSelectedDelayed {
			if g.events != 0 {
				w.groups = append(w.groups, eventGroup{of: g.of, names: g.names, events: g.events})
				w.all |= g.events
				w.others = w.others || g.reachesOthers()
			}
			continue
		}
		w.selected, w.delayed = g.events, g.of == ofSelectedDelayed
		if len(g.plan.items) > 0 {
			w.plan = g.plan.ofNews()
		}
	}
	return w
}

// ofNews makes of f a plan for messages that nobody asked for: with their UIDs, and without marking them as seen. RFC 5465 §5.2.
func (f *fetchPlan) ofNews() *fetchPlan {
	if !f.has(itemUID) {
		f.items = append([]fetchItem{{kind: itemUID}}, f.items...)
	}
	f.setSeen = false
	return f
}

// reachesOthers: what others share may be among g's mailboxes.
func (g *eventGroup) reachesOthers() bool {
	switch g.of {
	case ofSubscribed:
		return true
	case ofSubtree, ofMailboxes:
		return slices.ContainsFunc(g.names, func(name string) bool { return name == "" || mailbox.Reserved(name) })
	}
	return false
}

// stored is name in the form in which it is stored. What has none stays as it is: no mailbox is called that.
func stored(name string) string {
	if clean, err := mailbox.CleanName(name); err == nil {
		return clean
	}
	return name
}
